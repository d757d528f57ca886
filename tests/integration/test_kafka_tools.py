"""The file format is Kafka's: its tools accept our files, and we read a broker's."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from log.backends.file import FileLog, open_broker_folder
from log.errors import LogStorageError
from log.interface import Partition
from log.record import Record, StoredRecord
from log.topic import TopicConfig
from tests.integration.kafka_tools import Broker, KafkaTools

COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]
NOW_MS = 1_700_000_000_000
COMPLAINTS = re.compile(
    r"mismatch|isvalid: false|Found|Exception|ERROR|out of order|not.*valid|trailing",
    re.IGNORECASE,
)


def records_of(partition: Partition) -> Iterator[StoredRecord]:
    offset = partition.log_start
    while offset < partition.high_watermark:
        batches = partition.read(offset)
        for batch in batches:
            yield from batch
        offset = batches[-1].last_offset + 1


def fill(partition: Partition, batches: int) -> None:
    """Batches of three, timestamps that also go back, every kind of value."""
    for number in range(batches):
        partition.append(
            [
                Record(
                    None if (number + index) % 40 == 7 else b"value-%d-%d " % (number, index) * 5,
                    key=b"key-%d" % ((number * 7 + index) % 50),
                    timestamp=NOW_MS + number * 37 % 100 + number,
                    headers=[("header", b"x")],
                )
                for index in range(3)
            ]
        )


def segment_files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in suffixes)


def accept(kafka_tools: KafkaTools, files: list[Path]) -> list[str]:
    """Kafka's dump of logs and both indexes, without a complaint; the offsets that it printed."""
    logs = [file for file in files if file.suffix == ".log"]
    indexes = [file for file in files if file.suffix == ".index" and file.stat().st_size]
    dumped = kafka_tools.dump("--deep-iteration", "--print-data-log", files=files)
    sane = kafka_tools.dump("--index-sanity-check", files=indexes)
    for output in (dumped, sane):
        complaints = [line for line in output.splitlines() if COMPLAINTS.search(line)]
        assert not complaints
    assert dumped.count("isvalid: true") > len(logs)
    assert sane.count("passed sanity check") == len(indexes)
    return re.findall(r"^\| offset: (\d+)", dumped, re.MULTILINE)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileLog]:
    """A topic for each compression, of several segments, compacted; one cut by retention."""
    with FileLog(tmp_path_factory.mktemp("tools") / "log", clock=lambda: NOW_MS) as log:
        for compression in COMPRESSIONS:
            settings = {
                "compression_type": compression,
                "segment_bytes": 12_000,
                "index_interval_bytes": 1000,
                "durability": "loses_unflushed_on_power_failure",
            }
            log.create_topic(compression, msgspec.convert(settings, TopicConfig))
            settings |= {"cleanup_policy": "compact", "delete_retention_ms": 0}
            log.create_topic(f"compacted-{compression}", msgspec.convert(settings, TopicConfig))
            fill(log.partition(compression, 0), 250)
            fill(log.partition(f"compacted-{compression}", 0), 250)
        retained = TopicConfig(
            segment_bytes=12_000, index_interval_bytes=1000, retention_bytes=30_000
        )
        log.create_topic("retained", retained)
        fill(log.partition("retained", 0), 250)
        log.partition("retained", 0).delete_before(40)
        list(log.clean())
        yield log


@pytest.mark.parametrize("prefix", ["", "compacted-"])
def test_kafka_accepts_segments_and_indexes_of_every_compression(
    kafka_tools: KafkaTools, filled: FileLog, prefix: str
) -> None:
    expected: list[str] = []
    files: list[Path] = []
    for compression in COMPRESSIONS:
        topic = prefix + compression
        files += segment_files(Path(filled.path) / f"{topic}-0", ".log", ".index", ".timeindex")
        expected += [str(record.offset) for record in records_of(filled.partition(topic, 0))]
    assert len([file for file in files if file.suffix == ".log"]) >= 10
    assert sum(file.stat().st_size for file in files if file.suffix == ".index") > 100
    assert accept(kafka_tools, files) == expected
    assert (len(expected) == 5 * 750) == (prefix == "")


def test_kafka_accepts_what_retention_left(kafka_tools: KafkaTools, filled: FileLog) -> None:
    partition = filled.partition("retained", 0)
    assert partition.log_start > 40
    files = segment_files(Path(filled.path) / "retained-0", ".log", ".index", ".timeindex")
    offsets = accept(kafka_tools, files)
    assert offsets == [str(record.offset) for record in records_of(partition)]


