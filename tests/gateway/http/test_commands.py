"""Commands over HTTP: what each of them is answered."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.gateway.http.conftest import PARKING, Server

PROBLEM = "application/problem+json"


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_a_command_is_answered_with_its_events(shared: Server) -> None:
    answer = shared.park("decided")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    body = answer.json()
    assert types(body["events"]) == ["car_parked.v1"]
    assert body["events"][0]["cause"] == body["command"]["offset"]
    assert body["events"][0]["car"] == "x"


def test_one_that_changes_nothing_says_so(shared: Server) -> None:
    answer = shared.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "nowhere"})
    assert (answer.status_code, types(answer.json()["events"])) == (200, ["nothing_changed.v1"])


def test_a_rejection_is_a_problem_with_its_reason(shared: Server) -> None:
    shared.park("taken", "first")
    answer = shared.park("taken", "second")
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    body = answer.json()
    assert (body["type"], body["detail"]) == ("urn:refold:problem:rejected", "taken by first")
    assert types(body["events"]) == ["car_refused.v1"]


def test_a_dead_letter_is_a_problem_with_its_reason(shared: Server) -> None:
    answer = shared.park("dead", stay_ms=-1)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["type"] == "urn:refold:problem:dead-lettered"
    assert "a stay cannot be negative" in answer.json()["detail"]
    assert types(answer.json()["events"]) == ["command_dead_lettered.v1"]


@pytest.mark.parametrize("quoted", ["{}", '"{}"'])
def test_a_repeated_key_gives_the_first_answer(shared: Server, quoted: str) -> None:
    spot = f"keyed-{len(quoted)}"
    first = shared.park(spot, "a", quoted.format(spot))
    again = shared.park(spot, "a", quoted.format(spot))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


def test_a_repeated_rejection_and_dead_letter_are_the_first_ones(shared: Server) -> None:
    shared.park("keyed-taken", "a")
    for spot, car, stay_ms, status in (("keyed-taken", "b", 1, 409), ("keyed-dead", "a", -1, 422)):
        answers = [shared.park(spot, car, spot, stay_ms) for _ in range(2)]
        assert [each.status_code for each in answers] == [status, status]
        assert answers[0].content == answers[1].content


def test_a_key_is_for_one_command(shared: Server) -> None:
    first = shared.park("key-reused", "a", "key-reused")
    other = shared.park("key-reused", "b", "key-reused")
    assert (other.status_code, other.headers["content-type"]) == (422, PROBLEM)
    assert other.json()["type"] == "urn:refold:problem:key-reused"
    assert "this key was used for another command" in other.json()["detail"]
    assert other.json()["command"] == first.json()["command"]


BODIES = [  # body, path, detail
    (b'{"spot":"a","car":"b"}', "$.stay_ms", "missing required field `stay_ms`"),
    (b'{"spot":"a","car":5,"stay_ms":1}', "$.car", "Expected `str`, got `int`"),
    (b'{"spot":"a","car":"b","stay_ms":1,"x":1}', "$.x", "unknown field `x`"),
    (b'{"spot":"a","car":"b","stay_ms":1,"cause":1}', "$.cause", "unknown field `cause`"),
    (b'{"spot":', "$", "truncated"),
    (b"[]", "$", "Expected `object`, got `array`"),
    (b"", "$", "truncated"),
    (b'{"spot":"\xff","car":"b","stay_ms":1}', "$", "utf-8"),
    (b"[" * 100_000, "$", ""),
    (b'{"spot":"a","car":"b","stay_ms":1' + b"0" * 100 + b"}", "$.stay_ms", "64 bits"),
]


@pytest.mark.parametrize(("body", "path", "detail"), BODIES)
def test_a_body_that_does_not_fit(shared: Server, body: bytes, path: str, detail: str) -> None:
    answer = shared.client.post(
        f"{PARKING}/commands/park_car", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    told = answer.json()
    assert told["type"] == "urn:refold:problem:invalid-body"
    assert told["path"].startswith(path)
    assert detail in told["detail"]


def test_the_path_of_a_field_within_fields(shared: Server) -> None:
    answer = shared.client.post(
        "/api/booking/stays/commands/create_listing",
        json={"listing": "l", "host": "h", "place": {"latitude_microdegrees": "north"}},
    )
    assert (answer.status_code, answer.json()["path"]) == (400, "$.place.latitude_microdegrees")


REFUSED = [  # path, content type, idempotency key, status
    (f"{PARKING}/commands/park_car", "text/plain", "", 415),
    (f"{PARKING}/commands/park_car", "application/json", "k" * 256, 400),
    (f"{PARKING}/commands/park_car", "application/json", "\x7f", 400),
    (f"{PARKING}/commands/park_cat", "application/json", "", 404),
    ("/api/samples/barking/commands/park_car", "application/json", "", 404),
    ("/api/samples/parking/commands", "application/json", "", 404),
]


@pytest.mark.parametrize(("path", "kind", "key", "status"), REFUSED)
def test_what_is_no_command(shared: Server, path: str, kind: str, key: str, status: int) -> None:
    headers = {"Content-Type": kind, **({"Idempotency-Key": key} if key else {})}
    answer = shared.client.post(path, content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status


def test_one_who_does_not_wait_asks_later(shared: Server) -> None:
    accepted = shared.client.post(
        f"{PARKING}/commands/park_car",
        json={"spot": "later", "car": "a", "stay_ms": 10**9},
        headers={"Prefer": "respond-async"},
    )
    assert accepted.status_code == 202
    location = accepted.headers["location"]
    assert accepted.json()["location"] == location
    for _ in range(500):
        answer = shared.client.get(location)
        if answer.status_code != 202:
            break
    assert (answer.status_code, types(answer.json()["events"])) == (200, ["car_parked.v1"])
    assert answer.json()["command"] == accepted.json()["command"]


def test_the_answer_stays_where_it_is(shared: Server) -> None:
    shared.park("stays", "a")
    for car, stay_ms, status in (("b", 1, 409), ("", -1, 409)):
        sent = shared.park("stays", car, stay_ms=stay_ms)
        place = sent.json()["command"]
        path = f"{PARKING}/partitions/{place['partition']}/commands/{place['offset']}"
        assert sent.status_code == status
        assert shared.client.get(path).content == sent.content
    assert shared.client.get(f"{PARKING}/partitions/0/commands/100000").status_code == 404
    assert shared.client.get(f"{PARKING}/partitions/0/commands/-1").status_code == 404
    assert shared.client.get(f"{PARKING}/partitions/9/commands/0").status_code == 404


def test_a_command_for_all_partitions_answers_a_list(shared: Server) -> None:
    path = "/api/markets/exchange/commands/open_account"
    body = {"account_id": 7, "member_id": 1}
    answers = [
        shared.client.post(path, json=body, headers={"Idempotency-Key": "seven"}) for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [200, 200]
    assert [each["command"]["partition"] for each in answers[0].json()] == [0, 1, 2, 3]
    assert answers[0].content == answers[1].content
    path = "/api/markets/exchange/commands/close_account"
    refused = shared.client.post(path, json={"account_id": 999})
    assert (refused.status_code, refused.headers["content-type"]) == (409, PROBLEM)
    assert (refused.json()["code"], refused.json()["field"]) != ("", "")
    assert len(refused.json()["answers"]) == 4


def test_two_hundred_at_once(shared: Server) -> None:
    """Each is decided once, and each caller gets the events of its own."""

    async def send_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=shared.url, limits=limits, timeout=60) as client:
            bodies = [
                {"spot": f"many-{number}", "car": f"{number}", "stay_ms": 10**9}
                for number in range(200)
            ]
            path = f"{PARKING}/commands/park_car"
            return await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    answers = asyncio.run(send_all())
    assert [each.status_code for each in answers] == [200] * 200
    events = [each.json()["events"] for each in answers]
    assert [each[0]["spot"] for each in events] == [f"many-{number}" for number in range(200)]
    assert len({tuple(each.json()["command"].values()) for each in answers}) == 200
