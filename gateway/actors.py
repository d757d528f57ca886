"""Who sent a command: a header of its record, where it came by HTTP with a key or a token."""

from collections.abc import Iterable

from log.record import Headers

ACTOR_HEADER = "actor"
"""The name of a key, or the issuer and the subject of a token: `https://id.example.com#alice`."""


def actor_of(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Empty where nobody is told."""
    for name, value in headers:
        if name == ACTOR_HEADER and value is not None:
            return value.decode("utf-8", "backslashreplace")
    return ""


def actor_headers(actor: str) -> Headers:
    return [(ACTOR_HEADER, actor.encode())]
