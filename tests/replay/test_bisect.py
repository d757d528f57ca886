"""Where two histories part: of logs, of digests, of rules; and in how many comparisons."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.envelope import Command, Event
from log.interface import Log
from log.record import Record
from processors.core.registry import Registered, Registry
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.testing.subject import decide_all, flow_records, memory_log
from replay.bisect import (
    Answer,
    Bisection,
    Compared,
    DigestsSide,
    Incomparable,
    WalkedSide,
    bisect,
)
from replay.digests import digests_of, header_of
from replay.histories import DecidedHistory, RecordedHistory
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.decider import Garage, decide, evolve
from tests.samples.parking.events import CarLeft, CarRefused

COUNT = 500
Timed = tuple[int, Command]
NEW_SPOT = "spot-new"


def commands(changed: int | None = None) -> list[Timed]:
    """A history; the command at `changed` parks on a spot that nobody else takes."""
    found: list[Timed] = list(islice(flow(1), COUNT))
    if changed is not None:
        found[changed] = found[changed][0], ParkCar(spot=NEW_SPOT, car="x", stay_ms=1 << 40)
    return found


def recorded(*history: Timed | bytes, system: System = PARKING, max_bytes: int = 700) -> Log:
    log = MemoryLog()
    append(log, *history)
    run(log, system, max_bytes=max_bytes)
    return log


def walked(log: Log, system: System = PARKING) -> WalkedSide:
    return WalkedSide(RecordedHistory(log, system, 0))


def decided(log: Log, system: System = PARKING) -> WalkedSide:
    return WalkedSide(DecidedHistory(log, system, 0))


def digested(
    log: Log,
    every: int,
    system: System = PARKING,
    *,
    at_hand: bool = False,
    since: int = 0,
    until: int | None = None,
) -> DigestsSide:
    """Digests that were written; with the log `at_hand`, or not."""
    header = header_of(
        system,
        [0],
        log="elsewhere",
        decided=False,
        every_commands=every,
        since=since,
    )
    lines = list(digests_of(RecordedHistory(log, system, 0), every, since=since, until=until))
    opened = (lambda after: RecordedHistory(log, system, 0, after=after)) if at_hand else None
    return DigestsSide(header, lines, opened)


def compare(a: Compared, b: Compared) -> Bisection:
    found = bisect("samples.parking", 0, a, b)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Bisection) == found
    return found


def answers(answer: Answer | None) -> list[str]:
    assert answer is not None
    return [msgspec.json.decode(event.value)["type"] for event in answer.events]


@pytest.mark.parametrize("changed", [0, 1, 2, 249, 250, 251, 498, 499])
@pytest.mark.parametrize("side", [walked, decided], ids=["folded", "decided"])
def test_one_command_differs(changed: int, side: Callable[[Log], WalkedSide]) -> None:
    found = compare(side(recorded(*commands())), side(recorded(*commands(changed))))
    parting = found.parting
    assert parting is not None
    assert (parting.command_offset, parting.same_until) == (changed, changed - 1)
    assert (parting.exact, parting.differing) == (True, "commands")
    assert found.comparisons <= 9
    assert found.commands == COUNT
    assert parting.b is not None and parting.b.command is not None
    assert parting.b.command.type == "park_car.v1"
    assert parting.b.command.fields["spot"] == NEW_SPOT
    assert "car_parked.v1" in answers(parting.b)
    assert [field.path for field in parting.state if NEW_SPOT in field.path] == [
        f"stays.{NEW_SPOT}"
    ]


def test_the_same(log: Log) -> None:
    append(log, *commands(), UNREADABLE)
    run(log)
    found = compare(walked(log), walked(recorded(*commands(), UNREADABLE, max_bytes=1)))
    assert (found.parting, found.commands) == (None, 501)
    assert compare(walked(log), decided(log)).parting is None
    assert compare(walked(recorded()), walked(recorded())).comparisons == 0


@pytest.mark.parametrize("registered", [*Registry()], ids=lambda each: each.system.name)
def test_every_system(registered: Registered) -> None:
    """Decided again it is the same; and where one command is left out, it is told which."""
    system = replace(registered.system, partitions=1, value_format="json")
    records = list(flow_records(system, 3, 120))
    whole, cut = (memory_log(system, some) for some in (records, records[:77] + records[78:]))
    for log in (whole, cut):
        decide_all(log, system)
    assert compare(walked(whole, system), decided(whole, system)).parting is None
    parting = compare(walked(whole, system), walked(cut, system)).parting
    assert parting is not None
    assert (parting.command_offset, parting.differing) == (77, "commands")


def test_a_history_is_walked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they part. Both sides together: twice as many commands."""
    for changed in (0, 250, 499, None):
        a, b = (walked(recorded(*some)) for some in (commands(), commands(changed)))
        done: list[int] = []

        def progress(walked: int, total: int, done: list[int] = done) -> None:
            done.append(walked)

        bisect("", 0, a, b, progress)
        assert done == sorted(done)
        assert COUNT <= done[-1] <= 2 * COUNT + 20, changed


