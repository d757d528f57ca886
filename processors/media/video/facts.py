"""What each event does to the state. A fact is applied, never questioned."""

from collections.abc import Callable
from typing import Any, Final

from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingRetired,
    EncodingStarted,
    FilesDropped,
    FilesLeft,
    FilesReleased,
    PackageRequested,
    PicturesFailed,
    PicturesMade,
    RangeRequested,
    RangeTranscoded,
    SourceProbed,
    TranscodeFailed,
    TranscodeFinished,
    TranscodeStarted,
    TranscodeWithdrawn,
    VideoCreated,
    VideoFailed,
    VideoHeld,
    VideoPublished,
    VideoReleased,
    VideoTakenDown,
    ViewCounted,
)
from processors.media.video.state import Encoding, Job, Library, Retirement, Status, Video


def evolve(state: Library, event: Any) -> Library:
    """Apply one fact, in place. Facts that are none of videos' change nothing."""
    of_video = OF_VIDEO.get(type(event))
    if of_video is not None:
        of_video(state.videos[event.video], event)
        return state
    apply = OF_LIBRARY.get(type(event))
    if apply is not None:
        apply(state, event)
    return state


def _created(state: Library, event: VideoCreated) -> None:
    state.videos[event.video] = Video(event.video, event.source, event.ladder)


def _probed(video: Video, event: SourceProbed) -> None:
    video.facts, video.ladder, video.awaits_pictures = event.facts, None, True


def _started(video: Video, event: EncodingStarted) -> None:
    video.encoding = Encoding(event.encoding, event.plan)
    video.latest = event.encoding
    if not video.served:
        video.status = Status.ENCODING


def _encoding_of(video: Video) -> Encoding:
    assert video.encoding is not None, f"{video.video} has no encoding on its way"
    return video.encoding


def _requested(video: Video, event: RangeRequested) -> None:
    encoding = _encoding_of(video)
    encoding.records.append("")
    encoding.awaited += 1


def _transcoded(video: Video, event: RangeTranscoded) -> None:
    encoding = _encoding_of(video)
    encoding.records[event.item] = event.record
    encoding.awaited -= 1


def _package_requested(video: Video, event: PackageRequested) -> None:
    _encoding_of(video).is_packaging = True


def _packaged(state: Library, event: EncodingPackaged) -> None:
    video = state.videos[event.video]
    if event.previous:
        retirement = Retirement(event.retires_at_ms, event.previous, video.listing)
        state.retire_later(video, retirement)
    else:
        video.status = Status.READY
    video.encoding = None
    video.served, video.listing = event.encoding, event.listing.digest


def _retired(state: Library, event: EncodingRetired) -> None:
    retiring = state.videos[event.video].retiring
    retiring[:] = [each for each in retiring if each.encoding != event.encoding]
    state.drop_past_retirements()


def _encoding_failed(video: Video, event: EncodingFailed) -> None:
    video.encoding = None


def _pictured(video: Video, event: PicturesMade) -> None:
    video.awaits_pictures = False
    video.pictures = event.listing.digest


def _pictures_failed(video: Video, event: PicturesFailed) -> None:
    video.awaits_pictures = False


def _dropped(video: Video, event: FilesDropped) -> None:
    video.dropped.append((event.encoding, event.part))


def _drop_settled(video: Video, event: FilesReleased | FilesLeft) -> None:
    video.dropped.remove((event.encoding, event.part))


def _published(video: Video, event: VideoPublished) -> None:
    video.status = Status.PUBLISHED


def _failed(video: Video, event: VideoFailed) -> None:
    video.status = Status.FAILED


def _held(video: Video, event: VideoHeld) -> None:
    video.is_held = True


def _released(video: Video, event: VideoReleased) -> None:
    video.is_held = False


def _taken_down(state: Library, event: VideoTakenDown) -> None:
    name, dropped = event.video, state.videos[event.video].dropped
    gone = Video(name, event.source, None, status=Status.TAKEN_DOWN, dropped=dropped)
    state.videos[name] = gone
    state.drop_past_retirements()


def _viewed(state: Library, event: ViewCounted) -> None:
    state.see(event.video, event.session, event.at_ms)


def _job_started(state: Library, event: TranscodeStarted) -> None:
    state.jobs[event.job] = Job(event.job, event.video, event.encoding, event.item)


def _job_gone(
    state: Library, event: TranscodeFinished | TranscodeFailed | TranscodeWithdrawn
) -> None:
    del state.jobs[event.job]


OF_VIDEO: Final[dict[type[Any], Callable[[Video, Any], None]]] = {
    SourceProbed: _probed,
    EncodingStarted: _started,
    RangeRequested: _requested,
    RangeTranscoded: _transcoded,
    PackageRequested: _package_requested,
    EncodingFailed: _encoding_failed,
    PicturesMade: _pictured,
    PicturesFailed: _pictures_failed,
    FilesDropped: _dropped,
    FilesReleased: _drop_settled,
    FilesLeft: _drop_settled,
    VideoPublished: _published,
    VideoFailed: _failed,
    VideoHeld: _held,
    VideoReleased: _released,
}
OF_LIBRARY: Final[dict[type[Any], Callable[[Library, Any], None]]] = {
    VideoCreated: _created,
    EncodingPackaged: _packaged,
    EncodingRetired: _retired,
    VideoTakenDown: _taken_down,
    ViewCounted: _viewed,
    TranscodeStarted: _job_started,
    TranscodeFinished: _job_gone,
    TranscodeFailed: _job_gone,
    TranscodeWithdrawn: _job_gone,
}
