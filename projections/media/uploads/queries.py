"""The named queries of uploads: `refold query uploads NAME ...`. Sizes are bytes."""

from typing import Annotated, Literal

import msgspec

from projections.core.store import Reader
from projections.media.uploads.ledger import BLOBS, BY_STATE, HOLDERS, Blob, BlobHolder
from projections.media.uploads.status import BY_STATE as BY_UPLOAD_STATE
from projections.media.uploads.status import STORED, UPLOADS, Upload
from projections.media.uploads.storage import (
    BY_USED,
    COMMON_QUOTA_BYTES,
    COMMON_QUOTAS,
    STORAGE,
    OwnerStorage,
)

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
BlobState = Literal["held", "free", "sweeping"]
PPM = 1_000_000


class UploadStatus(msgspec.Struct):
    """`progress_ppm` is None where the length is not known yet."""

    owner: str
    upload: str
    number: int
    state: str
    offset: int
    length: int | None
    progress_ppm: int | None
    filename: str
    filetype: str
    partial: bool
    updated_at_ms: int
    expires_at_ms: int | None
    digest: str
    reason: str


class File(msgspec.Struct):
    owner: str
    upload: str
    filename: str
    filetype: str
    size: int
    digest: str
    stored_at_ms: int


class Storage(msgspec.Struct):
    owner: str
    used_bytes: int
    quota_bytes: int
    left_bytes: int
    uploads: int
    files: int
    file_bytes: int


def upload(reader: Reader, owner: str, upload: str) -> UploadStatus | None:
    """How far an upload is."""
    found = reader.get(UPLOADS, owner, upload)
    return None if found is None else _status(found)


def _status(row: Upload) -> UploadStatus:
    progress = None if row.length is None else PPM
    if row.length:
        progress = row.offset * PPM // row.length
    return UploadStatus(
        row.owner,
        row.upload,
        row.number,
        row.state,
        row.offset,
        row.length,
        progress,
        row.filename,
        row.filetype,
        row.partial,
        row.updated_at_ms,
        row.expires_at_ms,
        row.digest,
        row.reason,
    )


def uploads(reader: Reader, owner: str, limit: Count = 100) -> list[UploadStatus]:
    """An owner's uploads, files among them, by name."""
    return [_status(row) for row in reader.rows(UPLOADS, owner, limit=limit)]


def files(reader: Reader, owner: str, limit: Count = 100) -> list[File]:
    """An owner's files, the latest first."""
    rows = reader.rows(UPLOADS, owner, STORED, by=BY_UPLOAD_STATE, descending=True, limit=limit)
    return [
        File(
            row.owner,
            row.upload,
            row.filename,
            row.filetype,
            row.offset,
            row.digest,
            row.updated_at_ms,
        )
        for row in rows
    ]


def storage(reader: Reader, owner: str) -> Storage | None:
    """What an owner has taken, and what is left."""
    row = reader.get(STORAGE, owner)
    return None if row is None else _storage(reader, row)


def _storage(reader: Reader, row: OwnerStorage) -> Storage:
    quota = row.quota_bytes
    if quota is None:
        common = reader.get(COMMON_QUOTAS, row.partition)
        quota = common.quota_bytes if common else COMMON_QUOTA_BYTES
    return Storage(
        row.owner,
        row.used_bytes,
        quota,
        max(quota - row.used_bytes, 0),
        row.uploads,
        row.files,
        row.file_bytes,
    )


def largest(reader: Reader, limit: Count = 20) -> list[Storage]:
    """The owners that have taken most."""
    rows = reader.rows(STORAGE, by=BY_USED, descending=True, limit=limit)
    return [_storage(reader, row) for row in rows]


def blob(reader: Reader, digest: str) -> Blob | None:
    """A blob: how many hold it, and when it is swept if nobody does."""
    return reader.get(BLOBS, digest)


def holders(reader: Reader, digest: str, limit: Count = 100) -> list[BlobHolder]:
    """Who holds a blob."""
    return list(reader.rows(HOLDERS, digest, limit=limit))


def blobs(reader: Reader, state: BlobState = "free", limit: Count = 100) -> list[Blob]:
    """The blobs that are held, free, or being swept, by digest."""
    return list(reader.rows(BLOBS, state, by=BY_STATE, limit=limit))


QUERIES = (upload, uploads, files, storage, largest, blob, holders, blobs)
