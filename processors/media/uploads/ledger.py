"""The rules of blobs: who holds which, and how one that nobody holds is swept out of the store.

    hold_blob ─► blob_held        release_blob ─► blob_released ─► blob_freed
    (later, still free) ─► sweep_planned ··effect: which stamps has it?··► record_stamps
                       ─► sweep_requested ··effect: delete these··► record_swept ─► blob_swept

Why a blob that is held is never lost, whatever is late, repeated, or wakes up in the middle. Who
needs a blob holds it, waits for that fact, and then puts the bytes, or renews those that are
there: either gives them a new stamp. (To see that they are there is not enough.) Stamps are
deleted on a `sweep_requested` only. Its stamps were listed before it, and at it nobody held the
blob. So the stamp of a holder who holds it now was made after that list, or belongs to a hold that
was released. No clock and no order of messages has a part in this.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.media.uploads.commands import (
    HoldBlob,
    RecordStamps,
    RecordSurvey,
    RecordSurveyFailed,
    RecordSweepFailed,
    RecordSwept,
    ReleaseBlob,
    ReportBlob,
    SetPolicy,
    SurveyStore,
)
from processors.media.uploads.events import (
    BlobFreed,
    BlobHeld,
    BlobReleased,
    BlobSwept,
    PolicySet,
    SurveyEnded,
    SurveyRequested,
    SurveyTold,
    SweepFailed,
    SweepPlanned,
    SweepRequested,
)
from processors.media.uploads.state import Entry, Step, Uploads

RETRY_AFTER_MS = 60_000
"""The least time until a sweep that failed is tried again."""

Events = Sequence[Event]


def set_policy(state: Uploads, command: SetPolicy, at: int) -> Events:
    return [PolicySet(policy=command.policy)]


def hold(state: Uploads, command: HoldBlob, at: int) -> Events:
    return [BlobHeld(digest=command.digest, holder=command.holder, ticket=command.ticket)]


def release(state: Uploads, command: ReleaseBlob, at: int) -> Events:
    digest, holder = command.digest, command.holder
    entry = state.blobs.get(digest)
    if entry is None or holder not in entry.holders:
        return []
    released = BlobReleased(digest=digest, holder=holder)
    return [released] if len(entry.holders) > 1 else [released, _freed(state, digest, at)]


def report(state: Uploads, command: ReportBlob, at: int) -> Events:
    return [] if command.digest in state.blobs else [_freed(state, command.digest, at)]


def _freed(state: Uploads, digest: str, at: int) -> BlobFreed:
    return BlobFreed(digest=digest, sweep_at_ms=at + state.policy.sweep_after_ms)


def timer_of(state: Uploads, digest: str) -> Event:
    """Its time has come, and still nobody holds it."""
    return SweepPlanned(digest=digest, attempt=state.sweeps + 1)


def is_awaited(state: Uploads, digest: str, attempt: int, step: Step) -> bool:
    entry = state.blobs.get(digest)
    return entry is not None and entry.step is step and entry.attempt == attempt


def stamps_told(state: Uploads, command: RecordStamps, at: int) -> Events:
    digest, attempt = command.digest, command.attempt
    if not is_awaited(state, digest, attempt, Step.PLANNED):
        return []
    if not command.stamps:
        return [BlobSwept(digest=digest)]
    return [SweepRequested(digest=digest, attempt=attempt, stamps=command.stamps)]


def swept(state: Uploads, command: RecordSwept, at: int) -> Events:
    if not is_awaited(state, command.digest, command.attempt, Step.REQUESTED):
        return []
    return [BlobSwept(digest=command.digest)]


def sweep_failed(state: Uploads, command: RecordSweepFailed, at: int) -> Events:
    entry: Entry | None = state.blobs.get(command.digest)
    if entry is None or entry.step is None or entry.attempt != command.attempt:
        return []
    if entry.step is Step.WAITING:
        return []
    later = at + max(state.policy.sweep_after_ms, RETRY_AFTER_MS)
    return [SweepFailed(digest=command.digest, reason=command.reason, sweep_at_ms=later)]


def survey(state: Uploads, command: SurveyStore, at: int) -> Events:
    if command.survey in state.surveys:
        return []
    return [SurveyRequested(survey=command.survey, after="")]


def surveyed(state: Uploads, command: RecordSurvey, at: int) -> Events:
    name, digests = command.survey, command.digests
    if state.surveys.get(name) != command.after:
        return []
    told = SurveyTold(survey=name, digests=digests)
    if command.is_last or not digests or digests[-1] <= command.after:
        return [told, SurveyEnded(survey=name)]
    return [told, SurveyRequested(survey=name, after=digests[-1])]


def survey_failed(state: Uploads, command: RecordSurveyFailed, at: int) -> Events:
    if state.surveys.get(command.survey) != command.after:
        return []
    return [SurveyEnded(survey=command.survey, reason=command.reason)]
