"""Timers that a command makes due at once fire within it: one cascade, one command, one batch.

The rules are a countdown: each tick counts one down, and sets the timer of the next.

    count_down 3 ─► counted 3 ─► (tick) counted 2 ─► (tick) counted 1 ─► (tick) counted 0
"""

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.envelope import Command, Event
from log.errors import LogStorageError
from log.record import Record
from processors.core import timers
from processors.core.causes import events_of
from processors.core.decider import Decider, digest, whole_state
from processors.core.messages import CommandDeadLettered, NothingChanged, RulesAdopted, Tick
from processors.core.registry import Registered
from processors.core.system import System
from processors.core.task import Task
from processors.core.testing import Check, Subject, checks
from processors.core.testing.subject import decide_all, decoded, flow_records, memory_log
from processors.core.timers import TimerFailed, decide_fully
from replay.state import At, state_at
from replay.verify import verify
from tests.given_when_then import given

NOON = 1_700_000_000_000
UNLUCKY, SILENT = 13, 99
"""At these a tick raises, and leads to nothing."""


class CountDown(Command, tag="count_down.v1", kw_only=True):
    start: int
    every_ms: int = 0
    """From one count to the next; 0: all at once."""


class Refuse(Command, tag="refuse.v1", kw_only=True):
    """A command that no rule knows what to do with."""


class Counted(Event, tag="counted.v1", kw_only=True):
    left: int
    every_ms: int
    due_ms: int


class Clock(msgspec.Struct):
    left: int = 0
    every_ms: int = 0
    due_ms: int = 0


def decide(clock: Clock, command: CountDown | Refuse | Tick, at: int) -> Sequence[Event]:
    match command:
        case Refuse():
            raise ValueError("refused")
        case CountDown(start=start, every_ms=every_ms):
            return [Counted(left=start, every_ms=every_ms, due_ms=at + every_ms)]
        case Tick():
            if clock.left == UNLUCKY:
                raise ValueError("bad luck")
            if clock.left == SILENT:
                return []
            every_ms = clock.every_ms
            return [Counted(left=clock.left - 1, every_ms=every_ms, due_ms=at + every_ms)]


def evolve(clock: Clock, event: Event) -> Clock:
    if isinstance(event, Counted):
        return Clock(event.left, event.every_ms, event.due_ms)
    return clock


def next_due(clock: Clock) -> int | None:
    return clock.due_ms if clock.left else None


def flow(seed: int) -> Iterator[tuple[int, CountDown]]:
    draw, now = random.Random(seed), NOON
    while True:
        now += draw.randrange(400)
        yield now, CountDown(start=draw.randrange(6), every_ms=draw.choice((0, 0, 150)))


DECIDER = Decider(
    initial=Clock, decide=decide, evolve=evolve, state_format=whole_state(Clock), next_due=next_due
)
SYSTEM = System(
    name="samples.countdown",
    decider=DECIDER,
    commands=(CountDown, Refuse),
    events=(Counted,),
    key=lambda command: "clock",
    partitions=1,
    flow=flow,
)

Timed = tuple[int, Command | bytes]


def decided(*commands: Timed) -> tuple[MemoryLog, list[Event]]:
    """The log, and the events after the first, which adopts the rules."""
    log = memory_log(SYSTEM)
    codec = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic])
    values = [(c if isinstance(c, bytes) else codec.encode(c), at) for at, c in commands]
    log.partition(SYSTEM.commands_topic, 0).append([Record(v, b"clock", at) for v, at in values])
    decide_all(log, SYSTEM)
    events = decoded(log, SYSTEM, 0)
    assert type(events[0]) is RulesAdopted
    return log, events[1:]


def told(events: list[Event]) -> list[tuple[object, int, int, int]]:
    """What happened, and the place in its command: what, cause, index, count."""
    return [
        (
            event.left if isinstance(event, Counted) else type(event),
            event.cause,
            event.cause_index,
            event.cause_count,
        )
        for event in events
    ]


def test_a_cascade_belongs_to_the_command_that_began_it() -> None:
    log, events = decided((NOON, CountDown(start=3)), (NOON, CountDown(start=0)))
    assert told(events) == [(3, 0, 0, 4), (2, 0, 1, 4), (1, 0, 2, 4), (0, 0, 3, 4), (0, 1, 0, 1)]
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    partition = log.partition(SYSTEM.events_topic, 0)
    codec = SYSTEM.event_codec(partition.config)
    assert events_of(partition, codec, 0) == events[:4]
    (batch,) = partition.read(0)
    assert [(record.key, record.timestamp) for record in batch][1:] == [(b"clock", NOON)] * 5


