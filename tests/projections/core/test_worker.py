"""A worker on an events topic: in order, once, whole commands, and loudly stopped otherwise."""

import dataclasses
import threading
from collections.abc import Callable
from functools import partial

import pytest

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from processors.core.messages import CommandDeadLettered, NothingChanged, RulesAdopted
from projections.core.errors import (
    FoldFailed,
    ForeignLog,
    InvalidEvent,
    ProjectionGap,
)
from projections.core.projection import Events, Projection
from projections.core.rebuild import rebuild
from projections.core.rows import Tables
from projections.core.store import Catalog, Store, Watermark
from projections.core.worker import Progress, Worker
from tests.projections.core.garage import SYSTEM, Stores, Topic, dump, left, parked
from tests.samples.parking.events import EVENTS, CarLeft, CarParked, CarRefused
from tests.samples.parking.projections import OCCUPANCY, PROJECTIONS, SPOTS, Spot

TOPIC = SYSTEM.events_topic


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.open()


def spots(store: Store) -> list[str]:
    with store.reading() as reader:
        return [f"{row.spot} {row.car}" for row in reader.rows(SPOTS)]


def sequences(store: Store, projection: Projection = OCCUPANCY) -> dict[int, int]:
    status = store.status(projection)
    assert status is not None
    return {number: mark.next_sequence for number, mark in status.watermarks.items()}


def test_events_become_rows(topic: Topic, store: Store) -> None:
    topic.append(parked("a", "x"), at_ms=1_000)
    topic.append(parked("b", "y"), partition=1, at_ms=1_500)
    topic.append(left("a"), at_ms=3_000)
    assert Worker(topic.log, store).catch_up() == 2 * len(PROJECTIONS)
    assert dump(store) == {
        "spots": [("b", "y", 1_000, 0)],
        "standing": [("b", "y", 1_000, 0)],
        "stays": [
            (0, 0, "a", "x", 1_000, 3_000, False, 2.0, b"\0\0"),
            (1, 0, "b", "y", 1_500, None, False, 0.0, b"\0\0"),
        ],
        "car_visits": [(0, "x", 1, 0), (1, "y", 1, 0)],
    }


def test_a_worker_goes_on_where_the_last_one_ended(topic: Topic, stores: Stores) -> None:
    topic.append(parked("a", "x"))
    Worker(topic.log, stores.open()).catch_up()
    topic.append(left("a"))
    topic.append(parked("a", "z"))
    store = stores.open()
    worker = Worker(topic.log, store)
    worker.catch_up()
    assert worker.catch_up() == 0
    assert spots(store) == ["a z"]
    assert sequences(store) == {0: 3, 1: 0}


def test_core_events_move_the_watermark_and_are_not_folded(topic: Topic, store: Store) -> None:
    topic.append(RulesAdopted(version=2))
    topic.append(NothingChanged(), parked("a", "x"), CommandDeadLettered(reason="no"))
    topic.append(NothingChanged())
    folded: list[type] = []

    def fold(tables: Tables, events: Events) -> None:
        folded.extend(type(event) for event, _at_ms in events)

    seen = Projection(name="occupancy", events=EVENTS, tables=OCCUPANCY.tables, fold=fold)
    Worker(topic.log, store, [seen]).catch_up()
    assert [kind.__name__ for kind in folded] == ["CarParked"]
    assert sequences(store) == {0: 5, 1: 0}


def test_a_gap_stops_the_projection_and_says_where(topic: Topic, store: Store) -> None:
    topic.append(parked("a", "x"))
    topic.append(parked("b", "y"), partition=1)
    topic.records(parked("lost", "1"), parked("lost", "2"))
    topic.append(parked("c", "z"))
    worker = Worker(topic.log, store)
    with pytest.raises(ProjectionGap) as caught:
        worker.catch_up()
    gap = caught.value
    assert (gap.topic, gap.partition, gap.expected, gap.found, gap.offset) == (TOPIC, 0, 1, 3, 1)
    assert f"{TOPIC}[0] at offset 1: expected sequence 1, found 3" in str(gap)
    assert spots(store) == ["a x", "b y"]  # all before the gap, and the other partition
    assert set(worker.failures) == {projection.name for projection in PROJECTIONS}
    with pytest.raises(ProjectionGap):
        Worker(topic.log, store).catch_up()  # and it stays stopped


def test_a_gap_at_the_start_of_the_topic_stops_it_too(topic: Topic, store: Store) -> None:
    topic.append(parked("a", "x"))
    topic.append(parked("b", "y"))
    topic.log.partition(TOPIC, 0).delete_before(1)
    with pytest.raises(ProjectionGap, match="deleted by retention"):
        Worker(topic.log, store).catch_up()


def test_a_gap_within_a_batch_applies_nothing_of_it(topic: Topic, store: Store) -> None:
    one, _lost, three = topic.records(parked("a", "x"), parked("b", "y"), parked("c", "z"))
    topic.append_records([one, three])
    with pytest.raises(ProjectionGap, match="offset 1: expected sequence 1, found 2"):
        Worker(topic.log, store).catch_up()
    assert spots(store) == []


