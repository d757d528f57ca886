"""What holds for every read model: the suite that ours pass, and a user's own.

    from projections.core.testing import check_read_models

    def test_read_models() -> None:
        check_read_models("shop.orders")

Events come from the system's `flow`, decided in memory. Raises AssertionError with what is wrong.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from log.interface import Log
from processors.core.registry import load_system
from processors.core.testing.subject import ONE_COMMAND, decide_all, flow_records, memory_log
from projections.core.event_reader import EventReader
from projections.core.projection import Projection, Table
from projections.core.read_models import ReadModels, default_url, read_models
from projections.core.rebuild import rebuild
from projections.core.rows import Rows, Tables
from projections.core.store import Store, Watermark
from projections.core.worker import Worker

SEED = 3
COMMANDS = 400
SMALL_BATCH_BYTES = 1
WHOLE_TOPIC_BYTES = 1 << 30


def check_read_models(package: str, seed: int = SEED, commands: int = COMMANDS) -> None:
    """The read models that a package's system declares come out the same, however they are made:
    in transactions small and large, in a database and in memory, in one go, in two halves by two
    workers, or rebuilt. Where a projection promises it, no row is of two partitions.
    """
    models = read_models(load_system(package))
    records = list(flow_records(models.system, seed, commands))
    log = memory_log(models.system, records[: commands // 2])
    decide_all(log, models.system, ONE_COMMAND)
    with TemporaryDirectory() as folder:
        live = models.open_store(default_url(Path(folder), models.system))
        large_bytes = live.batch_bytes
        live.batch_bytes, live.cached_rows_limit = SMALL_BATCH_BYTES, 10
        Worker(log, live).catch_up()
        for partition, record in records[commands // 2 :]:
            log.partition(models.system.commands_topic, partition).append([record])
        decide_all(log, models.system, ONE_COMMAND)
        Worker(log, live).catch_up()
        followed = rows(live)
        live.batch_bytes = large_bytes
        for projection in models.projections.values():
            rebuild(log, live, projection)
        _assert_same(rows(live), followed, "rebuilt in one go")
        live.close()
    _assert_same(rows(_in_memory(log, models)), followed, "in memory")
    for projection in models.projections.values():
        if projection.rows_of == "partition":
            _assert_rows_of_one_partition(log, models, projection)


def _in_memory(log: Log, models: ReadModels) -> Store:
    store = models.open_store("memory:")
    Worker(log, store).catch_up()
    return store


def rows(store: Store) -> dict[str, list[Any]]:
    """Every row of every read model in a store, by table, in the order of the key."""
    with store.reading() as reader:
        return {table.name: list(reader.rows(table)) for table in store.catalog.owners}


def _assert_rows_of_one_partition(log: Log, models: ReadModels, projection: Projection) -> None:
    """Each partition by itself: no row is read or written for two of them."""
    reader = EventReader(log, models.system, projection.events)
    owners: dict[tuple[str, Any], int] = {}
    for number in range(len(reader.partitions)):
        tables = WatchedTables(projection.tables)
        mark = Watermark()
        while (chunk := reader.read(number, mark, WHOLE_TOPIC_BYTES)).after != mark:
            mark = chunk.after
            projection.fold(tables, chunk.events.of(projection.kinds))
        for touched in tables.touched:
            other = owners.setdefault(touched, number)
            assert other == number, (
                f"{projection.name!r} declares rows_of='partition', and the events of partitions "
                f"{other} and {number} both touch the row {touched[1]!r} of {touched[0]!r}"
            )


class WatchedTables(Tables):
    """Tables that are empty at first, and keep which rows were asked for or written."""

    def __init__(self, tables: Iterable[Table[Any]]) -> None:
        self.touched: set[tuple[str, Any]] = set()
        self._rows = {table: _WatchedRows(table, self.touched) for table in tables}


class _WatchedRows(Rows[Any]):
    def __init__(self, table: Table[Any], touched: set[tuple[str, Any]]) -> None:
        super().__init__(table, lambda table, key: None, complete=True)
        self._touched = touched
        append = self.append

        def touch_and_append(row: Any) -> None:
            self._touch(self._key_of(row))
            append(row)

        self.append = touch_and_append

    def _touch(self, key: Any) -> None:
        self._touched.add((self._table.name, key))

    def get(self, key: Any) -> Any:
        self._touch(key)
        return super().get(key)

    def __getitem__(self, key: Any) -> Any:
        self._touch(key)
        return super().__getitem__(key)

    def put(self, row: Any) -> None:
        self._touch(self._key_of(row))
        super().put(row)

    def insert(self, row: Any) -> None:
        self._touch(self._key_of(row))
        super().insert(row)

    def delete(self, key: Any) -> None:
        self._touch(key)
        super().delete(key)


def _assert_same(found: dict[str, list[Any]], expected: dict[str, list[Any]], how: str) -> None:
    for table, due in expected.items():
        for row, other in zip(found[table], due, strict=False):
            assert row == other, f"{table}, {how}: {msgspec.to_builtins(row)}, not {other}"
        assert len(found[table]) == len(due), (
            f"{table}, {how}: {len(found[table])} rows, not {len(due)}"
        )
