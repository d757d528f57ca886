"""Tickets: how a browser's `EventSource` and `WebSocket` say who calls."""

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gateway.http.guard.caller import Identity
from gateway.http.guard.tickets import ACTOR_TICKETS_MAX, TICKETS_MAX, Tickets
from gateway.http.problems import ProblemFound
from tests.gateway.http.conftest import PARKING, Server, Servers, until
from tests.gateway.http.guard.conftest import bearer, started, table_of_keys

EVENTS = f"{PARKING}/partitions/0/events"


def ticket(server: Server, name: str) -> str:
    answer = server.client.post("/api/tickets", headers=bearer(name))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["ticket"])


def opened(server: Server, query: str) -> int:
    """The status of a stream, which is then left."""
    with server.client.stream("GET", f"{EVENTS}?{query}") as stream:
        return stream.status_code


def test_a_ticket_opens_one_stream(keyed: Server) -> None:
    found = ticket(keyed, "reader")
    assert opened(keyed, f"from=start&ticket={found}") == 200
    assert opened(keyed, f"from=start&ticket={found}") == 401
    assert opened(keyed, "ticket=nothing") == 401
    assert opened(keyed, "ticket=") == 401


def test_a_ticket_has_the_scopes_of_who_asked(keyed: Server) -> None:
    assert opened(keyed, f"ticket={ticket(keyed, 'operator')}") == 403


def test_a_ticket_is_for_streams_alone(keyed: Server) -> None:
    found = ticket(keyed, "house")
    assert keyed.client.get(f"{PARKING}/queries/taken?ticket={found}").status_code == 401
    assert keyed.client.post(f"/api/tickets?ticket={found}").status_code == 401
    assert opened(keyed, f"ticket={found}") == 200


def test_a_ticket_runs_out(servers: Servers) -> None:
    server = started(servers, table_of_keys() + "\n[http.limits]\nticket_s = 0.001\n")
    until(lambda: opened(server, f"ticket={ticket(server, 'reader')}") == 401)


def test_a_websocket_is_refused_with_a_reason(keyed: Server) -> None:
    url = keyed.url.replace("http://", "ws://").rstrip("/") + "/api/live"
    for address in (url, f"{url}?ticket=nothing"):
        with pytest.raises(InvalidStatus) as refused, connect(address):
            pass
        assert refused.value.response.status_code == 401
        assert b'"status":401' in (refused.value.response.body or b"")


def test_with_authentication_off_a_ticket_does_no_harm(shared: Server) -> None:
    found = shared.client.post("/api/tickets").json()["ticket"]
    assert opened(shared, f"ticket={found}&from=end") == 200


def status_of(tickets: Tickets, identity: Identity) -> int:
    try:
        tickets.new(identity)
    except ProblemFound as found:
        return found.problem.status
    return 200


def test_tickets_are_bounded_for_one_and_for_all() -> None:
    tickets = Tickets(60.0)
    actors = [Identity(f"actor-{number}", frozenset()) for number in range(1000)]
    first = tickets.new(actors[0])
    assert {status_of(tickets, actors[0]) for _ in range(ACTOR_TICKETS_MAX - 1)} == {200}
    assert status_of(tickets, actors[0]) == 429
    assert tickets.take(first) is actors[0]
    assert status_of(tickets, actors[0]) == 200
    made = ACTOR_TICKETS_MAX
    for actor in actors[1:]:
        while made < TICKETS_MAX and status_of(tickets, actor) == 200:
            made += 1
    assert status_of(tickets, actors[-1]) == 503


def test_tickets_that_ran_out_make_room() -> None:
    tickets = Tickets(0.0)
    assert {status_of(tickets, Identity("one", frozenset())) for _ in range(1000)} == {200}
