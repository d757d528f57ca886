"""What chaos on real workers is made of, on a log in memory: sending, following, checking.

The whole of it, with processes and a broker, is in `tests/integration/test_chaos.py`.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest

from log.backends import wall_clock_ms
from log.backends.memory import MemoryLog
from log.errors import InvalidConfig, InvalidRecord, LogUnavailable
from log.interface import Partition
from log.record import Record
from processors.core.system import System
from processors.core.workers.embedded import Worker
from replay.simulator.actors import Acknowledged
from replay.simulator.checks import Violation, check_acknowledged
from replay.simulator.real import AHEAD_MS, Followed, Watching, url_of_client
from replay.simulator.sending import Sender, Sending
from tests.contract.logs import a_partition, append_values, records_of
from tests.samples.parking import SYSTEM

COMMANDS = 40
STAYS_HERE: Any = ("proxy.here", 19092)


@pytest.mark.parametrize(
    ("url", "servers", "expected"),
    [
        ("kafka://h:1/p", None, "kafka://h:1/p?client.id=w"),
        ("kafka://h:1,g:2", None, "kafka://h:1,g:2?client.id=w"),
        ("kafka://h:1/p?a=b", None, "kafka://h:1/p?a=b&client.id=w"),
        ("kafka://h:1,g:2/p", STAYS_HERE, "kafka://proxy.here:19092/p?client.id=w"),
        (
            "kafka+sasl://me@h/p?a=b",
            STAYS_HERE,
            "kafka+sasl://me@proxy.here:19092/p?a=b&client.id=w",
        ),
    ],
)
def test_the_location_for_a_worker(url: str, servers: Any, expected: str) -> None:
    assert url_of_client(url, "w", servers) == expected


def test_what_is_no_location() -> None:
    with pytest.raises(InvalidConfig, match="no place on Kafka"):
        url_of_client("/var/log", "w")


# -- sending -------------------------------------------------------------------------------------


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    SYSTEM.ensure_topics(log)
    return log


def flow(count: int = COMMANDS) -> list[tuple[System, int, Any]]:
    """Of an hour from now on: no timer of it is due."""
    endless = SYSTEM.flow(1, start_ms=wall_clock_ms() + AHEAD_MS)
    return [(SYSTEM, at, command) for at, command in islice(endless, count)]


def commands_on(log: MemoryLog) -> int:
    partitions = log.topics()[SYSTEM.commands_topic].partitions
    return sum(log.partition(SYSTEM.commands_topic, n).log_end for n in range(partitions))


def wait_for(sending: Sending) -> None:
    while sending.is_busy:
        time.sleep(0.001)


def test_all_is_sent_at_a_pace_and_what_was_acknowledged_is_known(log: MemoryLog) -> None:
    heard: list[int] = []
    sending = Sending([Sender(log, flow()[:10]), Sender(log, flow()[10:])], heard.append)
    began_s = time.monotonic()
    sending.begin(COMMANDS // 2, 0.2)
    wait_for(sending)
    assert time.monotonic() - began_s >= 0.1
    assert commands_on(log) == COMMANDS // 2, "of each producer its share: 5 and 15"
    sending.begin(COMMANDS // 2, 0.0)
    wait_for(sending)
    assert commands_on(log) == COMMANDS == len(sending.acknowledged())
    assert heard == sorted(heard)
    assert heard[-1] == COMMANDS
    for each in sending.acknowledged():
        record = records_of(log.partition(each.topic, each.number))[each.offset]
        assert (record.key, record.value) == (each.key, each.value)


def test_sending_stops_in_the_middle(log: MemoryLog) -> None:
    sending = Sending([Sender(log, flow())], lambda done: None)
    sending.begin(COMMANDS, 1000.0)
    sending.stop()
    assert len(sending.acknowledged()) < COMMANDS


class AwayAtFirst(MemoryLog):
    """Each partition's first append fails, as where the broker is away."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.failed: set[int] = set()

    def partition(self, topic: str, number: int) -> Any:
        if topic == SYSTEM.commands_topic and number not in self.failed:
            self.failed.add(number)
            raise self.error
        return super().partition(topic, number)


def test_what_is_not_acknowledged_is_sent_again() -> None:
    log = AwayAtFirst(LogUnavailable("away"))
    SYSTEM.ensure_topics(log)
    sending = Sending([Sender(log, flow())], lambda done: None)
    sending.begin(COMMANDS, 0.0)
    wait_for(sending)
    assert len(sending.acknowledged()) == COMMANDS == commands_on(log)
    assert len(log.failed) > 1


