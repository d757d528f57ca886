"""Reading one partition at several places."""

import pytest

from log.backends.kafka import KafkaLog
from log.backends.kafka.reader import Reader
from log.record import Record
from tests.contract.logs import a_partition

RECORDS, READ_BYTES = 200, 5_000


def test_who_reads_on_at_two_places_is_not_sent_to_and_fro(
    kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = a_partition(kafka_log)
    partition.append([Record(b"%d" % number * 50) for number in range(RECORDS)])
    seeks: list[int] = []
    seek = Reader.seek

    def counted(reader: Reader, topic: str, number: int, offset: int) -> None:
        seeks.append(offset)
        seek(reader, topic, number, offset)

    monkeypatch.setattr(Reader, "seek", counted)
    found: dict[int, list[int]] = {0: [], 100: []}
    places = {0: 0, 100: 100}
    while min(places.values()) < RECORDS:
        for begin, place in places.items():
            for batch in partition.read(place, READ_BYTES) if place < RECORDS else ():
                found[begin] += [record.offset for record in batch]
                places[begin] = batch.last_offset + 1
    assert found == {begin: list(range(begin, RECORDS)) for begin in found}
    assert seeks == [0, 100]
