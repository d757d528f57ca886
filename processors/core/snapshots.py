"""Snapshots: a fold written to a folder, so that a start need not fold all of history.

A snapshot is only a speed-up: delete the folder and nothing is lost. It is written aside and
renamed, carries a digest, and is ignored where the state's schema or the rules are others today.
"""

import hashlib
import itertools
import logging
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from processors.core.decider import Decider, State, decode_state, encode_state
from processors.core.fold import Fold, Origins
from processors.core.system import System

logger = logging.getLogger("refold.snapshots")

_LENGTH = struct.Struct(">I")
_END = _LENGTH.pack(0)
_DIGEST_SIZE = 16
_KEEP = 2
"""The newest, and one before it, for where the newest turns out to be damaged."""


class SnapshotHeader(msgspec.Struct, frozen=True):
    """The first chunk of a snapshot file: what it is a state of."""

    fingerprint: str
    next_sequence: int
    next_offset: int
    last_cause: int
    at: int
    rules_version: int
    origins: list[tuple[str, int, int, int]]


class DamagedSnapshot(Exception):
    """The file is cut or changed; an older one, or history itself, serves instead."""


def fingerprint(system: System) -> str:
    """Of all that must be the same for a stored state to be taken as today's."""
    schema = msgspec.json.schema(system.decider.state_format.row_type)
    described = msgspec.json.encode(
        ["snapshot.v1", system.name, system.rules_version, schema], order="sorted"
    )
    return hashlib.blake2b(described, digest_size=16).hexdigest()


class SnapshotFolder:
    """The snapshots of one task: `<folder>/<system>-<partition>/<sequence>.snapshot`."""

    def __init__(self, folder: Path, system: System, partition: int) -> None:
        self._folder = folder / f"{system.name}-{partition}"
        self._decider: Decider[Any] = system.decider
        self._fingerprint = fingerprint(system)

    def save(self, fold: Fold[Any]) -> Path:
        """Write the fold; durable, and seen whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{fold.next_sequence:020d}.snapshot"
        aside = path.with_suffix(f".{os.getpid()}.writing")
        header = SnapshotHeader(
            fingerprint=self._fingerprint,
            next_sequence=fold.next_sequence,
            next_offset=fold.next_offset,
            last_cause=fold.last_cause,
            at=fold.at,
            rules_version=fold.rules_version,
            origins=[(*source, *seen) for source, seen in sorted(fold.origins.items())],
        )
        try:
            with aside.open("wb") as file:
                state = encode_state(self._decider.state_format, fold.state)
                _write(file, itertools.chain((msgspec.json.encode(header),), state))
                file.flush()
                os.fsync(file.fileno())
            aside.rename(path)
        finally:
            aside.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the rename itself
        finally:
            os.close(folder)
        for old in self.paths()[_KEEP:]:
            old.unlink(missing_ok=True)
        return path

    def load(self, log_end: int, until_cause: int | None = None) -> Fold[Any] | None:
        """The newest usable snapshot; None where there is none.

        Usable: today's schema and rules, whole, not ahead of the events partition (whose end is
        `log_end`), and not after the command offset `until_cause`, where one is given.
        """
        for path in self.paths():
            try:
                with path.open("rb") as file:
                    chunks = _read(file)
                    header = self._header(chunks)
                    if header.fingerprint != self._fingerprint or header.next_offset > log_end:
                        logger.info("%s is of other rules or another log: not used", path)
                        continue
                    if until_cause is not None and header.last_cause > until_cause:
                        continue
                    return self._fold(header, chunks)
            except (DamagedSnapshot, OSError) as error:
                logger.warning("snapshot %s is damaged and was left aside: %s", path, error)
        return None

    def read(self, path: Path) -> Fold[Any] | None:
        """One snapshot, whole; None where it is of other rules. DamagedSnapshot, OSError."""
        with path.open("rb") as file:
            chunks = _read(file)
            header = self._header(chunks)
            if header.fingerprint == self._fingerprint:
                return self._fold(header, chunks)
            for _ in chunks:
                pass
            return None

    def paths(self) -> list[Path]:
        """The files, the newest first."""
        return sorted(self._folder.glob("*.snapshot"), reverse=True)

    def _header(self, chunks: Iterator[bytes]) -> SnapshotHeader:
        try:
            return msgspec.json.decode(next(chunks), type=SnapshotHeader)
        except (StopIteration, msgspec.DecodeError) as error:
            raise DamagedSnapshot(f"it has no header: {error}") from error

    def _fold(self, header: SnapshotHeader, chunks: Iterator[bytes]) -> Fold[Any]:
        try:
            state = decode_state(self._decider.state_format, chunks)
        except (StopIteration, msgspec.DecodeError) as error:
            raise DamagedSnapshot(f"its rows cannot be read: {error}") from error
        for _ in chunks:
            raise DamagedSnapshot("it has more rows than its state takes")
        return _fold_of(self._decider, header, state)


def _fold_of(decider: Decider[State], header: SnapshotHeader, state: State) -> Fold[State]:
    origins: Origins = {(topic, number): (seq, at) for topic, number, seq, at in header.origins}
    return Fold(
        decider,
        state,
        next_sequence=header.next_sequence,
        next_offset=header.next_offset,
        last_cause=header.last_cause,
        at=header.at,
        rules_version=header.rules_version,
        origins=origins,
    )


def _write(file: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Chunks with their length before each; a length of zero, then the digest of it all."""
    hashed = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    for chunk in chunks:
        framed = _LENGTH.pack(len(chunk)) + chunk
        hashed.update(framed)
        file.write(framed)
    file.write(_END + hashed.digest())


def _read(file: BinaryIO) -> Iterator[bytes]:
    """The chunks that `_write` wrote, one at a time; DamagedSnapshot, at the latest at the end."""
    hashed = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    while (length := file.read(_LENGTH.size)) != _END:
        if len(length) < _LENGTH.size:
            raise DamagedSnapshot("the file is cut")
        chunk = file.read(_LENGTH.unpack(length)[0])
        hashed.update(length)
        hashed.update(chunk)
        yield chunk
    if file.read() != hashed.digest():
        raise DamagedSnapshot("its digest does not match its content")
