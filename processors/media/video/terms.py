"""The words that commands, events and state of a video share. All numbers are integers.

Times are microseconds (`_us`) or milliseconds (`_ms`), rates are fractions of two integers, a
digest is the SHA-256 of bytes in the blob store, in lower-case hex.
"""

from enum import Enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

NAME_MAX: Final = 500
TEXT_MAX: Final = 1_000
Name = Annotated[str, Meta(max_length=NAME_MAX)]
"""Of a video, a user, a channel, a session: chosen by the client."""
Text = Annotated[str, Meta(max_length=TEXT_MAX)]
Job = Annotated[str, Meta(max_length=2 * NAME_MAX)]
"""Of a range to be transcoded: made of its video's name."""
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Number = Annotated[int, Meta(ge=0, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""Frames, segments, pixels, parts of a second."""

AUDIO: Final = "audio"
"""The name of the rendition that is heard."""


class Blob(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Bytes in the blob store: on the log a pair, `["ab12...", 4711]`."""

    digest: Digest
    size: Number


class File(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A blob, and the path that players know it by."""

    path: Name
    digest: Digest
    size: Number


class Step(Enum):
    """What the outside does for a video."""

    PROBE = "probe"
    PICTURES = "pictures"
    TRANSCODE = "transcode"
    PACKAGE = "package"
    RELEASE = "release"
    """Look up which blobs are needed no more."""


class Rung(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One step of a ladder: the shorter side of the picture in pixels, and the most bits per
    second that its video may take (for up to 30 frames per second; half as much again above)."""

    short_side: Count
    bits_per_s_max: Count


class Ladder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What to make of a source: its rungs, and how it is cut.

    A group of pictures (GOP) is 2 s, a segment some of those, a range some segments: what one
    worker transcodes in one go.
    """

    rungs: tuple[Rung, ...]
    segment_gops: Count = 3
    range_segments: Count = 10


class Source(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the probe found in the uploaded file."""

    width: Count
    """As shown: turned upright, with square pixels."""
    height: Count
    rate_num: Count
    """The average frame rate is rate_num / rate_den a second."""
    rate_den: Count
    duration_us: Number
    """Of the video stream."""
    first_pts: Annotated[int, Meta(ge=-(2**62), le=2**62)] = 0
    """When the video begins, in its stream's own ticks ..."""
    first_us: Annotated[int, Meta(ge=-(2**53), le=2**53)] = 0
    """... and in microseconds."""
    has_audio: bool = False


class Rendition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A video of the ladder as it is to be made of one source."""

    name: Name
    width: Count
    height: Count
    bits_per_s_max: Count


class VideoRange(msgspec.Struct, frozen=True, kw_only=True, tag="video", gc=False):
    """Some segments of one rendition: frames `first_frame` and on, as the rendition counts."""

    rendition: Rendition
    rate_num: Count
    rate_den: Count
    first_pts: Annotated[int, Meta(ge=-(2**62), le=2**62)]
    first_frame: Number
    frames: Number
    """The last range of a video has as many as the source still gives."""
    is_last: bool
    gop_frames: Count
    segment_gops: Count


class AudioRange(msgspec.Struct, frozen=True, kw_only=True, tag="audio", gc=False):
    """All the audio, in one go: cut anywhere, an encoder would begin anew, and be heard to."""

    first_us: Annotated[int, Meta(ge=-(2**53), le=2**53)]
    """The video's first frame in the source's time: audio is cut, or filled up, to the video."""
    duration_us: Number
    segment_us: Number


Range = VideoRange | AudioRange


class RangeRecords(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rendition that is transcoded: what the packager is told. A record is a blob that says what
    one range's segments are (`records.py`)."""

    rendition: Name
    records: tuple[Digest, ...]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What an encoding, or the pictures, are made of: a blob of JSON. It names all but itself."""

    files: tuple[File, ...]
    records: tuple[Digest, ...] = ()


class Variant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rendition as its playlists say it, all of it measured."""

    rendition: Name
    bandwidth: Number
    """The peak, in bits per second."""
    average_bandwidth: Number
    codecs: Name
    width: Count = 0
    height: Count = 0
