"""What every kind of store does: rows, orders, transactions, and what a reader sees."""

import random
from typing import Any

import msgspec
import pytest

from projections.core.errors import (
    ProjectionConflict,
    ProjectionError,
    ProjectionOutdated,
    ReadModelMissing,
    StoreError,
)
from projections.core.projection import Box, Events, Projection, Table
from projections.core.rows import Tables
from projections.core.store import GenerationReplaced, Session, Store, Watermark
from tests.projections.core.garage import Stores, dump
from tests.samples.parking.events import EVENTS


class Thing(msgspec.Struct):
    name: str
    number: int
    flag: bool = False
    ratio: float | None = None
    data: bytes = b""
    note: str | None = None


def no_fold(tables: Tables, events: Events) -> None:
    raise AssertionError("these tests write by themselves")


THINGS = Table("things", Thing, key=("name", "number"), indexes=(("number",), ("flag", "number")))
NAMES = Table("names", Thing, key=("name",))


class Place(msgspec.Struct):
    town: str
    number: int
    latitude: int
    longitude: int
    is_open: bool = True
    note: bytes = b""


PLACES = Table(
    "places",
    Place,
    key=("town", "number"),
    indexes=(("is_open", "number"),),
    spatial=("latitude", "longitude"),
)
MODEL = Projection(name="model", events=EVENTS, tables=(THINGS, NAMES, PLACES), fold=no_fold)


class Writer:
    """Writes as a follower does: through a working set, a transaction at a time."""

    def __init__(self, store: Store, rebuild: bool = False) -> None:
        self.session: Session = (store.begin_rebuild if rebuild else store.open)(MODEL, 1)
        self.tables = Tables(MODEL.tables, self.session.load, self.session.is_new)
        self.cached_rows = 0

    def write(self, *rows: Any, delete: tuple[Any, ...] = (), table: Table[Any] = THINGS) -> None:
        before = self.session.watermarks[0]
        after = Watermark(before.next_sequence + 1, before.next_offset + 1)
        with self.session.transaction(0, after) as write:
            for row in rows:
                self.tables[table].put(row)
            for key in delete:
                self.tables[table].delete(key)
            write(self.tables.changes())
        self.tables.settle(self.cached_rows)


def towns_within(store: Store, low: tuple[int, int], high: tuple[int, int]) -> str:
    with store.reading() as reader:
        return "".join(sorted(row.town for row in reader.within(PLACES, Box(low, high))))


def read(store: Store, table: Table[Any] = THINGS, *equal: Any, **options: Any) -> list[Any]:
    with store.reading() as reader:
        return [(row.name, row.number) for row in reader.rows(table, *equal, **options)]


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.open([MODEL])


def test_every_kind_of_value_comes_back(store: Store) -> None:
    writer = Writer(store)
    things = [
        Thing("ärger", -(2**63), True, 0.1, b"\x00\xff", None),
        Thing("", 2**63 - 1, False, None, b"", "it's; --"),
    ]
    writer.write(*things)
    with store.reading() as reader:
        assert list(reader.rows(THINGS)) == sorted(things, key=lambda thing: thing.name)
        assert reader.get(THINGS, "ärger", -(2**63)) == things[0]
        assert reader.get(THINGS, "ärger", 1) is None
    again = Writer(store)
    before = again.session.watermarks[0]
    with again.session.transaction(0, Watermark(before.next_sequence + 1, 9)) as write:
        assert again.tables[THINGS].get(("ärger", -(2**63))) == things[0]
        write(again.tables.changes())


@pytest.mark.parametrize(
    ("equal", "options", "expected"),
    [
        ((), {}, "a1 a2 a3 b1 b2 c1"),
        ((), {"descending": True}, "c1 b2 b1 a3 a2 a1"),
        (("a",), {}, "a1 a2 a3"),
        (("a",), {"at_least": 2}, "a2 a3"),
        (("a",), {"below": 3, "at_least": 2}, "a2"),
        (("a",), {"below": 3, "descending": True}, "a2 a1"),
        (("a",), {"limit": 2}, "a1 a2"),
        (("a", 2), {}, "a2"),
        (("a", 4), {}, ""),
        (("", 4), {}, ""),
        ((), {"at_least": "b"}, "b1 b2 c1"),
        ((), {"by": ("number",)}, "a1 b1 c1 a2 b2 a3"),
        ((), {"by": ("number",), "descending": True, "limit": 2}, "a3 b2"),
        ((2,), {"by": ("number",)}, "a2 b2"),
        ((True,), {"by": ("flag", "number")}, "a1 b1 c1"),
        ((False,), {"by": ("flag", "number"), "descending": True}, "a3 b2 a2"),
        ((), {"limit": 0}, ""),
    ],
)
def test_rows_come_in_the_order_that_was_asked_for(
    store: Store, equal: tuple[Any, ...], options: dict[str, Any], expected: str
) -> None:
    names = ["b2", "a1", "c1", "a3", "b1", "a2"]
    Writer(store).write(*(Thing(name[0], int(name[1]), name[1] == "1") for name in names))
    found = [f"{name}{number}" for name, number in read(store, THINGS, *equal, **options)]
    assert found == expected.split()


