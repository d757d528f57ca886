"""A log as JSON lines, for any tool that reads text: one record a line.

The first line is the header (configurations, offsets, groups), the last one the count of records:
a file without it was cut. In between, by topic and partition, in order:

    {"topic", "partition", "offset", "timestamp", "key", "value"}

`value` is the value itself where it is JSON, to the byte, and null for a tombstone; anything else
is `value_base64`. A key that is no text is `key_base64`; `headers` are there where a record has
any.
"""

import base64
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import UNSET, UnsetType

from log.errors import InvalidConfig
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
    total = _check(path, header)
    for name, config in header.topics.items():
        log.create_topic(name, config)
    importers = {
        (one.topic, one.partition): Importer(
            log.partition(one.topic, one.partition), one.log_start
        )
        for one in header.partitions
    }
    for records, (_, text) in enumerate(_record_lines(path), 1):
        line = msgspec.json.decode(text, type=Line)
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
    except (msgspec.DecodeError, InvalidConfig) as error:
        raise InvalidExport(
            f"{path}:1: this is not the first line of an exported log: {error}"
        ) from error
    if header.refold_lines != VERSION:
        raise InvalidExport(
            f"{path}:1: version {header.refold_lines}; this program reads version {VERSION}"
        )
    return header


def _check(path: Path, header: Header) -> int:
    """Hold every line to the header before anything is imported; returns how many records."""
    due = {(one.topic, one.partition): one.log_start for one in header.partitions}
    ends = {(one.topic, one.partition): one.log_end for one in header.partitions}
    records = 0
    for number, text in _record_lines(path):
        try:
            line = msgspec.json.decode(text, type=Line)
            _record(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidExport(f"{path}:{number}: {error}") from error
        place = line.topic, line.partition
        if place not in due:
            raise InvalidExport(f"{path}:{number}: {line.topic}-{line.partition} is not announced")
        if not due[place] <= line.offset < ends[place]:
            raise InvalidExport(
                f"{path}:{number}: offset {line.offset} is not between {due[place]} and "
                f"{ends[place]}"
            )
        due[place] = line.offset + 1
        records += 1
    return records


def _record_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines between the first and the last, with their numbers; InvalidExport where the last
    is not the count of them."""
    with path.open("rb") as file:
        file.readline()
        held, records = file.readline(), 0
        for text in file:
            records += 1
            yield records + 1, held
            held = text
    try:
        told = msgspec.json.decode(held, type=Trailer).records
    except msgspec.DecodeError:
        raise InvalidExport(
            f"{path}: the last line does not say how many records there are: the file was cut"
        ) from None
    if told != records:
        raise InvalidExport(f"{path} has {records} records, and its last line says {told}")


def _record(line: Line) -> ImportedRecord:
    """Errors: ValueError for text that is no base64."""
    value = None if line.value == NULL else bytes(line.value)
    if line.value_base64 is not UNSET:
        value = _unpack(line.value_base64)
    key = None if line.key is None else line.key.encode()
    if line.key_base64 is not UNSET:
        key = _unpack(line.key_base64)
    headers: Headers = []
    if line.headers is not UNSET:
        headers = [(header.name, _header_value(header)) for header in line.headers]
    return ImportedRecord(line.offset, line.timestamp, key, value, headers)


def _header_value(header: HeaderLine) -> bytes | None:
    if header.value_base64 is not None:
        return _unpack(header.value_base64)
    return None if header.value is None else header.value.encode()


def _line(one: ExportedPartition, record: StoredRecord) -> Line:
    value, key = record.value, record.key
    line = Line(
        topic=one.topic,
        partition=one.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        key=None if key is None else _text(key),
        value=NULL,
    )
    if key is not None and line.key is None:
        line.key_base64 = _pack(key)
    if value is not None:
        if _is_json(value):
            line.value = msgspec.Raw(value)
        else:
            line.value_base64 = _pack(value)
    if record.headers:
        line.headers = [_header_line(name, told) for name, told in record.headers]
    return line


def _header_line(name: str, value: bytes | None) -> HeaderLine:
    text = None if value is None else _text(value)
    packed = _pack(value) if value is not None and text is None else None
    return HeaderLine(name=name, value=text, value_base64=packed)


def _is_json(value: bytes) -> bool:
    """Whether a line may hold the value as it is, and give it back to the byte."""
    if b"\n" in value or value == b"null" or _text(value) is None:
        return False
    try:
        return bytes(msgspec.json.decode(value, type=msgspec.Raw)) == value
    except msgspec.DecodeError:
        return False


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpack(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
