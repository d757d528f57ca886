"""Stories and read models of the past over HTTP are what replay says of the same log."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from log.codec import tag_of
from projections.core.read_models import read_models
from replay.history import Place, history
from replay.query_at import query_at
from replay.state import At
from replay.stepping import Stepper
from tests.gateway.http.history.conftest import TIME_MACHINE, History

SYSTEMS = ("samples.parking", "markets.exchange", "markets.clearing")
EXCHANGE = "/api/markets/exchange"
PLACES = 12


def json_of(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def walk(messages: list[Any]) -> Iterator[Any]:
    for message in messages:
        yield message
        yield from walk(message["children"])


@pytest.mark.parametrize("name", SYSTEMS)
def test_stories_of_places_are_those_of_history(past: History, name: str) -> None:
    """Also those that were begun before, with what the searches learned."""
    systems = [past.find(each).system for each in SYSTEMS]
    system, number = past.find(name).system, past.busiest(name)
    path, draw = f"/api/{name.replace('.', '/')}/history/story", random.Random(6)
    last = Stepper(past.log, system, number).last
    for _ in range(PLACES):
        offset = draw.randint(0, last)
        told = past.get(path, of=f"{system.commands_topic}/{number}@{offset}", limit=100)
        wanted = history(
            past.log, systems, Place(system.commands_topic, number, offset), limit=100
        )
        assert told == json_of(wanted)


def test_a_trade_leads_to_an_order_in_another_system(past: History) -> None:
    """From an event of the exchange up to the order that a client placed with clearing."""
    stepper = Stepper(past.log, past.find("exchange").system, past.busiest("exchange"))
    fills = Counter[str]()
    for offset in range(stepper.last + 1):
        for event in stepper.glance(offset).events:
            fills[event.type] += 1
            if event.type != "order_traded.v1":
                continue
            sequence = event.value["sequence"]
            told = past.get(
                f"{EXCHANGE}/history/story",
                of=f"exchange.events/{stepper.partition}#{sequence}",
            )
            kinds = {(each["system"], each["type"]) for each in walk(told["roots"])}
            assert ("markets.clearing", "place_order.v1") in kinds
            assert ("markets.clearing", "order_filled.v1") in kinds
            (root,) = told["roots"]
            assert root["came_from"] is None
            assert (root["system"], root["kind"]) == ("markets.clearing", "command")
            return
    pytest.fail(f"the demo has no trade: {fills}")


def test_the_life_of_a_key(past: History) -> None:
    told = past.get(f"{TIME_MACHINE}/story", of="spot=spot-3", limit=50)
    assert told["messages"] == 50 and told["is_cut"]
    assert {each["fields"].get("spot") for each in walk(told["roots"])} >= {"spot-3"}
    assert past.get(f"{TIME_MACHINE}/story", of="spot=nowhere")["roots"] == []


def test_read_models_follow_a_drag(past: History) -> None:
    """To and fro; each answer is that of read models built for it alone."""
    registered = past.find("samples.parking")
    models, draw = read_models(registered), random.Random(7)
    query = models.query("stays")
    arguments = query.parse(["spot=spot-3"])
    for offset in [*range(20, 60, 7), *range(250, 100, -29), *draw.sample(range(280), 6)]:
        at = At(command_offset=offset)
        wanted = query_at(past.log, models, query, arguments, at)
        told = past.get(
            f"{TIME_MACHINE}/queries/stays/compare", spot="spot-3", left=offset, right=offset
        )
        assert told["left"]["rows"] == told["right"]["rows"] == json_of(wanted.result)
        assert told["left"]["places"] == json_of(wanted.places)
        assert told["count"] == 0


def test_two_answers_of_a_query_are_compared(past: History) -> None:
    number = past.busiest("exchange")
    (shown,) = [
        each for each in past.get(f"{EXCHANGE}/history/questions") if each["query"] == "statistics"
    ]
    (instrument,) = [each for each in shown["arguments"] if each["name"] == "instrument"]
    last = past.get(f"{EXCHANGE}/history/partitions/{number}/moment")["last"]
    told = past.get(
        f"{EXCHANGE}/history/queries/statistics/compare",
        instrument=instrument["value"],
        partition=number,
        left=last // 3,
        right=last,
    )
    assert told["left"]["count"] <= told["right"]["count"]
    for difference in told["fields"]:
        assert difference["left"] != difference["right"]


def test_queries_come_with_arguments_that_have_an_answer(past: History) -> None:
    for name in ("samples/parking", "markets/exchange", "markets/clearing"):
        asked = past.get(f"/api/{name}/history/questions")
        assert asked
        for each in asked:
            if not each["answerable"]:
                continue
            given = {
                argument["name"]: argument["value"]
                for argument in each["arguments"]
                if argument["required"]
            }
            past.get(f"/api/{name}/queries/{each['query']}", **given)


def test_a_command_of_every_type_has_its_place(past: History) -> None:
    """What a story names can be gone to."""
    told = past.get(f"{TIME_MACHINE}/story", of="car-7", limit=200)
    for message in walk(told["roots"]):
        if message["kind"] == "command":
            moment = past.get(
                f"{TIME_MACHINE}/partitions/{message['partition']}/moment", at=message["offset"]
            )
            assert moment["command"]["type"] == message["type"]
    assert {each["type"] for each in walk(told["roots"])} >= {
        tag_of(kind) for kind in past.find("parking").system.events[:1]
    }


NOT_THERE = [  # path, status, what the detail holds
    (f"{TIME_MACHINE}/story", 400, "no value to look for"),
    (f"{TIME_MACHINE}/story?of=parking.commands/0@99999999", 404, "holds no offset 99999999"),
    (f"{TIME_MACHINE}/story?of=parking.events/9@1", 404, "no partition 9"),
    (f"{TIME_MACHINE}/story?of=nothing.events/0@1", 400, "is no topic of a system here"),
    (f"{TIME_MACHINE}/story?of=parking.commands/0%231", 400, "commands have offsets"),
    (f"{TIME_MACHINE}/story?of={'x' * 501}", 400, "longer than 500"),
    (f"{TIME_MACHINE}/story?of=x&limit=0", 400, "limit='0'"),
    (f"{TIME_MACHINE}/queries/whom/compare", 404, "no query 'whom'"),
    (f"{TIME_MACHINE}/queries/stays/compare", 400, "'spot' is missing"),
    (f"{TIME_MACHINE}/queries/stays/compare?spot=a&left=9999999", 404, "is not decided"),
    (f"{TIME_MACHINE}/queries/stays/compare?spot=a&partition=9", 404, "partitions"),
    (f"{TIME_MACHINE}/queries/stays/compare?spot=a&left=1&left=2", 400, "at most once"),
    (f"{TIME_MACHINE}/queries/stays/compare?spot=a&what=1", 400, "no argument 'what'"),
    (f"{EXCHANGE}/history/queries/instruments/compare?left=5", 404, "name one"),
]


@pytest.mark.parametrize(("path", "status", "detail"), NOT_THERE)
def test_what_is_not_there(past: History, path: str, status: int, detail: str) -> None:
    answer = past.server.client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]
