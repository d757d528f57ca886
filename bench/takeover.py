"""Seconds without progress after kill -9 of one of two workers, with and without a warm standby.

Two workers in processes of their own share four partitions with 5 million events of history; a
client appends commands to all partitions, steadily, and reads the events as they are committed.
Then the older worker is killed, and what counts is the longest time in which no event came on one
of its partitions: until the group has noticed (the session timeout), the partition is fenced, what
the dead worker had begun is undone, and history is folded. A worker that takes over folds all of
it (no snapshots), or from a snapshot, or only the tail (a warm standby). A new worker takes the
place of the dead one, and it begins again. The least of several rounds counts.
"""

import multiprocessing
import multiprocessing.synchronize
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.harness import Options, Row, at_most, main, scratch_folder
from bench.kafka_log import arguments, new_log, running_broker
from bench.kafka_loop import fill
from bench.order_flow import INSTRUMENT
from log.backends.kafka import KafkaLog
from processors.core.system import System
from processors.core.workers.group import GroupWorker
from processors.core.workers.monitor import Monitor, Place
from processors.core.workers.processes import stop_with_parent
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import CancelOrder

PARTITIONS = 4
EVENTS_A_COMMAND = 1.27
SESSION_TIMEOUT_S = 6.0
"""The least that a broker allows by default."""
RATE_PER_S = 500
NEARLY = 1_000
"""So few events behind is a standby that is warm."""
READY_S, OVER_S = 300.0, 120.0
STEADY_S = 3.0
"""Progress before the kill."""


class State:
    """What a worker's process tells this one."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.runs: Any = context.Array("b", PARTITIONS)
        """Which partitions it decides."""
        self.behind: Any = context.Array("q", [1 << 40] * PARTITIONS)
        """How far its standbys are behind."""


class Telling(Monitor):
    """The worker's end of it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def running(self, place: Place, recovery_s: float) -> None:
        self._state.runs[place.partition] = 1

    def released(self, place: Place) -> None:
        self._state.runs[place.partition] = 0

    def standing_by(self, place: Place, behind: int) -> None:
        self._state.behind[place.partition] = behind


def serve(
    address: str, prefix: str, system: System, folder: Path | None, standby: bool, state: State
) -> None:
    """A worker's process."""
    stop = threading.Event()
    stop_with_parent(stop)
    with (
        KafkaLog({"bootstrap.servers": address}, prefix=prefix) as log,
        GroupWorker(
            log,
            [system],
            snapshots=folder,
            standby=standby,
            session_timeout_s=SESSION_TIMEOUT_S,
            monitor=Telling(state),
        ) as worker,
    ):
        worker.run(stop=stop)


class Workers:
    """Two of them, the older one first."""

    def __init__(self, *arguments: Any, standby: bool) -> None:
        self._arguments = (*arguments, standby)
        self._standby = standby
        self._all: list[tuple[SpawnProcess, State]] = []

    def wait(self) -> None:
        """Have two, and wait until they share the partitions, and stand by."""
        deadline_s = time.monotonic() + READY_S
        while len(self._all) < 2:
            state = State()
            process = multiprocessing.get_context("spawn").Process(
                target=serve, args=(*self._arguments, state)
            )
            process.start()
            self._all.append((process, state))
            while not self._is_ready():
                if time.monotonic() > deadline_s:
                    raise RuntimeError(f"the workers were not ready within {READY_S:.0f} s")
                time.sleep(0.1)

    def _is_ready(self) -> bool:
        states = [state for _, state in self._all]
        each = PARTITIONS // len(states)
        if any(sum(state.runs) != each for state in states):
            return False
        return not self._standby or all(
            runs or behind < NEARLY
            for state in states
            for runs, behind in zip(state.runs, state.behind, strict=True)
        )

    def kill(self) -> list[int]:
        """kill -9 the older one; returns which partitions it had."""
        process, state = self._all.pop(0)
        process.kill()
        process.join()
        return [number for number, runs in enumerate(state.runs) if runs]

    def close(self) -> None:
        for process, _ in self._all:
            process.kill()
            process.join()


