"""Who does something in a simulated deployment: producers, workers and projectors.

Each is a process that takes turns, is killed and started again. A turn is one round of the real
thing: the real workers with their tasks, reactors and effects, the real projection worker.
"""

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import structs

from log.errors import LogError, LogUnavailable, PartitionFenced
from log.interface import Log
from log.record import Record
from processors.core.system import System
from projections.core.errors import StoreUnavailable
from projections.core.store import Store
from projections.core.worker import Worker as ProjectionWorker
from replay.simulator.processes import Process
from replay.simulator.scripted_outside import ScriptedOutside
from replay.simulator.simulated_store import SimulatedStore

AT_ONCE_MAX = 24
"""How many commands a producer sends at a time: a batch of some sectors of a disk."""


class Working(Protocol):
    """A worker, of whichever kind."""

    def turn(self) -> object: ...
    def close(self) -> None: ...


class Actor:
    """Started when it first has its turn, and after it was killed. `ready_ms`: not before."""

    rest_ms_max = 25
    """Until one who found nothing to do looks again, at most."""

    def __init__(self, name: str, spawn: Callable[[str], Process]) -> None:
        self.name = name
        self.ready_ms = 0
        self.process: Process | None = None
        self._spawn = spawn

    @property
    def is_held(self) -> bool:
        return self.process is not None and self.process.is_held

    def take_turn(self) -> bool:
        """Whether there was anything to do. Errors: ProcessKilled; everything that nobody may
        meet."""
        if self.process is None or not self.process.is_alive:
            self.process = self._spawn(self.name)
            self.start(self.process)
        return self.turn(self.process)

    def start(self, process: Process) -> None:
        raise NotImplementedError

    def turn(self, process: Process) -> bool:
        raise NotImplementedError

    def leave(self) -> None:
        """End as one is asked to."""
        self.process = None


@dataclass(frozen=True)
class Acknowledged:
    """A record that the log has promised to keep."""

    topic: str
    number: int
    offset: int
    key: bytes | None
    value: bytes


class Producer(Actor):
    """Appends commands of some keys, in order; what is not acknowledged, again. Every other one
    has an idempotency key: however often it is on the log, it is decided once."""

    rest_ms_max = 400
    """Between two sends: a run lasts some seconds, in which things go wrong."""

    def __init__(
        self,
        name: str,
        spawn: Callable[[str], Process],
        open_log: Callable[[Process], Log],
        commands: Sequence[tuple[System, int, Any]],
        moved: Callable[[int], None],
        random_below: Callable[[int], int],
    ) -> None:
        """`commands`: (system, timestamp, command); `moved` hears the time that each is of."""
        super().__init__(name, spawn)
        self.acknowledged: list[Acknowledged] = []
        self._commands = deque(commands)
        self._open_log = open_log
        self._moved = moved
        self._at_once = random_below
        self._log: Log
        self._pending: deque[tuple[str, int, list[Record]]] = deque()

    @property
    def is_done(self) -> bool:
        return not self._commands and not self._pending

    def start(self, process: Process) -> None:
        self._log = self._open_log(process)

    def turn(self, process: Process) -> bool:
        if self.is_done:
            return False
        if not self._pending:
            self._take()
        topic, number, records = self._pending[0]
        try:
            offsets = self._log.partition(topic, number).append(records)
        except LogUnavailable:
            return False  # it may be there: it is sent again
        except LogError:
            process.kill()  # its disk refused: it ends, and begins anew
            return False
        self._pending.popleft()
        for offset, record in zip(offsets, records, strict=True):
            assert record.value is not None
            self.acknowledged.append(Acknowledged(topic, number, offset, record.key, record.value))
        return False

    def _take(self) -> None:
        """The next few, by partition."""
        by_place: dict[tuple[str, int], list[Record]] = {}
        topics = self._log.topics()
        for _ in range(min(self._at_once(AT_ONCE_MAX) + 1, len(self._commands))):
            system, at, command = self._commands.popleft()
            if len(self._commands) % 2:
                again = f"{self.name}, {len(self._commands)}"
                command = structs.replace(command, idempotency_key=again)  # a flow's is shared
            config = topics[system.commands_topic]
            key, numbers = system.placed(command, config.partitions)
            value = system.command_codec(config).encode(command)
            for number in numbers:
                place = system.commands_topic, number
                by_place.setdefault(place, []).append(Record(value, key, at))
            self._moved(at)
        self._pending.extend((*place, records) for place, records in by_place.items())


def whose(system: System, command: Any, producers: int) -> int:
    """Which producer sends it: all of one key are one's."""
    return zlib.crc32((system.key(command) or "").encode()) % producers


class Workman(Actor):
    """A process with a worker in it."""

    def __init__(
        self,
        name: str,
        spawn: Callable[[str], Process],
        open_worker: Callable[[Process, ScriptedOutside], Working],
        outside: Callable[[Process], ScriptedOutside],
    ) -> None:
        super().__init__(name, spawn)
        self._open_worker = open_worker
        self._outside_of = outside
        self._outside: ScriptedOutside
        self._worker: Working | None = None

    def start(self, process: Process) -> None:
        self._worker = None
        self._outside = self._outside_of(process)
        try:
            self._worker = self._open_worker(process, self._outside)
        except (LogUnavailable, PartitionFenced):
            process.kill()

    def turn(self, process: Process) -> bool:
        if self._worker is None:
            return False
        self._outside.turn()
        try:
            done = self._worker.turn()
        except (LogUnavailable, PartitionFenced):
            process.kill()  # an embedded worker ends there, and is started again
            return False
        return done if isinstance(done, bool) else bool(done[1])  # type: ignore[index]

    def leave(self) -> None:
        if self._worker is not None and self.process is not None and self.process.is_alive:
            try:
                self._worker.close()
            finally:
                self.process.kill()
        super().leave()


class Projector(Actor):
    """Keeps the read models of one system up to date."""

    def __init__(
        self,
        name: str,
        spawn: Callable[[str], Process],
        open_log: Callable[[Process], Log],
        store: Store,
    ) -> None:
        super().__init__(name, spawn)
        self.store = store
        self._open_log = open_log
        self._worker: ProjectionWorker | None = None

    def start(self, process: Process) -> None:
        self._worker = None
        self._log = self._open_log(process)

    def turn(self, process: Process) -> bool:
        try:
            if self._worker is None:
                self._worker = ProjectionWorker(self._log, SimulatedStore(self.store, process))
            return self._worker.catch_up() > 0
        except (LogUnavailable, StoreUnavailable):
            return False
