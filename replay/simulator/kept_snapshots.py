"""Snapshots of the simulated deployment: kept in memory, beyond the processes' lives, now and then
refused, or damaged. None of that may ever change what is decided."""

from collections.abc import Generator, Iterable

from processors.core.snapshots import KEEP, SnapshotGone, Snapshots, SnapshotsUnavailable
from processors.core.system import System
from replay.simulator.processes import Process

Shelf = dict[tuple[str, int], dict[int, bytes]]
"""By system and partition: by sequence, the snapshot's bytes."""


class KeptSnapshots(Snapshots):
    """Those of one task, as one process sees them."""

    def __init__(self, shelf: Shelf, process: Process, system: System, partition: int) -> None:
        super().__init__(system, partition)
        self._kept = shelf.setdefault((system.name, partition), {})
        self._process = process
        self._where = f"{system.name}-{partition}"

    def name(self, sequence: int) -> str:
        return f"{self._where}/{sequence}"

    def sequences(self) -> list[int]:
        self._process.operation()
        return sorted(self._kept, reverse=True)

    def _write(self, sequence: int, pieces: Iterable[bytes]) -> None:
        self._process.operation()
        faults, content = self._process.faults, b"".join(pieces)
        if faults.strikes("snapshot_refused", self._where):
            raise SnapshotsUnavailable("the simulated disk for snapshots is full")
        if faults.strikes("snapshot_damaged", self._where):
            content = content[: faults.draw("snapshot_damaged", len(content))]
        self._kept[sequence] = content
        self._process.operation()
        older = sorted((each for each in self._kept if each <= sequence), reverse=True)
        for each in older[KEEP:]:
            del self._kept[each]

    def _read(self, sequence: int) -> Generator[bytes, None, None]:
        self._process.operation()
        if sequence not in self._kept:
            raise SnapshotGone(self.name(sequence))
        yield self._kept[sequence]
