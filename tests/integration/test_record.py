"""Recording from a real broker, and from its folder: what a consumer would see, and no trace."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from log.backends.file import FileLog
from log.backends.file.doctor import examine
from log.backends.kafka import KafkaLog, raw_batches
from log.errors import LogUnavailable, OffsetOutOfRange
from log.interface import Log
from log.record import Record
from log.topic import TopicConfig
from processors.core.testing.subject import decide_all
from replay.recording import MANIFEST_NAME, record
from replay.recording_source import KafkaSource, open_folder
from replay.verify import verify
from tests.gateway.cli import conftest
from tests.gateway.cli.conftest import DEADLINE_S, Cli
from tests.integration.brokers import PASSWORDS, Broker, SecuredBroker, TlsBroker
from tests.integration.test_kafka_tools import COMPRESSIONS, produce
from tests.samples.parking import SYSTEM, flow

cli = conftest.cli

SYSTEM_TOPICS = [SYSTEM.commands_topic, SYSTEM.events_topic, SYSTEM.dead_letters_topic]
UNREADABLE = b'{"type":"park_car.v1","spot":3}'


@pytest.fixture
def kafka(kafka_address: str, kafka_prefix: str) -> Iterator[KafkaLog]:
    with opened(kafka_address, kafka_prefix) as log:
        yield log


def opened(address: str, prefix: str) -> KafkaLog:
    return KafkaLog({"bootstrap.servers": address}, prefix=f"{prefix.removesuffix('.')}.")


def source_of(log: KafkaLog, address: str) -> KafkaSource:
    return KafkaSource(log, {"bootstrap.servers": address})


def fields(log: Log, topic: str, number: int = 0) -> tuple[int, int, list[Any]]:
    """Log start, end and all records of a partition."""
    partition = log.partition(topic, number)
    start, end, found = partition.log_start, partition.high_watermark, []
    offset = start
    while offset < end:
        for batch in partition.read(offset):
            offset = batch.last_offset + 1
            found += [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
    return start, end, found


def decided(log: Log, count: int = 200) -> int:
    """The parking sample with commands, a dead letter among them, all decided."""
    partitions = SYSTEM.ensure_topics(log)
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    batches: dict[int, list[Record]] = {0: [Record(UNREADABLE, b"x", 1_700_000_000_000)]}
    for (at, command), _ in zip(flow(1), range(count), strict=False):
        key, numbers = SYSTEM.placed(command, partitions)
        for number in numbers:
            batches.setdefault(number, []).append(Record(encode(command), key, at))
    for number, batch in batches.items():
        log.partition(SYSTEM.commands_topic, number).append(batch)
    decide_all(log, SYSTEM, 2000)
    return partitions


def transactions(address: str, topic: str) -> None:
    """Committed and aborted ones of two producers, one within the other; an aborted one last."""
    one, two = (
        Producer({"bootstrap.servers": address, "transactional.id": f"{topic}-{name}"})
        for name in ("one", "two")
    )
    for producer in (one, two):
        producer.init_transactions(30)

    def send(producer: Producer, name: str) -> None:
        for index in range(5):
            value = f"{name}-{index}".encode()
            producer.produce(topic, value, name.encode(), headers=[("n", b"%d" % index)])
        producer.flush(30)

    for number in range(3):
        one.begin_transaction()
        send(one, f"one-{number}")
        two.begin_transaction()
        send(two, f"two-{number}")
        if number == 1:
            one.commit_transaction(30)
            two.abort_transaction(30)
        else:
            one.abort_transaction(30)
            two.commit_transaction(30)
    one.begin_transaction()
    send(one, "last")
    one.abort_transaction(30)


def traces(log: KafkaLog) -> dict[str, object]:
    """What there is of groups, offsets and topics on the cluster."""
    groups = log.cluster.groups()
    return {
        "groups": {group: log.cluster.committed(group) for group in groups},
        "members": {group: log.cluster.members(group) for group in groups},
        "topics": {n: c for n, c in log.cluster.partitions().items() if n.startswith(log.prefix)},
    }


def test_a_system_and_no_trace_of_it(
    kafka: KafkaLog, kafka_address: str, cli: Cli, kafka_prefix: str
) -> None:
    partitions = decided(kafka)
    kafka.commit("readers", {(SYSTEM.events_topic, 0): 3})
    before = traces(kafka)
    url = f"kafka://{kafka_address}/{kafka_prefix}"
    ended = cli("record", "--from", url, "--system", "parking", "--out", "out", "--json")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert traces(kafka) == before
    with FileLog(cli.folder / "out") as log:
        for topic in SYSTEM_TOPICS:
            assert log.topics()[topic] == kafka.topics()[topic]
            for number in range(partitions):
                assert fields(log, topic, number) == fields(kafka, topic, number)
        for number in range(partitions):
            assert verify(log, SYSTEM, number) == verify(kafka, SYSTEM, number)
    assert list(examine(str(cli.folder / "out"))) == []
    assert cli("replay", "verify", "parking", "--log", "out").exit_code == 0
    assert cli("doctor", "--log", "out").stdout == "healthy\n"
    assert cli("run", "parking", "--until-idle", "--log", "out").exit_code == 0


def test_what_a_consumer_of_committed_records_sees(
    kafka: KafkaLog, kafka_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressed batches, transactions one within the other, deleted records; by batches and, as
    where aiokafka has no way in, record by record."""
    config = TopicConfig(value_format="msgpack", retention_ms=-1)
    names = [*(f"c-{name}" for name in COMPRESSIONS), "transactions"]
    for name in names:
        kafka.create_topic(name, config)
    for name in COMPRESSIONS:
        produce(kafka_address, f"{kafka.prefix}c-{name}", name)
    transactions(kafka_address, f"{kafka.prefix}transactions")
    kafka.partition("c-zstd", 0).delete_before(77)
    with source_of(kafka, kafka_address) as source:
        record(source, tmp_path / "raw", names)
    monkeypatch.setattr(raw_batches, "client_options", lambda settings: None)
    with source_of(kafka, kafka_address) as source:
        assert "one by one" in source.notes[0]
        record(source, tmp_path / "plain", names)
    for out in ("raw", "plain"):
        with FileLog(tmp_path / out) as log:
            assert log.topics() == {name: kafka.topics()[name] for name in sorted(names)}
            for name in names:
                assert fields(log, name) == fields(kafka, name), (out, name)
            assert log.partition("c-zstd", 0).log_start == 77
            assert len(fields(log, "transactions")[2]) == 15
        assert list(examine(str(tmp_path / out))) == []
    with FileLog(tmp_path / "raw") as log:
        (batch, *_) = log.partition("c-zstd", 0).read(2000)
        assert batch.is_compressed, "batches are copied as they are"


