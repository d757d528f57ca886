"""The points of a table in a database: an R*Tree beside it on SQLite, a GiST index on PostgreSQL.

SQLite's R*Tree knows a row by an integer, so a table with points has one more column there, which
no reader sees; triggers keep the tree as the table is, whatever statement changes that. Both hold
what they index exactly: the tree in integers of 32 bits, the index in doubles.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sql

from projections.core.projection import Box

COORDINATE = sql.BigInteger()
CORNERS = ("low_1", "low_2", "high_1", "high_2")
ROW_NUMBER = "refold_row_number"
COORDINATE_LEAST, COORDINATE_MOST = -(2**31), 2**31 - 1


def spatial_name(table: str) -> str:
    """Of the tree, or the index, of a physical table."""
    return f"{table}_spatial"


def table_arguments(
    key: tuple[str, ...], points: tuple[sql.Column[int], sql.Column[int]], is_sqlite: bool
) -> Iterator[sql.schema.SchemaItem]:
    """What a table with points has beside its columns."""
    for column in points:
        yield sql.CheckConstraint(column.between(COORDINATE_LEAST, COORDINATE_MOST))
    if is_sqlite:
        yield sql.Column(ROW_NUMBER, sql.Integer, primary_key=True)
        yield sql.UniqueConstraint(*key)
    else:
        yield sql.PrimaryKeyConstraint(*key)


def create_index(connection: sql.Connection, table: sql.Table, points: tuple[str, str]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    first, second = map(quote, points)
    name, on = quote(spatial_name(table.name)), quote(table.name)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"CREATE INDEX {name} ON {on} USING gist (point({first}, {second}))"
        )
        return
    connection.exec_driver_sql(
        f"CREATE VIRTUAL TABLE {name} USING rtree_i32(id, least_1, most_1, least_2, most_2)"
    )
    added = (
        f"INSERT INTO {name} VALUES "
        f"(NEW.{ROW_NUMBER}, NEW.{first}, NEW.{first}, NEW.{second}, NEW.{second});"
    )
    removed = f"DELETE FROM {name} WHERE id = OLD.{ROW_NUMBER};"
    moved = f"WHEN (OLD.{first}, OLD.{second}) IS NOT (NEW.{first}, NEW.{second})"
    for event, condition, action in (
        ("INSERT", "", added),
        ("DELETE", "", removed),
        ("UPDATE", moved, f"{removed} {added}"),
    ):
        trigger = quote(f"{spatial_name(table.name)}_{event.lower()}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {trigger} AFTER {event} ON {on} {condition} BEGIN {action} END"
        )


def drop_tree(connection: sql.Connection, table: str) -> None:
    """SQLite's alone: an index goes with its table, and so do triggers."""
    if connection.dialect.name == "sqlite":
        name = connection.dialect.identifier_preparer.quote(spatial_name(table))
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")


def rows_within(
    table: sql.Table, columns: list[sql.Column[Any]], points: tuple[str, str]
) -> sql.Select[Any]:
    """Those columns of the rows whose point is in a box: that of `parameters_of`."""
    low_1, low_2, high_1, high_2 = (sql.bindparam(name, type_=COORDINATE) for name in CORNERS)
    query: sql.Select[Any] = sql.select(*columns)
    if ROW_NUMBER not in table.columns:
        corners = sql.func.box(_point(low_1, low_2), _point(high_1, high_2))
        on = sql.func.point(*(table.columns[name] for name in points))
        return query.where(on.op("<@", is_comparison=True)(corners))
    names = ("id", "least_1", "most_1", "least_2", "most_2")
    tree = sql.table(spatial_name(table.name), *map(sql.column, names)).columns
    return query.where(
        tree.id == table.columns[ROW_NUMBER],
        tree.least_1 >= low_1,
        tree.most_1 <= high_1,
        tree.least_2 >= low_2,
        tree.most_2 <= high_2,
    )


def parameters_of(box: Box) -> dict[str, int]:
    return dict(zip(CORNERS, (*box.low, *box.high), strict=True))


def _point(first: sql.BindParameter[Any], second: sql.BindParameter[Any]) -> sql.Function[Any]:
    return sql.func.point(sql.cast(first, sql.Double), sql.cast(second, sql.Double))
