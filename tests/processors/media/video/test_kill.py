"""Two workers share a film; one is killed with a range half done. The film is finished, no range
that was done is done again, and what is published is what one worker alone would have made."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from log.backends.file import FileLog
from log.interface import Log
from processors.media.blobs import FolderBlobs
from processors.media.video.events import (
    EncodingPackaged,
    TranscodeFinished,
    TranscodeStarted,
    VideoPublished,
)
from processors.media.video.terms import VideoRange
from tests.processors.media.video.pipeline import (
    SMALL,
    Finished,
    append,
    create,
    events_of,
    needs_ffmpeg,
    of_kind,
)

pytestmark = needs_ffmpeg
ROOT = Path(__file__).parents[4]
PATIENCE_S = 120
LADDER = msgspec.structs.replace(SMALL, range_segments=1)
WRAPPER = """#!/bin/sh
# Notes each range; where HANGS_AT is a folder, the second that comes here gets nowhere.
case "$*" in
*libx264*|*aac*)
    echo "$*" >> {starts}
    if [ -n "$HANGS_AT" ] && ! mkdir "$HANGS_AT/first" 2>/dev/null; then
        if mkdir "$HANGS_AT/second" 2>/dev/null; then exec sleep {patience}; fi
    fi;;
esac
exec ffmpeg "$@"
"""


@contextmanager
def worker(
    folder: Path, *partitions: int, hangs: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """It, and all that it started, are gone at the end."""
    arguments = [folder / "log", folder / "blobs", folder / "ffmpeg", *partitions]
    module = "tests.processors.media.video.worker_process"
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "HANGS_AT": str(folder) if hangs else ""},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(log: Log, there: Callable[[list[Any]], bool]) -> list[Any]:
    until = time.monotonic() + PATIENCE_S
    while not there(events := list(events_of(log))):
        assert time.monotonic() < until, [type(event).__name__ for event in events]
        time.sleep(0.1)
    return events


def place_of(command: str) -> tuple[str, ...]:
    """Which range an ffmpeg is told to make."""
    found = re.search(r"start_pts=(\d+)\D.*scale=(\d+:\d+)", command)
    return found.groups() if found else ("audio",)


def place_of_job(event: TranscodeStarted) -> tuple[str, ...]:
    work = event.range
    if not isinstance(work, VideoRange):
        return ("audio",)
    return str(work.first_frame), f"{work.rendition.width}:{work.rendition.height}"


def test_a_killed_worker_is_resumed_and_not_restarted(
    clip: Path, finished_clip: Finished, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(WRAPPER.format(starts=starts, patience=PATIENCE_S))
    wrapper.chmod(0o755)
    blobs = FolderBlobs(tmp_path / "blobs")
    with FileLog(tmp_path / "log") as log:
        append(log, create(blobs, clip, LADDER))
        with worker(tmp_path, 0, 1, hangs=True) as killed, worker(tmp_path, 2, 3):
            asked = 1 + 2 * len(range(0, 7, 2))
            wait_until(
                log,
                lambda events: (
                    len(of_kind(events, TranscodeFinished)) == asked - 1
                    and (tmp_path / "second").exists()
                ),
            )
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
            before = list(events_of(log))
            with worker(tmp_path, 0, 1):
                events = wait_until(log, lambda events: bool(of_kind(events, VideoPublished)))
    done = {event.job for event in of_kind(before, TranscodeFinished)}
    jobs = {event.job: place_of_job(event) for event in of_kind(events, TranscodeStarted)}
    made = Counter(map(place_of, starts.read_text().splitlines()))
    assert len(done) == len(jobs) - 1 == asked - 1
    assert all(made[place] == (1 if job in done else 2) for job, place in jobs.items()), made
    assert Counter(event.job for event in of_kind(events, TranscodeFinished)) == dict.fromkeys(
        jobs, 1
    )
    (packaged,) = of_kind(events, EncodingPackaged)
    (alone,) = of_kind(finished_clip.events, EncodingPackaged)
    # Cut into other ranges, so not the same bytes, but the same film.
    assert packaged.duration_us == alone.duration_us
    assert [file.path for file in packaged.files] == [file.path for file in alone.files]
