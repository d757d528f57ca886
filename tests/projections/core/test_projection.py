"""Declarations: what a table and a projection may be, said when they are declared."""

from collections.abc import Callable
from enum import Enum
from typing import Literal

import msgspec
import pytest

from processors.core.messages import NothingChanged
from projections.core.projection import Column, Events, Projection, Table
from projections.core.rows import Tables
from projections.core.store import Catalog
from tests.projections.core.garage import SYSTEM
from tests.samples.parking.events import EVENTS


class Colour(Enum):
    RED = "red"


class Row(msgspec.Struct):
    key: str
    number: int
    side: Literal["buy", "sell"] = "buy"
    note: str | None = None


class Keywords(msgspec.Struct, kw_only=True):
    key: str


class WithEnum(msgspec.Struct):
    colour: Colour


class WithList(msgspec.Struct):
    names: list[str]


class WithChoice(msgspec.Struct):
    either: int | str


def fold(tables: Tables, events: Events) -> None:
    return None


ROWS = Table("some_rows", Row, key=("key",))


def test_columns_come_from_the_row() -> None:
    assert ROWS.columns == (
        Column("key", str, False),
        Column("number", int, False),
        Column("side", str, False),
        Column("note", str, True),
    )
    assert ROWS.key_of(Row("a", 1)) == "a"
    assert Table("rows", Row, key=("number", "key")).key_of(Row("a", 1)) == (1, "a")


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: Table("rows", Row, key=()), "is no key"),
        (lambda: Table("rows", Row, key=("key", "key")), "is no key"),
        (lambda: Table("rows", Row, key=("name",)), "Row has no field name"),
        (lambda: Table("rows", Row, key=("note",)), "note stands in a key: it cannot be None"),
        (lambda: Table("rows", Row, key=("key",), indexes=(("no",),)), "has no field no"),
        (lambda: Table("rows", Row, key=("key",), indexes=((),)), "is no key"),
        (
            lambda: Table("rows", Row, key=("key",), spatial=("number", "no")),
            "has no field no",
        ),
        (
            lambda: Table("rows", Row, key=("key",), spatial=("number", "side")),
            "side is spatial: it must be an int",
        ),
        (
            lambda: Table("rows", Row, key=("key",), spatial=("number", "number")),
            "is no key",
        ),
        (lambda: Table("some__rows", Row, key=("key",)), "single underscores"),
        (lambda: Table("Rows", Row, key=("key",)), "lower-case"),
        (lambda: Table("rows; --", Row, key=("key",)), "lower-case"),
        (lambda: Table("rows", Keywords, key=("key",)), "no kw_only fields"),
        (lambda: Table("rows", WithEnum, key=("colour",)), "keep an enum's value"),
        (lambda: Table("rows", WithList, key=("names",)), "WithList.names: a column cannot be"),
        (lambda: Table("rows", WithChoice, key=("either",)), "WithChoice.either: a column cannot"),
        (
            lambda: Projection(name="model", events=EVENTS, tables=(), fold=fold),
            "declares no table",
        ),
        (
            lambda: Projection(name="a model", events=EVENTS, tables=(ROWS,), fold=fold),
            "lower-case",
        ),
    ],
)
def test_a_mistake_is_named(declare: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        declare()


def test_names_are_a_systems_own() -> None:
    one = Projection(name="one", events=EVENTS, tables=(ROWS,), fold=fold)
    same_name = Projection(
        name="one", events=EVENTS, tables=(Table("others", Row, key=("key",)),), fold=fold
    )
    same_table = Projection(
        name="two", events=EVENTS, tables=(Table("some_rows", Row, key=("key",)),), fold=fold
    )
    with pytest.raises(TypeError, match="two projections of one name"):
        Catalog(SYSTEM, (one, same_name))
    with pytest.raises(TypeError, match="two tables are called 'some_rows'"):
        Catalog(SYSTEM, (one, same_table))


def test_a_projection_folds_the_events_of_its_system() -> None:
    stray = Projection(name="one", events=(NothingChanged,), tables=(ROWS,), fold=fold)
    with pytest.raises(TypeError, match="NothingChanged, which is no event of"):
        Catalog(SYSTEM, (stray,))
    with pytest.raises(TypeError, match="folds no events"):
        Projection(name="one", events=(), tables=(ROWS,), fold=fold)


def test_the_schema_changes_with_what_the_store_would_have_to_change() -> None:
    def schema(table: Table[Row]) -> str:
        return Projection(name="model", events=EVENTS, tables=(table,), fold=fold).schema

    same = schema(Table("some_rows", Row, key=("key",)))
    assert same == schema(ROWS)
    fewer = Projection(name="model", events=EVENTS[:1], tables=(ROWS,), fold=fold)
    assert fewer.schema != same
    others = (
        Table("other_rows", Row, key=("key",)),
        Table("some_rows", Row, key=("number",)),
        Table("some_rows", Row, key=("key",), indexes=(("number",),)),
    )
    assert len({same, *map(schema, others)}) == 4
