"""Counts of what went over a system's topics, against counts made by hand."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record
from replay import statistics
from replay.spread import Spread, SpreadCount
from replay.statistics import TooManyBuckets, rates
from tests.replay.recording import PARKING, UNREADABLE, append, run
from tests.samples.parking import START_MS, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar

MINUTE_MS = 60_000


def parked(at: int, spot: str = "a", car: str = "x") -> tuple[int, ParkCar]:
    return START_MS + at, ParkCar(spot=spot, car=car, stay_ms=10_000_000)


def test_what_came_when(log: Log) -> None:
    append(log, parked(0), parked(10), parked(1000), (START_MS + 2500, LeaveSpot(spot="a")))
    run(log)
    counted = rates(log, PARKING, every_ms=1000)
    commands, events = counted.commands, counted.events
    assert [(each.at_ms - START_MS, each.by_type) for each in commands.buckets] == [
        (0, {"park_car.v1": 2}),
        (1000, {"park_car.v1": 1}),
        (2000, {"leave_spot.v1": 1}),
    ]
    assert [(each.count, each.by_type) for each in events.buckets] == [
        (3, {"rules_adopted.v1": 1, "car_parked.v1": 1, "car_refused.v1": 1}),
        (1, {"car_refused.v1": 1}),
        (1, {"car_left.v1": 1}),
    ]
    assert [(each.type, each.count) for each in commands.types] == [
        ("park_car.v1", 3),
        ("leave_spot.v1", 1),
    ]
    size = len('{"type":"park_car.v1","spot":"a","car":"x","stay_ms":10000000}')
    assert commands.types[0].bytes == Spread(
        count=3, total=3 * size, least=size, p50=size, p99=size, most=size
    )
    assert counted.gaps_ms == Spread(count=3, total=2500, least=10, p50=990, p99=1500, most=1500)
    assert counted.events_per_command == Spread(count=4, total=4, least=1, p50=1, p99=1, most=1)
    assert [(each.key, each.commands) for each in counted.keys] == [("x", 4)]
    assert counted.key_count_too_low_by == 0


def test_time_without_anything_is_shown_too() -> None:
    log = MemoryLog()
    append(log, parked(0), parked(5 * MINUTE_MS))
    counted = rates(log, PARKING, every_ms=MINUTE_MS)
    assert [each.count for each in counted.commands.buckets] == [1, 0, 0, 0, 0, 1]
    assert [each.count for each in counted.events.buckets] == [0] * 6


@pytest.mark.parametrize(
    ("apart_ms", "every_ms"),
    [(0, 1), (1, 10), (100, 1000), (60_000, 300_000), (86_400_000, 4 * 86_400_000)],
)
def test_buckets_are_as_wide_as_makes_thirty_at_most(apart_ms: int, every_ms: int) -> None:
    log = MemoryLog()
    append(log, *(parked(number * apart_ms) for number in range(100)))
    run(log)
    counted = rates(log, PARKING)
    assert counted.every_ms == every_ms
    for traffic in (counted.commands, counted.events):
        assert len(traffic.buckets) <= 30
        assert sum(each.count for each in traffic.buckets) == traffic.count >= 100
        assert all(each.at_ms % every_ms == 0 for each in traffic.buckets)


def test_widening_on_the_way_keeps_every_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a long history: buckets are made wider while it is read."""
    log = MemoryLog()
    append(log, *islice(flow(1), 2000))
    run(log)
    whole = rates(log, PARKING)
    monkeypatch.setattr(statistics, "READ_BYTES", 1000)
    monkeypatch.setattr(statistics, "BUCKETS_MAX", 40)
    assert rates(log, PARKING) == whole


def test_narrow_buckets_of_a_long_time_are_refused() -> None:
    log = MemoryLog()
    append(log, parked(0), parked(20_000_000))
    with pytest.raises(TooManyBuckets, match=r"more than 10,000 buckets of 1,000 ms"):
        rates(log, PARKING, every_ms=1000)


