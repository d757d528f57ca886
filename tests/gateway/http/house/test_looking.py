"""`/api/house`: what it tells agrees with the log, and moves with the traffic."""

from typing import Any

import httpx
import pytest

from gateway.http.house.rates import GAP_S, Rate
from log.partitioner import partition_for_key
from tests.gateway.http.conftest import Server, Servers, until


def told(server: Server, name: str = "samples.parking") -> dict[str, Any]:
    answer = server.client.get("/api/house")
    assert answer.status_code == 200, answer.text
    return next(each for each in answer.json()["systems"] if each["name"] == name)


@pytest.fixture
def server(servers: Servers) -> Server:
    return servers.start("parking", "feed", "clearing", "exchange")


def test_it_tells_what_is_on_the_log(server: Server) -> None:
    """Given five commands of which one is a rejection, when somebody looks."""
    for car in ("a", "b", "c", "d", "d"):
        server.park(car)
    until(lambda: told(server)["commands"] == 5)
    system = told(server)
    assert (system["events"], system["lag"]) == (5 + len(adopting(system)), 0)
    assert system["path"] == "/api/samples/parking"
    assert system["about"].startswith("Parking spots with meters")
    for partition in system["partitions"]:
        cars = sum(partition_for_key(spot.encode(), 2) == partition["number"] for spot in "abcdd")
        assert partition["commands"]["end"] == partition["decided"] == cars
        assert partition["sequence"] == partition["events"]["end"]
        assert partition["commands"]["bytes"] > 0
    assert system["dead_letters"] == {"kept": 0, "waiting": 0}
    names = {each["name"] for each in system["read_models"]}
    assert names == {"occupancy", "history", "cars"}


def adopting(system: dict[str, Any]) -> list[Any]:
    """Partitions with a first command: each says there once which rules decide."""
    return [each for each in system["partitions"] if each["commands"]["end"]]


def test_traffic_moves_a_rate_and_its_edges(server: Server) -> None:
    before = told(server)
    assert (before["commands_per_s"], before["events_per_s"]) == (0.0, 0.0)
    numbers = iter(range(10_000))

    def is_seen() -> bool:
        server.park(f"spot {next(numbers)}")
        found = server.client.get("/api/house").json()
        edges = found["flows_per_s"]
        system = next(each for each in found["systems"] if each["name"] == "samples.parking")
        return bool(
            system["commands_per_s"] > 0
            and system["events_per_s"] > 0
            and system["history"]["events_per_s"][-1] >= 0
            and edges["samples.parking.commands>samples.parking.processor"] > 0
        )

    until(is_seen)


def test_read_models_are_followed_until_nothing_is_left(server: Server) -> None:
    """Given events of the exchange, its read models come to have no lag, and are current."""
    listed = server.client.post(
        "/api/markets/exchange/commands/list_instrument", json={"instrument": "ACME"}
    )
    assert listed.status_code == 200

    def is_done() -> bool:
        models = told(server, "markets.exchange")["read_models"]
        return bool(models) and all(
            each["lag"] == 0 and each["is_current"] and each["generation"] > 0 for each in models
        )

    until(is_done)
    assert told(server, "markets.exchange")["read_model_lag"] == 0


def test_the_flow_holds_the_ways_between_systems(server: Server) -> None:
    found = server.client.get("/api/house/flow").json()
    nodes = {each["id"]: each for each in found["nodes"]}
    assert all(each["source"] in nodes and each["target"] in nodes for each in found["edges"])
    ways = {(each["source"], each["target"]) for each in found["edges"]}
    reactor = "markets.clearing.reactor.to_exchange"
    assert nodes[reactor]["kind"] == "reactor"
    assert "order_reserved.v1" in nodes[reactor]["parts"]
    assert ("markets.clearing.events", reactor) in ways
    assert (reactor, "markets.exchange.commands") in ways
    assert ("samples.parking.processor", "samples.parking.events") in ways


def test_what_a_reactor_brings_is_told_from_the_rest(server: Server) -> None:
    """Follows of the feed come back as its own commands, by the reactor `news`."""
    client = server.client

    def send(name: str, **fields: Any) -> httpx.Response:
        return client.post(f"/api/social/feed/commands/{name}", json=fields)

    for author in ("ann", "bo"):
        assert send("register_account", author=author).status_code == 200
    edge = "social.feed.reactor.news>social.feed.commands"
    assert client.get("/api/house").json()["flows_per_s"][edge] == 0.0
    turns = iter(range(10_000))

    def is_seen() -> bool:
        send("unfollow" if next(turns) % 2 else "follow", author="ann", follower="bo")
        return bool(client.get("/api/house").json()["flows_per_s"][edge] > 0)

    until(is_seen)


def test_a_parameter_that_is_none_is_a_problem(server: Server) -> None:
    answer = server.client.get("/api/house?fast=yes")
    assert answer.status_code == 400
    assert "there is no parameter 'fast'" in answer.json()["detail"]


def test_a_rate_is_over_the_window_and_forgets_what_is_long_ago() -> None:
    rate = Rate()
    for second in range(30):
        rate.see(float(second), 100.0 * second if second < 15 else 1400.0)
    assert rate.per_s == 0.0
    assert list(rate.history)[:14] == [100.0] * 14 and rate.history[-1] == 0.0
    rate.see(30.0, 1500.0)
    assert rate.per_s == 10.0
    rate.see(30.0 + GAP_S + 1, 9000.0)
    assert (rate.per_s, list(rate.history)) == (0.0, [])
