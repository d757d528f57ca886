"""The WebSocket: live queries and commands over real connections to a real server."""

from typing import Any

import jsonpatch
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway.http.conftest import PARKING, Server, Servers, until
from tests.gateway.http.live.client import Live

PARKED = "samples.parking"


def park(spot: str, name: str = "c", **more: Any) -> dict[str, Any]:
    body = {"spot": spot, "car": "x", "stay_ms": 10**9}
    return {
        "type": "command",
        "id": name,
        "system": PARKED,
        "command": "park_car",
        "body": body,
    } | more


def test_a_live_query_follows_what_happens(shared: Server) -> None:
    """Given a subscription, when a car parks and leaves, then the changes come, and no more."""
    with Live(shared.url) as live:
        first = live.follow("who", PARKED, "who", spot="live-1")
        assert (first.kinds, first.number, first.value) == (["snapshot"], 0, None)
        parked = shared.park("live-1", "blue").json()
        sequence = parked["events"][-1]["sequence"]
        partition = str(parked["command"]["partition"])
        live.until(lambda: live.followed["who"].value is not None)
        assert live.followed["who"].value["car"] == "blue"
        live.until(lambda: live.followed["who"].applied[partition] > sequence)
        shared.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "live-1"})
        live.until_value("who", None)


def test_rows_change_and_are_what_the_query_says(servers: Servers) -> None:
    server = servers.start("parking")
    with Live(server.url) as live:
        live.follow("taken", PARKED, "taken")
        for number in range(30):
            server.park(f"spot-{number % 10}", f"car-{number}")
            if number % 3 == 0:
                gone = {"spot": f"spot-{number % 7}"}
                server.client.post(f"{PARKING}/commands/leave_spot", json=gone)
        last = [
            server.park(f"last-{number}", "y").json() for number in range(10)
        ]  # on both partitions
        for each in last:
            seen = {
                "min_sequence": each["events"][-1]["sequence"],
                "partition": each["command"]["partition"],
            }
            whole = server.client.get(f"{PARKING}/queries/taken", params=seen).json()
        live.until_value("taken", whole)
        told = len(live.followed["taken"].kinds)
        server.park("z")  # one row of many
        live.until(lambda: live.followed["taken"].value[-1]["spot"] == "z")
        assert {*live.followed["taken"].kinds[told:]} == {"delta"}


def test_who_asks_the_same_gets_the_same(shared: Server) -> None:
    """Also with arguments spelled out, or as texts."""
    with Live(shared.url) as one, Live(shared.url) as other:
        one.subscribe("a", PARKED, "stays", spot="live-2")
        other.subscribe("b", PARKED, "stays", spot="live-2", limit="100")
        shared.park("live-2")
        one.until(lambda: len(one.followed["a"].value or ()) == 1)
        other.until(lambda: len(other.followed["b"].value or ()) == 1)
        assert one.followed["a"].value == other.followed["b"].value


def test_a_command_is_answered_as_a_post_is(shared: Server) -> None:
    with Live(shared.url) as live:
        answer = live.ask(**park("live-3", idempotency_key="live-3"))
        assert (answer["type"], answer["status"]) == ("answer", 200)
        again = live.ask(**park("live-3", "c2", idempotency_key="live-3"))
        assert (again["status"], again["repeated"]) == (200, True)
        assert again["body"] == answer["body"]
        posted = shared.park("live-3", key="live-3")
        assert posted.json() == answer["body"]
        refused = live.ask(**park("live-3", "c3"))
        assert (refused["status"], refused["body"]["detail"]) == (409, "taken by x")
        reused = park("live-3", "c4", idempotency_key="live-3")
        reused["body"]["car"] = "another"
        assert live.ask(**reused)["status"] == 422


@pytest.mark.parametrize(
    ("message", "status", "path"),
    [
        ({"command": "park_cat"}, 404, ""),
        ({"system": "no.such"}, 404, ""),
        ({"body": {"spot": "a"}}, 400, "$.body.car"),
        ({"body": {"spot": "a", "car": 5, "stay_ms": 1}}, 400, "$.body.car"),
        ({"body": 5}, 400, "$.body"),
        ({"body": {"spot": "a", "car": "x", "stay_ms": 10**30}}, 400, "$.body"),
    ],
)
def test_a_command_that_does_not_fit(
    shared: Server, message: dict[str, Any], status: int, path: str
) -> None:
    with Live(shared.url) as live:
        answer = live.ask(**(park("live-4") | message))
        assert (answer["type"], answer["status"]) == ("answer", status), answer
        assert answer["body"].get("path", "").startswith(path)
        assert live.ask(**park("live-5", "good"))["status"] in (200, 409)


REFUSED: list[tuple[str, int, str, str]] = [  # text, status, id, path
    ("{", 400, "", "$"),
    ("5", 400, "", "$"),
    ('{"id":"a"}', 400, "a", "$.type"),
    ('{"type":"x","id":"a"}', 400, "a", "$.type"),
    ('{"type":"subscribe","id":"a","system":"samples.parking"}', 400, "a", "$.query"),
    ('{"type":"subscribe","id":"","system":"a","query":"b"}', 400, "", "$.id"),
    ('{"type":"unsubscribe","id":"a"}', 404, "a", ""),
    ('{"type":"unsubscribe","id":"a","more":1}', 400, "a", "$.more"),
    ('{"type":"subscribe","id":"a","system":"nope","query":"b"}', 404, "a", ""),
    ('{"type":"subscribe","id":"a","system":"samples.parking","query":"b"}', 404, "a", ""),
    (
        '{"type":"subscribe","id":"a","system":"samples.parking","query":"who"}',
        400,
        "a",
        "$.arguments.spot",
    ),
    (
        '{"type":"subscribe","id":"a","system":"samples.parking","query":"who",'
        '"arguments":{"spot":"x","spat":"y"}}',
        400,
        "a",
        "$.arguments.spat",
    ),
    (
        '{"type":"subscribe","id":"a","system":"samples.parking","query":"stays",'
        '"arguments":{"spot":"x","limit":"many"}}',
        400,
        "a",
        "$.arguments.limit",
    ),
    (
        '{"type":"subscribe","id":"a","system":"markets.exchange","query":"best",'
        '"arguments":{"instrument":"NONE"}}',
        400,
        "a",
        "",
    ),
    ("[" * 100_000, 400, "", "$"),
]


