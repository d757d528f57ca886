"""How much one client, and all together, may ask for; and how slowly."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.http.conftest import PARKING, Server, Servers, until
from tests.gateway.http.guard.conftest import bearer, started, table_of_keys
from tests.gateway.http.test_serving import Asking, ends
from tests.samples.parking import SYSTEM

EVENTS = f"{PARKING}/partitions/0/events"


def limits(**values: float) -> str:
    return "\n[http.limits]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    port = server.client.base_url.port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """Until the server ends the connection."""
    told = b""
    with contextlib.suppress(ConnectionResetError):
        while some := connection.recv(1 << 16):
            told += some
    return told


def test_a_client_that_asks_too_often(servers: Servers) -> None:
    """429 says when to come back; another client is not concerned."""
    slow = limits(client_requests_per_s=0.01, client_burst=3)
    server = started(servers, slow + table_of_keys())
    answers = [server.client.get("/api", headers=bearer("house")) for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert 90 <= int(answers[-1].headers["retry-after"]) <= 100
    assert "0.01 requests a second" in answers[-1].json()["detail"]
    assert server.client.get("/api", headers=bearer("desk")).status_code == 200


def test_guessing_keys_has_its_rate_too(servers: Servers) -> None:
    slow = limits(client_requests_per_s=0.01, client_burst=2)
    server = started(servers, slow + table_of_keys())
    guess = {"Authorization": "Bearer guess"}
    answers = [server.client.get("/api", headers=guess).status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    assert server.client.get("/api", headers=bearer("desk")).status_code == 200


def test_a_client_with_enough_under_way(servers: Servers) -> None:
    few = limits(client_requests_max=1, client_streams_max=1, wait_s=2)
    server = started(servers, few + table_of_keys(), held="undecided")
    asking = Asking(server, "a")  # without a key: it is sent away
    until(lambda: asking.answer is not None)
    body = {"spot": "a", "car": "x", "stay_ms": 1}
    path = f"{PARKING}/commands/park_car"
    with connected(server) as connection:
        content = b'{"spot":"a","car":"x","stay_ms":1}'
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {bearer('house')['Authorization']}\r\nConnection: close\r\n"
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        until(lambda: sum(ends(servers.folder, SYSTEM.commands_topic)) == 1)
        refused = server.client.post(path, json=body, headers=bearer("house"))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert server.client.get("/api", headers=bearer("desk")).status_code == 200
        assert b" 504 " in all_of(connection)
    with server.client.stream("GET", EVENTS, headers=bearer("house")) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        assert server.client.get(EVENTS, headers=bearer("house")).status_code == 429
        with server.client.stream("GET", EVENTS, headers=bearer("desk")) as other:
            assert other.status_code == 200

    def again() -> bool:
        with server.client.stream("GET", EVENTS, headers=bearer("house")) as stream:
            return stream.status_code == 200

    until(again)


def test_a_body_that_trickles(servers: Servers) -> None:
    server = started(servers, limits(body_s=0.3, body_bytes_per_s=1000))
    head = f"POST {PARKING}/commands/park_car HTTP/1.1\r\nHost: localhost\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(head.encode() + b'{"spot":')
        told = all_of(connection)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in told
    assert b"connection: close" in told.lower()
    assert server.park("a").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /api HTTP/1.1\r\nHost: loc", b"\r\n"])
def test_headers_that_do_not_come(servers: Servers, sent: bytes) -> None:
    server = started(servers, limits(headers_s=0.3))
    with connected(server) as connection:
        connection.sendall(sent)
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_is_kept_alive_with_nothing(servers: Servers) -> None:
    """Line ends between requests are no requests."""
    server = started(servers, limits(headers_s=0.5, idle_s=1))
    with connected(server) as connection:
        connection.sendall(b"GET /schema/no HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 404")
        deadline_s = time.monotonic() + 20
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < deadline_s:
                connection.sendall(b"\r\n")
                connection.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    if connection.recv(1 << 16) == b"":
                        return
        assert time.monotonic() < deadline_s


def test_headers_without_end(servers: Servers) -> None:
    server = started(servers, limits(headers_bytes=10_000))
    with connected(server) as connection:
        connection.sendall(b"GET /api HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(1000):
                connection.sendall(b"a" * 1000)
        told = all_of(connection)
    assert told == b"" or told.startswith(b"HTTP/1.1 431 ")
    with connected(server) as connection:
        connection.sendall(b"GET /api HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 10_001)
        assert all_of(connection).startswith(b"HTTP/1.1 431 ")


def test_connections_of_one_client(servers: Servers) -> None:
    server = started(servers, limits(client_connections_max=2))
    with connected(server), connected(server) as second:
        with connected(server) as third:
            assert all_of(third).startswith(b"HTTP/1.1 429 ")
        second.sendall(b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert second.recv(12) == b"HTTP/1.1 200"
    until(lambda: server.client.get("/api").status_code == 200)


def test_connections_of_all(servers: Servers) -> None:
    server = started(servers, limits(connections_max=1))
    with connected(server), connected(server) as second:
        told = all_of(second)
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in told


def test_who_reads_nothing_is_cut_off(servers: Servers) -> None:
    """A stream's slot is free again, without a word from its client."""
    server = started(servers, limits(unread_s=0.5, streams_max=1))
    car = "x" * 900_000
    for number in range(30):
        assert server.park(f"spot-{number}", car=car).status_code == 200

    def partition() -> int:
        return max(range(2), key=lambda each: ends(servers.folder, SYSTEM.events_topic)[each])

    path = f"{PARKING}/partitions/{partition()}/events"
    with connected(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"

        def is_free() -> bool:
            with server.client.stream("GET", path) as stream:
                return stream.status_code == 200

        until(is_free)


def test_large_bodies_of_all(servers: Servers) -> None:
    """What they may come to is held for them before they come."""
    server = started(servers, limits(body_bytes=1000, bodies_bytes=1500))
    head = f"POST {PARKING}/commands/park_car HTTP/1.1\r\nHost: localhost\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    small = {"spot": "a", "car": "x", "stay_ms": 1}

    def status(car: str) -> int:
        path = f"{PARKING}/commands/park_car"
        return server.client.post(path, json={**small, "car": car}).status_code

    with connected(server) as connection:
        connection.sendall(head.encode())
        until(lambda: status("x" * 700) == 503)
        assert status("x") in (200, 409)
    until(lambda: status("x" * 700) in (200, 409))


@pytest.mark.parametrize(("proxies", "clients"), [([], 1), (["127.0.0.0/8"], 3)])
def test_whom_a_proxy_speaks_for(servers: Servers, proxies: list[str], clients: int) -> None:
    """Believed of trusted proxies alone; who stands before those, and not what he says himself."""
    slow = limits(client_requests_per_s=0.01, client_burst=1)
    trusted = f"\n[http]\ntrusted_proxies = {proxies}\n".replace("'", '"')
    server = started(servers, trusted + slow)
    answers = [
        server.client.get("/api", headers={"X-Forwarded-For": f"198.51.100.1, {each}"}).status_code
        for each in ("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.1")
    ]
    assert answers.count(200) == clients
    assert answers.count(429) == 4 - clients


def test_no_trace_of_the_server_goes_out(keyed: Server, tmp_path: Path) -> None:
    with connected(keyed) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        told = all_of(connection)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in told
    assert b"Traceback" not in told
