"""What is published keeps the rules of HLS; and the checker that says so finds what breaks one."""

import re
import shutil
from pathlib import Path

import pytest

from tests.processors.media.video.hls_checker import check
from tests.processors.media.video.pipeline import Finished, needs_ffmpeg

pytestmark = needs_ffmpeg


def test_every_rule_is_kept(finished: Finished) -> None:
    assert check(finished.folder) == []


BROKEN = [
    ("main.m3u8", r"#EXTM3U\n", "", "header"),
    ("main.m3u8", r"AVERAGE-BANDWIDTH=(\d)", r"AVERAGE-BANDWIDTH=9\1", "bandwidth"),
    ("main.m3u8", r"INF:BANDWIDTH=\d+", "INF:BANDWIDTH=1000", "bandwidth"),
    ("main.m3u8", r"FRAME-RATE=[\d.]+,", "", "attributes"),
    ("main.m3u8", r"RESOLUTION=\d+x", "RESOLUTION=1x", "resolution"),
    ("main.m3u8", r"avc1\.", "avc1.6", "codecs"),
    ("main.m3u8", r",CLOSED-CAPTIONS=NONE", "", "captions"),
    ("main.m3u8", r'GROUP-ID="audio"', 'GROUP-ID="other"', "group"),
    ("main.m3u8", r"#EXT-X-I-FRAME-STREAM-INF.*\n", "", "trick play"),
    ("main.m3u8", r"#EXT-X-INDEPENDENT-SEGMENTS\n", "", "independent"),
    ("*/media.m3u8", r"#EXT-X-VERSION:7", "#EXT-X-VERSION:3", "version"),
    ("*/media.m3u8", r"#EXT-X-ENDLIST\n", "", "on demand"),
    ("*/media.m3u8", r"TARGETDURATION:\d", "TARGETDURATION:1", "target"),
    ("audio/media.m3u8", r"TARGETDURATION:\d", "TARGETDURATION:9", "target"),
    ("*/media.m3u8", r"segment-00002", "segment-90002", "segment"),
    ("120p/media.m3u8", r"EXTINF:2.00", "EXTINF:1.99", "alignment"),
    ("*/iframes.m3u8", r"BYTERANGE:(\d+)@0", r"BYTERANGE:\1@9", "IDR"),
    ("*/iframes.m3u8", r"#EXT-X-I-FRAMES-ONLY\n", "", "trick play"),
]


@pytest.mark.parametrize(("where", "pattern", "instead", "rule"), BROKEN)
def test_the_checker_finds_what_breaks_a_rule(
    finished_clip: Finished, tmp_path: Path, where: str, pattern: str, instead: str, rule: str
) -> None:
    shutil.copytree(finished_clip.folder, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob(where):
        path.write_text(re.sub(pattern, instead, path.read_text()))
    assert rule in {found.partition(":")[0] for found in check(tmp_path)}


def test_the_checker_finds_a_segment_that_does_not_begin_with_an_idr_frame(
    finished_clip: Finished, tmp_path: Path
) -> None:
    shutil.copytree(finished_clip.folder, tmp_path, dirs_exist_ok=True)
    segment = next(path for path in sorted(tmp_path.glob("*p/segment-00002.m4s")))
    data = segment.read_bytes()
    idr_bytes = sum(int.from_bytes(data[at : at + 4], "big") for at in (0, _size_of(data)))
    segment.write_bytes(data[idr_bytes:])
    assert any(found.startswith("IDR: ") for found in check(tmp_path))


def _size_of(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")
