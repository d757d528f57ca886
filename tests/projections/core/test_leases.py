"""Leases: shares are fair, the dead and the silent lose theirs, and nothing is written without."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from subprocess import PIPE

import msgspec
import pytest
import sqlalchemy as sql
from hypothesis import given
from hypothesis import strategies as st

from projections.core.errors import StoreUnavailable
from projections.core.event_reader import EventReader
from projections.core.leases import Lease, LeaseLost, fair_shares, partition_lease
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.core.sql_leases import LEASES, MEMBERS, SqlMembership
from projections.core.sql_store import SqlStore
from projections.core.store import Store, Watermark
from projections.core.worker import Follower, Worker
from tests.projections.core.garage import (
    SYSTEM,
    Stores,
    Topic,
    dump,
    let_time_pass,
    parked,
    silent_member,
)
from tests.samples.parking.events import EVENTS, CarParked
from tests.samples.parking.projections import OCCUPANCY, SPOTS

LEASE_S = 60.0
DEADLINE_S = 20.0
NO_PARTITION = -1


@pytest.fixture
def store(database_stores: Stores) -> Store:
    return database_stores.open()


@pytest.fixture
def members(store: Store) -> Iterator[list[SqlMembership]]:
    """Those that a test lets join; they leave at its end."""
    joined: list[SqlMembership] = []
    yield joined
    for member in joined:
        member.leave()


def joined(store: Store, members: list[SqlMembership], partitions: int = 4) -> SqlMembership:
    member = store.join(partitions, LEASE_S)
    assert isinstance(member, SqlMembership)
    members.append(member)
    return member


def shares(members: list[SqlMembership]) -> list[int]:
    return [len(member.held) for member in members]


def until(holds: Callable[[], bool], members: list[SqlMembership]) -> None:
    """Let the members look for their share until something holds."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, f"it did not come about: {shares(members)}"
        for member in members:
            member.lose(NO_PARTITION)  # so that it looks at once
            member.look()


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(0, 9), min_size=1), st.integers(0, 20)
)
def test_shares_are_fair_and_few_partitions_move(held: dict[str, int], partitions: int) -> None:
    found = fair_shares(held, partitions)
    assert found.keys() == held.keys() and sum(found.values()) == partitions
    assert max(found.values()) - min(found.values()) <= 1
    most, least = max(held, key=held.__getitem__), min(held, key=held.__getitem__)
    assert found[most] >= found[least]


def are_shared_as(expected: list[int], members: list[SqlMembership]) -> bool:
    return sorted(shares(members), reverse=True) == expected


def test_members_come_and_go(store: Store, members: list[SqlMembership]) -> None:
    for expected in ([4], [2, 2], [2, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1, 0]):
        joined(store, members)
        until(partial(are_shared_as, expected, members), members)
        held = [number for member in members for number in member.held]
        assert sorted(held) == [0, 1, 2, 3]
    assert sorted(store.members()) == sorted(member.name for member in members)
    for expected in ([1, 1, 1, 1], [2, 1, 1], [2, 2], [4]):
        members.pop(0).leave()
        until(partial(are_shared_as, expected, members), members)


def test_who_falls_silent_is_taken_over_when_its_time_is_up(
    store: Store, members: list[SqlMembership]
) -> None:
    silent = silent_member(store, 4)
    assert silent.look() and len(silent.held) == 4
    other = joined(store, members)
    until(other.look, members)
    assert other.held == {}
    let_time_pass(store)
    until(lambda: len(other.held) == 4, members)
    assert store.members() == [other.name]
    # It stands up again, and is one of two.
    silent.lose(NO_PARTITION)
    assert silent.look() and silent.held == {}
    assert sorted(store.members()) == sorted([silent.name, other.name])
    until(lambda: len(other.held) == 2, members)


