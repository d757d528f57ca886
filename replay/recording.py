"""Recording a history: topics of any log, copied as they are into a file log of one's own.

Out of a `Source` come batches of records; into the folder they go, as bytes where that is right:
partitions, offsets, timestamps, keys, values and headers as they were, configuration and log start
too. Offsets that hold nothing for a reader (transaction markers, aborted records, what compaction
removed) stay empty. `recording.json` in the folder says what was asked, and what is verified.

A recording that was interrupted goes on where its partitions end. The source's ends are taken
when it begins, so that it ends although the source grows.
"""

import hashlib
import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Any

import crc32c
import msgspec

from log.backends import wall_clock_ms
from log.backends.file import FileLog, FilePartition
from log.backends.file.segment import segment_bases
from log.backends.file.state import Checkpoint, store_checkpoint
from log.backends.file.storage import OsStorage, replace_file
from log.backends.file.writer import FileWriter
from log.errors import (
    CorruptLog,
    InvalidConfig,
    InvalidRecord,
    LogError,
    LogUnavailable,
    OffsetOutOfRange,
    UnknownTopic,
)
from log.record import (
    BATCH_BYTES_LIMIT,
    CRC_FROM,
    TRANSACTIONAL_BIT,
    Batch,
    Headers,
    batch_of,
    new_batch,
    place_batch,
)
from log.topic import TopicConfig
from replay.recording_source import Source, SourcePartition

MANIFEST_NAME = "recording.json"
VERSION = 1
READ_BYTES = 1 << 20
SPAN_BYTES = 32 << 20
"""So much is made durable, read back, compared and noted at once. What an interruption leaves
behind the last note is compared with the source again."""
DELTA_MAX = 2**31 - 1
DIGEST_SIZE = 16
CRC, CRC_AT = struct.Struct(">I"), 17
ATTRIBUTES_ON = struct.Struct(">hi")
"""Of a batch's header, from the checksummed part's beginning on: attributes, last offset delta."""
PRODUCER = struct.Struct(">qhi")
PRODUCER_AT = 43
NO_PRODUCER = (-1, -1, -1)

Progress = Callable[[int, int], None]
"""Called with how many offsets are done, and how many there are."""


class RecordingRefused(LogError):
    """The folder holds something else than this recording; the message says what to do."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded."""

    source: str
    topics: list[str]
    since_ms: int | None = None
    """From the first record at or after it; None: from the log start."""
    until_ms: int | None = None
    """Up to the first record after it; None: to the end as it was when recording began."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch that was read back and is what the source gave: it follows on the one before."""

    end: int
    """The offset after its last one."""
    records: int
    bytes: int
    blake2b: str
    """The digest (16 bytes, hexadecimal) of its batches, as they stand on the log."""


class RecordedPartition(msgspec.Struct, kw_only=True):
    """One partition, from offset `begin` to before `end`."""

    topic: str
    partition: int
    begin: int
    end: int
    spans: list[Span] = []

    @property
    def records(self) -> int:
        return sum(span.records for span in self.spans)

    @property
    def bytes(self) -> int:
        return sum(span.bytes for span in self.spans)


