"""Recording a Kafka topic into a file log against a bare consumer.

The bare side is confluent-kafka with the client's best settings: it takes every message, touches
key and value, counts, and keeps nothing. Recording is all of `refold record`: batches fetched,
checked, appended, made durable, read back and compared, with its own connection and the questions
for settings and offsets. The bare side's connection and first fetch are not timed.
"""

import shutil
import uuid
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.kafka_log import arguments, new_log, running_broker
from log.backends.kafka import KafkaLog
from log.backends.kafka.reader import READ_AHEAD
from log.record import Record
from log.topic import TopicConfig
from replay.recording import record
from replay.recording_source import KafkaSource

TOPIC = "orders.events"
VALUE = b'{"type":"order_placed.v1","sequence":%d,"cause":123456,"order_id":12345,"price":1}'
BATCH = 5_000
CONSUME = 10_000
FIRST_S = 30.0
CONSUMER = {
    **READ_AHEAD,
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
}


def fill(log: KafkaLog, count: int) -> None:
    log.create_topic(TOPIC, TopicConfig())
    partition = log.partition(TOPIC, 0)
    for begin in range(0, count, BATCH):
        numbers = range(begin, min(begin + BATCH, count))
        partition.append([Record(VALUE % number, b"key") for number in numbers])


def record_all(address: str, log: KafkaLog, folder: Path, count: int) -> float:
    """Seconds to record the topic, all told."""
    out = folder / uuid.uuid4().hex
    with KafkaSource(log, {"bootstrap.servers": address}) as source:
        source.topics()
        seconds = timed(lambda: record(source, out, [TOPIC]))
        done = record(source, out, [TOPIC])  # what its manifest says
    if not done.verified or done.records != count:
        raise RuntimeError(f"{done.records} records were recorded, and {count} are there")
    shutil.rmtree(out)
    return seconds


def consume_all(address: str, log: KafkaLog, count: int) -> float:
    """Seconds to consume them, and to look at each key and value."""
    group = log.prefix + uuid.uuid4().hex
    consumer = Consumer({**CONSUMER, "bootstrap.servers": address, "group.id": group})
    consumer.assign([TopicPartition(log.prefix + TOPIC, 0, 0)])
    first: list[Any] = consumer.consume(1, FIRST_S)

    def run() -> None:
        done, messages = 0, first
        while True:
            for message in messages:
                if message.error() is not None:
                    raise KafkaException(message.error())
                message.key()
                message.value()
                done += 1
            if done == count:
                return
            messages = consumer.consume(min(CONSUME, count - done), 1.0)

    seconds = timed(run)
    consumer.close()
    return seconds


def run(options: Options) -> list[Row]:
    with running_broker(options) as address, new_log(address) as log, scratch_folder() as folder:
        fill(log, options.size)
        best = best_of(
            {
                "record": lambda: record_all(address, log, folder, options.size),
                "bare": lambda: consume_all(address, log, options.size),
            },
            options.rounds,
        )
    rate = {name: options.size / seconds for name, seconds in best.items()}
    return [
        at_least("record into a file log", rate["record"], "records/s", rate["bare"], 0.8),
        Row(name="bare consumer", value=rate["bare"], unit="records/s"),
    ]


if __name__ == "__main__":
    main("record", run, size=1_000_000, arguments=arguments)
