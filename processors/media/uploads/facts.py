"""What each fact does to the state: `evolve`. None is ever rejected."""

from collections.abc import Callable
from typing import Any, Final

from processors.media.uploads.events import (
    AssemblyFailed,
    AssemblyRequested,
    BlobAssembled,
    BlobFreed,
    BlobHeld,
    BlobReleased,
    BlobSwept,
    ChunkAccepted,
    ExpiryPostponed,
    FileStored,
    HoldNoted,
    LengthDeclared,
    PolicySet,
    QuotaSet,
    SurveyEnded,
    SurveyRequested,
    SweepFailed,
    SweepPlanned,
    SweepRequested,
    UploadCompleted,
    UploadCreated,
    UploadExpired,
    UploadForgotten,
    UploadTerminated,
)
from processors.media.uploads.state import NEVER, Entry, Owner, Phase, Step, Upload, Uploads
from processors.media.uploads.terms import Part


def policy_set(state: Uploads, event: PolicySet) -> None:
    state.policy = event.policy


def quota_set(state: Uploads, event: QuotaSet) -> None:
    _owner(state, event.owner).quota_bytes = event.quota_bytes


def _owner(state: Uploads, name: str) -> Owner:
    owner = state.owners.get(name)
    if owner is None:
        owner = state.owners[name] = Owner(None, 0, 0, {})
    return owner


def _upload(state: Uploads, event: Any) -> Upload:
    return state.owners[event.owner].uploads[event.upload]


def created(state: Uploads, event: UploadCreated) -> None:
    owner = _owner(state, event.owner)
    owner.created = event.number
    upload = owner.uploads[event.upload] = Upload(
        owner=event.owner,
        upload=event.upload,
        number=event.number,
        length=event.length,
        metadata=event.metadata,
        partial=event.partial,
        partials=event.partials,
        parts=[],
        holds={},
    )
    owner.used_bytes += upload.reserved
    for partial in event.partials:
        owner.uploads[partial].finals += 1
    state.set_due(upload, event.expires_at_ms)


def length_declared(state: Uploads, event: LengthDeclared) -> None:
    upload = _upload(state, event)
    state.owners[event.owner].used_bytes += event.length - upload.reserved
    upload.length = event.length


def hold_noted(state: Uploads, event: HoldNoted) -> None:
    _upload(state, event).holds[event.digest] = None


def chunk_accepted(state: Uploads, event: ChunkAccepted) -> None:
    upload = _upload(state, event)
    before = upload.reserved
    upload.offset += event.size
    upload.parts.append(Part(event.digest, event.size))
    state.owners[event.owner].used_bytes += upload.reserved - before
    state.set_due(upload, event.expires_at_ms)


def completed(state: Uploads, event: UploadCompleted) -> None:
    upload = _upload(state, event)
    upload.phase = Phase.COMPLETE
    upload.offset = event.size


def postponed(state: Uploads, event: ExpiryPostponed) -> None:
    state.set_due(_upload(state, event), event.expires_at_ms)


def assembly_requested(state: Uploads, event: AssemblyRequested) -> None:
    upload = _upload(state, event)
    upload.phase = Phase.VERIFYING if event.digest else Phase.ASSEMBLING
    upload.attempt, upload.digest = event.attempt, event.digest
    state.set_due(upload, NEVER)


def blob_assembled(state: Uploads, event: BlobAssembled) -> None:
    _upload(state, event).digest = event.digest


def assembly_failed(state: Uploads, event: AssemblyFailed) -> None:
    upload = _upload(state, event)
    upload.phase = Phase.FAILED
    state.set_due(upload, event.expires_at_ms)


def file_stored(state: Uploads, event: FileStored) -> None:
    upload = _upload(state, event)
    _let_partials_go(state, upload)
    upload.phase, upload.digest = Phase.STORED, event.digest
    upload.parts = [Part(event.digest, event.size)]
    upload.holds = {event.digest: None}
    state.set_due(upload, NEVER)


def _let_partials_go(state: Uploads, upload: Upload) -> None:
    if upload.phase is not Phase.STORED:
        for partial in upload.partials:
            state.owners[upload.owner].uploads[partial].finals -= 1


def ended(state: Uploads, event: UploadTerminated | UploadExpired) -> None:
    """What is left of it says that it is gone."""
    upload = _upload(state, event)
    _let_partials_go(state, upload)
    state.owners[event.owner].used_bytes -= upload.reserved
    upload.phase = Phase.ENDED
    upload.parts, upload.holds, upload.metadata, upload.partials = [], {}, {}, ()
    state.set_due(upload, event.forget_at_ms)


def forgotten(state: Uploads, event: UploadForgotten) -> None:
    state.set_due(_upload(state, event), NEVER)
    del state.owners[event.owner].uploads[event.upload]


def blob_held(state: Uploads, event: BlobHeld) -> None:
    entry = state.blobs.get(event.digest)
    if entry is None:
        entry = state.blobs[event.digest] = Entry({})
    entry.holders[event.holder] = None
    entry.step = None
    state.set_sweep(event.digest, entry, NEVER)


def blob_released(state: Uploads, event: BlobReleased) -> None:
    del state.blobs[event.digest].holders[event.holder]


def blob_freed(state: Uploads, event: BlobFreed | SweepFailed) -> None:
    entry = state.blobs.get(event.digest)
    if entry is None:
        entry = state.blobs[event.digest] = Entry({})
    entry.step = Step.WAITING
    state.set_sweep(event.digest, entry, event.sweep_at_ms)


def sweep_planned(state: Uploads, event: SweepPlanned) -> None:
    entry = state.blobs[event.digest]
    state.sweeps = entry.attempt = event.attempt
    entry.step = Step.PLANNED
    state.set_sweep(event.digest, entry, NEVER)


def sweep_requested(state: Uploads, event: SweepRequested) -> None:
    state.blobs[event.digest].step = Step.REQUESTED


def blob_swept(state: Uploads, event: BlobSwept) -> None:
    del state.blobs[event.digest]


def survey_requested(state: Uploads, event: SurveyRequested) -> None:
    state.surveys[event.survey] = event.after


def survey_ended(state: Uploads, event: SurveyEnded) -> None:
    del state.surveys[event.survey]


FACTS: Final[dict[type[Any], Callable[[Uploads, Any], None]]] = {
    PolicySet: policy_set,
    QuotaSet: quota_set,
    UploadCreated: created,
    LengthDeclared: length_declared,
    HoldNoted: hold_noted,
    ChunkAccepted: chunk_accepted,
    UploadCompleted: completed,
    ExpiryPostponed: postponed,
    AssemblyRequested: assembly_requested,
    BlobAssembled: blob_assembled,
    AssemblyFailed: assembly_failed,
    FileStored: file_stored,
    UploadTerminated: ended,
    UploadExpired: ended,
    UploadForgotten: forgotten,
    BlobHeld: blob_held,
    BlobReleased: blob_released,
    BlobFreed: blob_freed,
    SweepPlanned: sweep_planned,
    SweepRequested: sweep_requested,
    SweepFailed: blob_freed,
    BlobSwept: blob_swept,
    SurveyRequested: survey_requested,
    SurveyEnded: survey_ended,
}
"""The other events (rejections, returned holds, what a survey told) change nothing."""
