"""Photos, uploads, and the ledger of blobs that is theirs.

uploads: file_stored ─► add_photo                             a picture was uploaded
photos:  photo_added, renditions_made ─► uploads: hold_blob   what a photo needs
uploads: blob_held ─► note_blob                               and now has
photos:  photo_published, photo_failed, photo_removed, blob_returned ─► uploads: release_blob
"""

from collections.abc import Iterable, Iterator
from typing import Any

from log.envelope import Command
from processors.core.reactor import Reactor
from processors.media.photos.commands import AddPhoto, NoteBlob
from processors.media.photos.events import (
    BlobReturned,
    PhotoAdded,
    PhotoFailed,
    PhotoPublished,
    PhotoRemoved,
    RenditionsMade,
)
from processors.media.uploads import SYSTEM as UPLOADS
from processors.media.uploads.commands import HoldBlob as HoldBlob
from processors.media.uploads.commands import ReleaseBlob
from processors.media.uploads.events import BlobHeld, FileStored, Holder

SYSTEM_NAME = "media.photos"
PICTURE = "image/"


def holder_of(event: Any) -> Holder:
    """The photo that an event is about, as a holder of blobs."""
    return Holder(system=SYSTEM_NAME, owner=event.owner, name=event.photo, number=event.number)


def add(event: FileStored, at: int) -> Iterable[Command]:
    filetype = event.metadata.get("filetype", "")
    if filetype.startswith(PICTURE):
        yield AddPhoto(
            photo=f"{event.owner}/{event.upload}/{event.number}",
            owner=event.owner,
            digest=event.digest,
            size=event.size,
            filetype=filetype,
            filename=event.metadata.get("filename", ""),
        )


def note(event: BlobHeld, at: int) -> Iterable[Command]:
    holder = event.holder
    if holder.system == SYSTEM_NAME:
        yield NoteBlob(
            photo=holder.name,
            owner=holder.owner,
            number=holder.number,
            digest=event.digest,
            ticket=event.ticket,
        )


def hold_source(event: PhotoAdded, at: int) -> Iterable[Command]:
    yield HoldBlob(digest=event.digest, holder=holder_of(event))


def hold_renditions(event: RenditionsMade, at: int) -> Iterator[Command]:
    for rendition in event.renditions:
        yield HoldBlob(digest=rendition.digest, holder=holder_of(event), ticket=event.attempt)


def give_back(event: BlobReturned, at: int) -> Iterable[Command]:
    yield ReleaseBlob(digest=event.digest, holder=holder_of(event))


def release(event: PhotoPublished | PhotoFailed | PhotoRemoved, at: int) -> Iterator[Command]:
    for digest in event.released:
        yield ReleaseBlob(digest=digest, holder=holder_of(event))


FROM_UPLOADS = Reactor(name="from_uploads", source=UPLOADS, on={FileStored: add, BlobHeld: note})
HOLDS = Reactor(
    name="holds",
    target=UPLOADS,
    on={
        PhotoAdded: hold_source,
        RenditionsMade: hold_renditions,
        BlobReturned: give_back,
        PhotoPublished: release,
        PhotoFailed: release,
        PhotoRemoved: release,
    },
)
REACTORS = (FROM_UPLOADS, HOLDS)