@pytest.mark.parametrize(("text", "status", "name", "path"), REFUSED)
def test_a_message_that_does_not_fit(
    shared: Server, text: str, status: int, name: str, path: str
) -> None:
    """A problem says what, and the connection goes on."""
    with Live(shared.url) as live:
        live.socket.send(text)
        told = live.next()
        assert (told["type"], told["problem"]["status"], told["id"]) == ("problem", status, name)
        assert told["problem"].get("path", "") == path
        assert live.ask(**park("live-6", "good"))["status"] in (200, 409)


def test_who_unsubscribes_hears_no_more(shared: Server) -> None:
    with Live(shared.url) as live:
        live.follow("who", PARKED, "who", spot="live-7")
        live.send(type="unsubscribe", id="who")
        assert live.ask(type="unsubscribe", id="who")["problem"]["status"] == 404
        assert live.ask(**park("live-7"))["status"] == 200  # `next` knows no other message
        live.subscribe("who", PARKED, "who", spot="live-7")
        live.until(lambda: live.followed["who"].value is not None)


def test_a_subscription_of_the_same_id_takes_its_place(shared: Server) -> None:
    with Live(shared.url) as live:
        live.follow("who", PARKED, "who", spot="live-8")
        live.follow("who", PARKED, "who", spot="live-9")
        assert live.ask(**park("live-8"))["status"] == 200
        assert live.ask(**park("live-9", "c9"))["status"] == 200
        live.until(lambda: live.followed["who"].value is not None)
        assert live.followed["who"].value["spot"] == "live-9"


def test_so_many_subscriptions_and_no_more(shared: Server) -> None:
    with Live(shared.url) as live:
        for number in range(64):
            live.subscribe(f"s{number}", PARKED, "who", spot="live-10")
        many = live.ask(
            type="subscribe", id="more", system=PARKED, query="who", arguments={"spot": "a"}
        )
        assert many["problem"]["status"] == 429
        live.send(type="unsubscribe", id="s1")
        live.subscribe("more", PARKED, "who", spot="live-10")
        live.until(lambda: live.followed["more"].number == 0)


def test_an_operator_says_how_many(servers: Servers) -> None:
    few = {"REFOLD_HTTP_LIVE_SUBSCRIPTIONS_MAX": "1", "REFOLD_HTTP_LIVE_VALUE_BYTES": "100"}
    server = servers.start("parking", settings=few)
    with Live(server.url) as live:
        live.follow("one", PARKED, "who", spot="a")
        arguments = {"spot": "b"}
        more = live.ask(
            type="subscribe", id="more", system=PARKED, query="who", arguments=arguments
        )
        assert more["problem"]["status"] == 429
        assert "1 subscriptions" in more["problem"]["detail"]
        server.park("a", "x" * 100)
        large = live.next()
        while large["type"] != "problem":
            large = live.next()
        assert (large["id"], large["problem"]["status"]) == ("one", 413)
        assert "at most 100" in large["problem"]["detail"]


def test_other_frames_close_the_connection(shared: Server) -> None:
    for data, code in ((b"\x00", 1003), ("a" * ((1 << 20) + 1), 1009)):
        with Live(shared.url) as live:
            live.socket.send(data)
            with pytest.raises(ConnectionClosed) as closed:
                live.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code


def test_pages_of_other_origins_are_not_let_in(shared: Server) -> None:
    own = shared.url.rstrip("/")
    with Live(shared.url, origin=own) as live:
        assert live.ask(**park("live-11"))["status"] == 200
    for origin in ("https://example.com", "null"):
        with pytest.raises(InvalidStatus) as refused, Live(shared.url, origin=origin):
            pass
        assert refused.value.response.status_code == 403


def test_a_server_that_ends_says_so(servers: Servers) -> None:
    """1012, after what was accepted is answered; the log is quiet."""
    server = servers.start("parking", held="slow")
    with Live(server.url) as live:
        live.follow("taken", PARKED, "taken")
        live.send(**park("a"))
        live.send(type="unsubscribe", id="taken")
        live.send(type="unsubscribe", id="taken")
        until(lambda: live.next()["type"] == "problem")  # the command is taken
        server.process.terminate()
        until(lambda: live.next()["type"] == "answer")
        with pytest.raises(ConnectionClosed) as closed:
            live.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    assert server.process.wait(20) == 0
    assert "Traceback" not in server.stderr.read_text()


def test_after_a_kill_a_client_goes_on(servers: Servers) -> None:
    server = servers.start("parking")
    with Live(server.url) as live:
        live.follow("taken", PARKED, "taken")
        assert live.ask(**park("a"))["status"] == 200
        server.process.kill()
        with pytest.raises(ConnectionClosed):
            while True:
                live.next()
    again = servers.start("parking")
    with Live(again.url) as live:
        live.subscribe("taken", PARKED, "taken")
        live.until(lambda: len(live.followed["taken"].value or ()) == 1)


def test_the_patches_are_those_of_the_standard() -> None:
    """What the client of these tests applies is another library's reading of RFC 6902."""
    assert jsonpatch.apply_patch([1], [{"op": "add", "path": "/0", "value": 0}]) == [0, 1]
