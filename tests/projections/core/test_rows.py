"""The working set of a fold against a dict: every way to write and to read a row, in any order, in
runs of any length, with a cache of any size."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.core.memory_store import MemoryStore
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables
from projections.core.store import Catalog, Watermark
from tests.projections.core.garage import SYSTEM
from tests.samples.parking.events import EVENTS


class Row(msgspec.Struct):
    key: int
    value: int


ROWS = Table("counted", Row, key=("key",))


def no_fold(tables: Tables, events: Events) -> None:
    raise AssertionError("these tests write by themselves")


MODEL = Projection(name="model", events=EVENTS, tables=(ROWS,), fold=no_fold)


class Runs:
    """Runs of a fold, each a transaction, on an empty table; and what the table should hold."""

    def __init__(self, cached_rows: int) -> None:
        self.store = MemoryStore(Catalog(SYSTEM, (MODEL,)))
        self.session = self.store.open(MODEL, 1)
        self.tables = Tables(MODEL.tables, self.session.load, complete=True)
        self.cached_rows = cached_rows
        self.expected: dict[int, int] = {}

    @property
    def rows(self) -> Rows[Row]:
        return self.tables[ROWS]

    def write(self, way: str, key: int, value: int) -> None:
        """As a fold may: it looks before it changes or deletes; what it appends or inserts is
        new."""
        is_new = key not in self.expected
        if way in ("append", "insert"):
            if is_new:
                (self.rows.append if way == "append" else self.rows.insert)(Row(key, value))
                self.expected[key] = value
            return
        row = self.rows.get(key)
        assert (row and row.value) == self.expected.get(key)
        if row is None:
            return
        if way == "delete":
            self.rows.delete(key)
            del self.expected[key]
        else:
            self.expected[key] = row.value = value
            self.rows.put(row)

    def end_run(self) -> None:
        before = self.session.watermarks[0]
        after = Watermark(before.next_sequence + 1, before.next_offset + 1)
        with self.session.transaction(0, after) as write:
            write(self.tables.changes())
        self.tables.settle(self.cached_rows)
        with self.store.reading() as reader:
            assert {row.key: row.value for row in reader.rows(ROWS)} == self.expected


WAYS = st.sampled_from(["append", "append", "insert", "change", "change", "delete"])
STEPS = st.lists(st.tuples(WAYS, st.integers(0, 6), st.booleans()), max_size=40)


@given(STEPS, st.sampled_from([0, 2, 100]))
def test_rows_are_what_a_dict_would_hold(
    steps: list[tuple[str, int, bool]], cached_rows: int
) -> None:
    runs = Runs(cached_rows)
    for number, (way, key, ends_run) in enumerate(steps, 1):
        runs.write(way, key, number)
        if ends_run:
            runs.end_run()
    runs.end_run()


@pytest.mark.parametrize("ends_run", [False, True])
def test_an_appended_row_can_be_read_back(ends_run: bool) -> None:
    runs = Runs(cached_rows=100)
    runs.write("append", 1, 10)
    runs.end_run()
    assert runs.rows.get(2) is None
    runs.write("append", 2, 20)
    if ends_run:
        runs.end_run()
    for key in (1, 2):
        runs.write("change", key, key)
    runs.write("append", 3, 30)
    runs.end_run()
    assert [runs.rows[key].value for key in (1, 2, 3)] == [1, 2, 30]
