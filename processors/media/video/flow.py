"""A seeded flow of videos: uploads, views, moderation, and all that comes back from the outside
and from other partitions, as it would.

    Random(seed) ─► what people ask ─┐
    answers, some twice, some failed ├─► in the order of time ─► (timestamp, command)
      ▲                              │            │
      └── reactors, simulated effects └◄── the rules themselves, decided as the flow goes
"""

import hashlib
from collections.abc import Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from processors.core.timers import decide_fully
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
    ReencodeVideo,
    ReleaseVideo,
    TakeDownVideo,
    ViewVideo,
)
from processors.media.video.decider import DECIDER
from processors.media.video.events import (
    FilesDropped,
    PackageRequested,
    SourceProbed,
    TranscodeStarted,
    VideoCreated,
)
from processors.media.video.ladder import DEFAULT_LADDER
from processors.media.video.reactors import JOBS
from processors.media.video.state import Library
from processors.media.video.terms import (
    AUDIO,
    AudioRange,
    Blob,
    File,
    Ladder,
    Rung,
    Source,
    Step,
    Variant,
)

START_MS: Final = 1_767_225_600_000
"""2026-01-01."""
SIZES: Final = ((1920, 1080), (1280, 720), (854, 480), (720, 1280), (320, 180)) * 4 + ((8, 8),)
"""The last is no picture that can be encoded."""
RATES: Final = ((24, 1), (30_000, 1001), (25, 1), (60, 1), (2997, 125))
USERS: Final = 12
SMALL: Final = Ladder(
    rungs=(
        Rung(short_side=144, bits_per_s_max=200_000),
        Rung(short_side=288, bits_per_s_max=500_000),
    ),
    segment_gops=2,
    range_segments=5,
)
NO_LADDER: Final = Ladder(rungs=())


def flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Any]]:
    """Endless (timestamp in ms since 1970, command), the same for the same arguments."""
    outside = _Outside(Random(seed), start_ms)
    while True:
        yield outside.next()


class _Outside:
    """People, and what the system asked for, each answer at its time."""

    def __init__(self, draw: Random, now_ms: int) -> None:
        self.draw = draw
        self.now_ms = now_ms
        self.state = Library()
        self.waiting: list[tuple[int, int, Any]] = []
        self.number = 0
        self.next_ask_ms = now_ms

    def next(self) -> tuple[int, Any]:
        if self.waiting and self.waiting[0][0] <= self.next_ask_ms:
            due_ms, _number, command = heappop(self.waiting)
            self.now_ms = max(self.now_ms, due_ms)
        else:
            self.now_ms = max(self.now_ms, self.next_ask_ms)
            self.next_ask_ms += self.draw.randrange(1, 4_000)
            if self.draw.random() < 0.01:
                self.next_ask_ms += 50_000_000  # a quiet day: what was replaced retires
            command = self.ask()
        events, self.state = decide_fully(DECIDER, self.state, command, self.now_ms)
        for event in events:
            self.react(event)
        return self.now_ms, command

    def later(self, command: Any, delay_ms: int) -> None:
        self.number += 1
        heappush(self.waiting, (self.now_ms + delay_ms, self.number, command))

    def react(self, event: Any) -> None:
        react = JOBS.on.get(type(event))
        if react is not None:
            for command in react(event, self.now_ms):
                self.later(command, 1)
        answer = self.answer(event)
        if answer is not None:
            self.later(answer, self.draw.randrange(50, 5_000))
            if self.draw.random() < 0.05:
                self.later(answer, self.draw.randrange(50, 20_000))

    def answer(self, event: Any) -> Any:
        fails = self.draw.random() < 0.01
        match event:
            case VideoCreated(video=video) if fails or self.draw.random() < 0.05:
                return FailStep(video=video, step=Step.PROBE, reason="moov atom not found")
            case VideoCreated(video=video):
                return RecordProbe(video=video, facts=self.facts())
            case SourceProbed(video=video) if fails:
                return FailStep(video=video, step=Step.PICTURES, reason="no space left on device")
            case TranscodeStarted(job=job) if fails:
                return FailTranscode(job=job, reason="the source ends at frame 17")
            case PackageRequested(video=video, encoding=encoding) if fails:
                reason = "the renditions are not cut alike"
                step = Step.PACKAGE
                return FailStep(video=video, step=step, encoding=encoding, reason=reason)
            case FilesDropped() if fails:
                return _not_dropped(event)
        return answer(event)

    def facts(self) -> Source:
        draw = self.draw
        (width, height), (rate_num, rate_den) = draw.choice(SIZES), draw.choice(RATES)
        return Source(
            width=width,
            height=height,
            rate_num=rate_num,
            rate_den=rate_den,
            duration_us=draw.randrange(1_000_000, 90_000_000),
            has_audio=draw.random() < 0.8,
        )

    def ask(self) -> Any:
        draw = self.draw
        names = list(self.state.videos)
        chance = draw.random()
        if not names or chance < 0.12:
            return self.create(len(names), draw.randrange(USERS))
        # The latest are asked for most.
        back = min(draw.randrange(1, 12), draw.randrange(1, 60), len(names))
        video = names[-back]
        if chance < 0.90:
            return ViewVideo(video=video, session=f"session-{draw.randrange(40)}")
        if chance < 0.93:
            ladder = draw.choice((SMALL, SMALL, DEFAULT_LADDER, NO_LADDER))
            return ReencodeVideo(video=video, ladder=ladder)
        if chance < 0.955:
            return HoldVideo(video=video, reason="reported")
        if chance < 0.98:
            held = [name for name in names[-30:] if self.state.videos[name].is_held]
            return ReleaseVideo(video=draw.choice(held) if held else video)
        if chance < 0.99:
            return TakeDownVideo(video=video, reason="copyright")
        return ViewVideo(video="no such video", session="session-0")

    def create(self, number: int, user: int) -> CreateVideo:
        draw = self.draw
        name = f"video-{number if draw.random() < 0.97 else max(number - 1, 0)}"
        return CreateVideo(
            video=name,
            user=f"user-{user}",
            channel=f"channel-{user % 5}",
            title=f"Film {number}",
            source=_digest(name),
            source_bytes=draw.randrange(100_000, 50_000_000),
            ladder=draw.choice((SMALL, SMALL, SMALL, DEFAULT_LADDER, NO_LADDER)),
        )


