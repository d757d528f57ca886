"""Dead letters over HTTP: listed in pages, shown whole, retried once and in order."""

import json
from typing import Any

import httpx
import pytest

from tests.gateway.http.conftest import Server, Servers, until

LETTERS = "/api/house/systems/samples/parking/dead-letters"


@pytest.fixture
def server(servers: Servers) -> Server:
    return servers.start("parking")


def spoil(server: Server, spot: str, car: str) -> dict[str, int]:
    """A command that the rules raise at; its place."""
    answer = server.park(spot, car, stay_ms=-1)
    assert answer.status_code == 422, answer.text
    place: dict[str, int] = answer.json()["command"]
    return place


def path_of(place: dict[str, int]) -> str:
    return f"{LETTERS}/{place['partition']}/{place['offset']}"


def retry(server: Server, place: dict[str, int]) -> httpx.Response:
    return server.client.post(f"{path_of(place)}/retry", json={})


def listed(server: Server, **parameters: Any) -> dict[str, Any]:
    answer = server.client.get(LETTERS, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_letter_is_shown_whole(server: Server) -> None:
    place = spoil(server, "a", "one")
    found = server.client.get(path_of(place)).json()
    assert found["command"]["car"] == "one" and found["decodes"] is True
    assert "a stay cannot be negative" in found["letter"]["error"]
    assert json.loads(found["letter"]["value"]) == found["command"]
    until(lambda: _counted(server) == {"kept": 1, "waiting": 1})


def _counted(server: Server) -> Any:
    (system,) = server.client.get("/api/house").json()["systems"]
    return system["dead_letters"]


def test_a_retry_takes_the_earlier_ones_of_its_key_along_once(server: Server) -> None:
    first, other, second = (
        spoil(server, spot, car) for spot, car in (("a", "one"), ("b", "other"), ("a", "two"))
    )
    again = retry(server, second)
    assert again.status_code == 200, again.text
    assert [each["offset"] for each in again.json()["retried"]] == [
        first["offset"],
        second["offset"],
    ]
    refused = retry(server, second)
    assert refused.status_code == 409
    assert "was retried already" in refused.json()["detail"]
    until(lambda: len(listed(server)["letters"]) == 5)  # those of the retry failed as before
    waiting = listed(server, waiting="true")["letters"]
    cars = sorted(json.loads(each["value"])["car"] for each in waiting)
    assert cars == ["one", "other", "two"]
    assert {each["retry_of"] for each in waiting} == {None, first["offset"], second["offset"]}
    assert other["offset"] in [each["offset"] for each in waiting]


def test_pages_hold_each_letter_once_in_order(server: Server) -> None:
    places = [spoil(server, f"spot {number}", "x") for number in range(7)]
    found: list[tuple[int, int]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = listed(server, limit=2, **({"cursor": cursor} if cursor else {}))
        assert len(page["letters"]) <= 2
        found += [(each["partition"], each["offset"]) for each in page["letters"]]
        cursor = page["next"]
    assert found == sorted((each["partition"], each["offset"]) for each in places)


@pytest.mark.parametrize(
    ("path", "status", "what"),
    [
        (f"{LETTERS}/0/99", 404, "no dead letter of the command at offset 99"),
        (f"{LETTERS}/7/0", 404, "the partitions of samples.parking are 0 to 1"),
        (f"{LETTERS}?cursor=x", 400, "is no PARTITION:OFFSET"),
        (f"{LETTERS}?limit=0", 400, "limit is 1 to 500"),
        (f"{LETTERS}?waiting=maybe", 400, "waiting is true or false"),
        (f"{LETTERS}?page=2", 400, "there is no parameter 'page'"),
        ("/api/house/systems/samples/garage/dead-letters", 404, "samples.parking"),
    ],
)
def test_bad_input(server: Server, path: str, status: int, what: str) -> None:
    answer = server.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert what in answer.json()["detail"]


def test_a_page_of_another_site_cannot_retry(server: Server) -> None:
    """It can send a form, and no JSON."""
    place = spoil(server, "a", "one")
    for sent in (
        {"data": {"x": "y"}},
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    ):
        answer = server.client.post(f"{path_of(place)}/retry", **sent)
        assert answer.status_code == 415
    assert server.client.post(f"{path_of(place)}/retry", json={"all": True}).status_code == 400
    (letter,) = listed(server)["letters"]
    assert letter["status"] == "waiting"
