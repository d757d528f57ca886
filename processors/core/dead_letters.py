"""Dead letters: commands that could not be decided, kept whole with what was wrong (law 11).

A dead letter is the original record (key, value and headers as they were) with headers that say
where it stood and why it is here, as Kafka Connect's dead letter queues do. Its name is that
place: partition and offset of the command. It may stand here twice, where a task died between
writing it and its event; it is listed once, and not at all where the command was decided in the
end.

Retrying appends the original to the commands again, together with the earlier waiting letters of
its key, in order. That is two topics, and a crash may come between them, so there are three steps:
a marker here that says which letters are about to be retried and where the commands end; the
commands, one batch, each with a header naming its letter; a marker that it is done. Where the last
is missing, the commands from that place on tell whether the batch was written.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from log.codec import DECODE_ERRORS, Codec
from log.envelope import Command
from log.interface import Log, Partition
from log.record import Headers, Record, StoredRecord
from processors.core.causes import events_of
from processors.core.messages import CommandDeadLettered
from processors.core.system import System

OUR_HEADERS = "refold."
TOPIC_HEADER = "refold.topic"
PARTITION_HEADER = "refold.partition"
OFFSET_HEADER = "refold.offset"
TIMESTAMP_HEADER = "refold.timestamp"
ERROR_HEADER = "refold.error"
RETRY_OF_HEADER = "refold.retry-of"
"""On a command: the offset of the dead-lettered command that it is again."""
MARKER_HEADER = "refold.marker"
"""On a record of the dead letters' topic that is no letter, but a `RetryMarker`."""


class RetryRefused(Exception):
    """There is no such letter, or it is not for retrying; the message says which and why."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter, by the place of its command. Bytes are told as text, odd ones escaped."""

    partition: int
    offset: int
    timestamp: int
    """Of the command, milliseconds since 1970."""
    key: str | None
    error: str
    status: Literal["waiting", "retried"]
    retried_as: int | None = None
    """The offset of the command that it was retried as, as far as is known."""
    retry_of: int | None = None
    """The offset of the letter that this command was a retry of."""
    value: str | None
    headers: list[tuple[str, str | None]]
    """Those that it came with."""


class RetryMarker(msgspec.Struct, frozen=True, kw_only=True):
    """How far a retry is: begun, and then done or abandoned."""

    state: Literal["begun", "done", "abandoned"]
    offsets: list[int]
    """Of the letters' commands."""
    commands_end: int
    """The log end of the commands when it was begun."""
    retried_as: list[int | None] = []
    """None: it is not known any more."""


def dead_letter_of(topic: str, partition: int, record: StoredRecord, error: str) -> Record:
    """The record to keep for a command that stood at `record.offset` of `topic`."""
    return Record(
        key=record.key,
        value=record.value,
        timestamp=record.timestamp,
        headers=[
            *record.headers,
            (TOPIC_HEADER, topic.encode()),
            (PARTITION_HEADER, str(partition).encode()),
            (OFFSET_HEADER, str(record.offset).encode()),
            (TIMESTAMP_HEADER, str(record.timestamp).encode()),
            (ERROR_HEADER, error.encode()),
        ],
    )


class _Topic(NamedTuple):
    """What a partition of the dead letters' topic says."""

    partition: int
    letters: dict[int, StoredRecord]
    """By the offset of their command."""
    retried: dict[int, int | None]
    """As which command, by the same."""
    unsettled: RetryMarker | None
    """A retry that a crash came into."""