class Recording(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What `recording.json` says."""

    refold_recording: int = VERSION
    asked: Ask
    topics: dict[str, TopicConfig]
    partitions: list[RecordedPartition]
    verified: bool = False
    """Whether all is there, and was read back and compared."""

    @property
    def records(self) -> int:
        return sum(each.records for each in self.partitions)

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.partitions)


def record(
    source: Source,
    out: Path,
    topics: Collection[str],
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    progress: Progress | None = None,
) -> Recording:
    """Record topics into the folder `out`: a new one, or that of the same recording.

    Times are milliseconds since 1970. Errors: UnknownTopic, InvalidConfig; RecordingRefused where
    the folder holds something else; OffsetOutOfRange where retention was faster; those of the
    source and of the disk, after which it goes on when it is called again.
    """
    asked = Ask(
        source=source.name, topics=sorted(set(topics)), since_ms=since_ms, until_ms=until_ms
    )
    recording = _load(out)
    if recording is None:
        recording = _begin(source, out, asked)
    else:
        _check_same(recording.asked, asked, out)
    if recording.verified:
        return recording
    with FileLog(out) as log:
        for name, config in recording.topics.items():
            log.ensure_topic(name, config)
        total = sum(each.end - each.begin for each in recording.partitions)
        done = 0
        for each in recording.partitions:

            def report(position: int, before: int = done - each.begin) -> None:
                if progress:
                    progress(before + position, total)

            _record_partition(source, out, recording, each, report)
            done += each.end - each.begin
        recording.verified = True
        _store(out, recording)
    return recording


# -- what is asked, and what is noted ---------------------------------------------------------


def _begin(source: Source, out: Path, asked: Ask) -> Recording:
    """Take the ends, and note what is to be done in a new folder."""
    since_ms, until_ms = asked.since_ms, asked.until_ms
    if since_ms is not None and until_ms is not None and until_ms < since_ms:
        raise InvalidConfig(f"the end {until_ms} (ms) lies before the beginning {since_ms}")
    known = source.topics()
    for name in asked.topics:
        if name not in known:
            raise UnknownTopic(f"there is no topic {name} on {source.name}")
    chosen = {name: known[name] for name in asked.topics}
    partitions = [
        _bounds(source, name, number, asked)
        for name in sorted(chosen, key=_by_flow)
        for number in range(chosen[name].partitions)
    ]
    with FileLog(out) as log:
        if log.topics():
            raise RecordingRefused(
                f"{out} holds a log that is no recording: name a new folder, or that of a "
                "recording that was interrupted"
            )
        partitions.sort(key=lambda each: (each.topic, each.partition))
        recording = Recording(asked=asked, topics=chosen, partitions=partitions)
        _store(out, recording)
    return recording


def _by_flow(topic: str) -> tuple[int, str]:
    """Ends of events are taken before those of the commands that they came from: then there is no
    event without its command."""
    return 2 if topic.endswith(".commands") else 1 if topic.endswith(".dead-letters") else 0, topic


def _bounds(source: Source, topic: str, number: int, asked: Ask) -> RecordedPartition:
    partition = source.partition(topic, number)
    end = partition.high_watermark
    begin = min(partition.log_start, end)
    if asked.since_ms is not None:
        begin = max(begin, _offset_at(partition, asked.since_ms, end))
    if asked.until_ms is not None:
        end = max(begin, _offset_at(partition, asked.until_ms + 1, end))
    return RecordedPartition(topic=topic, partition=number, begin=begin, end=end)


def _offset_at(partition: SourcePartition, time_ms: int, end: int) -> int:
    found = partition.offset_for_time(time_ms)
    return end if found is None else min(found, end)


def _load(out: Path) -> Recording | None:
    path = out / MANIFEST_NAME
    try:
        recording = msgspec.json.decode(path.read_bytes(), type=Recording)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, InvalidConfig) as error:
        raise RecordingRefused(f"{path}: {error}. Record into a new folder") from error
    if recording.refold_recording != VERSION:
        raise RecordingRefused(
            f"{path}: version {recording.refold_recording}; this program goes on with version "
            f"{VERSION}: record into a new folder"
        )
    return recording


def _check_same(noted: Ask, asked: Ask, out: Path) -> None:
    differing = [
        f"{name} {getattr(noted, name)!r}, not {getattr(asked, name)!r}"
        for name in Ask.__struct_fields__
        if getattr(noted, name) != getattr(asked, name)
    ]
    if differing:
        raise RecordingRefused(
            f"{out} holds another recording: {'; '.join(differing)}. Ask for the same again, or "
            "name a new folder. Nothing was changed"
        )


def _store(out: Path, recording: Recording) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(recording), indent=2)
    replace_file(OsStorage(), str(out / MANIFEST_NAME), encoded + b"\n")


# -- one partition ----------------------------------------------------------------------------


def _record_partition(
    source: Source,
    out: Path,
    recording: Recording,
    one: RecordedPartition,
    report: Callable[[int], None],
) -> None:
    """Bring one partition to its end, and verify it."""
    storage = OsStorage()
    folder = str(out / f"{one.topic}-{one.partition}")
    if one.begin and not segment_bases(storage.list(folder)):
        store_checkpoint(storage, folder, Checkpoint(log_start=one.begin))
    # What the source holds is taken as it is, and made durable span by span.
    config = msgspec.structs.replace(
        recording.topics[one.topic],
        durability="loses_unflushed_on_power_failure",
        cleanup_policy="delete",
        max_message_bytes=BATCH_BYTES_LIMIT,
    )
    partition = FilePartition(storage, folder, one.topic, one.partition, config, wall_clock_ms)
    writer = FileWriter(storage, partition)
    copy = _Copy(partition, writer, one, lambda: _store(out, recording))
    try:
        position = copy.position
        verified_to = one.spans[-1].end if one.spans else one.begin
        if not verified_to <= position <= one.end:
            raise RecordingRefused(
                f"{partition.name} in {out} goes to offset {position}; it was verified up to "
                f"{verified_to} and is to go to {one.end}: something else was appended, or "
                "records were lost. Record into a new folder"
            )
        report(position)
        if position == one.end and not copy.has_open_span:
            return
        read_from = source.partition(one.topic, one.partition)
        copy.take_up(read_from)
        for batch in _visible(read_from, one, position, one.end):
            copy.add(batch)
            report(batch.last_offset + 1)
        copy.finish()
        report(one.end)
    finally:
        copy.close()
        writer.close()
        partition.close()


def _visible(
    source: SourcePartition, one: RecordedPartition, position: int, end: int
) -> Iterator[Batch]:
    """The batches with records between two offsets, cut there."""
    while position < end:
        try:
            batches = source.read(position, READ_BYTES)
        except OffsetOutOfRange as error:
            start = source.log_start
            if start <= position:
                raise
            raise OffsetOutOfRange(
                f"{one.topic}-{one.partition}: the source deleted offsets {position} to "
                f"{start - 1} before they were recorded (retention): record into a new folder, "
                "from a later time on (--since)"
            ) from error
        if not batches:
            raise LogUnavailable(
                f"{one.topic}-{one.partition}: the source gives nothing at offset {position}, "
                f"though it went to {end}: was the topic made anew?"
            )
        for batch in batches:
            if batch.count and batch.base_offset < end:
                if batch.base_offset >= position and batch.last_offset < end:
                    yield batch
                elif records := [each for each in batch if position <= each.offset < end]:
                    yield batch_of(records)
            position = max(position, batch.last_offset + 1)


class _Encoded:
    """A batch of the source, as `log.record.BatchBuilder`: it is built already."""

    def __init__(self, encoded: bytearray) -> None:
        self._encoded = encoded

    def append(
        self,
        offset: int,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        raise TypeError("a batch that was built takes no more records")

    def size(self) -> int:
        return len(self._encoded)

    def build(self) -> bytearray:
        return self._encoded


class _Copy:
    """Appends batches to one partition of the recording, and notes what it has verified."""

    def __init__(
        self,
        partition: FilePartition,
        writer: FileWriter,
        one: RecordedPartition,
        note: Callable[[], None],
    ) -> None:
        self._partition = partition
        self._writer = writer
        self._one = one
        self._note = note
        self._checker = ThreadPoolExecutor(1, "refold-recording-checker")
        """Reads back one stretch while the next is written."""
        self._checking: Future[None] | None = None
        self._waiting: Batch | None = None
        """The last batch, until it is known where the next one begins."""
        last = one.spans[-1].end if one.spans else one.begin
        self._begin_span(max(last, partition.log_start))

    @property
    def position(self) -> int:
        """Records below are on the recording's log."""
        return self._partition.log_end

    @property
    def has_open_span(self) -> bool:
        """Whether there is something that was not noted yet."""
        return self._span_begin < self.position

    def take_up(self, source: SourcePartition) -> None:
        """Go on after an interruption: what was appended and not noted is compared with the
        source, as far as that still has it."""
        if not self.has_open_span:
            return
        begin, end = self._span_begin, self.position
        ours = RecordedPartition(topic=self._one.topic, partition=0, begin=begin, end=end)
        compared_from = min(max(begin, source.log_start), end)
        pairs = zip_longest(
            _records(_visible(source, self._one, compared_from, end)),
            _records(_visible(self._partition, ours, compared_from, end)),
        )
        for theirs, recorded in pairs:
            if theirs != recorded:
                raise CorruptLog(
                    f"{self._partition.name}: what was recorded before the interruption is not "
                    f"what the source holds, first at offset {(theirs or recorded)[0]}. Was the "
                    "topic made anew? Record into a new folder"
                )
        for batch in _visible(self._partition, ours, begin, end):
            self._count(batch.buffer, batch.count)

    def add(self, batch: Batch) -> None:
        if self._waiting is not None:
            self._append(self._waiting, batch.base_offset - 1)
        self._waiting = batch

    def finish(self) -> None:
        """Bring the partition to its end."""
        end = self._one.end
        if self._waiting is not None:
            self._append(self._waiting, end - 1)
            self._waiting = None
        elif self.position < end:
            self._skip_to(end)
        if self.has_open_span:
            self._close_span()
        self._await_check()

    def close(self) -> None:
        """Nothing of it goes on afterwards."""
        self._checker.shutdown()

    def _append(self, batch: Batch, last_offset: int) -> None:
        """Append a batch that takes the offsets up to `last_offset`."""
        base = self.position
        if last_offset - base > DELTA_MAX:
            raise InvalidRecord(
                f"{self._partition.name}: offsets {base} to {last_offset} hold next to nothing, "
                "and are more than one batch can take"
            )
        encoded = _encoded(batch, base, last_offset)
        self._writer.append_batch(_Encoded(encoded))
        self._count(encoded, batch.count)
        if self._span_bytes >= SPAN_BYTES:
            self._close_span()

    def _skip_to(self, end: int) -> None:
        """Not one record was there for a reader: the log starts at its end, by a record before it
        that is deleted."""
        builder = new_batch()
        builder.append(min(end - 1 - self.position, DELTA_MAX), 1, b"", None, [])
        self._writer.append_batch(builder)
        self._partition.delete_before(self.position)
        self._begin_span(self.position)

    # -- spans ------------------------------------------------------------------------------------

    def _begin_span(self, begin: int) -> None:
        self._span_begin = begin
        self._span_records = self._span_bytes = 0
        self._hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)

    def _count(self, encoded: bytes | bytearray, records: int) -> None:
        self._hashed.update(encoded)
        self._span_bytes += len(encoded)
        self._span_records += records

    def _close_span(self) -> None:
        """Have the checker see to it. Errors: those of the span before."""
        self._await_check()
        begin, end = self._span_begin, self.position
        span = Span(
            end=end,
            records=self._span_records,
            bytes=self._span_bytes,
            blake2b=self._hashed.hexdigest(),
        )
        self._checking = self._checker.submit(self._check, begin, span)
        self._begin_span(end)

    def _await_check(self) -> None:
        if self._checking is not None:
            self._checking.result()
            self._checking = None

    def _check(self, begin: int, span: Span) -> None:
        """Make a span durable, read it back, compare, and note it."""
        self._partition.flush()
        hashed, records = hashlib.blake2b(digest_size=DIGEST_SIZE), 0
        ours = RecordedPartition(topic=self._one.topic, partition=0, begin=begin, end=span.end)
        for batch in _visible(self._partition, ours, begin, span.end):
            hashed.update(batch.buffer)
            records += batch.count
        if (hashed.hexdigest(), records) != (span.blake2b, span.records):
            raise CorruptLog(
                f"{self._partition.name}: offsets {begin} to {span.end - 1} were read back as "
                f"{records} records with digest {hashed.hexdigest()}, and written as "
                f"{span.records} with {span.blake2b}. See to the disk, and record into a new "
                "folder"
            )
        self._one.spans.append(span)
        self._note()


