"""What players get: the encoding that is served, its renditions, and the digest of each file by
the path that playlists name it by. Files go when their encoding does.

A server that has these rows and the blob store needs nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from processors.media.video.events import (
    EncodingFailed,
    EncodingPackaged,
    EncodingRetired,
    EncodingStarted,
    PicturesMade,
    RangeTranscoded,
    VideoHeld,
    VideoPublished,
    VideoReleased,
    VideoTakenDown,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

PICTURES: Final = 0
"""Stands for an encoding where pictures are meant, which all encodings share."""


class Player(msgspec.Struct, gc=False):
    """What there is of one video."""

    video: str
    encoding: int = 0
    """That is served; 0: none."""
    latest: int = 0
    is_published: bool = False
    is_held: bool = False


class EncodingFiles(msgspec.Struct, gc=False):
    video: str
    encoding: int
    renditions: str = ""
    """Their names, one a line."""
    paths: str = ""
    """Of what is no segment, one a line."""
    listing: str = ""
    """The digest of the blob that names all files."""
    duration_us: int = 0


class RenditionPlayed(msgspec.Struct, gc=False):
    video: str
    encoding: int
    rendition: str
    segments: int = 0
    """Up to the highest number that is there."""
    bandwidth: int = 0
    average_bandwidth: int = 0
    codecs: str = ""
    width: int = 0
    height: int = 0


class PlayedFile(msgspec.Struct, gc=False):
    video: str
    encoding: int
    path: str
    digest: str
    size: int


PLAYERS = Table("players", Player, key=("video",))
ENCODINGS = Table("encodings", EncodingFiles, key=("video", "encoding"))
RENDITIONS = Table("renditions", RenditionPlayed, key=("video", "encoding", "rendition"))
FILES = Table("files", PlayedFile, key=("video", "encoding", "path"))


class _Shelf:
    """The tables of one fold."""

    __slots__ = ("encodings", "files", "players", "renditions")

    def __init__(self, tables: Tables) -> None:
        self.players = tables[PLAYERS]
        self.encodings = tables[ENCODINGS]
        self.renditions = tables[RENDITIONS]
        self.files = tables[FILES]

    def player(self, video: str) -> Player:
        return self.players.get(video) or Player(video)

    def start(self, event: EncodingStarted) -> None:
        player = self.player(event.video)
        player.latest = event.encoding
        self.players.put(player)
        names = [each.name for each in event.plan.renditions]
        names += ["audio"] * event.plan.source.has_audio
        self.encodings.put(EncodingFiles(event.video, event.encoding, "\n".join(names)))
        for name in names:
            self.renditions.put(RenditionPlayed(event.video, event.encoding, name))

    def add_range(self, event: RangeTranscoded) -> None:
        key = event.video, event.encoding
        if event.init is not None:
            blob = event.init
            path = init_path(event.rendition)
            self.files.put(PlayedFile(*key, path, blob.digest, blob.size))
        for number, blob in enumerate(event.segments, event.first_segment):
            path = segment_path(event.rendition, number)
            self.files.put(PlayedFile(*key, path, blob.digest, blob.size))
        rendition = self.renditions[*key, event.rendition]
        rendition.segments = max(rendition.segments, event.first_segment + len(event.segments))
        self.renditions.put(rendition)

    def package(self, event: EncodingPackaged) -> None:
        key = event.video, event.encoding
        encoding = self.encodings[key]
        encoding.listing, encoding.duration_us = event.listing.digest, event.duration_us
        self.encodings.put(encoding)
        self.add_files(encoding, event.files)
        for variant in event.variants:
            row = self.renditions.get((*key, variant.rendition))
            if row is not None:
                row.bandwidth, row.codecs = variant.bandwidth, variant.codecs
                row.average_bandwidth = variant.average_bandwidth
                row.width, row.height = variant.width, variant.height
                self.renditions.put(row)
        player = self.player(event.video)
        player.encoding = event.encoding
        self.players.put(player)

    def add_pictures(self, event: PicturesMade) -> None:
        self.add_files(EncodingFiles(event.video, PICTURES), event.files)

    def add_files(self, encoding: EncodingFiles, files: Iterable[Any]) -> None:
        for file in files:
            self.files.put(
                PlayedFile(encoding.video, encoding.encoding, file.path, file.digest, file.size)
            )
        encoding.paths = "\n".join(file.path for file in files)
        self.encodings.put(encoding)

    def drop(self, video: str, number: int) -> None:
        """An encoding with its files, where it is there."""
        encoding = self.encodings.get((video, number))
        if encoding is None:
            return
        for path in [*encoding.paths.split("\n"), *self._segment_paths(encoding)]:
            if self.files.get((video, number, path)) is not None:
                self.files.delete((video, number, path))
        for name in _names(encoding):
            self.renditions.delete((video, number, name))
        self.encodings.delete((video, number))

    def _segment_paths(self, encoding: EncodingFiles) -> Iterator[str]:
        for name in _names(encoding):
            yield init_path(name)
            segments = self.renditions[encoding.video, encoding.encoding, name].segments
            yield from (segment_path(name, number) for number in range(segments))

    def take_down(self, event: VideoTakenDown) -> None:
        player = self.players.get(event.video)
        if player is not None:
            for number in range(PICTURES, player.latest + 1):
                self.drop(event.video, number)
            self.players.delete(event.video)

    def show(self, event: VideoPublished | VideoHeld | VideoReleased) -> None:
        player = self.player(event.video)
        if type(event) is VideoPublished:
            player.is_published = True
        else:
            player.is_held = type(event) is VideoHeld
        self.players.put(player)


def _names(encoding: EncodingFiles) -> list[str]:
    return encoding.renditions.split("\n") if encoding.renditions else []


def init_path(rendition: str) -> str:
    return f"{rendition}/init.mp4"


def segment_path(rendition: str, number: int) -> str:
    """By the segment's number from 0 on; players count from 1."""
    return f"{rendition}/segment-{number + 1:05}.m4s"


APPLY: dict[type[Any], Callable[[_Shelf, Any], None]] = {
    EncodingStarted: _Shelf.start,
    RangeTranscoded: _Shelf.add_range,
    EncodingPackaged: _Shelf.package,
    PicturesMade: _Shelf.add_pictures,
    EncodingRetired: lambda shelf, event: shelf.drop(event.video, event.encoding),
    EncodingFailed: lambda shelf, event: shelf.drop(event.video, event.encoding),
    VideoTakenDown: _Shelf.take_down,
    VideoPublished: _Shelf.show,
    VideoHeld: _Shelf.show,
    VideoReleased: _Shelf.show,
}


def fold(tables: Tables, events: Events) -> None:
    shelf = _Shelf(tables)
    for event, _at_ms in events:
        APPLY[type(event)](shelf, event)


PLAYBACK = Projection(
    name="playback",
    events=tuple(APPLY),
    tables=(PLAYERS, ENCODINGS, RENDITIONS, FILES),
    fold=fold,
    rows_of="partition",
)
