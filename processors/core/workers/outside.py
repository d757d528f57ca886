"""Where effects are performed: a thread with an event loop of its own, so that no task waits.

Of each effect there is one `Channel` in a worker, whatever the number of its tasks: it holds the
bulkhead, the breaker, and what the effect opened. Requests come in from the worker's thread, and
what comes of them leaves as futures.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from log.errors import InvalidConfig
from processors.core.effect import Effect, Limits, Perform, Refused, Request
from processors.core.system import System

logger = logging.getLogger("refold.effects")

Settings = Mapping[str, Mapping[str, str]]
"""By `<system>.<effect>`, what differs from the effect's own settings."""
T = TypeVar("T")


class CannotOpen(Exception):
    """An effect's `open` raised: a library, a program or an address is missing."""


class Outside:
    """Opens effects, each once, when it is first asked for something. `close` cancels what is
    under way."""

    def __init__(self, settings: Settings | None = None, *, simulated: bool = False) -> None:
        """Where it is `simulated`, effects that have a simulator lead there."""
        self._settings = settings or {}
        self._simulated = simulated
        self._channels: dict[str, Channel] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def channel(self, system: System, effect: Effect) -> "Channel":
        """InvalidConfig for a setting that the effect does not have."""
        name = f"{system.name}.{effect.name}"
        with self._lock:
            if name not in self._channels:
                settings = self._settings_of(name, effect)
                self._channels[name] = Channel(
                    name, effect, settings, self._running_loop(), self._simulated
                )
            return self._channels[name]

    def _settings_of(self, name: str, effect: Effect) -> dict[str, str]:
        given = self._settings.get(name, {})
        for setting in given:
            if setting not in effect.settings:
                known = ", ".join(effect.settings) or "none"
                raise InvalidConfig(
                    f'[effects."{name}"] sets {setting!r}, which is no setting of it: there are '
                    f"{known}"
                )
        return {**effect.settings, **given}

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="effects", daemon=True
            )
            self._thread.start()
        return self._loop

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._running_loop()).result()

    def close(self) -> None:
        """What is under way is cancelled, and performed again by who comes after."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        for channel in self._channels.values():
            self._wait(channel.close())
        self._wait(_cancel_the_rest())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        self._channels, self._loop, self._thread = {}, None, None


async def _cancel_the_rest() -> None:
    """What the effects' own libraries left behind."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


class Channel:
    """One effect's way out. Its coroutines run on the loop of `Outside`."""

    def __init__(
        self,
        name: str,
        effect: Effect,
        settings: Mapping[str, str],
        loop: asyncio.AbstractEventLoop,
        simulated: bool,
    ) -> None:
        self.name = name
        self.effect = effect
        self._settings = settings
        self._simulator = effect.simulator if simulated else None
        self._loop = loop
        self._bulkhead = asyncio.Semaphore(effect.limits.at_once)
        self._breaker = Breaker(name, effect.limits)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()
        self._held: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[Perform] | None = None

    async def _open(self) -> Perform:
        """What performs it; the first who asks opens it. CannotOpen."""
        if self._opened is None:
            self._opened = self._loop.create_future()
            self._held = asyncio.create_task(self._hold(self._opened))
        try:
            return await asyncio.shield(self._opened)
        except Exception as error:
            raise CannotOpen(f"{type(error).__name__}: {error}") from error

    async def _hold(self, opened: asyncio.Future[Perform]) -> None:
        """Enter and leave what the effect opens in one task, as some libraries ask for."""
        settings = self._settings
        try:
            async with AsyncExitStack() as stack:
                if self._simulator is not None:
                    there = await stack.enter_async_context(self._simulator())
                    settings = {**settings, **there}
                opened.set_result(await stack.enter_async_context(self.effect.open(settings)))
                await self._closing.wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._closing.set()
        if self._held is not None:
            await self._held

    def submit(self, request: Request) -> "Future[Any]":
        """Perform it: a future of the command that tells the system what came of it."""
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)

    async def _answer(self, request: Request) -> Any:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            return await self._try_again_and_again(request, await self._open())
        except CannotOpen:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            logger.warning("%s: %s failed: %s", self.name, request.key, reason)
            return self.effect.failed(request.event, reason)
        finally:
            self._under_way.discard(task)

    async def _try_again_and_again(self, request: Request, perform: Perform) -> Any:
        limits = self.effect.limits
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(limits.attempts),
            wait=wait_random_exponential(limits.backoff_s, limits.backoff_s_max),
            retry=retry_if_not_exception_type((Refused, asyncio.CancelledError)),
            reraise=True,
        ):
            with attempt:
                number = attempt.retry_state.attempt_number
                async with self._bulkhead, self._breaker.admitted():
                    return await self._attempt(replace(request, attempt=number), perform)
        raise AssertionError("the last attempt neither succeeded nor failed")

    async def _attempt(self, request: Request, perform: Perform) -> Any:
        limit_s = self.effect.limits.attempt_s
        try:
            async with asyncio.timeout(limit_s):
                return await perform(request)
        except TimeoutError as error:
            raise TimeoutError(str(error) or f"no answer within {limit_s:g} s") from error


class Breaker:
    """Closed: all may try. Open, for a while after so many failures in a row: none. Then one may,
    whose success closes it (Nygard, "Release It!", 2007)."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._failures = 0
        self._until_s = 0.0
        self._trial = asyncio.Lock()

    @property
    def _is_closed(self) -> bool:
        return self._failures < self._limits.breaker_failures

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Around an attempt: waits until it may be made, and learns what came of it."""
        async with AsyncExitStack() as stack:
            if not self._is_closed:
                await self._trial.acquire()
                if self._is_closed:  # while this one waited for its turn
                    self._trial.release()
                else:
                    stack.callback(self._trial.release)
                    await asyncio.sleep(max(self._until_s - time.monotonic(), 0.0))
            async with self._learning():
                yield

    @asynccontextmanager
    async def _learning(self) -> AsyncIterator[None]:
        try:
            yield
        except Refused:  # it answers
            self._failures = 0
            raise
        except Exception:
            self._failures += 1
            if not self._is_closed:
                self._until_s = time.monotonic() + self._limits.breaker_s
                logger.warning(
                    "%s: %d failures in a row: no one tries for %g s",
                    self._name,
                    self._failures,
                    self._limits.breaker_s,
                )
            raise
        self._failures = 0