def fill(log: KafkaLog, records: int) -> None:
    log.create_topic("large", TopicConfig())
    for begin in range(0, records, 5000):
        numbers = range(begin, begin + 5000)
        log.partition("large", 0).append([Record(b"%d" % each * 20, b"key") for each in numbers])


def test_killed_in_the_middle_it_goes_on(
    kafka: KafkaLog, kafka_address: str, kafka_prefix: str, cli: Cli
) -> None:
    fill(kafka, 400_000)
    start, end, whole = fields(kafka, "large")
    url, out = f"kafka://{kafka_address}/{kafka_prefix}", cli.folder / "out"
    arguments = ("--from", url, "--topics", "large", "--out", "out")
    sizes = [0]
    for _ in range(2):
        process = cli.start("record", *arguments)
        deadline_s = time.monotonic() + DEADLINE_S
        while _size(out) < sizes[-1] + 500_000:
            assert process.poll() is None
            assert time.monotonic() < deadline_s
        process.kill()
        process.wait()
        sizes.append(_size(out))
    assert b'"verified": false' in (out / MANIFEST_NAME).read_bytes()
    kafka.partition("large", 0).append([Record(b"after the end was taken")])
    before = traces(kafka)
    assert cli("record", *arguments).exit_code == 0
    assert traces(kafka) == before
    with FileLog(out) as log:
        assert fields(log, "large") == (start, end, whole)
    assert list(examine(str(out))) == []


