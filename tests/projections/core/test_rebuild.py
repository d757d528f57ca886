"""Rebuilds: beside the live one, seen at once, safe to end anywhere."""

import dataclasses
import itertools
import threading

import pytest
import sqlalchemy as sql

from projections.core.errors import FoldFailed, ProjectionConflict
from projections.core.event_reader import EventReader
from projections.core.leases import LeaseLost, rebuild_lease
from projections.core.projection import Events, Projection, Table
from projections.core.rebuild import rebuild
from projections.core.rows import Tables
from projections.core.sql_leases import LEASES
from projections.core.sql_store import SqlStore
from projections.core.store import Store
from projections.core.worker import Follower, Progress, Worker
from tests.projections.core.garage import (
    SYSTEM,
    Stores,
    Topic,
    dump,
    left,
    let_time_pass,
    parked,
    silent_member,
)
from tests.samples.parking.events import EVENTS
from tests.samples.parking.projections import CARS, HISTORY, OCCUPANCY, PROJECTIONS, SPOTS, Spot


def fill(topic: Topic, count: int, start: int = 0) -> None:
    """Cars come to seven spots in turn, and leave them; over both partitions."""
    for number in range(start, start + count):
        spot = f"spot-{number % 7}"
        happened = left(spot) if number % 14 > 6 else parked(spot, f"car-{number % 5}")
        topic.append(happened, partition=number % 7 % 2, at_ms=number)


def generation(store: Store, projection: Projection) -> int:
    status = store.status(projection)
    assert status is not None
    return status.generation


def with_other(projection: Projection) -> list[Projection]:
    """All projections, this one in the place of its namesake."""
    return [projection if each.name == projection.name else each for each in PROJECTIONS]


def test_a_rebuilt_read_model_equals_the_live_one(topic: Topic, stores: Stores) -> None:
    fill(topic, 100)
    store = stores.open()
    store.batch_bytes = 300
    Worker(topic.log, store).catch_up()
    live = dump(store)
    reports: list[Progress] = []
    for projection in PROJECTIONS:
        before = generation(store, projection)
        rebuild(topic.log, store, projection, reports.append)
        assert generation(store, projection) > before
    assert dump(store) == live
    assert {each.total for each in reports} == {100}
    assert [each.done for each in reports if each.projection == "cars"][-1] == 100
    assert len(reports) > 10 and all(each.rebuilding for each in reports)


def test_what_a_fold_did_wrong_is_mended_by_a_rebuild(topic: Topic, stores: Stores) -> None:
    fill(topic, 20)
    store = stores.open()
    Worker(topic.log, store).catch_up()

    def right(tables: Tables, events: Events) -> None:
        for event, _at_ms in events:
            tables[SPOTS].put(Spot(event.spot, "mended", 0, 0))

    mended = Projection(name="occupancy", events=EVENTS, tables=(SPOTS,), fold=right, version=2)
    store = stores.open(with_other(mended))
    rebuild(topic.log, store, mended)
    assert {row[1] for row in dump(store)["spots"]} == {"mended"}


def test_a_live_worker_follows_the_rebuilt_generation(topic: Topic, stores: Stores) -> None:
    fill(topic, 50)
    store = stores.open()
    worker = Worker(topic.log, store)
    worker.catch_up()
    fill(topic, 10, start=50)
    for projection in PROJECTIONS:
        rebuild(topic.log, store, projection)
    fill(topic, 10, start=60)
    worker.catch_up()
    replayed = Stores("memory:").open()
    Worker(topic.log, replayed).catch_up()
    assert dump(store) == dump(replayed)


def test_the_live_one_is_followed_while_it_is_rebuilt(topic: Topic, stores: Stores) -> None:
    fill(topic, 40)
    store = stores.open()
    store.batch_bytes = 300
    worker = Worker(topic.log, store)
    worker.catch_up()
    start = itertools.count(40, 2)
    seen: list[int] = []

    def report(progress: Progress) -> None:
        if len(seen) < 30:
            fill(topic, 2, start=next(start))
            worker.catch_up()
            with store.reading() as reader:
                seen.append(sum(row.visits for row in reader.rows(CARS.tables[0])))

    rebuild(topic.log, store, CARS, report)
    worker.catch_up()
    # Readers saw the live one move on all the while, and never the half-built one.
    assert len(seen) == 30 and seen == sorted(seen) and seen[0] >= 20
    replayed = Stores("memory:").open()
    Worker(topic.log, replayed).catch_up()
    assert dump(store) == dump(replayed)


