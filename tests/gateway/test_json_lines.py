"""A line that is no command is refused, with the field, the reason and the nearest name."""

import dataclasses

import msgspec
import pytest

from gateway.json_lines import BadLine, LineDecoder, time_ms
from log.envelope import Command
from tests.samples.parking import SYSTEM
from tests.samples.parking.commands import LeaveSpot, ParkCar


class Extra(msgspec.Struct):
    label: str
    note: str = ""


class Van(msgspec.Struct, tag="van"):
    seats: int = 0


class Truck(msgspec.Struct, tag="truck"):
    tons: int = 0


class Register(Command, tag="register.v1", kw_only=True):
    spot: str
    extras: list[Extra] = msgspec.field(default_factory=list)
    by_name: dict[str, Extra] = msgspec.field(default_factory=dict)
    groups: list[dict[str, Extra]] = msgspec.field(default_factory=list)
    pair: tuple[Extra, int] | None = None
    vehicle: Van | Truck | None = None


class Meet(Command, tag="meet.v1", kw_only=True):
    spot: str
    at: str
    """A place."""


class OldLeave(Command, tag="leave_spot.v0", kw_only=True):
    place: str


WIDE = dataclasses.replace(
    SYSTEM,
    commands=(*SYSTEM.commands, Register, Meet),
    upcasters={OldLeave: lambda old: LeaveSpot(spot=old.place)},
)


def test_a_command_decodes_to_its_own_type_and_time() -> None:
    decode = LineDecoder(SYSTEM).decode
    line = b'{"type":"park_car.v1","spot":"a","car":"x","stay_ms":5'
    command, at = decode(line + b"}")
    assert command == ParkCar(spot="a", car="x", stay_ms=5)
    assert type(command) is ParkCar
    assert at is None
    assert decode(line + b',"at":1700000000000}') == (command, 1_700_000_000_000)
    assert decode(line + b',"at":"2023-11-14T22:13:20Z"}') == (command, 1_700_000_000_000)


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-02", 86_400_000),
        ("2024-02-29 12:00:00.123456", 1_709_208_000_123),
    ],
)
def test_iso_times_are_utc_unless_they_say_otherwise(text: str, expected_ms: int) -> None:
    assert time_ms(text) == expected_ms


def test_an_old_version_is_brought_up_to_date() -> None:
    command, _ = LineDecoder(WIDE).decode(b'{"type":"leave_spot.v0","place":"a"}')
    assert command == LeaveSpot(spot="a")


def test_a_field_of_its_own_called_at_stays_a_field() -> None:
    command, at = LineDecoder(WIDE).decode(b'{"type":"meet.v1","spot":"a","at":"the gate"}')
    assert (command, at) == (Meet(spot="a", at="the gate"), None)


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (
            '{"type":"park_car.v1","spot":"a","car":"x","stay_ms":5,"spott":1}',
            "spott",
            "mean spot?",
        ),
        ('{"type":"park_car.v1","spott":"a","car":"x","stay_ms":5}', "spott", "mean spot?"),
        ('{"type":"park_car.v1","spot":"a","car":"x","stay_ms":"5"}', "stay_ms", "Expected `int`"),
        ('{"type":"park_car.v1","spot":"a","car":"x"}', "", "missing required field `stay_ms`"),
        ('{"type":"prak_car.v1"}', "type", "did you mean park_car.v1?"),
        ('{"spot":"a"}', "type", "missing"),
        ('{"type":7}', "type", "known are"),
        ("[1]", "", "JSON object"),
        ("{", "", "no JSON"),
        ('{"type":"leave_spot.v1","spot":"\udc80"}', "", "no JSON"),
        ('{"type":"leave_spot.v1","spot":"a","at":"soon"}', "at", "ISO 8601"),
        ('{"type":"leave_spot.v1","spot":"a","at":-1}', "at", "out of range"),
        ('{"type":"leave_spot.v1","spot":"a","at":1.5}', "at", "Expected"),
        ('{"type":"leave_spot.v1","spot":"a","at":1700000000000000}', "at", "milliseconds"),
        ('{"type":"leave_spot.v0","plaice":"a"}', "plaice", "mean place?"),
        (
            '{"type":"register.v1","spot":"a","extras":[{"label":"x"},{"label":"y","nte":""}]}',
            "extras[1].nte",
            "mean note?",
        ),
        (
            '{"type":"register.v1","spot":"a","by_name":{"k":{"label":"x","lable":"y"}}}',
            "by_name.k.lable",
            "mean label?",
        ),
        (
            '{"type":"register.v1","spot":"a","groups":[{"k":{"label":"x","not":""}}]}',
            "groups[0].k.not",
            "mean note?",
        ),
        (
            '{"type":"register.v1","spot":"a","pair":[{"label":"x","not":""},1]}',
            "pair[0].not",
            "mean note?",
        ),
        (
            '{"type":"register.v1","spot":"a","vehicle":{"type":"truck","seats":1}}',
            "vehicle.seats",
            "known are type, tons",
        ),
    ],
)
def test_a_bad_line_says_where_and_why(line: str, field: str, reason: str) -> None:
    line = line.encode("utf-8", "surrogateescape").decode("latin-1")
    with pytest.raises(BadLine) as caught:
        LineDecoder(WIDE).decode(line.encode("latin-1"))
    assert (caught.value.field, reason in caught.value.reason) == (field, True), caught.value


def test_nested_objects_that_are_right_pass() -> None:
    line = (
        b'{"type":"register.v1","spot":"a","at":5,"extras":[{"label":"x"}],"by_name":{"any":'
        b'{"label":"y"}},"groups":[{"k":{"label":"z"}}],"pair":[{"label":"p"},1],'
        b'"vehicle":{"type":"van","seats":2}}'
    )
    command, at = LineDecoder(WIDE).decode(line)
    assert command.groups == [{"k": Extra("z")}]
    assert command.vehicle == Van(2)
    assert at == 5