def test_events_that_were_applied_already_are_skipped(topic: Topic, store: Store) -> None:
    first = topic.records(parked("a", "x"), left("a"), parked("a", "y"))
    topic.append_records(first)
    Worker(topic.log, store).catch_up()
    topic.append_records(first)  # a writer without a fence did it again
    topic.append_records([*first[1:], *topic.records(parked("b", "z"))])
    topic.append_records(first)
    Worker(topic.log, store).catch_up()
    assert spots(store) == ["a y", "b z"]
    assert sequences(store) == {0: 4, 1: 0}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"\xff", "does not decode"),
        (None, "does not decode"),
        (b'{"type":"car_flew.v1","sequence":1}', "Invalid value 'car_flew.v1'"),
        (b'{"type":"car_left.v1","sequence":1}', "required field `spot`"),
    ],
)
def test_an_event_that_does_not_decode_stops_it(
    topic: Topic, store: Store, value: bytes | None, message: str
) -> None:
    topic.append(parked("a", "x"))
    topic.append_records([Record(value)])
    with pytest.raises(InvalidEvent, match=message) as caught:
        Worker(topic.log, store).catch_up()
    assert f"{TOPIC}[0] at offset 1" in str(caught.value)
    assert spots(store) == ["a x"]


def test_the_events_of_one_command_are_applied_together(topic: Topic, store: Store) -> None:
    """Also where they came in several batches, as from a writer that died between them."""
    topic.append(parked("a", "x"))
    torn = topic.records(left("a"), parked("a", "y"), parked("b", "z"))
    topic.append_records(torn[:1])
    worker = Worker(topic.log, store)
    worker.catch_up()
    assert spots(store) == ["a x"]
    topic.append_records(torn[1:2])
    worker.catch_up()
    assert spots(store) == ["a x"]
    assert sequences(store) == {0: 1, 1: 0}
    topic.append_records(torn[2:])
    worker.catch_up()
    assert spots(store) == ["a y", "b z"]


def test_a_command_with_more_events_than_are_read_at_once(topic: Topic, store: Store) -> None:
    store.batch_bytes = 100
    for record in topic.records(*(parked(f"spot-{number}", "x") for number in range(50))):
        topic.append_records([record])
    Worker(topic.log, store).catch_up()
    assert len(spots(store)) == 50