def test_one_ends_before_the_other() -> None:
    longer, shorter = recorded(*commands()), recorded(*commands()[:312])
    for a, b in ((longer, shorter), (shorter, longer)):
        parting = compare(walked(a), walked(b)).parting
        assert parting is not None
        assert (parting.command_offset, parting.differing) == (312, "length")
        sides = {a: parting.a, b: parting.b}
        assert sides[longer] is not None and answers(sides[longer])
        assert sides[shorter] == Answer(command=None, events=[])


def test_commands_that_are_not_decided_are_no_answer() -> None:
    log = MemoryLog()
    append(log, *commands())
    run(log, steps=5, max_bytes=1)
    parting = compare(walked(log), walked(recorded(*commands()))).parting
    assert parting is not None
    assert (parting.command_offset, parting.differing) == (35, "length")
    assert parting.a is not None and parting.a.command is not None and not parting.a.events


def from_command(count: int) -> Callable[[Garage, Any, int], Sequence[Event]]:
    """Rules that refuse in other words, once a garage holds so many cars."""

    def lenient(garage: Garage, command: Any, at: int) -> Sequence[Event]:
        events = decide(garage, command, at)
        for event in events:
            if isinstance(event, CarRefused) and len(garage.stays) >= count:
                event.reason = "full"
        return events

    return lenient


def test_rules_that_decide_otherwise() -> None:
    log = recorded(*commands())
    parting = compare(decided(log), decided(log, with_rules(9, from_command(4)))).parting
    assert parting is not None and parting.a is not None and parting.b is not None
    assert (parting.differing, parting.state) == ("events", [])
    assert parting.a.command == parting.b.command
    (first,), (second,) = (
        [msgspec.json.decode(event.value)["reason"] for event in answer.events]
        for answer in (parting.a, parting.b)
    )
    assert (first[:8], second) == ("taken by", "full")
    linear = _first_by_hand(log, with_rules(9, from_command(4)))
    assert parting.command_offset == linear


def _first_by_hand(log: Log, system: System) -> int:
    sides = [decided(log), decided(log, system)]
    for offset in range(COUNT):
        one, other = (side.marks(offset, lambda _: None).events for side in sides)
        if one != other:
            return offset
    raise AssertionError("they do not part")


def test_rules_of_another_version_that_decide_the_same_are_the_same() -> None:
    log = recorded(*commands())
    assert compare(decided(log), decided(log, with_rules(9, decide))).parting is None


def forgetful(garage: Garage, event: Event) -> Garage:
    """Another `evolve`: it stays in the garage's books that a car left spot 3 by itself."""
    if isinstance(event, CarLeft) and event.spot == "spot-3" and not event.expired:
        garage.stays[event.spot].until_ms = 1 << 50
        return garage
    return evolve(garage, event)


def test_the_same_events_make_other_states() -> None:
    other = replace(PARKING, decider=replace(PARKING.decider, evolve=forgetful))
    log = recorded(
        *((1000 + at, ParkCar(spot=f"spot-{at}", car="x", stay_ms=1 << 40)) for at in range(8)),
        (2000, LeaveSpot(spot="spot-2")),
        (3000, LeaveSpot(spot="spot-3")),
        *((4000 + at, LeaveSpot(spot="nowhere")) for at in range(40)),
    )
    parting = compare(walked(log), walked(log, other)).parting
    assert parting is not None
    assert (parting.command_offset, parting.differing) == (9, "state")
    assert [field.path for field in parting.state] == ["stays.spot-3"]
    assert parting.a == parting.b


def test_digests_alone_tell_between_which_commands() -> None:
    ones, others = recorded(*commands()), recorded(*commands(273))
    found = compare(digested(ones, 50), digested(others, 50))
    parting = found.parting
    assert parting is not None
    assert (parting.same_until, parting.command_offset, parting.exact) == (249, 299, False)
    assert (parting.differing, parting.a, parting.b) == ("unknown", None, None)
    assert found.comparisons <= 4

    near = [digested(log, 1, since=250, until=299) for log in (ones, others)]
    parting = compare(*near).parting
    assert parting is not None
    assert (parting.same_until, parting.command_offset, parting.exact) == (272, 273, True)


def test_digests_with_their_logs_at_hand_tell_all() -> None:
    ones, others = recorded(*commands()), recorded(*commands(273))
    for a, b in (
        (digested(ones, 50, at_hand=True), digested(others, 50, at_hand=True)),
        (walked(ones), digested(others, 50, at_hand=True)),
        (digested(ones, 50, at_hand=True), walked(others)),
        (digested(ones, 50, at_hand=True), digested(others, 70, at_hand=True)),
    ):
        found = compare(a, b)
        parting = found.parting
        assert parting is not None
        assert (parting.command_offset, parting.exact) == (273, True)
        assert parting.differing == "commands"
        assert f"stays.{NEW_SPOT}" in [field.path for field in parting.state]
        assert found.comparisons <= 12