def test_what_a_producer_meets_is_told() -> None:
    log = AwayAtFirst(InvalidRecord("too large"))
    SYSTEM.ensure_topics(log)
    sending = Sending([Sender(log, flow())], lambda done: None)
    sending.begin(COMMANDS, 0.0)
    with pytest.raises(InvalidRecord, match="too large"):
        wait_for(sending)


# -- following -----------------------------------------------------------------------------------


def test_a_partition_is_followed_to_an_end_and_no_further(log: MemoryLog) -> None:
    partition = a_partition(log)
    append_values(partition, *"abcdef")
    followed = Followed(partition)

    def read(end: int, offset: int = -1) -> list[bytes | None]:
        followed.end = end
        return [record.value for batch in followed.read(offset, 1 << 20) for record in batch]

    assert read(2) == [b"a", b"b"]
    assert read(2) == []
    assert read(5) == [b"c", b"d", b"e"]
    append_values(partition, "g")
    assert read(7) == [b"f", b"g"]
    assert read(7, offset=0) == [b"a", b"b", b"c", b"d", b"e", b"f", b"g"], "once more"


@pytest.fixture
def sent(log: MemoryLog) -> Sending:
    sending = Sending([Sender(log, flow())], lambda done: None)
    sending.begin(COMMANDS, 0.0)
    wait_for(sending)
    return sending


def decide(log: MemoryLog) -> None:
    with Worker(log, [SYSTEM], clock=lambda: 0) as worker:
        worker.run(until_idle=True)


def events_of(log: MemoryLog) -> Iterator[Partition]:
    partitions = log.topics()[SYSTEM.events_topic].partitions
    found = (log.partition(SYSTEM.events_topic, number) for number in range(partitions))
    return (partition for partition in found if partition.log_end > 3)


def test_what_is_decided_is_whole(log: MemoryLog, sent: Sending) -> None:
    watching = Watching(log, [SYSTEM])
    watching.look(sent)
    assert watching.lag == COMMANDS
    assert "are not decided" in (watching.missing() or "")
    assert sent.oldest_s is not None
    decide(log)
    for whole in (False, False, True):
        watching.look(sent, whole=whole)
    assert watching.lag == 0
    assert watching.missing() is None
    assert sent.oldest_s is None
    steady = watching.latency()
    assert steady.commands == COMMANDS
    assert 0 < steady.p50_ms <= steady.p99_ms <= steady.longest_ms
    assert watching.latency().commands == 0, "since it was last asked"


def test_events_that_come_meanwhile_wait_for_their_commands(
    log: MemoryLog, sent: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster may give events newer than the commands that were read."""
    watching = Watching(log, [SYSTEM])
    decide(log)
    watching.look(sent)
    more = Sending([Sender(log, flow(2 * COMMANDS)[COMMANDS:])], lambda done: None)
    read, come = Followed.read, threading.Event()

    def come_then_read(followed: Followed, offset: int, max_bytes: int) -> Sequence[Any]:
        if not come.is_set():
            come.set()
            more.begin(COMMANDS, 0.0)
            wait_for(more)
            decide(log)
        return read(followed, offset, max_bytes)

    monkeypatch.setattr(Followed, "read", come_then_read)
    watching.look(sent)
    assert come.is_set()
    assert watching.lag == 0, "as of the moment at which the look began"
    watching.look(more)
    assert sum(len(watch.command_offsets) for watch in watching.watches) == 2 * COMMANDS
    assert watching.missing() is None


def test_a_command_that_is_decided_twice_is_found(log: MemoryLog, sent: Sending) -> None:
    decide(log)
    partition = next(events_of(log))
    last = records_of(partition)[-1]
    partition.append([Record(last.value, last.key, last.timestamp)])
    with pytest.raises(Violation, match="stands sequence"):
        Watching(log, [SYSTEM]).look(sent)


def test_an_acknowledged_command_that_is_gone_is_found(log: MemoryLog, sent: Sending) -> None:
    decide(log)
    watching = Watching(log, [SYSTEM])
    watching.look(sent)
    watch = watching.watches[0].commands
    lost = Acknowledged(watch.topic, watch.number, watch.next_offset, b"k", b"lost")
    topics = {(watch.topic, watch.number): watch}
    with pytest.raises(Violation, match="acknowledged, and is gone"):
        check_acknowledged([lost], topics)