def test_timers_due_before_fire_before_and_those_made_due_after() -> None:
    _, events = decided(
        (NOON, CountDown(start=2, every_ms=10)),
        (NOON + 10, CountDown(start=1)),
        (NOON + 10, Tick()),
    )
    assert told(events) == [
        (2, 0, 0, 1),
        (1, 1, 0, 3),  # was due
        (1, 1, 1, 3),  # the command
        (0, 1, 2, 3),  # due at once
        (NothingChanged, 2, 0, 1),
    ]


def test_a_tick_begins_a_cascade_too() -> None:
    _, events = decided((NOON, CountDown(start=3, every_ms=10)), (NOON + 25, Tick()))
    assert told(events) == [(3, 0, 0, 1), (2, 1, 0, 2), (1, 1, 1, 2)]
    assert [event.due_ms for event in events if isinstance(event, Counted)] == [
        NOON + 10,
        NOON + 20,  # each at its own time, however late the tick was
        NOON + 30,
    ]


def test_the_events_of_a_cascade_carry_the_origin_of_its_command() -> None:
    origin = {"origin_topic": "elsewhere.events", "origin_partition": 3, "origin_sequence": 7}
    command = CountDown(start=2, **origin)  # type: ignore[arg-type]
    _, events = decided((NOON, command), (NOON, command))
    assert told(events) == [(2, 0, 0, 3), (1, 0, 1, 3), (0, 0, 2, 3), (NothingChanged, 1, 0, 1)]
    assert {(e.origin_topic, e.origin_partition, e.origin_sequence) for e in events} == {
        ("elsewhere.events", 3, 7)
    }


@pytest.mark.parametrize("bad", [Refuse(), b"no json"], ids=["it raises", "it does not decode"])
def test_a_dead_letter_stops_no_cascade(bad: Command | bytes) -> None:
    log, events = decided((NOON, CountDown(start=1)), (NOON, bad), (NOON, CountDown(start=1)))
    assert told(events) == [
        (1, 0, 0, 2),
        (0, 0, 1, 2),
        (CommandDeadLettered, 1, 0, 1),
        (1, 2, 0, 2),
        (0, 2, 1, 2),
    ]
    assert log.partition(SYSTEM.dead_letters_topic, 0).log_end == 1


def test_timers_that_were_due_fire_before_a_dead_letter() -> None:
    _, events = decided((NOON, CountDown(start=2, every_ms=10)), (NOON + 20, Refuse()))
    assert told(events) == [
        (2, 0, 0, 1),
        (1, 1, 0, 3),
        (0, 1, 1, 3),
        (CommandDeadLettered, 1, 2, 3),
    ]


def test_when_the_dead_letters_refuse_the_timers_before_are_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands: list[Timed] = [(NOON, CountDown(start=2, every_ms=10)), (NOON + 20, Refuse())]
    whole, events = decided(*commands)
    log = memory_log(SYSTEM)
    for batch in whole.partition(SYSTEM.commands_topic, 0).read(0):
        again = [Record(record.value, record.key, record.timestamp) for record in batch]
        log.partition(SYSTEM.commands_topic, 0).append(again)
    dead_letters = log.partition(SYSTEM.dead_letters_topic, 0)
    append = dead_letters.append

    def refuse_once(records: Sequence[Record]) -> range:
        monkeypatch.setattr(dead_letters, "append", append)
        raise LogStorageError("the disk is full")

    monkeypatch.setattr(dead_letters, "append", refuse_once)
    task = Task(log, SYSTEM, 0)
    with pytest.raises(LogStorageError):
        task.step()
    task.step()
    assert decoded(log, SYSTEM, 0)[1:] == events
    assert task.fold.state == Clock(0, 10, NOON + 30)


