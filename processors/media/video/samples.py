"""Films for the demo, the same bytes on every machine, and the blob store that they lie in.

A film is drawn here, picture by picture, as YUV4MPEG2: bars that wander, a colour for each film.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

from processors.media.blobs import Blob, open_blobs

TITLES: Final = ("Bars", "Wandering", "More Bars", "The Last Bar")
WIDTH: Final = 160
HEIGHT: Final = 90
RATE: Final = 12
SECONDS: Final = 6


def film(number: int) -> Iterator[bytes]:
    """Its bytes, picture by picture."""
    yield f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode()
    bars = bytes(16 + (x * (number + 1) % 220) for x in range(2 * WIDTH + HEIGHT))
    quarter = WIDTH // 2 * HEIGHT // 2
    colour = bytes([60 + 40 * number]) * quarter + bytes([200 - 40 * number]) * quarter
    for picture in range(RATE * SECONDS):
        begins = [(2 * picture + row) % (WIDTH + HEIGHT) for row in range(HEIGHT)]
        yield b"FRAME\n" + b"".join(bars[x : x + WIDTH] for x in begins) + colour


@cache
def blob_of(number: int) -> Blob:
    """A film's digest and size, without a store."""
    hashed, size = hashlib.sha256(), 0
    for piece in film(number):
        hashed.update(piece)
        size += len(piece)
    return Blob(hashed.hexdigest(), size)


class _Store:
    """The folder that all effects of a demo share."""

    users = 0
    folder: tempfile.TemporaryDirectory[str] | None = None


@asynccontextmanager
async def sample_store() -> AsyncIterator[Mapping[str, str]]:
    """Settings that lead to a store with the films; it is gone when the last of its users is."""
    if _Store.folder is None:
        _Store.folder = tempfile.TemporaryDirectory(prefix="refold-videos-")
        blobs = open_blobs(_Store.folder.name)
        for number in range(len(TITLES)):
            await asyncio.to_thread(blobs.put, film(number))
    _Store.users += 1
    place = _Store.folder.name
    try:
        yield {"uploads": place, "blobs": place, "preset": "ultrafast"}
    finally:
        _Store.users -= 1
        if not _Store.users and _Store.folder is not None:
            _Store.folder.cleanup()
            _Store.folder = None
