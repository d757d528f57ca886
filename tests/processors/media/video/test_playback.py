"""What was encoded plays: every file is there, ffmpeg decodes it all with no error, durations are
right to the frame, and the renditions show the source's own frames, cut at the same places."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from processors.media.video.events import (
    EncodingPackaged,
    EncodingStarted,
    TranscodeStarted,
    VideoPublished,
)
from processors.media.video.terms import AUDIO
from tests.processors.media.video.pipeline import (
    SMALL,
    Finished,
    ffmpeg,
    ffprobe,
    make_clip,
    needs_ffmpeg,
    of_kind,
    run_pipeline,
)

pytestmark = needs_ffmpeg
PSNR_MIN = 20
"""In dB, of each frame: what is a frame off, in moving pictures, is below."""


def frames_of(path: Path) -> list[Any]:
    shown = "frame=pts,pts_time,duration_time,key_frame,pict_type"
    probed = ffprobe("-select_streams", "v:0", "-show_entries", shown, path)
    frames: list[Any] = probed["frames"]
    return frames


def source_frames(finished: Finished) -> tuple[int, Fraction]:
    """How many frames, and how many a second."""
    counted = "stream=nb_read_packets,avg_frame_rate"
    probed = ffprobe("-count_packets", "-select_streams", "v", "-show_entries", counted,
                     finished.source)  # fmt: skip
    stream = probed["streams"][0]
    return int(stream["nb_read_packets"]), Fraction(stream["avg_frame_rate"])


def test_it_was_made_in_ranges_and_published(finished: Finished) -> None:
    (started,) = of_kind(finished.events, EncodingStarted)
    asked = [event.range for event in of_kind(finished.events, TranscodeStarted)]
    assert len(asked) == started.plan.items > 1 + len(started.plan.renditions)
    assert len(of_kind(finished.events, VideoPublished)) == 1
    assert finished.renditions == sorted(each.name for each in started.plan.renditions)


def test_every_file_that_a_playlist_names_is_there(finished: Finished) -> None:
    named = set()
    for playlist in finished.folder.rglob("*.m3u8"):
        for line in playlist.read_text().splitlines():
            found = re.search(r'URI="([^"]+)"', line)
            if found or not line.startswith("#"):
                named.add(playlist.parent / (found.group(1) if found else line))
    assert len(named) > 2 * len(finished.renditions)
    missing = [path for path in named if not path.is_file() or not path.stat().st_size]
    assert missing == []
    media = {*finished.folder.rglob("*.m4s"), *finished.folder.rglob("*.mp4")}
    assert media <= named


@pytest.mark.parametrize("manifest", ["main.m3u8", "manifest.mpd"])
def test_hls_and_dash_decode_whole_with_no_error(finished: Finished, manifest: str) -> None:
    path = finished.folder / manifest
    complaints = ffmpeg("-i", path, "-map", "0", "-f", "null", "-")
    assert complaints == ""
    counted = ffprobe("-count_frames", "-show_entries", "stream=codec_type,nb_read_frames", path)
    streams = counted["streams"]
    videos = [each["nb_read_frames"] for each in streams if each["codec_type"] == "video"]
    assert videos == [str(source_frames(finished)[0])] * len(finished.renditions)
    assert any(each["codec_type"] == "audio" for each in streams)


def test_frames_are_where_they_are_in_the_source_and_gops_begin_every_two_seconds(
    finished: Finished,
) -> None:
    count, rate = source_frames(finished)
    for rendition in finished.renditions:
        frames = frames_of(finished.folder / rendition / "media.m3u8")
        assert len(frames) == count
        off = [
            number
            for number, frame in enumerate(frames)
            if abs(Fraction(frame["pts_time"]) - number / rate) > Fraction(1, 100_000)
        ]
        assert off == []
        keys = [number for number, frame in enumerate(frames) if frame["key_frame"]]
        assert keys == list(range(0, count, round(2 * rate)))


def test_each_frame_shows_what_the_source_shows(finished: Finished, tmp_path: Path) -> None:
    """So no range is a frame early or late, nor begins with another's frames."""
    for rendition in finished.renditions:
        playlist, told = finished.folder / rendition / "media.m3u8", tmp_path / rendition
        counted = "settb=1/25,setpts=N"  # compare by number, whatever the source's times
        compared = (
            f"[0:v]{counted}[made];[1:v]{counted}[shown];"
            f"[shown][made]scale2ref[b][a];[a][b]psnr=stats_file={told}"
        )
        ffmpeg("-i", playlist, "-i", finished.source, "-lavfi", compared, "-f", "null", "-")
        each = [float(found) for found in re.findall(r"psnr_avg:([\d.]+|inf)", told.read_text())]
        assert len(each) == source_frames(finished)[0]
        assert min(each) > PSNR_MIN, f"{rendition}, frame {each.index(min(each))}"


