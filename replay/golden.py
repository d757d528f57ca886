"""Golden histories: small recorded histories kept as text, and decided again at every change.

    recorded log ─► choose commands ─► commands.jsonl ─► decide, from nothing ─► events.jsonl
                                             └─► decide again, by today's rules ─► the same?

Their form is that of the golden histories that every system has (`processors/core/golden.py`), so
that a change of the rules shows as a text diff.
"""

import difflib
import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from log.codec import DECODE_ERRORS
from log.errors import LogError
from log.interface import Log, Partition
from log.record import Record, StoredRecord
from log.topic import TopicConfig
from processors.core.golden import (
    COMMANDS_NAME,
    EVENTS_NAME,
    Placed,
    decided_lines,
    encode_line,
    read_commands,
    write_lines,
)
from processors.core.registry import Registry, UnknownSystem
from processors.core.system import System
from replay.portable import Progress
from replay.stretch import Chosen, Looked, NothingChosen, Stretch, commands_of, stretches_of

TAG_FIELD = "type"


class InvalidGolden(LogError):
    """A folder that holds no golden history, or one of an unknown system; the message says why."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded."""

    system: str
    path: str
    commands: int
    events: int


class GoldenCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One golden history, decided again."""

    system: str
    path: str
    commands: int
    events: int
    """Of the golden history."""
    diff: list[str]
    """A unified diff of the events, golden to now; empty where they are the same."""


def record_golden(
    log: Log,
    system: System,
    out: Path,
    chosen: Chosen,
    progress: Progress | None = None,
) -> Recorded:
    """Write the chosen commands of a system, and what today's rules make of them from nothing, as
    a golden history in the folder `out`.

    Commands stand in the order of their times; those of one partition in their own order. All are
    held in memory; `progress` follows the search for them.
    Errors: FileExistsError where there is one already; NothingChosen; TaskFailed.
    """
    if (out / COMMANDS_NAME).exists() or (out / EVENTS_NAME).exists():
        raise FileExistsError(f"{out} holds a golden history already: name another folder")
    stretches = stretches_of(log, system, chosen)
    keys = frozenset(key.encode() for key in chosen.keys)
    looked = Looked(stretches, progress)
    streams = [
        _timed(log.partition(system.commands_topic, one.partition), system, one, keys, looked)
        for one in stretches
    ]
    commands = [placed for _, _, placed in heapq.merge(*streams, key=lambda timed: timed[:2])]
    missing = keys - {record.key for _, record in commands}
    if missing or not commands:
        told = ", ".join(sorted(key.decode() for key in missing)) or "any that was asked for"
        raise NothingChosen(f"{system.commands_topic}: no command there has the key {told}")
    events = list(decided_lines(system, commands))
    out.mkdir(parents=True, exist_ok=True)
    # The commands last: a folder without them is no golden history yet.
    write_lines(out / EVENTS_NAME, events)
    write_lines(
        out / COMMANDS_NAME,
        (
            encode_line(number, record.timestamp or 0, record.key, record.value)
            for number, record in commands
        ),
    )
    return Recorded(system=system.name, path=str(out), commands=len(commands), events=len(events))


def check_golden(path: Path, system: System) -> GoldenCheck:
    """Decide a golden history again, by today's rules.

    Errors: InvalidGolden; TaskFailed where the rules raise in `evolve`.
    """
    folder = golden_folder(path)
    commands = _commands(folder)
    golden = (folder / EVENTS_NAME).read_bytes().splitlines()
    now = list(decided_lines(system, commands))
    diff = difflib.unified_diff(
        [line.decode(errors="backslashreplace") for line in golden],
        [line.decode() for line in now],
        str(folder / EVENTS_NAME),
        f"decided by rules {system.rules_version}",
        lineterm="",
    )
    return GoldenCheck(
        system=system.name,
        path=str(folder),
        commands=len(commands),
        events=len(golden),
        diff=list(diff) if golden != now else [],
    )


def update_golden(path: Path, system: System) -> None:
    """Take what today's rules decide as golden. Errors: as `check_golden`."""
    folder = golden_folder(path)
    write_lines(folder / EVENTS_NAME, list(decided_lines(system, _commands(folder))))


def golden_folder(path: Path) -> Path:
    """The folder of a golden history, by itself or by one of its files. InvalidGolden."""
    folder = path.parent if path.name in (COMMANDS_NAME, EVENTS_NAME) else path
    for name in (COMMANDS_NAME, EVENTS_NAME):
        if not (folder / name).is_file():
            raise InvalidGolden(f"{folder} holds no golden history: it has no {name}")
    return folder


def system_of(path: Path, registry: Registry) -> System:
    """Whose history it is: the system that its path names (`.../markets/exchange[/...]`), or else
    the only one that knows all types of its commands. InvalidGolden where neither tells."""
    folder = golden_folder(path)
    parts = folder.resolve().parts
    for at in range(len(parts) - 2, -1, -1):
        try:
            return registry.find(f"{parts[at]}.{parts[at + 1]}").system
        except UnknownSystem:
            continue
    tags = set(map(_tag_of, _commands(folder)))
    known = [
        each.system
        for each in registry
        if tags - {None} <= set(each.system.command_codec(TopicConfig()).tags)
    ]
    if len(known) != 1:
        names = ", ".join(system.name for system in known) or "none"
        raise InvalidGolden(
            f"{folder}: nothing says whose history it is (systems that know its commands: "
            f"{names}): name the system (--system)"
        )
    return known[0]


def _commands(folder: Path) -> list[Placed]:
    try:
        return list(read_commands(folder))
    except ValueError as error:
        raise InvalidGolden(str(error)) from error


def _tag_of(placed: Placed) -> str | None:
    """The type of a command; None where it is not told: it cannot be decided then."""
    try:
        decoded: Any = msgspec.json.decode(placed[1].value or b"")
    except DECODE_ERRORS:
        return None
    tag = decoded.get(TAG_FIELD) if isinstance(decoded, dict) else None
    return tag if isinstance(tag, str) else None


def _timed(
    partition: Partition, system: System, stretch: Stretch, keys: frozenset[bytes], looked: Looked
) -> Iterator[tuple[int, int, Placed]]:
    """Commands with their time and partition, in the partition's order: one that is late follows
    the one before it, whatever others have meanwhile."""
    for records in commands_of(partition, stretch, keys, looked):
        for record in records:
            value = _as_json(record, system, partition.config)
            placed = stretch.partition, Record(value, record.key, record.timestamp)
            yield record.timestamp, stretch.partition, placed


def _as_json(record: StoredRecord, system: System, config: TopicConfig) -> bytes | None:
    """The value as it would stand on a topic of JSON; what does not decode stays what it is."""
    if record.value is None or config.value_format == "json":
        return record.value
    try:
        command = system.command_codec(config).decode(record.value)
    except DECODE_ERRORS:
        return record.value
    return msgspec.json.encode(command)