@pytest.mark.parametrize(
    ("stuck", "reason"), [(UNLUCKY, "bad luck"), (SILENT, "a tick led to no event")]
)
def test_a_tick_that_fails_ends_its_cascade_and_keeps_its_timer(
    stuck: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    start = CountDown(start=stuck + 2)
    log, events = decided((NOON, start), (NOON + 1, Tick()), (NOON + 2, CountDown(start=1)))
    assert told(events) == [
        (stuck + 2, 0, 0, 3),
        (stuck + 1, 0, 1, 3),
        (stuck, 0, 2, 3),
        (NothingChanged, 1, 0, 1),
        (1, 2, 0, 2),
        (0, 2, 1, 2),
    ]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        f"the timer due at {NOON} did not fire"  # once at each command
    ] * 3
    assert reason in caplog.text
    assert verify(log, SYSTEM, 0).difference is None


def test_rules_that_never_end_are_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(timers, "TICKS_IN_A_ROW_MAX", 4)
    _, events = decided((NOON, CountDown(start=-1)), (NOON, Tick()))
    assert told(events) == [
        *((-1 - index, 0, index, 5) for index in range(5)),
        *((-6 - index, 1, index, 4) for index in range(4)),
    ]
    assert caplog.text.count("4 timers fired in a row, and one more is due") == 2


def test_what_cannot_be_written_down_is_not_applied(caplog: pytest.LogCaptureFixture) -> None:
    system = replace(SYSTEM, value_format="msgpack")
    log = MemoryLog()
    system.ensure_topics(log)
    codec = system.command_codec(log.topics()[system.commands_topic])
    least = -(2**63)  # that msgpack can write: the next count down cannot be
    command = Record(codec.encode(CountDown(start=least)), b"clock", NOON)
    log.partition(system.commands_topic, 0).append([command])
    (fold,) = decide_all(log, system)
    assert fold.state == Clock(least, 0, NOON)
    assert (fold.next_sequence, fold.last_cause) == (2, 0)
    assert f"the timer due at {NOON} did not fire" in caplog.text


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(
        "processors.core.testing.subject.load_system", lambda package: Registered(SYSTEM, package)
    )
    return Subject("samples.countdown", Path(), ("refused",))


@pytest.mark.parametrize(
    "check",
    [
        checks.check_snapshot_and_tail,
        checks.check_crash_at_every_record,
        checks.check_delivered_twice,
        checks.check_decide_changes_nothing,
    ],
    ids=lambda check: check.__name__,
)
def test_cascades_pass_the_suite(subject: Subject, check: Check) -> None:
    check(subject)


def test_cascades_are_verified_and_folded_to_the_same_state() -> None:
    log = memory_log(SYSTEM, flow_records(SYSTEM, seed=5, count=400))
    (fold,) = decide_all(log, SYSTEM)
    events = decoded(log, SYSTEM, 0)
    assert max(event.cause_count for event in events) > 5
    found = verify(log, SYSTEM, 0)
    assert (found.difference, found.commands_compared) == (None, 400)
    assert (found.events_compared, found.rules_version) == (len(events) - 1, 1)
    state = DECIDER.initial()
    for offset, (at, command) in enumerate(islice(flow(5), 400)):
        _, state = decide_fully(DECIDER, state, command, at)
        if offset in (0, 57, 399):
            folded = state_at(log, SYSTEM, 0, At(command_offset=offset))
            assert folded.digest == digest(DECIDER.state_format, state)
    assert fold.state == state


def test_without_a_log_a_timer_that_fails_is_an_error() -> None:
    assert given(DECIDER).when(CountDown(start=1), NOON) == [
        Counted(left=1, every_ms=0, due_ms=NOON),
        Counted(left=0, every_ms=0, due_ms=NOON),
    ]
    waiting = given(DECIDER, Counted(left=2, every_ms=5, due_ms=NOON))
    assert [event.left for event in waiting.when(CountDown(start=7, every_ms=5), NOON)] == [1, 7]
    with pytest.raises(TimerFailed, match=f"due at {NOON} did not fire: ValueError.'bad luck'"):
        given(DECIDER).when(CountDown(start=UNLUCKY), NOON)


def test_what_a_timer_makes_due_at_once_happens_at_the_timers_time() -> None:
    due = NOON + 50

    def at_once_after_the_first(clock: Clock) -> int | None:
        return due if clock.left == 3 else 0 if clock.left else None

    decider = replace(DECIDER, next_due=at_once_after_the_first)
    waiting = Clock(left=3, due_ms=due)
    events, _ = decide_fully(decider, waiting, CountDown(start=0), NOON + 900)
    assert [(event.left, event.due_ms) for event in events] == [
        (2, due), (1, due), (0, due), (0, NOON + 900),
    ]  # fmt: skip
