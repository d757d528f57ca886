"""Golden histories: a system's commands, and the events that its rules made of them, kept as text.

`commands.jsonl` and `events.jsonl` in one folder, a record a line, values as they are on the log.
A change of the rules shows as a change of these files, for a reviewer to read.

    python -m processors.core.testing golden PACKAGE FOLDER

records them again from the system's flow.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from log.record import Record
from processors.core.testing.subject import (
    Subject,
    Told,
    decide_all,
    flow_records,
    memory_log,
    told,
)

SEED = 1
COMMANDS = 200


class Line(msgspec.Struct):
    """One record. The value is kept to the byte."""

    partition: int
    timestamp: int
    key: str | None
    value: msgspec.Raw


def check_golden_history(subject: Subject) -> None:
    """Deciding the golden commands again gives the golden events, to the byte."""
    again = f"python -m processors.core.testing golden {subject.package} {subject.golden}"
    path = subject.golden / "events.jsonl"
    assert path.exists(), f"there is no golden history yet: record it with\n{again}"
    found = list(_events(subject))
    expected = path.read_bytes().splitlines()
    for number, (one, other) in enumerate(zip(found, expected, strict=False), 1):
        assert one == other, (
            f"{path}:{number}: the rules decide differently\n"
            f"  golden {other.decode()}\n  now    {one.decode()}\n"
            f"If they are meant to, raise the system's rules_version and record it again:\n{again}"
        )
    assert len(found) == len(expected), f"{path}: now {len(found)} events, not {len(expected)}"


def record_golden_history(subject: Subject) -> None:
    """Write the folder from the system's flow."""
    subject.golden.mkdir(parents=True, exist_ok=True)
    flow = flow_records(subject.system, SEED, COMMANDS)
    commands = (_encode(partition, r.timestamp or 0, r.key, r.value) for partition, r in flow)
    _write(subject.golden / "commands.jsonl", commands)
    _write(subject.golden / "events.jsonl", _events(subject))


def golden_commands(subject: Subject) -> Iterator[tuple[int, Record]]:
    """The golden commands, as (partition, record)."""
    decode = msgspec.json.Decoder(Line).decode
    for text in (subject.golden / "commands.jsonl").read_bytes().splitlines():
        line = decode(text)
        key = None if line.key is None else line.key.encode()
        yield line.partition, Record(bytes(line.value), key, line.timestamp)


def _events(subject: Subject) -> Iterator[bytes]:
    system = subject.system
    log = memory_log(system, golden_commands(subject))
    decide_all(log, system)
    partitions: list[Told] = told(log, system)
    for number, events in enumerate(partitions):
        for timestamp, key, value in events:
            yield _encode(number, timestamp, key, value)


def _encode(partition: int, timestamp: int, key: bytes | None, value: bytes | None) -> bytes:
    text = None if key is None else key.decode()
    return msgspec.json.encode(Line(partition, timestamp, text, msgspec.Raw(value or b"null")))


def _write(path: Path, lines: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
