"""A text is found as it stands on the log: in plain batches and compressed ones, in keys too."""

from dataclasses import replace

import pytest

from log.backends.memory import MemoryLog
from log.record import Record
from replay.events import RecordedEvents
from replay.text_search import TextSearch, told_record
from tests.replay.recording import PARKING, run
from tests.samples.parking import START_MS
from tests.samples.parking.commands import ParkCar


def searched(text: str, compression: str, offset: int = 0) -> int | None:
    system = replace(PARKING, topic_settings={"compression_type": compression})
    log = MemoryLog()
    system.ensure_topics(log)
    commands = log.partition(system.commands_topic, 0)
    encode = system.command_codec(commands.config).encode
    commands.append(
        [
            Record(
                encode(ParkCar(spot=f"Spot {at}", car=f"car {at % 5}", stay_ms=10**6)),
                f"key {at}".encode(),
                START_MS + at,
            )
            for at in range(20)
        ]
    )
    run(log, system)
    search = TextSearch(text, RecordedEvents(log, system, 0), commands)
    told: list[tuple[int, int]] = []
    found = search.after(offset, 19, lambda done, total: told.append((done, total)))
    assert all(done <= total for done, total in told)
    return found


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize(
    ("text", "offset", "found"),
    [
        ("spot 7", 0, 7),
        ("SPOT=Spot 7", 0, 7),
        ("spot 7", 7, None),
        ("key 9", 0, 9),
        ("car 3", 3, 8),
        (f'"until_ms":{START_MS + 12 + 10**6}', 0, 12),
        ("nothing of it", 0, None),
    ],
)
def test_after(text: str, offset: int, found: int | None, compression: str) -> None:
    assert searched(text, compression, offset) == found


@pytest.mark.parametrize(
    ("value", "value_format", "kind", "shown"),
    [
        (b'{"type":"a.v1","n":1}', "json", "a.v1", {"type": "a.v1", "n": 1}),
        (b"\x82\xa4type\xa4a.v1\xa1n\x01", "msgpack", "a.v1", {"type": "a.v1", "n": 1}),
        (b"[1]", "json", "", [1]),
        (b"\xff", "json", "", "\\xff"),
        (None, "json", "", ""),
    ],
)
def test_any_record_is_told(
    value: bytes | None, value_format: str, kind: str, shown: object
) -> None:
    log = MemoryLog()
    PARKING.ensure_topics(log)
    partition = log.partition(PARKING.commands_topic, 0)
    partition.append([Record(value, b"\xfek", START_MS)])
    ((record,),) = partition.read(0)
    told = told_record(record, value_format)
    assert (told.type, told.value, told.key, told.timestamp) == (kind, shown, "\\xfek", START_MS)
