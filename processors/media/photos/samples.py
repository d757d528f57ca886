"""A few pictures for the flow and the demo: PNG, written without compression, so that they are
the same bytes with every zlib; and what is no picture."""

import zlib
from functools import cache
from hashlib import sha256
from typing import NamedTuple

SIZES = ((320, 240), (240, 400), (640, 200), (64, 64), (1, 700), (500, 500))


class Sample(NamedTuple):
    content: bytes
    digest: str
    filetype: str


@cache
def samples() -> tuple[Sample, ...]:
    pictures = [_png(width, height) for width, height in SIZES]
    return tuple(
        Sample(content, sha256(content).hexdigest(), "image/png")
        for content in (*pictures, b"this is no picture")
    )


def _png(width: int, height: int) -> bytes:
    """Stripes from black to a colour."""
    ramp = bytes(
        shade
        for x in range(width)
        for shade in (x * 255 // width, 128, (width - x) * 255 // width)
    )
    rows = b"".join(b"\0" + (ramp if y % 16 < 8 else ramp[::-1]) for y in range(height))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    packed = zlib.compress(rows, level=0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", packed)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return len(content).to_bytes(4, "big") + kind + content + checksum.to_bytes(4, "big")
