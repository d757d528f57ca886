"""What the portable forms of a log share: what is exported, and how it is put back.

A log leaves as a folder or a zip file of Kafka segments (`portable_folder.py`) or as JSON lines
(`portable_lines.py`), and comes back into any backend: every record at its own offset, with its
timestamp, key, value and headers. Import checks all there is to check before it writes anything.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from log.backends.names import check_topic_name
from log.errors import InvalidRecord, LogError
from log.interface import Log, Partition
from log.record import Batch, BatchBuilder, StoredRecord, new_batch
from log.topic import TopicConfig

READ_BYTES = 1 << 20
BATCH_BYTES = 1 << 20
"""About so much is appended at once: one wait for the disk a MiB."""
DELTA_MAX = 2**31 - 1
"""The greatest distance of a record from its batch's base offset, in Kafka's format."""

Progress = Callable[[int, int], None]
"""Called with how many records are done, and how many there are."""


class InvalidExport(LogError):
    """What is to be imported is not whole, or not an export; the message says where."""


class ImportRefused(LogError):
    """The log that is to be imported into holds something under one of the names already."""


class ExportedPartition(msgspec.Struct, kw_only=True):
    """One partition as it was: its offsets go from `log_start` to before `log_end`."""

    topic: str
    partition: int
    log_start: int
    log_end: int


class Counts(msgspec.Struct, kw_only=True):
    """What was exported or imported."""

    topics: int
    partitions: int
    records: int
    notes: list[str] = []
    """What a person should know beside: a line each."""


def chosen_topics(log: Log, topics: Collection[str] | None) -> dict[str, TopicConfig]:
    """All topics, or those named, with their configurations."""
    return {
        name: config for name, config in log.topics().items() if topics is None or name in topics
    }


def exported_partitions(
    log: Log, topics: dict[str, TopicConfig]
) -> list[tuple[Partition, ExportedPartition]]:
    """The partitions, and how far they go now: what is appended later is not exported."""
    return [
        (
            partition,
            ExportedPartition(
                topic=name,
                partition=number,
                log_start=partition.log_start,
                log_end=partition.high_watermark,
            ),
        )
        for name, config in topics.items()
        for number in range(config.partitions)
        for partition in [log.partition(name, number)]
    ]


def batches_of(partition: Partition, begin: int, end: int) -> Iterator[Batch]:
    """The batches with records between two offsets. The first may hide records before `begin`."""
    while begin < end:
        batches = partition.read(begin, READ_BYTES)
        for batch in batches:
            if batch.base_offset < end and batch.count:
                yield batch
        begin = batches[-1].last_offset + 1


def committed_offsets(log: Log, topics: Collection[str]) -> dict[str, list[tuple[str, int, int]]]:
    """Of each consumer group, its offsets on these topics, as (topic, partition, offset)."""
    return {
        group: [
            (topic, number, offset)
            for (topic, number), offset in sorted(log.committed(group).items())
            if topic in topics
        ]
        for group in log.groups()
    }


def check_target(
    log: Log, topics: dict[str, TopicConfig], partitions: Iterable[ExportedPartition]
) -> None:
    """ImportRefused where a topic is there and not empty, or differs in its configuration;
    InvalidExport where partitions and configurations do not go together."""
    existing = log.topics()
    for name, config in topics.items():
        check_topic_name(name)
        if name not in existing:
            continue
        for number in range(existing[name].partitions):
            if log.partition(name, number).log_end:
                raise ImportRefused(
                    f"topic {name} is not empty (partition {number} goes up to offset "
                    f"{log.partition(name, number).log_end}): import into another log, or delete "
                    "the topic first. Nothing was imported"
                )
        if existing[name] != config:
            raise ImportRefused(
                f"topic {name} exists with another configuration: {existing[name]}, and the "
                f"export has {config}. Nothing was imported"
            )
    told = {(one.topic, one.partition) for one in partitions}
    due = {
        (name, number) for name, config in topics.items() for number in range(config.partitions)
    }
    if told != due:
        odd = ", ".join(f"{topic}-{number}" for topic, number in sorted(told ^ due))
        raise InvalidExport(f"the export's partitions are not those of its topics: {odd}")


class Importer:
    """Puts records back into one empty partition, each at its own offset."""

    def __init__(self, partition: Partition, log_start: int) -> None:
        self._partition = partition
        self._limit_bytes = min(BATCH_BYTES, partition.config.max_message_bytes)
        self._records = 0
        self._begin(log_start)
        self._new()

    def add(self, records: Iterable[StoredRecord], size: int) -> None:
        """Records that stay within one batch, and their size in bytes."""
        if self._records and self._builder.size() + size > self._limit_bytes:
            self._append()
        for record in records:
            delta = record.offset - self._base
            if not 0 <= delta <= DELTA_MAX:
                raise InvalidRecord(
                    f"{self._partition.topic}-{self._partition.number}: a record at offset "
                    f"{record.offset} cannot follow offset {self._base - 1}"
                )
            headers = list(record.headers)
            self._builder.append(delta, record.timestamp, record.key, record.value, headers)
            self._records += 1

    def finish(self) -> None:
        """Append what is left."""
        if self._records:
            self._append()

    def _append(self) -> None:
        self._partition.append_batch(self._builder)
        self._new()

    def _new(self) -> None:
        self._base = self._partition.log_end
        self._builder: BatchBuilder = new_batch(self._partition.config.compression_type)
        self._records = 0

    def _begin(self, log_start: int) -> None:
        """Bring an empty partition to its log start, by a record there that is then deleted."""
        while (gap := log_start - self._partition.log_end) > 0:
            builder, delta = new_batch(), min(gap - 1, DELTA_MAX)
            builder.append(delta, 1, b"", None, [])
            if self._partition.append_batch(builder)[-1] < delta:
                raise InvalidRecord(
                    f"{self._partition.topic}-{self._partition.number} begins at offset "
                    f"{log_start}, as what was before is deleted; brokers number records from 0 "
                    "on: import it into a log in a folder"
                )
        if log_start:
            self._partition.delete_before(log_start)
