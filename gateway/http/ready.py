"""A response with nothing left to work out: what the busiest handlers give to Litestar, whose own
`Response` takes longer to make and to encode than most of them take to find the answer.
"""

from collections.abc import Sequence
from copy import copy

from litestar.types import HTTPScope, Receive, Scope, Send

Header = tuple[bytes, bytes]

JSON = b"application/json"


class Ready:
    """An ASGI application: status, headers and the whole body. May be sent any number of times."""

    __slots__ = ("_headers", "_status", "body")

    def __init__(
        self, body: bytes, *, status: int = 200, kind: bytes = JSON, headers: Sequence[Header] = ()
    ) -> None:
        self.body = body
        self._status = status
        self._headers = [*headers]
        if status != 304:
            length = str(len(body)).encode()
            self._headers += [(b"content-type", kind), (b"content-length", length)]

    def with_header(self, name: bytes, value: bytes) -> "Ready":
        made = copy(self)
        made._headers = [*self._headers, (name, value)]
        return made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*self._headers]  # what sends it on may add to them
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def header_of(scope: HTTPScope, name: bytes) -> str | None:
    """A header of the request; the first, where there are several of that name."""
    for each, value in scope["headers"]:
        if each == name:
            return value.decode("latin-1")
    return None
