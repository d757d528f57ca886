"""The working set: the rows that a fold reads and changes, between the fold and its store.

A fold changes rows here, as often as it likes; when its run of events ends, the store gets the
net changes, as few statements of many rows. What stays afterwards is a cache of stored rows: a
pure function of the tables, read again where it is missing, dropped where anything went wrong.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Generic, NamedTuple

from projections.core.errors import ProjectionError
from projections.core.projection import Row, Table

Load = Callable[[Table[Any], Any], Any]
"""From a table and a key to the stored row, the caller's own to change; None where none is."""


class Changes(NamedTuple):
    """What a run of events did to one table, net."""

    table: Table[Any]
    deleted: list[Any]
    """Keys."""
    written: list[Any]
    """Rows that are new or differ."""
    appended: list[Any]
    """Rows that are new."""


class Rows(Generic[Row]):
    """One table, as a fold sees it. A key is a tuple, or the bare value of a one-column key.

    Rows are the fold's own to change in place, where it `put`s them in the same run of events.
    """

    __slots__ = (
        "_appended",
        "_cache",
        "_changed",
        "_key_of",
        "_load",
        "_table",
        "_unstored",
        "append",
        "complete",
    )

    def __init__(self, table: Table[Row], load: Load, complete: bool) -> None:
        self._table = table
        self._key_of = table.key_of
        self._load = load
        self.complete = complete
        """Whether the cache holds every stored row, so that a miss need not ask the store."""
        self._cache: dict[Any, Row | None] = {}
        self._changed: set[Any] = set()
        self._unstored: set[Any] = set()
        self._appended: list[Row] = []
        self.append: Callable[[Row], None] = self._appended.append
        """Write a row whose key is new, and which the fold hardly ever reads back: the cheapest
        way for a list of facts. To change such a row, `get` it first."""

    def get(self, key: Any) -> Row | None:
        """The row, or None."""
        row = self._cache.get(key)
        if row is not None:
            return row
        if self._appended:
            self._take_in_appended()
            row = self._cache.get(key)
        if row is None and not self.complete and key not in self._cache:
            row = self._cache[key] = self._load(self._table, key)
        return row

    def _take_in_appended(self) -> None:
        """One of them may be asked for: from here on all are rows like any other."""
        for row in self._appended:
            self.insert(row)
        self._appended.clear()

    def __getitem__(self, key: Any) -> Row:
        """The row, where it must be there: ProjectionError where it is not."""
        row = self._cache.get(key)
        if row is None and (row := self.get(key)) is None:
            raise ProjectionError(f"table {self._table.name} has no row {key!r}")
        return row

    def put(self, row: Row) -> None:
        """Write a row: in place of the one with its key, or as a new one."""
        key = self._key_of(row)
        self._cache[key] = row
        self._changed.add(key)

    def insert(self, row: Row) -> None:
        """Write a row whose key no row has now. Cheaper than `put` where it may soon be deleted
        again: a row that comes and goes within one run of events never reaches the store."""
        key = self._key_of(row)
        if key not in self._changed:
            self._unstored.add(key)
            self._changed.add(key)
        self._cache[key] = row

    def delete(self, key: Any) -> None:
        if key in self._unstored:
            self._unstored.remove(key)
            self._changed.remove(key)
            del self._cache[key]
        else:
            self._cache[key] = None
            self._changed.add(key)

    def changes(self) -> Changes:
        """The net changes since the last `settle`, in the order of the key."""
        deleted, written = [], []
        cache = self._cache
        for key in sorted(self._changed):
            row = cache[key]
            if row is None:
                deleted.append(key)
            else:
                written.append(row)
        return Changes(self._table, deleted, written, self._appended)

    def settle(self, cached_rows_limit: int) -> None:
        """The changes are stored: keep at most so many rows, the latest, as a cache."""
        cache = self._cache
        for key in self._changed:
            if cache[key] is None:
                del cache[key]
        self._changed.clear()
        self._unstored.clear()
        if self._appended:
            self.complete = False
            if cache:  # it may know of some of these that there is no such row
                for row in self._appended:
                    cache.pop(self._key_of(row), None)
        self._appended = []
        self.append = self._appended.append
        if len(cache) > cached_rows_limit:
            for key in list(islice(cache, len(cache) - cached_rows_limit // 2)):
                del cache[key]
            self.complete = False


class Tables:
    """The tables of one projection, as its fold gets them: `tables[TABLE]` is a `Rows`."""

    __slots__ = ("_rows",)

    def __init__(self, tables: Iterable[Table[Any]], load: Load, complete: bool) -> None:
        self._rows = {table: Rows(table, load, complete) for table in tables}

    def __getitem__(self, table: Table[Row]) -> Rows[Row]:
        rows: Rows[Row] | None = self._rows.get(table)
        if rows is None:
            raise ProjectionError(f"the projection does not declare the table {table.name}")
        return rows

    def changes(self) -> list[Changes]:
        return [rows.changes() for rows in self._rows.values()]

    def settle(self, cached_rows_limit: int) -> None:
        for rows in self._rows.values():
            rows.settle(cached_rows_limit)
