"""A read model as it was answers as a fresh one fed by a log that was stopped there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.errors import OffsetOutOfRange
from log.interface import Log
from log.record import Record
from processors.core.registry import Registered, Registry, load_system
from processors.core.testing.subject import ONE_COMMAND, decide_all, memory_log
from projections.core.errors import ProjectionGap, QueryError
from projections.core.read_models import Query, ReadModels, read_models
from projections.core.worker import Progress, Worker
from replay.query_at import PastModels, find_places, query_at
from replay.state import END, At
from tests.samples.parking import START_MS, SYSTEM
from tests.samples.parking.commands import LeaveSpot, ParkCar

COMMANDS = 300
CASES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "tests.samples.parking": [("taken", {}), ("stays", {"spot": "spot-1"})],
    "processors.markets.exchange": [("instruments", {}), ("trades", {"instrument": "ALDER"})],
    "processors.social.feed": [("home", {"follower": "ann"}), ("posts", {"author": "bo"})],
    "processors.booking.hotels": [("hotels", {}), ("desk", {"hotel": "alba"})],
    "processors.media.uploads": [("uploads", {"owner": "owner-1"})],
}


def flow_of(package: str) -> tuple[ReadModels, list[tuple[int, Record]]]:
    models = read_models(load_system(package))
    system = models.system
    encode = system.command_codec(MemoryLog().ensure_topic("x", config_of(models))).encode
    found = []
    for time_ms, command in islice(system.flow(3), COMMANDS):
        key, partitions = system.placed(command, system.partitions)
        found += [(number, Record(encode(command), key, time_ms)) for number in partitions]
    return models, found


def config_of(models: ReadModels) -> Any:
    log = MemoryLog()
    models.system.ensure_topics(log)
    return log.topics()[models.system.commands_topic]


def answer(log: Log, models: ReadModels, query: str, arguments: Mapping[str, Any]) -> Any:
    store = models.open_store("memory:")
    Worker(log, store).catch_up()
    return models.query(query).run(store, dict(arguments))


def outcome(ask: Callable[[], Any]) -> Any:
    """The answer, or what is wrong with the question at that time: nobody of that name yet."""
    try:
        return ask()
    except QueryError as error:
        return str(error)


def past_answer(
    log: Log, models: ReadModels, query: Query, arguments: Mapping[str, Any], at: At
) -> Any:
    return query_at(log, models, query, arguments, at).result


def stopped(models: ReadModels, records: list[tuple[int, Record]]) -> MemoryLog:
    log = memory_log(models.system, records)
    decide_all(log, models.system, ONE_COMMAND)
    return log


@pytest.mark.parametrize("package", CASES)
def test_the_answer_is_that_of_a_log_that_was_stopped_there(package: str) -> None:
    models, records = flow_of(package)
    whole = stopped(models, records)
    times = [record.timestamp or 0 for _, record in records]
    different = set()
    for share in (0, 0.3, 0.7, 1):
        time_ms = times[int(share * (len(times) - 1))]
        past = stopped(models, [each for each in records if (each[1].timestamp or 0) <= time_ms])
        for query, arguments in CASES[package]:
            asked, at = models.query(query), At(time_ms=time_ms)
            expected = outcome(partial(answer, past, models, query, arguments))
            found = outcome(partial(past_answer, whole, models, asked, arguments, at))
            assert found == expected
            different.add(repr(expected))
    assert len(different) > len(CASES[package])
    for query, arguments in CASES[package]:
        live = answer(whole, models, query, arguments)
        assert query_at(whole, models, models.query(query), arguments, END).result == live


@pytest.mark.parametrize("package", CASES)
def test_read_models_move_on(package: str) -> None:
    """From place to place, they answer as those that are built for each alone."""
    models, records = flow_of(package)
    log = stopped(models, records)
    times = [record.timestamp or 0 for _, record in records]
    with PastModels(log, models, find_places(log, models.system, At(time_ms=0))) as past:
        for count in (0, 20, 21, 22, 150, len(times) - 1):
            at = At(time_ms=times[count])
            places = find_places(log, models.system, at)
            past.move_on(places)
            for query, arguments in CASES[package]:
                asked = models.query(query)
                moved = outcome(partial(past.ask, asked, arguments, at))
                assert moved == outcome(partial(query_at, log, models, asked, arguments, at))
        with pytest.raises(AssertionError, match="never go back"):
            past.move_on(find_places(log, models.system, At(time_ms=times[0])))


def parked(log: Log) -> None:
    """Two partitions that take turns, a command every ten milliseconds."""
    SYSTEM.ensure_topics(log)
    codec = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic])
    for count in range(8):
        command = ParkCar(spot=f"p{count % 2}s{count // 2}", car=f"c{count}", stay_ms=10**6)
        record = Record(codec.encode(command), b"", START_MS + 10 * count)
        log.partition(SYSTEM.commands_topic, count % 2).append([record])
    decide_all(log, SYSTEM)


@pytest.fixture
def garage(log: Log) -> tuple[Log, ReadModels]:
    parked(log)
    return log, read_models(load_system("tests.samples.parking"))


@pytest.mark.parametrize(
    ("at", "partition", "cars"),
    [
        (At(time_ms=START_MS - 1), None, ""),
        (At(time_ms=START_MS + 35), None, "0123"),
        (At(command_offset=1), 0, "012"),
        (At(command_offset=1), 1, "0123"),
        (END, None, "01234567"),
    ],
)
def test_one_moment_on_every_partition(
    garage: tuple[Log, ReadModels], at: At, partition: int | None, cars: str
) -> None:
    log, models = garage
    found = query_at(log, models, models.query("taken"), {}, at, partition=partition)
    assert sorted(spot.car for spot in found.result) == [f"c{car}" for car in cars]
    assert found.projections == ["occupancy"]
    assert found.places == find_places(log, SYSTEM, at, partition)


def test_only_what_a_query_reads_is_built(garage: tuple[Log, ReadModels]) -> None:
    log, models = garage
    told: list[Progress] = []
    found = query_at(log, models, models.query("stays"), {"spot": "p0s0"}, END, report=told.append)
    assert found.projections == ["history"]
    assert {each.projection for each in told} == {"history"}
    assert (told[-1].done, told[-1].total) == (10, 10)  # with two that tell the rules' version


def test_in_a_database_of_its_own(garage: tuple[Log, ReadModels], tmp_path: Any) -> None:
    log, models = garage
    at = At(time_ms=START_MS + 35)
    url = f"sqlite:///{tmp_path / 'past.sqlite'}"
    found = query_at(log, models, models.query("taken"), {}, at, url=url)
    assert found == query_at(log, models, models.query("taken"), {}, at)


def test_the_time_of_day_is_that_of_the_place(
    garage: tuple[Log, ReadModels],
) -> None:
    log, models = garage

    def clock(reader: Any, now_ms: int | None = None) -> list[int | None]:
        return [now_ms]

    asked = Query(clock)
    time_ms = START_MS + 35

    def told(at: At, arguments: dict[str, Any], partition: int | None = None) -> Any:
        return query_at(log, models, asked, arguments, at, partition=partition).result

    assert told(At(time_ms=time_ms), {}) == [time_ms]
    assert told(At(command_offset=1), {}, 1) == [START_MS + 30]
    assert told(At(time_ms=time_ms), {"now_ms": 7}) == [7]
    assert told(END, {}) == [None]


def test_nothing_is_written(garage: tuple[Log, ReadModels]) -> None:
    log, models = garage
    ends = {
        (topic, number): log.partition(topic, number).log_end
        for topic, config in log.topics().items()
        for number in range(config.partitions)
    }
    query_at(log, models, models.query("taken"), {}, END)
    assert {place: log.partition(*place).log_end for place in ends} == ends
    assert log.groups() == []


def test_an_offset_is_one_of_a_partition(garage: tuple[Log, ReadModels]) -> None:
    log, models = garage
    taken = models.query("taken")
    with pytest.raises(OffsetOutOfRange, match="has 2 partitions, and each has a command"):
        query_at(log, models, taken, {}, At(command_offset=1))
    with pytest.raises(OffsetOutOfRange, match="offset 4 is not decided: the last is 3"):
        query_at(log, models, taken, {}, At(command_offset=4), partition=1)


def test_a_log_that_lost_its_beginning(garage: tuple[Log, ReadModels]) -> None:
    log, models = garage
    log.partition(SYSTEM.events_topic, 0).delete_before(2)
    with pytest.raises(ProjectionGap, match="deleted by retention"):
        query_at(log, models, models.query("taken"), {}, END)


def test_every_system_s_queries_without_arguments_answer_as_live() -> None:
    """At the end, of every system that comes with refold."""
    asked = 0
    for registered in Registry():
        few = _smaller(registered)
        log = memory_log(few.system)
        encode = few.system.command_codec(log.topics()[few.system.commands_topic]).encode
        for time_ms, command in islice(few.system.flow(1), 60):
            record = Record(encode(command), None, time_ms)
            log.partition(few.system.commands_topic, 0).append([record])
        decide_all(log, few.system)
        models = read_models(few)
        for query in models.queries.values():
            if any(each.is_required or each.name == "now_ms" for each in query.arguments):
                continue
            live = answer(log, models, query.name, {})
            assert query_at(log, models, query, {}, END).result == live
            asked += 1
    assert asked > 5


def _smaller(registered: Registered) -> Registered:
    return replace(registered, system=replace(registered.system, partitions=1))


def test_a_stay_that_ended_is_open_before(garage: tuple[Log, ReadModels]) -> None:
    log, models = garage
    codec = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic])
    leave = Record(codec.encode(LeaveSpot(spot="p0s0")), b"", START_MS + 500)
    log.partition(SYSTEM.commands_topic, 0).append([leave])
    decide_all(log, SYSTEM)
    stays = models.query("stays")
    left = [
        query_at(log, models, stays, {"spot": "p0s0"}, At(time_ms=time_ms)).result[0].left_at_ms
        for time_ms in (START_MS + 499, START_MS + 500)
    ]
    assert left == [None, START_MS + 500]
