"""Web pages of other origins: which may call, and what their browsers ask first (CORS).

A page of a foreign origin changes nothing here, and opens no WebSocket: browsers say where a page
is from, and that is looked at, whatever the request may otherwise do.
"""

from collections.abc import Collection, Mapping

from gateway.http.problems import ProblemFound, problem
from gateway.http.ready import Header

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
PREFLIGHT_S = b"600"
EXPOSED = b", ".join(
    [
        b"ETag",
        b"Location",
        b"Idempotency-Replayed",
        b"Retry-After",
        b"WWW-Authenticate",
        b"Link",
        b"Tus-Resumable",
        b"Tus-Version",
        b"Tus-Extension",
        b"Tus-Max-Size",
        b"Upload-Offset",
        b"Upload-Length",
        b"Upload-Expires",
        b"Upload-Defer-Length",
        b"Upload-Concat",
        b"Tus-Checksum-Algorithm",
        b"Content-Range",
        b"Accept-Ranges",
        b"Upload-Metadata",
    ]
)
ALLOWED = b", ".join(
    [
        b"Authorization",
        b"Content-Type",
        b"Idempotency-Key",
        b"If-None-Match",
        b"Last-Event-ID",
        b"Prefer",
        b"Range",
        b"X-API-Key",
        b"Tus-Resumable",
        b"Upload-Checksum",
        b"Upload-Concat",
        b"Upload-Defer-Length",
        b"Upload-Length",
        b"Upload-Metadata",
        b"Upload-Offset",
        b"X-HTTP-Method-Override",
    ]
)
"""Headers that a page may send; a preflight answers with all of them, whatever it asks."""


class Origins:
    """The origins that may call, beside the server's own."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(each.encode() for each in allowed)
        self._vary = [(b"vary", b"origin")] if allowed else []

    def check(self, method: str, headers: Mapping[bytes, bytes]) -> None:
        """`method` is empty for a WebSocket. Errors: ProblemFound (403)."""
        origin = headers.get(b"origin")
        if origin is None or method in SAFE or origin in self._allowed:
            return
        if origin.partition(b"://")[2] != headers.get(b"host", b"").lower():
            shown = origin.decode("latin-1")
            raise _foreign(f"pages of {shown!r} may not call: `origins` in [http] says which may")

    def of_response(self, headers: Mapping[bytes, bytes]) -> list[Header]:
        """So that the page may read the answer."""
        origin = headers.get(b"origin")
        if origin is None or origin not in self._allowed:
            return self._vary
        return [
            *self._vary,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED),
        ]

    def preflight(self, method: str, headers: Mapping[bytes, bytes]) -> list[Header] | None:
        """What a browser that asks first is told beside `of_response`; None for other requests.
        Errors: ProblemFound (403)."""
        asks = method == "OPTIONS" and b"access-control-request-method" in headers
        if not asks or b"origin" not in headers:
            return None
        self.check("", headers)
        return [
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ALLOWED),
            (b"access-control-max-age", PREFLIGHT_S),
        ]


def _foreign(detail: str) -> ProblemFound:
    return problem(403, detail, "foreign-origin")
