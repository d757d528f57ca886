"""The routes of this room: `/api/live`, a WebSocket for commands and live queries."""

from typing import Any, cast

from litestar import WebSocket, websocket

from gateway.http.guard.caller import caller_of
from gateway.http.live.connection import Connection
from gateway.http.live.live_queries import LiveQueries
from gateway.http.live.wire import EXTENSION, Wire
from gateway.http.routing import Route
from gateway.http.service import service_of


@websocket("/api/live")
async def live(socket: WebSocket[Any, Any, Any]) -> None:
    """Commands and live queries, see docs/http_live.md."""
    queries = service_of(socket).part(LiveQueries)
    await socket.accept()
    extensions = cast(dict[str, Any], socket.scope.get("extensions"))
    wire: Wire = extensions[EXTENSION]
    await Connection(queries, wire, caller_of(socket)).run(cast(Any, socket.receive))


ROUTES: list[Route] = [live]
