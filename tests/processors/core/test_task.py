"""A task: commands in, events out, exactly once; what happens to what it cannot decide."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.codec import Codec
from log.envelope import Command, Event
from log.errors import LogStorageError, PartitionFenced
from log.interface import nothing
from log.record import BatchBuilder, Record, StoredRecord
from processors.core.dead_letters import ERROR_HEADER, OFFSET_HEADER
from processors.core.messages import CommandDeadLettered, NothingChanged, RulesAdopted, Tick
from processors.core.system import System
from processors.core.task import Task, TaskFailed
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.decider import Garage
from tests.samples.parking.events import CarLeft, CarParked, CarRefused


def parking(*, rules_version: int = 1, evolve: Any = None) -> System:
    """The garage on one partition."""
    decider = SYSTEM.decider if evolve is None else replace(SYSTEM.decider, evolve=evolve)
    return replace(SYSTEM, partitions=1, rules_version=rules_version, decider=decider)


def a_log(system: System) -> MemoryLog:
    log = MemoryLog(clock=lambda: START_MS)
    system.ensure_topics(log)
    return log


def send(log: MemoryLog, *commands: Command | bytes | None, at: int = START_MS) -> None:
    codec: Codec[Command] = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic])
    values = [codec.encode(c) if isinstance(c, Command) else c for c in commands]
    log.partition(SYSTEM.commands_topic, 0).append([Record(v, b"key", at) for v in values])


def records(log: MemoryLog, topic: str) -> list[StoredRecord]:
    return [record for batch in log.partition(topic, 0).read(0, 1 << 30) for record in batch]


def events(log: MemoryLog) -> list[Event]:
    codec = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic])
    return [codec.decode(record.value or b"") for record in records(log, SYSTEM.events_topic)]


def run(log: MemoryLog, system: System | None = None) -> Task:
    task = Task(log, system or parking(), 0)
    while task.step():
        pass
    return task


def told(all_events: Iterable[Event]) -> list[tuple[int, int, int, int, str]]:
    return [
        (e.sequence, e.cause, e.cause_index, e.cause_count, type(e).__name__) for e in all_events
    ]


PARK = ParkCar(spot="a", car="red", stay_ms=1000)


def test_each_event_carries_its_sequence_and_its_cause() -> None:
    log = a_log(parking())
    send(log, PARK, PARK)
    send(log, LeaveSpot(spot="a"), LeaveSpot(spot="a"), at=START_MS + 1)
    run(log)
    assert told(events(log)) == [
        (0, -1, 0, 1, "RulesAdopted"),
        (1, 0, 0, 1, "CarParked"),
        (2, 1, 0, 1, "CarRefused"),
        (3, 2, 0, 1, "CarLeft"),
        (4, 3, 0, 1, "NothingChanged"),
    ]


def test_the_envelope_stands_first_and_defaults_are_left_out() -> None:
    log = a_log(parking())
    send(log, PARK)
    run(log)
    last = records(log, SYSTEM.events_topic)[-1]
    assert last.value == (
        b'{"type":"car_parked.v1","sequence":1,"cause":0,'
        b'"spot":"a","car":"red","until_ms":1700000001000}'
    )
    assert (last.key, last.timestamp) == (b"key", START_MS)


def test_a_timer_fires_before_any_later_command_and_at_its_own_time() -> None:
    log = a_log(parking())
    send(log, PARK, ParkCar(spot="b", car="blue", stay_ms=500))
    send(log, ParkCar(spot="a", car="green", stay_ms=9), at=START_MS + 5000)
    run(log)
    assert told(events(log))[3:] == [
        (3, 2, 0, 3, "CarLeft"),
        (4, 2, 1, 3, "CarLeft"),
        (5, 2, 2, 3, "CarParked"),
    ]
    left = [event for event in events(log) if isinstance(event, CarLeft)]
    assert [(event.spot, event.expired) for event in left] == [("b", True), ("a", True)]


def test_a_tick_fires_what_is_due_and_otherwise_changes_nothing() -> None:
    log = a_log(parking())
    send(log, PARK, Tick())
    send(log, Tick(), at=START_MS + 1000)
    run(log)
    assert [type(event) for event in events(log)] == [
        RulesAdopted,
        CarParked,
        NothingChanged,
        CarLeft,
    ]


def test_time_on_a_partition_never_goes_back() -> None:
    log = a_log(parking())
    send(log, PARK)
    send(log, ParkCar(spot="b", car="blue", stay_ms=7), at=START_MS - 400)
    task = run(log)
    assert task.fold.state.stays["b"].until_ms == START_MS + 7
    assert [r.timestamp for r in records(log, SYSTEM.events_topic)] == [START_MS] * 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\x00 no json", "DecodeError"),
        (b'{"type":"fly_away.v1"}', "fly_away.v1"),
        (b'{"type":"leave_spot.v1","spot":7}', "Expected `str`, got `int` - at `$.spot`"),
        (b'{"type":"park_car.v1","spot":"z","car":"x","stay_ms":-1}', "cannot be negative"),
        (b'{"type":"leave_spot.v1","spot":"cut"', "truncated"),
        (b'{"type":"leave_spot.v1","x":' + b"[" * 100_000, "RecursionError"),
        (None, "a command cannot be a tombstone"),
    ],
)
def test_a_bad_command_goes_to_dead_letters_and_stops_nobody(
    value: bytes | None, reason: str
) -> None:
    log = a_log(parking())
    send(log, PARK, value, LeaveSpot(spot="a"))
    run(log)
    assert [type(event) for event in events(log)] == [
        RulesAdopted,
        CarParked,
        CommandDeadLettered,
        CarLeft,
    ]
    (letter,) = records(log, SYSTEM.dead_letters_topic)
    headers = dict(letter.headers)
    assert (letter.value, letter.key, headers[OFFSET_HEADER]) == (value, b"key", b"1")
    assert reason in (headers[ERROR_HEADER] or b"").decode()


def test_an_event_that_cannot_be_written_down_is_never_applied() -> None:
    system = replace(parking(), value_format="msgpack")
    log = a_log(system)
    codec = system.command_codec(log.topics()[SYSTEM.commands_topic])
    # The longest stay fits msgpack's unsigned 64 bits; the time when it ends does not.
    commands = [
        ParkCar(spot=spot, car="red", stay_ms=ms) for spot, ms in (("a", 2**64 - 1), ("b", 5))
    ]
    log.partition(SYSTEM.commands_topic, 0).append(
        [Record(codec.encode(command), b"key", START_MS) for command in commands]
    )
    task = run(log, system)
    assert [type(event) for event in events(log)] == [RulesAdopted, CommandDeadLettered, CarParked]
    assert list(task.fold.state.stays) == ["b"]


def test_a_command_whose_origin_was_seen_is_dropped() -> None:
    def from_origin(sequence: int, index: int = 0) -> ParkCar:
        return ParkCar(
            spot=f"s{sequence}{index}",
            car="red",
            stay_ms=10_000,
            origin_topic="elsewhere.events",
            origin_partition=3,
            origin_sequence=sequence,
            origin_index=index,
        )

    log = a_log(parking())
    send(log, from_origin(5), from_origin(5, 1), from_origin(5), from_origin(4), from_origin(6))
    task = run(log)
    decided = events(log)[1:]
    assert [type(event) for event in decided] == [
        CarParked,
        CarParked,
        NothingChanged,
        NothingChanged,
        CarParked,
    ]
    assert [(e.origin_sequence, e.origin_index) for e in decided] == [
        (5, 0),
        (5, 1),
        (5, 0),
        (4, 0),
        (6, 0),
    ]
    assert {(e.origin_topic, e.origin_partition) for e in decided} == {("elsewhere.events", 3)}
    task.close()
    reopened = Task(log, parking(), 0)
    assert reopened.fold.origins == {("elsewhere.events", 3): (6, 0)}


def test_a_task_resumes_after_the_last_command_that_it_decided() -> None:
    log = a_log(parking())
    commands = [(at, command) for at, command in islice(flow(3), 300)]
    for at, command in commands[:150]:
        send(log, command, at=at)
    first = run(log)
    first.close()
    for at, command in commands[150:]:
        send(log, command, at=at)
    second = run(log)

    whole = a_log(parking())
    for at, command in commands:
        send(whole, command, at=at)
    uninterrupted = run(whole)
    assert [e.value for e in records(log, SYSTEM.events_topic)] == [
        e.value for e in records(whole, SYSTEM.events_topic)
    ]
    assert second.fold.state == uninterrupted.fold.state
    assert second.fold.next_sequence == uninterrupted.fold.next_sequence


def test_a_partition_has_one_task_at_a_time() -> None:
    log = a_log(parking())
    task = Task(log, parking(), 0)
    with pytest.raises(PartitionFenced):
        Task(log, parking(), 0)
    task.close()
    Task(log, parking(), 0).close()


def test_other_rules_say_so_before_their_first_decision() -> None:
    log = a_log(parking())
    send(log, PARK)
    run(log, parking(rules_version=1)).close()
    run(log, parking(rules_version=2)).close()
    assert RulesAdopted not in [type(event) for event in events(log)[1:]]  # nothing decided yet
    send(log, LeaveSpot(spot="a"))
    run(log, parking(rules_version=2)).close()
    adopted = [event for event in events(log) if isinstance(event, RulesAdopted)]
    assert [(event.version, event.sequence, event.cause) for event in adopted] == [
        (1, 0, -1),
        (2, 2, 0),
    ]


def test_when_the_log_refuses_the_events_nothing_is_lost_and_nothing_doubled() -> None:
    log = a_log(parking())
    task = Task(log, parking(), 0)
    append_batch = task._writer.append_batch
    full = True

    def refuse(batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> Sequence[int]:
        if full:
            raise LogStorageError("disk full")
        return append_batch(batch, meanwhile)

    task._writer.append_batch = refuse  # type: ignore[method-assign]
    send(log, PARK, PARK)
    for _ in range(3):
        with pytest.raises(LogStorageError):
            task.step()
    full = False
    assert task.step() == 2
    assert [type(event) for event in events(log)] == [RulesAdopted, CarParked, CarRefused]
    assert list(task.fold.state.stays) == ["a"]


def test_evolve_that_raises_stops_the_task_loudly_and_writes_nothing() -> None:
    def evolve(garage: Garage, event: Event) -> Garage:
        raise KeyError("spot")

    log = a_log(parking())
    send(log, PARK)
    task = Task(log, parking(evolve=evolve), 0)
    with pytest.raises(TaskFailed, match="evolve raised KeyError"):
        task.step()
    assert events(log) == []


@pytest.mark.parametrize("rule", ["decide", "evolve"])
def test_an_interrupt_is_not_a_fault_of_the_command(rule: str) -> None:
    """C code that meets a Ctrl-C in a callback may make another error of it."""
    interrupted = False

    def interrupted_once(*arguments: Any) -> Any:
        nonlocal interrupted
        if interrupted:
            return getattr(SYSTEM.decider, rule)(*arguments)
        interrupted = True
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt

    rules: dict[str, Any] = {rule: interrupted_once}
    decider = replace(SYSTEM.decider, **rules)
    log = a_log(parking())
    send(log, PARK)
    task = Task(log, replace(parking(), decider=decider), 0)
    with pytest.raises(KeyboardInterrupt):
        task.step()
    assert events(log) == []
    assert task.step() == 1
    assert [type(event) for event in events(log)] == [RulesAdopted, CarParked]


def test_a_refusal_is_an_event_like_any_other() -> None:
    log = a_log(parking())
    send(log, PARK, ParkCar(spot="a", car="blue", stay_ms=1))
    run(log)
    refused = events(log)[-1]
    assert isinstance(refused, CarRefused)
    assert refused.reason == "taken by red"
