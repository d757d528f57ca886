"""Edits: what a line may say, and what is told of one that means nothing here."""

from collections.abc import Sequence

import pytest

from log.record import Record
from log.topic import TopicConfig
from replay.portable_lines import ImportedRecord
from replay.what_if.edits import Edits
from replay.what_if.errors import InvalidEdit
from tests.samples.parking import SYSTEM
from tests.samples.parking.commands import LeaveSpot, ParkCar

CONFIG = TopicConfig(partitions=2)
CODEC = SYSTEM.command_codec(CONFIG)
SPOT = {number: f"s{number}" for number in range(2)}
for attempt in range(50):
    SPOT[SYSTEM.placed(LeaveSpot(spot=f"s{attempt}"), 2)[1][0]] = f"s{attempt}"
"""A spot of each partition."""


def edits(*lines: str) -> Edits:
    return Edits(lines, SYSTEM, CONFIG, 2)


def records(number: int = 0) -> list[ImportedRecord]:
    spot = SPOT[number]
    commands = [
        ParkCar(spot=spot, car="x", stay_ms=10),
        LeaveSpot(spot=spot),
        ParkCar(spot=spot, car="y", stay_ms=20),
    ]
    return [
        ImportedRecord(offset, 100 * offset, spot.encode(), CODEC.encode(command), [("h", b"1")])
        for offset, command in enumerate(commands)
    ]


def applied(*lines: str, number: int = 0) -> list[tuple[int, int, str]]:
    """(offset, timestamp, value) of what stands there after the edits."""
    parsed = edits(*lines)
    edited = parsed.edited(number)
    found = edited.apply(records(number))
    found += edited.rest(3)
    parsed.check_met([number])
    return [(each.offset, each.timestamp, (each.value or b"").decode()) for each in found]


def cars(found: Sequence[tuple[int, int, str]]) -> list[tuple[int, str]]:
    return [(offset, value.partition('"car":"')[2][:1]) for offset, _, value in found]


def add(place: str, spot: str = SPOT[0]) -> str:
    command = f'{{"type":"park_car.v1","spot":"{spot}","car":"n","stay_ms":1}}'
    return f'{{"op":"add",{place},"command":{command}}}'


def test_offsets_stay_and_move_on() -> None:
    assert cars(applied('{"op":"remove","partition":0,"offset":1}')) == [(0, "x"), (2, "y")]
    assert cars(applied(add('"partition":0,"before":0'))) == [
        (0, "n"),
        (1, "x"),
        (2, ""),
        (3, "y"),
    ]
    assert cars(applied(add('"after":1'))) == [(0, "x"), (1, ""), (2, "n"), (3, "y")]
    removed = '{"op":"remove","partition":0,"offset":1}'
    assert cars(applied(removed, add('"after":1'))) == [(0, "x"), (2, "n"), (3, "y")]


def test_an_addition_has_a_time_of_its_own_or_its_neighbours() -> None:
    times = [
        (offset, at)
        for offset, at, value in applied(
            add('"after":1'),
            add('"before":1,"timestamp":7'),
            add('"timestamp":150'),
            add('"timestamp":"1970-01-01T00:00:09Z"'),
        )
        if '"n"' in value
    ]
    assert times == [(1, 7), (3, 100), (4, 150), (6, 9000)]


def test_where_and_set() -> None:
    assert cars(applied('{"op":"remove","where":{"car":"x"}}')) == [(1, ""), (2, "y")]
    assert cars(applied('{"op":"remove","where":{"type":"park_car.v1"}}')) == [(1, "")]
    found = applied('{"op":"change","where":{"stay_ms":20},"set":{"car":"z","stay_ms":5}}')
    assert cars(found) == [(0, "x"), (1, ""), (2, "z")]
    assert found[2][2].endswith('"car":"z","stay_ms":5}')


