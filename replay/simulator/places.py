"""Where a simulated deployment keeps its log: on a cluster, or in a folder of one machine's disk.

A place opens a process's log and workers, knows the faults that it can make, and shows what is
durable to the checks.
"""

import dataclasses
from collections.abc import Sequence
from random import Random
from typing import Any, Protocol

import msgspec

from log.backends.file import FileLog
from log.backends.file.storage import File, Storage
from log.errors import CorruptLog, LogStorageError, LogUnavailable, PartitionFenced
from log.interface import Log
from processors.core.system import System
from processors.core.workers.embedded import Worker
from processors.core.workers.group import GroupWorker
from processors.core.workers.running import SnapshotPolicy
from replay.simulator.actors import Working
from replay.simulator.cluster import SimulatedCluster
from replay.simulator.disk import NONE, DiskFaults, SimulatedDisk
from replay.simulator.faults import Faults
from replay.simulator.kept_snapshots import KeptSnapshots, Shelf
from replay.simulator.processes import Process
from replay.simulator.profile import Fault, Profile
from replay.simulator.scripted_outside import ScriptedOutside
from replay.simulator.virtual_time import VirtualClock

POLICY = SnapshotPolicy(every_commands=20, every_s=2.0)
SESSION_TIMEOUT_S = 1.5
FOLDER = "/log"
SLOW_SYNC_MS = 100
SMALL_SEGMENTS = {"segment_bytes": 4096, "index_interval_bytes": 512}

ANYWHERE = frozenset(
    {
        *("kill", "hold", "restart", "outside_fails", "answer_lost"),
        *("snapshot_refused", "snapshot_damaged"),
    }
)
ON_A_CLUSTER = ANYWHERE | {
    *("lost_ack", "failed_append", "aborted", "late"),
    *("brokers_restart", "network_cut", "rebalance"),
}
ON_A_DISK = ANYWHERE | {
    *(
        "power_cut",
        "power_cut_at_sync",
        "full_disk",
        "failed_read",
        "misdirected_read",
        "flipped_read",
    ),
    *("failed_sync", "slow_sync", "double_start"),
}


class Deployed(Protocol):
    """What a place needs to know of the deployment."""

    systems: Sequence[System]
    clock: VirtualClock
    faults: Faults
    random: Random

    def cut_power(self) -> None: ...


class ClusterPlace:
    """Workers share a group on a simulated cluster."""

    kinds = ON_A_CLUSTER
    mode = "the simulated cluster"
    refusals: tuple[type[Exception], ...] = (LogUnavailable, PartitionFenced)

    def __init__(self, deployed: Deployed, profile: Profile) -> None:
        self._deployed = deployed
        clock = deployed.clock
        self.cluster = SimulatedCluster(clock.wall, lambda: clock.ms)
        self._shelf: Shelf = {}

    def truth(self) -> Log:
        return self.cluster.truth

    def create_topics(self, system: System) -> int:
        """Before anything goes wrong; returns the number of partitions."""
        return system.ensure_topics(self.cluster.truth)

    def open_log(self, process: Process) -> Log:
        return self.cluster.log_of(process)

    def open_worker(self, process: Process, outside: ScriptedOutside, number: int) -> Working:
        return GroupWorker(
            self.cluster.log_of(process),
            self._deployed.systems,
            snapshots=lambda system, at: KeptSnapshots(self._shelf, process, system, at),
            policy=POLICY,
            standby=number % 2 == 1,
            session_timeout_s=SESSION_TIMEOUT_S,
            clock=self._deployed.clock.wall,
            outside=outside,
        )

    def strike(self, fault: Fault, processes: Sequence[Process]) -> None:
        """Make a fault of this place."""
        faults, now_ms = self._deployed.faults, self._deployed.clock.ms
        until_ms = now_ms + faults.lasts_ms(fault)
        match fault.kind:
            case "brokers_restart":
                self.cluster.away_until_ms = until_ms
            case "network_cut":
                if processes:
                    processes[faults.draw(fault.kind, len(processes))].cut_until_ms = until_ms
            case "rebalance":
                for group in self.cluster.groups.values():
                    group.rotation += 1

    def watched(self) -> None:
        """The checks are done reading."""

    def calm(self) -> None:
        """The faults are over."""
        self.cluster.away_until_ms = 0


