"""Where events end at a place in history: the same as where a fold to there has come."""

import random
from itertools import islice

import pytest

from log.errors import OffsetOutOfRange
from log.interface import Log
from replay.events import RecordedEvents
from replay.places import Place, find_place, first_command_from
from replay.state import END, At, state_at
from tests.processors.core.without_fence import copy_of, records_of, stretches
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.decider import decide

COMMANDS = 91


def recorded(log: Log, max_bytes: int) -> Log:
    commands = list(islice(flow(5), COMMANDS - 1))
    append(log, *commands[:40], UNREADABLE, *commands[40:60])
    run(log, max_bytes=max_bytes)
    append(log, *commands[60:])
    run(log, with_rules(2, decide), max_bytes=max_bytes)
    return log


def find(log: Log, at: At) -> Place:
    return find_place(RecordedEvents(log, PARKING, 0), log.partition(SYSTEM.commands_topic, 0), at)


def events_before(log: Log, place: Place) -> int:
    """How many different events stand before a place."""
    events = RecordedEvents(log, PARKING, 0)
    return len(
        {
            events.decode(record).sequence
            for batch in events.batches(0)
            for record in batch
            if record.offset < place.events_end
        }
    )


def assert_as_folded(log: Log, at: At) -> None:
    place, state = find(log, at), state_at(log, PARKING, 0, at)
    assert (place.command_offset, place.at, events_before(log, place)) == (
        state.command_offset,
        state.at,
        state.next_sequence,
    )


@pytest.mark.parametrize("max_bytes", [1, 1 << 20])
def test_every_command_and_time(log: Log, max_bytes: int) -> None:
    recorded(log, max_bytes)
    for offset in range(COMMANDS):
        assert_as_folded(log, At(command_offset=offset))
    last = state_at(log, PARKING, 0).at
    for time_ms in range(START_MS - 1, last + 2, 97):
        assert_as_folded(log, At(time_ms=time_ms))
    assert_as_folded(log, END)


@pytest.mark.parametrize("seed", range(4))
def test_where_events_are_told_again(log: Log, seed: int) -> None:
    draw = random.Random(seed)
    records = records_of(recorded(log, 1), PARKING.events_topic)
    repeated = copy_of(log, PARKING, stretches(records, draw, late=draw.randint(1, 8)))
    for offset in range(COMMANDS):
        assert_as_folded(repeated, At(command_offset=offset))


def test_where_commands_or_events_are_deleted(log: Log) -> None:
    recorded(log, 1)
    whole = [find(log, At(command_offset=offset)) for offset in range(COMMANDS)]
    log.partition(SYSTEM.commands_topic, 0).delete_before(30)
    assert [find(log, At(command_offset=offset)) for offset in range(COMMANDS)] == whole
    log.partition(SYSTEM.events_topic, 0).delete_before(whole[20].events_end)
    assert find(log, At(command_offset=30)) == whole[30]
    assert find(log, At(command_offset=20)) == Place(
        events_end=whole[20].events_end, command_offset=-1, at=0
    )


def test_what_is_not_decided(log: Log) -> None:
    append(log, *islice(flow(1), 10))
    assert find(log, END) == Place(events_end=0, command_offset=-1, at=0)
    with pytest.raises(OffsetOutOfRange, match="offset 3 is not decided: none is"):
        find(log, At(command_offset=3))
    run(log)
    with pytest.raises(OffsetOutOfRange, match="offset 10 is not decided: the last is 9"):
        find(log, At(command_offset=10))


def test_the_command_of_the_next_event(log: Log) -> None:
    recorded(log, 1)
    events = RecordedEvents(log, PARKING, 0)
    for offset in range(COMMANDS - 1):
        place = find(log, At(command_offset=offset))
        assert first_command_from(events, place.events_end) == offset + 1
    assert first_command_from(events, events.end) is None
