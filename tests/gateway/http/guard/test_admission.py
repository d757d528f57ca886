"""Counting, without a server."""

import pytest

from gateway.http.guard import admission
from gateway.http.guard.admission import Admission, client_name
from gateway.http.guard.caller import Caller, Identity
from gateway.http.problems import ProblemFound
from gateway.http_settings import Limits


class Clock:
    def __init__(self) -> None:
        self.now_ms = 10**6

    def monotonic_ns(self) -> int:
        return self.now_ms * 10**6


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    return clock


def status_of(counted: Admission, name: str, stream: bool = False) -> int:
    """Of one request that is over at once."""
    try:
        counted.leave(counted.enter(name, stream), stream)
    except ProblemFound as found:
        assert found.headers["Retry-After"].isdigit()
        return found.problem.status
    return 200


def test_a_rate_and_a_burst(clock: Clock) -> None:
    """Exactly the burst at once, then exactly the rate; after a rest, the burst again."""
    counted = Admission(Limits(client_requests_per_s=10, client_burst=5))
    assert [status_of(counted, "a") for _ in range(6)] == [200] * 5 + [429]
    assert status_of(counted, "b") == 200
    admitted = 0
    for _ in range(1000):
        clock.now_ms += 10
        admitted += status_of(counted, "a") == 200
    assert admitted == 100
    clock.now_ms += 100_000
    assert [status_of(counted, "a") for _ in range(6)] == [200] * 5 + [429]


def test_the_table_of_clients_is_bounded(clock: Clock) -> None:
    """Who has rested makes room; where nobody has, more clients are sent away."""
    counted = Admission(Limits(client_requests_per_s=1, clients_max=100))
    assert {status_of(counted, f"client {number}") for number in range(100)} == {200}
    assert status_of(counted, "one more") == 503
    clock.now_ms += 500
    assert status_of(counted, "one more") == 503
    clock.now_ms += 2000
    assert {status_of(counted, f"other {number}") for number in range(100)} == {200}
    assert len(counted._clients) == 100


def test_nobody_is_remembered_who_asks_for_nothing() -> None:
    counted = Admission(Limits())
    for number in range(1000):
        status_of(counted, f"client {number}", stream=number % 2 == 0)
    assert counted._clients == {}


def test_one_client_does_not_take_all() -> None:
    counted = Admission(Limits(waiting_max=4, client_requests_max=2))
    entered = [counted.enter(name) for name in "aabb"]
    assert (status_of(counted, "a"), status_of(counted, "c")) == (503, 503)
    counted.leave(entered.pop())
    assert (status_of(counted, "a"), status_of(counted, "c")) == (429, 200)
    assert status_of(counted, "a", stream=True) == 200


def test_messages_of_a_websocket_are_requests() -> None:
    counted = Admission(Limits(client_requests_max=1))
    caller = Caller(Identity("desk", frozenset()), "actor desk", counted)
    with caller.request():
        with pytest.raises(ProblemFound) as refused, caller.request():
            pass
        assert refused.value.problem.status == 429
    with caller.request():
        pass


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_who_is_one_client(host: str, name: str) -> None:
    assert client_name(host) == name


@pytest.mark.parametrize(
    ("scopes", "system", "action", "may"),
    [
        ({"*"}, "markets.exchange", "place_order", True),
        ({"markets.exchange:place_order"}, "markets.exchange", "place_order", True),
        ({"markets.exchange:place_order"}, "markets.exchange", "cancel_order", False),
        ({"markets.exchange:place_order"}, "social.feed", "place_order", False),
        ({"markets.exchange:*"}, "markets.exchange", "read", True),
        ({"markets.exchange:*"}, "*", "operate", False),
        ({"*:read"}, "social.feed", "read", True),
        ({"*:read"}, "social.feed", "operate", False),
        ({"*:operate"}, "*", "operate", True),
        (set(), "*", "operate", False),
    ],
)
def test_what_a_scope_covers(scopes: set[str], system: str, action: str, may: bool) -> None:
    assert Identity("desk", scopes).may(system, action) is may
