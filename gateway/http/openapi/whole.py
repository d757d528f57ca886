"""The document with what all rooms of the gateway describe, as it is served and printed."""

from typing import Any

from gateway.http.catalogue import Catalogue
from gateway.http.guard import described as guard
from gateway.http.history import described as history
from gateway.http.house import described as house
from gateway.http.live import described as live
from gateway.http.media import described as media
from gateway.http.openapi import gateway
from gateway.http.openapi.document import Document
from gateway.http.openapi.schemas import Json

ROOMS: list[Any] = [live, media, history, house, guard, gateway]


def openapi_of(catalogue: Catalogue) -> Json:
    """Takes a second or two: examples are decided for it."""
    return Document(catalogue).make(ROOMS)