def test_a_rebuild_that_ends_half_way_leaves_the_old_one_serving(
    topic: Topic, stores: Stores
) -> None:
    fill(topic, 40)
    store = stores.open()
    store.batch_bytes = 300
    worker = Worker(topic.log, store)
    worker.catch_up()
    served = dump(store)

    class Crash(BaseException):
        """As a kill would end it: nothing of the rebuild's own code runs after."""

    def crash(progress: Progress) -> None:
        raise Crash

    for _ in range(3):
        with pytest.raises(Crash):
            rebuild(topic.log, store, HISTORY, crash)
        assert dump(store) == served
    fill(topic, 5, start=40)
    worker.catch_up()
    rebuild(topic.log, store, HISTORY)
    replayed = Stores("memory:").open()
    Worker(topic.log, replayed).catch_up()
    assert dump(store) == dump(replayed)


def test_a_rebuild_that_fails_leaves_the_old_one_serving(topic: Topic, stores: Stores) -> None:
    fill(topic, 14)
    store = stores.open()
    Worker(topic.log, store).catch_up()
    served = dump(store)

    def wrong(tables: Tables, events: Events) -> None:
        raise RuntimeError("wrong")

    wrong_one = Projection(name="occupancy", events=EVENTS, tables=(SPOTS,), fold=wrong)
    with pytest.raises(FoldFailed, match="wrong"):
        rebuild(topic.log, stores.open(with_other(wrong_one)), wrong_one)
    assert dump(stores.open()) == served


def test_one_rebuilds_at_a_time(topic: Topic, stores: Stores) -> None:
    fill(topic, 40)
    store = stores.open()
    store.batch_bytes = 300
    Worker(topic.log, store).catch_up()
    served = dump(store)
    refused = 0

    def report(progress: Progress) -> None:
        nonlocal refused
        if not refused:
            with pytest.raises(ProjectionConflict, match="rebuilds 'cars' already: let it finish"):
                rebuild(topic.log, store, CARS)
            refused += 1

    before = generation(store, CARS)
    rebuild(topic.log, store, CARS, report, lease_s=5.0)
    assert refused and generation(store, CARS) == before + 1
    assert dump(store) == served


def test_a_rebuild_that_died_is_begun_again(topic: Topic, database_stores: Stores) -> None:
    """The dead one's lease runs out; should it stand up again, it can write nothing."""
    fill(topic, 40)
    store = database_stores.open()
    store.batch_bytes = 300
    Worker(topic.log, store).catch_up()
    served = dump(store)
    dead = silent_member(store, 0)
    lease = dead.take(rebuild_lease(CARS.name))
    follower = Follower(EventReader(topic.log, SYSTEM, EVENTS), store, CARS)
    assert lease is not None
    follower.begin_rebuild(lease)
    assert follower.step(0)
    let_time_pass(store)
    rebuild(topic.log, store, CARS)
    with pytest.raises(LeaseLost):
        follower.step(0)
    with pytest.raises(LeaseLost):
        follower.finish_rebuild()
    with pytest.raises(LeaseLost):
        follower.begin_rebuild(lease)
    assert dump(store) == served


def test_a_worker_whose_rebuild_another_takes_over_goes_on_quietly(
    topic: Topic, database_stores: Stores
) -> None:
    fill(topic, 40)
    Worker(topic.log, database_stores.open()).catch_up()
    newer = dataclasses.replace(CARS, version=2)
    store = database_stores.open(with_other(newer))
    store.batch_bytes = 300
    worker = Worker(topic.log, store)
    taken_over = 0

    def report(progress: Progress) -> None:
        nonlocal taken_over
        if progress.rebuilding and not taken_over:
            taken_over += 1
            assert isinstance(store, SqlStore)
            with store.writing() as connection:
                connection.execute(sql.update(LEASES).values(holder="dead", epoch=99))

    worker.follow(threading.Event(), report, until_idle=True)
    assert taken_over and worker.failures == {}
    status = store.status(newer)
    assert status is not None and status.current
    replayed = Stores("memory:").open()
    Worker(topic.log, replayed).catch_up()
    assert dump(store) == dump(replayed)


