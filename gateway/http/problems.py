"""What went wrong, as the problem details of RFC 9457: every error of the gateway is one of these.

Handlers raise `ProblemFound`; what they do not expect becomes a plain 500 here, and a traceback in
the server's own log.
"""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from log.errors import LogError
from processors.core.registry import UnknownSystem
from projections.core.errors import (
    ProjectionError,
    ProjectionOutdated,
    QueryError,
    ReadModelMissing,
    StoreError,
)

logger = logging.getLogger("refold.http")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
FIELD = re.compile(r"(?:missing required|contains unknown) field `(.+?)`")


class CommandPlace(msgspec.Struct, frozen=True):
    """Where a command stands on the commands topic of its system."""

    partition: int
    offset: int


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command, and the events that it led to."""

    command: CommandPlace
    events: list[Any]
    actor: str = ""
    """Who sent it, where that is asked later, and authentication was on."""


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457). Members that say nothing are left out."""

    type: str = "about:blank"
    """`urn:refold:problem:...` where a program may want to tell it from others of its status."""
    title: str
    status: int
    detail: str = ""
    """A sentence for people."""
    code: str = ""
    """The rejection's code, where it has one."""
    field: str = ""
    """Of the command: what the rejection is about."""
    path: str = ""
    """Of the body: what does not fit, such as `$.legs[0].price`."""
    command: CommandPlace | None = None
    events: list[Any] | None = None
    """All events of the command."""
    answers: list[Answer] | None = None
    """Of a command for all partitions: what each answered."""
    actor: str = ""
    """Who sent the command, where that is asked later."""
    location: str = ""
    """Where the answer can be asked for."""


class ProblemFound(Exception):
    """A request ends with this problem."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = dict(headers or {})


def problem(status: int, detail: str, kind: str = "", **members: Any) -> ProblemFound:
    """With the title of its status; what is asked of a busy server may be tried again."""
    found = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, **members)
    if kind:
        found.type = f"urn:refold:problem:{kind}"
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    if found.location:
        headers["Location"] = found.location
    return ProblemFound(found, headers)


def body_problem(error: Exception) -> ProblemFound:
    """400: the body is not the command's fields, and where it is not."""
    text, found, path = str(error).partition(" - at `")
    path = path.rstrip("`") if found else "$"
    if field := FIELD.search(text):
        path = f"{path}.{field[1]}"
    return problem(400, text, "invalid-body", path=path)


def encoded(found: ProblemFound) -> Response[bytes]:
    return Response(
        msgspec.json.encode(found.problem),
        status_code=found.problem.status,
        media_type=MEDIA_TYPE,
        headers=found.headers,
    )


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The one exception handler."""
    match error:
        case ProblemFound():
            return encoded(error)
        case HTTPException():
            return encoded(_of_framework(error))
        case UnknownSystem():
            return encoded(problem(404, str(error)))
        case QueryError():
            return encoded(problem(400, str(error), "invalid-query"))
        case LogError():
            logger.error("%s %s: %s", request.method, request.url.path, error)
            return encoded(problem(503, "the log refuses, or does not answer"))
        case ProjectionError():
            logger.error("%s %s: %s", request.method, request.url.path, error)
            return encoded(problem(503, _of_read_models(error), "no-read-model"))
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    return encoded(problem(500, "this is a mistake of the server, and in its log"))


def _of_read_models(error: ProjectionError) -> str:
    """What is wrong, and what to run; where they are kept is nobody's business."""
    match error:
        case ReadModelMissing():
            return "the read model is not there yet: `refold run` or `refold project` makes it"
        case ProjectionOutdated():
            return (
                "the read model is of another version: `refold run` or `refold project` of this "
                "server's version makes it anew"
            )
        case StoreError():
            return "the database of the read models refuses, or does not answer"
    return "the read model is not there yet, or is rebuilt"


def _of_framework(error: HTTPException) -> ProblemFound:
    found = problem(error.status_code, error.detail)
    found.headers.update(error.headers or {})
    return found
