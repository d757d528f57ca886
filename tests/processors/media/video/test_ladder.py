"""What a source can give: never scaled up, even sides, and cuts that fit together to the frame."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.media.video.ladder import (
    DEFAULT_LADDER,
    RATES,
    fault_of_ladder,
    fault_of_source,
    output_rate,
    plan,
)
from processors.media.video.terms import AudioRange, Ladder, Rung, Source, VideoRange


def source(width: int, height: int, **fields: int) -> Source:
    facts = {"rate_num": 25, "rate_den": 1, "duration_us": 10_000_000, **fields}
    return Source(width=width, height=height, has_audio=True, **facts)


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    planned = plan(source(width, height), DEFAULT_LADDER)
    return [(each.name, each.width, each.height) for each in planned.renditions]


def test_a_source_gets_the_rungs_up_to_its_own_size() -> None:
    assert sizes(854, 480) == [("240p", 428, 240), ("360p", 640, 360), ("480p", 854, 480)]
    assert [name for name, _, _ in sizes(1920, 1080)] == ["240p", "360p", "480p", "720p", "1080p"]


def test_an_upright_video_is_measured_by_its_width() -> None:
    assert sizes(720, 1280)[-1] == ("720p", 720, 1280)


def test_what_is_smaller_than_every_rung_keeps_its_size() -> None:
    assert sizes(161, 121) == [("121p", 160, 120)]


def test_fast_pictures_may_take_half_as_much_again() -> None:
    slow, fast = (
        plan(source(854, 480, rate_num=rate), DEFAULT_LADDER).renditions[0] for rate in (30, 60)
    )
    assert (slow.bits_per_s_max, fast.bits_per_s_max) == (400_000, 600_000)


@pytest.mark.parametrize(
    ("rate", "nearest"),
    [
        ((24, 1), (24, 1)),
        ((24_000, 1001), (24_000, 1001)),
        ((2997, 100), (30_000, 1001)),
        ((359_400, 12_001), (30_000, 1001)),
        ((120, 1), (60, 1)),
        ((1, 1), (10, 1)),
        ((7, 2), (10, 1)),
    ],
)
def test_the_frame_rate_is_the_nearest_usual_one(
    rate: tuple[int, int], nearest: tuple[int, int]
) -> None:
    assert output_rate(*rate) == nearest


sides = st.integers(16, 8192)
ladders = st.builds(
    Ladder,
    rungs=st.lists(
        st.builds(
            Rung,
            short_side=st.integers(8, 4096).map(lambda half: 2 * half),
            bits_per_s_max=st.integers(10_000, 1_000_000_000),
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda rung: rung.short_side,
    ).map(tuple),
    segment_gops=st.integers(1, 10),
    range_segments=st.integers(1, 100),
)
sources = st.builds(
    Source,
    width=sides,
    height=sides,
    rate_num=st.integers(1, 240_000),
    rate_den=st.integers(1, 1001),
    duration_us=st.integers(1, 6 * 3_600_000_000),
    has_audio=st.booleans(),
)


@given(sources, ladders)
def test_whatever_the_source_nothing_is_scaled_up_and_every_frame_is_in_one_range(
    facts: Source, ladder: Ladder
) -> None:
    assert fault_of_source(facts) is None and fault_of_ladder(ladder) is None
    planned = plan(facts, ladder)
    assert (planned.rate_num, planned.rate_den) in RATES
    names = [rendition.name for rendition in planned.renditions]
    assert names and len(set(names)) == len(names)
    for each in planned.renditions:
        assert 0 < each.width <= facts.width and 0 < each.height <= facts.height
        assert each.width % 2 == each.height % 2 == 0
    work = [planned.range_of(item) for item in range(planned.items)]
    assert sum(isinstance(each, AudioRange) for each in work) == facts.has_audio
    videos = [each for each in work if isinstance(each, VideoRange)]
    for name in names:
        ranges = [each for each in videos if each.rendition.name == name]
        assert sum(each.frames for each in ranges) == planned.frames
        assert [each.is_last for each in ranges] == [False] * (len(ranges) - 1) + [True]
        for before, after in pairwise(ranges):
            assert after.first_frame == before.first_frame + before.frames
            assert before.frames % (before.gop_frames * before.segment_gops) == 0


@given(sources, ladders)
def test_records_are_put_together_by_rendition(facts: Source, ladder: Ladder) -> None:
    planned = plan(facts, ladder)
    records = [f"{planned.place_of(item)}" for item in range(planned.items)]
    for rendition in [each.name for each in planned.renditions] + ["audio"] * facts.has_audio:
        found = planned.records_of(rendition, records)
        assert list(found) == [f"{(rendition, number)}" for number in range(len(found))]


@pytest.mark.parametrize(
    ("ladder", "field", "says"),
    [
        (Ladder(rungs=()), "rungs", "1 to 12 rungs, not 0"),
        (Ladder(rungs=(Rung(short_side=241, bits_per_s_max=100_000),)), "rungs", "is even"),
        (Ladder(rungs=(Rung(short_side=240, bits_per_s_max=1),)), "rungs", "bits per second"),
        (Ladder(rungs=DEFAULT_LADDER.rungs[:1] * 2), "rungs", "same shorter side"),
        (Ladder(rungs=DEFAULT_LADDER.rungs, segment_gops=0), "segment_gops", "1 to 10 groups"),
        (Ladder(rungs=DEFAULT_LADDER.rungs, range_segments=101), "range_segments", "1 to 100"),
    ],
)
def test_what_is_no_ladder(ladder: Ladder, field: str, says: str) -> None:
    fault = fault_of_ladder(ladder)
    assert fault is not None and fault[0] == field and says in fault[1]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (source(8, 480), "8 x 480"),
        (source(854, 480, rate_den=0), "the frame rate 25/0"),
        (source(854, 480, duration_us=0), "it lasts 0 us"),
        (source(854, 480, duration_us=10**12), "at most"),
    ],
)
def test_what_nothing_can_be_made_of(facts: Source, says: str) -> None:
    assert says in (fault_of_source(facts) or "")