def test_small_transactions_give_the_same_as_large_ones(
    topic: Topic, stores: Stores, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number in range(60):
        spot = f"spot-{number % 7}"
        happened = left(spot) if number % 14 > 6 else parked(spot, f"car-{number}")
        topic.append(happened, at_ms=number)
    small = stores.open()
    small.batch_bytes = 1
    small.cached_rows_limit = 2
    assert Worker(topic.log, small).catch_up() == 60 * len(PROJECTIONS)
    large = Stores(f"sqlite:///{tmp_path_factory.mktemp('large')}/models.sqlite").open()
    Worker(topic.log, large).catch_up()
    assert dump(small) == dump(large)
    large.close()


def fails_on(car: str) -> Callable[[Tables, Events], None]:
    def fold(tables: Tables, events: Events) -> None:
        for event, _at_ms in events:
            if event.car == car:
                raise ValueError(f"no room for {car}")
            tables[SPOTS].put(Spot(event.spot, event.car, 0, event.sequence))

    return fold


def test_a_fold_that_raises_stops_its_projection_and_no_other(
    topic: Topic, stores: Stores
) -> None:
    failing = Projection(name="failing", events=EVENTS, tables=(SPOTS,), fold=fails_on("tank"))
    others = [projection for projection in PROJECTIONS if SPOTS not in projection.tables]
    store = stores.open([failing, *others])
    topic.append(parked("a", "x"))
    topic.append(parked("b", "tank"))
    topic.append(parked("c", "y"))
    worker = Worker(topic.log, store)
    with pytest.raises(FoldFailed) as caught:
        worker.catch_up()
    assert "sequence 1: the fold of 'failing' raised ValueError: no room" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert spots(store) == [] and sequences(store, failing) == {0: 0, 1: 0}
    assert all(sequences(store, other) == {0: 3, 1: 0} for other in others)
    mended = stores.open(
        [
            Projection(name="failing", events=EVENTS, tables=(SPOTS,), fold=fails_on("none")),
            *others,
        ]
    )
    Worker(topic.log, mended).catch_up()
    assert spots(mended) == ["a x", "b tank", "c y"]


def test_each_projection_has_its_own_pace(topic: Topic, store: Store) -> None:
    topic.append(parked("a", "x"))
    Worker(topic.log, store, [OCCUPANCY]).catch_up()
    topic.append(parked("b", "y"))
    Worker(topic.log, store).catch_up()
    assert all(sequences(store, each) == {0: 2, 1: 0} for each in PROJECTIONS)
    assert spots(store) == ["a x", "b y"]


def test_workers_of_one_store_take_turns(topic: Topic, stores: Stores) -> None:
    store = stores.open()
    first, second = Worker(topic.log, store), Worker(topic.log, store)
    topic.append(parked("a", "x"))
    first.catch_up()
    assert second.catch_up() == 0
    topic.append(left("a"))
    second.catch_up()
    topic.append(parked("a", "y"), parked("b", "y"))
    first.catch_up()  # and knows that the spot is free
    assert spots(store) == ["a y", "b y"]


def test_another_log_than_the_one_applied_is_refused(topic: Topic, stores: Stores) -> None:
    topic.append(parked("a", "x"))
    topic.append(parked("b", "y"))
    Worker(topic.log, stores.open()).catch_up()
    other = Topic()
    other.append(parked("a", "x"))
    with pytest.raises(ForeignLog, match="rebuild"):
        Worker(other.log, stores.open()).catch_up()  # it has lost its tail
    other.append(parked("b", "somebody else"))
    other.append(parked("c", "z"))
    with pytest.raises(ForeignLog, match=rf"{TOPIC}\[0\] no longer holds, at offset 1,"):
        Worker(other.log, stores.open()).catch_up()
    store = stores.open()
    for projection in PROJECTIONS:
        rebuild(other.log, store, projection)
    Worker(other.log, store).catch_up()
    assert spots(store) == ["a x", "b somebody else", "c z"]


def test_a_log_that_lost_its_tail_is_rebuilt_though_it_is_shorter(
    topic: Topic, stores: Stores
) -> None:
    topic.append(parked("a", "x"))
    topic.append(parked("b", "y"))
    store = stores.open()
    Worker(topic.log, store).catch_up()
    other = Topic(MemoryLog(clock=lambda: 0))
    other.append(parked("a", "x"))
    rebuild(other.log, store, OCCUPANCY)
    assert spots(store) == ["a x"]


def test_following_applies_what_is_appended(topic: Topic, store: Store) -> None:
    worker, stop = Worker(topic.log, store), threading.Event()
    reports: list[Progress] = []
    applied = threading.Condition()

    def report(progress: Progress) -> None:
        with applied:
            reports.append(progress)
            applied.notify_all()

    thread = threading.Thread(target=worker.follow, args=(stop, report))
    thread.start()
    try:
        for number in range(4):
            topic.append(parked(f"spot-{number}", "x"), partition=number % 2)
            with applied:
                done = applied.wait_for(partial(_all_done, reports, number + 1), timeout=10)
            assert done, f"event {number} was not applied: {reports}"
    finally:
        stop.set()
        thread.join()
    assert spots(store) == [f"spot-{number} x" for number in range(4)]


def _all_done(reports: list[Progress], events: int) -> bool:
    return {each.projection for each in reports if each.done == events} == {
        projection.name for projection in PROJECTIONS
    }


def test_following_raises_what_stops_a_projection(topic: Topic, store: Store) -> None:
    topic.records(parked("lost", "x"))
    topic.append(parked("a", "x"))
    with pytest.raises(ProjectionGap):
        Worker(topic.log, store).follow(threading.Event())


def test_the_watermark_names_the_next_event(topic: Topic, store: Store) -> None:
    topic.append(parked("a", "x"))
    Worker(topic.log, store).catch_up()
    status = store.status(OCCUPANCY)
    assert status is not None and status.current and status.version == 1
    mark = status.watermarks[0]
    assert (mark.next_sequence, mark.next_offset) == (1, 1)
    assert status.watermarks[1] == Watermark()


def kinds_folded(kinds: tuple[type, ...]) -> tuple[Projection, list[str]]:
    """A projection of these types, and the list of what it is handed."""
    handed: list[str] = []

    def fold(tables: Tables, events: Events) -> None:
        handed.extend(f"{type(event).__name__} {event.spot}" for event, _at_ms in events)

    return Projection(name="kinds", events=kinds, tables=OCCUPANCY.tables, fold=fold), handed


def test_a_projection_is_handed_the_types_that_it_declares(topic: Topic, stores: Stores) -> None:
    topic.append(parked("a", "x"), left("a"))
    topic.append(CarRefused(spot="b", reason="closed"))
    topic.append(left("c"), at_ms=5)
    leaving, handed = kinds_folded((CarLeft,))
    store = stores.open([leaving])
    Worker(topic.log, store).catch_up()
    assert handed == ["CarLeft a", "CarLeft c"]
    assert sequences(store, leaving) == {0: 4, 1: 0}


def test_old_versions_come_as_the_type_that_they_became(stores: Stores) -> None:
    class SpotTaken(Event, tag="spot_taken.v1", kw_only=True):
        number: int

    system = dataclasses.replace(
        SYSTEM,
        upcasters={
            SpotTaken: lambda old: CarParked(spot=f"spot-{old.number}", car="?", until_ms=0)
        },
    )
    topic = Topic()
    topic.append_records([Record(b'{"type":"spot_taken.v1","sequence":0,"number":3}')])
    topic.records(parked("sequence", "0"))
    topic.append(left("a"))
    topic.append(parked("b", "x"))
    parking, handed = kinds_folded((CarParked,))
    store = stores.open([parking])
    store.catalog = Catalog(system, (parking,))
    Worker(topic.log, store).catch_up()
    assert handed == ["CarParked spot-3", "CarParked b"]
