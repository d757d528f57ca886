"""The whole pipeline on a film, for tests: a log in a folder, an embedded worker, real ffmpeg."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from log.backends.file import FileLog
from log.interface import Log
from processors.core.appender import Appender
from processors.core.testing.subject import records
from processors.core.workers.embedded import Worker
from processors.media.blobs import FolderBlobs, pieces
from processors.media.video import SYSTEM
from processors.media.video.commands import CreateVideo
from processors.media.video.delivery import files_of, lay_out
from processors.media.video.events import EncodingPackaged, PicturesMade
from processors.media.video.ladder import DEFAULT_LADDER
from processors.media.video.terms import Ladder, Rung

BIG_BUCK_BUNNY = (
    Path(__file__).parents[4].parent
    / "shared"
    / "data"
    / "media"
    / "big-buck-bunny-480p-30sec.mp4"
)
"""Not part of the project; the tests on it are skipped without it."""
VIDEO = "film"
SMALL = Ladder(
    rungs=(
        Rung(short_side=120, bits_per_s_max=200_000),
        Rung(short_side=180, bits_per_s_max=400_000),
        Rung(short_side=360, bits_per_s_max=900_000),
    ),
    segment_gops=1,
    range_segments=2,
)
FILMED = msgspec.structs.replace(DEFAULT_LADDER, range_segments=2)
Kind = TypeVar("Kind")

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None,
    reason="there is no ffmpeg: install Debian's package",
)


def ffmpeg(*arguments: str | Path) -> str:
    """Runs it; what it complained of. CalledProcessError where it failed."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def ffprobe(*arguments: str | Path) -> Any:
    command = ["ffprobe", "-v", "error", "-of", "json", *map(str, arguments)]
    return msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout)


def make_clip(path: Path, seconds: int = 7) -> Path:
    """320 x 180, 29.97 frames a second, each of them another picture; a tone of 44.1 kHz."""
    picture = f"testsrc2=size=320x180:rate=30000/1001:duration={seconds}"
    tone = f"sine=duration={seconds}:sample_rate=44100"
    fast = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "100", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *fast, "-c:a", "aac", path)
    return path


def settings(blobs: Path, **other: str) -> Mapping[str, Mapping[str, str]]:
    each = {"uploads": str(blobs), "blobs": str(blobs), "preset": "ultrafast", **other}
    return {f"{SYSTEM.name}.{effect.name}": each for effect in SYSTEM.effects}


def create(blobs: FolderBlobs, path: Path, ladder: Ladder) -> CreateVideo:
    with path.open("rb") as file:
        blob = blobs.put(pieces(file))
    return CreateVideo(
        video=VIDEO,
        user="ada",
        channel="films",
        source=blob.digest,
        source_bytes=blob.size,
        ladder=ladder,
    )


def append(log: Log, *commands: Any) -> None:
    appender = Appender(log, SYSTEM)
    for command in commands:
        appender.add(command)
    appender.flush()


def events_of(log: Log) -> Iterator[Any]:
    """All events of videos, partition by partition."""
    partitions = SYSTEM.ensure_topics(log)
    decode = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic]).decode
    for number in range(partitions):
        for record in records(log, SYSTEM.events_topic, number):
            yield decode(record.value or b"")


def of_kind(events: list[Any], kind: type[Kind]) -> list[Kind]:
    return [event for event in events if type(event) is kind]


@dataclass(frozen=True)
class Finished:
    """A film that was encoded."""

    source: Path
    events: list[Any]
    blobs: FolderBlobs
    folder: Path
    """Its files, as a web server would serve them."""

    @property
    def renditions(self) -> list[str]:
        """Of its video."""
        return sorted(path.parent.name for path in self.folder.glob("*/iframes.m3u8"))


def run_pipeline(folder: Path, source: Path, ladder: Ladder) -> Finished:
    """From the upload to what is published."""
    blobs = FolderBlobs(folder / "blobs")
    with FileLog(folder / "log") as log:
        append(log, create(blobs, source, ladder))
        with Worker(log, [SYSTEM], settings=settings(blobs.root)) as worker:
            worker.run(until_idle=True)
        events = list(events_of(log))
    for packaged in of_kind(events, EncodingPackaged):
        lay_out(blobs, files_of(blobs, packaged.listing.digest), folder / "served")
    for made in of_kind(events, PicturesMade):
        lay_out(blobs, made.files, folder / "served")
    return Finished(source, events, blobs, folder / "served")
