"""Dead letters: listed once, shown whole, retried in order and once, through every crash."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog, MemoryPartition
from log.envelope import Event
from log.errors import PartitionFenced
from log.interface import Log
from log.record import Record, StoredRecord
from processors.core.causes import events_of
from processors.core.dead_letters import (
    RETRY_OF_HEADER,
    DeadLetters,
    Letter,
    RetryRefused,
    dead_letter_of,
)
from processors.core.system import System
from processors.core.task import Task
from tests.samples.parking import SYSTEM
from tests.samples.parking.decider import Garage, decide
from tests.samples.parking.events import CarLeft, CarParked

PARKING = replace(SYSTEM, partitions=1)


def accept_longer(garage: Garage, command: object, at: int) -> Sequence[Event]:
    """Mended rules: a stay below zero is as long as it says, from then on."""
    if getattr(command, "stay_ms", 0) < 0:
        command.stay_ms = 1_000_000  # type: ignore[attr-defined]
    return decide(garage, command, at)  # type: ignore[arg-type]


MENDED = replace(PARKING, rules_version=2, decider=replace(PARKING.decider, decide=accept_longer))


def park(spot: str, stay_ms: int = 1_000_000, origin: int = -1) -> bytes:
    source = f',"origin_topic":"other.events","origin_sequence":{origin}' if origin >= 0 else ""
    start = f'{{"type":"park_car.v1","spot":"{spot}","car":"x","stay_ms":{stay_ms}'
    return f"{start}{source}}}".encode()


def append(log: Log, *records: Record) -> None:
    PARKING.ensure_topics(log)
    for record in records:
        log.partition(SYSTEM.commands_topic, 0).append([record])


def run(log: Log, system: System = PARKING) -> None:
    task = Task(log, system, 0)
    while task.step():
        pass
    task.close()


def letters_of(log: Log) -> DeadLetters:
    return DeadLetters(log, PARKING, 0)


def told(letters: Sequence[Letter]) -> list[tuple[int, str, int | None]]:
    return [(letter.offset, letter.status, letter.retried_as) for letter in letters]


def commands(log: Log) -> list[StoredRecord]:
    return [r for batch in log.partition(SYSTEM.commands_topic, 0).read(0) for r in batch]


def parked(log: Log) -> list[str]:
    codec = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic])
    batches = log.partition(SYSTEM.events_topic, 0).read(0)
    events = [codec.decode(r.value or b"") for batch in batches for r in batch]
    return [event.spot for event in events if isinstance(event, CarParked)]


def test_listed_and_shown_whole() -> None:
    log = MemoryLog()
    odd = Record(b"\xff{", b"key", 7, [("trace", b"abc"), ("none", None)])
    append(log, Record(park("a"), b"a", 5), odd, Record(None, None, 8))
    run(log)
    first, second = letters_of(log).letters()
    assert (first.offset, first.timestamp, first.key, first.value) == (1, 7, "key", "\\xff{")
    assert first.headers == [("trace", "abc"), ("none", None)]
    assert (first.status, first.retried_as, first.retry_of) == ("waiting", None, None)
    assert "malformed" in first.error
    assert (second.offset, second.key, second.value) == (2, None, None)
    assert second.error == "a command cannot be a tombstone"
    assert letters_of(log).find(1) == first


def test_a_letter_written_twice_is_listed_once() -> None:
    log = MemoryLog()
    append(log, Record(b"{", b"a", 5))
    run(log)
    twice = dead_letter_of(SYSTEM.commands_topic, 0, commands(log)[0], "again")
    log.partition(SYSTEM.dead_letters_topic, 0).append([twice])
    assert told(letters_of(log).letters()) == [(0, "waiting", None)]


def test_a_command_decided_after_all_is_no_dead_letter() -> None:
    """A task died between the letter and its event, and mended rules decided the command."""
    log = MemoryLog()
    append(log, Record(park("a", -1), b"a", 5))
    letter = dead_letter_of(SYSTEM.commands_topic, 0, commands(log)[0], "ValueError")
    log.partition(SYSTEM.dead_letters_topic, 0).append([letter])
    assert letters_of(log).letters() == []
    run(log, MENDED)
    assert parked(log) == ["a"]
    assert letters_of(log).letters() == []
    with pytest.raises(RetryRefused, match="no dead letter of the command at offset 0"):
        letters_of(log).retry(0)


def test_retry_takes_the_earlier_ones_of_its_key_along() -> None:
    log = MemoryLog()
    spots = ("a1", "b1", "a2", "a3", "none")
    keys = (b"a", b"b", b"a", b"a", None)
    append(log, *(Record(park(s, -1), k, 5) for s, k in zip(spots, keys, strict=True)))
    run(log)
    letters = letters_of(log)
    assert told(letters.retry(2)) == [(0, "retried", 5), (2, "retried", 6)]
    assert [status for _, status, _ in told(letters.letters())] == [
        "retried", "waiting", "retried", "waiting", "waiting",
    ]  # fmt: skip
    run(log, MENDED)
    assert parked(log) == ["a1", "a2"]
    with pytest.raises(RetryRefused, match="retried already, as the command at offset 6"):
        letters.retry(2)
    assert told(letters.retry(4)) == [(4, "retried", 7)]
    assert told(letters.retry()) == [(1, "retried", 8), (3, "retried", 9)]
    assert letters.retry() == []
    run(log, MENDED)
    assert parked(log) == ["a1", "a2", "none", "b1", "a3"]


def test_the_original_comes_back_whole() -> None:
    log = MemoryLog()
    original = Record(park("a", -1), b"a", 5, [("trace", b"abc")])
    append(log, original)
    run(log)
    letters_of(log).retry(0)
    again = commands(log)[1]
    assert (again.value, again.key, again.timestamp) == (original.value, b"a", 5)
    assert list(again.headers) == [("trace", b"abc"), (RETRY_OF_HEADER, b"0")]


def test_a_retry_that_fails_again_is_a_letter_of_its_own() -> None:
    log = MemoryLog()
    append(log, Record(park("a", -1), b"a", 5))
    run(log)
    letters = letters_of(log)
    letters.retry(0)
    run(log)
    assert told(letters.letters()) == [(0, "retried", 1), (1, "waiting", None)]
    assert letters.find(1).retry_of == 0
    letters.retry(1)
    assert list(commands(log)[2].headers) == [(RETRY_OF_HEADER, b"1")]


def test_a_retried_command_is_not_dropped_for_its_origin() -> None:
    log = MemoryLog()
    append(log, Record(park("a", -1, origin=3), b"a", 5))
    append(log, Record(park("b", origin=4), b"b", 5))
    run(log)
    letters_of(log).retry(0)
    run(log, MENDED)
    assert parked(log) == ["b", "a"]


def test_one_retry_at_a_time(tmp_path: Path) -> None:
    with FileLog(tmp_path) as log:
        append(log, Record(b"{", b"a", 5))
        run(log)
        other = log.open_writer(SYSTEM.dead_letters_topic, 0)
        with pytest.raises(PartitionFenced):
            letters_of(log).retry(0)
        other.close()
        assert told(letters_of(log).retry(0)) == [(0, "retried", 1)]


class Crash(BaseException):
    pass


class DyingLog(MemoryLog):
    """Dies at its nth append, before it or after it."""

    left = 1 << 30
    after = False

    def partition(self, topic: str, number: int) -> MemoryPartition:
        return Dying(self, super().partition(topic, number))


class Dying(MemoryPartition):
    def __init__(self, log: DyingLog, kept: MemoryPartition) -> None:
        self.__dict__ = kept.__dict__  # the same partition, with another append
        self._log = log

    def append(self, records: Sequence[Record]) -> range:
        self._log.left -= 1
        if self._log.left == 0 and not self._log.after:
            raise Crash
        offsets = super().append(records)
        if self._log.left == 0:
            raise Crash
        return offsets


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_crash_within_a_retry_neither_loses_nor_doubles(nth: int, after: bool) -> None:
    log = DyingLog()
    append(log, *(Record(park(spot, -1), b"a", 5) for spot in "abc"))
    run(log)
    log.left, log.after = nth, after
    with pytest.raises(Crash):
        letters_of(log).retry(1)
    append(log, Record(b"{", b"z", 6))
    went_through = (nth, after) >= (2, True)
    statuses = [status for _, status, _ in told(letters_of(log).letters())]
    assert statuses == ["retried" if went_through else "waiting"] * 2 + ["waiting"]
    letters_of(log).retry()
    run(log, MENDED)
    assert parked(log) == ["a", "b", "c"]
    retried = told(letters_of(log).letters())[:3]
    assert [status for _, status, _ in retried] == ["retried"] * 3
    assert [list(commands(log)[to or 0].headers) for _, _, to in retried] == [
        [(RETRY_OF_HEADER, str(offset).encode())] for offset in range(3)
    ]


def test_a_retry_whose_commands_are_deleted_is_not_repeated() -> None:
    log = DyingLog()
    append(log, Record(park("a", -1), b"a", 5))
    run(log)
    log.left, log.after = 2, True
    with pytest.raises(Crash):
        letters_of(log).retry(0)
    run(log)
    log.partition(SYSTEM.commands_topic, 0).delete_before(2)
    assert letters_of(log).retry() != []  # the retry itself failed, and is a letter of its own
    assert told(letters_of(log).letters()) == [(0, "retried", None), (1, "retried", 2)]


def test_markers_of_others_are_no_markers() -> None:
    log = MemoryLog()
    spoof = [("refold.marker", b"done"), ("refold.offset", b"99"), (RETRY_OF_HEADER, b"x")]
    append(log, Record(b"{", b"a", 5, list(spoof)))
    run(log)
    log.partition(SYSTEM.dead_letters_topic, 0).append([Record(b"a stray record")])
    assert told(letters_of(log).letters()) == [(0, "waiting", None)]


def test_the_events_of_a_command_are_found_by_its_offset(tmp_path: Path) -> None:
    with FileLog(tmp_path) as log:
        for first in range(0, 60, 20):
            append(log, *(Record(park(f"s{first + i}", i + 1), b"a", first) for i in range(20)))
            run(log)
        events, codec = (
            log.partition(SYSTEM.events_topic, 0),
            SYSTEM.event_codec(log.topics()[SYSTEM.events_topic]),
        )
        whole = [codec.decode(r.value or b"") for b in events.read(0) for r in b][1:]
        for offset in range(60):
            expected = [event for event in whole if event.cause == offset]
            assert events_of(events, codec, offset) == expected
        assert any(isinstance(event, CarLeft) for event in whole)
        assert events_of(events, codec, 60) == []
        events.delete_before(30)
        assert events_of(events, codec, 3) == []
