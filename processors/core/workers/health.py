"""A worker's probes and metrics over HTTP: /live, /ready, /metrics.

Answers come from a `PrometheusMonitor`, which the worker feeds; they go to whatever asks: an
orchestrator's probes, Prometheus, a person's browser. It runs in a thread of its own, beside the
worker's, and asks the worker nothing.
"""

import logging
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from processors.core.workers.monitor import MonitoringRefused
from processors.core.workers.prometheus import PrometheusMonitor, Recovering

logger = logging.getLogger("refold.health")

LIVE_WITHIN_S = 30.0
"""A worker whose loop has not come round for longer than this hangs: it should be restarted."""
CLIENT_TIMEOUT_S = 10.0
STOP_WITHIN_S = 0.1


class Live(msgspec.Struct, frozen=True, omit_defaults=True):
    """What /live says."""

    live: bool
    silent_s: float
    """For how long the worker's loop has not come round."""
    reason: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """What /ready says."""

    ready: bool
    groups: dict[str, bool]
    """The consumer groups that the worker joins, and whether it is a member now."""
    recovering: list[Recovering]


class NotFound(msgspec.Struct, frozen=True):
    """What any other path says."""

    error: str
    pages: tuple[str, ...] = ("/live", "/ready", "/metrics")


def live(monitor: PrometheusMonitor) -> Live:
    """Whether the worker's loop comes round."""
    silent_s = round(monitor.silent_s(), 3)
    if silent_s <= LIVE_WITHIN_S:
        return Live(True, silent_s)
    reason = (
        f"the worker's loop has not come round for {silent_s} s; {LIVE_WITHIN_S} s are too long"
    )
    return Live(False, silent_s, reason)


def ready(monitor: PrometheusMonitor) -> Ready:
    """Whether the worker is a member of its group, and all its tasks decide."""
    groups, recovering = monitor.groups(), monitor.recoveries()
    member = bool(groups) and all(groups.values())
    return Ready(member and not recovering, groups, recovering)


class HealthServer:
    """Serves until closed. Use as a context manager, or `close` it.

    MonitoringRefused where the port cannot be had. Port 0 takes any free one: `port` says which.
    """

    def __init__(self, monitor: PrometheusMonitor, port: int, host: str = "0.0.0.0") -> None:
        try:
            self._server = _Server((host, port), partial(_Handler, monitor))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", error)
            raise MonitoringRefused(
                f"port {port} of {host}, for probes and metrics, cannot be had: {reason}. "
                "Set health_port to a free one, or to 0 for none"
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(STOP_WITHIN_S,),
            name="refold-health",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, and give the port up."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's also asks DNS for its own name, maybe for long

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError | TimeoutError):
            return  # the client went away, or is asleep
        logger.exception("a probe or a scrape could not be answered")


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_TIMEOUT_S
    server_version, sys_version = "refold", ""

    def __init__(self, monitor: PrometheusMonitor, *arguments: Any) -> None:
        self._monitor = monitor
        super().__init__(*arguments)

    def do_GET(self) -> None:
        match urlsplit(self.path).path:
            case "/live":
                alive = live(self._monitor)
                self._answer_json(_status(alive.live), alive)
            case "/ready":
                state = ready(self._monitor)
                self._answer_json(_status(state.ready), state)
            case "/metrics":
                accept = self.headers.get("Accept", "")
                self._answer(HTTPStatus.OK, *self._monitor.exposition(accept))
            case path:
                self._answer_json(HTTPStatus.NOT_FOUND, NotFound(f"there is no page {path}"))

    do_HEAD = do_GET

    def _answer_json(self, status: HTTPStatus, answer: msgspec.Struct) -> None:
        self._answer(status, "application/json", msgspec.json.encode(answer) + b"\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds: they are no news."""


def _status(well: bool) -> HTTPStatus:
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
