"""How many bytes each user's videos take: sources, and what was made of them. A blob that several
videos name counts for each."""

from typing import Any, Final

import msgspec

from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingRetired,
    PicturesMade,
    RangeTranscoded,
    VideoCreated,
    VideoTakenDown,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

PICTURES: Final = 0
"""Stands for an encoding, as in `playback.py`."""


class StoredVideo(msgspec.Struct, gc=False):
    video: str
    user: str
    source_bytes: int
    latest: int = 0


class StoredEncoding(msgspec.Struct, gc=False):
    video: str
    encoding: int
    size: int = 0


class UserStorage(msgspec.Struct, gc=False):
    """On one partition; the query adds them up."""

    user: str
    partition: int
    videos: int = 0
    source_bytes: int = 0
    made_bytes: int = 0


STORED_VIDEOS = Table("stored_videos", StoredVideo, key=("video",))
STORED_ENCODINGS = Table("stored_encodings", StoredEncoding, key=("video", "encoding"))
USER_STORAGE = Table("user_storage", UserStorage, key=("user", "partition"))


class _Ledger:
    __slots__ = ("encodings", "partition", "users", "videos")

    def __init__(self, tables: Tables, partition: int) -> None:
        self.videos = tables[STORED_VIDEOS]
        self.encodings = tables[STORED_ENCODINGS]
        self.users = tables[USER_STORAGE]
        self.partition = partition

    def count(self, user: str, videos: int, source_bytes: int, made_bytes: int) -> None:
        row = self.users.get((user, self.partition)) or UserStorage(user, self.partition)
        row.videos += videos
        row.source_bytes += source_bytes
        row.made_bytes += made_bytes
        self.users.put(row)

    def add(self, video: str, encoding: int, size: int) -> None:
        stored = self.videos[video]
        if encoding > stored.latest:
            stored.latest = encoding
            self.videos.put(stored)
        row = self.encodings.get((video, encoding)) or StoredEncoding(video, encoding)
        row.size += size
        self.encodings.put(row)
        self.count(stored.user, 0, 0, size)

    def drop(self, video: str, encoding: int) -> None:
        row = self.encodings.get((video, encoding))
        if row is not None:
            self.encodings.delete((video, encoding))
            self.count(self.videos[video].user, 0, 0, -row.size)

    def take_down(self, video: str) -> None:
        stored = self.videos[video]
        for encoding in range(PICTURES, stored.latest + 1):
            self.drop(video, encoding)
        self.count(stored.user, -1, -stored.source_bytes, 0)
        self.videos.delete(video)


def fold(tables: Tables, events: Events) -> None:
    ledger = _Ledger(tables, events.partition)
    for event, _at_ms in events:
        match event:
            case VideoCreated(video=video, user=user, source_bytes=source_bytes):
                ledger.videos.put(StoredVideo(video, user, source_bytes))
                ledger.count(user, 1, source_bytes, 0)
            case RangeTranscoded(video=video, encoding=encoding):
                ledger.add(video, encoding, _size(event))
            case EncodingPackaged(video=video, encoding=encoding, files=files):
                sizes = (file.size for file in files)
                ledger.add(video, encoding, event.listing.size + sum(sizes))
            case PicturesMade(video=video, files=files):
                sizes = (file.size for file in files)
                ledger.add(video, PICTURES, event.listing.size + sum(sizes))
            case VideoTakenDown(video=video):
                ledger.take_down(video)
            case EncodingRetired() | EncodingFailed():
                ledger.drop(event.video, event.encoding)


def _size(event: Any) -> int:
    """Of a range: the init segment counts with the first."""
    size: int = sum(blob.size for blob in event.segments)
    return size + (event.init.size if event.init is not None and not event.first_segment else 0)


STORAGE = Projection(
    name="storage",
    events=(
        VideoCreated,
        RangeTranscoded,
        EncodingPackaged,
        EncodingRetired,
        EncodingFailed,
        PicturesMade,
        VideoTakenDown,
    ),
    tables=(STORED_VIDEOS, STORED_ENCODINGS, USER_STORAGE),
    fold=fold,
    rows_of="partition",
)
