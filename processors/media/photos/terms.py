"""The words that commands, events and the state of photos share. Sizes are bytes and pixels."""

from enum import Enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

FILE_TYPES: Final = ("image/gif", "image/jpeg", "image/png", "image/webp")
"""What photos may be made from. Of an animation, the first picture."""
PIXELS_MAX: Final = 80_000_000
ATTEMPTS_MAX: Final = 10
"""Renditions that are other bytes each time they are made are given up."""

PhotoName = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,450}\Z")]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""SHA-256 in lower-case hex."""
Edge = Annotated[int, Meta(ge=1, le=32_767)]
Size = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the photos that are rendered from now on."""

    ladder: tuple[Edge, ...] = (160, 320, 640, 1280, 2048)
    """The longer edges of renditions, in pixels. None is larger than its source: the source's own
    edge takes the place of all that would be."""
    quality: Annotated[int, Meta(ge=1, le=95)] = 85
    """Of JPEG."""
    pixels_max: Annotated[int, Meta(ge=1, le=PIXELS_MAX)] = 64_000_000
    """A source with more is never decoded (a decompression bomb)."""
    bytes_max: Size = 100 << 20


class Rendition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A picture in the blob store, upright, in sRGB, with no metadata."""

    edge: Edge
    """The longer one, in pixels."""
    width: Edge
    height: Edge
    filetype: str
    digest: Digest
    size: Size


class Failure(Enum):
    """Why there are no renditions."""

    SOURCE_MISSING = "source_missing"
    UNREADABLE = "unreadable"
    """Not a picture, or a broken one."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """A picture, but of no type that is allowed, whatever it was called."""
    TOO_MANY_PIXELS = "too_many_pixels"
    NOT_REPEATABLE = "not_repeatable"
    """Its renditions were swept before they were held, and other bytes each time."""
    OUTSIDE = "outside"
    """The blob store failed."""
