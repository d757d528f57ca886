"""How each video stands, and what a channel shows: the status with its progress, and the list of
what can be seen, latest first."""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingStarted,
    RangeTranscoded,
    VideoCreated,
    VideoFailed,
    VideoHeld,
    VideoPublished,
    VideoReleased,
    VideoTakenDown,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables


class VideoStatus(msgspec.Struct, gc=False):
    video: str
    user: str
    channel: str
    title: str
    status: str
    """probing, encoding, ready, published, failed, taken_down"""
    created_at_ms: int
    published_at_ms: int = 0
    """0: not yet."""
    is_held: bool = False
    reason: str = ""
    """Of a hold or a takedown, or of the last failure."""
    served: int = 0
    """The encoding that is played; 0: none."""
    encoding: int = 0
    """The encoding that is on its way; 0: none."""
    ranges_done: int = 0
    ranges: int = 0
    percent: int = 0
    """Of the encoding that is on its way; 100: there is none, as it is done."""
    duration_us: int = 0


class ChannelVideo(msgspec.Struct, gc=False):
    """One that everybody can see."""

    channel: str
    published_at_ms: int
    video: str
    title: str
    duration_us: int


VIDEOS = Table("videos", VideoStatus, key=("video",))
CHANNEL_VIDEOS = Table("channel_videos", ChannelVideo, key=("channel", "published_at_ms", "video"))


def _started(row: VideoStatus, event: EncodingStarted, at_ms: int) -> None:
    row.encoding, row.ranges_done, row.percent = event.encoding, 0, 0
    row.ranges = event.plan.items
    if not row.served:
        row.status, row.reason = "encoding", ""


def _transcoded(row: VideoStatus, event: RangeTranscoded, at_ms: int) -> None:
    row.ranges_done += 1
    row.percent = 99 * row.ranges_done // row.ranges  # packaging is the last of a hundred


def _packaged(row: VideoStatus, event: EncodingPackaged, at_ms: int) -> None:
    if not row.served:
        row.status = "ready"
    row.served, row.encoding, row.percent = event.encoding, 0, 100
    row.duration_us = event.duration_us


def _encoding_failed(row: VideoStatus, event: EncodingFailed, at_ms: int) -> None:
    row.encoding, row.reason = 0, event.reason


def _failed(row: VideoStatus, event: VideoFailed, at_ms: int) -> None:
    row.status, row.reason = "failed", event.reason


def _published(row: VideoStatus, event: VideoPublished, at_ms: int) -> None:
    row.status, row.published_at_ms = "published", at_ms


def _held(row: VideoStatus, event: VideoHeld, at_ms: int) -> None:
    row.is_held, row.reason = True, event.reason


def _released(row: VideoStatus, event: VideoReleased, at_ms: int) -> None:
    row.is_held, row.reason = False, ""


def _taken_down(row: VideoStatus, event: VideoTakenDown, at_ms: int) -> None:
    row.status, row.reason, row.is_held = "taken_down", event.reason, False
    row.served = row.encoding = row.percent = 0


CHANGES: dict[type[Any], Callable[[VideoStatus, Any, int], None]] = {
    EncodingStarted: _started,
    RangeTranscoded: _transcoded,
    EncodingPackaged: _packaged,
    EncodingFailed: _encoding_failed,
    VideoFailed: _failed,
    VideoPublished: _published,
    VideoHeld: _held,
    VideoReleased: _released,
    VideoTakenDown: _taken_down,
}


def fold(tables: Tables, events: Events) -> None:
    videos, shown = tables[VIDEOS], tables[CHANNEL_VIDEOS]
    for event, at_ms in events:
        if type(event) is VideoCreated:
            user, channel, title = event.user, event.channel, event.title
            videos.put(VideoStatus(event.video, user, channel, title, "probing", at_ms))
            continue
        row = videos[event.video]
        CHANGES[type(event)](row, event, at_ms)
        videos.put(row)
        _show(shown, row)


def _show(shown: Rows[ChannelVideo], row: VideoStatus) -> None:
    """On its channel, or off it."""
    key = row.channel, row.published_at_ms, row.video
    there = shown.get(key)
    if row.status == "published" and not row.is_held:
        wanted = ChannelVideo(*key, row.title, row.duration_us)
        if there != wanted:
            shown.put(wanted)
    elif there is not None:
        shown.delete(key)


VIDEO_STATUS = Projection(
    name="video_status",
    events=(VideoCreated, *CHANGES),
    tables=(VIDEOS, CHANNEL_VIDEOS),
    fold=fold,
    rows_of="partition",
)
