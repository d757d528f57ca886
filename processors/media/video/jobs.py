"""Jobs: a range of a rendition, on the partition that its own name falls on.

    range_requested ─reactor─► start_transcode ─► transcode_started ─effect─► finish_transcode
        ─► transcode_finished ─reactor─► record_range, back on the video's partition

So the ranges of one video are spread over all partitions, and over the workers that have them.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.media.video.commands import (
    FailTranscode,
    FinishTranscode,
    StartTranscode,
    WithdrawTranscode,
)
from processors.media.video.events import (
    TranscodeFailed,
    TranscodeFinished,
    TranscodeStarted,
    TranscodeWithdrawn,
)
from processors.media.video.state import Library


def name_of(video: str, encoding: int, rendition: str, number: int) -> str:
    """Of a job; the video's name comes last, so that no two jobs are called the same."""
    return f"{encoding}/{rendition}/{number}/{video}"


def start(state: Library, command: StartTranscode) -> Sequence[Event]:
    if command.job in state.jobs:
        return ()
    return (
        TranscodeStarted(
            job=command.job,
            video=command.video,
            encoding=command.encoding,
            item=command.item,
            source=command.source,
            range=command.range,
        ),
    )


def finish(state: Library, command: FinishTranscode) -> Sequence[Event]:
    job = state.jobs.get(command.job)
    if job is None:
        return ()
    return (
        TranscodeFinished(
            job=job.job,
            video=job.video,
            encoding=job.encoding,
            item=job.item,
            record=command.record,
            init=command.init,
            segments=command.segments,
        ),
    )


def fail(state: Library, command: FailTranscode) -> Sequence[Event]:
    job = state.jobs.get(command.job)
    if job is None:
        return ()
    return (
        TranscodeFailed(
            job=job.job,
            video=job.video,
            encoding=job.encoding,
            item=job.item,
            reason=command.reason,
        ),
    )


def withdraw(state: Library, command: WithdrawTranscode) -> Sequence[Event]:
    return (TranscodeWithdrawn(job=command.job),) if command.job in state.jobs else ()
