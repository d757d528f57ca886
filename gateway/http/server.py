"""One process that serves a log: HTTP in an event loop, and beside it, in threads, the tasks of
the systems (with their reactors and effects) and what keeps their read models up to date; or HTTP
alone, where other processes do that.

A request that was accepted is answered before the process ends. Where the tasks or the log fail,
it ends with that error.
"""

import asyncio
import ipaddress
import math
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

import uvicorn

from gateway.http.app import make_app
from gateway.http.catalogue import Catalogue, Served
from gateway.http.guard.connections import Connections
from gateway.http.live.wire import Wire
from gateway.http.problems import problem
from gateway.http.service import Service
from gateway.http_settings import HttpSettings
from processors.core.workers.embedded import Worker
from processors.core.workers.outside import Settings

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
GRACE_S = 5.0
"""Beyond the time that a request may wait: then the rest is broken off."""

Follow = Callable[[Served, threading.Event], None]
"""Keeps the read models of a system up to date until the event is set."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; a port of 0 is any that is free. Errors: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except BaseException:
        listening.close()
        raise
    return listening


class _Uvicorn(uvicorn.Server):
    """Tells streams that the server ends: they would not by themselves."""

    closing: Callable[[], object]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.closing()


class Server:
    """Serves systems on a listening socket: with the tasks of an open worker, and read models that
    follow here; or without, where others see to both."""

    def __init__(
        self,
        systems: Sequence[Served],
        worker: Worker | None,
        listening: socket.socket,
        settings: HttpSettings,
        follow: Follow | None,
        effects: Settings | None = None,
        simulated: bool = False,
        ended: threading.Event | None = None,
    ) -> None:
        self._catalogue = Catalogue(systems)
        self._worker = worker
        self._listening = listening
        self._settings = settings
        self._follow = follow
        self._effects = effects
        self._simulated = simulated
        self._ended = ended or threading.Event()
        """For the tasks, the read models and what waits for the log: set once the last request is
        answered."""
        self._failure: Exception | None = None

    async def serve(self) -> None:
        """Until SIGINT or SIGTERM (`uvicorn` raises them again), or until the tasks fail: raises
        that error."""
        host = self._listening.getsockname()[0]
        service = Service(self._catalogue, self._settings, self._effects, self._simulated)
        if self._worker is not None:
            service.decided_by(self._worker)
        limits, proxies = self._settings.limits, list(self._settings.trusted_proxies)
        app = make_app(service, (*(LOOPBACK if is_loopback(host) else ()), *self._settings.hosts))
        grace_s = int(limits.wait_s + GRACE_S)
        server = _Uvicorn(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                http=Connections(limits, proxies).protocol(),
                timeout_keep_alive=math.ceil(limits.idle_s),
                ws=Wire,
                ws_max_size=limits.body_bytes,
                ws_per_message_deflate=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                timeout_graceful_shutdown=grace_s,
            )
        )
        loop = asyncio.get_running_loop()
        server.closing = partial(loop.call_soon_threadsafe, service.closing.set)

        def failed(error: Exception) -> None:
            self._failure = error
            service.fail(problem(503, "commands are not decided any more; yours may be durable"))
            server.should_exit = True
            server.closing()

        threads = self._threads(lambda error: loop.call_soon_threadsafe(failed, error))
        for thread in threads:
            thread.start()
        try:
            await server.serve([self._listening])
        finally:
            service.closing.set()
            self._ended.set()
            for thread in threads:
                thread.join()
            service.close()
        if self._failure is not None:
            raise self._failure

    def _threads(self, failed: Callable[[Exception], object]) -> list[threading.Thread]:
        def decide(worker: Worker) -> None:
            try:
                worker.run(stop=self._ended)
            except Exception as error:
                failed(error)

        threads = []
        if self._worker is not None:
            tasks = threading.Thread(target=decide, args=(self._worker,), name="refold-tasks")
            threads.append(tasks)
        if self._follow is not None:
            threads += [
                threading.Thread(
                    target=self._follow,
                    args=(each, self._ended),
                    name=f"refold-{each.system.name}",
                )
                for each in self._catalogue.systems.values()
                if each.models.projections
            ]
        return threads
