"""A projection's declaration: its tables, and the fold that turns events into their rows.

A system's package of projections declares them (`PROJECTIONS = (...)`); a worker runs them from
the events topic into a store. A row is a msgspec struct, and its fields are the table's columns.
"""

import inspect
import re
import typing
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from operator import attrgetter
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from log.codec import tag_of

if TYPE_CHECKING:
    from projections.core.rows import Tables

Row = TypeVar("Row", bound=msgspec.Struct)
ColumnType = type[int] | type[str] | type[float] | type[bool] | type[bytes]
COLUMN_TYPES: tuple[ColumnType, ...] = (int, str, float, bool, bytes)
NAME = re.compile(r"[a-z](_?[a-z0-9])*")
"""Two underscores in a row are kept for the tables of a rebuild."""


class Column(NamedTuple):
    name: str
    type: ColumnType
    nullable: bool


class Box(NamedTuple):
    """The points from `low` to `high`, both included, by a table's two `spatial` columns."""

    low: tuple[int, int]
    high: tuple[int, int]

    @property
    def is_empty(self) -> bool:
        return self.low[0] > self.high[0] or self.low[1] > self.high[1]


@dataclass(frozen=True, eq=False)
class Table(Generic[Row]):
    """A table of a read model: one row type, its key, and the orders it can be read in.

    Columns are int, str, float, bool, bytes, or one of these `| None`; a Literal of strings is a
    str. Key and index columns are never None. Queries read along the key or a declared index, so
    that no query of a large table is slow. Integers must fit 64 bits, signed.

    `spatial` names two int columns that are a point on a plane, such as microdegrees: queries
    read the rows within a box. These two must fit 32 bits, signed.
    """

    name: str
    row: type[Row]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    spatial: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "table")
        known = {column.name: column for column in self.columns}
        point = () if self.spatial is None else (self.spatial,)
        for order in (self.key, *self.indexes, *point):
            for name in order:
                if name not in known:
                    raise TypeError(f"table {self.name}: {self.row.__name__} has no field {name}")
                if known[name].nullable:
                    raise TypeError(
                        f"table {self.name}: {name} stands in a key: it cannot be None"
                    )
            if not order or len(set(order)) != len(order):
                raise TypeError(f"table {self.name}: {order} is no key")
        for name in self.spatial or ():
            if known[name].type is not int:
                raise TypeError(f"table {self.name}: {name} is spatial: it must be an int")

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        parameters = inspect.signature(self.row).parameters.values()
        if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters):
            raise TypeError(f"{self.row.__name__} is made by position: declare no kw_only fields")
        return tuple(
            _column(self.row, field.encode_name, field.type)
            for field in msgspec.structs.fields(self.row)
        )

    @cached_property
    def key_of(self) -> Callable[[Row], Any]:
        """The key of a row: a tuple, or the bare value where the key is one column."""
        return attrgetter(*self.key)

    @property
    def schema(self) -> dict[str, Any]:
        """What the store compares to tell whether its table is the declared one."""
        return {
            "name": self.name,
            "columns": [[name, kind.__name__, null] for name, kind, null in self.columns],
            "key": self.key,
            "indexes": self.indexes,
            **({} if self.spatial is None else {"spatial": self.spatial}),
        }


def _column(row: type[Any], name: str, declared: Any) -> Column:
    nullable = False
    if typing.get_origin(declared) in (UnionType, typing.Union):
        others = [member for member in typing.get_args(declared) if member is not NoneType]
        nullable = len(others) < len(typing.get_args(declared))
        declared = others[0] if len(others) == 1 else declared
    if typing.get_origin(declared) is Literal:
        kinds = {type(value) for value in typing.get_args(declared)}
        declared = kinds.pop() if len(kinds) == 1 else declared
    if declared not in COLUMN_TYPES:
        raise TypeError(
            f"{row.__name__}.{name}: a column cannot be {declared}; it is one of "
            f"{', '.join(kind.__name__ for kind in COLUMN_TYPES)} (keep an enum's value)"
        )
    return Column(name, declared, nullable)


class Events:
    """A run of events of one partition, in order. Iterate for (event, its timestamp in ms).

    They are shared with other projections: read them, never change them. The events of one command
    are never split over two runs.
    """

    __slots__ = ("events", "partition", "timestamps_ms")

    def __init__(
        self, partition: int, events: Sequence[Any], timestamps_ms: Sequence[int]
    ) -> None:
        self.partition = partition
        self.events = events
        self.timestamps_ms = timestamps_ms

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        return zip(self.events, self.timestamps_ms, strict=True)

    def __len__(self) -> int:
        return len(self.events)

    def of(self, kinds: Container[type[Any]]) -> "Events":
        """Those of some types alone."""
        wanted = [type(event) in kinds for event in self.events]
        if all(wanted):
            return self
        events = list(compress(self.events, wanted))
        return Events(self.partition, events, list(compress(self.timestamps_ms, wanted)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Projection:
    """One read model of a system.

    `fold(tables, events)` applies a run of the topic's events, those of the types in `events`, to
    the rows in `tables`. It depends on nothing but these two, and may be handed the same events
    again after a crash. `version` grows with every change of what `fold` does: the read model is
    then made again from the first event.

    `rows_of="partition"` promises that a row is only ever read and written for the events of one
    partition, as where the system's key, or the partition, is part of every table's key. Several
    workers then move the projection side by side; otherwise ("topic") they take turns.
    """

    name: str
    events: tuple[type[Any], ...]
    tables: tuple[Table[Any], ...]
    fold: "Callable[[Tables, Events], None]"
    version: int = 1
    rows_of: Literal["partition", "topic"] = "topic"

    def __post_init__(self) -> None:
        check_name(self.name, "projection")
        if not self.tables:
            raise TypeError(f"projection {self.name} declares no table")
        if not self.events:
            raise TypeError(f"projection {self.name} folds no events")

    @cached_property
    def kinds(self) -> frozenset[type[Any]]:
        """The types in `events`."""
        return frozenset(self.events)

    @cached_property
    def schema(self) -> str:
        """The events and tables in one line of JSON, as the store keeps it."""
        schema = {
            "events": [tag_of(kind) for kind in self.events],
            "tables": [table.schema for table in self.tables],
        }
        return msgspec.json.encode(schema).decode()


def check_name(name: str, kind: str) -> None:
    if not NAME.fullmatch(name):
        raise TypeError(f"{kind} name {name!r}: lower-case words joined by single underscores")
