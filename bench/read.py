"""Reading a file log against bare iteration of the same batches.

The bare side is given the batches in memory and only iterates their records with aiokafka's C
reader; the log finds, reads and checks them (CRC-32C) besides.
"""

from aiokafka.record.default_records import DefaultRecordBatch

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from log.backends.file import FileLog
from log.interface import Partition
from log.record import Record
from log.topic import TopicConfig

VALUE = b'{"type":"order_placed.v1","sequence":123456,"cause":123456,"order_id":12345,"price":1}'
BATCH = 5_000


def read_all(partition: Partition) -> int:
    total = offset = 0
    while batches := partition.read(offset):
        for batch in batches:
            for record in batch:
                total += len(record.value)  # type: ignore[arg-type]
        offset = batch.last_offset + 1
    return total


def iterate(buffers: list[bytes]) -> int:
    total = 0
    for buffer in buffers:
        for record in DefaultRecordBatch(buffer):
            total += len(record.value)
    return total


def run(options: Options) -> list[Row]:
    with scratch_folder() as folder, FileLog(folder) as log:
        log.create_topic("records", TopicConfig())
        partition = log.partition("records", 0)
        for _ in range(options.size // BATCH):
            partition.append([Record(VALUE, b"key")] * BATCH)
        buffers, offset = [], 0
        while batches := partition.read(offset):
            buffers += [batch.buffer for batch in batches]
            offset = batches[-1].last_offset + 1
        assert read_all(partition) == iterate(buffers)
        best = best_of(
            {
                "log": lambda: timed(lambda: read_all(partition)),
                "bare": lambda: timed(lambda: iterate(buffers)),
            },
            options.rounds,
        )
    rate = {name: options.size / seconds for name, seconds in best.items()}
    return [
        at_least("log", rate["log"], "records/s", rate["bare"], 0.9),
        Row(name="bare iteration", value=rate["bare"], unit="records/s"),
    ]


if __name__ == "__main__":
    main("read", run, size=500_000)
