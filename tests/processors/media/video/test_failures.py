"""What cannot be encoded fails for good, with a reason; what may do better is tried again; and no
ffmpeg outlives those who wait for it."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from log.backends.file import FileLog
from processors.core.effect import Refused
from processors.core.workers.embedded import Worker
from processors.media.blobs import FolderBlobs
from processors.media.video import SYSTEM
from processors.media.video.commands import ReencodeVideo
from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingStarted,
    TranscodeWithdrawn,
    VideoFailed,
    VideoPublished,
    VideoRejected,
)
from processors.media.video.outside.programs import ProgramFailed, output_of
from processors.media.video.terms import Step
from tests.processors.media.video.hls_checker import check
from tests.processors.media.video.pipeline import (
    SMALL,
    VIDEO,
    append,
    create,
    events_of,
    ffmpeg,
    needs_ffmpeg,
    of_kind,
    run_pipeline,
    settings,
)

pytestmark = needs_ffmpeg


def failure(folder: Path, source: Path) -> VideoFailed:
    events = run_pipeline(folder, source, SMALL).events
    (failed,) = of_kind(events, VideoFailed)
    assert of_kind(events, VideoPublished) == []
    return failed


def test_what_is_no_media_fails_at_the_probe(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(random.Random(1).randbytes(10_000))
    failed = failure(tmp_path, tmp_path / "noise")
    assert failed.step is Step.PROBE and "Invalid data found" in failed.reason


def test_what_holds_no_picture_fails_at_the_probe(tmp_path: Path) -> None:
    tone = tmp_path / "tone.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", tone)
    failed = failure(tmp_path, tone)
    assert failed.step is Step.PROBE and "no video stream" in failed.reason


def test_a_source_that_breaks_off_fails_when_its_frames_are_missing(
    clip: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "+faststart", whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 5])
    events = run_pipeline(tmp_path, cut, SMALL).events
    (failed,) = of_kind(events, EncodingFailed)
    assert failed.step is Step.TRANSCODE and "cut short" in failed.reason
    assert len(of_kind(events, VideoFailed)) == 1
    withdrawn = {event.job for event in of_kind(events, TranscodeWithdrawn)}
    assert withdrawn <= set(failed.jobs)


def test_a_blob_that_is_not_there_fails_in_the_end(clip: Path, tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    command = create(blobs, clip, SMALL)
    blobs.delete(command.source, blobs.stamps(command.source))
    with FileLog(tmp_path / "log") as log:
        append(log, command, ReencodeVideo(video=VIDEO))
        with Worker(log, [SYSTEM], settings=settings(blobs.root)) as worker:
            worker.run(until_idle=True)
        events = list(events_of(log))
    (failed,) = of_kind(events, VideoFailed)
    assert failed.reason.startswith("BlobMissing: ")
    assert len(of_kind(events, VideoRejected)) == 1, "there is nothing to encode again"


def test_an_upright_clip_without_sound_is_turned_and_keeps_the_rules(tmp_path: Path) -> None:
    lying, upright = tmp_path / "lying.mp4", tmp_path / "upright.mp4"
    picture = "testsrc2=size=320x180:rate=25:duration=3"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", lying)
    ffmpeg("-i", lying, "-c", "copy", "-metadata:s:v", "rotate=90", upright)
    finished = run_pipeline(tmp_path, upright, SMALL)
    (started,) = of_kind(finished.events, EncodingStarted)
    sizes = [(each.width, each.height) for each in started.plan.renditions]
    assert sizes == [(120, 214), (180, 320)]
    assert len(of_kind(finished.events, EncodingPackaged)) == 1
    assert not (finished.folder / "audio").exists()
    assert check(finished.folder) == []


def test_what_browsers_record_says_no_duration_and_is_measured(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.webm"
    picture = "testsrc2=size=160x120:rate=30:duration=3"
    with recorded.open("wb") as file:
        file.write(_webm_off_a_pipe(picture))
    finished = run_pipeline(tmp_path, recorded, SMALL)
    (packaged,) = of_kind(finished.events, EncodingPackaged)
    assert packaged.duration_us == 3_000_000
    assert check(finished.folder) == []


def _webm_off_a_pipe(picture: str) -> bytes:
    """Who writes into a pipe cannot go back and say how long it was."""
    command = ("ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "libvpx")
    return asyncio.run(output_of(*command, "-deadline", "realtime", "-f", "webm", "pipe:1"))


def test_who_waits_no_longer_leaves_no_process(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    script = f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 60"

    async def give_up() -> None:
        waits = asyncio.create_task(output_of("sh", "-c", script))
        while not told.exists():
            await asyncio.sleep(0.01)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    asyncio.run(give_up())
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo broken >&2; exit 1", Refused),
        ("echo 'No space left on device' >&2; exit 1", ProgramFailed),
        ("kill -9 $$", ProgramFailed),
        ("head -c 3000000 /dev/zero >&2; exit 1", Refused),
    ],
)
def test_what_is_final_and_what_is_not(script: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        asyncio.run(output_of("sh", "-c", script))