class Traffic:
    """A client: appends to all partitions in turn, and notes when events come."""

    def __init__(self, address: str, log: KafkaLog, system: System) -> None:
        servers = {"bootstrap.servers": address}
        self._commands_topic = log.prefix + system.commands_topic
        commands = log.partition(system.commands_topic, 0)
        command = CancelOrder(instrument=INSTRUMENT, order_id=1 << 40)
        self._command = system.command_codec(commands.config).encode(command)
        self._producer = Producer({**servers, "enable.idempotence": True, "linger.ms": 0})
        self._consumer = Consumer(
            {**servers, "group.id": log.prefix + "client", "isolation.level": "read_committed"}
        )
        topic = log.prefix + system.events_topic
        ends = [log.partition(system.events_topic, n).high_watermark for n in range(PARTITIONS)]
        self._consumer.assign([TopicPartition(topic, n, end) for n, end in enumerate(ends)])
        self._last_s = [time.monotonic()] * PARTITIONS
        self._gap_s = [0.0] * PARTITIONS
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=it) for it in (self._append, self._read)]
        for thread in self._threads:
            thread.start()

    def _append(self) -> None:
        number, due_s = 0, time.monotonic()
        while not self._stop.is_set():
            self._producer.produce(
                self._commands_topic, self._command, INSTRUMENT.encode(), number % PARTITIONS
            )
            self._producer.poll(0)
            number, due_s = number + 1, due_s + 1 / RATE_PER_S
            time.sleep(max(due_s - time.monotonic(), 0))

    def _read(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(1, 0.1) + self._consumer.consume(1000, 0.0):
                assert message.error() is None, message.error()
                number, now_s = message.partition() or 0, time.monotonic()
                self._gap_s[number] = max(self._gap_s[number], now_s - self._last_s[number])
                self._last_s[number] = now_s

    def flows(self) -> None:
        """Wait until events come on all partitions, and forget how long they did not."""
        deadline_s = time.monotonic() + OVER_S
        while any(time.monotonic() - last_s > 0.5 for last_s in self._last_s):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"there was no progress within {OVER_S:.0f} s")
            time.sleep(0.01)
        self._gap_s = [0.0] * PARTITIONS

    def longest_gap_s(self, partitions: list[int]) -> float:
        """Seconds without an event on one of them, once there are events on all."""
        killed_s = time.monotonic()
        while any(self._last_s[number] < killed_s + 0.5 for number in partitions):
            if time.monotonic() - killed_s > OVER_S:
                raise RuntimeError(f"nobody took over within {OVER_S:.0f} s")
            time.sleep(0.01)
        return max(self._gap_s[number] for number in partitions)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._producer.flush()
        self._consumer.close()


@contextmanager
def running(
    address: str, log: KafkaLog, system: System, folder: Path | None, standby: bool
) -> Iterator[tuple[Workers, Traffic]]:
    workers = Workers(address, log.prefix, system, folder, standby=standby)
    traffic = Traffic(address, log, system)
    try:
        yield workers, traffic
    finally:
        traffic.close()
        workers.close()
        time.sleep(SESSION_TIMEOUT_S)  # the group forgets them


def measure(address: str, log: KafkaLog, folder: Path | None, standby: bool, rounds: int) -> float:
    """The least seconds without progress."""
    system = replace(SYSTEM, partitions=PARTITIONS)
    least_s = float("inf")
    with running(address, log, system, folder, standby) as (workers, traffic):
        for _ in range(rounds):
            workers.wait()
            time.sleep(STEADY_S)
            traffic.flows()
            gap_s = traffic.longest_gap_s(workers.kill())
            least_s = min(least_s, gap_s)
    return least_s


def write_history(log: KafkaLog, events: int, folder: Path) -> None:
    """Decide a backlog, and leave snapshots of its end."""
    system = fill(log, PARTITIONS, round(events / EVENTS_A_COMMAND))
    with GroupWorker(log, [system], group="history", snapshots=folder) as worker:
        worker.run(until_idle=True)


def run(options: Options) -> list[Row]:
    with running_broker(options) as address, new_log(address) as log, scratch_folder() as folder:
        write_history(log, options.size, folder)
        ways: dict[str, tuple[Path | None, bool]] = {
            "folding all of history": (None, False),
            "from a snapshot": (folder, False),
            "with a warm standby": (folder, True),
        }
        gaps = {
            name: measure(address, log, snapshots, standby, options.rounds)
            for name, (snapshots, standby) in ways.items()
        }
    rows = [Row(name=name, value=gap_s, unit="s") for name, gap_s in gaps.items()]
    name, standby_s = f"{rows[-1].name}, to session timeout + 1 s", rows[-1].value
    rows[-1] = at_most(name, standby_s, "s", SESSION_TIMEOUT_S + 1, 1)
    return rows


if __name__ == "__main__":
    main("takeover", run, size=5_000_000, arguments=arguments)
