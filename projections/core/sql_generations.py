"""Which generations of read models a database holds, and how far each is: the rows of GENERATIONS
and WATERMARKS, as `SqlStore` reads and writes them.
"""

from typing import NamedTuple

import sqlalchemy as sql

from projections.core.projection import Projection
from projections.core.sql_tables import GENERATIONS, WATERMARKS
from projections.core.store import Watermark

CURRENT, ASIDE, DROPPED = "current", "aside", "dropped"

CURRENT_WATERMARKS = (
    sql.select(
        GENERATIONS.c.projection,
        GENERATIONS.c.generation,
        GENERATIONS.c.topic,
        GENERATIONS.c.version,
        GENERATIONS.c.schema,
        WATERMARKS.c.partition,
        WATERMARKS.c.next_sequence,
        WATERMARKS.c.next_offset,
        WATERMARKS.c.checksum,
    )
    .select_from(
        GENERATIONS.outerjoin(
            WATERMARKS,
            (WATERMARKS.c.projection == GENERATIONS.c.projection)
            & (WATERMARKS.c.generation == GENERATIONS.c.generation),
        )
    )
    .where(GENERATIONS.c.state == CURRENT)
)
"""Of every read model that is served: how far it is on each partition."""


class Generation(NamedTuple):
    generation: int
    topic: str
    version: int
    schema: str
    state: str


def current_generations(
    connection: sql.Connection,
) -> dict[str, tuple[Generation, dict[int, Watermark]]]:
    """Every read model that is served, by name, and its watermarks, by partition."""
    found: dict[str, tuple[Generation, dict[int, Watermark]]] = {}
    for name, generation, topic, version, schema, number, *applied in connection.execute(
        CURRENT_WATERMARKS
    ):
        current = Generation(generation, topic, version, schema, CURRENT)
        marks = found.setdefault(name, (current, {}))[1]
        if number is not None:
            marks[number] = Watermark(*applied)
    return found


def is_declared(projection: Projection, held: Generation) -> bool:
    return held.version == projection.version and held.schema == projection.schema


def _rows(projection: Projection, generation: int) -> list[sql.ColumnElement[bool]]:
    return [WATERMARKS.c.projection == projection.name, WATERMARKS.c.generation == generation]


def watermarks_of(
    connection: sql.Connection, projection: Projection, generation: int, lock: bool = False
) -> dict[int, Watermark]:
    columns = WATERMARKS.c
    query = sql.select(
        columns.partition, columns.next_sequence, columns.next_offset, columns.checksum
    ).where(*_rows(projection, generation))
    if lock:
        query = query.order_by(columns.partition).with_for_update()
    return {number: Watermark(*values) for number, *values in connection.execute(query)}


def delete_watermarks(connection: sql.Connection, projection: Projection, generation: int) -> None:
    connection.execute(sql.delete(WATERMARKS).where(*_rows(projection, generation)))


def mark(connection: sql.Connection, projection: Projection, generation: int, state: str) -> bool:
    """Give a generation another state; False where its tables are gone."""
    update = sql.update(GENERATIONS).where(
        GENERATIONS.c.projection == projection.name,
        GENERATIONS.c.generation == generation,
        GENERATIONS.c.state != DROPPED,
    )
    return connection.execute(update.values(state=state)).rowcount == 1
