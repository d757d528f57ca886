"""The rules of uploads: created, filled chunk by chunk, concatenated, terminated, expired.

    create_upload ─► upload_created      append_chunk ─► chunk_accepted ─► ... upload_completed
                                            └► upload_rejected (409, 410, 413, 460 ...)

Every chunk that is accepted lies in the blob store, and the upload holds it: see `ledger.py`.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.media.uploads.assembling import completed, request_again
from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    NoteHold,
    RetryAssembly,
    SetQuota,
    TerminateUpload,
)
from processors.media.uploads.events import (
    ChunkAccepted,
    ExpiryPostponed,
    HoldNoted,
    HoldReturned,
    LengthDeclared,
    QuotaSet,
    RejectCode,
    UploadCreated,
    UploadExpired,
    UploadForgotten,
    UploadRejected,
    UploadTerminated,
)
from processors.media.uploads.state import Phase, Upload, Uploads
from processors.media.uploads.terms import (
    BYTES_MAX,
    CHECKSUM_ALGORITHMS,
    METADATA_CHARACTERS_MAX,
    METADATA_KEYS_MAX,
    PARTS_MAX,
    Part,
)

Events = Sequence[Event]
Reason = tuple[RejectCode, str, str]
"""Code, field, sentence."""


def reject(owner: str, upload: str, reason: Reason, offset: int = -1) -> Events:
    code, field, sentence = reason
    return [
        UploadRejected(
            owner=owner, upload=upload, code=code, field=field, reason=sentence, offset=offset
        )
    ]


def set_quota(state: Uploads, command: SetQuota, at: int) -> Events:
    return [QuotaSet(owner=command.owner, quota_bytes=command.quota_bytes)]


def create(state: Uploads, command: CreateUpload, at: int) -> Events:
    owner, upload = command.owner, command.upload
    wrong = _wrong_with_creation(state, command)
    if wrong is not None:
        return reject(owner, upload, wrong)
    parts = [part for name in command.partials for part in state.owners[owner].uploads[name].parts]
    length = sum(part.size for part in parts) if command.partials else command.length
    wrong = _wrong_with_length(state, owner, length or 0, 0)
    if wrong is None and len(parts) > PARTS_MAX:
        wrong = _too_many_parts("partials")
    if wrong is not None:
        return reject(owner, upload, wrong)
    known = state.owners.get(owner)
    created = UploadCreated(
        owner=owner,
        upload=upload,
        number=known.created + 1 if known else 1,
        length=length,
        metadata=command.metadata,
        partial=command.partial,
        partials=command.partials,
        expires_at_ms=at + state.policy.expire_after_ms,
    )
    if length == 0 or command.partials:
        return [created, *completed(created, parts, length or 0)]
    return [created]


def _wrong_with_creation(state: Uploads, command: CreateUpload) -> Reason | None:
    known = state.upload(command.owner, command.upload)
    if known is not None:
        return (
            RejectCode.UPLOAD_EXISTS,
            "upload",
            f"there is an upload of this name, {known.phase.value}: choose another",
        )
    characters = sum(len(key) + len(value) for key, value in command.metadata.items())
    if (
        len(command.metadata) > METADATA_KEYS_MAX
        or characters > METADATA_CHARACTERS_MAX
        or not all(_is_metadata(*pair) for pair in command.metadata.items())
    ):
        return (
            RejectCode.INVALID_METADATA,
            "metadata",
            f"at most {METADATA_KEYS_MAX} keys and {METADATA_CHARACTERS_MAX} characters; keys are "
            "ASCII without space or comma, values have no NUL",
        )
    if command.partials and (command.partial or command.length is not None):
        return (
            RejectCode.CONTRADICTORY,
            "partials",
            "a final upload is not partial, and its length follows from its partial uploads",
        )
    return _wrong_with_partials(state, command)


def _is_metadata(key: str, value: str) -> bool:
    return (
        key != "" and key.isascii() and not any(c in key for c in " ,\x00") and "\x00" not in value
    )


def _wrong_with_partials(state: Uploads, command: CreateUpload) -> Reason | None:
    for name in command.partials:
        partial = state.upload(command.owner, name)
        if partial is None or partial.phase is Phase.ENDED:
            return RejectCode.UNKNOWN_UPLOAD, "partials", f"there is no upload {name}"
        if not partial.partial:
            return (
                RejectCode.NOT_PARTIAL,
                "partials",
                f"{name} was not created as a partial upload",
            )
        if partial.phase is not Phase.COMPLETE:
            return (
                RejectCode.PARTIAL_INCOMPLETE,
                "partials",
                f"{name} has {partial.offset} bytes, and is not complete",
            )
    return None


def _wrong_with_length(state: Uploads, owner: str, length: int, counted: int) -> Reason | None:
    """Whether an upload may be so long, of which `counted` bytes count already."""
    length_max = state.policy.upload_bytes_max
    if length > min(length_max, BYTES_MAX):
        return (
            RejectCode.TOO_LARGE,
            "length",
            f"{length} bytes are more than {length_max}, the most that an upload may have",
        )
    known = state.owners.get(owner)
    used, quota = known.used_bytes if known else 0, state.quota_bytes(owner)
    if length > counted and used + length - counted > quota:
        return (
            RejectCode.QUOTA_EXCEEDED,
            "length",
            f"{used} bytes of {quota} are taken: {length - counted} more do not fit",
        )
    return None


def _too_many_parts(field: str) -> Reason:
    return (
        RejectCode.TOO_MANY_PARTS,
        field,
        f"an upload has at most {PARTS_MAX} chunks: send larger ones",
    )


def append(state: Uploads, command: AppendChunk, at: int) -> Events:
    owner, name = command.owner, command.upload
    upload = state.upload(owner, name)
    if upload is None:
        return reject(owner, name, unknown(name))
    wrong = _wrong_with_chunk(state, upload, command)
    if wrong is not None:
        ended = upload.phase is Phase.ENDED
        return reject(owner, name, wrong, -1 if ended else upload.offset)
    events: list[Event] = []
    length = upload.length
    if length is None and command.length is not None:
        length = command.length
        events.append(
            LengthDeclared(owner=owner, upload=name, number=upload.number, length=length)
        )
    if command.size:
        events.append(
            ChunkAccepted(
                owner=owner,
                upload=name,
                number=upload.number,
                offset=command.offset,
                size=command.size,
                digest=command.digest,
                expires_at_ms=at + state.policy.expire_after_ms,
            )
        )
    end = command.offset + command.size
    if end == length and upload.phase is Phase.RECEIVING:
        last = [Part(command.digest, command.size)] if command.size else []
        events += completed(upload, [*upload.parts, *last], end, tuple(upload.holds))
    return events


def unknown(upload: str) -> Reason:
    return RejectCode.UNKNOWN_UPLOAD, "upload", f"there is no upload {upload}"


def gone(upload: str) -> Reason:
    return (
        RejectCode.GONE,
        "upload",
        f"{upload} was terminated or has expired: begin again, under another name",
    )


def _wrong_with_chunk(state: Uploads, upload: Upload, command: AppendChunk) -> Reason | None:
    if upload.phase is Phase.ENDED or command.number != upload.number:
        return gone(upload.upload)
    if upload.partials:
        return RejectCode.FINAL_UPLOAD, "upload", "a concatenation takes no chunks"
    declared = command.length
    if declared is not None and upload.length not in (None, declared):
        return (
            RejectCode.LENGTH_CONFLICT,
            "length",
            f"the length was declared as {upload.length}, and stays that",
        )
    if command.offset != upload.offset:
        return (
            RejectCode.OFFSET_CONFLICT,
            "offset",
            f"the upload stands at {upload.offset}: go on from there",
        )
    wrong = _wrong_with_checksum(command)
    if wrong is not None:
        return wrong
    end = upload.offset + command.size
    length = declared if upload.length is None else upload.length
    if length is not None and end > length:
        return (
            RejectCode.BEYOND_LENGTH,
            "size",
            f"{command.size} bytes from {upload.offset} on are beyond the length, {length}",
        )
    wrong = _wrong_with_length(
        state, upload.owner, end if length is None else length, upload.reserved
    )
    if wrong is not None or not command.size:
        return wrong
    if len(upload.parts) >= PARTS_MAX:
        return _too_many_parts("size")
    if command.digest not in upload.holds:
        return (
            RejectCode.NOT_HELD,
            "digest",
            "the upload does not hold these bytes: hold_blob.v1 comes first, then they are put",
        )
    return None


def _wrong_with_checksum(command: AppendChunk) -> Reason | None:
    algorithm = command.checksum_algorithm
    if not algorithm:
        return None
    if algorithm not in CHECKSUM_ALGORITHMS:
        return (
            RejectCode.UNKNOWN_ALGORITHM,
            "checksum_algorithm",
            f"known are {', '.join(CHECKSUM_ALGORITHMS)}",
        )
    if command.checksum_claimed != command.checksum_measured:
        return (
            RejectCode.CHECKSUM_MISMATCH,
            "checksum_claimed",
            f"the bytes that came have another {algorithm} than was claimed: send them again",
        )
    return None


def note_hold(state: Uploads, command: NoteHold, at: int) -> Events:
    owner, name, digest = command.owner, command.upload, command.digest
    upload = state.upload(owner, name)
    if upload is not None and command.number == upload.number:
        noted = HoldNoted(owner=owner, upload=name, number=upload.number, digest=digest)
        if upload.phase is Phase.ASSEMBLING and digest == upload.digest:
            if command.ticket != upload.attempt:
                return []  # of a hold that was given back; the one that counts is on its way
            return [noted, request_again(state, upload, digest)]
        if digest in upload.holds or (upload.phase is Phase.RECEIVING and not upload.partials):
            return [noted]
    return [HoldReturned(owner=owner, upload=name, number=command.number, digest=digest)]


def terminate(state: Uploads, command: TerminateUpload, at: int) -> Events:
    owner, name = command.owner, command.upload
    upload = state.upload(owner, name)
    if upload is None:
        return reject(owner, name, unknown(name))
    if upload.phase is Phase.ENDED:
        return reject(owner, name, gone(name))
    if upload.finals:
        sentence = "a concatenation of it is under way: wait for its end, or terminate that first"
        return reject(owner, name, (RejectCode.IN_USE, "upload", sentence), upload.offset)
    return [
        UploadTerminated(
            owner=owner,
            upload=name,
            number=upload.number,
            released=tuple(upload.holds),
            forget_at_ms=at + state.policy.forget_after_ms,
        )
    ]


def retry_assembly(state: Uploads, command: RetryAssembly, at: int) -> Events:
    owner, name = command.owner, command.upload
    upload = state.upload(owner, name)
    if upload is None:
        return reject(owner, name, unknown(name))
    if upload.phase is Phase.ENDED:
        return reject(owner, name, gone(name))
    if upload.phase is not Phase.FAILED:
        sentence = f"the upload is {upload.phase.value}: only one that failed is tried again"
        return reject(owner, name, (RejectCode.NOT_FAILED, "upload", sentence), upload.offset)
    return [request_again(state, upload)]


def timer_of(state: Uploads, upload: Upload, at: int) -> Event:
    """What an upload's timer leads to."""
    owner, name, number = upload.owner, upload.upload, upload.number
    if upload.phase is Phase.ENDED:
        return UploadForgotten(owner=owner, upload=name, number=number)
    if upload.finals:
        later = at + max(state.policy.expire_after_ms, 1)
        return ExpiryPostponed(owner=owner, upload=name, number=number, expires_at_ms=later)
    return UploadExpired(
        owner=owner,
        upload=name,
        number=number,
        released=tuple(upload.holds),
        forget_at_ms=at + state.policy.forget_after_ms,
    )
