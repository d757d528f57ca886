"""The application: routes, limits, and one handler for all errors."""

from collections.abc import Collection

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp

from gateway.http.commands import find_command, send_command
from gateway.http.gate import Gate
from gateway.http.index import index, reference, schema
from gateway.http.problems import answer_problem
from gateway.http.queries import ask
from gateway.http.service import Service
from gateway.http.streams import stream_events

ROUTES = [index, schema, reference, send_command, find_command, ask, stream_events]


def make_app(service: Service, hosts: Collection[str] = ()) -> ASGIApp:
    """`hosts` are the names that it answers to; none: to all."""
    app = Litestar(
        ROUTES,
        state=State({"service": service}),
        exception_handlers={Exception: answer_problem},
        request_max_body_size=service.limits.body_bytes,
        openapi_config=None,
        logging_config=None,
    )
    return Gate(app, service.limits, hosts)
