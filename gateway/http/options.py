"""What OPTIONS answers where several handlers share a path: all of their methods. Litestar's own
answer is made with the first of them, and names its methods alone.
"""

from collections.abc import Iterable

from litestar import HttpMethod, route
from litestar.datastructures import ResponseHeader
from litestar.handlers import HTTPRouteHandler

from gateway.http.routing import Route

OPTIONS = HttpMethod.OPTIONS.value


def options_of(routes: Iterable[Route]) -> list[Route]:
    """To be registered before the routes themselves."""
    methods: dict[str, list[set[str]]] = {}
    for each in routes:
        if isinstance(each, HTTPRouteHandler):
            for path in each.paths:
                methods.setdefault(path, []).append({str(name) for name in each.http_methods})
    return [
        _answering(path, set().union(*found, {OPTIONS}))
        for path, found in methods.items()
        if len(found) > 1 and not any(OPTIONS in each for each in found)
    ]


def _answering(path: str, methods: set[str]) -> Route:
    headers = [ResponseHeader(name="Allow", value=", ".join(sorted(methods)))]

    @route(path, http_method=[HttpMethod.OPTIONS], status_code=204, response_headers=headers)
    async def answer() -> None:
        """Which there are."""

    return answer
