"""A log as a portable folder: segment files in Kafka's own format, and a manifest.

    manifest.json                            configurations, offsets, counts, digests
    <topic>-<partition>/<base offset>.log    record batches, as on any backend or broker

The manifest is written last: a folder without one is an export that did not finish.
"""

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from log.errors import InvalidConfig
from log.interface import Log, Partition
from log.record import HEADER_SIZE, LENGTH_END, Batch, batch_of
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

MANIFEST_NAME = "manifest.json"
VERSION = 1
SEGMENT_BYTES = 1 << 30
SEGMENT_NAME = re.compile(r"\d{20}\.log")
DIGEST_SIZE = 16


class Segment(msgspec.Struct):
    """One file: its size and the BLAKE2b digest (16 bytes, hexadecimal) of its content."""

    name: str
    bytes: int
    blake2b: str
    records: int


class PartitionFiles(ExportedPartition, kw_only=True):
    """A partition and its files, in order."""

    segments: list[Segment]


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is in the folder."""

    refold_export: int
    topics: dict[str, TopicConfig]
    partitions: list[PartitionFiles]
    groups: dict[str, list[tuple[str, int, int]]]


def export_folder(
    log: Log,
    out: Path,
    topics: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Write a log, or some of its topics, to a new or empty folder.

    Errors: FileExistsError; OSError as the disk gives it.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: name a new folder to export to")
    chosen = chosen_topics(log, topics)
    partitions = exported_partitions(log, chosen)
    total = sum(one.log_end - one.log_start for _, one in partitions)
    manifest = Manifest(
        refold_export=VERSION,
        topics=chosen,
        partitions=[],
        groups=committed_offsets(log, chosen),
    )
    records = 0

    def done(count: int) -> None:
        nonlocal records
        records += count
        if progress:
            progress(records, total)

    for partition, one in partitions:
        segments = _write_segments(out, partition, one, done)
        files = PartitionFiles(**msgspec.structs.asdict(one), segments=segments)
        manifest.partitions.append(files)
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with (out / MANIFEST_NAME).open("wb") as file:
        file.write(encoded + b"\n")
        _sync(file)
    return Counts(topics=len(chosen), partitions=len(partitions), records=records)


def import_folder(log: Log, source: Path, progress: Progress | None = None) -> Counts:
    """Put an exported folder into a log: topics that are not there, or empty.

    Errors: InvalidExport, ImportRefused (nothing is imported then); those of the log.
    """
    manifest = _load_manifest(source)
    check_target(log, manifest.topics, manifest.partitions)
    total = sum(segment.records for one in manifest.partitions for segment in one.segments)
    for one in manifest.partitions:
        _check_partition(source, one)
    for name, config in manifest.topics.items():
        log.create_topic(name, config)
    records = 0
    for one in manifest.partitions:
        importer = Importer(log.partition(one.topic, one.partition), one.log_start)
        for segment in one.segments:
            for batch in _batches_in(_path(source, one, segment)):
                importer.add(batch, len(batch.buffer))
                records += batch.count
                if progress:
                    progress(records, total)
        importer.finish()
    for group, offsets in manifest.groups.items():
        log.commit(group, {(topic, number): offset for topic, number, offset in offsets})
    return Counts(
        topics=len(manifest.topics), partitions=len(manifest.partitions), records=records
    )


class _SegmentWriter:
    """Writes batches to one file, and knows what the manifest is to say of it."""

    def __init__(self, folder: Path, base_offset: int) -> None:
        self.segment = Segment(f"{base_offset:020d}.log", 0, "", 0)
        self._file = (folder / self.segment.name).open("xb")
        self._hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)

    def write(self, batch: Batch) -> None:
        self._file.write(batch.buffer)
        self._hashed.update(batch.buffer)
        self.segment.bytes += len(batch.buffer)
        self.segment.records += batch.count

    def close(self) -> None:
        self.segment.blake2b = self._hashed.hexdigest()
        _sync(self._file)
        self._file.close()


def _write_segments(
    out: Path, partition: Partition, one: ExportedPartition, done: Callable[[int], None]
) -> list[Segment]:
    """Write a partition's files; `done` takes the number of records of each batch."""
    folder = out / f"{one.topic}-{one.partition}"
    folder.mkdir()
    writers: list[_SegmentWriter] = []
    try:
        for batch in batches_of(partition, one.log_start, one.log_end):
            if batch.base_offset < one.log_start:  # its first records are deleted
                batch = batch_of(list(batch))
            if not writers or writers[-1].segment.bytes + len(batch.buffer) > SEGMENT_BYTES:
                if writers:
                    writers[-1].close()
                writers.append(_SegmentWriter(folder, batch.base_offset))
            writers[-1].write(batch)
            done(batch.count)
    finally:
        if writers:
            writers[-1].close()
    return [writer.segment for writer in writers]


def _load_manifest(source: Path) -> Manifest:
    path = source / MANIFEST_NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise InvalidExport(
            f"{source} has no {MANIFEST_NAME}: it is no export, or one that did not finish"
        ) from None
    except (msgspec.DecodeError, InvalidConfig) as error:
        raise InvalidExport(f"{path}: {error}") from error
    if manifest.refold_export != VERSION:
        raise InvalidExport(
            f"{path}: version {manifest.refold_export}; this program reads version {VERSION}"
        )
    for one in manifest.partitions:
        for segment in one.segments:
            if not SEGMENT_NAME.fullmatch(segment.name):
                raise InvalidExport(f"{path}: {segment.name!r} is no name of a segment")
    return manifest


def _path(source: Path, one: PartitionFiles, segment: Segment) -> Path:
    return source / f"{one.topic}-{one.partition}" / segment.name


def _check_partition(source: Path, one: PartitionFiles) -> None:
    """Digests, checksums, counts and offsets; InvalidExport, with the file and the position."""
    due = one.log_start
    for segment in one.segments:
        path = _path(source, one, segment)
        hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)
        position = records = 0
        for batch in _batches_in(path):
            if not batch.is_intact():
                raise InvalidExport(
                    f"{path}, position {position}: the batch at offset {batch.base_offset} is "
                    "damaged: its checksum does not match"
                )
            if not due <= batch.base_offset <= batch.last_offset < one.log_end:
                raise InvalidExport(
                    f"{path}, position {position}: a batch with offsets {batch.base_offset} to "
                    f"{batch.last_offset} is not between {due} and {one.log_end}"
                )
            due = batch.last_offset + 1
            hashed.update(batch.buffer)
            position += len(batch.buffer)
            records += batch.count
        if (position, records) != (segment.bytes, segment.records):
            raise InvalidExport(
                f"{path} holds {records} records in {position} bytes, and the manifest says "
                f"{segment.records} in {segment.bytes}"
            )
        if hashed.hexdigest() != segment.blake2b:
            raise InvalidExport(f"{path}: its digest is not the one in the manifest")


def _batches_in(path: Path) -> Iterator[Batch]:
    try:
        with path.open("rb") as file:
            position = 0
            while head := file.read(HEADER_SIZE):
                length = int.from_bytes(head[LENGTH_END - 4 : LENGTH_END], "big", signed=True)
                rest = file.read(max(length + LENGTH_END - HEADER_SIZE, 0))
                buffer = head + rest
                if len(buffer) != length + LENGTH_END or len(buffer) < HEADER_SIZE:
                    raise InvalidExport(
                        f"{path}, position {position}: the file ends within a batch, or this is "
                        "none"
                    )
                yield Batch(buffer)
                position += len(buffer)
    except FileNotFoundError:
        raise InvalidExport(f"{path} is missing, and the manifest names it") from None


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
