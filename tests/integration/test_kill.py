"""kill -9 of the real worker at random moments: nothing lost, nothing doubled.

Commands keep coming while `refold run` is killed and started again, again and again. In the end
the events are compared, byte for byte, with those of an uninterrupted run over the same commands.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path

from log.backends.file import FileLog
from log.interface import Log
from log.record import Record
from processors.markets.exchange import SYSTEM
from tests.uninterrupted import decided_without_interruption, records

KILLS = 50
APPEND = 20
"""Commands an append: small, so that a worker is nearly always between a read and a flush."""


def start_worker(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.cli.main", "run", "exchange", "--no-projections"],
        env={**os.environ, "REFOLD_LOG": str(folder), "REFOLD_SNAPSHOT_EVERY_COMMANDS": "500"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def ends(log: Log, partitions: int) -> int:
    return sum(log.partition(SYSTEM.events_topic, n).high_watermark for n in range(partitions))


def wait_for_progress(log: Log, partitions: int, worker: subprocess.Popen[bytes]) -> None:
    before = ends(log, partitions)
    deadline = time.monotonic() + 30
    while ends(log, partitions) == before:
        assert worker.poll() is None, worker.stderr and worker.stderr.read()
        assert time.monotonic() < deadline, "the worker decides nothing"
        time.sleep(0.001)


def keep_appending(log: Log, partitions: int, stop: threading.Event) -> None:
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    flow = SYSTEM.flow(11)
    while not stop.is_set():
        batches: dict[int, list[Record]] = {}
        for at, command in islice(flow, APPEND):
            key, numbers = SYSTEM.placed(command, partitions)
            for number in numbers:
                batches.setdefault(number, []).append(Record(encode(command), key, at))
        for number, batch in batches.items():
            log.partition(SYSTEM.commands_topic, number).append(batch)
        time.sleep(0.002)


def test_a_worker_killed_fifty_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    draw = random.Random(2)
    stop = threading.Event()
    with FileLog(tmp_path) as log:
        partitions = SYSTEM.ensure_topics(log)
        appender = threading.Thread(target=keep_appending, args=(log, partitions, stop))
        appender.start()
        try:
            for _ in range(KILLS):
                worker = start_worker(tmp_path)
                wait_for_progress(log, partitions, worker)
                time.sleep(draw.random() * 0.05)
                worker.send_signal(signal.SIGKILL)
                worker.communicate()
        finally:
            stop.set()
            appender.join()
        subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", "run", "exchange", "--until-idle"],
            env={**os.environ, "REFOLD_LOG": str(tmp_path)},
            check=True,
            capture_output=True,
            timeout=60,
        )
        whole = decided_without_interruption(log, SYSTEM)
        for number in range(partitions):
            killed, expected = (
                [(r.key, r.timestamp, r.value) for r in records(each, SYSTEM.events_topic, number)]
                for each in (log, whole)
            )
            assert killed == expected
        assert list(tmp_path.rglob("*.snapshot"))