def test_segments_are_cut_alike_in_all_renditions(finished: Finished) -> None:
    cuts = {
        rendition: re.findall(
            r"#EXTINF:([\d.]+),", (finished.folder / rendition / "media.m3u8").read_text()
        )
        for rendition in finished.renditions
    }
    first, *others = cuts.values()
    assert len(first) > 1
    assert all(other == first for other in others)
    audio = re.findall(r"#EXTINF:([\d.]+),", (finished.folder / AUDIO / "media.m3u8").read_text())
    assert len(audio) == len(first)
    begins = Fraction(0)
    for heard, seen in zip(audio[:-1], first[:-1], strict=True):
        begins += Fraction(heard) - Fraction(seen)
        assert 0 <= begins < Fraction(1024, 48_000), "the audio's cut is not at the video's"


def test_durations_are_right_within_a_frame(finished: Finished) -> None:
    count, rate = source_frames(finished)
    (packaged,) = of_kind(finished.events, EncodingPackaged)
    assert abs(Fraction(packaged.duration_us, 1_000_000) - count / rate) < 1 / rate
    for name in (*finished.renditions, AUDIO):
        text = (finished.folder / name / "media.m3u8").read_text()
        total = sum(map(Fraction, re.findall(r"#EXTINF:([\d.]+),", text)))
        assert abs(total - count / rate) < 1 / rate, name


def test_audio_has_no_gap_at_the_joins(finished: Finished) -> None:
    """One encoder made it all: each packet follows the one before, to the sample."""
    shown = "packet=pts,duration"
    playlist = finished.folder / AUDIO / "media.m3u8"
    packets = ffprobe("-show_entries", shown, playlist)["packets"]
    times = [int(packet["pts"]) for packet in packets]
    assert times == list(range(-1024, -1024 + 1024 * len(times), 1024))


def test_the_i_frame_playlist_plays_by_itself(finished: Finished) -> None:
    count, rate = source_frames(finished)
    for rendition in finished.renditions:
        playlist = finished.folder / rendition / "iframes.m3u8"
        assert ffmpeg("-i", playlist, "-f", "null", "-") == ""
        frames = frames_of(playlist)
        assert len(frames) == -(-count // round(2 * rate))
        assert all(frame["pict_type"] == "I" and frame["key_frame"] for frame in frames)


def test_pictures(finished: Finished) -> None:
    (started,) = of_kind(finished.events, EncodingStarted)
    for poster in ("poster-1.jpg", "poster-2.jpg", "poster-3.jpg"):
        size = ffprobe("-show_entries", "stream=width,height", finished.folder / poster)
        assert size["streams"] == [
            {"width": started.plan.source.width, "height": started.plan.source.height}
        ]
    shown = ffprobe("-show_entries", "stream=width,height", finished.folder / "sprite.jpg")
    cues = (finished.folder / "sprite.vtt").read_text()
    assert cues.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nsprite.jpg#xywh=0,0,")
    tiles = [tuple(map(int, cue)) for cue in re.findall(r"xywh=(\d+),(\d+),(\d+),(\d+)", cues)]
    assert len(set(tiles)) == len(tiles) > 2
    assert max(x + width for x, _, width, _ in tiles) == shown["streams"][0]["width"]
    assert max(y + height for _, y, _, height in tiles) == shown["streams"][0]["height"]


def test_a_broadcast_that_begins_at_some_time_or_other_is_cut_to_the_frame(tmp_path: Path) -> None:
    """A transport stream: times begin anywhere, sound before the picture, open GOPs of 5 s."""
    clip, broadcast = make_clip(tmp_path / "clip.mp4"), tmp_path / "broadcast.ts"
    coded = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-x264-params")
    opened = (*coded, "open-gop=1:keyint=150:scenecut=0", "-c:a", "aac")
    ffmpeg("-itsoffset", "0.5", "-i", clip, "-i", clip, "-map", "0:v", "-map", "1:a", *opened,
           "-output_ts_offset", "1234.5", broadcast)  # fmt: skip
    finished = run_pipeline(tmp_path, broadcast, SMALL)
    (started,) = of_kind(finished.events, EncodingStarted)
    assert started.plan.source.first_us > 1_234_000_000
    test_each_frame_shows_what_the_source_shows(finished, tmp_path)
    test_durations_are_right_within_a_frame(finished)
