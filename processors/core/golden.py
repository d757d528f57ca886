"""The form of golden histories: commands, and the events that rules make of them, as text.

`commands.jsonl` and `events.jsonl` in one folder, a record a line, in the order of each partition,
values as they are on the log. The suite that every system passes reads and writes them
(`testing/golden.py`), and so does `refold golden`.
"""

import base64
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from log.backends.memory import MemoryLog
from log.record import Record
from processors.core.system import System
from processors.core.task import Task

COMMANDS_NAME = "commands.jsonl"
EVENTS_NAME = "events.jsonl"
EVERYTHING = 1 << 30
NULL = msgspec.Raw(b"null")

Placed = tuple[int, Record]
"""A record, and the number of its partition."""


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One record. The value is kept to the byte; `null` is a tombstone. What is not JSON, and a
    key that is no text, are told as base64."""

    partition: int
    timestamp: int
    key: str | None
    value: msgspec.Raw
    value_base64: str | UnsetType = UNSET
    key_base64: str | UnsetType = UNSET


def encode_line(partition: int, timestamp: int, key: bytes | None, value: bytes | None) -> bytes:
    """A record as a line, without its end."""
    line = Line(partition, timestamp, None, NULL)
    if key is not None:
        try:
            line.key = key.decode()
        except UnicodeDecodeError:
            line.key_base64 = base64.b64encode(key).decode()
    if value is not None:
        if _is_one_line(value):
            line.value = msgspec.Raw(value)
        else:
            line.value_base64 = base64.b64encode(value).decode()
    return msgspec.json.encode(line)


def decode_line(text: bytes) -> Placed:
    """Errors: msgspec.DecodeError, ValueError, for what is no such line."""
    line = msgspec.json.decode(text, type=Line)
    key = None if line.key is None else line.key.encode()
    if line.key_base64 is not UNSET:
        key = base64.b64decode(line.key_base64, validate=True)
    value = None if line.value == NULL else bytes(line.value)
    if line.value_base64 is not UNSET:
        value = base64.b64decode(line.value_base64, validate=True)
    return line.partition, Record(value, key, line.timestamp)


def read_commands(folder: Path) -> Iterator[Placed]:
    """The golden commands. ValueError with the number of a line that is none; OSError."""
    path = folder / COMMANDS_NAME
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        try:
            yield decode_line(text)
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: this is no command: {error}") from error


def decided_lines(system: System, commands: Iterable[Placed]) -> Iterator[bytes]:
    """The events that the rules make of the commands, from nothing on: lines, by partition.

    Values are JSON whatever the system's topics say, so that they can be read.
    Errors: TaskFailed where the rules raise in `evolve`.
    """
    placed = list(commands)
    partitions = max((number + 1 for number, _ in placed), default=1)
    system = dataclasses.replace(
        system, value_format="json", partitions=max(system.partitions, partitions)
    )
    log = MemoryLog(clock=lambda: 0)
    system.ensure_topics(log)
    for number, record in placed:
        log.partition(system.commands_topic, number).append([record])
    for number in range(system.partitions):
        task = Task(log, system, number)
        while task.step(EVERYTHING):
            pass
        task.close()
        for batch in log.partition(system.events_topic, number).read(0, EVERYTHING):
            for event in batch:
                yield encode_line(number, event.timestamp, event.key, event.value)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """All of it or nothing: written aside, and put in the place of what is there."""
    aside = path.with_name(f".{path.name}.writing")
    try:
        aside.write_bytes(b"".join(line + b"\n" for line in lines))
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _is_one_line(value: bytes) -> bool:
    """Whether a line may hold the value as it is, and give it back to the byte."""
    if b"\n" in value or b"\r" in value or value == b"null":
        return False
    try:
        value.decode()
        return bytes(msgspec.json.decode(value, type=msgspec.Raw)) == value
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
