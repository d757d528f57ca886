"""What happened to uploads, and to the blobs that they are made of. Units as in `commands.py`.

An upload begins with `upload_created.v1`. Its bytes are all there with `upload_completed.v1`. It
is a file, one blob, from `file_stored.v1` on (partial uploads never are). It ends with
`upload_terminated.v1` or `upload_expired.v1`; `released` are the blobs that it needs no more.
"""

from enum import Enum

from log.envelope import Event
from processors.media.uploads.terms import Holder as Holder
from processors.media.uploads.terms import Part as Part
from processors.media.uploads.terms import Policy as Policy


class RejectCode(Enum):
    """Why not. `tus.py` has the HTTP status of each."""

    UPLOAD_EXISTS = "upload_exists"
    UNKNOWN_UPLOAD = "unknown_upload"
    GONE = "gone"
    """It was terminated or has expired, or is another of that name."""
    INVALID_METADATA = "invalid_metadata"
    TOO_LARGE = "too_large"
    QUOTA_EXCEEDED = "quota_exceeded"
    OFFSET_CONFLICT = "offset_conflict"
    """The chunk does not begin where the upload ends: repeated, overlapping, or from beyond."""
    BEYOND_LENGTH = "beyond_length"
    LENGTH_CONFLICT = "length_conflict"
    """The length was declared before, as another."""
    UNKNOWN_ALGORITHM = "unknown_algorithm"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    TOO_MANY_PARTS = "too_many_parts"
    NOT_HELD = "not_held"
    """The front's mistake: it names bytes that a sweep may have taken."""
    FINAL_UPLOAD = "final_upload"
    """A concatenation takes no chunks."""
    CONTRADICTORY = "contradictory"
    NOT_PARTIAL = "not_partial"
    PARTIAL_INCOMPLETE = "partial_incomplete"
    IN_USE = "in_use"
    """A concatenation that goes by it is under way."""
    NOT_FAILED = "not_failed"


class PolicySet(Event, tag="policy_set.v1", kw_only=True):
    policy: Policy


class QuotaSet(Event, tag="quota_set.v1", kw_only=True):
    owner: str
    quota_bytes: int


class UploadRejected(Event, tag="upload_rejected.v1", kw_only=True):
    """A command was rejected: why, because of which of its fields, in a sentence. `offset` is
    where the upload stands; -1 where there is none."""

    owner: str
    upload: str
    code: RejectCode
    field: str
    reason: str
    offset: int = -1


class UploadCreated(Event, tag="upload_created.v1", kw_only=True):
    """`length` None: deferred. A final upload's length is that of its partials together."""

    owner: str
    upload: str
    number: int
    length: int | None
    metadata: dict[str, str]
    partial: bool = False
    partials: tuple[str, ...] = ()
    expires_at_ms: int


class LengthDeclared(Event, tag="length_declared.v1", kw_only=True):
    owner: str
    upload: str
    number: int
    length: int


class HoldNoted(Event, tag="hold_noted.v1", kw_only=True):
    """The upload holds the blob until it ends: now its bytes may be put, and then named."""

    owner: str
    upload: str
    number: int
    digest: str


class HoldReturned(Event, tag="hold_returned.v1", kw_only=True):
    """The upload is not there, or takes no more: it needs the blob not."""

    owner: str
    upload: str
    number: int
    digest: str


class ChunkAccepted(Event, tag="chunk_accepted.v1", kw_only=True):
    """The upload goes on after `offset + size`."""

    owner: str
    upload: str
    number: int
    offset: int
    size: int
    digest: str
    expires_at_ms: int


class UploadCompleted(Event, tag="upload_completed.v1", kw_only=True):
    owner: str
    upload: str
    number: int
    size: int


class ExpiryPostponed(Event, tag="expiry_postponed.v1", kw_only=True):
    """A partial upload stays while a concatenation goes by it."""

    owner: str
    upload: str
    number: int
    expires_at_ms: int


