"""A rendition as the packager sees it: the records of its ranges put together, and measured."""

from collections.abc import Iterator, Sequence

import msgspec

from processors.core.effect import Refused
from processors.media.video.outside.records import Gop, Record, Segment
from processors.media.video.terms import AUDIO, Blob, File


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """Durations are ticks, `timescale` of which are a second."""

    rendition: str
    init: Blob
    codecs: str
    timescale: int
    width: int
    height: int
    channels: int
    segments: tuple[Segment, ...]

    @property
    def is_audio(self) -> bool:
        return self.rendition == AUDIO

    @property
    def ticks(self) -> int:
        return sum(segment.ticks for segment in self.segments)

    @property
    def init_path(self) -> str:
        return f"{self.rendition}/init.mp4"

    @property
    def playlist_path(self) -> str:
        return f"{self.rendition}/media.m3u8"

    @property
    def intra_playlist_path(self) -> str:
        return f"{self.rendition}/iframes.m3u8"

    @property
    def longest_s(self) -> int:
        """Of the segments, to the nearest second."""
        longest = max(segment.ticks for segment in self.segments)
        return max(1, (2 * longest + self.timescale) // (2 * self.timescale))

    @property
    def average_bits_per_s(self) -> int:
        size = sum(segment.blob.size for segment in self.segments)
        return -(-size * 8 * self.timescale // self.ticks)

    def peak_bits_per_s(self, target_s: int) -> int:
        """Of segments in a row that last 0.5 to 1.5 target durations, the most (RFC 8216, 4.1);
        of all of them, where all together last less."""
        sizes = [(segment.ticks, segment.blob.size) for segment in self.segments]
        return peak_bits_per_s(sizes, self.timescale, target_s)

    def intra_bits_per_s(self, target_s: int) -> tuple[int, int]:
        """The peak and the average of the IDR frames alone."""
        sizes = [(gop.ticks, gop.idr_bytes) for _, gop in self.gops()]
        whole = sum(size for _, size in sizes)
        average = -(-whole * 8 * self.timescale // self.ticks)
        return peak_bits_per_s(sizes, self.timescale, target_s), average

    def gops(self) -> Iterator[tuple[int, Gop]]:
        """Each with the number of its segment."""
        for number, segment in enumerate(self.segments):
            for gop in segment.gops:
                yield number, gop

    def files(self) -> Iterator[File]:
        yield File(self.init_path, self.init.digest, self.init.size)
        for number, segment in enumerate(self.segments):
            blob = segment.blob
            yield File(segment_path(self.rendition, number), blob.digest, blob.size)


def segment_path(rendition: str, number: int) -> str:
    """Of the segment of that number, from 0 on: players count from 1."""
    return f"{rendition}/segment-{number + 1:05}.m4s"


def peak_bits_per_s(sizes: Sequence[tuple[int, int]], timescale: int, target_s: int) -> int:
    """`sizes` are (ticks, bytes) of what comes one after the other."""
    peak, target = 0, target_s * timescale
    for first in range(len(sizes)):
        ticks = size = 0
        for index in range(first, len(sizes)):
            ticks, size = ticks + sizes[index][0], size + sizes[index][1]
            if 2 * ticks > 3 * target:
                break
            if 2 * ticks >= target:
                peak = max(peak, -(-size * 8 * timescale // ticks))
    if not peak:
        ticks, size = (sum(column) for column in zip(*sizes, strict=True))
        peak = -(-size * 8 * timescale // ticks)
    return peak


def track_of(rendition: str, records: Sequence[Record]) -> Track:
    """Errors: Refused where the ranges are not of one kind, or hold nothing."""
    made = [record for record in records if record.init is not None]
    if not made or made[0].init is None:
        raise Refused(f"{rendition} has no segment: the source gave nothing")
    first = made[0]
    if any(record.init != first.init for record in made):
        raise Refused(
            f"the ranges of {rendition} have different init segments: do all workers have the "
            "same ffmpeg, and the same settings?"
        )
    return Track(
        rendition=rendition,
        init=made[0].init,
        codecs=first.codecs,
        timescale=first.timescale,
        width=first.width,
        height=first.height,
        channels=first.channels,
        segments=tuple(segment for record in made for segment in record.segments),
    )


def check_aligned(tracks: Sequence[Track]) -> None:
    """Refused where a player could not change from one video to another at each segment."""
    cuts = {
        track.rendition: [
            (segment.ticks, [gop.ticks for gop in segment.gops]) for segment in track.segments
        ]
        for track in tracks
        if not track.is_audio
    }
    first, *others = cuts
    for other in others:
        if cuts[other] != cuts[first]:
            raise Refused(f"{first} and {other} are not cut alike")
