"""`POST /api/tickets`: a ticket for one stream, for whoever sends a key or a token."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, post

from gateway.http.guard.authentication import Authentication
from gateway.http.guard.authorization import needs
from gateway.http.guard.caller import caller_of
from gateway.http.routing import Route
from gateway.http.service import service_of

PATH = "/api/tickets"


class Ticket(msgspec.Struct, frozen=True):
    """Good for one stream of events or one WebSocket, as `?ticket=`."""

    ticket: str
    expires_in_s: float


@post(PATH, status_code=200, opt=needs(""))
async def new_ticket(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A ticket in the caller's name."""
    authentication = service_of(request).part(Authentication)
    ticket = authentication.tickets.new(caller_of(request).identity)
    return Response(
        msgspec.json.encode(Ticket(ticket, authentication.ticket_s)),
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-store"},
    )


ROUTES: list[Route] = [new_ticket]
