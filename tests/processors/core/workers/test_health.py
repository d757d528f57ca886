"""Probes over HTTP, as an orchestrator asks them."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import pytest

from processors.core.workers.health import LIVE_WITHIN_S, HealthServer
from processors.core.workers.monitor import MonitoringRefused, Place
from processors.core.workers.prometheus import PrometheusMonitor

HERE = Place("samples.parking", 0)
OTHER = Place("samples.parking", 1)


@dataclass
class Worker:
    """A worker's monitor, at a time of the test's own, and what is served of it."""

    now_s: float = 1000.0
    monitor: PrometheusMonitor = field(init=False)
    server: HealthServer = field(init=False)

    def __post_init__(self) -> None:
        self.monitor = PrometheusMonitor(clock=lambda: self.now_s)
        self.server = HealthServer(self.monitor, 0, "127.0.0.1")

    def ask(self, path: str, method: str = "GET", accept: str = "*/*") -> tuple[int, str, bytes]:
        """The status, the content type and the body."""
        url = f"http://127.0.0.1:{self.server.port}{path}"
        try:
            answer = urlopen(Request(url, method=method, headers={"Accept": accept}), timeout=10)
        except HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers["Content-Type"], answer.read()

    def json(self, path: str) -> tuple[int, Any]:
        status, content_type, body = self.ask(path)
        assert content_type == "application/json"
        return status, msgspec.json.decode(body)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    with worker.server:
        yield worker


def test_it_is_live_while_its_loop_comes_round(worker: Worker) -> None:
    assert worker.json("/live") == (200, {"live": True, "silent_s": 0.0})
    worker.now_s += LIVE_WITHIN_S
    assert worker.json("/live") == (200, {"live": True, "silent_s": 30.0})
    worker.now_s += 1.5
    status, told = worker.json("/live")
    assert (status, told["live"]) == (503, False)
    assert told["reason"] == "the worker's loop has not come round for 31.5 s; 30.0 s are too long"
    worker.monitor.turned()
    assert worker.json("/live") == (200, {"live": True, "silent_s": 0.0})


def test_it_is_ready_as_a_member_whose_tasks_all_decide(worker: Worker) -> None:
    monitor = worker.monitor
    assert worker.json("/ready") == (503, {"ready": False, "groups": {}, "recovering": []})
    monitor.joined("refold", True)
    ready = {"ready": True, "groups": {"refold": True}, "recovering": []}
    assert worker.json("/ready") == (200, ready), "with no partition there is nothing to wait for"
    monitor.assigned(HERE)
    monitor.assigned(OTHER)
    monitor.running(OTHER, 0.1)
    assert worker.json("/ready")[0] == 503, "it has not even begun to recover"
    monitor.recovering(HERE, done=250, total=1000, seconds_left=float("inf"))
    progress = {"system": HERE.system, "partition": 0, "done": 250, "total": 1000}
    assert worker.json("/ready") == (
        503,
        {
            "ready": False,
            "groups": {"refold": True},
            "recovering": [{**progress, "seconds_left": None}],
        },
    )
    monitor.running(HERE, 2.0)
    assert worker.json("/ready") == (200, ready)
    monitor.joined("refold", False)
    assert worker.json("/ready")[0] == 503


def test_a_fenced_task_is_waited_for_until_it_is_released(worker: Worker) -> None:
    worker.monitor.joined("refold", True)
    worker.monitor.assigned(HERE)
    worker.monitor.running(HERE, 0.1)
    assert worker.json("/ready")[0] == 200
    worker.monitor.fenced(HERE)
    assert worker.json("/ready")[0] == 503
    worker.monitor.released(HERE)
    assert worker.json("/ready")[0] == 200


def test_metrics_in_the_format_that_is_asked_for(worker: Worker) -> None:
    worker.monitor.assigned(HERE)
    status, content_type, body = worker.ask("/metrics?from=prometheus")
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert b'refold_task_running{partition="0",system="samples.parking"} 0.0' in body
    _, content_type, body = worker.ask("/metrics", accept="application/openmetrics-text")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_head_answers_without_a_body(worker: Worker) -> None:
    assert worker.ask("/ready", "HEAD")[0] == 503
    with socket.create_connection(("127.0.0.1", worker.server.port)) as client:
        client.sendall(b"HEAD /live HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_any_other_path_is_told_what_there_is(worker: Worker) -> None:
    status, told = worker.json("/healthz")
    assert status == 404
    assert told == {
        "error": "there is no page /healthz",
        "pages": ["/live", "/ready", "/metrics"],
    }


def test_nothing_can_be_changed_through_it(worker: Worker) -> None:
    assert worker.ask("/live", "DELETE")[0] == 501


def test_probes_and_clients_that_go_away_are_no_news(
    worker: Worker, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", worker.server.port)) as client:
                client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        worker.ask("/live")
        worker.ask("/nothing")
    assert capfd.readouterr().err == ""
    assert caplog.records == []


def test_a_port_that_is_taken_is_refused_with_what_to_do(worker: Worker) -> None:
    port = worker.server.port
    with pytest.raises(MonitoringRefused) as caught:
        HealthServer(PrometheusMonitor(), port, "127.0.0.1")
    assert f"port {port} of 127.0.0.1" in str(caught.value)
    assert "in use" in str(caught.value)
    assert "Set health_port to a free one" in str(caught.value)


def test_a_port_that_cannot_be_is_refused() -> None:
    with pytest.raises(MonitoringRefused, match="port 70000 of"):
        HealthServer(PrometheusMonitor(), 70000, "127.0.0.1")


def test_closed_it_gives_the_port_up() -> None:
    with HealthServer(PrometheusMonitor(), 0, "127.0.0.1") as server:
        port = server.port
    with HealthServer(PrometheusMonitor(), port, "127.0.0.1") as server:
        assert server.port == port
