"""Dead letters: commands that could not be decided, kept whole with what was wrong (law 11).

A dead letter is the original record (key, value and headers as they were) with headers that say
where it stood and why it is here, as Kafka Connect's dead letter queues do.
"""

from log.record import Record, StoredRecord

TOPIC_HEADER = "refold.topic"
PARTITION_HEADER = "refold.partition"
OFFSET_HEADER = "refold.offset"
TIMESTAMP_HEADER = "refold.timestamp"
ERROR_HEADER = "refold.error"


def dead_letter_of(topic: str, partition: int, record: StoredRecord, error: str) -> Record:
    """The record to keep for a command that stood at `record.offset` of `topic`."""
    return Record(
        key=record.key,
        value=record.value,
        timestamp=record.timestamp,
        headers=[
            *record.headers,
            (TOPIC_HEADER, topic.encode()),
            (PARTITION_HEADER, str(partition).encode()),
            (OFFSET_HEADER, str(record.offset).encode()),
            (TIMESTAMP_HEADER, str(record.timestamp).encode()),
            (ERROR_HEADER, error.encode()),
        ],
    )
