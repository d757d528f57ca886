"""Reading the read models of a database, as of one moment: tables in an order, or within a box.

Made by `SqlStore.reading`, which opens the transaction.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from projections.core.projection import Box, Projection, Row, Table
from projections.core.sql_generations import is_declared
from projections.core.sql_spatial import parameters_of
from projections.core.sql_tables import SqlTable
from projections.core.store import Status, check_order, check_readable, check_spatial

if TYPE_CHECKING:
    from projections.core.sql_store import SqlStore


class SqlReader:
    """Reads the current generations in one read transaction; see `store.Reader`."""

    def __init__(self, store: "SqlStore", connection: sql.Connection) -> None:
        self._store = store
        self._connection = connection
        self._checked: dict[Projection, int] = {}

    def get(self, table: Table[Row], *key: Any) -> Row | None:
        if len(key) != len(table.key):
            raise TypeError(f"table {table.name}: {len(key)} values for the key {table.key}")
        return next(self.rows(table, *key), None)

    def rows(
        self,
        table: Table[Row],
        *equal: Any,
        by: tuple[str, ...] = (),
        at_least: Any = None,
        below: Any = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        order = check_order(table, by, equal)
        held = self._sql_table(table)
        columns = held.sql.columns
        query = sql.select(*held.columns)
        for name, value in zip(order, equal, strict=False):
            query = query.where(columns[name] == value)
        if at_least is not None:
            query = query.where(columns[order[len(equal)]] >= at_least)
        if below is not None:
            query = query.where(columns[order[len(equal)]] < below)
        for name in dict.fromkeys((*order, *table.key)):
            query = query.order_by(columns[name].desc() if descending else columns[name])
        make = table.row
        return (make(*row) for row in self._connection.execute(query.limit(limit)))

    def within(self, table: Table[Row], box: Box) -> Iterator[Row]:
        check_spatial(table)
        if box.is_empty:  # PostgreSQL would turn its corners around
            return iter(())
        query = self._sql_table(table).within
        make = table.row
        found = self._connection.execute(query, parameters_of(box)).all()
        return (make(*row) for row in found)

    def _sql_table(self, table: Table[Any]) -> SqlTable:
        projection = self._store.catalog.owner(table)
        generation = self._checked.get(projection)
        if generation is None:
            current = self._store._current(self._connection, projection)
            status = current and Status(
                current.version, current.generation, is_declared(projection, current), {}
            )
            check_readable(projection, status, self._store.where)
            assert current is not None
            generation = self._checked[projection] = current.generation
        return self._store.table(table, generation)
