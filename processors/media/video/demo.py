"""What people ask of videos in the demo: a few uploads, which ffmpeg encodes for real, and an
audience that watches them; one is held and released, one is encoded anew."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from processors.media.video.commands import (
    CreateVideo,
    HoldVideo,
    ReencodeVideo,
    ReleaseVideo,
    ViewVideo,
)
from processors.media.video.flow import START_MS
from processors.media.video.samples import TITLES, blob_of
from processors.media.video.terms import Ladder, Rung

LADDER: Final = Ladder(
    rungs=(
        Rung(short_side=48, bits_per_s_max=60_000),
        Rung(short_side=90, bits_per_s_max=150_000),
    ),
    segment_gops=1,
    range_segments=2,
)
SESSIONS: Final = 2_000


def demo_flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Any]]:
    """Endless (timestamp in ms since 1970, command), the same for the same arguments."""
    draw = Random(seed)
    now = start_ms
    for number, title in enumerate(TITLES):
        now += draw.randrange(1_000, 5_000)
        film = blob_of(number)
        yield (
            now,
            CreateVideo(
                video=f"film-{number}",
                user=f"user-{number % 2}",
                channel="films",
                title=title,
                source=film.digest,
                source_bytes=film.size,
                ladder=LADDER,
            ),
        )
    for view in range(1, 1 << 62):
        now += draw.randrange(50, 2_000)
        if view == 20_000:
            yield now, HoldVideo(video="film-2", reason="reported by a viewer")
        elif view == 20_300:
            yield now, ReleaseVideo(video="film-2")
        elif view == 25_000:
            yield now, ReencodeVideo(video="film-1", ladder=LADDER)
        else:
            film_number = min(draw.randrange(len(TITLES)), draw.randrange(len(TITLES)))
            session = f"session-{draw.randrange(SESSIONS)}"
            yield now, ViewVideo(video=f"film-{film_number}", session=session)