def test_a_stretch_of_time() -> None:
    """From, included, until, excluded; also where a producer's clock went back."""
    log = MemoryLog()
    times = [0, 5, 3, 9, 4, 12, 7]
    append(log, *(parked(at) for at in times))
    run(log)
    counted = rates(log, PARKING, every_ms=1, from_ms=START_MS + 4, until_ms=START_MS + 9)
    assert [each.at_ms - START_MS for each in counted.commands.buckets if each.count] == [4, 5, 7]
    assert counted.gaps_ms == Spread(count=2, total=3, least=0, p50=0, p99=3, most=3)
    nothing = rates(log, PARKING, from_ms=START_MS + 100)
    assert (nothing.commands.count, nothing.commands.buckets, nothing.keys) == (0, [], [])


def test_events_of_a_command() -> None:
    """Five stays run out at once: the next command has their events too."""
    log = MemoryLog()
    cars = [ParkCar(spot=f"s{number}", car="x", stay_ms=100) for number in range(5)]
    append(log, *((START_MS, car) for car in cars), parked(1000))
    run(log)
    assert rates(log, PARKING).events_per_command == Spread(
        count=6, total=11, least=1, p50=1, p99=6, most=6
    )


def test_what_cannot_be_read_is_counted() -> None:
    log = MemoryLog()
    append(log, UNREADABLE, b"{", b"\xff")
    run(log)
    log.partition(PARKING.commands_topic, 0).append([Record(None, b"x", START_MS)])
    counted = rates(log, PARKING)
    assert [(each.type, each.count) for each in counted.commands.types] == [
        ("(unreadable)", 3),
        ("park_car.v1", 1),
    ]
    assert counted.events.types[0].type == "command_dead_lettered.v1"


def test_two_partitions_count_as_one_topic() -> None:
    log = MemoryLog()
    system = replace(PARKING, partitions=2)
    system.ensure_topics(log)
    for number in (0, 1):
        records = [Record(b"{}", b"k%d" % number, START_MS + 10 * at) for at in range(3)]
        log.partition(system.commands_topic, number).append(records)
    counted = rates(log, system)
    assert counted.commands.count == 6
    assert (counted.gaps_ms.count, counted.gaps_ms.most) == (4, 10)
    assert {each.key: each.commands for each in counted.keys} == {"k0": 3, "k1": 3}


def test_rare_keys_are_forgotten_within_the_bound_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "KEYS_MAX", 50)
    monkeypatch.setattr(statistics, "READ_BYTES", 1)
    log = MemoryLog()
    PARKING.ensure_topics(log)
    keys = [b"often" if at % 3 == 0 else b"rare %d" % at for at in range(600)]
    partition = log.partition(PARKING.commands_topic, 0)
    for at in range(0, len(keys), 10):
        partition.append([Record(b"{}", key, START_MS) for key in keys[at : at + 10]])
    counted = rates(log, PARKING)
    found, bound = counted.keys[0], counted.key_count_too_low_by
    assert found.key == "often"
    assert 0 < bound < 50
    assert Counter(keys)[b"often"] - bound <= found.commands <= Counter(keys)[b"often"]


def test_progress_is_told() -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 100))
    told: list[tuple[int, int]] = []
    rates(log, PARKING, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (100, 100)
    rates(
        log, PARKING, from_ms=START_MS + 1, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (100, 100)


def test_a_spread() -> None:
    counts = SpreadCount()
    nothing = Spread(count=0, total=0, least=0, p50=0, p99=0, most=0)
    assert counts.spread() == nothing
    counts.add_all((value, 1) for value in range(1, 1001))
    spread = counts.spread()
    assert (spread.count, spread.total, spread.least, spread.most) == (1000, 500_500, 1, 1000)
    assert (spread.p50, spread.p99) == (500, 990)
    counts.add(1 << 60)
    assert counts.spread().most == 1 << 60
