"""What videos ask of the outside: ffmpeg and the blob store. The same request made twice gives the
same bytes, and the log takes the first answer.

    video_created ─► probe ─► record_probe
    source_probed ─► pictures ─► record_pictures
    transcode_started ─► transcode ─► finish_transcode
    package_requested ─► package ─► record_package
    files_dropped ─► release ─► record_dropped

As many ranges are transcoded at once as there are processors, and one video's pictures beside.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from processors.core.effect import Effect, Limits, Perform, Request
from processors.media.video.commands import (
    FailStep,
    FailTranscode,
    FinishTranscode,
    RecordDropped,
    RecordPackage,
    RecordPictures,
    RecordProbe,
)
from processors.media.video.events import (
    FilesDropped,
    PackageRequested,
    SourceProbed,
    TranscodeStarted,
    VideoCreated,
)
from processors.media.video.flow import answer
from processors.media.video.outside.packaging import package
from processors.media.video.outside.pictures import pictures
from processors.media.video.outside.probing import probe
from processors.media.video.outside.records import decode
from processors.media.video.outside.tools import SETTINGS, Tools
from processors.media.video.outside.transcoding import transcode
from processors.media.video.samples import sample_store
from processors.media.video.state import Library, Status
from processors.media.video.terms import TEXT_MAX, Step

MEDIA: Final = (".m4s", ".mp4")
PROCESSORS: Final = os.cpu_count() or 1
HEAVY: Final = Limits(at_once=PROCESSORS, attempts=4, attempt_s=3_600, breaker_failures=20)
BESIDE: Final = Limits(at_once=1, attempts=4, attempt_s=3_600, breaker_failures=20)
LIGHT: Final = Limits(at_once=PROCESSORS, attempts=4, attempt_s=600, breaker_failures=20)


def _opens(answer: Callable[[Tools, Any], Any]) -> Callable[[Mapping[str, str]], Any]:
    @asynccontextmanager
    async def open_effect(settings: Mapping[str, str]) -> AsyncIterator[Perform]:
        tools = Tools(settings)

        async def perform(request: Request) -> Any:
            return await answer(tools, request.event)

        yield perform

    return open_effect


async def _probe(tools: Tools, event: VideoCreated) -> RecordProbe:
    async with tools.source(event.source) as path:
        return RecordProbe(video=event.video, facts=await probe(tools, path))


async def _pictures(tools: Tools, event: SourceProbed) -> RecordPictures:
    async with tools.source(event.source) as path:
        listing, files = await pictures(tools, event.facts, path)
    return RecordPictures(video=event.video, listing=listing, files=files)


async def _transcode(tools: Tools, event: TranscodeStarted) -> FinishTranscode:
    async with tools.source(event.source) as path:
        record, blob = await transcode(tools, event.range, path)
    return FinishTranscode(
        job=event.job,
        record=blob.digest,
        init=record.init,
        segments=tuple(segment.blob for segment in record.segments),
    )


async def _package(tools: Tools, event: PackageRequested) -> RecordPackage:
    made = await package(tools, event)
    return RecordPackage(
        video=event.video,
        encoding=event.encoding,
        listing=made.listing,
        files=made.files,
        variants=made.variants,
        duration_us=made.duration_us,
    )


async def _look_up(tools: Tools, event: FilesDropped) -> RecordDropped:
    """A listing names what records name as well: that is told record by record."""
    digests = [event.listing] if event.listing else [*event.records]
    records: tuple[str, ...] = ()
    if event.listing:
        listing = await tools.read_listing(event.listing)
        named = [file for file in listing.files if not file.path.endswith(MEDIA)]
        digests += [file.digest for file in named]
        records = listing.records
    for each in event.records:
        record = decode(await tools.read(each))
        digests += [segment.blob.digest for segment in record.segments]
        digests += [record.init.digest] if record.init is not None else []
    return RecordDropped(
        video=event.video,
        encoding=event.encoding,
        part=event.part,
        digests=tuple(digests),
        records=records,
    )


def _failed(event: Any, reason: str) -> FailStep | FailTranscode:
    reason = reason[:TEXT_MAX]
    if isinstance(event, TranscodeStarted):
        return FailTranscode(job=event.job, reason=reason)
    return FailStep(
        video=event.video,
        step=STEPS[type(event)],
        encoding=getattr(event, "encoding", 0),
        item=getattr(event, "part", 0),
        reason=reason,
    )


def _wants_probe(state: Library, event: VideoCreated) -> bool:
    return state.videos[event.video].status is Status.PROBING


def _wants_pictures(state: Library, event: SourceProbed) -> bool:
    return state.videos[event.video].awaits_pictures


def _wants_transcode(state: Library, event: TranscodeStarted) -> bool:
    return event.job in state.jobs


def _wants_release(state: Library, event: FilesDropped) -> bool:
    return (event.encoding, event.part) in state.videos[event.video].dropped


def _wants_package(state: Library, event: PackageRequested) -> bool:
    encoding = state.videos[event.video].encoding
    return encoding is not None and encoding.number == event.encoding and encoding.is_packaging


STEPS: Final[dict[type[Any], Step]] = {
    VideoCreated: Step.PROBE,
    SourceProbed: Step.PICTURES,
    PackageRequested: Step.PACKAGE,
    FilesDropped: Step.RELEASE,
}
_ask: Final = partial(
    Effect,
    failed=_failed,
    settings=SETTINGS,
    simulator=sample_store,
    script=lambda request: answer(request.event),
)
EFFECTS: Final = (
    _ask(
        name="probe",
        on=(VideoCreated,),
        open=_opens(_probe),
        wanted=_wants_probe,
        limits=LIGHT,
    ),
    _ask(
        name="pictures",
        on=(SourceProbed,),
        open=_opens(_pictures),
        wanted=_wants_pictures,
        limits=BESIDE,
    ),
    _ask(
        name="transcode",
        on=(TranscodeStarted,),
        open=_opens(_transcode),
        wanted=_wants_transcode,
        limits=HEAVY,
    ),
    _ask(
        name="package",
        on=(PackageRequested,),
        open=_opens(_package),
        wanted=_wants_package,
        limits=LIGHT,
    ),
    _ask(
        name="release",
        on=(FilesDropped,),
        open=_opens(_look_up),
        wanted=_wants_release,
        limits=LIGHT,
    ),
)
