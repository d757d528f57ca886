"""Every upload that is known: how far it is, and, once it is whole, the file that it became.

A row goes when the rules forget the upload.
"""

import msgspec

from processors.media.uploads.events import (
    AssemblyFailed,
    AssemblyRequested,
    ChunkAccepted,
    ExpiryPostponed,
    FileStored,
    LengthDeclared,
    UploadCompleted,
    UploadCreated,
    UploadExpired,
    UploadForgotten,
    UploadTerminated,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

RECEIVING, COMPLETE, ASSEMBLING = "receiving", "complete", "assembling"
STORED, FAILED, TERMINATED, EXPIRED = "stored", "failed", "terminated", "expired"


class Upload(msgspec.Struct, gc=False):
    """Bytes, and milliseconds since 1970. `digest` and `reason` are empty where there is none."""

    owner: str
    upload: str
    number: int
    state: str
    offset: int
    length: int | None
    filename: str
    filetype: str
    partial: bool
    created_at_ms: int
    updated_at_ms: int
    expires_at_ms: int | None
    digest: str = ""
    reason: str = ""
    """Why it failed to be put together."""


BY_STATE = ("owner", "state", "updated_at_ms", "upload")
UPLOADS = Table("uploads", Upload, key=("owner", "upload"), indexes=(BY_STATE,))


def fold(tables: Tables, events: Events) -> None:
    rows = tables[UPLOADS]
    for event, at_ms in events:
        match event:
            case UploadCreated():
                rows.put(_created(event, at_ms))
                continue
            case UploadForgotten():
                rows.delete((event.owner, event.upload))
                continue
        row = rows[event.owner, event.upload]
        _change(row, event)
        row.updated_at_ms = at_ms
        rows.put(row)


def _created(event: UploadCreated, at_ms: int) -> Upload:
    return Upload(
        event.owner,
        event.upload,
        event.number,
        RECEIVING,
        0,
        event.length,
        event.metadata.get("filename", ""),
        event.metadata.get("filetype", ""),
        event.partial,
        at_ms,
        at_ms,
        event.expires_at_ms,
    )


def _change(row: Upload, event: object) -> None:
    match event:
        case LengthDeclared(length=length):
            row.length = length
        case ChunkAccepted(offset=offset, size=size, expires_at_ms=expires_at_ms):
            row.offset, row.expires_at_ms = offset + size, expires_at_ms
        case ExpiryPostponed(expires_at_ms=expires_at_ms):
            row.expires_at_ms = expires_at_ms
        case UploadCompleted(size=size):
            row.state, row.offset = COMPLETE, size
        case AssemblyRequested():
            row.state, row.reason, row.expires_at_ms = ASSEMBLING, "", None
        case AssemblyFailed(reason=reason, expires_at_ms=expires_at_ms):
            row.state, row.reason, row.expires_at_ms = FAILED, reason, expires_at_ms
        case FileStored(digest=digest):
            row.state, row.digest, row.expires_at_ms = STORED, digest, None
        case UploadTerminated():
            row.state, row.expires_at_ms = TERMINATED, None
        case UploadExpired():
            row.state, row.expires_at_ms = EXPIRED, None


UPLOAD_STATUS = Projection(
    name="upload_status",
    events=(
        UploadCreated,
        LengthDeclared,
        ChunkAccepted,
        ExpiryPostponed,
        UploadCompleted,
        AssemblyRequested,
        AssemblyFailed,
        FileStored,
        UploadTerminated,
        UploadExpired,
        UploadForgotten,
    ),
    tables=(UPLOADS,),
    fold=fold,
    rows_of="partition",
)
