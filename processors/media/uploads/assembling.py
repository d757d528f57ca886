"""The rules of how a complete upload becomes a file: its parts as one blob, held, and there.

    upload_completed ─┬─► file_stored                              one chunk: it is the blob
                      └─► assembly_requested ··effect··► record_assembled ─► blob_assembled
                            ··reactor··► hold_blob ─► blob_held ··reactor··► note_hold
                                 └─► assembly_requested, with the digest ··effect··► file_stored

The digest of the whole is not known before it is put, so it is held after that, and then renewed:
what a sweep has taken in between is put again, from parts that are held all along.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.media.uploads.commands import RecordAssembled, RecordAssemblyFailed
from processors.media.uploads.events import (
    AssemblyFailed,
    AssemblyRequested,
    BlobAssembled,
    FileStored,
    UploadCompleted,
    UploadCreated,
)
from processors.media.uploads.state import Phase, Upload, Uploads
from processors.media.uploads.terms import Part


def completed(
    upload: Upload | UploadCreated,
    parts: Sequence[Part],
    size: int,
    holds: tuple[str, ...] | None = None,
) -> list[Event]:
    """All bytes of an upload are there: what follows. `holds` None: others hold its parts."""
    owner, name, number = upload.owner, upload.upload, upload.number
    events: list[Event] = [UploadCompleted(owner=owner, upload=name, number=number, size=size)]
    if upload.partial:
        return events
    if len(parts) == 1 and holds is not None:
        events.append(_stored(upload, parts[0].digest, size, holds))
    else:
        events.append(_requested(upload, 1, parts, size))
    return events


def _stored(
    upload: Upload | UploadCreated, digest: str, size: int, holds: Sequence[str]
) -> FileStored:
    return FileStored(
        owner=upload.owner,
        upload=upload.upload,
        number=upload.number,
        digest=digest,
        size=size,
        metadata=upload.metadata,
        released=tuple(held for held in holds if held != digest),
    )


def _requested(
    upload: Upload | UploadCreated,
    attempt: int,
    parts: Sequence[Part],
    size: int,
    digest: str = "",
) -> AssemblyRequested:
    return AssemblyRequested(
        owner=upload.owner,
        upload=upload.upload,
        number=upload.number,
        attempt=attempt,
        parts=tuple(parts),
        size=size,
        digest=digest,
    )


def request_again(state: Uploads, upload: Upload, digest: str = "") -> AssemblyRequested:
    """One more attempt at a complete upload."""
    return _requested(upload, upload.attempt + 1, parts_of(state, upload), upload.offset, digest)


def parts_of(state: Uploads, upload: Upload) -> list[Part]:
    """All bytes of a complete upload; those of a concatenation are its partial uploads'."""
    if not upload.partials:
        return upload.parts
    uploads = state.owners[upload.owner].uploads
    return [part for name in upload.partials for part in uploads[name].parts]


def _awaited(state: Uploads, command: RecordAssembled | RecordAssemblyFailed) -> Upload | None:
    """The upload that waits for this very answer, if it still does."""
    upload = state.upload(command.owner, command.upload)
    if upload is None or (upload.number, upload.attempt) != (command.number, command.attempt):
        return None
    return upload if is_awaited(upload) else None


def is_awaited(upload: Upload) -> bool:
    """Whether the effect is to answer its last request: not where the hold is waited for."""
    return upload.phase is Phase.VERIFYING or (
        upload.phase is Phase.ASSEMBLING and not upload.digest
    )


def assembled(state: Uploads, command: RecordAssembled, at: int) -> Sequence[Event]:
    upload = _awaited(state, command)
    if upload is None:
        return []
    if command.size != upload.offset:
        reason = f"the parts together have {command.size} bytes, and not {upload.offset}"
        return [_failed(state, upload, reason, at)]
    if upload.phase is Phase.VERIFYING:
        if command.digest != upload.digest:
            return [_failed(state, upload, "the parts were other bytes the second time", at)]
        return [_stored(upload, upload.digest, upload.offset, tuple(upload.holds))]
    return [
        BlobAssembled(
            owner=upload.owner,
            upload=upload.upload,
            number=upload.number,
            attempt=upload.attempt,
            digest=command.digest,
        )
    ]


def assembly_failed(state: Uploads, command: RecordAssemblyFailed, at: int) -> Sequence[Event]:
    upload = _awaited(state, command)
    return [] if upload is None else [_failed(state, upload, command.reason, at)]


def _failed(state: Uploads, upload: Upload, reason: str, at: int) -> AssemblyFailed:
    return AssemblyFailed(
        owner=upload.owner,
        upload=upload.upload,
        number=upload.number,
        reason=reason,
        expires_at_ms=at + state.policy.expire_after_ms,
    )