class DeadLetters:
    """The dead letters of one partition of a system."""

    def __init__(self, log: Log, system: System, partition: int) -> None:
        self._log = log
        self._number = partition
        self._letters = log.partition(system.dead_letters_topic, partition)
        self._commands = log.partition(system.commands_topic, partition)
        self._events = log.partition(system.events_topic, partition)
        self._command_codec = system.command_codec(self._commands.config)
        self._event_codec = system.event_codec(self._events.config)

    def letters(self) -> list[Letter]:
        """All that there are, in the order of their commands."""
        topic = self._read()
        return [_describe(topic, offset) for offset in topic.letters if self._is_dead(offset)]

    def find(self, offset: int) -> Letter:
        """The letter of the command at an offset; RetryRefused where there is none."""
        topic = self._read()
        if offset not in topic.letters or not self._is_dead(offset):
            raise RetryRefused(
                f"{self._letters.topic}-{self._number} holds no dead letter of the command at "
                f"offset {offset}"
            )
        return _describe(topic, offset)

    def retry(self, offset: int | None = None) -> list[Letter]:
        """Append the command of a letter again (None: of all that wait), and with it the earlier
        waiting ones of its key, in order; returns those retried, as they are then.

        An origin is left out of the retried command: the one that it had counts as seen, and the
        retry would be dropped for it. Errors: RetryRefused; PartitionFenced while another process
        retries letters of this partition.
        """
        writer = self._log.open_writer(self._letters.topic, self._number)
        try:
            topic = self._read()
            if topic.unsettled is not None:
                outcome = self._outcome(topic.unsettled)
                self._finish(topic.unsettled, list(outcome.values()))
            waiting = {
                name: record
                for name, record in topic.letters.items()
                if name not in topic.retried and (offset is None or name <= offset)
            }
            if offset is not None:
                waiting = self._before(self.find(offset), waiting)
            chosen = {name: record for name, record in waiting.items() if self._is_dead(name)}
            if chosen:
                self._append(chosen)
        finally:
            writer.close()
        return [self.find(name) for name in chosen]

    def _before(self, asked: Letter, waiting: dict[int, StoredRecord]) -> dict[int, StoredRecord]:
        """Of those up to the one asked for: it, and the others of its key."""
        if asked.offset not in waiting:
            raise RetryRefused(
                f"the dead letter {self._number}:{asked.offset} was retried already, as the "
                f"command at offset {asked.retried_as}"
            )
        key = waiting[asked.offset].key
        return {
            name: record
            for name, record in waiting.items()
            if name == asked.offset or (key is not None and record.key == key)
        }

    def _append(self, chosen: dict[int, StoredRecord]) -> None:
        begun = RetryMarker(
            state="begun", offsets=list(chosen), commands_end=self._commands.log_end
        )
        self._mark(begun)
        again = [_again(record, name, self._command_codec) for name, record in chosen.items()]
        self._finish(begun, list(self._commands.append(again)))

    def _is_dead(self, offset: int) -> bool:
        """Whether the command was given up, and not decided after a crash, maybe by new rules."""
        for batch in self._events.read(self._events.log_start, 1):
            for record in batch:
                if self._event_codec.decode(record.value or b"").cause > offset:
                    return True  # its events were deleted: the letter is all that there is
                break
        events = events_of(self._events, self._event_codec, offset)
        return any(type(event) is CommandDeadLettered for event in events)

    # -- the topic --------------------------------------------------------------------------------

    def _read(self) -> _Topic:
        letters: dict[int, StoredRecord] = {}
        retried: dict[int, int | None] = {}
        begun: RetryMarker | None = None
        for record in _records(self._letters, self._letters.log_start):
            marker = _marker_of(record)
            if marker is None:
                offset = dict(record.headers).get(OFFSET_HEADER)
                if offset is not None:
                    letters.setdefault(int(offset), record)
            elif marker.state == "begun":
                begun = marker
            else:
                begun = None
                retried.update(zip(marker.offsets, marker.retried_as, strict=False))
        if begun is not None:
            retried.update(self._outcome(begun))
        return _Topic(self._number, dict(sorted(letters.items())), retried, begun)

    def _outcome(self, begun: RetryMarker) -> dict[int, int | None]:
        """What became of a retry that was not marked as done: what the commands say."""
        begin = max(begun.commands_end, self._commands.log_start)
        sought = set(begun.offsets)
        found: dict[int, int | None] = {}
        for record in _records(self._commands, begin):
            retry_of = _retry_of(record.headers)
            if retry_of in sought:
                found[retry_of] = record.offset
                if len(found) == len(sought):
                    break
        if not found and begin > begun.commands_end:
            # The commands of that time are deleted. Rather not at all than twice.
            return dict.fromkeys(begun.offsets)
        return found

    def _finish(self, begun: RetryMarker, retried_as: Sequence[int | None]) -> None:
        state: Literal["done", "abandoned"] = "done" if retried_as else "abandoned"
        self._mark(msgspec.structs.replace(begun, state=state, retried_as=list(retried_as)))

    def _mark(self, marker: RetryMarker) -> None:
        headers: Headers = [(MARKER_HEADER, marker.state.encode())]
        self._letters.append([Record(msgspec.json.encode(marker), headers=headers)])


def _describe(topic: _Topic, offset: int) -> Letter:
    record = topic.letters[offset]
    return Letter(
        partition=topic.partition,
        offset=offset,
        timestamp=record.timestamp,
        key=_text(record.key),
        error=_text(dict(record.headers)[ERROR_HEADER]) or "",
        status="retried" if offset in topic.retried else "waiting",
        retried_as=topic.retried.get(offset),
        retry_of=_retry_of(record.headers),
        value=_text(record.value),
        headers=[
            (name, _text(value))
            for name, value in record.headers
            if not name.startswith(OUR_HEADERS)
        ],
    )


def _again(record: StoredRecord, offset: int, codec: Codec[Command]) -> Record:
    """The original command, with a header that names its letter."""
    headers = [pair for pair in record.headers if not pair[0].startswith(OUR_HEADERS)]
    return Record(
        value=_to_decide_again(record.value, codec),
        key=record.key,
        timestamp=record.timestamp,
        headers=[*headers, (RETRY_OF_HEADER, str(offset).encode())],
    )


def _to_decide_again(value: bytes | None, codec: Codec[Command]) -> bytes | None:
    """Without the origin and the idempotency key: these were seen, and it would be left out."""
    try:
        command = codec.decode(value or b"")
    except DECODE_ERRORS:
        return value
    if command.origin_sequence < 0 and not command.idempotency_key:
        return value
    command.origin_topic, command.origin_partition = "", 0
    command.origin_sequence, command.origin_index = -1, 0
    command.idempotency_key = ""
    return codec.encode(command)


def _records(partition: Partition, offset: int) -> Iterator[StoredRecord]:
    end = partition.high_watermark
    while offset < end:
        batches = partition.read(offset)
        for batch in batches:
            yield from batch
        offset = batches[-1].last_offset + 1


def _marker_of(record: StoredRecord) -> RetryMarker | None:
    names = [name for name, _ in record.headers]
    if MARKER_HEADER in names and OFFSET_HEADER not in names:
        return msgspec.json.decode(record.value or b"", type=RetryMarker)
    return None


def _retry_of(headers: Headers) -> int | None:
    for name, value in headers:
        if name == RETRY_OF_HEADER and value is not None and value.isdigit():
            return int(value)
    return None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
