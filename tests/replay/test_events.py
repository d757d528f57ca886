"""Replay reads a history as it was decided: also where a writer without a fence told some of it
again, or was cut short within a command."""

import random
from itertools import islice

import pytest

from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record
from processors.core.dead_letters import DeadLetters
from projections.core.memory_store import MemoryStore
from projections.core.store import Catalog
from projections.core.worker import Worker
from replay.doctor import examine_partition
from replay.state import At, StateAt, state_at
from replay.verify import Verification, verify
from tests.processors.core.without_fence import copy_of, records_of, stretches
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import START_MS, flow
from tests.samples.parking.decider import decide
from tests.samples.parking.projections import PROJECTIONS

COMMANDS = 121


@pytest.fixture
def told_once() -> Log:
    log = MemoryLog()
    commands = list(islice(flow(5), COMMANDS - 1))
    append(log, *commands[:60], UNREADABLE, *commands[60:])
    run(log, max_bytes=1)
    return log


@pytest.fixture(params=range(6))
def repeated(told_once: Log, request: pytest.FixtureRequest) -> Log:
    draw = random.Random(request.param)
    records = records_of(told_once, PARKING.events_topic)
    return copy_of(told_once, PARKING, stretches(records, draw, late=draw.randint(1, 8)))


def states(log: Log) -> list[StateAt]:
    return [state_at(log, PARKING, 0, At(command_offset=offset)) for offset in range(COMMANDS)]


def test_the_state_at_every_command_is_the_same(told_once: Log, repeated: Log) -> None:
    assert states(repeated) == states(told_once)
    assert state_at(repeated, PARKING, 0) == state_at(told_once, PARKING, 0)


def test_the_state_at_a_time_is_the_same(told_once: Log, repeated: Log) -> None:
    last = state_at(told_once, PARKING, 0).at
    for time_ms in range(START_MS - 1, last + 2, max((last - START_MS) // 50, 1)):
        at = At(time_ms=time_ms)
        assert state_at(repeated, PARKING, 0, at) == state_at(told_once, PARKING, 0, at)


def test_the_state_at_a_command_within_one_read(told_once: Log) -> None:
    records = records_of(told_once, PARKING.events_topic)
    one = copy_of(told_once, PARKING, [[*records, *records[20:50]]])
    assert states(one) == states(told_once)


def test_it_verifies(told_once: Log, repeated: Log) -> None:
    whole = verify(told_once, PARKING, 0)
    assert (whole.commands_compared, whole.dead_letters, whole.difference) == (COMMANDS, 1, None)
    assert verify(repeated, PARKING, 0) == whole
    assert verify(repeated, PARKING, 0, since=50) == verify(told_once, PARKING, 0, since=50)


def test_what_other_rules_decided_is_not_compared(told_once: Log) -> None:
    append(told_once, *islice(flow(6), 30))
    run(told_once, with_rules(2, decide))
    records = records_of(told_once, PARKING.events_topic)
    appends: list[list[Record]] = [records, records[100:]]
    found: Verification = verify(copy_of(told_once, PARKING, appends), PARKING, 0)
    assert (found.commands_of_other_rules, found.difference) == (30, None)


def test_dead_letters_are_the_same(told_once: Log, repeated: Log) -> None:
    letters = DeadLetters(told_once, PARKING, 0).letters()
    assert [letter.offset for letter in letters] == [60]
    assert DeadLetters(repeated, PARKING, 0).letters() == letters


def test_read_models_are_the_same(told_once: Log, repeated: Log) -> None:
    rows = [_rows(log) for log in (told_once, repeated)]
    assert rows[0] == rows[1]
    assert any(rows[0])


def _rows(log: Log) -> list[object]:
    store = MemoryStore(Catalog(PARKING, PROJECTIONS))
    Worker(log, store).catch_up()
    with store.reading() as reader:
        return [list(reader.rows(table)) for table in store.catalog.owners]


def test_the_doctor_notes_it_and_no_more(told_once: Log) -> None:
    records = records_of(told_once, PARKING.events_topic)
    assert list(examine_partition(told_once, PARKING, 0)) == []
    found = list(
        examine_partition(copy_of(told_once, PARKING, [records, records[20:50]]), PARKING, 0)
    )
    (note,) = found
    assert note.is_note
    assert (note.offset, "(30 events in all were told again)" in note.what) == (len(records), True)
