"""The embedded worker: many partitions, ticks, snapshots, and an orderly end."""

import gc
import threading
from itertools import islice
from pathlib import Path

from log.backends.memory import MemoryLog
from log.record import Record
from processors.core.workers.embedded import Worker
from processors.core.workers.running import SnapshotPolicy
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import ParkCar


def send(log: MemoryLog, *commands: tuple[int, object]) -> None:
    partitions = SYSTEM.ensure_topics(log)
    codec = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic])
    for at, command in commands:
        key, (number,) = SYSTEM.placed(command, partitions)
        record = Record(codec.encode(command), key, at)  # type: ignore[arg-type]
        log.partition(SYSTEM.commands_topic, number).append([record])


def test_it_decides_every_partition_and_stops_when_idle() -> None:
    log = MemoryLog()
    send(log, *islice(flow(1), 500))
    counts: list[int] = []
    with Worker(log, [SYSTEM], clock=lambda: 0) as worker:
        assert worker.run(until_idle=True, decided=counts.append) == 500
        assert [task.lag for task in worker.tasks] == [0, 0]
    assert sum(counts) == 500


def test_the_clock_ticks_only_when_a_timer_is_due_and_once_for_each() -> None:
    log = MemoryLog()
    now = START_MS
    park = ParkCar(spot="a", car="red", stay_ms=1000)
    send(log, (START_MS, park))
    _, (number,) = SYSTEM.placed(park, 2)
    commands = log.partition(SYSTEM.commands_topic, number)
    with Worker(log, [SYSTEM], clock=lambda: now) as worker:
        worker.run(until_idle=True)
        now = START_MS + 999
        worker.run(until_idle=True)
        assert commands.log_end == 1
        now = START_MS + 1003
        worker.run(until_idle=True)
        worker.run(until_idle=True)
        assert commands.log_end == 2
        assert worker.tasks[number].fold.state.stays == {}
        assert worker.tasks[number].fold.at == START_MS + 1003


def test_snapshots_come_by_count_and_at_the_end(tmp_path: Path) -> None:
    log = MemoryLog()
    send(log, *islice(flow(1), 300))
    policy = SnapshotPolicy(every_commands=1)
    with Worker(log, [SYSTEM], snapshots=tmp_path, policy=policy, clock=lambda: 0) as worker:
        worker.run(until_idle=True)
        sequences = [task.fold.next_sequence for task in worker.tasks]
        assert [task.snapshot_sequence for task in worker.tasks] == sequences
    with Worker(log, [SYSTEM], snapshots=tmp_path, clock=lambda: 0) as worker:
        assert [task.snapshot_sequence for task in worker.tasks] == sequences


def test_a_stop_ends_it_and_a_successor_can_start_at_once() -> None:
    log = MemoryLog()
    stop = threading.Event()
    worker = Worker(log, [SYSTEM], clock=lambda: 0)
    thread = threading.Thread(target=worker.run, kwargs={"stop": stop})
    thread.start()
    send(log, *islice(flow(1), 50))
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    worker.close()
    with Worker(log, [SYSTEM], clock=lambda: 0) as successor:
        successor.run(until_idle=True)
        assert sum(task.fold.last_cause + 1 for task in successor.tasks) == 50


def test_the_collector_is_quiet_within_and_as_before_after() -> None:
    log = MemoryLog()
    send(log, *islice(flow(1), 50))
    inside: list[bool] = []
    with Worker(log, [SYSTEM], clock=lambda: 0) as worker:
        worker.run(until_idle=True, decided=lambda count: inside.append(gc.isenabled()))
    assert inside
    assert not any(inside)
    assert gc.isenabled()
