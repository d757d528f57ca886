"""What uploads ask of the blob store: to put a file together, to sweep, to be looked through.

    assembly_requested ─► concatenate ─► record_assembled
    sweep_planned      ─► stamps      ─► record_stamps
    sweep_requested    ─► delete      ─► record_swept
    survey_requested   ─► list        ─► record_survey

Each may be done twice, and by a worker that has long been replaced: see `ledger.py`.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, Final

from log.envelope import Command
from processors.core.effect import Effect, Limits, Perform, Refused, Request
from processors.media.blobs import BlobMissing, BlobStore, open_blobs, pieces
from processors.media.uploads import ledger
from processors.media.uploads.assembling import is_awaited
from processors.media.uploads.commands import (
    RecordAssembled,
    RecordAssemblyFailed,
    RecordStamps,
    RecordSurvey,
    RecordSurveyFailed,
    RecordSweepFailed,
    RecordSwept,
)
from processors.media.uploads.events import (
    AssemblyRequested,
    SurveyRequested,
    SweepPlanned,
    SweepRequested,
)
from processors.media.uploads.samples import DIGESTS, SAMPLES
from processors.media.uploads.state import Step, Uploads
from processors.media.uploads.terms import Part

DIGESTS_PER_SURVEY: Final = 1000
SECONDS_FOR_A_LARGE_FILE: Final = 3600.0
PUT_EVERY_S: Final = 0.02
"""How often the demo's front looks after its samples."""


def assemble(blobs: BlobStore, event: AssemblyRequested) -> Command:
    """Errors: Refused where a part is not there, or is not what it was."""
    blob = blobs.renew(event.digest) if event.digest else None
    if blob is None:
        try:
            blob = blobs.put(_concatenated(blobs, event.parts))
        except BlobMissing as error:
            raise Refused(str(error)) from error
    return RecordAssembled(
        owner=event.owner,
        upload=event.upload,
        number=event.number,
        attempt=event.attempt,
        digest=blob.digest,
        size=blob.size,
    )


def _concatenated(blobs: BlobStore, parts: tuple[Part, ...]) -> Iterator[bytes]:
    for part in parts:
        hashed = hashlib.sha256()
        with blobs.open(part.digest) as file:
            for piece in pieces(file):
                hashed.update(piece)
                yield piece
        if hashed.hexdigest() != part.digest:
            raise Refused(f"the bytes of the blob {part.digest} are not what they were")


def look(blobs: BlobStore, event: SweepPlanned) -> Command:
    stamps = tuple(blobs.stamps(event.digest))
    return RecordStamps(digest=event.digest, attempt=event.attempt, stamps=stamps)


def sweep(blobs: BlobStore, event: SweepRequested) -> Command:
    blobs.delete(event.digest, event.stamps)
    return RecordSwept(digest=event.digest, attempt=event.attempt)


def survey(blobs: BlobStore, event: SurveyRequested) -> Command:
    digests = tuple(islice(blobs.digests(event.after), DIGESTS_PER_SURVEY))
    return RecordSurvey(
        survey=event.survey,
        after=event.after,
        digests=digests,
        is_last=len(digests) < DIGESTS_PER_SURVEY,
    )


ACTS: Final[dict[type[Any], Callable[[BlobStore, Any], Command]]] = {
    AssemblyRequested: assemble,
    SweepPlanned: look,
    SweepRequested: sweep,
    SurveyRequested: survey,
}


@asynccontextmanager
async def open_store(settings: Mapping[str, str]) -> AsyncIterator[Perform]:
    blobs = await asyncio.to_thread(open_blobs, settings["blobs"])

    async def perform(request: Request) -> Command:
        return await asyncio.to_thread(ACTS[type(request.event)], blobs, request.event)

    yield perform


def wanted(state: Uploads, event: Any) -> bool:
    match event:
        case AssemblyRequested():
            upload = state.upload(event.owner, event.upload)
            return (
                upload is not None
                and (upload.number, upload.attempt) == (event.number, event.attempt)
                and is_awaited(upload)
            )
        case SweepPlanned():
            return ledger.is_awaited(state, event.digest, event.attempt, Step.PLANNED)
        case SweepRequested():
            return ledger.is_awaited(state, event.digest, event.attempt, Step.REQUESTED)
    return bool(state.surveys.get(event.survey) == event.after)


def failed(event: Any, reason: str) -> Command:
    match event:
        case AssemblyRequested():
            return RecordAssemblyFailed(
                owner=event.owner,
                upload=event.upload,
                number=event.number,
                attempt=event.attempt,
                reason=reason,
            )
        case SurveyRequested():
            return RecordSurveyFailed(survey=event.survey, after=event.after, reason=reason)
    return RecordSweepFailed(digest=event.digest, attempt=event.attempt, reason=reason)


@asynccontextmanager
async def sample_store() -> AsyncIterator[Mapping[str, str]]:
    """For the demo: a folder, until its end, with all that the flow's uploads are made of, and a
    front that puts again what is swept."""
    with tempfile.TemporaryDirectory(prefix="refold-blobs-") as folder:
        blobs = open_blobs(folder)

        async def keep_putting() -> None:
            while True:
                await asyncio.to_thread(_put_missing, blobs)
                await asyncio.sleep(PUT_EVERY_S)

        await asyncio.to_thread(_put_missing, blobs)
        front = asyncio.create_task(keep_putting())
        try:
            yield {"blobs": folder}
        finally:
            front.cancel()
            await asyncio.gather(front, return_exceptions=True)


def _put_missing(blobs: BlobStore) -> None:
    for digest, sample in zip(DIGESTS, SAMPLES, strict=True):
        if blobs.size(digest) is None:
            blobs.put([sample])


STORE = Effect(
    name="store",
    on=tuple(ACTS),
    open=open_store,
    wanted=wanted,
    failed=failed,
    limits=Limits(attempt_s=SECONDS_FOR_A_LARGE_FILE),
    settings={"blobs": "blobs"},
    simulator=sample_store,
)
EFFECTS = (STORE,)
