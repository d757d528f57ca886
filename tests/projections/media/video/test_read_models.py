"""The read models of videos: what people ask, of histories told by commands."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from log.record import Record
from processors.core.registry import load_system
from processors.core.testing.subject import decide_all, json_config, memory_log
from processors.media.video.commands import (
    CreateVideo,
    FailStep,
    HoldVideo,
    RecordPackage,
    RecordPictures,
    RecordProbe,
    RecordRange,
    ReencodeVideo,
    ReleaseVideo,
    TakeDownVideo,
    ViewVideo,
)
from processors.media.video.decider import RETIRES_AFTER_MS
from processors.media.video.terms import Blob, File, Ladder, Rung, Source, Step, Variant
from projections.core.read_models import read_models
from projections.core.testing import check_read_models
from projections.core.worker import Worker

DAY_MS = 86_400_000
START_MS = 20_000 * DAY_MS
LADDER = Ladder(
    rungs=(Rung(short_side=240, bits_per_s_max=400_000),), segment_gops=1, range_segments=2
)
FACTS = Source(width=426, height=240, rate_num=25, rate_den=1, duration_us=6_000_000)
Ask = Callable[..., Any]


def digest(text: str) -> str:
    return text.encode().hex().ljust(64, "0")[:64]


def blob(name: str, size: int = 100) -> Blob:
    return Blob(digest(name), size)


def create(video: str = "v", user: str = "ada", channel: str = "films") -> CreateVideo:
    source = digest(video)
    return CreateVideo(
        video=video,
        user=user,
        channel=channel,
        title=video.upper(),
        source=source,
        source_bytes=1000,
        ladder=LADDER,
    )


def answers(video: str, encoding: int = 1) -> list[Any]:
    """Of two ranges, of two segments and of one; and the package."""
    ranges = [
        RecordRange(
            video=video,
            encoding=encoding,
            item=item,
            record=digest(f"r{item}"),
            init=blob("init", 10),
            segments=tuple(blob(f"s{item}{number}") for number in range(2 - item)),
        )
        for item in range(2)
    ]
    names = ("main.m3u8", "manifest.mpd")
    package = RecordPackage(
        video=video,
        encoding=encoding,
        listing=blob("listing", 5),
        files=tuple(File(name, digest(f"{encoding}{name}"), 20) for name in names),
        variants=(
            Variant(
                rendition="240p",
                bandwidth=500,
                average_bandwidth=400,
                codecs="avc1.64000d",
                width=426,
                height=240,
            ),
        ),
        duration_us=6_000_000,
    )
    return [*ranges, package]


def published(video: str = "v", **names: str) -> list[Any]:
    pictures = tuple(File(name, digest(name), 3) for name in ("poster-1.jpg", "sprite.vtt"))
    begin = [create(video, **names), RecordProbe(video=video, facts=FACTS)]
    return [
        *begin,
        RecordPictures(video=video, listing=blob("pictures", 4), files=pictures),
        *answers(video),
    ]


def asking(*history: Any) -> Ask:
    """`ask("status", video="v")` after these commands, a second apart; one may be a time in ms to
    wait for first."""
    models = read_models(load_system("processors.media.video"))
    system = models.system
    encode = system.command_codec(json_config(system)).encode
    log, now = memory_log(system), START_MS
    for command in history:
        now += 1000
        if isinstance(command, int):
            now += command
            continue
        key, partitions = system.placed(command, system.partitions)
        for number in partitions:
            record = Record(encode(command), key, now)
            log.partition(system.commands_topic, number).append([record])
    decide_all(log, system)
    store = models.open_store("memory:")
    Worker(log, store).catch_up()
    return lambda name, **arguments: models.query(name).run(store, arguments)


def test_a_status_tells_how_far_the_encoding_is() -> None:
    begin = [create(), RecordProbe(video="v", facts=FACTS)]
    assert asking(create())("status", video="v").status == "probing"
    row = asking(*begin)("status", video="v")
    assert (row.status, row.encoding, row.ranges_done, row.ranges, row.percent) == (
        "encoding", 1, 0, 2, 0,
    )  # fmt: skip
    row = asking(*begin, answers("v")[1])("status", video="v")
    assert (row.ranges_done, row.percent, row.served) == (1, 49, 0)
    row = asking(*begin, *answers("v"))("status", video="v")
    assert (row.status, row.percent, row.served, row.duration_us) == ("ready", 100, 1, 6_000_000)
    row = asking(*published())("status", video="v")
    assert (row.status, row.published_at_ms > row.created_at_ms) == ("published", True)
    assert asking(create())("status", video="w") is None


def test_a_status_tells_why() -> None:
    failed = FailStep(video="v", step=Step.PROBE, reason="moov atom not found")
    row = asking(create(), failed)("status", video="v")
    assert (row.status, row.reason) == ("failed", "moov atom not found")
    row = asking(*published(), HoldVideo(video="v", reason="reported"))("status", video="v")
    assert (row.status, row.is_held, row.reason) == ("published", True, "reported")
    row = asking(*published(), TakeDownVideo(video="v", reason="law"))("status", video="v")
    assert (row.status, row.reason, row.served) == ("taken_down", "law", 0)


def test_a_player_gets_manifests_pictures_and_files_by_their_paths() -> None:
    ask = asking(*published())
    playback = ask("playback", video="v")
    assert (playback.encoding, playback.duration_us) == (1, 6_000_000)
    assert playback.hls == digest("1main.m3u8") and playback.dash == digest("1manifest.mpd")
    assert playback.listing == digest("listing") and playback.poster == digest("poster-1.jpg")
    assert playback.sprite_times == digest("sprite.vtt") and playback.sprite == ""
    for path, name in (
        ("240p/init.mp4", "init"),
        ("240p/segment-00001.m4s", "s00"),
        ("240p/segment-00003.m4s", "s10"),
        ("poster-1.jpg", "poster-1.jpg"),
    ):
        assert ask("file", video="v", path=path).digest == digest(name)
    assert ask("file", video="v", path="240p/segment-00004.m4s") is None
    (rendition,) = ask("renditions", video="v")
    assert (rendition.rendition, rendition.segments, rendition.bandwidth) == ("240p", 3, 500)


@pytest.mark.parametrize(
    "last", [HoldVideo(video="v", reason="r"), TakeDownVideo(video="v", reason="r")]
)
def test_what_is_held_or_gone_is_not_played_nor_listed(last: Any) -> None:
    ask = asking(*published(), ViewVideo(video="v", session="s"), last)
    assert ask("playback", video="v") is ask("file", video="v", path="main.m3u8") is None
    assert ask("renditions", video="v") == ask("channel", channel="films") == []
    assert ask("popular") == []


def test_what_is_released_is_back() -> None:
    hold, release = HoldVideo(video="v", reason="r"), ReleaseVideo(video="v")
    ask = asking(*published(), hold, release)
    assert ask("playback", video="v").encoding == 1
    assert [row.video for row in ask("channel", channel="films")] == ["v"]


def test_a_new_encoding_takes_over_and_the_old_ones_files_stay_until_it_retires() -> None:
    again = [*published(), ReencodeVideo(video="v", ladder=LADDER)]
    assert asking(*again)("playback", video="v").encoding == 1
    ask = asking(*again, *answers("v", 2))
    assert ask("playback", video="v").hls == digest("2main.m3u8")
    assert ask("file", video="v", path="main.m3u8", encoding=1).digest == digest("1main.m3u8")
    view = ViewVideo(video="v", session="s")
    ask = asking(*again, *answers("v", 2), RETIRES_AFTER_MS, view)
    assert ask("file", video="v", path="main.m3u8", encoding=1) is None
    assert ask("file", video="v", path="240p/segment-00003.m4s").encoding == 2


def test_a_channel_shows_the_latest_first_page_by_page() -> None:
    videos = ["a", "b", "c"]
    ask = asking(
        *[each for video in videos for each in published(video)], *published("x", channel="other")
    )
    rows = ask("channel", channel="films", limit=2)
    assert [row.video for row in rows] == ["c", "b"]
    older = ask("channel", channel="films", before_ms=rows[-1].published_at_ms)
    assert [row.video for row in older] == ["a"]


def test_storage_is_what_a_users_videos_take() -> None:
    # 3 segments, init, 2 playlists, a listing; 2 pictures, and theirs
    made = 300 + 10 + 40 + 5 + 6 + 4
    others = [*published("w"), *published("x", user="bob")]
    ask = asking(*published(), *others)
    storage = ask("storage", user="ada")
    assert (storage.videos, storage.source_bytes, storage.made_bytes) == (2, 2000, 2 * made)
    gone = asking(*published(), *others, TakeDownVideo(video="v", reason="r"))
    storage = gone("storage", user="ada")
    assert (storage.videos, storage.source_bytes, storage.made_bytes) == (1, 1000, made)
    assert msgspec.structs.astuple(gone("storage", user="eve")) == ("eve", 0, 0, 0)


def test_while_two_encodings_stand_both_take_room() -> None:
    again = [*published(), ReencodeVideo(video="v", ladder=LADDER), *answers("v", 2)]
    assert asking(*again)("storage", user="ada").made_bytes == 2 * (300 + 10 + 40 + 5) + 10
    later = asking(*again, RETIRES_AFTER_MS, ViewVideo(video="v", session="s"))
    assert later("storage", user="ada").made_bytes == 300 + 10 + 40 + 5 + 10
    failed = FailStep(video="v", step=Step.TRANSCODE, encoding=2, item=1, reason="r")
    half = [*published(), ReencodeVideo(video="v", ladder=LADDER), answers("v", 2)[0], failed]
    assert asking(*half)("storage", user="ada").made_bytes == 300 + 10 + 40 + 5 + 10


def test_a_view_counts_once_a_session() -> None:
    views = [ViewVideo(video="v", session=name) for name in ("s", "t", "s", "s", "t", "u")]
    ask = asking(*published(), *views)
    assert ask("views", video="v").views == 3
    assert asking(*published())("views", video="v") is None


def test_popular_is_what_was_seen_most_ever_or_on_a_day() -> None:
    first = [ViewVideo(video="v", session=f"{number}") for number in range(3)]
    second = [ViewVideo(video="w", session=f"{number}") for number in range(2)]
    ask = asking(*published(), *published("w"), *first, second[0], DAY_MS, *second)
    assert [(row.video, row.views) for row in ask("popular")] == [("w", 3), ("v", 3)]
    assert [(row.video, row.views) for row in ask("popular", day=20_000)] == [("v", 3), ("w", 1)]
    assert [(row.video, row.views) for row in ask("popular", day=20_001)] == [("w", 2)]
    assert [row.title for row in ask("popular", limit=1)] == ["W"]


@pytest.mark.parametrize("seed", [5, 6])
def test_however_they_are_made_they_are_the_same(seed: int) -> None:
    check_read_models("processors.media.video", seed=seed, commands=1000)