def test_a_log_that_is_not_what_was_digested_tells_nothing() -> None:
    ones, others = recorded(*commands()), recorded(*commands(273))
    meanwhile = digested(others, 50)
    meanwhile._open_after = lambda after: RecordedHistory(
        recorded(*commands(100)), PARKING, 0, after=after
    )
    parting = compare(digested(ones, 50, at_hand=True), meanwhile).parting
    assert parting is not None
    assert (parting.exact, parting.same_until) == (False, 249)


def test_digests_of_the_same_history() -> None:
    log = recorded(*commands())
    assert compare(digested(log, 50), digested(log, 50)).parting is None
    assert compare(digested(log, 50), walked(log)).parting is None
    shorter = digested(recorded(*commands()[:320]), 50)
    parting = compare(digested(log, 50), shorter).parting
    assert parting is not None
    assert (parting.same_until, parting.differing, parting.exact) == (299, "length", False)


def test_a_history_of_nothing() -> None:
    nothing, log = recorded(), recorded(*commands()[:20])
    assert compare(digested(nothing, 5), walked(nothing)).parting is None
    assert compare(digested(nothing, 5), digested(nothing, 5)).parting is None
    for empty in (digested(nothing, 5, at_hand=True), walked(nothing)):
        for whole in (digested(log, 5, at_hand=True), walked(log)):
            parting = compare(empty, whole).parting
            assert parting is not None
            assert (parting.command_offset, parting.differing) == (0, "length")


def test_digests_miss_no_state_that_differed_on_a_line() -> None:
    """Though the events are the same, and so are the states before and after."""

    def brief(garage: Garage, event: Event) -> Garage:
        garage = evolve(garage, event)
        for stay in garage.stays.values():
            if stay.car == "briefly":
                stay.until_ms = 77
        return garage

    other = replace(PARKING, decider=replace(PARKING.decider, evolve=brief, next_due=None))
    plain = replace(PARKING, decider=replace(PARKING.decider, next_due=None))
    history = [
        *((1000 + at, LeaveSpot(spot="nowhere")) for at in range(20)),
        (2000, ParkCar(spot="a", car="briefly", stay_ms=1 << 40)),
        (2001, LeaveSpot(spot="a")),
        *((3000 + at, LeaveSpot(spot="nowhere")) for at in range(40)),
    ]
    log = recorded(*history, system=plain)
    parting = compare(digested(log, 1, plain), digested(log, 1, other)).parting
    assert parting is not None
    assert (parting.command_offset, parting.exact) == (20, True)


def test_states_of_another_form_are_not_compared() -> None:
    all_rows = replace(
        PARKING,
        decider=replace(
            PARKING.decider, state_format=replace(PARKING.decider.state_format, parts=None)
        ),
    )
    log = recorded(*commands())
    assert compare(walked(log), walked(log, all_rows)).parting is None
    parting = compare(walked(log), walked(recorded(*commands(30)), all_rows)).parting
    assert parting is not None
    assert (parting.command_offset, parting.state_compared, parting.state) == (30, False, [])


def test_digests_that_share_no_command() -> None:
    log = recorded(*commands()[:100])
    with pytest.raises(Incomparable, match="the same --every and --since"):
        compare(digested(log, 1, since=10, until=15), digested(log, 50))


def test_histories_whose_beginning_is_deleted(tmp_path: Any) -> None:
    """One begins at its snapshot, the other is folded up to there."""
    log = MemoryLog()
    append(log, *commands()[:200])
    snapshots = SnapshotFolder(tmp_path, PARKING, 0)
    fold = run(log).fold
    snapshots.save(fold)
    append(log, *commands()[200:])
    run(log)
    log.partition(SYSTEM.events_topic, 0).delete_before(fold.next_offset)

    def cut() -> WalkedSide:
        return WalkedSide(RecordedHistory(log, PARKING, 0, snapshots))

    assert compare(cut(), walked(recorded(*commands()))).parting is None
    parting = compare(cut(), walked(recorded(*commands(311)))).parting
    assert parting is not None and parting.command_offset == 311
    with pytest.raises(Incomparable, match="the first events are deleted"):
        compare(cut(), digested(recorded(*commands()), 50))


def test_a_record_that_differs_is_a_difference() -> None:
    ones, others = recorded(*commands()), MemoryLog()
    append(others, *commands())
    events = others.partition(SYSTEM.events_topic, 0)
    for batch in ones.partition(SYSTEM.events_topic, 0).read(0, 1 << 30):
        events.append(
            [Record(r.value, r.key if r.offset < 300 else b"other", r.timestamp) for r in batch]
        )
    parting = compare(walked(ones), walked(others)).parting
    assert parting is not None and parting.a is not None and parting.b is not None
    assert parting.differing == "events"
    assert {event.key for event in parting.a.events} == {"x"}
    assert "other" in {event.key for event in parting.b.events}
