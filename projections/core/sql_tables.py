"""The SQL of a read model's tables and of the store's own two, for any SQLAlchemy dialect.

Statements that run once a row are compiled once, to text, and handed to the driver's
`executemany` with the rows as they are: SQLAlchemy's own way costs more than SQLite itself.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from projections.core.errors import StoreError
from projections.core.projection import ColumnType, Table
from projections.core.sql_spatial import create_index, drop_tree, rows_within, table_arguments

METADATA = sql.MetaData()
GENERATIONS = sql.Table(
    "refold_generations",
    METADATA,
    sql.Column("projection", sql.Text, primary_key=True),
    sql.Column("generation", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("topic", sql.Text, nullable=False),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("schema", sql.Text, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
)
"""Every generation that there was. Readers see the one that is `current`; one `aside` is being
rebuilt, has just been replaced, or was left by a crash; the tables of the others are `dropped`."""
WATERMARKS = sql.Table(
    "refold_watermarks",
    METADATA,
    sql.Column("projection", sql.Text, primary_key=True),
    sql.Column("generation", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("partition", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("next_sequence", sql.BigInteger, nullable=False),
    sql.Column("next_offset", sql.BigInteger, nullable=False),
    sql.Column("checksum", sql.BigInteger, nullable=False),
)

ADVANCE = (
    sql.update(WATERMARKS)
    .where(
        WATERMARKS.c.projection == sql.bindparam("of_projection"),
        WATERMARKS.c.generation == sql.bindparam("of_generation"),
        WATERMARKS.c.partition == sql.bindparam("of_partition"),
        WATERMARKS.c.next_sequence == sql.bindparam("from_sequence"),
        WATERMARKS.c.next_offset == sql.bindparam("from_offset"),
    )
    .values({name: sql.bindparam(name) for name in ("next_sequence", "next_offset", "checksum")})
)
"""Moves a watermark on from where it was last seen, and from nowhere else."""

TEXT = sql.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""In the order of code points, as SQLite and Python have it."""
SQL_TYPES: dict[ColumnType, sql.types.TypeEngine[Any]] = {
    int: sql.BigInteger(),
    str: TEXT,
    float: sql.Double(),
    bool: sql.Boolean(),
    bytes: sql.LargeBinary(),
}
RESTORED = (bool, bytes)
"""What drivers may give back as something else (0 and 1, a memoryview)."""


def physical_name(table_name: str, generation: int) -> str:
    return f"{table_name}__g{generation}"


class SqlTable:
    """One table of one generation: its SQLAlchemy table, and its compiled statements."""

    def __init__(self, table: Table[Any], generation: int, dialect: sql.Dialect) -> None:
        name = physical_name(table.name, generation)
        self.row = table.row
        self.name = name
        self.spatial = table.spatial
        self.sql = _sql_table(name, table, dialect)
        self.columns = [self.sql.columns[column.name] for column in table.columns]
        """Those of the row."""
        columns = self.sql.columns
        for number, order in enumerate(table.indexes):
            sql.Index(f"{name}_{number}", *(columns[column] for column in order))
        by_key = [columns[key] == sql.bindparam(key, type_=columns[key].type) for key in table.key]
        names = [column.name for column in table.columns]
        self._bare_key = len(table.key) == 1
        self._restored = [
            (number, column.type)
            for number, column in enumerate(table.columns)
            if column.type in RESTORED
        ]
        self.insert = _Statement(sql.insert(self.sql).inline(), names, dialect, inserted=names)
        upsert = _upsert(self.sql, names, table.key, dialect)
        self.upsert = _Statement(upsert, names, dialect, inserted=names)
        self.delete = _Statement(sql.delete(self.sql).where(*by_key), table.key, dialect)
        self.select = _Statement(sql.select(*self.columns).where(*by_key), table.key, dialect)

    def load(self, connection: sql.Connection, key: Any) -> Any:
        parameters = self.select.parameters((self.key(key),))[0]
        found = connection.exec_driver_sql(self.select.text, parameters).fetchone()
        if found is None:
            return None
        values = list(found)
        for number, kind in self._restored:
            if values[number] is not None:
                values[number] = kind(values[number])
        return self.row(*values)

    def key(self, key: Any) -> tuple[Any, ...]:
        return (key,) if self._bare_key else key

    def create(self, connection: sql.Connection) -> None:
        self.sql.create(connection)
        if self.spatial is not None:
            create_index(connection, self.sql, self.spatial)

    @cached_property
    def within(self) -> sql.Select[Any]:
        """The rows whose point is in a box, see `sql_spatial.parameters_of`."""
        assert self.spatial is not None
        return rows_within(self.sql, self.columns, self.spatial)


