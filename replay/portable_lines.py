"""A log as JSON lines, for any tool that reads text: one record a line.

The first line is the header (configurations, offsets, groups), the last one the count of records:
a file without it was cut. In between, by topic and partition, in order:

    {"topic", "partition", "offset", "timestamp", "key", "value"}

`value` is the value itself where it is JSON, to the byte, and null for a tombstone; anything else
is `value_base64`. A key that is no text is `key_base64`; `headers` stand there where there are any.
"""

import base64
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import UNSET, UnsetType

from log.interface import Log
from log.record import Headers, StoredRecord
from log.topic import TopicConfig
from replay.portable import (
    Counts,
    ExportedPartition,
    Importer,
    InvalidExport,
    Progress,
    batches_of,
    check_target,
    chosen_topics,
    committed_offsets,
    exported_partitions,
)

VERSION = 1
NULL = msgspec.Raw(b"null")
PROGRESS_EVERY_RECORDS = 1000
RECORD_OVERHEAD_BYTES = 40


class Header(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The first line."""

    refold_lines: int
    topics: dict[str, TopicConfig]
    partitions: list[ExportedPartition]
    groups: dict[str, list[tuple[str, int, int]]]


class HeaderLine(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One header of a record."""

    name: str
    value: str | None = None
    value_base64: str | None = None


class Line(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    key_base64: str | UnsetType = UNSET
    value: msgspec.Raw
    value_base64: str | UnsetType = UNSET
    headers: list[HeaderLine] | UnsetType = UNSET


class Trailer(msgspec.Struct, forbid_unknown_fields=True):
    """The last line."""

    records: int


class ImportedRecord(msgspec.Struct, gc=False):
    """A line as a record with its place."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def export_lines(
    log: Log,
    out: BinaryIO,
    topics: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Write a log, or some of its topics, to a file that is open for writing."""
    chosen = chosen_topics(log, topics)
    partitions = exported_partitions(log, chosen)
    total = sum(one.log_end - one.log_start for _, one in partitions)
    encode = msgspec.json.Encoder().encode
    header = Header(
        refold_lines=VERSION,
        topics=chosen,
        partitions=[one for _, one in partitions],
        groups=committed_offsets(log, chosen),
    )
    out.write(encode(header) + b"\n")
    records = 0
    for partition, one in partitions:
        for batch in batches_of(partition, one.log_start, one.log_end):
            for record in batch:
                out.write(encode(_line(one, record)) + b"\n")
                records += 1
            if progress:
                progress(records, total)
    out.write(encode(Trailer(records)) + b"\n")
    return Counts(topics=len(chosen), partitions=len(partitions), records=records)


def import_lines(log: Log, path: Path, progress: Progress | None = None) -> Counts:
    """Put exported lines into a log: topics that are not there, or empty.

    Errors: InvalidExport with the number of the line, ImportRefused (nothing is imported then);
    those of the log.
    """
    header = _read_header(path)
    check_target(log, header.topics, header.partitions)
    total = sum(1 for _ in _checked_lines(path, header))
    for name, config in header.topics.items():
        log.create_topic(name, config)
    importers = {
        (one.topic, one.partition): Importer(log.partition(one.topic, one.partition), one.log_start)
        for one in header.partitions
    }
    for records, line in enumerate(_lines(path), 1):
        record = _record(line)
        size = len(record.value or b"") + len(record.key or b"") + RECORD_OVERHEAD_BYTES
        importers[line.topic, line.partition].add((record,), size)
        if progress and records % PROGRESS_EVERY_RECORDS == 0:
            progress(records, total)
    for importer in importers.values():
        importer.finish()
    for group, offsets in header.groups.items():
        log.commit(group, {(topic, number): offset for topic, number, offset in offsets})
    return Counts(topics=len(header.topics), partitions=len(header.partitions), records=total)


def _read_header(path: Path) -> Header:
    with path.open("rb") as file:
        first = file.readline()
    try:
        header = msgspec.json.decode(first, type=Header)
    except msgspec.DecodeError as error:
        raise InvalidExport(
            f"{path}:1: this is not the first line of an exported log: {error}"
        ) from error
    if header.refold_lines != VERSION:
        raise InvalidExport(
            f"{path}:1: version {header.refold_lines}; this program reads version {VERSION}"
        )
    return header


def _lines(path: Path) -> Iterator[Line]:
    """The records of a file that was checked."""
    decode = msgspec.json.Decoder(Line).decode
    with path.open("rb") as file:
        file.readline()
        previous = file.readline()
        for text in file:
            yield decode(previous)
            previous = text


def _checked_lines(path: Path, header: Header) -> Iterator[Line]:
    """Every record, with its order and the count at the end made sure of."""
    decode = msgspec.json.Decoder(Line | Trailer).decode if False else None
    del decode
    decode_line = msgspec.json.Decoder(Line).decode
    due = {(one.topic, one.partition): one.log_start for one in header.partitions}
    ends = {(one.topic, one.partition): one.log_end for one in header.partitions}
    yield from ()