def test_who_was_killed_on_this_machine_is_taken_over_at_once(
    store: Store, members: list[SqlMembership]
) -> None:
    own_number = [sys.executable, "-c", "import os; print(os.getpid())"]
    gone = subprocess.run(own_number, check=True, stdout=PIPE)
    killed = silent_member(store, 4)
    assert killed.look() and len(killed.held) == 4
    machine, _process, token = killed.name.rsplit("-", 2)
    rename(store, killed.name, f"{machine}-{int(gone.stdout)}-{token}")
    elsewhere = silent_member(store, 0)
    rename(store, elsewhere.name, f"{machine}x-{int(gone.stdout)}-{token}")
    other = joined(store, members)
    assert other.look() and len(other.held) == 4
    assert isinstance(store, SqlStore)
    with store.reading() as reader:
        found = reader._connection.execute(sql.select(MEMBERS.c.member)).scalars()
        assert sorted(found) == sorted([other.name, f"{machine}x-{int(gone.stdout)}-{token}"])


def rename(store: Store, name: str, other: str) -> None:
    """As if another process had joined."""
    assert isinstance(store, SqlStore)
    with store.writing() as connection:
        connection.execute(
            sql.update(MEMBERS).where(MEMBERS.c.member == name).values(member=other)
        )
        connection.execute(sql.update(LEASES).where(LEASES.c.holder == name).values(holder=other))


def test_time_passes_by_itself(store: Store) -> None:
    member = store.join(1, lease_s=0.2)
    assert isinstance(member, SqlMembership)
    member.fall_silent()
    begun_s = time.monotonic()
    while store.members():
        assert time.monotonic() - begun_s < DEADLINE_S
        time.sleep(0.01)


def test_epochs_grow_with_each_taking(store: Store, members: list[SqlMembership]) -> None:
    epochs: list[int] = []
    for _ in range(3):
        member = joined(store, members, partitions=1)
        assert member.look()
        epochs.append(member.held[0].epoch)
        members.pop().leave()
    assert epochs == [1, 2, 3]


def test_other_leases_are_for_one_at_a_time(store: Store, members: list[SqlMembership]) -> None:
    first, second = joined(store, members, 0), joined(store, members, 0)
    lease = first.take("rebuild cars")
    assert lease == Lease("rebuild cars", first.name, 1)
    assert second.take("rebuild cars") is None and first.take("rebuild cars") is None
    holder = second.holder("rebuild cars")
    assert holder is not None and holder[0] == first.name
    first.give_back(lease)
    assert second.holder("rebuild cars") is None
    assert second.take("rebuild cars") == Lease("rebuild cars", second.name, 2)
    assert store.members() == []  # neither takes a share


def one_event(store: Store, lease: Lease) -> None:
    session = store.open(OCCUPANCY, 2)
    session.lease = lease
    mark = session.watermarks[0]
    after = Watermark(mark.next_sequence + 1, mark.next_offset + 1)
    with session.transaction(0, after) as write:
        write([])


def test_nothing_is_written_without_a_lease(store: Store, members: list[SqlMembership]) -> None:
    silent = silent_member(store, 1)
    assert silent.look()
    lease = silent.held[0]
    one_event(store, lease)
    for wrong in (
        lease._replace(name=partition_lease(1)),
        lease._replace(holder="somebody"),
        lease._replace(epoch=2),
    ):
        with pytest.raises(LeaseLost):
            one_event(store, wrong)
    let_time_pass(store)  # though nobody has taken it over
    with pytest.raises(LeaseLost):
        one_event(store, lease)
    status = store.status(OCCUPANCY)
    assert status is not None and status.watermarks[0].next_sequence == 1


def test_who_takes_a_lease_over_waits_for_the_transaction_under_it(
    postgresql_database: str,
) -> None:
    """Where the session goes on, as of another database user."""
    stores = Stores(postgresql_database)
    store = stores.open()
    late = silent_member(store, 1)
    assert late.look()
    other = silent_member(store, 1)
    session = store.open(OCCUPANCY, 2)
    session.lease = late.held[0]
    with session.transaction(0, Watermark(1, 1)) as write:
        let_time_pass(store, late)
        taking = threading.Thread(target=other.look)
        taking.start()
        taking.join(0.3)
        assert taking.is_alive() and other.held == {}
        write([])
    taking.join()
    status = store.status(OCCUPANCY)
    assert status is not None and status.watermarks[0] == Watermark(1, 1)
    assert other.held[0].epoch == 2
    stores.close()