class DiskPlace:
    """Workers with the partitions that they are told to, on the file log of one machine."""

    kinds = ON_A_DISK
    mode = "the simulated disk"
    refusals: tuple[type[Exception], ...] = (LogStorageError, PartitionFenced, CorruptLog)

    def __init__(self, deployed: Deployed, profile: Profile) -> None:
        self._deployed = deployed
        self._workers = profile.workers
        self._shelf: Shelf = {}
        kinds = {fault.kind: 1 for fault in profile.faults}
        rates = {name: kinds[name] for name in DiskFaults.__struct_fields__ if name in kinds}
        self._rates = msgspec.convert({**rates, "slow_sync_ms": SLOW_SYNC_MS}, DiskFaults)
        """Which faults there are; the run decides when."""
        clock = deployed.clock
        self.disk = FaultyDisk(deployed, lambda ms: clock.sleep(ms / 1000))
        self.disk.faults = self._rates
        self._observer: FileLog | None = None

    def truth(self) -> Log:
        """Opened anew after a power cut. Nothing goes wrong when it is read."""
        self.disk.faults = NONE
        if self._observer is None:
            self._observer = FileLog(
                FOLDER, self._deployed.clock.wall, self.disk.process("observer")
            )
        return self._observer

    def create_topics(self, system: System) -> int:
        """With small segments, so that they roll within a run."""
        settings = {**system.topic_settings, **SMALL_SEGMENTS}
        return dataclasses.replace(system, topic_settings=settings).ensure_topics(self.truth())

    def watched(self) -> None:
        """The checks are done reading."""
        self.disk.faults = self._rates

    def open_log(self, process: Process) -> Log:
        """A read that lies while a log is opened is past what checksums can tell: none does."""
        process.at_death.append(lambda: self.disk.kill(process.name))
        storage = InterruptedStorage(self.disk.process(process.name), process, self._deployed)
        self.disk.faults = NONE
        try:
            log = FileLog(FOLDER, self._deployed.clock.wall, storage)
            for topic, config in log.topics().items():
                for number in range(config.partitions):
                    log.partition(topic, number)
        finally:
            self.disk.faults = self._rates
        return log

    def open_worker(self, process: Process, outside: ScriptedOutside, number: int) -> Working:
        """Its share of the partitions; by mistake, all of them."""
        deployed = self._deployed
        count = max(system.partitions for system in deployed.systems)
        share = range(number, count, self._workers)
        if deployed.faults.strikes("double_start", process.name):
            share = range(count)
        return Worker(
            self.open_log(process),
            deployed.systems,
            partitions=share,
            snapshots=lambda system, at: KeptSnapshots(self._shelf, process, system, at),
            policy=POLICY,
            clock=deployed.clock.wall,
            outside=outside,
        )

    def strike(self, fault: Fault, processes: Sequence[Process]) -> None:
        """All that a disk does comes with its operations."""

    def lose_power(self) -> None:
        """After every process was killed."""
        self.disk.crash()
        self._observer = None

    def calm(self) -> None:
        self._rates = NONE
        self.disk.faults = NONE


Place = ClusterPlace | DiskPlace


class FaultyDisk(SimulatedDisk):
    """A disk whose faults are those of the run."""

    def __init__(self, deployed: Deployed, advance: Any) -> None:
        super().__init__(deployed.random, advance=advance)
        self._plan = deployed.faults

    def happens(self, rate: int, kind: str, path: str) -> bool:
        return bool(rate) and self._plan.strikes(kind, path)


class InterruptedStorage:
    """A storage in whose operations the process may be killed or held up."""

    def __init__(self, storage: Storage, process: Process, deployed: Deployed) -> None:
        self._storage = storage
        self._process = process
        self._deployed = deployed

    def open(self, path: str, write: bool = False, create: bool = False) -> File:
        self._process.operation()
        file = self._storage.open(path, write, create)
        return InterruptedFile(file, path, self._process, self._deployed)

    def list(self, folder: str) -> list[str]:
        return self._storage.list(folder)

    def exists(self, path: str) -> bool:
        return self._storage.exists(path)

    def make_folder(self, folder: str) -> None:
        self._process.operation()
        self._storage.make_folder(folder)

    def rename(self, old: str, new: str) -> None:
        self._process.operation()
        self._storage.rename(old, new)

    def remove(self, path: str) -> None:
        self._process.operation()
        self._storage.remove(path)

    def remove_folder(self, folder: str) -> None:
        self._process.operation()
        self._storage.remove_folder(folder)

    def sync_folder(self, folder: str) -> None:
        self._process.operation()
        self._storage.sync_folder(folder)


class InterruptedFile:
    """An open file of an `InterruptedStorage`."""

    def __init__(self, file: File, path: str, process: Process, deployed: Deployed) -> None:
        self._file = file
        self._path = path
        self._process = process
        self._deployed = deployed
        self.size = file.size
        self.words = file.words
        self.unlock = file.unlock
        self.close = file.close

    def pread(self, size: int, position: int) -> bytes:
        self._process.operation()
        return self._file.pread(size, position)

    def pwrite(self, data: bytes | bytearray | memoryview, position: int) -> None:
        self._process.operation()
        self._file.pwrite(data, position)

    def sync(self) -> None:
        self._process.operation()
        if self._deployed.faults.strikes("power_cut_at_sync", self._path):
            self._deployed.cut_power()
            self._process.operation()
        self._file.sync()

    def truncate(self, size: int) -> None:
        self._process.operation()
        self._file.truncate(size)

    def lock(self, wait: bool = True) -> bool:
        self._process.operation()
        return self._file.lock(wait)