def test_an_order_that_no_index_gives_is_refused(store: Store) -> None:
    Writer(store)
    with pytest.raises(TypeError, match="declare it in `indexes`"):
        read(store, THINGS, by=("flag",))
    with pytest.raises(TypeError, match="2 values for"):
        read(store, THINGS, 1, 2, by=("number",))
    with store.reading() as reader, pytest.raises(TypeError, match="1 values for the key"):
        reader.get(THINGS, "a")


def test_a_table_of_no_projection_is_refused(store: Store) -> None:
    Writer(store)
    other = Table("other", Thing, key=("name",))
    with pytest.raises(ProjectionError, match="declares the table 'other'"):
        read(store, other)


def test_what_no_worker_has_made_cannot_be_read(store: Store) -> None:
    assert store.status(MODEL) is None
    with pytest.raises(ReadModelMissing, match="run the system's worker"):
        read(store)


def test_what_fails_inside_of_a_transaction_leaves_rows_and_watermark(store: Store) -> None:
    writer = Writer(store)
    writer.write(Thing("a", 1))
    with (
        pytest.raises(ZeroDivisionError),
        writer.session.transaction(0, Watermark(2, 2)) as write,
    ):
        writer.tables[THINGS].put(Thing("b", 2))
        write(writer.tables.changes())
        raise ZeroDivisionError
    assert read(store) == [("a", 1)]
    status = store.status(MODEL)
    assert status is not None and status.watermarks == {0: Watermark(1, 1)}
    assert writer.session.watermarks == {0: Watermark(1, 1)}


def test_sessions_that_write_together_are_seen_together(store: Store) -> None:
    writer = Writer(store)
    with store.together():
        writer.write(Thing("a", 1))
        writer.write(Thing("b", 2))
    assert read(store) == [("a", 1), ("b", 2)]
    assert writer.session.watermarks == {0: Watermark(2, 2)}


def test_of_those_that_write_together_one_that_fails_undoes_itself_alone(store: Store) -> None:
    writer = Writer(store)
    with store.together():
        writer.write(Thing("a", 1))
        with (
            pytest.raises(ZeroDivisionError),
            writer.session.transaction(0, Watermark(2, 2)) as write,
        ):
            write([])
            raise ZeroDivisionError
        writer.write(Thing("b", 2))
    assert read(store) == [("a", 1), ("b", 2)]
    status = store.status(MODEL)
    assert status is not None and status.watermarks == {0: Watermark(2, 2)}


def test_of_two_workers_the_second_is_stopped(store: Store) -> None:
    first, second = Writer(store), Writer(store)
    first.write(Thing("a", 1))
    with pytest.raises(ProjectionConflict, match=r"another (process|worker) applies events"):
        second.write(Thing("b", 1))
    first.write(Thing("c", 1))
    assert read(store) == [("a", 1), ("c", 1)]


def test_a_rebuilt_generation_is_seen_at_once_and_whole(store: Store) -> None:
    live = Writer(store)
    live.write(Thing("old", 1), Thing("old", 2))
    rebuilt = Writer(store, rebuild=True)
    assert rebuilt.session.watermarks == {0: Watermark()}
    rebuilt.write(Thing("new", 1))
    assert read(store) == [("old", 1), ("old", 2)]
    assert rebuilt.session.swap(lambda number, mark: False)
    assert read(store) == [("new", 1)]
    with pytest.raises(GenerationReplaced):
        live.write(Thing("old", 3))
    assert read(store) == [("new", 1)]
    rebuilt.write(Thing("new", 2))
    assert read(store) == [("new", 1), ("new", 2)]


def test_a_generation_behind_the_live_one_does_not_take_its_place(store: Store) -> None:
    live, rebuilt = Writer(store), Writer(store, rebuild=True)
    live.write(Thing("old", 1))
    assert not rebuilt.session.swap(lambda number, mark: False)
    assert read(store) == [("old", 1)]
    live.write(Thing("old", 2))
    # Unless the topic has no more: the live one belongs to another log.
    assert rebuilt.session.swap(lambda number, mark: True)
    assert read(store) == []


