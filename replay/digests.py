"""Digests of a history, one every so many commands: what two machines, or two versions of Python
or of the rules, compare without either having the other's log.

They come from recorded events folded, or from the commands decided again; they go to a file of
JSON lines, a header first, and from there to `bisect.py`. Three digests stand on a line:

    events   of all events so far: it costs the same however large the state is
    state    of the state: kept event by event where its format declares parts, else of all rows
    states   of the state digests on the lines so far: once it differs, it stays different
"""

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from processors.core.decider import PARTS_MODULUS, StateParts, digest, sum_of_parts
from processors.core.snapshots import fingerprint
from processors.core.system import System
from replay.histories import History, Progress, text_of_sum

FORMAT = "refold.digests.v1"


class InvalidDigests(Exception):
    """No file of digests, or a damaged one; the message says where."""


class DigestsHeader(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag=FORMAT):
    """The first line: what was digested, and where."""

    system: str
    partitions: list[int]
    log: str
    decided: bool
    """Whether the commands were decided again; else the recorded events were folded."""
    rules_version: int
    """Of the rules that decided or folded."""
    state_format: str
    """Tells states that cannot be compared: a hash of their rows' types, and how they are
    digested."""
    incremental: bool
    """Whether the state's digest is kept event by event, so that it costs what events touch."""
    every_commands: int
    since: int
    python: str
    platform: str


class DigestLine(msgspec.Struct, frozen=True, kw_only=True):
    """A partition after one of its commands."""

    partition: int
    command_offset: int
    at: int
    """The latest timestamp so far, in milliseconds since 1970."""
    events: str
    state: str
    states: str


class DigestFile(msgspec.Struct, frozen=True, kw_only=True):
    header: DigestsHeader
    lines: dict[int, list[DigestLine]]
    """Of each partition, in the order of commands."""


class RunningStateDigest:
    """The digest of a history's state, wherever that has been walked to: kept up with every event
    where the state's format declares parts, else made of all rows each time."""

    def __init__(self, history: History) -> None:
        self._history = history
        decider = history.fold.decider
        parts = decider.state_format.parts
        self.is_incremental = parts is not None
        self._sum = 0
        if parts is not None:
            self._sum = sum_of_parts(parts, history.fold.state)
            history.fold.decider = replace(decider, evolve=self._follow(parts, decider.evolve))

    def _follow(self, parts: StateParts[Any], evolve: Any) -> Any:
        touched = parts.touched

        def evolve_and_follow(state: Any, event: Any) -> Any:
            keys = tuple(dict.fromkeys(touched(state, event)))
            if not keys:
                return evolve(state, event)
            before = sum_of_parts(parts, state, keys)
            state = evolve(state, event)
            self._sum += sum_of_parts(parts, state, keys) - before
            return state

        return evolve_and_follow

    def hexdigest(self) -> str:
        if self.is_incremental:
            return text_of_sum(self._sum % PARTS_MODULUS)
        fold = self._history.fold
        return digest(fold.decider.state_format, fold.state)


def state_format_of(system: System) -> str:
    """Equal where two systems' states have the same rows, and are digested in the same way."""
    parts = system.decider.state_format.parts is not None
    described = f"{fingerprint(replace(system, rules_version=0))} {parts}"
    return hashlib.blake2b(described.encode(), digest_size=16).hexdigest()


def header_of(
    system: System,
    partitions: Iterable[int],
    *,
    log: str,
    decided: bool,
    every_commands: int,
    since: int = 0,
) -> DigestsHeader:
    """The header for digests that are made here and now. `log` is where the log is, for people."""
    return DigestsHeader(
        system=system.name,
        partitions=list(partitions),
        log=log,
        decided=decided,
        rules_version=system.rules_version,
        state_format=state_format_of(system),
        incremental=system.decider.state_format.parts is not None,
        every_commands=every_commands,
        since=since,
        python=platform.python_version(),
        platform=platform.platform(),
    )


def digests_of(
    history: History,
    every_commands: int,
    *,
    since: int = 0,
    until: int | None = None,
    progress: Progress | None = None,
) -> Iterator[DigestLine]:
    """Walk a history that stands at its beginning: a line after every so many commands, counted
    from offset 0, and one at the end. Only for the commands from `since` up to `until`, where
    given (both included); what stands before is walked all the same.

    Errors: those of folding; TaskFailed where commands are decided.
    """
    running = RunningStateDigest(history)
    states = hashlib.blake2b(digest_size=16)
    end = history.commands_end - 1 if until is None else until
    history.advance(since - 1, progress)
    place = since - 1
    while place < end:
        place = min((place + 1) // every_commands * every_commands + every_commands - 1, end)
        before = history.fold.last_cause
        history.advance(place, progress)
        if history.fold.last_cause == before:
            return  # what stands beyond is not decided yet
        state = running.hexdigest()
        states.update(state.encode())
        yield DigestLine(
            partition=history.number,
            command_offset=history.fold.last_cause,
            at=history.fold.at,
            events=history.events_digest.hexdigest(),
            state=state,
            states=states.hexdigest(),
        )


def write_digests(path: Path, header: DigestsHeader, lines: Iterable[DigestLine]) -> int:
    """Write a file of digests, whole or not at all; returns how many lines follow the header.

    Errors: OSError, and those of `digests_of`.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    count = 0
    try:
        with aside.open("xb") as file:
            file.write(msgspec.json.encode(header) + b"\n")
            for line in lines:
                file.write(msgspec.json.encode(line) + b"\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return count


def read_digests(path: Path) -> DigestFile:
    """Read a file of digests. Errors: InvalidDigests, OSError."""
    with path.open("rb") as file:
        header = _decode(path, 1, file.readline(), DigestsHeader)
        lines: dict[int, list[DigestLine]] = {number: [] for number in header.partitions}
        for number, text in enumerate(file, 2):
            line = _decode(path, number, text, DigestLine)
            before = lines.get(line.partition)
            if before is None or (before and before[-1].command_offset >= line.command_offset):
                raise InvalidDigests(f"{path}, line {number}: it does not follow the one before")
            before.append(line)
    return DigestFile(header=header, lines=lines)


def _decode(path: Path, number: int, text: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise InvalidDigests(
            f"{path}, line {number}: {error}; such a file is written by `refold replay digests`"
        ) from error
