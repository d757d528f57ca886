"""Projections from a real broker: the same read models as from a log in memory, and few questions
to the broker while there is nothing new."""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from log.backends.kafka import KafkaLog
from log.record import Record
from processors.core.registry import load_system
from processors.core.testing.subject import decide_all, flow_records, memory_log
from processors.markets.exchange import SYSTEM as EXCHANGE
from projections.core.event_reader import Chunk, EventReader
from projections.core.read_models import ReadModels, default_url, read_models
from projections.core.rebuild import rebuild
from projections.core.store import Store
from projections.core.testing import rows
from projections.core.worker import POLL_INTERVAL_S, Worker

SYSTEM = dataclasses.replace(EXCHANGE, partitions=2)
DECLARED = read_models(load_system("processors.markets.exchange"))
MODELS = ReadModels(SYSTEM, DECLARED.projections, DECLARED.queries)
FLOW = list(flow_records(SYSTEM, 3, 600))
HALF = len(FLOW) // 2
IDLE_S = 1.0


def append_flow(log: KafkaLog, begin: int, end: int) -> None:
    """A part of the flow, decided: each step is a transaction."""
    by_partition: dict[int, list[Record]] = {}
    for number, record in FLOW[begin:end]:
        by_partition.setdefault(number, []).append(record)
    SYSTEM.ensure_topics(log)
    for number, records in by_partition.items():
        log.partition(SYSTEM.commands_topic, number).append(records)
    decide_all(log, SYSTEM, 2_000)


def expected() -> Store:
    log = memory_log(SYSTEM, FLOW)
    decide_all(log, SYSTEM)
    store = MODELS.open_store("memory:")
    Worker(log, store).catch_up()
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return MODELS.open_store(default_url(tmp_path, SYSTEM))


def test_read_models_from_a_broker(kafka_log: KafkaLog, store: Store) -> None:
    append_flow(kafka_log, 0, HALF)
    store.batch_bytes = 5_000  # cuts commands
    first = Worker(kafka_log, store)
    assert first.catch_up() > 50
    assert first.has_applied()
    append_flow(kafka_log, HALF, len(FLOW))
    second = Worker(kafka_log, store)
    assert not second.has_applied()
    second.catch_up()
    assert second.has_applied()
    assert rows(store) == rows(expected())
    store.batch_bytes = 1 << 20
    for name in ("order_book", "trade_tape"):
        rebuild(kafka_log, store, MODELS.projections[name])
    assert rows(store) == rows(expected())
    store.close()


def test_several_workers_and_a_rebuild_beside_the_live_one(
    kafka_log: KafkaLog, kafka_address: str, kafka_prefix: str, postgresql_database: str
) -> None:
    """Of a new release, on what the one before has made; events come meanwhile."""
    append_flow(kafka_log, 0, HALF)
    store = MODELS.open_store(postgresql_database)
    Worker(kafka_log, store).catch_up()
    changed = dataclasses.replace(MODELS.projections["order_book"], version=99)
    newer = ReadModels(SYSTEM, {**MODELS.projections, "order_book": changed}, MODELS.queries)
    stop, holds = threading.Event(), dict[int, list[int]]()
    failures: list[BaseException] = []

    def follow(number: int) -> None:
        try:
            with KafkaLog({"bootstrap.servers": kafka_address}, prefix=kafka_prefix) as log:
                own = newer.open_store(postgresql_database)
                own.batch_bytes = 20_000
                Worker(log, own, lease_s=1.0).follow(
                    stop, shared=lambda held: holds.update({number: list(held)})
                )
                own.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        append_flow(kafka_log, HALF, len(FLOW))
        seen = newer.open_store(postgresql_database)
        watcher = Worker(kafka_log, seen)
        deadline_s = time.monotonic() + 60
        while not (watcher.has_applied() and sorted(holds.values()) == [[0], [1]]):
            assert time.monotonic() < deadline_s and not failures, (holds, failures)
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    assert rows(seen) == rows(expected())
    seen.close()
    store.close()


def test_an_idle_worker_leaves_the_broker_alone(
    kafka_log: KafkaLog, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_flow(kafka_log, 0, HALF)
    worker, stop = Worker(kafka_log, store), threading.Event()
    worker.catch_up()
    asked, read = Counter[str](), EventReader.read

    def counted(name: str) -> Callable[..., Any]:
        ask = getattr(kafka_log.cluster, name)

        def ask_and_count(*given: Any, **named: Any) -> Any:
            asked[name] += 1
            return ask(*given, **named)

        return ask_and_count

    def read_and_count(*given: Any) -> Chunk:
        asked["read"] += 1
        return read(*given)

    for name in ("log_end", "log_start"):
        monkeypatch.setattr(kafka_log.cluster, name, counted(name))
    monkeypatch.setattr(EventReader, "read", read_and_count)
    thread = threading.Thread(target=worker.follow, args=(stop,))
    thread.start()
    try:
        time.sleep(IDLE_S)
        idle = dict(asked)
        append_flow(kafka_log, HALF, len(FLOW))
        deadline_s = time.monotonic() + 30
        watcher = Worker(kafka_log, store)
        while not watcher.has_applied() and time.monotonic() < deadline_s:
            time.sleep(0.05)
    finally:
        stop.set()
        thread.join()
    assert rows(store) == rows(expected())
    assert idle.get("log_end", 0) + idle.get("log_start", 0) <= 4 * SYSTEM.partitions
    most_turns = 2 * IDLE_S / POLL_INTERVAL_S
    assert idle["read"] <= most_turns * SYSTEM.partitions * len(MODELS.projections)
    store.close()