class AssemblyRequested(Event, tag="assembly_requested.v1", kw_only=True):
    """The parts, one after the other, are to be one blob. With a `digest`, they were, before the
    upload held that blob: now it does, so it is renewed, or put again where it is not there."""

    owner: str
    upload: str
    number: int
    attempt: int
    parts: tuple[Part, ...]
    size: int
    digest: str = ""


class BlobAssembled(Event, tag="blob_assembled.v1", kw_only=True):
    """It was put, and is to be held."""

    owner: str
    upload: str
    number: int
    attempt: int
    digest: str


class AssemblyFailed(Event, tag="assembly_failed.v1", kw_only=True):
    owner: str
    upload: str
    number: int
    reason: str
    expires_at_ms: int


class FileStored(Event, tag="file_stored.v1", kw_only=True):
    """A file: held, and in the store."""

    owner: str
    upload: str
    number: int
    digest: str
    size: int
    metadata: dict[str, str]
    released: tuple[str, ...] = ()


class UploadTerminated(Event, tag="upload_terminated.v1", kw_only=True):
    owner: str
    upload: str
    number: int
    released: tuple[str, ...]
    forget_at_ms: int


class UploadExpired(Event, tag="upload_expired.v1", kw_only=True):
    owner: str
    upload: str
    number: int
    released: tuple[str, ...]
    forget_at_ms: int


class UploadForgotten(Event, tag="upload_forgotten.v1", kw_only=True):
    """Its name may be used again."""

    owner: str
    upload: str
    number: int


class BlobHeld(Event, tag="blob_held.v1", kw_only=True):
    digest: str
    holder: Holder
    ticket: int = 0


class BlobReleased(Event, tag="blob_released.v1", kw_only=True):
    digest: str
    holder: Holder


class BlobFreed(Event, tag="blob_freed.v1", kw_only=True):
    """Nobody holds it, and if that stays so, it is swept then."""

    digest: str
    sweep_at_ms: int


class SweepPlanned(Event, tag="sweep_planned.v1", kw_only=True):
    """Under which stamps does the store keep it?"""

    digest: str
    attempt: int


class SweepRequested(Event, tag="sweep_requested.v1", kw_only=True):
    """Nobody held it when these stamps were known: they are to be deleted. Who holds it from now
    on puts it after that, under another stamp."""

    digest: str
    attempt: int
    stamps: tuple[str, ...]


class SweepFailed(Event, tag="sweep_failed.v1", kw_only=True):
    digest: str
    reason: str
    sweep_at_ms: int


class BlobSwept(Event, tag="blob_swept.v1", kw_only=True):
    digest: str


class SurveyRequested(Event, tag="survey_requested.v1", kw_only=True):
    """Which digests come after this one?"""

    survey: str
    after: str


class SurveyTold(Event, tag="survey_told.v1", kw_only=True):
    survey: str
    digests: tuple[str, ...]


class SurveyEnded(Event, tag="survey_ended.v1", kw_only=True):
    """`reason`: why it ended early."""

    survey: str
    reason: str = ""


UPLOAD_EVENTS = (
    UploadRejected,
    UploadCreated,
    LengthDeclared,
    HoldNoted,
    HoldReturned,
    ChunkAccepted,
    UploadCompleted,
    ExpiryPostponed,
    AssemblyRequested,
    BlobAssembled,
    AssemblyFailed,
    FileStored,
    UploadTerminated,
    UploadExpired,
    UploadForgotten,
)
BLOB_EVENTS = (
    BlobHeld,
    BlobReleased,
    BlobFreed,
    SweepPlanned,
    SweepRequested,
    SweepFailed,
    BlobSwept,
)
EVENTS = (
    PolicySet,
    QuotaSet,
    *UPLOAD_EVENTS,
    *BLOB_EVENTS,
    SurveyRequested,
    SurveyTold,
    SurveyEnded,
)