def test_a_second_rebuild_ends_the_first(store: Store) -> None:
    Writer(store)
    first = Writer(store, rebuild=True)
    first.write(Thing("first", 1))
    second = Writer(store, rebuild=True)
    with pytest.raises(GenerationReplaced):
        first.write(Thing("first", 2))
    with pytest.raises(ProjectionConflict, match="took over"):
        first.session.swap(lambda number, mark: True)
    second.write(Thing("second", 1))
    assert second.session.swap(lambda number, mark: False)
    assert read(store) == [("second", 1)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            Projection(
                name="model", events=EVENTS, tables=(THINGS, NAMES), fold=no_fold, version=2
            ),
            "version 1;",
        ),
        (
            Projection(name="model", events=EVENTS, tables=(THINGS,), fold=no_fold),
            "another table schema;",
        ),
    ],
)
def test_another_version_or_schema_is_neither_read_nor_written(
    stores: Stores, changed: Projection, message: str
) -> None:
    Writer(stores.open([MODEL])).write(Thing("a", 1))
    store = stores.open([changed])
    status = store.status(changed)
    assert status is not None and not status.current
    with pytest.raises(ProjectionOutdated, match=message):
        store.open(changed, 1)
    with pytest.raises(ProjectionOutdated, match=message):
        read(store)


@pytest.mark.parametrize("cached_rows", [0, 7, 1_000])
def test_a_working_set_writes_what_a_dictionary_would_hold(store: Store, cached_rows: int) -> None:
    """Random puts, inserts, deletes and reads, over transactions, some with a new session."""
    draw = random.Random(cached_rows)
    model: dict[tuple[str, int], Thing] = {}
    writer = Writer(store)
    for _ in range(60):
        if draw.random() < 0.1:
            writer = Writer(store)
        before = writer.session.watermarks[0]
        after = Watermark(before.next_sequence + 1, before.next_offset + 1)
        rows = writer.tables[THINGS]
        with writer.session.transaction(0, after) as write:
            for _ in range(draw.randrange(20)):
                key = (draw.choice("abcd"), draw.randrange(6))
                assert rows.get(key) == model.get(key)
                if key in model and draw.random() < 0.4:
                    rows.delete(key)
                    del model[key]
                    continue
                row = Thing(*key, flag=draw.random() < 0.5, note=str(draw.random()))
                if key in model:
                    rows.put(row)
                else:
                    (rows.insert if draw.random() < 0.5 else rows.put)(row)
                model[key] = msgspec.structs.replace(row)
            write(writer.tables.changes())
        writer.tables.settle(cached_rows)
        with store.reading() as reader:
            assert list(reader.rows(THINGS)) == [model[key] for key in sorted(model)]
            by_flag = sorted(model.values(), key=lambda it: (it.flag, it.number, it.name))
            assert list(reader.rows(THINGS, by=("flag", "number"))) == by_flag


def test_a_row_that_comes_and_goes_never_reaches_the_store(store: Store) -> None:
    rows = Writer(store).tables[THINGS]
    rows.insert(Thing("a", 1))
    rows.put(Thing("a", 1, note="changed"))
    rows.delete(("a", 1))
    assert [list(part) for part in rows.changes()[1:]] == [[], [], []]
    rows.insert(Thing("a", 1))
    assert rows.changes().written == [Thing("a", 1)]


def test_a_row_that_must_be_there_and_is_not(store: Store) -> None:
    writer = Writer(store)
    with pytest.raises(ProjectionError, match=r"table things has no row \('a', 1\)"):
        writer.tables[THINGS]["a", 1]
    with pytest.raises(ProjectionError, match="does not declare the table other"):
        writer.tables[Table("other", Thing, key=("name",))]


def test_a_bare_value_is_the_key_of_one_column(store: Store) -> None:
    writer = Writer(store)
    before = writer.session.watermarks[0]
    for number, name in enumerate(("a", "b", "a"), 1):
        after = Watermark(before.next_sequence + number, number)
        with writer.session.transaction(0, after) as write:
            rows = writer.tables[NAMES]
            if rows.get(name) is not None:
                rows.delete(name)
            else:
                rows.put(Thing(name, number))
            write(writer.tables.changes())
        writer.tables.settle(0)
    assert dump(store)["names"] == [("b", 2, False, None, b"", None)]


def place_at(number: int, point: tuple[int, int]) -> Place:
    return Place("x", number, *point)


