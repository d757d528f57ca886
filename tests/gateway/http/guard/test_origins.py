"""Web pages of other origins, as their browsers ask for them."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.gateway.http.conftest import PARKING, Server, servers_in
from tests.gateway.http.guard.conftest import bearer, started, table_of_keys

OWN = "https://desk.example.com"
FOREIGN = "https://evil.example.com"
PARK = f"{PARKING}/commands/park_car"


@pytest.fixture(scope="module")
def open_to_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    servers = servers_in(tmp_path_factory.mktemp("origins"))
    yield started(servers, f'[http]\norigins = ["{OWN}"]\n' + table_of_keys())
    servers.close()


def preflight(server: Server, origin: str, method: str = "POST") -> dict[str, str]:
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }
    answer = server.client.options(PARK, headers=asks)
    return {"status": str(answer.status_code), **answer.headers}


def test_a_browser_asks_first(open_to_desk: Server) -> None:
    """Without a key, as browsers do."""
    told = preflight(open_to_desk, OWN)
    assert (told["status"], told["access-control-allow-origin"]) == ("204", OWN)
    assert "POST" in told["access-control-allow-methods"]
    allowed = {each.strip().lower() for each in told["access-control-allow-headers"].split(",")}
    assert allowed >= {"authorization", "content-type", "idempotency-key", "x-api-key", "prefer"}
    assert told["vary"] == "origin"
    assert "access-control-allow-credentials" not in told


def test_the_page_may_read_the_answer(open_to_desk: Server) -> None:
    body = {"spot": "cors", "car": "x", "stay_ms": 10**9}
    headers = {"Origin": OWN, **bearer("house")}
    answer = open_to_desk.client.post(PARK, json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OWN
    exposed = {each.strip() for each in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"ETag", "Location", "Idempotency-Replayed", "Retry-After"}
    assert "access-control-allow-credentials" not in answer.headers


def test_the_page_may_read_refusals_as_well(open_to_desk: Server) -> None:
    answer = open_to_desk.client.get("/api", headers={"Origin": OWN})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == OWN


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", f"{OWN}.evil.example.com", f"{OWN}:444", "http://desk.example.com"]
)
def test_foreign_pages(open_to_desk: Server, origin: str) -> None:
    told = preflight(open_to_desk, origin)
    assert told["status"] == "403"
    assert "access-control-allow-origin" not in told
    headers = {"Origin": origin, **bearer("house")}
    changed = open_to_desk.client.post(PARK, json={}, headers=headers)
    assert changed.status_code == 403
    assert changed.json()["type"] == "urn:refold:problem:foreign-origin"
    read = open_to_desk.client.get("/api", headers=headers)
    assert "access-control-allow-origin" not in read.headers


def test_its_own_pages_may(shared: Server) -> None:
    own = shared.url.rstrip("/")
    body = {"spot": "own page", "car": "x", "stay_ms": 10**9}
    answer = shared.client.post(PARK, json=body, headers={"Origin": own})
    assert answer.status_code == 200


def test_with_nothing_set_up_no_other_page_may(shared: Server) -> None:
    """Also where no key is asked for: a page that is open in the browser is no caller."""
    assert preflight(shared, FOREIGN)["status"] == "403"
    body = {"spot": "foreign page", "car": "x", "stay_ms": 10**9}
    assert shared.client.post(PARK, json=body, headers={"Origin": FOREIGN}).status_code == 403
    url = shared.url.replace("http://", "ws://").rstrip("/") + "/api/live"
    with pytest.raises(InvalidStatus) as refused, connect(url, origin=Origin(FOREIGN)):
        pass
    assert refused.value.response.status_code == 403
