"""The routes of this room: `/api/FAMILY/SYSTEM/files/...`, for the systems that have files."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Request, Response, route
from litestar.enums import HttpMethod

from gateway.http.catalogue import Served
from gateway.http.guard.authorization import needs
from gateway.http.guard.caller import caller_of
from gateway.http.media.playing import answer_photo, answer_video
from gateway.http.media.tus_routes import answer_tus
from gateway.http.problems import MEDIA_TYPE, ProblemFound, problem
from gateway.http.routing import Route
from gateway.http.service import service_of

Answers = Callable[[Request[Any, Any, Any], Served, str], Awaitable[Response[Any]]]
READ = ("GET", "HEAD")
WRITE = ("POST", "PATCH", "DELETE", "OPTIONS")
ANSWERS: Mapping[str, tuple[Answers, tuple[str, ...]]] = {
    "media.uploads": (answer_tus, (*READ, *WRITE)),
    "media.video": (answer_video, READ),
    "media.photos": (answer_photo, READ),
}


@route(
    "/api/{family:str}/{system:str}/files/{place:path}",
    http_method=[
        HttpMethod.GET,
        HttpMethod.HEAD,
        HttpMethod.POST,
        HttpMethod.PATCH,
        HttpMethod.DELETE,
        HttpMethod.OPTIONS,
    ],
    status_code=200,
    opt=needs(""),  # asked for below: a method may stand for another
    request_max_body_size=None,
)
async def files(request: Request[Any, Any, Any], family: str, system: str) -> Response[Any]:
    """Files in (tus 1.0), and files out. Bodies are taken as they come, piece by piece."""
    try:
        return await _answer(request, family, system)
    except ProblemFound as found:
        if request.method != "HEAD":
            raise
        status, headers = found.problem.status, found.headers
        return Response(b"", status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def _answer(request: Request[Any, Any, Any], family: str, system: str) -> Response[Any]:
    served = service_of(request).catalogue.find(family, system)
    answers, methods = ANSWERS.get(served.system.name, (None, ()))
    if answers is None:
        raise problem(404, f"{served.system.name} has no files")
    method = request.headers.get("x-http-method-override", request.method).upper()
    if method not in methods:
        found = problem(405, f"here there are {', '.join(methods)}")
        found.headers["Allow"] = ", ".join(methods)
        raise found
    if answers is not answer_tus:
        caller_of(request).check(served.system.name, "read")
    return await answers(request, served, method)


ROUTES: list[Route] = [files]
