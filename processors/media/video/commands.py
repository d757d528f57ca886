"""What is asked of videos: by people, by the effects' answers, and by the reactors.

A command concerns a *video*, or a *job*: one range of one rendition, which stands on a partition
of its own so that a long video is the work of many workers. Units as in `terms.py`.
"""

from log.envelope import Command
from processors.media.video.ladder import DEFAULT_LADDER
from processors.media.video.terms import (
    Blob,
    Count,
    Digest,
    File,
    Job,
    Ladder,
    Name,
    Number,
    Range,
    Source,
    Step,
    Text,
    Variant,
)


class CreateVideo(Command, tag="create_video.v1", kw_only=True):
    """A file is uploaded: make a video of it."""

    video: Name
    user: Name
    """Whose storage it counts to."""
    channel: Name
    title: Text = ""
    source: Digest
    source_bytes: Number
    ladder: Ladder = DEFAULT_LADDER


class ReencodeVideo(Command, tag="reencode_video.v1", kw_only=True):
    """Encode it again, beside what is there, which is served until the new one is whole."""

    video: Name
    ladder: Ladder = DEFAULT_LADDER


class HoldVideo(Command, tag="hold_video.v1", kw_only=True):
    """The moderator's: nobody is to see it until it is released. It may come at any time."""

    video: Name
    reason: Text


class ReleaseVideo(Command, tag="release_video.v1", kw_only=True):
    video: Name


class TakeDownVideo(Command, tag="take_down_video.v1", kw_only=True):
    """Gone for good: what is on its way is called off. The name is not free again."""

    video: Name
    reason: Text


class ViewVideo(Command, tag="view_video.v1", kw_only=True):
    """A player plays it. A session counts once a window (`views.py`)."""

    video: Name
    session: Name


class RecordProbe(Command, tag="record_probe.v1", kw_only=True):
    """The probe's answer."""

    video: Name
    facts: Source


class RecordPictures(Command, tag="record_pictures.v1", kw_only=True):
    """The answer of who makes thumbnails and sprite."""

    video: Name
    listing: Blob
    files: tuple[File, ...]


class RecordRange(Command, tag="record_range.v1", kw_only=True):
    """A job of the video is done: from its partition, by the reactor."""

    video: Name
    encoding: Count
    item: Count
    record: Digest
    init: Blob | None = None
    segments: tuple[Blob, ...] = ()


class RecordPackage(Command, tag="record_package.v1", kw_only=True):
    """The packager's answer: playlists and manifest, and what they say of each rendition."""

    video: Name
    encoding: Count
    listing: Blob
    """A blob that names all files of the encoding, by path and digest."""
    files: tuple[File, ...]
    """Playlists and manifest; the segments' are known."""
    variants: tuple[Variant, ...]
    duration_us: Number


class RecordDropped(Command, tag="record_dropped.v1", kw_only=True):
    """What was dropped is these blobs; and, of an encoding, what these records name."""

    video: Name
    encoding: Count
    part: Count
    digests: tuple[Digest, ...]
    records: tuple[Digest, ...] = ()


class FailStep(Command, tag="fail_step.v1", kw_only=True):
    """What the outside was asked for will not succeed."""

    video: Name
    step: Step
    encoding: Count = 0
    item: Count = 0
    """Of a range; of what is to be released, the part."""
    reason: Text


class StartTranscode(Command, tag="start_transcode.v1", kw_only=True):
    """A range is to be transcoded; by the reactor, from the video's partition to the job's."""

    job: Job
    video: Name
    encoding: Count
    item: Count
    source: Digest
    range: Range


class FinishTranscode(Command, tag="finish_transcode.v1", kw_only=True):
    """The transcoder's answer. `init` is None where the range turned out to have no frame."""

    job: Job
    record: Digest
    init: Blob | None = None
    segments: tuple[Blob, ...] = ()


class FailTranscode(Command, tag="fail_transcode.v1", kw_only=True):
    job: Job
    reason: Text


class WithdrawTranscode(Command, tag="withdraw_transcode.v1", kw_only=True):
    """Nobody waits for the job any more."""

    job: Job


VideoCommand = (
    CreateVideo
    | ReencodeVideo
    | HoldVideo
    | ReleaseVideo
    | TakeDownVideo
    | ViewVideo
    | RecordProbe
    | RecordPictures
    | RecordRange
    | RecordPackage
    | RecordDropped
    | FailStep
    | StartTranscode
    | FinishTranscode
    | FailTranscode
    | WithdrawTranscode
)
COMMANDS: tuple[type[Command], ...] = VideoCommand.__args__
