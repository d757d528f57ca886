"""Timelines over HTTP: every count is what a walk over the log gives."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.http.answers import is_refusal
from log.codec import tag_of
from log.interface import Log
from processors.core.messages import CORE_EVENTS
from replay.state import EPOCH
from tests.gateway.http.conftest import DEADLINE_S, until
from tests.gateway.http.history.conftest import COMMANDS, TIME_MACHINE, History

SYSTEMS = ("samples.parking", "markets.exchange", "markets.clearing")


def timeline(past: History, system: str, **given: Any) -> Any:
    """Once all of history is looked through."""
    path = f"/api/{system.replace('.', '/')}/history/timeline"
    until(lambda: past.get(path, **given)["marked"] == 1)
    return past.get(path, **given)


def time_text(time_ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=time_ms)).isoformat()


def refusals(past: History, system: str) -> set[str]:
    kinds: tuple[type[Any], ...] = (*past.find(system).system.events, *CORE_EVENTS)
    return {tag_of(kind) for kind in kinds if is_refusal(kind)}


def walked(log: Log, topic: str, number: int) -> Iterator[tuple[int, str, int]]:
    """Of each record the latest time so far, its type and the command that it belongs to."""
    partition, latest_ms, offset = log.partition(topic, number), 0, 0
    while batches := partition.read(offset):
        offset = batches[-1].last_offset + 1
        for record in (record for batch in batches for record in batch):
            latest_ms = max(latest_ms, record.timestamp)
            value = msgspec.json.decode(record.value or b"")
            kind = value["type"]
            yield latest_ms, kind, value.get("cause", -1) + (kind == "rules_adopted.v1")


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("buckets", [7, 200])
def test_by_time(past: History, name: str, buckets: int) -> None:
    """Of the time before the server, whose clock has gone on since."""
    system = past.find(name).system
    whole = past.get(f"/api/{name.replace('.', '/')}/history")["partitions"]
    begin = min(each["first_ms"] for each in whole if each["first_ms"] is not None)
    span = {"from": time_text(begin), "until": time_text(begin + 100_000_000)}
    told = timeline(past, name, buckets=buckets, **span)
    width, count = told["width"], len(told["commands"])
    assert count <= buckets
    wanted: dict[str, Counter[int]] = defaultdict(Counter)
    for what, topic in (("commands", system.commands_topic), ("events", system.events_topic)):
        for number in range(past.log.topics()[topic].partitions):
            for at_ms, kind, _ in walked(past.log, topic, number):
                bucket = (at_ms - told["begin"]) // width
                wanted[what][bucket] += 1
                wanted["refused"][bucket] += kind in refusals(past, name)
                wanted["dead_letters"][bucket] += kind == "command_dead_lettered.v1"
    for field in ("commands", "events", "refused", "dead_letters"):
        assert told[field] == [wanted[field][at] for at in range(count)], field
    assert sum(told["commands"]) > 100


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("buckets", [5, 1000])
def test_by_command(past: History, name: str, buckets: int) -> None:
    system, number = past.find(name).system, past.busiest(name)
    told = timeline(past, name, by="command", partition=number, buckets=buckets)
    count, width = len(told["commands"]), told["width"]
    assert count <= buckets
    wanted: dict[str, Counter[int]] = defaultdict(Counter)
    adopted, last = [], 0
    for at_ms, kind, last in walked(past.log, system.events_topic, number):
        wanted["events"][last // width] += 1
        wanted["refused"][last // width] += kind in refusals(past, name)
        wanted["dead_letters"][last // width] += kind == "command_dead_lettered.v1"
        if kind == "rules_adopted.v1":
            adopted.append((last, at_ms))
    assert sum(told["commands"]) == last + 1
    for field in ("events", "refused", "dead_letters"):
        assert told[field] == [wanted[field][at] for at in range(count)], field
    assert [(each["command_offset"], each["at_ms"]) for each in told["adoptions"]] == adopted
    assert told["exact"] is True


def test_a_stretch_of_commands(past: History) -> None:
    told = timeline(
        past, "samples.parking", by="command", partition=0, **{"from": 100, "until": 119}
    )
    assert (told["begin"], told["width"], told["commands"]) == (100, 1, [1] * 20)
    whole = timeline(past, "samples.parking", by="command", partition=0, buckets=1000)
    assert told["events"] == whole["events"][100:120]
    assert told["dead_letters"] == [1] + [0] * 19


def test_where_histories_begin_and_end(past: History) -> None:
    told = past.get(TIME_MACHINE)
    (only,) = told["partitions"]
    system = past.find("samples.parking").system
    assert (only["first"], told["draws"], told["system"]) == (0, False, system.name)
    assert only["commands"] >= COMMANDS
    assert past.get("/api/markets/exchange/history")["draws"] is True


REFUSED = [
    ("by=day", "by='day' is neither"),
    ("by=command&from=2024-01-01", "an end is a command offset"),
    ("from=12", "by time, an end is a time"),
    ("buckets=0", "buckets='0' is no whole number of 1 to 1000"),
    ("buckets=1001", "no whole number"),
    ("from=soon", "is no place"),
    ("from=1&from=2", "given twice"),
    ("partition=x", "partition='x' is no whole number"),
]


@pytest.mark.parametrize(("query", "detail"), REFUSED)
def test_what_cannot_be_asked(past: History, query: str, detail: str) -> None:
    answer = past.server.client.get(f"{TIME_MACHINE}/timeline?{query}")
    assert (answer.status_code, detail in answer.json()["detail"]) == (400, True), answer.text


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01&until=9999-12-31",
        "from=9999-12-31&until=0001-01-01",
        "by=command&from=4000000000000000&until=1",
        "buckets=1",
        "partition=0&buckets=1000",
    ],
)
def test_odd_spans_have_an_answer(past: History, query: str) -> None:
    answer = past.server.client.get(f"{TIME_MACHINE}/timeline?{query}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert len(told["commands"]) == len(told["events"]) == len(told["refused"]) <= 1001


def test_what_happens_now_is_there_at_once(past: History) -> None:
    """A history that was looked at before goes on."""
    path = "/api/samples/parking/history"
    before = past.get(f"{path}/partitions/0/moment")
    parked = past.server.park("now", "new").json()
    moment = past.get(f"{path}/partitions/0/moment")
    deadline_s = time.monotonic() + DEADLINE_S
    while moment["command_offset"] < parked["command"]["offset"]:
        assert time.monotonic() < deadline_s
        moment = past.get(f"{path}/partitions/0/moment")
    assert moment["command_offset"] > before["command_offset"]
    assert [each["type"] for each in moment["events"]][-1] == "car_parked.v1"
    told = timeline(past, "samples.parking", by="command", partition=0)
    assert sum(told["commands"]) == moment["command_offset"] + 1
