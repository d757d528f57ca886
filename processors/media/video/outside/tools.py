"""What an effect of videos has at hand: the programs, how they encode, and the blob stores."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from processors.media.blobs import BlobMissing, BlobStore, open_blobs
from processors.media.video.terms import Blob, File, Listing

SETTINGS: Final = {
    "uploads": "blobs",
    "blobs": "blobs",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffprobe",
    "preset": "veryfast",
    "threads": "1",
}
"""Where the sources are, and where to put what is made (`open_blobs`); the programs; the preset of
x264, and the threads of each ffmpeg: as many run at once as there are processors."""


class Tools:
    """Made of an effect's settings. Stores are opened when they are first needed."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self.ffmpeg, self.ffprobe = settings["ffmpeg"], settings["ffprobe"]
        self.preset, self.threads = settings["preset"], settings["threads"]

    @cached_property
    def _uploads(self) -> BlobStore:
        return open_blobs(self._settings["uploads"])

    @cached_property
    def _blobs(self) -> BlobStore:
        return open_blobs(self._settings["blobs"])

    @asynccontextmanager
    async def source(self, digest: str) -> AsyncIterator[Path]:
        """An uploaded file, to read while in the block. Errors: BlobMissing."""
        held = await asyncio.to_thread(lambda: self._uploads.file(digest))
        path = await asyncio.to_thread(held.__enter__)
        try:
            yield path
        finally:
            await asyncio.to_thread(held.__exit__, None, None, None)

    async def put(self, pieces: Iterable[bytes]) -> Blob:
        return Blob(*await asyncio.to_thread(lambda: self._blobs.put(pieces)))

    async def put_listing(self, files: tuple[File, ...], records: tuple[str, ...] = ()) -> Blob:
        return await self.put([msgspec.json.encode(Listing(files=files, records=records))])

    async def read_listing(self, digest: str) -> Listing:
        """Errors: BlobMissing."""
        return msgspec.json.decode(await self.read(digest), type=Listing)

    async def check_there(self, digests: Iterable[str]) -> None:
        """Errors: BlobMissing, for one that is not."""
        for digest in digests:
            if await asyncio.to_thread(self._blobs.size, digest) is None:
                raise BlobMissing(f"the blob {digest} was swept while the video was made")

    async def read(self, digest: str) -> bytes:
        """Errors: BlobMissing."""

        def read() -> bytes:
            with self._blobs.open(digest) as file:
                return file.read()

        return await asyncio.to_thread(read)