def test_keys_headers_and_untouched_bytes_stay() -> None:
    edited = edits('{"op":"change","partition":0,"offset":0,"set":{"car":"w"}}').edited(0)
    before, after = records(), edited.apply(records())
    assert [each.value == one.value for each, one in zip(after, before, strict=True)] == [
        False,
        True,
        True,
    ]
    assert all(each.headers == [("h", b"1")] for each in after)
    assert all(each.key == SPOT[0].encode() for each in after)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 1: Input data was truncated"),
        ('{"op":"drop"}', "Invalid value 'drop'"),
        ('{"op":"remove","partition":0,"ofset":1}', "unknown field `ofset`"),
        ('{"op":"remove","partition":2,"offset":1}', "partition 2: there are 0 to 1"),
        ('{"op":"remove","offset":1}', "name the `partition`"),
        ('{"op":"remove","partition":0}', "needs an `offset` or a `where`"),
        ('{"op":"remove","partition":0,"offset":1,"where":{}}', "and not both"),
        ('{"op":"remove","where":{"cra":"x"}}', "no command has a field 'cra': did you mean car?"),
        ('{"op":"remove","where":{"type":"park.v1"}}', "there is no command 'park.v1'"),
        ('{"op":"remove","where":{"type":[]}}', "there is no command []"),
        ('{"op":"change","where":{"car":"x"},"set":{}}', "`set` is empty"),
        ('{"op":"change","where":{"car":"x"},"set":{"type":"a"}}', "type cannot change"),
        (
            '{"op":"change","where":{"car":"x"},"set":{"colour":1}}',
            "no command has a field 'colour'",
        ),
        ('{"op":"add","after":1,"command":{"type":"tow.v1"}}', "there is no command 'tow.v1'"),
        ('{"op":"add","after":1,"command":{"spot":"a"}}', "`command` has no `type`"),
        (add('"before":1,"after":2'), "not both"),
        (add('"partition":0'), "needs `before`, `after` or a `timestamp`"),
        (add('"partition":1,"after":2'), "the command's key belongs to partition 0"),
        (add('"timestamp":"noon"'), "`timestamp`: 'noon' is neither"),
    ],
)
def test_a_line_that_means_nothing(line: str, what: str) -> None:
    with pytest.raises(InvalidEdit) as refused:
        edits(line)
    assert str(refused.value).startswith("line 1: ")
    assert what in str(refused.value)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"op":"remove","partition":0,"offset":9}', "no recorded command stands there"),
        ('{"op":"remove","where":{"car":"q"}}', "no command matches"),
        (add('"after":17'), "no recorded command stands there"),
        (
            '{"op":"change","partition":0,"offset":1,"set":{"car":"x"}}',
            "offset 1 is a leave_spot.v1, with no field 'car'",
        ),
        ('{"op":"change","partition":0,"offset":0,"set":{"stay_ms":"long"}}', "Expected `int`"),
        (
            f'{{"op":"change","partition":0,"offset":0,"set":{{"spot":"{SPOT[1]}"}}}}',
            "would then belong to partition 1",
        ),
    ],
)
def test_a_line_that_means_nothing_for_this_history(line: str, what: str) -> None:
    with pytest.raises(InvalidEdit, match="line 1: ") as refused:
        applied(line)
    assert what in str(refused.value)


def test_what_does_not_decode_can_be_removed_but_not_changed() -> None:
    unreadable = ImportedRecord(0, 1, b"k", b"{", [])
    assert edits('{"op":"remove","partition":0,"offset":0}').edited(0).apply([unreadable]) == []
    by_field = edits('{"op":"remove","where":{"car":"x"}}').edited(0)
    assert [each.value for each in by_field.apply([unreadable])] == [Record(b"{").value]
    change = edits('{"op":"change","partition":0,"offset":0,"set":{"car":"x"}}').edited(0)
    with pytest.raises(InvalidEdit, match="cannot be read"):
        change.apply([unreadable])
