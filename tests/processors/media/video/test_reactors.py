"""Between keys and systems: an upload becomes a video, ranges become jobs and come back."""

from pathlib import Path
from typing import Any

import pytest

from log.backends.file import FileLog
from log.interface import Log
from processors.core.appender import Appender
from processors.core.system import System
from processors.core.workers.embedded import Worker
from processors.media.blobs import FolderBlobs, pieces
from processors.media.uploads import SYSTEM as UPLOADS
from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    HoldBlob,
    ReleaseBlob,
    SetPolicy,
    TerminateUpload,
)
from processors.media.uploads.events import FileStored
from processors.media.uploads.terms import Holder, Policy
from processors.media.video import SYSTEM
from processors.media.video.commands import CreateVideo, TakeDownVideo, WithdrawTranscode
from processors.media.video.events import VideoPublished, VideoTakenDown
from processors.media.video.reactors import CREATION, HOLDS, JOBS
from processors.media.video.terms import NAME_MAX
from tests.processors.media.video.pipeline import (
    events_of,
    needs_ffmpeg,
    of_kind,
    settings,
)

DIGEST = "ab" * 32


def stored(**metadata: str) -> FileStored:
    return FileStored(owner="ada", upload="u1", number=3, digest=DIGEST, size=9, metadata=metadata)


def test_a_file_that_says_that_it_is_a_video_becomes_one() -> None:
    (made,) = CREATION.on[FileStored](stored(filetype="video/mp4", filename="a.mp4"), 5)
    assert isinstance(made, CreateVideo)
    assert (made.video, made.user, made.channel) == ("ada/u1/3", "ada", "ada")
    assert (made.title, made.source, made.source_bytes) == ("a.mp4", DIGEST, 9)


def test_a_title_and_a_channel_may_be_given_and_are_not_too_long() -> None:
    told = {"filetype": "video/webm", "channel": "c" * 2000, "title": "Big Buck Bunny"}
    (made,) = CREATION.on[FileStored](stored(**told), 5)
    assert (made.title, len(made.channel)) == ("Big Buck Bunny", NAME_MAX)


@pytest.mark.parametrize("metadata", [{}, {"filetype": "image/png"}, {"filename": "a.mp4"}])
def test_any_other_file_does_not(metadata: dict[str, str]) -> None:
    assert list(CREATION.on[FileStored](stored(**metadata), 5)) == []


def test_what_is_taken_down_withdraws_its_jobs_and_lets_its_source_go() -> None:
    gone = VideoTakenDown(video="v", source=DIGEST, reason="r", jobs=("1/240p/0/v", "1/240p/1/v"))
    withdrawn = list(JOBS.on[VideoTakenDown](gone, 5))
    assert withdrawn == [WithdrawTranscode(job=name) for name in gone.jobs]
    (released,) = HOLDS.on[VideoTakenDown](gone, 5)
    assert isinstance(released, ReleaseBlob) and released.digest == DIGEST


class Both:
    """Uploads and videos on one log, with one blob store."""

    def __init__(self, log: Log, blobs: FolderBlobs) -> None:
        self.log = log
        self.outside = {
            **settings(blobs.root),
            "media.uploads.store": {"blobs": str(blobs.root)},
        }

    def do(self, system: System, command: Any) -> dict[str, list[str]]:
        """Until all is quiet; who holds which blob then."""
        appender = Appender(self.log, system)
        appender.add(command)
        appender.flush()
        with Worker(self.log, [UPLOADS, SYSTEM], settings=self.outside) as worker:
            worker.run(until_idle=True)
            states = [task.fold.state for task in worker.tasks if task.system is UPLOADS]
        return {
            digest: [holder.system for holder in entry.holders]
            for state in states
            for digest, entry in state.blobs.items()
        }


@needs_ffmpeg
def test_an_upload_is_published_and_once_it_is_taken_down_nothing_is_left(
    clip: Path, tmp_path: Path
) -> None:
    """By the rules of uploads: hold the bytes, put them, and name them."""
    blobs = FolderBlobs(tmp_path / "blobs")
    with clip.open("rb") as file:
        blob = blobs.put(pieces(file))
    holder = Holder(system=UPLOADS.name, owner="ada", name="u1", number=1)
    metadata = {"filetype": "video/mp4", "title": "A clip"}
    upload = CreateUpload(owner="ada", upload="u1", length=blob.size, metadata=metadata)
    chunk = AppendChunk(
        owner="ada", upload="u1", number=1, offset=0, size=blob.size, digest=blob.digest
    )
    video = "ada/u1/1"
    with FileLog(tmp_path / "log") as log:
        both = Both(log, blobs)
        both.do(UPLOADS, SetPolicy(policy=Policy(sweep_after_ms=0)))
        both.do(UPLOADS, upload)
        both.do(UPLOADS, HoldBlob(digest=blob.digest, holder=holder))
        held = both.do(UPLOADS, chunk)
        (published,) = of_kind(list(events_of(log)), VideoPublished)
        assert published.video == video
        assert held.pop(blob.digest) == ["media.uploads", "media.video"]
        assert set(held) == {*blobs.digests()} - {blob.digest}, "all that was made is held"
        assert set(map(tuple, held.values())) == {("media.video",)}
        both.do(UPLOADS, TerminateUpload(owner="ada", upload="u1"))
        both.do(SYSTEM, TakeDownVideo(video=video, reason="of its owner"))
        assert list(blobs.digests()) == []