def answer(event: Any) -> Any:
    """What an event asks for, done well; None where it asks for nothing."""
    match event:
        case VideoCreated(video=video):
            facts = Source(
                width=640,
                height=360,
                rate_num=25,
                rate_den=1,
                duration_us=20_000_000,
                has_audio=True,
            )
            return RecordProbe(video=video, facts=facts)
        case SourceProbed(video=video):
            listing = _blob(f"pictures of {video}", 300)
            return RecordPictures(video=video, listing=listing, files=_pictures(video))
        case TranscodeStarted():
            return _finished(event)
        case PackageRequested():
            return _package(event)
        case FilesDropped():
            return _dropped(event)
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _blob(text: str, size: int) -> Blob:
    return Blob(_digest(text), size)


def _pictures(video: str) -> tuple[File, ...]:
    paths = ("poster-1.jpg", "sprite.jpg", "sprite.vtt")
    return tuple(File(path, _digest(video + path), 1_000 * len(path)) for path in paths)


def _finished(event: TranscodeStarted) -> FinishTranscode:
    job, work = event.job, event.range
    if isinstance(work, AudioRange):
        segments = -(-work.duration_us // work.segment_us)
    else:
        segments = -(-work.frames // (work.gop_frames * work.segment_gops))
    return FinishTranscode(
        job=job,
        record=_digest(job),
        init=_blob(job.partition("/")[2], 700),
        segments=tuple(_blob(f"{job} {each}", 10_000 + each) for each in range(segments)),
    )


def _not_dropped(event: FilesDropped) -> FailStep:
    return FailStep(
        video=event.video,
        step=Step.RELEASE,
        encoding=event.encoding,
        item=event.part,
        reason="the listing is not there",
    )


def _dropped(event: FilesDropped) -> RecordDropped:
    video, encoding, part = event.video, event.encoding, event.part
    known = event.records or (event.listing,)
    records = [_digest(f"{encoding} {video} {each}") for each in range(encoding and 3)]
    return RecordDropped(
        video=video,
        encoding=encoding,
        part=part,
        digests=(*known, *map(_digest, known)),
        records=() if part else tuple(records),
    )


def _package(event: PackageRequested) -> RecordPackage:
    name = f"{event.video}/{event.encoding}"
    paths = ("main.m3u8", "manifest.mpd")
    return RecordPackage(
        video=event.video,
        encoding=event.encoding,
        listing=_blob(name, 900),
        files=tuple(File(path, _digest(f"{name}/{path}"), 500) for path in paths),
        variants=tuple(
            Variant(
                rendition=each.rendition,
                bandwidth=500_000 + number,
                average_bandwidth=400_000,
                codecs="mp4a.40.2" if each.rendition == AUDIO else "avc1.64001f",
                width=0 if each.rendition == AUDIO else 320,
                height=0 if each.rendition == AUDIO else 180,
            )
            for number, each in enumerate(event.renditions)
        ),
        duration_us=5_000_000,
    )
