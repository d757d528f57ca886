"""Keys and scopes, at a server that asks for them."""

import json

import httpx
import pytest
from typer.testing import CliRunner

from gateway.cli.http_keys import app as http_keys
from gateway.cli.read import app as read
from tests.gateway.http.conftest import PARKING, Server, Servers
from tests.gateway.http.guard.conftest import KEYS, bearer, started, table_of_keys

PARK = f"{PARKING}/commands/park_car"
TAKEN = f"{PARKING}/queries/taken"
LETTERS = "/api/house/systems/samples/parking/dead-letters"


def park(server: Server, spot: str, headers: dict[str, str]) -> httpx.Response:
    body = {"spot": spot, "car": "x", "stay_ms": 10**9}
    return server.client.post(PARK, json=body, headers=headers)


@pytest.mark.parametrize(
    "path",
    ["/api", TAKEN, f"{PARKING}/partitions/0/events", "/api/nothing", "/api/live", "/api/house"],
)
def test_without_a_key_nothing_of_the_api_is_told(keyed: Server, path: str) -> None:
    answer = keyed.client.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="refold"'


@pytest.mark.parametrize("path", ["//api//", "/%61pi", "//%61pi/samples/parking/queries/taken"])
def test_no_spelling_of_a_path_goes_around(keyed: Server, path: str) -> None:
    url = keyed.url
    assert httpx.get(url + path).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer refold_nobody"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic cmVmb2xkOmhvdXNl"},
        {"X-API-Key": "refold_nobody"},
        {"X-API-Key": ""},
        {"Authorization": f"Bearer {KEYS['house'][0]}x"},
    ],
)
def test_a_key_that_is_not_known(keyed: Server, headers: dict[str, str]) -> None:
    assert keyed.client.get("/api", headers=headers).status_code == 401
    assert park(keyed, "unknown", headers).status_code == 401


def test_both_headers_carry_a_key(keyed: Server) -> None:
    key = KEYS["reader"][0]
    for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
        assert keyed.client.get(TAKEN, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("house", TAKEN, 200),
        ("desk", TAKEN, 200),
        ("reader", TAKEN, 200),
        ("operator", TAKEN, 403),
        ("operator", "/api", 200),
        ("reader", "/api/nothing", 404),
        ("reader", LETTERS, 403),
        ("operator", LETTERS, 200),
    ],
)
def test_scopes_of_what_is_asked(keyed: Server, name: str, path: str, status: int) -> None:
    assert keyed.client.get(path, headers=bearer(name)).status_code == status


def test_a_command_wants_its_own_scope(keyed: Server) -> None:
    assert park(keyed, "scoped-1", bearer("desk")).status_code == 200
    refused = park(keyed, "scoped-2", bearer("reader"))
    assert refused.status_code == 403
    assert "samples.parking:park_car" in refused.json()["detail"]
    assert 'scope="samples.parking:park_car"' in refused.headers["www-authenticate"]
    other = keyed.client.post(f"{PARKING}/commands/leave", json={}, headers=bearer("desk"))
    assert other.status_code == 403


def test_pages_and_the_reference_want_no_key(keyed: Server) -> None:
    assert keyed.client.get("/schema").status_code == 200
    assert keyed.client.get("/").status_code != 401


def test_who_sent_a_command_is_on_the_log(servers: Servers) -> None:
    server = started(servers, table_of_keys())
    places = {}
    for name in ("house", "desk"):
        answer = park(server, f"spot-of-{name}", bearer(name))
        place = answer.json()["command"]
        places[name] = f"{PARKING}/partitions/{place['partition']}/commands/{place['offset']}"
    for name, path in places.items():
        assert server.client.get(path, headers=bearer("reader")).json()["actor"] == name
    taken = park(server, "spot-of-desk", bearer("house")).json()  # rejected
    path = f"{PARKING}/partitions/{taken['command']['partition']}/commands"
    told = server.client.get(f"{path}/{taken['command']['offset']}", headers=bearer("desk"))
    assert (told.status_code, told.json()["actor"]) == (409, "house")

    def lines(*arguments: str) -> list[str]:
        log = str(servers.folder / ".refold")
        ended = CliRunner().invoke(read, ["parking.commands", "--log", log, *arguments])
        return ended.stdout.splitlines()

    assert [("[actor=desk]" in line, "[actor=house]" in line) for line in lines()].count(
        (True, False)
    ) == 1
    (own,) = lines("--actor", "desk", "--json")
    assert json.loads(own)["headers"] == [{"name": "actor", "value": "desk"}]
    assert json.loads(own)["value"]["spot"] == "spot-of-desk"
    assert lines("--actor", "nobody") == []


def test_with_authentication_off_nobody_is_named(shared: Server) -> None:
    place = shared.park("nameless").json()["command"]
    path = f"{PARKING}/partitions/{place['partition']}/commands/{place['offset']}"
    assert "actor" not in shared.client.get(path).json()


def test_a_key_is_made_and_let_in(servers: Servers) -> None:
    made = CliRunner().invoke(http_keys, ["key", "robot", "--scope", "samples.parking:*"])
    key = made.stderr.split()[-1]
    assert key not in made.stdout
    server = started(servers, made.stdout, "--host", "0.0.0.0")
    headers = {"Authorization": f"Bearer {key}"}
    assert park(server, "a", headers).status_code == 200
    assert server.client.get("/api").status_code == 401


def test_scopes_of_a_key_that_is_made_are_checked() -> None:
    for arguments in (["Robot"], ["robot", "--scope", "parking"]):
        assert CliRunner().invoke(http_keys, ["key", *arguments]).exit_code != 0