def _sql_table(name: str, table: Table[Any], dialect: sql.Dialect) -> sql.Table:
    columns = [
        sql.Column(
            column.name, SQL_TYPES[column.type], nullable=column.nullable, autoincrement=False
        )
        for column in table.columns
    ]
    is_sqlite = dialect.name == "sqlite"
    beside: Iterable[sql.schema.SchemaItem] = (sql.PrimaryKeyConstraint(*table.key),)
    if table.spatial is not None:
        first, second = (
            next(column for column in columns if column.name == name) for name in table.spatial
        )
        beside = table_arguments(table.key, (first, second), is_sqlite)
    is_numbered = is_sqlite and table.spatial is not None
    return sql.Table(name, sql.MetaData(), *columns, *beside, sqlite_with_rowid=is_numbered)


class _Statement:
    """A statement as the driver's own text, and rows as the driver's own parameters."""

    def __init__(
        self,
        statement: sql.sql.ClauseElement,
        names: Iterable[str],
        dialect: sql.Dialect,
        inserted: list[str] | None = None,
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=inserted)
        assert isinstance(compiled, sql.sql.compiler.SQLCompiler)
        self.text = str(compiled)
        self._names = list(names)
        self._positional = compiled.positional
        if self._positional:
            assert compiled.positiontup == self._names, compiled.positiontup

    def parameters(self, rows: Sequence[tuple[Any, ...]]) -> Any:
        if self._positional:
            return rows
        names = self._names
        return [dict(zip(names, row, strict=True)) for row in rows]

    def execute_many(self, connection: sql.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            connection.exec_driver_sql(self.text, self.parameters(rows))


def _upsert(
    table: sql.Table, names: Iterable[str], key: tuple[str, ...], dialect: sql.Dialect
) -> sqlite.Insert | postgresql.Insert:
    insert: sqlite.Insert | postgresql.Insert
    if dialect.name == "sqlite":
        insert = sqlite.insert(table).inline()
    elif dialect.name == "postgresql":
        insert = postgresql.insert(table).inline()
    else:
        raise StoreError(
            f"read models can be kept in SQLite or PostgreSQL, not in {dialect.name}: choose "
            "another database URL"
        )
    others = {name: insert.excluded[name] for name in names if name not in key}
    if not others:
        return insert.on_conflict_do_nothing(index_elements=key)
    return insert.on_conflict_do_update(index_elements=key, set_=others)


def _stored_tables(schema: str) -> list[dict[str, Any]]:
    """As `Table.schema` had them."""
    tables: list[dict[str, Any]] = msgspec.json.decode(schema)["tables"]
    return tables


def drop_tables(connection: sql.Connection, schema: str, generation: int) -> None:
    for stored in _stored_tables(schema):
        name = physical_name(stored["name"], generation)
        if "spatial" in stored:
            drop_tree(connection, name)
        sql.Table(name, sql.MetaData()).drop(connection, checkfirst=True)


def show_as_views(
    connection: sql.Connection, old_schema: str | None, new_schema: str, generation: int
) -> None:
    """Give the current generation's tables their plain names, for other tools to read."""
    quote = connection.dialect.identifier_preparer.quote
    for stored in _stored_tables(old_schema or new_schema):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {quote(stored['name'])}")
    for stored in _stored_tables(new_schema):
        view, physical = stored["name"], physical_name(stored["name"], generation)
        columns = ", ".join(quote(name) for name, *_ in stored["columns"])
        connection.exec_driver_sql(
            f"CREATE VIEW {quote(view)} AS SELECT {columns} FROM {quote(physical)}"
        )
