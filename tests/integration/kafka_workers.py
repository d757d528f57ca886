"""Workers on a real broker as processes of their own, to be killed, stopped and started by tests;
and the commands that keep them busy.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import msgspec

from bench.order_flow import START_MS, commands
from log.backends import wall_clock_ms
from log.backends.kafka import KafkaLog
from log.backends.memory import MemoryLog
from log.envelope import Command
from log.interface import Log
from log.partitioner import partition_for_key
from log.record import Record, StoredRecord
from processors.core.testing.subject import Told, decide_all, json_config, memory_log
from processors.markets.exchange import SYSTEM

ROOT = Path(__file__).resolve().parents[2]
WARM = """
import sys, warnings
import gateway.cli.main, gateway.cli.member, gateway.cli.project, gateway.cli.run
import log.backends.kafka, processors.core.workers.group, processors.markets.exchange
sys.stdin.readline()
gateway.cli.main.main()
"""
"""`refold`, once a line is read: what takes a process long to import is imported by then."""
SESSION_S = 1.0
"""As short as the brokers of tests allow."""
FLOW_COMMANDS = 1_000_000
DEADLINE_S = 60.0


class Process:
    """`refold <arguments>` in `folder`; what it says goes to a file there."""

    _numbers = count(1)

    def __init__(self, folder: Path, arguments: Sequence[str], **settings: object) -> None:
        self.said_in = folder / f"{arguments[0]}-{next(self._numbers)}.log"
        kept = {name: value for name, value in os.environ.items() if name[:7] != "REFOLD_"}
        ours = {f"REFOLD_{name.upper()}": str(value) for name, value in settings.items()}
        with self.said_in.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-c", WARM, *arguments],
                cwd=folder,
                env={**kept, **ours, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
            )

    def go(self) -> None:
        """Begin."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    @property
    def said(self) -> str:
        return self.said_in.read_text()

    @property
    def holds(self) -> int:
        """How many partitions are a worker's, as far as it has said."""
        return self.said.count(": assigned\n") - self.said.count(": released\n")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._send(signal.SIGKILL)
        self.wait()

    def pause(self) -> None:
        """SIGSTOP."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM."""
        self._send(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self._process.wait(DEADLINE_S)

    def _send(self, number: signal.Signals) -> None:
        assert self.is_alive, self.said[-4000:]
        self._process.send_signal(number)


class Processes:
    """Starts processes on one log, and sees to it that none is left."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._all: list[Process] = []

    def worker(self, **settings: object) -> Process:
        """A `refold run` that waits for its `go`."""
        told = {"session_timeout_s": SESSION_S, "snapshots": self._folder / "snapshots"}
        return self.start("run", "exchange", "--no-projections", **(told | settings))

    def start(self, *arguments: str, **settings: object) -> Process:
        """`refold`, to wait for its `go`."""
        process = Process(self._folder, arguments, log=self._url, **settings)
        self._all.append(process)
        return process

    def close(self) -> None:
        for process in self._all:
            if process.is_alive:
                process.kill()


def instrument_of(number: int, partitions: int) -> str:
    """One whose commands all go to a partition."""
    names = (f"I{each}" for each in count())
    return next(name for name in names if partition_for_key(name.encode(), partitions) == number)


def flow_of(number: int, partitions: int) -> Iterator[Record]:
    """The commands of a partition: orders for one instrument, no timers, no end to speak of.

    They are of long ago. A broker forgets by such times what it needs to tell a command that is
    sent again as it dies (`producer.id.expiration.ms`).
    """
    instrument = instrument_of(number, partitions)
    encode = SYSTEM.command_codec(json_config(SYSTEM)).encode
    flow: Iterator[Command] = commands(FLOW_COMMANDS, seed=number)
    for at, command in enumerate(flow):
        own = msgspec.structs.replace(command, instrument=instrument)
        yield Record(encode(own), instrument.encode(), START_MS + at // 100)


class Flow:
    """Commands for every partition of the exchange, appended bit by bit from a thread of its own,
    as a client does: with the time of now."""

    def __init__(self, log: Log, partitions: int, each: int, every_s: float) -> None:
        self._log = log
        self._each, self._every_s = each, every_s
        self._flows = [flow_of(number, partitions) for number in range(partitions)]
        self.appended: list[Told] = [[] for _ in self._flows]
        """By partition, what is durable."""
        self._stop = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def append(self, each: int) -> None:
        for number, flow in enumerate(self._flows):
            now_ms = wall_clock_ms()
            records = [
                msgspec.structs.replace(record, timestamp=now_ms) for record in islice(flow, each)
            ]
            self._log.partition(SYSTEM.commands_topic, number).append(records)
            self.appended[number] += [(now_ms, r.key, r.value) for r in records]

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every_s):
                self.append(self._each)
        except BaseException as error:
            self._failed = error


def ends(log: KafkaLog, topic: str, partitions: int) -> Counter[int]:
    """By partition, the offset after what readers see."""
    return Counter({n: log.partition(topic, n).high_watermark for n in range(partitions)})


def until(holds: Callable[[], bool], what: str, *processes: Process) -> None:
    """Wait until something holds; `processes` are to be alive meanwhile."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        for process in processes:
            assert process.is_alive, process.said[-4000:]
        if time.monotonic() > deadline_s:
            said = [f"{process.said_in}: {process.said[-2000:]}" for process in processes]
            raise AssertionError("\n".join([f"{what}: it did not come about in time", *said]))
        time.sleep(0.005)


def told(log: Log, topic: str, number: int) -> Told:
    """All that a partition holds."""
    return [(record.timestamp, record.key, record.value) for record in records(log, topic, number)]


def records(log: Log, topic: str, number: int) -> Iterator[StoredRecord]:
    partition = log.partition(topic, number)
    offset, end = partition.log_start, partition.high_watermark
    while offset < end:
        for batch in partition.read(offset):
            offset = batch.last_offset + 1
            yield from batch


def decided_in_memory(appended: Sequence[Told]) -> MemoryLog:
    """By partition, commands of the exchange, decided by tasks that nobody disturbs."""
    log = memory_log(
        SYSTEM,
        (
            (number, Record(value, key, timestamp))
            for number, rows in enumerate(appended)
            for timestamp, key, value in rows
        ),
    )
    decide_all(log, SYSTEM)
    return log
