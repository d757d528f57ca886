"""The outside of a simulated worker: scripted answers, late, lost or refused, on virtual time.

The worker's own channels run as they are (attempts, limits, breaker, bulkhead), on an event loop
that the simulation turns; only what an effect opens is replaced, by its `script`.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from processors.core.effect import Effect, Perform, Refused, Request
from processors.core.system import System
from processors.core.workers.outside import Channel, Outside
from replay.simulator.processes import Process
from replay.simulator.virtual_time import VirtualClock

ANSWER_MS_MAX = 400
TURNS_MAX = 1000


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what is ready when it is told to; its time is the simulation's."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def time(self) -> float:
        return self._clock.seconds()

    def turn(self) -> None:
        """Run what is ready and due, and what that makes ready."""
        for _ in range(TURNS_MAX):
            self.call_soon(self.stop)
            self.run_forever()
            if not self._ready:  # type: ignore[attr-defined]
                return


class ScriptedOutside(Outside):
    """As `Outside`, in the worker's own thread. `turn` it before the worker's."""

    def __init__(self, process: Process, random: Random) -> None:
        super().__init__()
        self._process = process
        self._random = random
        self.loop = VirtualLoop(process.clock)
        self._loop = self.loop
        process.at_death.append(self.abandon)

    def turn(self) -> None:
        self.loop.turn()

    def channel(self, system: System, effect: Effect) -> Channel:
        name = f"{system.name}.{effect.name}"
        if name not in self._channels:
            scripted = dataclasses.replace(effect, open=self._opener(effect), simulator=None)
            self._channels[name] = Channel(name, scripted, {}, self.loop, False)
        return self._channels[name]

    def _opener(self, effect: Effect) -> Callable[[Mapping[str, str]], Any]:
        @asynccontextmanager
        async def opened(settings: Mapping[str, str]) -> AsyncIterator[Perform]:
            async def perform(request: Request) -> Any:
                return await self._perform(effect, request)

            yield perform

        return opened

    async def _perform(self, effect: Effect, request: Request) -> Any:
        faults, target = self._process.faults, request.key
        await asyncio.sleep(self._random.randrange(ANSWER_MS_MAX) / 1000)
        if effect.script is None:
            raise Refused("the simulated world refuses: the effect has no script")
        if faults.strikes("outside_fails", target):
            raise ConnectionError("the simulated world does not answer")
        answer = effect.script(request)
        if faults.strikes("answer_lost", target):
            raise TimeoutError("the simulated world did it, and nobody heard")
        return answer

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """What is under way is cancelled."""
        self.abandon()

    def abandon(self) -> None:
        """Nobody hears the answers any more."""
        if self.loop.is_closed():
            return
        self.loop.turn()  # what was asked for this moment begins, so that it can be cancelled
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.turn()
        self.loop.close()
        self._channels = {}
