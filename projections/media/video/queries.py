"""What can be asked of the read models. What is held or taken down is played by nobody."""

from collections.abc import Iterable

import msgspec

from projections.core.store import Reader
from projections.media.video.playback import (
    ENCODINGS,
    FILES,
    PICTURES,
    PLAYERS,
    RENDITIONS,
    PlayedFile,
    RenditionPlayed,
)
from projections.media.video.storage import USER_STORAGE
from projections.media.video.videos import CHANNEL_VIDEOS, VIDEOS, ChannelVideo, VideoStatus
from projections.media.video.views import DAY_VIEWS, VIEWS, VideoViews


class Playback(msgspec.Struct):
    """What a player begins with: digests of blobs; empty: there is none."""

    video: str
    encoding: int
    duration_us: int
    hls: str
    dash: str
    listing: str
    poster: str
    sprite: str
    sprite_times: str
    """WebVTT."""


class Popular(msgspec.Struct):
    video: str
    views: int
    channel: str
    title: str


class Storage(msgspec.Struct):
    user: str
    videos: int = 0
    source_bytes: int = 0
    made_bytes: int = 0


def status(reader: Reader, video: str) -> VideoStatus | None:
    """How a video stands, with the progress of the encoding that is on its way."""
    return reader.get(VIDEOS, video)


def playback(reader: Reader, video: str) -> Playback | None:
    """The playback manifest of what is served now; none where it is not to be seen."""
    encoding = _served(reader, video)
    row = reader.get(ENCODINGS, video, encoding)
    if not encoding or row is None:
        return None
    return Playback(
        video,
        encoding,
        row.duration_us,
        _digest(reader, video, encoding, "main.m3u8"),
        _digest(reader, video, encoding, "manifest.mpd"),
        row.listing,
        _digest(reader, video, PICTURES, "poster-1.jpg"),
        _digest(reader, video, PICTURES, "sprite.jpg"),
        _digest(reader, video, PICTURES, "sprite.vtt"),
    )


def file(reader: Reader, video: str, path: str, encoding: int = 0) -> PlayedFile | None:
    """The blob behind a path that a playlist names; a picture, where no encoding has it. Players
    that began with an encoding that was replaced since ask for that one by its number."""
    served = _served(reader, video)
    if not served:
        return None
    of_encoding = reader.get(FILES, video, encoding or served, path)
    return of_encoding or reader.get(FILES, video, PICTURES, path)


def renditions(reader: Reader, video: str) -> list[RenditionPlayed]:
    """The renditions of what is served now, with their measured bandwidths."""
    return list(reader.rows(RENDITIONS, video, _served(reader, video)))


def channel(
    reader: Reader, channel: str, before_ms: int | None = None, limit: int = 20
) -> list[ChannelVideo]:
    """What a channel shows, latest first; `before_ms` goes on below what was shown."""
    rows = reader.rows(CHANNEL_VIDEOS, channel, below=before_ms, descending=True, limit=limit)
    return list(rows)


def storage(reader: Reader, user: str) -> Storage:
    """The bytes that a user's videos take, as uploaded and as made of it."""
    total = Storage(user)
    for row in reader.rows(USER_STORAGE, user):
        total.videos += row.videos
        total.source_bytes += row.source_bytes
        total.made_bytes += row.made_bytes
    return total


def views(reader: Reader, video: str) -> VideoViews | None:
    """How many sessions saw it, and when."""
    return reader.get(VIEWS, video)


def popular(reader: Reader, day: int | None = None, limit: int = 10) -> list[Popular]:
    """What was seen most, ever or on one day (since 1970, UTC), of what can be seen."""
    rows: Iterable[tuple[str, int]]
    if day is None:
        by = ("is_gone", "views", "video")
        found = reader.rows(VIEWS, False, by=by, descending=True)
        rows = ((row.video, row.views) for row in found)
    else:
        of_day = reader.rows(DAY_VIEWS, day, by=("day", "views", "video"), descending=True)
        rows = ((row.video, row.views) for row in of_day)
    most: list[Popular] = []
    for video, count in rows:
        row = reader.get(VIDEOS, video)
        if row is not None and row.status == "published" and not row.is_held:
            most.append(Popular(video, count, row.channel, row.title))
            if len(most) == limit:
                break
    return most


def _served(reader: Reader, video: str) -> int:
    """The encoding that may be played; 0: none."""
    player = reader.get(PLAYERS, video)
    visible = player is not None and player.is_published and not player.is_held
    return player.encoding if player is not None and visible else 0


def _digest(reader: Reader, video: str, encoding: int, path: str) -> str:
    row = reader.get(FILES, video, encoding, path)
    return "" if row is None else row.digest


QUERIES = (status, playback, file, renditions, channel, storage, views, popular)
