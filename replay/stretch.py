"""A stretch of a system's recorded commands: between two places, and of some keys.

Places are command offsets or times, as in `replay.state`; here each becomes an offset on every
partition. Out come the commands as batches, to be copied or decided again.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from log.errors import LogError
from log.interface import Log, Partition
from log.record import Batch, StoredRecord
from processors.core.system import System
from replay.portable import Progress, batches_of
from replay.state import END, At


class NothingChosen(LogError):
    """No command is in the stretch; the message says why."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which commands: those from `since` on (also at that very time), up to `until` (which is in
    it), with one of `keys`. Commands without a key, such as ticks, are everybody's."""

    since: At = END
    """With neither offset nor time: the beginning."""
    until: At = END
    keys: tuple[str, ...] = ()
    """None: all commands."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The commands of one partition from offset `begin` to before `end`."""

    partition: int
    begin: int
    end: int


def stretches_of(log: Log, system: System, chosen: Chosen) -> list[Stretch]:
    """The stretch of each partition, as far as its commands go now.

    An offset is taken on each partition; one that ends before it has nothing in it.
    Errors: NothingChosen where no partition has a command there, or none of a key.
    """
    found: list[Stretch] = []
    for number in range(log.topics()[system.commands_topic].partitions):
        commands = log.partition(system.commands_topic, number)
        start, last = commands.log_start, commands.high_watermark
        begin = _first(commands, chosen.since, start, last)
        end = _end(commands, chosen.until, start, last)
        found.append(Stretch(partition=number, begin=begin, end=max(begin, end)))
    if all(one.begin == one.end for one in found):
        raise NothingChosen(f"{system.commands_topic}: there is no command between these places")
    return found


def _first(commands: Partition, at: At, start: int, last: int) -> int:
    if at.time_ms is not None:
        found = commands.offset_for_time(at.time_ms)
        return last if found is None else min(found, last)
    return start if at.command_offset is None else min(max(at.command_offset, start), last)


def _end(commands: Partition, at: At, start: int, last: int) -> int:
    if at.time_ms is not None:
        found = commands.offset_for_time(at.time_ms + 1)
        return last if found is None else min(found, last)
    return last if at.command_offset is None else min(max(at.command_offset + 1, start), last)


def batches_in(
    commands: Partition, stretch: Stretch
) -> Iterator[tuple[Batch, list[StoredRecord]]]:
    """Each batch, and what of it is in the stretch."""
    for batch in batches_of(commands, stretch.begin, stretch.end):
        records = [record for record in batch if stretch.begin <= record.offset < stretch.end]
        if records:
            yield batch, records


class Looked:
    """Tells how many commands of some stretches were looked at."""

    def __init__(self, stretches: Iterable[Stretch], progress: Progress | None) -> None:
        self._total = sum(one.end - one.begin for one in stretches)
        self._progress = progress
        self._done = 0

    def at(self, count: int) -> None:
        """So many more."""
        self._done += count
        if self._progress:
            self._progress(self._done, self._total)


def commands_of(
    commands: Partition, stretch: Stretch, keys: Collection[bytes], looked: Looked
) -> Iterator[list[StoredRecord]]:
    """The commands of a stretch with one of the keys, or with none at all; some at a time."""
    for _, records in batches_in(commands, stretch):
        chosen = [one for one in records if not keys or one.key is None or one.key in keys]
        looked.at(len(records))
        if chosen:
            yield chosen
