"""The application: routes, limits, and one handler for all errors."""

from collections.abc import Collection

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp

from gateway.http.commands import find_command, send_command
from gateway.http.gate import Gate
from gateway.http.guard.authorization import authorize
from gateway.http.guard.routes import ROUTES as GUARD
from gateway.http.health import ROUTES as HEALTH
from gateway.http.history.routes import ROUTES as HISTORY
from gateway.http.house.routes import ROUTES as HOUSE
from gateway.http.index import index, reference, schema
from gateway.http.live.routes import ROUTES as LIVE
from gateway.http.media.routes import ROUTES as MEDIA
from gateway.http.options import options_of
from gateway.http.pages.routes import ROUTES as PAGES
from gateway.http.problems import answer_problem
from gateway.http.queries import ask
from gateway.http.routing import Route
from gateway.http.service import Service
from gateway.http.streams import stream_events, stream_system

SYSTEMS: list[Route] = [
    *(index, schema, reference),
    *(send_command, find_command, ask, stream_events, stream_system),
]
ROUTES = [*SYSTEMS, *HEALTH, *LIVE, *GUARD, *MEDIA, *HISTORY, *HOUSE, *PAGES]


def make_app(service: Service, hosts: Collection[str] = ()) -> ASGIApp:
    """`hosts` are the names that it answers to; none: to all."""
    app = Litestar(
        [*options_of(ROUTES), *ROUTES],
        state=State({"service": service}),
        exception_handlers={Exception: answer_problem},
        request_max_body_size=service.limits.body_bytes,
        guards=[authorize] if service.settings.has_authentication else [],
        openapi_config=None,
        logging_config=None,
    )
    return Gate(app, service, hosts)
