"""What the writers of market data share: options, errors, and the exchange's events as one stream.

the log's partitions of the events topic ─► EventSource ─► itch | drop_copy ─► a file

The partitions are merged by timestamp, then partition, then sequence: the same log always gives
the same stream, and the events of one command stay together.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from log.codec import tag_of
from log.envelope import Event
from log.interface import Log
from processors.core.system import System
from replay.events import RecordedEvents

REPORT_EVENTS = 5000


class CannotExport(Exception):
    """What the format cannot say, or the log no longer holds: what, where, and what to do."""


class Published(NamedTuple):
    """An event, when, and where it stands."""

    at_ms: int
    partition: int
    event: Event


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is to be written. What came before `start_ms` is read all the same: the state of the
    market at that time comes from it."""

    start_ms: int = 0
    """Milliseconds since 1970; the first that is written."""
    end_ms: int | None = None
    """The first that is not; None: to the end."""
    instrument: str | None = None
    """None: all."""
    zone: str = "UTC"
    """ITCH: where the exchange's midnight is, from which its timestamps count."""
    account_id: int | None = None
    """Drop copy: of this account alone; None: of all."""
    member_id: int | None = None
    """Drop copy: of the accounts of this member alone."""
    readable: bool = False
    """Drop copy: `|` and a line a message, for people."""


class EventSource:
    """The events of a system, in order; may be gone through more than once, with the same result.

    `report(done, total)` is called now and then. Errors: CannotExport where the oldest events were
    deleted; CorruptLog, SequenceGap and IncompleteCommand from the log.
    """

    def __init__(
        self,
        log: Log,
        system: System,
        options: ExportOptions,
        report: Callable[[int, int], None] | None = None,
        passes: int = 1,
    ) -> None:
        partitions = range(log.topics()[system.events_topic].partitions)
        self._recorded = [RecordedEvents(log, system, number) for number in partitions]
        self._options = options
        self._report = report
        self._done = 0
        self._total = passes * sum(each.end for each in self._recorded)
        for recorded in self._recorded:
            if recorded.partition.log_start:
                raise CannotExport(
                    f"{recorded!r} begins at offset {recorded.partition.log_start}: what came "
                    "before was deleted, and without it the open orders are not known; export "
                    "from a log that holds the events from the first one on"
                )

    def __iter__(self) -> Iterator[Published]:
        end_ms, instrument = self._options.end_ms, self._options.instrument
        for published in heapq.merge(*map(self._events, self._recorded), key=_order):
            if end_ms is not None and published.at_ms >= end_ms:
                return
            self._done += 1
            if self._report is not None and not self._done % REPORT_EVENTS:
                self._report(self._done, self._total)
            if instrument is None or getattr(published.event, "instrument", "") in (
                "",
                instrument,
            ):
                yield published

    @staticmethod
    def _events(recorded: RecordedEvents) -> Iterator[Published]:
        number = recorded.partition.number
        for records in recorded.whole_commands(0, 0):
            for record in records:
                yield Published(record.timestamp, number, recorded.decode(record))


def _order(published: Published) -> tuple[int, int, int]:
    return published.at_ms, published.partition, published.event.sequence


def place_of(published: Published) -> str:
    """An event as errors name it."""
    event = published.event
    return f"{tag_of(type(event))} at partition {published.partition}, sequence {event.sequence}"


def is_last_of_command(event: Event) -> bool:
    return event.cause_index + 1 >= event.cause_count
