"""What is particular to databases: what they refuse, and the tables that other tools see."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql

from projections.core.errors import ReadModelMissing, StoreError
from projections.core.projection import Box, Events, Projection
from projections.core.rebuild import rebuild
from projections.core.rows import Tables
from projections.core.sql_store import SqlStore
from projections.core.sql_tables import SqlTable
from projections.core.store import Catalog
from projections.core.worker import Worker
from tests.projections.core.garage import SYSTEM, Stores, Topic, dump, parked, sqlite_url
from tests.projections.core.test_store import MODEL, PLACES, Place, Thing, Writer, read
from tests.samples.parking.events import EVENTS
from tests.samples.parking.projections import OCCUPANCY, PROJECTIONS, SPOTS, STAYS, Spot

CATALOG = Catalog(SYSTEM, PROJECTIONS)


def pragma(store: SqlStore, text: str) -> None:
    """Set on every connection from now on."""

    def set_pragma(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {text}")

    store.engine.dispose()
    sql.event.listen(store.engine, "connect", set_pragma)


def sqlite_store(folder: Path, busy_timeout_s: float = 0.05) -> SqlStore:
    return SqlStore(CATALOG, sqlite_url(folder), busy_timeout_s=busy_timeout_s)


def test_other_tools_see_the_current_generation_by_its_name(
    topic: Topic, sqlite_stores: Stores
) -> None:
    topic.append(parked("a", "x"))
    store = sqlite_stores.open()
    Worker(topic.log, store).catch_up()
    rebuild(topic.log, store, OCCUPANCY)
    with sqlite3.connect(sqlite_stores.url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT spot, car FROM spots").fetchall() == [("a", "x")]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        names = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'spots%'")
        assert sorted(name for (name,) in names) == ["spots", "spots__g2", "spots__g2_0"]
    connection.close()


def test_what_is_written_together_is_seen_at_its_end_or_not_at_all(
    database_stores: Stores,
) -> None:
    store = database_stores.open([MODEL])
    writer = Writer(store)
    with pytest.raises(ZeroDivisionError), store.together():
        writer.write(Thing("a", 1))
        raise ZeroDivisionError
    writer = Writer(store)
    with ThreadPoolExecutor() as another_thread, store.together():
        writer.write(Thing("b", 1))
        assert another_thread.submit(read, store).result() == []
    assert read(store) == [("b", 1)]


def test_a_missing_file_is_not_made_by_reading(tmp_path: Path) -> None:
    store = sqlite_store(tmp_path)
    assert store.status(OCCUPANCY) is None
    with (
        pytest.raises(ReadModelMissing, match=r"there is no .*garage\.sqlite: run"),
        store.reading(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_busy_database_is_named(topic: Topic, tmp_path: Path) -> None:
    store = sqlite_store(tmp_path)
    worker = Worker(topic.log, store)
    topic.append(parked("a", "x"))
    other = sqlite3.connect(tmp_path / "models" / "garage.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"garage\.sqlite: database is locked: another process"):
        worker.catch_up()
    other.execute("ROLLBACK")
    other.close()
    Worker(topic.log, store).catch_up()
    assert [row[0] for row in dump(store)["spots"]] == ["a"]
    store.close()


def test_a_full_disk_loses_nothing(topic: Topic, tmp_path: Path) -> None:
    store = sqlite_store(tmp_path)
    topic.append(parked("a", "x"))
    Worker(topic.log, store).catch_up()
    before, status = dump(store), store.status(OCCUPANCY)
    topic.append(*(parked(f"spot-{number}", "x" * 100) for number in range(2_000)))
    pragma(store, "max_page_count = 40")
    with pytest.raises(StoreError, match="database or disk is full: free some space"):
        Worker(topic.log, store, [OCCUPANCY]).catch_up()
    assert (dump(store), store.status(OCCUPANCY)) == (before, status)
    store.close()
    roomy = sqlite_store(tmp_path)
    Worker(topic.log, roomy).catch_up()
    assert len(dump(roomy)["spots"]) == 2_001
    roomy.close()


def test_a_read_only_database_answers_and_is_not_written(topic: Topic, tmp_path: Path) -> None:
    store = sqlite_store(tmp_path)
    topic.append(parked("a", "x"))
    Worker(topic.log, store).catch_up()
    topic.append(parked("b", "y"))
    pragma(store, "query_only = ON")
    with pytest.raises(StoreError, match=r"garage\.sqlite: .* readonly database: the file or its"):
        Worker(topic.log, store).catch_up()
    assert [row[0] for row in dump(store)["spots"]] == ["a"]
    store.close()


def test_a_file_that_is_no_database_is_named(topic: Topic, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "garage.sqlite").write_bytes(b"to be or not to be" * 100)
    store = sqlite_store(tmp_path)
    with pytest.raises(StoreError, match="not a database: the file is something else"):
        Worker(topic.log, store).catch_up()
    store.close()


def test_a_folder_that_cannot_be_made_is_named(topic: Topic, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    store = sqlite_store(tmp_path)
    with pytest.raises(StoreError, match="models"):
        Worker(topic.log, store).catch_up()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "nonsense"),
        ("oracle9://host/db", "oracle9"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
    ],
)
def test_a_url_that_leads_nowhere(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        SqlStore(CATALOG, url)


def test_a_number_beyond_64_bits_is_named(topic: Topic, sqlite_stores: Stores) -> None:
    def fold(tables: Tables, events: Events) -> None:
        tables[SPOTS].put(Spot("a", "x", 2**63, 0))

    projection = Projection(name="occupancy", events=EVENTS, tables=(SPOTS,), fold=fold)
    topic.append(parked("a", "x"))
    store = sqlite_stores.open([projection])
    with pytest.raises(StoreError, match="a number in 'spots' does not fit 64 bits"):
        Worker(topic.log, store).catch_up()
    assert dump(store)["spots"] == []


def test_a_database_that_another_system_uses_is_refused(
    topic: Topic, sqlite_stores: Stores
) -> None:
    topic.append(parked("a", "x"))
    store = sqlite_stores.open()
    Worker(topic.log, store).catch_up()
    with store.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("UPDATE refold_generations SET topic = 'hotel.events'")
    with pytest.raises(StoreError, match=r"holds 'occupancy' of hotel\.events, not of samples"):
        Worker(topic.log, sqlite_stores.open()).catch_up()


def test_the_statements_for_postgresql() -> None:
    table = SqlTable(STAYS, 7, postgresql.dialect())  # type: ignore[no-untyped-call]
    assert table.upsert.text.splitlines()[0].startswith("INSERT INTO stays__g7 (partition, ")
    assert "ON CONFLICT (partition, sequence) DO UPDATE SET spot = excluded.spot" in " ".join(
        table.upsert.text.split()
    )
    assert table.delete.parameters([(1, 2)]) == [{"partition": 1, "sequence": 2}]


def test_points_survive_a_vacuum(sqlite_stores: Stores) -> None:
    """Which numbers rows anew where they have no number of their own."""
    store = sqlite_stores.open([MODEL])
    writer = Writer(store)
    writer.write(*(Place("a", number, number, 0) for number in range(100)), table=PLACES)
    writer.write(delete=tuple(("a", number) for number in range(0, 100, 2)), table=PLACES)
    with sqlite3.connect(sqlite_stores.url.removeprefix("sqlite:///")) as connection:
        connection.execute("VACUUM")
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(places)")]
        assert columns == ["town", "number", "latitude", "longitude", "is_open", "note"]
        count = connection.execute("SELECT count(*) FROM places__g1_spatial").fetchone()
        assert count == (50,)
    connection.close()
    with store.reading() as reader:
        found = reader.within(PLACES, Box((0, 0), (20, 0)))
        assert sorted(row.number for row in found) == list(range(1, 21, 2))


def test_what_a_rebuild_replaces_leaves_nothing(sqlite_stores: Stores) -> None:
    store = sqlite_stores.open([MODEL])
    Writer(store)
    assert Writer(store, rebuild=True).session.swap(lambda number, mark: True)
    with sqlite3.connect(sqlite_stores.url.removeprefix("sqlite:///")) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%places%'")
        names = [name for (name,) in rows]
    connection.close()
    assert names and not [name for name in names if "__g1" in name]


def test_the_read_models_of_two_logs_are_not_mixed(topic: Topic, tmp_path: Path) -> None:
    """One database, and the same system on two prefixes of a cluster."""
    topic.append(parked("a", "x"))
    one = SqlStore(Catalog(SYSTEM, PROJECTIONS, "live."), sqlite_url(tmp_path))
    Worker(topic.log, one).catch_up()
    other = SqlStore(Catalog(SYSTEM, PROJECTIONS, "demo."), sqlite_url(tmp_path))
    with pytest.raises(StoreError, match=r"of live\.\S+, not of demo\.\S+: give each system, and"):
        Worker(topic.log, other).catch_up()
    assert one.members() == other.members() == []


def test_a_password_in_a_url_that_is_no_url_is_not_told() -> None:
    with pytest.raises(StoreError) as refused:
        SqlStore(CATALOG, "postgresql//refold:secret@host/db")
    assert "'postgresql//refold:***@host/db'" in str(refused.value)
    assert "secret" not in str(refused.value)
