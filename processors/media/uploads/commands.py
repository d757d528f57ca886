"""What is asked of uploads: by clients through a front (tus 1.0), by the operator, by the system's
own reactors (`NoteHold`), and by its effect (`Record...`).

Owners and uploads are named by the front. The name of an ended upload may be used again once it is
forgotten, and `number` (an owner's first upload is 1) tells them apart. Sizes, offsets and
lengths are bytes, times milliseconds.
"""

import msgspec

from log.envelope import Command
from processors.media.uploads.terms import Digest as Digest
from processors.media.uploads.terms import DigestOrNone as DigestOrNone
from processors.media.uploads.terms import DurationMs as DurationMs
from processors.media.uploads.terms import Holder as Holder
from processors.media.uploads.terms import Name as Name
from processors.media.uploads.terms import Number as Number
from processors.media.uploads.terms import Policy as Policy
from processors.media.uploads.terms import Size as Size


class SetPolicy(Command, tag="set_policy.v1", kw_only=True):
    """The operator's, for every partition."""

    policy: Policy


class SetQuota(Command, tag="set_quota.v1", kw_only=True):
    """The operator gives an owner a quota of its own. What is there already stays."""

    owner: Name
    quota_bytes: Size


class CreateUpload(Command, tag="create_upload.v1", kw_only=True):
    """A new upload. Key: the owner, whose quota it counts against.

    `length` None: it comes with a later chunk (tus: Upload-Defer-Length). `partial`: to be
    concatenated. `partials`: it is final, the concatenation of these complete partial uploads, and
    takes no chunks.
    """

    owner: Name
    upload: Name
    length: Size | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    partial: bool = False
    partials: tuple[Name, ...] = ()


class AppendChunk(Command, tag="append_chunk.v1", kw_only=True):
    """Bytes that lie in the blob store continue the upload at `offset`.

    The upload must hold the digest (`HoldBlob`), and the bytes must have been put after that. So
    no sweep can have taken them, nor will. With `checksum_algorithm`, the client claimed one
    checksum, and the front measured the other, in hex. A `size` of 0 needs no digest.
    """

    owner: Name
    upload: Name
    number: Number
    offset: Size
    size: Size
    digest: DigestOrNone = ""
    length: Size | None = None
    """The length of the whole, where it was deferred."""
    checksum_algorithm: str = ""
    checksum_claimed: str = ""
    checksum_measured: str = ""


class TerminateUpload(Command, tag="terminate_upload.v1", kw_only=True):
    """The client wants no more of it: an unfinished upload, or a file. Its blobs are let go."""

    owner: Name
    upload: Name


class RetryAssembly(Command, tag="retry_assembly.v1", kw_only=True):
    """Put an upload together again that failed to be: once the blob store is well."""

    owner: Name
    upload: Name


class NoteHold(Command, tag="note_hold.v1", kw_only=True):
    """The ledger holds a blob for the upload. From the system's reactor alone."""

    owner: Name
    upload: Name
    number: Number
    digest: Digest
    ticket: Number = 0


class RecordAssembled(Command, tag="record_assembled.v1", kw_only=True):
    """The effect's answer: the upload's parts are one blob in the store."""

    owner: Name
    upload: Name
    number: Number
    attempt: Number
    digest: Digest
    size: Size


class RecordAssemblyFailed(Command, tag="record_assembly_failed.v1", kw_only=True):
    owner: Name
    upload: Name
    number: Number
    attempt: Number
    reason: str


class HoldBlob(Command, tag="hold_blob.v1", kw_only=True):
    """Key: the digest. From now on somebody needs the blob: who holds it first, and then puts it
    or renews it, finds it until it is released. The answer is `blob_held.v1`, each time, with the
    ticket that was given: who releases a blob and holds it again tells by that which hold it
    hears of."""

    digest: Digest
    holder: Holder
    ticket: Number = 0


class ReleaseBlob(Command, tag="release_blob.v1", kw_only=True):
    digest: Digest
    holder: Holder


class ReportBlob(Command, tag="report_blob.v1", kw_only=True):
    """The store has this blob. Where nobody holds it, it is swept."""

    digest: Digest


class RecordStamps(Command, tag="record_stamps.v1", kw_only=True):
    """The effect's answer: under which stamps the store keeps the blob."""

    digest: Digest
    attempt: Number
    stamps: tuple[str, ...]


class RecordSwept(Command, tag="record_swept.v1", kw_only=True):
    digest: Digest
    attempt: Number


class RecordSweepFailed(Command, tag="record_sweep_failed.v1", kw_only=True):
    digest: Digest
    attempt: Number
    reason: str


class SurveyStore(Command, tag="survey_store.v1", kw_only=True):
    """The operator has the whole blob store looked through: what was put there by processes that
    died before anybody named it is swept. Key: the survey's name."""

    survey: Name


class RecordSurvey(Command, tag="record_survey.v1", kw_only=True):
    """The effect's answer: the store's digests that follow `after`; `is_last`: all of them."""

    survey: Name
    after: DigestOrNone
    digests: tuple[Digest, ...]
    is_last: bool


class RecordSurveyFailed(Command, tag="record_survey_failed.v1", kw_only=True):
    survey: Name
    after: DigestOrNone
    reason: str


BY_DIGEST = (HoldBlob, ReleaseBlob, ReportBlob, RecordStamps, RecordSwept, RecordSweepFailed)
BY_SURVEY = (SurveyStore, RecordSurvey, RecordSurveyFailed)
BY_OWNER = (
    SetQuota,
    CreateUpload,
    AppendChunk,
    TerminateUpload,
    RetryAssembly,
    NoteHold,
    RecordAssembled,
    RecordAssemblyFailed,
)
COMMANDS = (SetPolicy, *BY_OWNER, *BY_DIGEST, *BY_SURVEY)
