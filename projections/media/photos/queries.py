"""The named queries of photos: `refold query photos NAME ...`."""

from typing import Annotated

import msgspec

from projections.core.store import Reader
from projections.media.photos.photos import (
    BY_EDGE,
    BY_OWNER,
    BY_STATE,
    FAILED,
    PHOTOS,
    RENDITIONS,
    Photo,
    PhotoRendition,
)

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Pixels = Annotated[int, msgspec.Meta(ge=1, le=2**31)]


def photo(reader: Reader, photo: str) -> Photo | None:
    """Where a photo stands."""
    return reader.get(PHOTOS, photo)


def photos(reader: Reader, owner: str, limit: Count = 100) -> list[Photo]:
    """An owner's photos, the latest first."""
    return list(reader.rows(PHOTOS, owner, by=BY_OWNER, descending=True, limit=limit))


def renditions(reader: Reader, photo: str) -> list[PhotoRendition]:
    """What is published of a photo, the smallest first."""
    return list(reader.rows(RENDITIONS, photo))


def fitting(reader: Reader, photo: str, edge: Pixels) -> PhotoRendition | None:
    """The rendition to show at so many pixels: the smallest that has them, else the largest."""
    larger = reader.rows(RENDITIONS, photo, by=BY_EDGE, at_least=edge, limit=1)
    largest = reader.rows(RENDITIONS, photo, by=BY_EDGE, descending=True, limit=1)
    return next(larger, None) or next(largest, None)


def failed(reader: Reader, limit: Count = 100) -> list[Photo]:
    """The photos that could not be rendered, and why; the latest first."""
    return list(reader.rows(PHOTOS, FAILED, by=BY_STATE, descending=True, limit=limit))


QUERIES = (photo, photos, renditions, fitting, failed)
