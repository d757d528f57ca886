"""What `recording.py` records from: a log, a Kafka cluster, or a broker's data folder on disk.

Each gives topics with their configurations, and partitions to read. All only read: no group is
joined, nothing is committed, no topic is made, no file is touched.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import msgspec

from log.backends.file import BrokerPartition, FileLog, open_broker_folder
from log.backends.file.log import MARKER_NAME
from log.errors import CorruptLog, UnknownTopic
from log.interface import Log
from log.record import Batch
from log.topic import TopicConfig

if TYPE_CHECKING:
    from log.backends.kafka import KafkaLog

PARTITION_FOLDER = re.compile(r"(.+)-(\d+)")
SEGMENT = "[0-9]" * 20 + ".log"
STARTS_NAME = "log-start-offset-checkpoint"
SETTINGS_TOPIC = "refold.topics"


class SourcePartition(Protocol):
    """The part of `log.interface.Partition` that recording needs."""

    @property
    def log_start(self) -> int: ...
    @property
    def high_watermark(self) -> int: ...
    def read(self, offset: int, max_bytes: int = ...) -> list[Batch]: ...
    def offset_for_time(self, timestamp: int) -> int | None: ...


class Source:
    """Where a history is recorded from. Use as a context manager, or `close` it."""

    name: str
    """Tells it from other sources; holds no password."""
    notes: tuple[str, ...] = ()
    """What a person should know of it."""

    def topics(self) -> dict[str, TopicConfig]:
        """Every topic by name."""
        raise NotImplementedError

    def partition(self, topic: str, number: int) -> SourcePartition:
        """UnknownTopic where there is none."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class LogSource(Source):
    """Any log. Closing it leaves the log open."""

    def __init__(self, log: Log, name: str) -> None:
        self.name = name
        self._log = log

    def topics(self) -> dict[str, TopicConfig]:
        return self._log.topics()

    def partition(self, topic: str, number: int) -> SourcePartition:
        return self._log.partition(topic, number)


class FolderSource(LogSource):
    """A file log, by its folder; it may be in use."""

    def __init__(self, folder: Path) -> None:
        self._file_log = FileLog(folder, read_only=True)
        super().__init__(self._file_log, str(folder.resolve()))

    def close(self) -> None:
        self._file_log.close()


class KafkaSource(LogSource):
    """A cluster, by its batches. `settings` are librdkafka's, those that the log was opened with;
    where aiokafka has no such way in, records come one by one, which is slower."""

    def __init__(self, log: "KafkaLog", settings: Mapping[str, Any]) -> None:
        from log.backends.kafka.raw_batches import Connection, client_options

        servers = ",".join(sorted(settings["bootstrap.servers"].split(",")))
        super().__init__(log, f"kafka://{servers}/{log.prefix.removesuffix('.')}".rstrip("/"))
        self._kafka_log = log
        options = client_options(settings)
        self._connection = None if options is None else Connection(options)
        if options is None:
            self.notes = (
                "records are fetched one by one, not by their batches: the settings ask for a "
                "login or keys that only librdkafka has",
            )

    def partition(self, topic: str, number: int) -> SourcePartition:
        from log.backends.kafka.raw_batches import RawPartition

        partition = self._kafka_log.partition(topic, number)
        if self._connection is None:
            return partition
        return RawPartition(partition, self._kafka_log.prefix + topic, self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class _Unsaid(msgspec.Struct):
    """Of a record on `refold.topics`, what replay cannot do without."""

    value_format: str = "json"


class BrokerSource(Source):
    """A Kafka broker's data folder (of its `log.dirs`), with no broker running.

    `prefix` is that of the log's topics on the cluster, and is taken off. Errors: UnknownTopic
    where the folder holds no partition.
    """

    notes = (
        "a broker's data folder does not tell the topics' configuration: they get the defaults, "
        "which keep everything; a transaction that was open when the broker ended is recorded",
    )

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self._folder = folder
        self._prefix = f"{prefix.removesuffix('.')}." if prefix else ""
        self.name = f"{folder.resolve()}{'#' if prefix else ''}{self._prefix}"
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)
        for each in folder.iterdir() if folder.is_dir() else ():
            match = PARTITION_FOLDER.fullmatch(each.name)
            if match and not match[1].startswith("__") and any(each.glob(SEGMENT)):
                self._numbers[match[1]].add(int(match[2]))
        if not self._numbers:
            raise UnknownTopic(
                f"{folder} is neither a log (it has no {MARKER_NAME}) nor a broker's data folder "
                "(it has no folders <topic>-<partition> with segment files)"
            )
        self._starts = _log_starts(folder / STARTS_NAME)

    def topics(self) -> dict[str, TopicConfig]:
        formats = self._value_formats()
        found = {}
        for full, numbers in sorted(self._numbers.items()):
            name = full.removeprefix(self._prefix)
            if full.startswith(self._prefix) and name != SETTINGS_TOPIC:
                settings = {"partitions": max(numbers) + 1, "value_format": formats.get(name)}
                told = {key: value for key, value in settings.items() if value is not None}
                found[name] = msgspec.convert(told, TopicConfig)
        return found

    def partition(self, topic: str, number: int) -> SourcePartition:
        full = self._prefix + topic
        if number not in self._numbers.get(full, ()):
            raise UnknownTopic(
                f"partition {number} of {full} is not in {self._folder}: another broker of the "
                "cluster has it. Record from the cluster, or from a folder that holds all of it"
            )
        opened = open_broker_folder(self._folder / f"{full}-{number}")
        return _StartedPartition(opened, self._starts.get((full, number), 0))

    def _value_formats(self) -> dict[str, str]:
        """By topic, where it is not JSON: what refold says on a topic of its own."""
        if SETTINGS_TOPIC not in {each.removeprefix(self._prefix) for each in self._numbers}:
            return {}
        found: dict[str, str] = {}
        partition = self.partition(SETTINGS_TOPIC, 0)
        offset, end = partition.log_start, partition.high_watermark
        while offset < end:
            for batch in partition.read(offset):
                offset = batch.last_offset + 1
                for record in batch:
                    name = (record.key or b"").decode()
                    found.pop(name, None)
                    if record.value is not None:
                        said = msgspec.json.decode(record.value, type=_Unsaid)
                        found[name] = said.value_format
        return found


class _StartedPartition:
    """A broker's partition from the log start on that the broker noted: within a segment, where
    records were deleted."""

    def __init__(self, partition: BrokerPartition, log_start: int) -> None:
        self._partition = partition
        self.high_watermark = partition.high_watermark
        self.log_start = min(max(log_start, partition.log_start), self.high_watermark)
        self.read = partition.read

    def offset_for_time(self, timestamp: int) -> int | None:
        found = self._partition.offset_for_time(timestamp)
        return None if found is None else max(found, self.log_start)


def _log_starts(path: Path) -> dict[tuple[str, int], int]:
    """A broker's note: a version, a count, and a line `topic partition offset` each."""
    try:
        lines = path.read_text().splitlines()[2:]
        rows = [line.split() for line in lines]
        return {(topic, int(number)): int(offset) for topic, number, offset in rows}
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CorruptLog(
            f"{path}: {error}. It holds the log start offsets: restore it from a copy, or move it "
            "away to begin at the oldest segments"
        ) from error


def open_folder(folder: Path, prefix: str = "") -> Source:
    """A file log's folder, or a broker's. Errors: UnknownTopic where it is neither."""
    if (folder / MARKER_NAME).is_file():
        return FolderSource(folder)
    return BrokerSource(folder, prefix)