def test_workers_wait_for_the_one_that_rebuilds(topic: Topic, database_stores: Stores) -> None:
    fill(topic, 40)
    old = database_stores.open()
    Worker(topic.log, old).catch_up()
    newer = dataclasses.replace(CARS, version=2)
    store = database_stores.open(with_other(newer))
    first = silent_member(store, 0)
    lease = first.take(rebuild_lease(CARS.name))
    assert lease is not None
    waiting = Worker(topic.log, store)
    waiting.catch_up()
    assert not waiting.has_applied()
    first.give_back(lease)
    rebuild(topic.log, store, newer)
    served = generation(store, newer)
    fill(topic, 10, start=40)
    waiting.catch_up()
    assert waiting.has_applied() and generation(store, newer) == served


def test_what_a_newer_release_made_is_let_be(topic: Topic, stores: Stores) -> None:
    fill(topic, 10)
    newer = dataclasses.replace(CARS, version=2)
    store = stores.open(with_other(newer))
    Worker(topic.log, store).catch_up()
    older = stores.open()
    worker = Worker(topic.log, older)
    with pytest.raises(ProjectionConflict, match="newer release, which declares version 2; this"):
        worker.catch_up()
    assert list(worker.failures) == ["cars"]
    rebuild(topic.log, older, CARS)  # by hand
    Worker(topic.log, older).catch_up()


BY_CAR = Table("spots", Spot, key=("spot",), indexes=(("car",), ("until_ms",)))


def fold_by_car(tables: Tables, events: Events) -> None:
    for event, _at_ms in events:
        tables[BY_CAR].put(Spot(event.spot, "", 0, 0))


@pytest.mark.parametrize(
    "changed",
    [
        Projection(
            name="occupancy", events=EVENTS, tables=(SPOTS,), fold=OCCUPANCY.fold, version=2
        ),
        Projection(
            name="occupancy",
            events=EVENTS,
            tables=(BY_CAR,),
            fold=fold_by_car,
        ),
    ],
    ids=["version", "schema"],
)
def test_a_changed_projection_is_rebuilt_when_a_worker_starts(
    topic: Topic, stores: Stores, changed: Projection
) -> None:
    fill(topic, 40)
    old_worker = Worker(topic.log, stores.open())
    old_worker.catch_up()
    store = stores.open(with_other(changed))
    store.batch_bytes = 300
    reports: list[Progress] = []
    Worker(topic.log, store).catch_up(reports.append)
    status = store.status(changed)
    assert status is not None and status.current and status.version == changed.version
    assert {each.projection for each in reports if each.rebuilding} == {"occupancy"}
    assert len(dump(store)["spots"]) > 0
    # The worker of the old release does not turn it back.
    fill(topic, 2, start=40)
    with pytest.raises(ProjectionConflict, match="declares it otherwise"):
        old_worker.catch_up()


def test_readers_see_the_old_or_the_new_and_never_a_mix(topic: Topic, stores: Stores) -> None:
    """Two tables that each generation fills alike: a mix would show two generations at once."""
    fill(topic, 28)
    one = Table("spots", Spot, key=("spot",))
    two = Table("standing", Spot, key=("spot",))
    releases = itertools.count(1)

    def stamped(release: int) -> Projection:
        def fold(tables: Tables, events: Events) -> None:
            for event, _at_ms in events:
                for table in (one, two):
                    tables[table].put(Spot(event.spot, "", release, 0))

        return Projection(name="stamped", events=EVENTS, tables=(one, two), fold=fold)

    first = stamped(0)
    store = stores.open([first])
    Worker(topic.log, store).catch_up()
    stop, seen, errors = threading.Event(), set[int](), list[BaseException]()

    def keep_reading() -> None:
        try:
            while not stop.is_set():
                with store.reading() as reader:
                    found = [row.until_ms for row in reader.rows(one)]
                    found += [row.until_ms for row in reader.rows(two)]
                assert len(found) == 14 and len(set(found)) == 1, found
                seen.update(found)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=keep_reading) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for release in itertools.islice(releases, 2000):
            rebuild(topic.log, store, stamped(release))
            if release >= 15 and (len(seen) > 1 or errors):
                break
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert len(seen) > 1, "the readers saw no swap"


def test_a_rebuild_of_what_was_never_made(topic: Topic, stores: Stores) -> None:
    fill(topic, 10)
    store = stores.open([CARS])
    rebuild(topic.log, store, CARS)
    assert len(dump(store)["car_visits"]) > 0
