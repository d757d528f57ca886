"""The ladder: which renditions a source can give, and how its frames are cut. Integers only.

Nothing is ever scaled up. A rung is the picture's shorter side, so that an upright video of a
phone gets as many as one that lies. Sides are even, as 4:2:0 asks for.

    Source, Ladder ─► renditions, rate, GOP ─► items: range by range each rendition, and audio
"""

from typing import Final

import msgspec

from processors.media.video.terms import (
    AUDIO,
    AudioRange,
    Count,
    Ladder,
    Number,
    Range,
    Rendition,
    Rung,
    Source,
    VideoRange,
)

GOP_S: Final = 2
"""An IDR frame at least as often (HLS Authoring Specification, video encoding requirements)."""
RATES: Final = (
    (10, 1), (12, 1), (15, 1), (24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1),
    (50, 1), (60_000, 1001), (60, 1),
)  # fmt: skip
"""The frame rates that renditions have, ascending; the nearest to the source's is taken."""
DEFAULT_LADDER: Final = Ladder(
    rungs=(
        Rung(short_side=240, bits_per_s_max=400_000),
        Rung(short_side=360, bits_per_s_max=900_000),
        Rung(short_side=480, bits_per_s_max=1_600_000),
        Rung(short_side=720, bits_per_s_max=3_500_000),
        Rung(short_side=1080, bits_per_s_max=6_500_000),
        Rung(short_side=1440, bits_per_s_max=12_000_000),
        Rung(short_side=2160, bits_per_s_max=20_000_000),
    )
)
RUNGS_MAX: Final = 12
SIDE_MIN: Final = 16
SIDE_MAX: Final = 8_192
DURATION_MAX_US: Final = 6 * 3_600 * 1_000_000
"""Of a source: what is said of all its segments then fits a Kafka message of a megabyte."""
GOPS_MAX: Final = 10
RANGE_SEGMENTS_MAX: Final = 100


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How one source is encoded: a matrix of ranges by renditions, and the audio."""

    renditions: tuple[Rendition, ...]
    rate_num: Count
    rate_den: Count
    frames: Number
    """What the source's duration lets expect."""
    gop_frames: Count
    segment_gops: Count
    range_segments: Count
    source: Source

    @property
    def range_frames(self) -> int:
        return self.gop_frames * self.segment_gops * self.range_segments

    @property
    def ranges(self) -> int:
        return -(-self.frames // self.range_frames)

    @property
    def items(self) -> int:
        """What is to be transcoded, one by one."""
        return self.source.has_audio + self.ranges * len(self.renditions)

    def place_of(self, item: int) -> tuple[str, int]:
        """Of an item: its rendition's name, and the number of its range."""
        if self._is_audio(item):
            return AUDIO, 0
        rendition, number = self._cell_of(item)
        return rendition.name, number

    def _cell_of(self, item: int) -> tuple[Rendition, int]:
        """Of each range the largest rendition comes first: what takes longest is not left over."""
        after_audio = self.source.has_audio and item > len(self.renditions)
        number, column = divmod(item - after_audio, len(self.renditions))
        return self.renditions[-1 - column], number

    def _is_audio(self, item: int) -> bool:
        """It comes after the first range: early, and not in front of what takes longer."""
        return self.source.has_audio and item == len(self.renditions)

    def range_of(self, item: int) -> Range:
        rate = self.rate_num, self.rate_den
        if self._is_audio(item):
            return AudioRange(
                first_us=self.source.first_us,
                duration_us=_frames_us(self.frames, *rate),
                segment_us=_frames_us(self.gop_frames * self.segment_gops, *rate),
            )
        rendition, number = self._cell_of(item)
        first_frame = number * self.range_frames
        return VideoRange(
            rendition=rendition,
            rate_num=self.rate_num,
            rate_den=self.rate_den,
            first_pts=self.source.first_pts,
            first_frame=first_frame,
            frames=min(self.range_frames, self.frames - first_frame),
            is_last=number == self.ranges - 1,
            gop_frames=self.gop_frames,
            segment_gops=self.segment_gops,
        )

    def records_of(self, rendition: str, records: list[str]) -> tuple[str, ...]:
        """Of one rendition, in order, what is recorded of its items."""
        step = len(self.renditions)
        if rendition == AUDIO:
            return (records[step],)
        cells = records[:step] + records[step + self.source.has_audio :]
        column = step - 1 - [each.name for each in self.renditions].index(rendition)
        return tuple(cells[column::step])


def plan(source: Source, ladder: Ladder) -> Plan:
    """Of a source that `fault_of_source` has nothing against."""
    rate_num, rate_den = output_rate(source.rate_num, source.rate_den)
    return Plan(
        renditions=renditions(source, ladder.rungs, rate_num > 30 * rate_den),
        rate_num=rate_num,
        rate_den=rate_den,
        frames=max(1, _rounded(source.duration_us * rate_num, 1_000_000 * rate_den)),
        gop_frames=_rounded(GOP_S * rate_num, rate_den),
        segment_gops=ladder.segment_gops,
        range_segments=ladder.range_segments,
        source=source,
    )


def renditions(source: Source, rungs: tuple[Rung, ...], is_fast: bool) -> tuple[Rendition, ...]:
    """Those that need no scaling up; where there is none, one in the source's own size."""
    short_side = min(source.width, source.height)
    fitting = [rung for rung in rungs if rung.short_side <= short_side]
    if not fitting:
        lowest = min(rungs, key=lambda rung: rung.short_side)
        fitting = [Rung(short_side=short_side, bits_per_s_max=lowest.bits_per_s_max)]
    return tuple(
        Rendition(
            name=f"{rung.short_side}p",
            width=_scaled(source.width, rung.short_side, short_side),
            height=_scaled(source.height, rung.short_side, short_side),
            bits_per_s_max=rung.bits_per_s_max * 3 // 2 if is_fast else rung.bits_per_s_max,
        )
        for rung in sorted(fitting, key=lambda rung: rung.short_side)
    )


def output_rate(num: int, den: int) -> tuple[int, int]:
    """The rate of RATES that is nearest to num / den; of two as near, the higher."""
    nearest = RATES[0]
    for rate in RATES:
        # |rate - source| <= |nearest - source|, over the common denominator of all three
        away = abs(rate[0] * den - num * rate[1]) * nearest[1]
        if away <= abs(nearest[0] * den - num * nearest[1]) * rate[1]:
            nearest = rate
    return nearest


def fault_of_ladder(ladder: Ladder) -> tuple[str, str] | None:
    """(field, sentence), where it is no ladder."""
    sides = [rung.short_side for rung in ladder.rungs]
    if not 0 < len(sides) <= RUNGS_MAX:
        return "rungs", f"a ladder has 1 to {RUNGS_MAX} rungs, not {len(sides)}"
    if len(dict.fromkeys(sides)) < len(sides):
        return "rungs", "two rungs have the same shorter side"
    if not all(SIDE_MIN <= side <= SIDE_MAX and side % 2 == 0 for side in sides):
        return "rungs", f"a shorter side is even, from {SIDE_MIN} to {SIDE_MAX} pixels"
    if not all(10_000 <= rung.bits_per_s_max <= 1_000_000_000 for rung in ladder.rungs):
        return "rungs", "a rung has 10,000 to 1,000,000,000 bits per second"
    if not 0 < ladder.segment_gops <= GOPS_MAX:
        return "segment_gops", f"a segment has 1 to {GOPS_MAX} groups of pictures"
    if not 0 < ladder.range_segments <= RANGE_SEGMENTS_MAX:
        return "range_segments", f"a range has 1 to {RANGE_SEGMENTS_MAX} segments"
    return None


def fault_of_source(source: Source) -> str | None:
    """Why nothing can be made of a source, where that is so."""
    if not all(SIDE_MIN <= side <= SIDE_MAX for side in (source.width, source.height)):
        return (
            f"the picture is {source.width} x {source.height}: its sides must be from {SIDE_MIN} "
            f"to {SIDE_MAX} pixels"
        )
    if source.rate_num < 1 or source.rate_den < 1:
        return f"the frame rate {source.rate_num}/{source.rate_den} is none"
    if not 0 < source.duration_us <= DURATION_MAX_US:
        return f"it lasts {source.duration_us} us: at most {DURATION_MAX_US} us can be encoded"
    return None


def _scaled(side: int, target: int, short_side: int) -> int:
    """`side * target / short_side`, to the nearest even number that is not above the source's."""
    even = 2 * _rounded(side * target, 2 * short_side)
    return max(2, min(even, side // 2 * 2))


def _frames_us(frames: int, rate_num: int, rate_den: int) -> int:
    return _rounded(frames * 1_000_000 * rate_den, rate_num)


def _rounded(dividend: int, divisor: int) -> int:
    """Half up."""
    return (2 * dividend + divisor) // (2 * divisor)
