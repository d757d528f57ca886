"""Pieces that descriptions of routes are made of, in this and in the other rooms."""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.http.openapi.schemas import Json
from gateway.http.problems import MEDIA_TYPE

PROBLEMS: Mapping[int, str] = {
    400: "The request does not fit: `detail` says where",
    401: "Nobody that is known: `detail` says what is wrong with the credentials",
    403: "Known, and not allowed to do this",
    404: "There is no such thing",
    405: "Another method: `Allow` says which",
    408: "The body did not come in time",
    409: "Rejected by the rules: `code`, `field` and `detail` say why",
    410: "No longer kept",
    412: "Another version of the protocol, or a condition that does not hold",
    413: "Too large",
    415: "A media type that is not taken here",
    416: "No such range",
    421: "This server goes by other names",
    422: "It could not be decided, or its key was used for another command",
    429: "Too many requests of this client: `Retry-After` says when to come back",
    503: "Busy, or the log is away: `Retry-After` says when to come back",
    504: "Not decided, or not applied, in time",
}
ANY_REQUEST = (401, 403, 421, 429, 503)
"""Problems that the gate answers with, whatever was asked. The document adds them everywhere."""


def described(text: str | None, name: str) -> Json:
    """Summary and description of a docstring."""
    about = inspect.cleandoc(text or "").strip() or name.replace("_", " ")
    paragraph, _, rest = about.partition("\n\n")
    summary = " ".join(paragraph.split())
    return {"summary": summary, "description": about} if rest else {"summary": summary}


def in_json(description: str, schema: Any, example: Any = msgspec.UNSET) -> Json:
    """A response of JSON."""
    return in_content(description, "application/json", schema, example)


def in_content(
    description: str, media_type: str, schema: Any, example: Any = msgspec.UNSET
) -> Json:
    content: Json = {"schema": schema}
    if example is not msgspec.UNSET:
        content["example"] = example
    return {"description": description, "content": {media_type: content}}


def problem_response(status: int, schema: Any, example: Any = msgspec.UNSET) -> Json:
    return in_content(PROBLEMS[status], MEDIA_TYPE, schema, example)


def in_path(name: str, description: str, example: int = 0) -> Json:
    """A whole number in a path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "integer", "minimum": 0, "format": "int64"},
        "example": example,
    }
