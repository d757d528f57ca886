"""A log as a portable folder, or as one zip file of it: segments in Kafka's own format, and a
manifest.

    manifest.json                            configurations, offsets, counts, digests, systems
    <topic>-<partition>/<base offset>.log    record batches, as on any backend or broker

The manifest is written last: a folder without one is an export that did not finish.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import msgspec

from log.interface import Log, Partition
from log.record import HEADER_SIZE, LENGTH_END, Batch, batch_of
from processors.core.registry import Registry
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
from replay.portable_files import ExportFiles, FolderFiles, new_folder, new_zip, open_zip
from replay.portable_manifest import (
    MANIFEST_NAME,
    VERSION,
    Manifest,
    PartitionFiles,
    Segment,
    SystemsSeen,
    differences_of,
    load_manifest,
    systems_on,
)

SEGMENT_BYTES = 1 << 30
DIGEST_SIZE = 16


def export_folder(
    log: Log,
    out: Path,
    topics: Collection[str] | None = None,
    progress: Progress | None = None,
    *,
    registry: Registry | None = None,
    redacted: Collection[str] = (),
) -> Counts:
    """Write a log, or some of its topics, to a new or empty folder.

    The manifest tells of the systems of `registry`, and of the fields that were `redacted` (the
    log is one of `redacted_log` then). Errors: FileExistsError; OSError as the disk gives it.
    """
    with new_folder(out) as files:
        return _export(log, files, topics, progress, registry, redacted)


def export_zip(
    log: Log,
    out: Path,
    topics: Collection[str] | None = None,
    progress: Progress | None = None,
    *,
    registry: Registry | None = None,
    redacted: Collection[str] = (),
) -> Counts:
    """As `export_folder`, to one new compressed file, which is there when it is whole."""
    with new_zip(out) as files:
        return _export(log, files, topics, progress, registry, redacted)


def import_folder(
    log: Log,
    source: Path,
    progress: Progress | None = None,
    *,
    registry: Registry | None = None,
) -> Counts:
    """Put an exported folder into a log: topics that are not there, or empty.

    Where the systems of `registry` are not those that it was exported with, a note says so.
    Errors: InvalidExport, ImportRefused (nothing is imported then); those of the log.
    """
    return _import(log, FolderFiles(source), progress, registry)


def import_zip(
    log: Log,
    source: Path,
    progress: Progress | None = None,
    *,
    registry: Registry | None = None,
) -> Counts:
    """As `import_folder`, of a zip file."""
    with open_zip(source) as files:
        return _import(log, files, progress, registry)


def _export(
    log: Log,
    files: ExportFiles,
    topics: Collection[str] | None,
    progress: Progress | None,
    registry: Registry | None,
    redacted: Collection[str],
) -> Counts:
    chosen = chosen_topics(log, topics)
    partitions = exported_partitions(log, chosen)
    total = sum(one.log_end - one.log_start for _, one in partitions)
    seen = SystemsSeen(systems_on(registry, chosen), chosen)
    manifest = Manifest(
        refold_export=VERSION,
        topics=chosen,
        partitions=[],
        groups=committed_offsets(log, chosen),
        systems=seen.systems,
        redacted=sorted(redacted),
    )
    records = 0

    def done(topic: str, batch: Batch) -> None:
        nonlocal records
        records += batch.count
        seen.see(topic, batch)
        if progress:
            progress(records, total)

    for partition, one in partitions:
        segments = _write_segments(files, partition, one, done)
        told = PartitionFiles(**msgspec.structs.asdict(one), segments=segments)
        manifest.partitions.append(told)
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    file = files.create(MANIFEST_NAME)
    file.write(encoded + b"\n")
    files.finish(file)
    return Counts(topics=len(chosen), partitions=len(partitions), records=records)


def _import(
    log: Log, files: ExportFiles, progress: Progress | None, registry: Registry | None
) -> Counts:
    manifest = load_manifest(files)
    check_target(log, manifest.topics, manifest.partitions)
    total = sum(segment.records for one in manifest.partitions for segment in one.segments)
    for one in manifest.partitions:
        _check_partition(files, one)
    for name, config in manifest.topics.items():
        log.create_topic(name, config)
    records = 0
    for one in manifest.partitions:
        importer = Importer(log.partition(one.topic, one.partition), one.log_start)
        for segment in one.segments:
            for batch in _batches_in(files, _name(one, segment)):
                importer.add(batch, len(batch.buffer))
                records += batch.count
                if progress:
                    progress(records, total)
        importer.finish()
    for group, offsets in manifest.groups.items():
        log.commit(group, {(topic, number): offset for topic, number, offset in offsets})
    return Counts(
        topics=len(manifest.topics),
        partitions=len(manifest.partitions),
        records=records,
        notes=list(differences_of(manifest, registry)),
    )


class _SegmentWriter:
    """Writes batches to one file, and knows what the manifest is to say of it."""

    def __init__(self, files: ExportFiles, one: ExportedPartition, base_offset: int) -> None:
        self.segment = Segment(f"{base_offset:020d}.log", 0, "", 0)
        self._files = files
        self._file = files.create(_name(one, self.segment))
        self._hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)

    def write(self, batch: Batch) -> None:
        self._file.write(batch.buffer)
        self._hashed.update(batch.buffer)
        self.segment.bytes += len(batch.buffer)
        self.segment.records += batch.count

    def close(self) -> None:
        self.segment.blake2b = self._hashed.hexdigest()
        self._files.finish(self._file)


def _write_segments(
    files: ExportFiles,
    partition: Partition,
    one: ExportedPartition,
    done: Callable[[str, Batch], None],
) -> list[Segment]:
    """Write a partition's files; `done` takes each batch that is written."""
    writers: list[_SegmentWriter] = []
    try:
        for batch in batches_of(partition, one.log_start, one.log_end):
            if batch.base_offset < one.log_start:  # its first records are deleted
                batch = batch_of(list(batch))
            if not writers or writers[-1].segment.bytes + len(batch.buffer) > SEGMENT_BYTES:
                if writers:
                    writers[-1].close()
                writers.append(_SegmentWriter(files, one, batch.base_offset))
            writers[-1].write(batch)
            done(one.topic, batch)
    finally:
        if writers:
            writers[-1].close()
    return [writer.segment for writer in writers]


def _name(one: ExportedPartition, segment: Segment) -> str:
    return f"{one.topic}-{one.partition}/{segment.name}"


def _check_partition(files: ExportFiles, one: PartitionFiles) -> None:
    """Digests, checksums, counts and offsets; InvalidExport, with the file and the position."""
    due = one.log_start
    for segment in one.segments:
        path = files.name(_name(one, segment))
        hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)
        position = records = 0
        for batch in _batches_in(files, _name(one, segment)):
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


def _batches_in(files: ExportFiles, name: str) -> Iterator[Batch]:
    path = files.name(name)
    try:
        with files.open(name) as file:
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