def test_kafka_accepts_indexes_that_recovery_rebuilt(
    kafka_tools: KafkaTools, filled: FileLog, tmp_path: Path
) -> None:
    copy = tmp_path / "log"
    shutil.copytree(filled.path, copy)
    folder = copy / "none-0"
    indexes = segment_files(folder, ".index", ".timeindex")
    before = {path.name: path.read_bytes() for path in indexes}
    for path in indexes:
        path.unlink()
    with FileLog(copy) as log:
        assert log.partition("none", 0).log_end == 750
    rebuilt = segment_files(folder, ".index", ".timeindex")
    assert {path.name: path.read_bytes() for path in rebuilt} == before
    accept(kafka_tools, segment_files(folder, ".log", ".index", ".timeindex"))


def create_topics(address: str, *names: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    topics = [NewTopic(name, 1, 1, config={"segment.bytes": "1048576"}) for name in names]
    for created in admin.create_topics(topics).values():
        created.result(30)


def produce(address: str, topic: str, compression: str) -> None:
    producer = Producer(
        {"bootstrap.servers": address, "compression.type": compression, "linger.ms": 5}
    )
    for number in range(3000):
        producer.produce(
            topic,
            key=b"key-%d" % number,
            value=b"value-%d " % number * 60,
            timestamp=NOW_MS + number,
            headers=[("n", b"%d" % number)],
        )
    assert producer.flush(30) == 0


def produce_transactions(address: str, topic: str) -> None:
    """One committed, one aborted, one committed, one aborted at the very end."""
    producer = Producer({"bootstrap.servers": address, "transactional.id": "test"})
    producer.init_transactions(30)
    for number, commits in enumerate([True, False, True, False]):
        producer.begin_transaction()
        for index in range(5):
            producer.produce(topic, value=b"%d-%d" % (number, index))
        if commits:
            producer.commit_transaction(30)
        else:
            producer.flush(30)
            producer.abort_transaction(30)


def test_a_stopped_brokers_folder_is_read_like_by_a_consumer(broker: Broker) -> None:
    address = broker.start()
    create_topics(address, "transactions", *COMPRESSIONS)
    for compression in COMPRESSIONS:
        produce(address, compression, compression)
    produce_transactions(address, "transactions")
    data = broker.data_folder()
    broker.stop()

    for compression in COMPRESSIONS:
        partition = open_broker_folder(data / f"{compression}-0")
        assert (partition.topic, partition.number) == (compression, 0)
        assert (partition.log_start, partition.high_watermark) == (0, 3000)
        stored = [
            (r.offset, r.key, r.value, r.timestamp, list(r.headers)) for r in records_of(partition)
        ]
        assert stored == [
            (n, b"key-%d" % n, b"value-%d " % n * 60, NOW_MS + n, [("n", b"%d" % n)])
            for n in range(3000)
        ]
        assert partition.offset_for_time(NOW_MS + 1234) == 1234
        with pytest.raises(LogStorageError, match="reading only"):
            partition.append([Record(b"x")])

    transactions = open_broker_folder(data / "transactions-0")
    assert [record.value for record in records_of(transactions)] == [
        b"%d-%d" % (number, index) for number in (0, 2) for index in range(5)
    ]
    assert transactions.high_watermark == 4 * (5 + 1)
    assert transactions.read(18)[-1].last_offset == 23, "a reader gets past what is hidden"


def test_a_broker_serves_our_segments(broker: Broker, filled: FileLog) -> None:
    address = broker.start()
    create_topics(address, "zstd", "compacted-none")
    data = broker.data_folder()
    broker.stop()
    for topic in ("zstd", "compacted-none"):
        for file in segment_files(data / f"{topic}-0", ".log", ".index", ".timeindex"):
            file.unlink()
        for file in segment_files(
            Path(filled.path) / f"{topic}-0", ".log", ".index", ".timeindex"
        ):
            shutil.copy(file, data / f"{topic}-0")
    broker.start()
    for topic in ("zstd", "compacted-none"):
        consumer = Consumer({"bootstrap.servers": address, "group.id": "test"})
        consumer.assign([TopicPartition(topic, 0, 0)])
        ours = list(records_of(filled.partition(topic, 0)))
        served: list[tuple[int | None, bytes | str | None]] = []
        until = time.monotonic() + 60
        while len(served) < len(ours) and time.monotonic() < until:
            for message in consumer.consume(1000, 1):
                assert message.error() is None
                served.append((message.offset(), message.value()))
        consumer.close()
        assert served == [(record.offset, record.value) for record in ours]