def test_a_worker_that_lost_its_lease_goes_on_quietly(topic: Topic, store: Store) -> None:
    assert isinstance(store, SqlStore)
    topic.append(parked("a", "x"))
    topic.append(parked("b", "y"), partition=1)
    seen: list[list[int]] = []

    def shared(partitions: Sequence[int]) -> None:
        """Another one takes all leases, and dies."""
        seen.append(list(partitions))
        with store.writing() as connection:
            connection.execute(sql.update(LEASES).values(holder="dead", epoch=99))

    worker = Worker(topic.log, store, lease_s=LEASE_S)
    worker.follow(threading.Event(), shared=shared, until_idle=True)
    assert worker.failures == {} and seen == [[0, 1]]
    with store.writing() as connection:
        assert set(connection.execute(sql.select(LEASES.c.epoch)).scalars()) == {100}
    assert [row[0] for row in dump(store)["spots"]] == ["a", "b"]


def test_who_stands_still_within_a_transaction_holds_nobody_up(
    topic: Topic, postgresql_database: str
) -> None:
    """On PostgreSQL, where its session is ended. Rows that every partition shares are locked."""
    topic.append(parked("a", "x"))
    topic.append(parked("b", "y"), partition=1)
    stores = Stores(postgresql_database)
    store = stores.open()
    silent = silent_member(store, 2)
    assert silent.look()
    session = store.open(OCCUPANCY, 2)
    session.lease = silent.held[0]
    with pytest.raises(LeaseLost), session.transaction(0, Watermark(1, 1)) as write:
        let_time_pass(store)
        worker = Worker(topic.log, stores.open(), lease_s=LEASE_S)
        worker.follow(threading.Event(), until_idle=True)
        write([])
    assert [row[0] for row in dump(store)["spots"]] == ["a", "b"]
    stores.close()


def test_rows_that_partitions_share_are_not_kept_when_another_wrote_them(
    topic: Topic, database_stores: Stores
) -> None:
    for number in range(4):
        topic.append(parked(f"spot-{number}", "x"), partition=number % 2)
    one, other = follower(topic, database_stores), follower(topic, database_stores)
    for each, partition in ((one, 0), (other, 1), (one, 0), (other, 1)):
        assert each.step(partition)
    assert dump(database_stores.open([CARS]))["visits_of_all"] == [("x", 4)]


def follower(topic: Topic, stores: Stores) -> Follower:
    """As in a process of its own."""
    store = stores.open([CARS])
    store.batch_bytes = 1
    opened = Follower(EventReader(topic.log, SYSTEM, EVENTS), store, CARS)
    opened.open()
    return opened


class Visits(msgspec.Struct):
    car: str
    visits: int = 0


VISITS = Table("visits_of_all", Visits, key=("car",))


def fold_visits(tables: Tables, events: Events) -> None:
    for event, _at_ms in events:
        row = tables[VISITS].get(event.car) or Visits(event.car)
        row.visits += 1
        tables[VISITS].put(row)


CARS = Projection(name="cars", events=(CarParked,), tables=(VISITS,), fold=fold_visits)


def test_a_session_that_lost_its_database_session_says_so(
    topic: Topic, postgresql_database: str
) -> None:
    stores = Stores(postgresql_database)
    store = stores.open()
    assert isinstance(store, SqlStore)
    session = store.open(OCCUPANCY, 2)
    with (
        pytest.raises(StoreUnavailable, match="terminating connection"),
        session.transaction(0, Watermark(1, 1)) as write,
        store.at_once() as admin,
    ):
        admin.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        session.load(SPOTS, "a")
        write([])
    stores.close()
