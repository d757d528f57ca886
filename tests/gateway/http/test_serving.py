"""The server itself: crashes, time-outs, limits, its end, and whom it lets in."""

import signal
import socket
import threading
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from gateway.cli.outcome import CommandFailed
from gateway.cli.serve import app
from log.backends.file import FileLog
from tests.gateway.http.conftest import PARKING, Server, Servers, until
from tests.samples.parking import SYSTEM


def ends(folder: Path, topic: str) -> list[int]:
    with FileLog(folder / ".refold") as log:
        if topic not in log.topics():
            return []
        return [log.partition(topic, number).high_watermark for number in range(2)]


class Asking(threading.Thread):
    """Sends a command from a thread; `answer` is None where the server went away."""

    def __init__(self, server: Server, spot: str, key: str = "") -> None:
        super().__init__(daemon=True)
        self._server, self._spot, self._key = server, spot, key
        self.answer: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._server.park(self._spot, key=self._key)
        except httpx.TransportError:
            self.answer = None


@pytest.mark.parametrize("held", ["undecided", "untold"])
def test_a_kill_between_append_and_answer(servers: Servers, held: str) -> None:
    """Sent again with its key, the command is answered as it would have been, decided once."""
    server = servers.start("parking", held=held)
    asking = Asking(server, "a", "checkout-1")
    topic = SYSTEM.commands_topic if held == "undecided" else SYSTEM.events_topic
    until(lambda: sum(ends(servers.folder, topic)) >= (1 if held == "undecided" else 2))
    server.process.kill()
    server.process.wait()
    asking.join()
    assert asking.answer is None
    again = servers.start("parking")
    answers = [again.park("a", key="checkout-1") for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["idempotency-replayed"] == "true"
    place = answers[0].json()["command"]
    assert place["offset"] == 0  # the first sending's
    told = [each.event for each in again.events(place["partition"], 4)]
    repeated = "command_repeated.v1"
    assert told == ["rules_adopted.v1", "car_parked.v1", repeated, repeated]


def test_who_waits_too_long_is_told_where_to_ask(servers: Servers) -> None:
    server = servers.start("parking", "--wait-s", "0.2", held="undecided")
    answer = server.park("a")
    assert answer.status_code == 504
    assert answer.json()["type"] == "urn:refold:problem:not-decided-yet"
    location = answer.headers["location"]
    assert answer.json()["location"] == location
    waiting = server.client.get(location)
    assert (waiting.status_code, waiting.headers["location"]) == (202, location)
    late = server.client.get(f"{PARKING}/queries/taken?min_sequence=0&partition=0")
    assert late.status_code in (503, 504)
    server.end()
    again = servers.start("parking")
    until(lambda: again.client.get(location).status_code == 200)


def test_more_than_wait_are_sent_away(servers: Servers) -> None:
    limits = ("--waiting", "1", "--streams", "1", "--wait-s", "2")
    server = servers.start("parking", *limits, held="undecided")
    asking = Asking(server, "a")
    until(lambda: sum(ends(servers.folder, SYSTEM.commands_topic)) == 1)
    refused = server.client.get("/api")
    assert refused.status_code == 503
    assert (refused.headers["retry-after"], refused.json()["status"]) == ("1", 503)
    path = f"{PARKING}/partitions/0/events"
    with server.client.stream("GET", path) as stream:
        lines = stream.iter_lines()  # kept: the stream ends with it
        assert (stream.status_code, next(lines)) == (200, "retry: 1000")
        with server.client.stream("GET", path) as another:
            assert another.status_code == 503
    until(lambda: asking.answer is not None)
    assert asking.answer is not None
    assert asking.answer.status_code == 504


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_accepted_is_answered(servers: Servers, number: int) -> None:
    server = servers.start("parking", held="slow")
    asking = [Asking(server, f"spot-{each}") for each in range(5)]
    until(lambda: sum(ends(servers.folder, SYSTEM.commands_topic)) == 5)
    assert server.end(number) == 0
    for each in asking:
        each.join()
        assert each.answer is not None
        assert each.answer.status_code == 200
    with pytest.raises(httpx.TransportError):
        server.client.get("/api")


def test_where_the_tasks_fail_the_server_ends(servers: Servers) -> None:
    """Whoever waits is told; nothing goes on with half a server."""
    server = servers.start("parking", held="failing")
    answer = server.park("a")
    assert (answer.status_code, "not decided any more" in answer.json()["detail"]) == (503, True)
    assert server.process.wait(20) != 0
    assert "the rules broke a law" in server.stderr.read_text()


def test_a_large_body_is_refused(servers: Servers) -> None:
    server = servers.start("parking", "--body-bytes", "1000")
    answer = server.park("a" * 2000)
    assert (answer.status_code, answer.json()["title"]) == (413, "Request Entity Too Large")
    assert server.park("a" * 20).status_code == 200


def test_only_its_own_names_are_answered(shared: Server) -> None:
    port = shared.client.base_url.port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost"):
        assert shared.client.get("/api", headers={"Host": host}).status_code == 200
    for host in ("example.com", f"localhost.example.com:{port}"):
        answer = shared.client.get("/api", headers={"Host": host})
        assert (answer.status_code, answer.json()["status"]) == (421, 421)


def test_answers_are_safe_in_a_browser(shared: Server) -> None:
    for path in ("/api", "/schema", "/api/nothing", f"{PARKING}/queries/taken"):
        headers = shared.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_other_machines_are_let_in_only_when_asked(host: str) -> None:
    ended = CliRunner().invoke(app, ["exchange", "--host", host])
    assert isinstance(ended.exception, CommandFailed)
    assert "no keys and no tokens to tell who may call" in str(ended.exception)
    assert "--insecure" in str(ended.exception)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = CliRunner().invoke(app, ["uploads", "--log", str(tmp_path), "--port", port])
    assert isinstance(ended.exception, CommandFailed)
    assert f"cannot listen on 127.0.0.1, port {port}" in str(ended.exception)


def test_whoever_insists_is_served(servers: Servers) -> None:
    server = servers.start("parking", "--host", "0.0.0.0", "--insecure")
    port = server.client.base_url.port
    with socket.create_connection(("127.0.0.1", port or 0)) as connection:
        connection.sendall(b"GET /api HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