_fields = attrgetter("offset", "timestamp", "key", "value", "headers")


def _records(batches: Iterable[Batch]) -> Iterator[Any]:
    """(offset, timestamp, key, value, headers) of each record."""
    for batch in batches:
        for each in batch:
            offset, timestamp, key, value, headers = _fields(each)
            yield offset, timestamp, key, value, list(headers)


def _encoded(batch: Batch, base: int, last_offset: int) -> bytearray:
    """The batch as it is to stand on the log, from `base` to `last_offset`: the source's bytes,
    with a new header where offsets after it are empty, or where it was part of a transaction,
    whose marker is not recorded."""
    if batch.base_offset == base:
        encoded = bytearray(batch.buffer)
        attributes, delta = ATTRIBUTES_ON.unpack_from(encoded, CRC_FROM)
        if attributes & TRANSACTIONAL_BIT:
            PRODUCER.pack_into(encoded, PRODUCER_AT, *NO_PRODUCER)
        elif base + delta == last_offset:
            return encoded
    else:
        builder = new_batch()
        for each in batch:
            headers = list(each.headers)
            builder.append(each.offset - base, each.timestamp, each.key, each.value, headers)
        encoded = builder.build()
        place_batch(encoded, base)
        attributes, _ = ATTRIBUTES_ON.unpack_from(encoded, CRC_FROM)
    ATTRIBUTES_ON.pack_into(encoded, CRC_FROM, attributes & ~TRANSACTIONAL_BIT, last_offset - base)
    CRC.pack_into(encoded, CRC_AT, crc32c.crc32c(memoryview(encoded)[CRC_FROM:]))
    return encoded