def _size(out: Path) -> int:
    return sum(path.stat().st_size for path in out.glob("large-0/*.log"))


def test_retention_eats_what_was_to_come(
    kafka: KafkaLog, kafka_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_batches, "FETCH_BYTES", 100_000)
    fill(kafka, 20_000)

    def progress(done: int, total: int) -> None:
        if done < 10_000:
            kafka.partition("large", 0).delete_before(19_000)

    with source_of(kafka, kafka_address) as source, pytest.raises(OffsetOutOfRange) as caught:
        record(source, tmp_path / "out", ["large"], progress=progress)
    assert "before they were recorded (retention)" in str(caught.value)


def test_a_broker_that_goes_away_and_comes_back(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_batches, "ANSWER_S", 2.0)
    monkeypatch.setattr(raw_batches, "FETCH_BYTES", 500_000)
    address = broker.start()
    with opened(address, "away") as kafka:
        fill(kafka, 50_000)
        whole = fields(kafka, "large")
        stopped: list[int] = []

        def go_away(done: int, total: int) -> None:
            if done > 10_000 and not stopped:
                stopped.append(done)
                broker.stop()

        with source_of(kafka, address) as source, pytest.raises(LogUnavailable, match="reachable"):
            record(source, tmp_path / "out", ["large"], progress=go_away)
    broker.start()
    with opened(address, "away") as kafka, source_of(kafka, address) as source:
        assert record(source, tmp_path / "out", ["large"]).verified
    with FileLog(tmp_path / "out") as log:
        assert fields(log, "large") == whole


def test_a_stopped_brokers_folder(broker: Broker, tmp_path: Path) -> None:
    address = broker.start()
    with opened(address, "prod") as kafka:
        partitions = decided(kafka)
        kafka.create_topic("transactions", TopicConfig(value_format="msgpack"))
        transactions(address, "prod.transactions")
        kafka.partition(SYSTEM.commands_topic, 0).delete_before(5)
        topics = [*SYSTEM_TOPICS, "transactions"]
        expected = {
            (topic, number): fields(kafka, topic, number)
            for topic in topics
            for number in range(kafka.topics()[topic].partitions)
        }
        verified = [verify(kafka, SYSTEM, number) for number in range(partitions)]
    broker.stop()
    files = _files(broker.data_folder())
    with open_folder(broker.data_folder(), "prod") as source:
        assert set(topics) == set(source.topics())
        record(source, tmp_path / "out", topics)
    assert _files(broker.data_folder()) == files
    with FileLog(tmp_path / "out") as log:
        assert log.topics()["transactions"].value_format == "msgpack"
        for (topic, number), was in expected.items():
            assert fields(log, topic, number) == was, topic
        assert [verify(log, SYSTEM, number) for number in range(partitions)] == verified
    assert list(examine(str(tmp_path / "out"))) == []


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_by_password_and_by_tls(
    secured_broker: SecuredBroker, tls_broker: TlsBroker, tmp_path: Path
) -> None:
    admin = {**secured_broker.settings("admin"), "sasl.mechanism": "SCRAM-SHA-512"}
    assert admin["sasl.password"] == PASSWORDS["admin"]
    for name, settings in (("password", admin), ("tls", tls_broker.settings())):
        with KafkaLog(settings, prefix=f"{name}.") as kafka:
            fill(kafka, 5000)
            with KafkaSource(kafka, settings) as source:
                assert source.notes == ()
                record(source, tmp_path / name, ["large"])
            with FileLog(tmp_path / name) as log:
                assert fields(log, "large") == fields(kafka, "large")
