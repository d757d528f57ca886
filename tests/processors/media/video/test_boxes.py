"""Boxes of MP4: what init segments say, and fragments taken apart and put together again."""

import asyncio
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.media.video.outside.boxes import (
    BadMedia,
    Fragment,
    Init,
    Sample,
    boxes,
    fragments,
    made,
    read_fragment,
)
from processors.media.video.outside.tracks import peak_bits_per_s
from tests.processors.media.video.pipeline import needs_ffmpeg


async def parts_of(data: bytes) -> list[Init | Fragment]:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return [part async for part in fragments(stream)]


@pytest.fixture(scope="module")
def film() -> bytes:
    """Four groups of 25 pictures."""
    picture = "testsrc2=size=320x180:rate=25:duration=4"
    made = subprocess.run(
        [
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "libx264",
            "-preset", "superfast", "-g", "25", "-profile:v", "main", "-level", "3.1",
            "-movflags", "cmaf+frag_keyframe", "-f", "mp4", "pipe:1",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return made.stdout


@needs_ffmpeg
def test_an_init_segment_says_what_the_track_is(film: bytes) -> None:
    init, *_ = asyncio.run(parts_of(film))
    assert isinstance(init, Init)
    assert (init.codecs, init.width, init.height) == ("avc1.4d401f", 320, 180)
    assert init.data.startswith(film[:8]) and len(init.data) < 2_000


@needs_ffmpeg
def test_fragments_are_groups_of_pictures(film: bytes) -> None:
    init, *groups = asyncio.run(parts_of(film))
    assert isinstance(init, Init)
    each = [part for part in groups if isinstance(part, Fragment)]
    assert [len(part.samples) for part in each] == [25] * 4
    assert [part.ticks for part in each] == [init.timescale] * 4
    assert [part.decode_time for part in each] == [0, *(init.timescale * n for n in (1, 2, 3))]
    assert all(sum(sample.size for sample in part.samples) == len(part.data) for part in each)


@needs_ffmpeg
def test_a_group_split_is_read_as_its_first_picture_and_the_others(film: bytes) -> None:
    group = asyncio.run(parts_of(film))[1]
    assert isinstance(group, Fragment)
    first, others = group.split()
    again = [read_fragment(part.written(number)) for number, part in enumerate((first, others))]
    assert [part.samples for part in again] == [group.samples[:1], group.samples[1:]]
    assert b"".join(part.data for part in again) == group.data
    assert again[1].decode_time == group.decode_time + group.samples[0].ticks
    assert again[0].entries + again[1].entries == group.entries


@needs_ffmpeg
def test_a_stream_that_breaks_off_ends_with_what_was_whole(film: bytes) -> None:
    whole = asyncio.run(parts_of(film))
    assert asyncio.run(parts_of(film[:-2_000])) == whole[:-1]


def test_what_is_no_box_is_told() -> None:
    with pytest.raises(BadMedia, match="of 1280 bytes, where 9 are left"):
        list(boxes(b"\x00\x00\x05\x00freeX"))


@given(
    st.lists(
        st.builds(Sample, st.integers(1, 2**31), st.integers(0, 50)), min_size=1, max_size=20
    ),
    st.integers(0, 2**62),
)
def test_what_was_made_is_read_as_the_same(samples: list[Sample], decode_time: int) -> None:
    data = bytes(sum(sample.size for sample in samples))
    fragment = made(samples, data, decode_time)
    assert read_fragment(fragment.written(7)) == fragment


def test_the_peak_is_over_half_to_one_and_a_half_target_durations() -> None:
    sizes = [(6, 600), (6, 1200), (1, 900)]
    # By itself the last is too short to count; with the one before it lasts long enough.
    assert peak_bits_per_s(sizes, 1, 6) == -(-2100 * 8 // 7)
    assert peak_bits_per_s([(1, 100)], 1, 6) == 800


def test_the_cost_of_the_peak_grows_with_the_segments_alone() -> None:
    assert peak_bits_per_s([(2, 1000)] * 20_000, 1, 6) == 4000
