"""What the two key spaces of uploads tell each other: events of owners become commands of blobs,
and the other way round.

    blob_held ─► note_hold                      the upload knows that it holds the blob
    hold_returned, blob_assembled, file_stored, upload_terminated, upload_expired
              ─► release_blob, hold_blob        what an upload needs, and needs no more
    survey_told ─► report_blob                  what lies in the store
"""

from collections.abc import Iterable, Iterator
from typing import Any

from log.envelope import Command
from processors.core.reactor import Reactor
from processors.media.uploads.commands import HoldBlob, NoteHold, ReleaseBlob, ReportBlob
from processors.media.uploads.events import (
    BlobAssembled,
    BlobHeld,
    FileStored,
    HoldReturned,
    SurveyTold,
    UploadExpired,
    UploadTerminated,
)
from processors.media.uploads.terms import Holder

SYSTEM_NAME = "media.uploads"


def holder_of(event: Any) -> Holder:
    """The upload that an event, or a command, is about, as a holder of blobs."""
    return Holder(system=SYSTEM_NAME, owner=event.owner, name=event.upload, number=event.number)


def note(event: BlobHeld, at: int) -> Iterable[Command]:
    holder = event.holder
    if holder.system == SYSTEM_NAME:
        yield NoteHold(
            owner=holder.owner,
            upload=holder.name,
            number=holder.number,
            digest=event.digest,
            ticket=event.ticket,
        )


def hold(event: BlobAssembled, at: int) -> Iterable[Command]:
    yield HoldBlob(digest=event.digest, holder=holder_of(event), ticket=event.attempt)


def give_back(event: HoldReturned, at: int) -> Iterable[Command]:
    yield ReleaseBlob(digest=event.digest, holder=holder_of(event))


def release(event: FileStored | UploadTerminated | UploadExpired, at: int) -> Iterator[Command]:
    for digest in event.released:
        yield ReleaseBlob(digest=digest, holder=holder_of(event))


def report(event: SurveyTold, at: int) -> Iterator[Command]:
    for digest in event.digests:
        yield ReportBlob(digest=digest)


HOLDS = Reactor(
    name="holds",
    on={
        BlobHeld: note,
        BlobAssembled: hold,
        HoldReturned: give_back,
        FileStored: release,
        UploadTerminated: release,
        UploadExpired: release,
        SurveyTold: report,
    },
)
REACTORS = (HOLDS,)
