"""The events of a command, found by its offset: also where a late writer told them again."""

import random
from itertools import islice

import pytest

from log.backends.memory import MemoryLog
from log.codec import Codec
from log.envelope import Event
from log.record import Record
from processors.core.causes import events_of
from processors.core.messages import RulesAdopted
from tests.processors.core.without_fence import copy_of, records_of, stretches
from tests.replay.recording import PARKING, append, run, with_rules
from tests.samples.parking import flow
from tests.samples.parking.decider import decide

COMMANDS = 150


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    commands = list(islice(flow(3), COMMANDS))
    append(log, *commands[:100])
    run(log)
    append(log, *commands[100:])
    run(log, with_rules(2, decide))
    return log


def codec_of(log: MemoryLog) -> Codec[Event]:
    return PARKING.event_codec(log.topics()[PARKING.events_topic])


def told(log: MemoryLog) -> dict[int, list[Event]]:
    """By command, what a history that nobody repeats says."""
    found: dict[int, list[Event]] = {}
    for record in records_of(log, PARKING.events_topic):
        event = codec_of(log).decode(record.value or b"")
        if type(event) is not RulesAdopted:
            found.setdefault(event.cause, []).append(event)
    return found


def found_in(log: MemoryLog, commands: int) -> dict[int, list[Event]]:
    partition, codec = log.partition(PARKING.events_topic, 0), codec_of(log)
    return {offset: events_of(partition, codec, offset) for offset in range(commands)}


def test_each_command_has_its_own(log: MemoryLog) -> None:
    assert found_in(log, COMMANDS) == told(log)
    assert events_of(log.partition(PARKING.events_topic, 0), codec_of(log), COMMANDS) == []


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_again_counts_once(log: MemoryLog, seed: int) -> None:
    draw = random.Random(seed)
    records = records_of(log, PARKING.events_topic)
    repeated = copy_of(log, PARKING, stretches(records, draw, late=draw.randint(1, 8)))
    assert found_in(repeated, COMMANDS) == told(log)
    assert events_of(repeated.partition(PARKING.events_topic, 0), codec_of(log), COMMANDS) == []


def test_a_late_writer_had_the_last_word(log: MemoryLog) -> None:
    records = records_of(log, PARKING.events_topic)
    repeated = copy_of(log, PARKING, [records, records[20:40]])
    assert found_in(repeated, COMMANDS) == told(log)


def test_a_command_cut_short_and_decided_again(log: MemoryLog) -> None:
    records = records_of(log, PARKING.events_topic)
    codec = codec_of(log)
    events = [codec.decode(record.value or b"") for record in records]
    (cut, *_) = [at for at, event in enumerate(events) if event.cause_count == 3]
    appends: list[list[Record]] = [records[: cut + 1], records[cut:]]
    assert found_in(copy_of(log, PARKING, appends), COMMANDS) == told(log)