CORNERS = [("a", 0, 0), ("b", 0, 10), ("c", 10, 0), ("d", 10, 10), ("e", -5, -5), ("f", 10**6, 7)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ((0, 0), (10, 10), "abcd"),
        ((0, 0), (9, 10), "ab"),
        ((1, 1), (9, 9), ""),
        ((10, 10), (10, 10), "d"),
        ((-10, -10), (0, 0), "ae"),
        ((9, -1), (10**6, 7), "cf"),
        ((9, -1), (10**6 - 1, 7), "c"),
        ((-(2**31), -(2**31)), (2**31 - 1, 2**31 - 1), "abcdef"),
        ((-(10**12), -(10**12)), (10**12, 10**12), "abcdef"),
        ((10, 10), (0, 0), ""),
    ],
)
def test_rows_within_a_box_and_on_its_edges(
    store: Store, low: tuple[int, int], high: tuple[int, int], expected: str
) -> None:
    corners = (Place(town, 1, first, second) for town, first, second in CORNERS)
    Writer(store).write(*corners, table=PLACES)
    assert towns_within(store, low, high) == expected


def test_a_row_that_moves_or_goes_is_found_where_it_is(store: Store) -> None:
    writer = Writer(store)
    everywhere = (-(10**6), -(10**6)), (10**6, 10**6)
    writer.write(Place("a", 1, 5, 5), Place("b", 1, 5, 5, note=b"old"), table=PLACES)
    assert towns_within(store, (0, 0), (9, 9)) == "ab"
    moved = Place("a", 1, 500_000, 5, False, b"\x00new")
    writer.write(moved, Place("b", 1, 5, 5, note=b"new"), table=PLACES)
    with store.reading() as reader:
        assert list(reader.within(PLACES, Box((10, 0), everywhere[1]))) == [moved]
        assert [row.note for row in reader.within(PLACES, Box((0, 0), (9, 9)))] == [b"new"]
        assert [row.town for row in reader.rows(PLACES, by=("is_open", "number"))] == ["a", "b"]
        assert reader.get(PLACES, "a", 1) == moved
    writer.write(delete=(("a", 1),), table=PLACES)
    assert towns_within(store, *everywhere) == "b"
    writer.write(Place("a", 1, 6, 6), table=PLACES)
    assert towns_within(store, *everywhere) == "ab"


def test_random_points_are_found_as_by_looking_at_each(store: Store) -> None:
    draw = random.Random(5)
    writer = Writer(store)
    model: dict[int, Place] = {}

    def point(spread: int) -> tuple[int, int]:
        return draw.randint(-spread, spread), draw.randint(-spread, spread)

    for _ in range(20):
        spread = draw.choice((3, 50_000, 180_000_000))
        put = [place_at(draw.randrange(300), point(spread)) for _ in range(30)]
        model |= {row.number: msgspec.structs.replace(row) for row in put}
        gone = draw.sample(sorted(model), 3)
        writer.write(*put, delete=tuple(("x", number) for number in gone), table=PLACES)
        for number in gone:
            del model[number]
        (south, north), (west, east) = map(sorted, zip(point(spread), point(spread), strict=True))
        inside = [
            number
            for number, row in sorted(model.items())
            if south <= row.latitude <= north and west <= row.longitude <= east
        ]
        with store.reading() as reader:
            found = reader.within(PLACES, Box((south, west), (north, east)))
            assert sorted(row.number for row in found) == inside


def test_a_rebuilt_generation_has_points_of_its_own(store: Store) -> None:
    Writer(store).write(Place("old", 1, 1, 1), table=PLACES)
    for town in ("new", "newer"):
        rebuilt = Writer(store, rebuild=True)
        rebuilt.write(Place(town, 1, 1, 1), table=PLACES)
        assert rebuilt.session.swap(lambda number, mark: True)
        with store.reading() as reader:
            assert [row.town for row in reader.within(PLACES, Box((0, 0), (2, 2)))] == [town]


def test_a_table_without_points_is_not_read_within_a_box(store: Store) -> None:
    Writer(store)
    with (
        store.reading() as reader,
        pytest.raises(TypeError, match="things cannot be read within a box: declare its two"),
    ):
        reader.within(THINGS, Box((0, 0), (1, 1)))


def test_a_coordinate_beyond_32_bits_is_refused_by_a_database(database_stores: Stores) -> None:
    store = database_stores.open([MODEL])
    with pytest.raises(StoreError, match="latitude"):
        Writer(store).write(Place("far", 1, 2**31, 0), table=PLACES)
    assert read(store) == []
