"""The rules of videos: what is asked for next, and what an answer leads to.

create_video ─► probing ─► encoding: ranges are asked for, at most RANGES_AWAITED at a time, each
    answer asks for the next ─► package ─► ready, and with its pictures, and not held: published

Answers may come twice, in any order, and late: one that is not awaited changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from log.envelope import Event
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick
from processors.media.video import dropping, jobs
from processors.media.video.commands import (
    CreateVideo,
    FailStep,
    FailTranscode,
    FinishTranscode,
    HoldVideo,
    RecordDropped,
    RecordPackage,
    RecordPictures,
    RecordProbe,
    RecordRange,
    ReencodeVideo,
    ReleaseVideo,
    StartTranscode,
    TakeDownVideo,
    ViewVideo,
    WithdrawTranscode,
)
from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingRetired,
    EncodingStarted,
    PackageRequested,
    PicturesFailed,
    PicturesMade,
    RangeRequested,
    RangeTranscoded,
    RejectCode,
    SourceProbed,
    VideoCreated,
    VideoFailed,
    VideoHeld,
    VideoPublished,
    VideoRejected,
    VideoReleased,
    VideoTakenDown,
    ViewCounted,
)
from processors.media.video.facts import evolve
from processors.media.video.ladder import fault_of_ladder, fault_of_source, plan
from processors.media.video.state import (
    SEEN_WINDOW_MS,
    Encoding,
    Library,
    StateRow,
    Status,
    Video,
    from_rows,
    to_rows,
)
from processors.media.video.terms import AUDIO, Ladder, RangeRecords, Source, Step

RANGES_AWAITED: Final = 16
"""Of one video, so many are on their way at a time: a long one does not crowd out the others."""
RETIRES_AFTER_MS: Final = 86_400_000
"""How long a player may go on with the encoding that it began with."""
NOTHING: Final[Sequence[Event]] = ()


def next_due(state: Library) -> int | None:
    return state.retirements[0][0] if state.retirements else None


def decide(state: Library, command: Any, at: int) -> Sequence[Event]:
    kind = type(command)
    if kind is Tick:
        return _retire(state, at)
    job_rule = JOB_RULES.get(kind)
    if job_rule is not None:
        return job_rule(state, command)
    video = state.videos.get(command.video)
    if kind is CreateVideo:
        return (_create(video, command),)
    rule = ANSWER_RULES.get(kind)
    if rule is not None:
        return NOTHING if video is None else rule(video, command, at)
    if video is None:
        return (_reject(command.video, "video", RejectCode.UNKNOWN_VIDEO, "there is no such"),)
    if kind is ViewVideo:
        return _view(state, video, command, at)
    return REQUEST_RULES[kind](video, command)


def _create(video: Video | None, command: CreateVideo) -> Event:
    if video is not None:
        reason = "there is such a video already: give each upload a name of its own"
        return _reject(command.video, "video", RejectCode.DUPLICATE_VIDEO, reason)
    fault = fault_of_ladder(command.ladder)
    if fault is not None:
        return _reject(command.video, fault[0], RejectCode.INVALID_LADDER, fault[1])
    return VideoCreated(
        video=command.video,
        user=command.user,
        channel=command.channel,
        title=command.title,
        source=command.source,
        source_bytes=command.source_bytes,
        ladder=command.ladder,
    )


def _probed(video: Video, command: RecordProbe, at: int) -> Sequence[Event]:
    if video.status is not Status.PROBING or video.ladder is None:
        return NOTHING
    fault = fault_of_source(command.facts)
    if fault is not None:
        return (VideoFailed(video=video.video, step=Step.PROBE, reason=fault),)
    probed = SourceProbed(video=video.video, source=video.source, facts=command.facts)
    return (probed, *_start(video, command.facts, video.ladder))


def _start(video: Video, source: Source, ladder: Ladder) -> Iterable[Event]:
    number, planned = video.latest + 1, plan(source, ladder)
    yield EncodingStarted(video=video.video, encoding=number, plan=planned)
    encoding = Encoding(number, planned)
    for item in range(min(RANGES_AWAITED, planned.items)):
        yield _request(video, encoding, item)


def _request(video: Video, encoding: Encoding, item: int) -> Event:
    rendition, number = encoding.plan.place_of(item)
    return RangeRequested(
        video=video.video,
        encoding=encoding.number,
        item=item,
        job=jobs.name_of(video.video, encoding.number, rendition, number),
        source=video.source,
        range=encoding.plan.range_of(item),
    )


def _transcoded(video: Video, command: RecordRange, at: int) -> Sequence[Event]:
    encoding, item = video.encoding, command.item
    if encoding is None or encoding.number != command.encoding or not encoding.awaits(item):
        return NOTHING
    rendition, number = encoding.plan.place_of(item)
    done = RangeTranscoded(
        video=video.video,
        encoding=encoding.number,
        item=item,
        rendition=rendition,
        first_segment=number * encoding.plan.range_segments,
        record=command.record,
        init=command.init,
        segments=command.segments,
    )
    if len(encoding.records) < encoding.plan.items:
        return (done, _request(video, encoding, len(encoding.records)))
    if encoding.awaited > 1:
        return (done,)
    records = [record or command.record for record in encoding.records]
    return (done, _package(video, encoding, records))


def _package(video: Video, encoding: Encoding, records: list[str]) -> Event:
    planned = encoding.plan
    names = [rendition.name for rendition in planned.renditions]
    return PackageRequested(
        video=video.video,
        encoding=encoding.number,
        renditions=tuple(
            RangeRecords(rendition=name, records=planned.records_of(name, records))
            for name in [*names, *[AUDIO] * planned.source.has_audio]
        ),
        rate_num=planned.rate_num,
        rate_den=planned.rate_den,
    )


def _packaged(video: Video, command: RecordPackage, at: int) -> Sequence[Event]:
    encoding = video.encoding
    if encoding is None or encoding.number != command.encoding or not encoding.is_packaging:
        return NOTHING
    packaged = EncodingPackaged(
        video=video.video,
        encoding=encoding.number,
        listing=command.listing,
        files=command.files,
        variants=command.variants,
        duration_us=command.duration_us,
    )
    if video.served:
        packaged.previous = video.served
        packaged.retires_at_ms = at + RETIRES_AFTER_MS
        return (packaged,)
    if video.awaits_pictures or video.is_held:
        return (packaged,)
    return (packaged, VideoPublished(video=video.video))


def _pictured(video: Video, command: RecordPictures, at: int) -> Sequence[Event]:
    if not video.awaits_pictures:
        return NOTHING
    made = PicturesMade(video=video.video, listing=command.listing, files=command.files)
    return _complete(video, made)


def _complete(video: Video, event: Event) -> Sequence[Event]:
    """After the pictures, or without them."""
    if video.status is Status.READY and not video.is_held:
        return (event, VideoPublished(video=video.video))
    return (event,)


def _failed(video: Video, command: FailStep, at: int) -> Sequence[Event]:
    name, step, reason = video.video, command.step, command.reason
    if step is Step.PROBE:
        if video.status is not Status.PROBING:
            return NOTHING
        return (VideoFailed(video=name, step=step, reason=reason),)
    if step is Step.PICTURES:
        if not video.awaits_pictures:
            return NOTHING
        return _complete(video, PicturesFailed(video=name, reason=reason))
    if step is Step.RELEASE:
        return dropping.leave(video, command)
    encoding = video.encoding
    if encoding is None or encoding.number != command.encoding:
        return NOTHING
    if not (encoding.is_packaging if step is Step.PACKAGE else encoding.awaits(command.item)):
        return NOTHING
    failed: Event = EncodingFailed(
        video=name,
        encoding=encoding.number,
        step=step,
        reason=reason,
        jobs=_jobs_of(video, -1 if step is Step.PACKAGE else command.item),
    )
    events = [failed, *dropping.drop(video, encoding.number, "", encoding.records)]
    if not video.served:
        events.append(VideoFailed(video=name, step=step, reason=reason))
    return events


def _jobs_of(video: Video, but: int = -1) -> tuple[str, ...]:
    """The names of those that are awaited, but one."""
    encoding = video.encoding
    if encoding is None:
        return ()
    items = [item for item in range(len(encoding.records)) if encoding.awaits(item)]
    places = [encoding.plan.place_of(item) for item in items if item != but]
    return tuple(jobs.name_of(video.video, encoding.number, *place) for place in places)


def _hold(video: Video, command: HoldVideo) -> Sequence[Event]:
    if video.status is Status.TAKEN_DOWN:
        return (_wrong_status(video),)
    return NOTHING if video.is_held else (VideoHeld(video=video.video, reason=command.reason),)


def _release(video: Video, command: ReleaseVideo) -> Sequence[Event]:
    if not video.is_held:
        return (_wrong_status(video),)
    released = VideoReleased(video=video.video)
    if video.status is Status.READY and not video.awaits_pictures:
        return (released, VideoPublished(video=video.video))
    return (released,)


def _take_down(video: Video, command: TakeDownVideo) -> Sequence[Event]:
    if video.status is Status.TAKEN_DOWN:
        return NOTHING
    name, source, reason = video.video, video.source, command.reason
    gone = VideoTakenDown(video=name, source=source, reason=reason, jobs=_jobs_of(video))
    return (gone, *dropping.drop_all(video))


def _reencode(video: Video, command: ReencodeVideo) -> Sequence[Event]:
    if video.status is Status.TAKEN_DOWN or video.facts is None or video.encoding is not None:
        return (_wrong_status(video),)
    fault = fault_of_ladder(command.ladder)
    if fault is not None:
        return (_reject(video.video, fault[0], RejectCode.INVALID_LADDER, fault[1]),)
    return tuple(_start(video, video.facts, command.ladder))


def _view(state: Library, video: Video, command: ViewVideo, at: int) -> Sequence[Event]:
    if not video.is_visible:
        what = "held" if video.is_held else video.status.value
        return (_reject(video.video, "video", RejectCode.NOT_TO_BE_SEEN, f"it is {what}"),)
    seen_ms = state.seen.get((video.video, command.session))
    if seen_ms is not None and at < seen_ms + SEEN_WINDOW_MS:
        return NOTHING
    return (ViewCounted(video=video.video, session=command.session, at_ms=at),)


def _retire(state: Library, at: int) -> Sequence[Event]:
    if not state.retirements or state.retirements[0][0] > at:
        return NOTHING
    _due, name, number = state.retirements[0]
    video = state.videos[name]
    retirement = video.retirement_of(number)
    listing = retirement.listing if retirement is not None else ""
    retired = EncodingRetired(video=name, encoding=number)
    return (retired, *dropping.drop(video, number, listing))


def _wrong_status(video: Video) -> Event:
    what = video.status.value + (", held" if video.is_held else ", not held")
    if video.encoding is not None:
        what += f", and encoding {video.encoding.number} is on its way"
    return _reject(video.video, "video", RejectCode.WRONG_STATUS, f"it is {what}")


def _reject(video: str, field: str, code: RejectCode, reason: str) -> Event:
    return VideoRejected(video=video, code=code, field=field, reason=reason)


JOB_RULES: Final[dict[type[Any], Callable[[Library, Any], Sequence[Event]]]] = {
    StartTranscode: jobs.start,
    FinishTranscode: jobs.finish,
    FailTranscode: jobs.fail,
    WithdrawTranscode: jobs.withdraw,
}
ANSWER_RULES: Final[dict[type[Any], Callable[[Video, Any, int], Sequence[Event]]]] = {
    RecordProbe: _probed,
    RecordPictures: _pictured,
    RecordRange: _transcoded,
    RecordPackage: _packaged,
    RecordDropped: dropping.release,
    FailStep: _failed,
}
REQUEST_RULES: Final[dict[type[Any], Callable[[Video, Any], Sequence[Event]]]] = {
    HoldVideo: _hold,
    ReleaseVideo: _release,
    TakeDownVideo: _take_down,
    ReencodeVideo: _reencode,
}

DECIDER: Final = Decider(
    initial=Library,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=StateRow, to_rows=to_rows, from_rows=from_rows),
    next_due=next_due,
)
