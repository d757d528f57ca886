"""An encoding as a folder that any web server can serve: its files under the paths that playlists
name. The read models say which listing is a video's, and where its pictures are."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from processors.media.blobs import BlobStore
from processors.media.video.terms import File, Listing


def files_of(blobs: BlobStore, listing: str) -> tuple[File, ...]:
    """All that an encoding is made of, by the digest of its listing. Errors: BlobMissing."""
    with blobs.open(listing) as file:
        return msgspec.json.decode(file.read(), type=Listing).files


def lay_out(blobs: BlobStore, files: Iterable[File], folder: Path) -> None:
    """Copy each file to its path below the folder. Errors: BlobMissing, OSError."""
    for each in files:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with blobs.open(each.digest) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
