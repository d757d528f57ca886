"""Verifies many partitions at once: each in one of several processes, dealt out as these are free.

Every process opens the log for itself. The largest partitions go first, so that the processes end
at about the same time. Progress and results come back through pipes; what one process raises ends
the others and is raised here, and so is that one of them was killed.
"""

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import NamedTuple

from log.interface import Log
from processors.core.snapshots import OpenSnapshots
from processors.core.system import System
from replay.recorded import quiet_dead_letters
from replay.state import Progress
from replay.verify import Verification, verify

EVENTS_A_PROCESS = 50_000
"""Verified in less time than a process takes to start."""

Part = tuple[str, int]
"""A system's name, and a partition of it."""


class ProcessDied(Exception):
    """A process that verified was killed, or could not start; the message says what it did."""


@dataclass(frozen=True)
class Recorded:
    """What a process opens for itself: the log, the systems by name, and their snapshots."""

    log: Log
    find: Callable[[str], System]
    snapshots: OpenSnapshots | None = None


Source = Callable[[], AbstractContextManager[Recorded]]
"""Opens it. Travels to other processes: a function of a module, or a `partial` of one."""


class _Progress(NamedTuple):
    done: int
    total: int


def verify_all(
    source: Source,
    parts: Sequence[Part],
    *,
    since: int = 0,
    processes: int | None = None,
    progress: Progress | None = None,
) -> list[Verification]:
    """Verify partitions, in the order given. `progress` gets the events of all of them together.

    `processes` None: as many as there are cores, where there is enough to do; never more than
    partitions with history. With one it happens in this process.

    Errors: those of `verify`; ProcessDied.
    """
    with source() as recorded:
        sizes = {part: _size(recorded, part) for part in parts}
        histories = sum(size > 0 for size in sizes.values())
        worth = sum(sizes.values()) // EVENTS_A_PROCESS or 1
        wanted = min(processes or min(os.cpu_count() or 1, worth), histories)
        total = _Total(sizes, progress)
        if wanted <= 1:
            return [_verify(recorded, part, since, partial(total.at, part)) for part in parts]
    found = _deal_out(source, sorted(parts, key=lambda part: -sizes[part]), since, wanted, total)
    return [found[part] for part in parts]


def _size(recorded: Recorded, part: Part) -> int:
    name, number = part
    events = recorded.log.partition(recorded.find(name).events_topic, number)
    return events.high_watermark - events.log_start


class _Total:
    """The progress of all partitions together."""

    def __init__(self, sizes: dict[Part, int], progress: Progress | None) -> None:
        self._total = sum(sizes.values())
        self._done = dict.fromkeys(sizes, 0)
        self._progress = progress

    def at(self, part: Part, done: int, _: int = 0) -> None:
        self._done[part] = done
        if self._progress is not None:
            self._progress(sum(self._done.values()), self._total)


def _verify(recorded: Recorded, part: Part, since: int, progress: Progress) -> Verification:
    name, number = part
    system = recorded.find(name)
    snapshots = recorded.snapshots(system, number) if recorded.snapshots else None
    log = recorded.log
    with quiet_dead_letters():
        return verify(log, system, number, since=since, snapshots=snapshots, progress=progress)


def _deal_out(
    source: Source, parts: Sequence[Part], since: int, processes: int, total: _Total
) -> dict[Part, Verification]:
    """Give each process the next partition whenever it has finished one."""
    waiting = list(parts)
    found: dict[Part, Verification] = {}
    context = multiprocessing.get_context("spawn")
    busy: dict[Connection, tuple[SpawnProcess, Part]] = {}
    started: list[SpawnProcess] = []

    def give(connection: Connection, process: SpawnProcess) -> None:
        busy.pop(connection, None)
        if waiting:
            busy[connection] = process, waiting.pop(0)
            with suppress(BrokenPipeError):  # it died, which is met as it is listened to
                connection.send(busy[connection][1])
        else:
            connection.close()  # the process ends

    try:
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(source, since, theirs), daemon=True)
            with _no_interrupts():
                process.start()
            started.append(process)
            theirs.close()
            give(ours, process)
        while busy:
            for connection in multiprocessing.connection.wait(list(busy)):
                assert isinstance(connection, Connection)
                process, part = busy[connection]
                match _received(connection, process, part):
                    case _Progress(done, _):
                        total.at(part, done)
                    case Verification() as verification:
                        found[part] = verification
                        give(connection, process)
    except BaseException:
        for process in started:
            process.kill()  # they write nothing
        raise
    finally:
        for process in started:
            process.join()
    return found


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """What is started within ignores Ctrl-C: this process sees it, and ends the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _received(
    connection: Connection, process: SpawnProcess, part: Part
) -> _Progress | Verification:
    """What a process sends; what it raised is raised."""
    try:
        message = connection.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        code = process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        raise ProcessDied(
            f"the process that verified partition {part[1]} of {part[0]} {how}: nothing is known "
            "of what it had not finished. Was memory short? Verify again, with fewer --processes"
        ) from None
    if isinstance(message, BaseException):
        raise message
    return message  # type: ignore[no-any-return]


def _work(source: Source, since: int, connection: Connection) -> None:
    """In a process: verify what comes in, until the other side closes."""
    try:
        with source() as recorded:
            while True:
                part = connection.recv()
                done = _verify(recorded, part, since, _Sending(connection))
                connection.send(done)
    except (EOFError, BrokenPipeError):
        return  # nobody waits any more
    except Exception as error:
        connection.send(_portable(error))


class _Sending:
    """Progress, into a pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, done: int, total: int) -> None:
        self._connection.send(_Progress(done, total))


def _portable(error: Exception) -> Exception:
    """The error, where it comes through a pipe as it was; else what it says."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
