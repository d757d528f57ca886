"""What happened to videos. Units as in `terms.py`.

An encoding is one run of a ladder over the source: number 1 is the first, a re-encode the next.
"""

from enum import Enum

from log.envelope import Event
from processors.media.video.ladder import Plan
from processors.media.video.terms import (
    Blob,
    File,
    Ladder,
    Range,
    RangeRecords,
    Source,
    Step,
    Variant,
)


class RejectCode(Enum):
    UNKNOWN_VIDEO = "unknown_video"
    DUPLICATE_VIDEO = "duplicate_video"
    INVALID_LADDER = "invalid_ladder"
    WRONG_STATUS = "wrong_status"
    NOT_TO_BE_SEEN = "not_to_be_seen"


class VideoRejected(Event, tag="video_rejected.v1", kw_only=True):
    """A command changed nothing: why, and which field is at fault."""

    video: str
    code: RejectCode
    field: str
    reason: str


class VideoCreated(Event, tag="video_created.v1", kw_only=True):
    """The probe's request."""

    video: str
    user: str
    channel: str
    title: str = ""
    source: str
    source_bytes: int
    ladder: Ladder


class SourceProbed(Event, tag="source_probed.v1", kw_only=True):
    """Thumbnails and sprite are asked for by it."""

    video: str
    source: str
    facts: Source


class EncodingStarted(Event, tag="encoding_started.v1", kw_only=True):
    video: str
    encoding: int
    plan: Plan


class RangeRequested(Event, tag="range_requested.v1", kw_only=True):
    """Becomes a job on the partition that `job` falls on."""

    video: str
    encoding: int
    item: int
    job: str
    source: str
    range: Range


class RangeTranscoded(Event, tag="range_transcoded.v1", kw_only=True):
    """The segments of a range, in order. Their numbers go on from the ranges before."""

    video: str
    encoding: int
    item: int
    rendition: str
    first_segment: int
    record: str
    init: Blob | None = None
    segments: tuple[Blob, ...] = ()


class PackageRequested(Event, tag="package_requested.v1", kw_only=True):
    video: str
    encoding: int
    renditions: tuple[RangeRecords, ...]
    rate_num: int
    rate_den: int


class EncodingPackaged(Event, tag="encoding_packaged.v1", kw_only=True):
    """From here on it is the one that is served."""

    video: str
    encoding: int
    listing: Blob
    files: tuple[File, ...]
    variants: tuple[Variant, ...]
    duration_us: int
    previous: int = 0
    """The encoding that was served until now; 0: none."""
    retires_at_ms: int = 0
    """When that goes, as players may still be in the middle of it."""


class EncodingRetired(Event, tag="encoding_retired.v1", kw_only=True):
    video: str
    encoding: int


class EncodingFailed(Event, tag="encoding_failed.v1", kw_only=True):
    """What was served is served on."""

    video: str
    encoding: int
    step: Step
    reason: str
    jobs: tuple[str, ...] = ()
    """Those that were on their way: called off."""


class PicturesMade(Event, tag="pictures_made.v1", kw_only=True):
    video: str
    listing: Blob
    files: tuple[File, ...]


class PicturesFailed(Event, tag="pictures_failed.v1", kw_only=True):
    """The video goes without."""

    video: str
    reason: str


class FilesDropped(Event, tag="files_dropped.v1", kw_only=True):
    """Nobody needs the files of an encoding (0: the pictures) any more: which blobs are they?
    Part 0 is told by a listing, which leads to the other parts, each some records."""

    video: str
    encoding: int
    part: int
    listing: str = ""
    records: tuple[str, ...] = ()


class FilesReleased(Event, tag="files_released.v1", kw_only=True):
    """These are swept, unless somebody else holds them."""

    video: str
    encoding: int
    part: int
    digests: tuple[str, ...]


class FilesLeft(Event, tag="files_left.v1", kw_only=True):
    """Nobody could tell which blobs they are: they stay."""

    video: str
    encoding: int
    part: int
    reason: str


class VideoPublished(Event, tag="video_published.v1", kw_only=True):
    video: str


class VideoFailed(Event, tag="video_failed.v1", kw_only=True):
    """There is nothing to be served."""

    video: str
    step: Step
    reason: str


class VideoHeld(Event, tag="video_held.v1", kw_only=True):
    video: str
    reason: str


class VideoReleased(Event, tag="video_released.v1", kw_only=True):
    video: str


class VideoTakenDown(Event, tag="video_taken_down.v1", kw_only=True):
    video: str
    source: str
    reason: str
    jobs: tuple[str, ...] = ()
    """As in EncodingFailed."""


class ViewCounted(Event, tag="view_counted.v1", kw_only=True):
    video: str
    session: str
    at_ms: int


class TranscodeStarted(Event, tag="transcode_started.v1", kw_only=True):
    """The transcoder's request."""

    job: str
    video: str
    encoding: int
    item: int
    source: str
    range: Range


class TranscodeFinished(Event, tag="transcode_finished.v1", kw_only=True):
    job: str
    video: str
    encoding: int
    item: int
    record: str
    init: Blob | None = None
    segments: tuple[Blob, ...] = ()


class TranscodeFailed(Event, tag="transcode_failed.v1", kw_only=True):
    job: str
    video: str
    encoding: int
    item: int
    reason: str


class TranscodeWithdrawn(Event, tag="transcode_withdrawn.v1", kw_only=True):
    job: str


VideoEvent = (
    VideoRejected
    | VideoCreated
    | SourceProbed
    | EncodingStarted
    | RangeRequested
    | RangeTranscoded
    | PackageRequested
    | EncodingPackaged
    | EncodingRetired
    | EncodingFailed
    | PicturesMade
    | PicturesFailed
    | FilesDropped
    | FilesReleased
    | FilesLeft
    | VideoPublished
    | VideoFailed
    | VideoHeld
    | VideoReleased
    | VideoTakenDown
    | ViewCounted
    | TranscodeStarted
    | TranscodeFinished
    | TranscodeFailed
    | TranscodeWithdrawn
)
EVENTS: tuple[type[Event], ...] = VideoEvent.__args__
