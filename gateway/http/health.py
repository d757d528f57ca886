"""`GET /health/live` and `GET /health/ready`: for what restarts servers, and for what deals
requests out among them.

Ready is who takes requests and reaches the log. To ask that, one look at the log at a time is
under way, however many ask.
"""

import asyncio
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get

from gateway.http.problems import problem
from gateway.http.routing import Route
from gateway.http.service import Service, service_of

ANSWER_S = 2.0
"""A log that takes longer is away."""


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    live: bool = True


class Ready(msgspec.Struct, frozen=True):
    """It takes requests, and reaches the log."""

    ready: bool = True


class Reaching:
    """Looks at the log."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._looking: asyncio.Task[int] | None = None

    def _look(self) -> int:
        served = self._service.systems[0]
        return served.log.partition(served.system.commands_topic, 0).high_watermark

    async def reaches(self) -> bool:
        """Whether the log answers."""
        if self._service.log_is_away:
            return False
        if self._looking is None:
            self._looking = asyncio.create_task(self._service.blocking(self._look))
        looking = self._looking
        done, _ = await asyncio.wait({looking}, timeout=ANSWER_S)
        if done and self._looking is looking:
            self._looking = None
        return bool(done) and looking.exception() is None

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()


@get("/health/live")
async def live(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether the process answers."""
    return _answer(Live())


@get("/health/ready")
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether to send it requests. Errors: ProblemFound (503)."""
    service = service_of(request)
    if service.closing.is_set():
        raise problem(503, "this server ends")
    if not await service.part(Reaching).reaches():
        raise problem(503, "the log does not answer")
    return _answer(Ready())


ROUTES: list[Route] = [live, ready]


def _answer(told: Any) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(told), media_type=MediaType.JSON, headers=headers)
