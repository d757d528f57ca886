"""A record: a blob of JSON that says what one range's segments are, to the last byte. Who
transcodes writes it, who packages reads it, and the log holds its digest."""

import msgspec

from processors.media.video.terms import Blob


class Gop(msgspec.Struct, frozen=True, array_like=True):
    """A group of pictures within a segment: bytes from `offset` on; its IDR frame is a
    fragment of its own, the first `idr_bytes` of them."""

    offset: int
    idr_bytes: int
    ticks: int


class Segment(msgspec.Struct, frozen=True, array_like=True):
    blob: Blob
    ticks: int
    """As presented: without what only primes a decoder."""
    gops: tuple[Gop, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """`init` is None, and there are no segments, where the range turned out to have no frame."""

    init: Blob | None = None
    codecs: str = ""
    timescale: int = 1
    width: int = 0
    height: int = 0
    channels: int = 0
    segments: tuple[Segment, ...] = ()


def encode(record: Record) -> bytes:
    return msgspec.json.encode(record)


def decode(data: bytes) -> Record:
    """Errors: msgspec's."""
    return msgspec.json.decode(data, type=Record)
