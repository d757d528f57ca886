"""What is needed no more is let go: the ledger of uploads sweeps what nobody else holds.

    encoding_retired, encoding_failed, video_taken_down ─► files_dropped ─effect─► record_dropped
        ─► files_released ··reactor··► release_blob, for each

The state keeps no digests of segments: they stand in listings and records, which are blobs. The
effect reads those, a part at a time, so that no message is too long.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from log.envelope import Event
from processors.media.video.commands import FailStep, RecordDropped
from processors.media.video.events import FilesDropped, FilesLeft, FilesReleased
from processors.media.video.state import Video

PICTURES: Final = 0
"""Stands for an encoding where the pictures are meant."""
RECORDS_A_PART: Final = 32


def drop_all(video: Video) -> Iterator[Event]:
    if video.pictures:
        yield from drop(video, PICTURES, video.pictures)
    if video.served:
        yield from drop(video, video.served, video.listing)
    for each in video.retiring:
        yield from drop(video, each.encoding, each.listing)
    if video.encoding is not None:
        yield from drop(video, video.encoding.number, "", video.encoding.records)


def drop(
    video: Video, encoding: int, listing: str, records: Iterable[str] = ()
) -> Iterator[Event]:
    """What a listing names, or what records do (one that is empty is not there yet)."""
    name = video.video
    if listing:
        yield FilesDropped(video=name, encoding=encoding, part=0, listing=listing)
    known = [record for record in records if record]
    for part, first in enumerate(range(0, len(known), RECORDS_A_PART), 1):
        some = tuple(known[first : first + RECORDS_A_PART])
        yield FilesDropped(video=name, encoding=encoding, part=part, records=some)


def release(video: Video, command: RecordDropped, at: int) -> Sequence[Event]:
    if (command.encoding, command.part) not in video.dropped:
        return ()
    released = FilesReleased(
        video=video.video,
        encoding=command.encoding,
        part=command.part,
        digests=command.digests,
    )
    return (released, *drop(video, command.encoding, "", () if command.part else command.records))


def leave(video: Video, command: FailStep) -> Sequence[Event]:
    if (command.encoding, command.item) not in video.dropped:
        return ()
    return (
        FilesLeft(
            video=video.video,
            encoding=command.encoding,
            part=command.item,
            reason=command.reason,
        ),
    )
