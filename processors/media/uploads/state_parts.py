"""The state of uploads as parts by key, so that its digest costs what an event touches: for each
event type of `facts.py`, which parts it changes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from processors.core.decider import PartKey, StateParts
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
from processors.media.uploads.state import Uploads

Touched = Callable[[Uploads, Any], Iterable[PartKey]]

POLICY: Final = ("policy",)
NONE: Final = ()


def keys(state: Uploads) -> Iterator[PartKey]:
    yield POLICY
    for name, owner in state.owners.items():
        yield "owner", name
        for upload in owner.uploads:
            yield "upload", name, upload
    for digest, entry in state.blobs.items():
        yield "blob", digest
        for holder in entry.holders:
            yield "holder", digest, holder


def part(state: Uploads, key: PartKey) -> Any:
    match key:
        case ("policy",):
            return state.policy, state.surveys, state.sweeps
        case "owner", name:
            owner = state.owners.get(name)
            return owner and (owner.quota_bytes, owner.created)
        case "upload", name, upload:
            return state.upload(name, upload)
        case "blob", digest:
            entry = state.blobs.get(digest)
            return entry and (entry.step, entry.attempt, entry.sweep_at_ms)
        case "holder", digest, holder:
            entry = state.blobs.get(digest)
            return True if entry is not None and holder in entry.holders else None
    raise KeyError(key)


def _policy(state: Uploads, event: Any) -> Iterable[PartKey]:
    return (POLICY,)


def _owner(state: Uploads, event: QuotaSet) -> Iterable[PartKey]:
    return (("owner", event.owner),)


def _upload(state: Uploads, event: Any) -> Iterable[PartKey]:
    return (("upload", event.owner, event.upload),)


def _created(state: Uploads, event: UploadCreated) -> Iterable[PartKey]:
    names = (event.upload, *event.partials)
    return ("owner", event.owner), *(("upload", event.owner, name) for name in names)


def _ended(state: Uploads, event: Any) -> Iterable[PartKey]:
    """The partial uploads that it goes by count one final upload less."""
    upload = state.owners[event.owner].uploads[event.upload]
    return (("upload", event.owner, name) for name in (event.upload, *upload.partials))


def _held(state: Uploads, event: BlobHeld) -> Iterable[PartKey]:
    return ("blob", event.digest), ("holder", event.digest, event.holder)


def _released(state: Uploads, event: BlobReleased) -> Iterable[PartKey]:
    return (("holder", event.digest, event.holder),)


def _blob(state: Uploads, event: Any) -> Iterable[PartKey]:
    return (("blob", event.digest),)


def _planned(state: Uploads, event: SweepPlanned) -> Iterable[PartKey]:
    return POLICY, ("blob", event.digest)


def _swept(state: Uploads, event: BlobSwept) -> Iterable[PartKey]:
    holders = state.blobs[event.digest].holders
    return ("blob", event.digest), *(("holder", event.digest, each) for each in holders)


TOUCHED: Final[dict[type[Any], Touched]] = {
    PolicySet: _policy,
    SurveyRequested: _policy,
    SurveyEnded: _policy,
    QuotaSet: _owner,
    UploadCreated: _created,
    LengthDeclared: _upload,
    HoldNoted: _upload,
    ChunkAccepted: _upload,
    UploadCompleted: _upload,
    ExpiryPostponed: _upload,
    AssemblyRequested: _upload,
    BlobAssembled: _upload,
    AssemblyFailed: _upload,
    FileStored: _ended,
    UploadTerminated: _ended,
    UploadExpired: _ended,
    UploadForgotten: _upload,
    BlobHeld: _held,
    BlobReleased: _released,
    BlobFreed: _blob,
    SweepPlanned: _planned,
    SweepRequested: _blob,
    SweepFailed: _blob,
    BlobSwept: _swept,
}


def touched(state: Uploads, event: Any) -> Iterable[PartKey]:
    of_type = TOUCHED.get(type(event))
    return NONE if of_type is None else of_type(state, event)


PARTS: Final = StateParts(keys=keys, part=part, touched=touched)
