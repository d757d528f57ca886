"""What follows from an event at another key, or of another system.

jobs      ranges become jobs, and jobs done come back
uploads   a file that is stored, and says that it is a video, becomes one
holds     a video holds its source and all its files, so that no sweep takes them
"""

from collections.abc import Iterable, Iterator

from processors.core.reactor import Reactor
from processors.media.uploads import SYSTEM as UPLOADS
from processors.media.uploads.commands import HoldBlob, ReleaseBlob
from processors.media.uploads.events import FileStored, Holder
from processors.media.video.commands import (
    CreateVideo,
    FailStep,
    RecordRange,
    StartTranscode,
    WithdrawTranscode,
)
from processors.media.video.dropping import PICTURES
from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    FilesReleased,
    PicturesMade,
    RangeRequested,
    RangeTranscoded,
    TranscodeFailed,
    TranscodeFinished,
    VideoCreated,
    VideoTakenDown,
)
from processors.media.video.terms import NAME_MAX, TEXT_MAX, Step


def _start(event: RangeRequested, at: int) -> Iterable[StartTranscode]:
    yield StartTranscode(
        job=event.job,
        video=event.video,
        encoding=event.encoding,
        item=event.item,
        source=event.source,
        range=event.range,
    )


def _record(event: TranscodeFinished, at: int) -> Iterable[RecordRange]:
    yield RecordRange(
        video=event.video,
        encoding=event.encoding,
        item=event.item,
        record=event.record,
        init=event.init,
        segments=event.segments,
    )


def _fail(event: TranscodeFailed, at: int) -> Iterable[FailStep]:
    yield FailStep(
        video=event.video,
        step=Step.TRANSCODE,
        encoding=event.encoding,
        item=event.item,
        reason=event.reason,
    )


def _withdraw(event: EncodingFailed | VideoTakenDown, at: int) -> Iterator[WithdrawTranscode]:
    for job in event.jobs:
        yield WithdrawTranscode(job=job)


JOBS = Reactor(
    name="jobs",
    on={
        RangeRequested: _start,
        TranscodeFinished: _record,
        TranscodeFailed: _fail,
        EncodingFailed: _withdraw,
        VideoTakenDown: _withdraw,
    },
)


def _create(event: FileStored, at: int) -> Iterator[CreateVideo]:
    """Metadata as tus clients give it: `filetype`, `filename`; `channel` and `title` are ours."""
    told = event.metadata
    if told.get("filetype", "").startswith("video/"):
        yield CreateVideo(
            video=f"{event.owner}/{event.upload}/{event.number}",
            user=event.owner,
            channel=told.get("channel", event.owner)[:NAME_MAX],
            title=told.get("title", told.get("filename", ""))[:TEXT_MAX],
            source=event.digest,
            source_bytes=event.size,
        )


def _holder(video: str, name: str, number: int = 0) -> Holder:
    return Holder(system="media.video", owner=video, name=name, number=number)


def _hold_source(event: VideoCreated, at: int) -> Iterable[HoldBlob]:
    yield HoldBlob(digest=event.source, holder=_holder(event.video, "source"))


def _let_source_go(event: VideoTakenDown, at: int) -> Iterable[ReleaseBlob]:
    yield ReleaseBlob(digest=event.source, holder=_holder(event.video, "source"))


def _hold_range(event: RangeTranscoded, at: int) -> Iterator[HoldBlob]:
    holder = _holder(event.video, "files", event.encoding)
    blobs = (*event.segments, *([event.init] if event.init is not None else []))
    for digest in (event.record, *(blob.digest for blob in blobs)):
        yield HoldBlob(digest=digest, holder=holder)


def _hold_files(event: EncodingPackaged | PicturesMade, at: int) -> Iterator[HoldBlob]:
    number = event.encoding if isinstance(event, EncodingPackaged) else PICTURES
    for digest in (event.listing.digest, *(file.digest for file in event.files)):
        yield HoldBlob(digest=digest, holder=_holder(event.video, "files", number))


def _let_files_go(event: FilesReleased, at: int) -> Iterator[ReleaseBlob]:
    holder = _holder(event.video, "files", event.encoding)
    for digest in event.digests:
        yield ReleaseBlob(digest=digest, holder=holder)


CREATION = Reactor(name="uploads", on={FileStored: _create}, source=UPLOADS)
HOLDS = Reactor(
    name="holds",
    on={
        VideoCreated: _hold_source,
        VideoTakenDown: _let_source_go,
        RangeTranscoded: _hold_range,
        EncodingPackaged: _hold_files,
        PicturesMade: _hold_files,
        FilesReleased: _let_files_go,
    },
    target=UPLOADS,
)
REACTORS = (JOBS, CREATION, HOLDS)
