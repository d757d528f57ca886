"""What holds for every read model: the suite that ours pass, and a user's own.

    from projections.core.testing import check_read_models

    def test_read_models() -> None:
        check_read_models("shop.orders")

Events come from the system's `flow`, decided in memory. Raises AssertionError with what is wrong.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from log.interface import Log
from processors.core.registry import load_system
from processors.core.testing.subject import ONE_COMMAND, decide_all, flow_records, memory_log
from projections.core.read_models import ReadModels, default_url, read_models
from projections.core.rebuild import rebuild
from projections.core.store import Store
from projections.core.worker import Worker

SEED = 3
COMMANDS = 400
SMALL_BATCH_BYTES = 1


def check_read_models(package: str, seed: int = SEED, commands: int = COMMANDS) -> None:
    """The read models that a package's system declares come out the same, however they are made:
    in transactions small and large, in a database and in memory, in one go, in two halves by two
    workers, or rebuilt.
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


def _in_memory(log: Log, models: ReadModels) -> Store:
    store = models.open_store("memory:")
    Worker(log, store).catch_up()
    return store


def rows(store: Store) -> dict[str, list[Any]]:
    """Every row of every read model in a store, by table, in the order of the key."""
    with store.reading() as reader:
        return {table.name: list(reader.rows(table)) for table in store.catalog.owners}


def _assert_same(found: dict[str, list[Any]], expected: dict[str, list[Any]], how: str) -> None:
    for table, due in expected.items():
        for row, other in zip(found[table], due, strict=False):
            assert row == other, f"{table}, {how}: {msgspec.to_builtins(row)}, not {other}"
        assert len(found[table]) == len(due), (
            f"{table}, {how}: {len(found[table])} rows, not {len(due)}"
        )
