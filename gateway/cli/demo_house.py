"""`refold demo` with no system: the whole house in one process, with a past, live traffic in all
systems, and a browser to look at it; and `--headless`, the same looked at by itself.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gateway.cli.context import Context, policy_of
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, ExitCode, failed, print_error
from gateway.cli.projecting import opened_store
from gateway.cli.serving import listening_on, read_models_of
from gateway.demo.checking import TOUR, Checks
from gateway.demo.outside import outside_of
from gateway.demo.seeding import Clock, Seeding, append_unreadable
from gateway.demo.streams import Stream
from gateway.demo.traffic import Traffic, paths_of
from gateway.http_settings import http_settings
from log.backends import wall_clock_ms
from log.backends.file.log import MARKER_NAME
from log.interface import Log
from processors.core.workers.embedded import Worker
from processors.core.workers.running import quiet_collector

if TYPE_CHECKING:
    from gateway.http.catalogue import Served

HOST = "127.0.0.1"
PORT = 8080
QUIET = ("refold.effects", "refold.task")
"""What they warn of is in the log, and the overview shows it."""
FILES = ".files"
"""Beside the log: what its systems keep in blob stores."""


def demo_house(context: Context, seed: int, port: int | None, headless: bool) -> int:
    """Returns the exit code. Errors: CommandFailed."""
    folder = context.config.log_folder
    if folder is None:
        raise CommandFailed(
            "the demo of all systems is for a log in a folder: name one system, or another --log"
        )
    if (folder / MARKER_NAME).exists():
        raise CommandFailed(f"{folder} holds a log already: name a new folder with --log")
    with ExitStack() as stack:
        log = stack.enter_context(context.open_log(create=True))
        interrupts = stack.enter_context(Interrupts())
        house = House(context, log, folder, seed, interrupts.stop)
        with house.made():
            if interrupts.stop.is_set():
                return ExitCode.INTERRUPTED
            with _listening(port) as listening:
                return house.serve(listening, headless)


class House:
    """All systems of the registry, on a new log."""

    def __init__(
        self, context: Context, log: Log, folder: Path, seed: int, stop: threading.Event
    ) -> None:
        self._seed = seed
        self._log = log
        self._folder = folder
        self._stop = stop
        self._registered = context.registered()
        self._systems = [each.system for each in self._registered]
        self._context = context

    @contextmanager
    def made(self) -> Iterator[None]:
        """Within, it has a past, unless it is stopped on the way there."""
        for name in QUIET:
            logging.getLogger(name).addHandler(logging.NullHandler())
        config, clock = self._context.config, Clock()
        with ExitStack() as stack:
            files = self._folder / FILES
            effects = stack.enter_context(outside_of(self._systems, config.effects, files))
            self._config = msgspec.structs.replace(config, effects=effects)
            self._worker = stack.enter_context(
                Worker(
                    self._log,
                    self._systems,
                    snapshots=self._context.snapshots,
                    policy=policy_of(config),
                    clock=clock,
                    settings=effects,
                )
            )
            now_ms = wall_clock_ms()
            self._streams = [Stream(each, now_ms, self._seed) for each in self._systems]
            seeding = Seeding(self._log, self._worker, self._streams, clock)
            with quiet_collector():
                seeding.run(self._stop)
            self._values = seeding.values
            append_unreadable(self._log, self._streams[-1])
            yield

    def serve(self, listening: socket.socket, headless: bool) -> int:
        """Until a signal comes; headless, until all was looked at."""
        from gateway.http.catalogue import Served
        from gateway.http.server import Server

        with ExitStack() as stack:
            opened = self._context.open_checkpoints(self._log)
            systems = [
                Served(
                    each,
                    self._log,
                    *stack.enter_context(opened_store(self._config, each)),
                    opened,
                )
                for each in self._registered
            ]
            url = f"http://{HOST}:{listening.getsockname()[1]}"
            traffic = Traffic(url, self._streams, paths_of(systems))
            stack.callback(traffic.close)
            settings = http_settings({}, self._config.home, {}, {"host": HOST})
            follow = read_models_of(self._config, systems)
            server = Server(
                systems, self._worker, listening, settings, follow, self._config.effects
            )
            looking = Looking(url, systems, self._values, headless)
            traffic.start()
            looking.start()
            asyncio.run(server.serve())
            return looking.code


class Looking(threading.Thread):
    """Prints the tour once there is something to see; headless, looks at it, and ends the demo."""

    def __init__(
        self, url: str, systems: Sequence["Served"], values: dict[str, object], headless: bool
    ) -> None:
        super().__init__(name="refold-tour", daemon=True)
        self._url = url
        self._checks = Checks(url, systems, values)
        self._headless = headless
        self.code: int = ExitCode.OK

    def run(self) -> None:
        print_tour(self._url)
        if not self._headless:
            print("\nCtrl-C ends it.", flush=True)
            return
        try:
            found = self._checks.run(lambda name: print(f"ok    {name}", flush=True))
            for each in found:
                print_error(each)
            if found:
                self.code = ExitCode.FOUND
        except Exception as error:
            self.code = failed(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def print_tour(url: str) -> None:
    print(f"refold is at {url}\n")
    width = max(len(step.path) for step in TOUR)
    for number, step in enumerate(TOUR, 1):
        print(f"  {number}. {url}{step.path:{width}}  {step.about}", flush=True)


def _listening(port: int | None) -> socket.socket:
    """On that port; without one, on the usual one, or any that is free."""
    if port is not None:
        return listening_on(HOST, port)
    try:
        return listening_on(HOST, PORT)
    except CommandFailed:
        return listening_on(HOST, 0)
