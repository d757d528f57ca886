"""Snapshots: folds kept where a successor finds them, so that a start need not fold all history.

A snapshot is only a speed-up: delete them all and nothing is lost. So what goes wrong with one is
logged and stops nobody. It is seen whole or not at all, carries a digest, and is left aside where
the state's schema or the rules are others today, or the log does not hold the last event in it.

A fold goes in as a header and its state's rows, framed, and comes out the same way, piece by
piece: files in a folder here, rows of a database in `snapshot_table.py`.
"""

import hashlib
import itertools
import logging
import os
import secrets
import struct
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from log.errors import OffsetOutOfRange
from log.interface import Partition
from processors.core.decider import Decider, decode_state, encode_state
from processors.core.fold import Fold
from processors.core.system import System

logger = logging.getLogger("refold.snapshots")

KEEP = 2
"""The newest, and one before it, for where the newest turns out to be damaged."""
PIECE_BYTES = 1 << 18
"""How much of a snapshot is written or read at once."""
ABANDONED_S = 3600.0
"""What nobody has written to for so long was left by a process that died."""
ANOTHER_LOG = "it is of another log, or events are lost"

_LENGTH = struct.Struct(">I")
_END = _LENGTH.pack(0)
_DIGEST_SIZE = 16


class SnapshotHeader(msgspec.Struct, frozen=True):
    """The first chunk of a snapshot: what it is a state of."""

    fingerprint: str
    next_sequence: int
    next_offset: int
    last_cause: int
    at: int
    rules_version: int
    origins: list[tuple[str, int, int, int]]
    last_offset: int = -1
    last_checksum: int = 0
    """These two: as in `Fold`. Snapshots of old have none, and another fingerprint."""
    keys: list[tuple[str, int, int]] = []
    """Idempotency keys, each with its first command's offset and time, in order."""


class SnapshotError(Exception):
    """A snapshot cannot be had; an older one, or history itself, serves instead."""


class DamagedSnapshot(SnapshotError):
    """It is cut or changed."""


class SnapshotGone(SnapshotError):
    """It is not there any more: newer ones have taken its place."""


class SnapshotsUnavailable(SnapshotError):
    """The place where they are kept is missing, full, closed to us or does not answer."""


class Snapshots(ABC):
    """The snapshots of one task, each known by its fold's `next_sequence`.

    A store of them writes and reads pieces of bytes under that number.
    """

    def __init__(self, system: System, partition: int) -> None:
        self._decider: Decider[Any] = system.decider
        self._fingerprint = fingerprint(system)

    @abstractmethod
    def name(self, sequence: int) -> str:
        """Where a snapshot is, for people."""

    @abstractmethod
    def sequences(self) -> list[int]:
        """Those that there are, the highest first. Errors: SnapshotsUnavailable."""

    @abstractmethod
    def _write(self, sequence: int, pieces: Iterable[bytes]) -> None:
        """Durable, and all or nothing. Then drop those before the last but one: what has a higher
        sequence is another process's, or of a log that was here before.

        Errors: SnapshotsUnavailable.
        """

    @abstractmethod
    def _read(self, sequence: int) -> Generator[bytes, None, None]:
        """The bytes written, in pieces of any size. Errors: SnapshotGone, SnapshotsUnavailable."""

    def save(self, fold: Fold[Any]) -> str:
        """Write the fold; returns its name for people.

        Nothing is written, and the name is empty, where the fold ends within a command's events,
        and where it could not be written, which is logged.
        """
        if not fold.last_cause_complete:
            return ""
        header = SnapshotHeader(
            fingerprint=self._fingerprint,
            next_sequence=fold.next_sequence,
            next_offset=fold.next_offset,
            last_cause=fold.last_cause,
            at=fold.at,
            rules_version=fold.rules_version,
            origins=[(*source, *seen) for source, seen in sorted(fold.origins.items())],
            last_offset=fold.last_offset,
            last_checksum=fold.last_checksum,
            keys=[(key, *seen) for key, seen in fold.keys.items()],
        )
        state = encode_state(self._decider.state_format, fold.state)
        chunks = itertools.chain((msgspec.json.encode(header),), state)
        try:
            self._write(fold.next_sequence, _framed(chunks))
        except SnapshotsUnavailable as error:
            logger.error("no snapshot was taken, the next start takes longer: %s", error)
            return ""
        return self.name(fold.next_sequence)

    def load(self, events: Partition, until_cause: int | None = None) -> Fold[Any] | None:
        """The newest usable snapshot of the events partition; None where there is none.

        Usable: today's schema and rules, whole, taken of these events (see `is_of`), and not after
        the command offset `until_cause`, where one is given. What else there is, is left aside.
        Errors: those of reading `events`.
        """
        try:
            sequences = self._candidates(until_cause)
        except SnapshotsUnavailable as error:
            logger.error("snapshots cannot be read, all of history is folded: %s", error)
            return None
        for sequence in sequences:
            try:
                fold = self._load(sequence, events, until_cause)
            except SnapshotGone:
                continue
            except SnapshotError as error:
                logger.warning("snapshot %s was left aside: %s", self.name(sequence), error)
                continue
            if fold is not None:
                return fold
        return None

    def _candidates(self, until_cause: int | None) -> list[int]:
        """Those to try for a place, in that order. Where many are kept, a few suffice."""
        return self.sequences()

    def header(self, sequence: int) -> SnapshotHeader:
        """What one snapshot is a state of. Errors: SnapshotError."""
        with closing(self._read(sequence)) as pieces:
            return _header(_unframed(pieces))

    def read(self, sequence: int) -> Fold[Any] | None:
        """One snapshot, whole; None where it is of other rules. Errors: SnapshotError."""
        with closing(self._read(sequence)) as pieces:
            chunks = _unframed(pieces)
            header = _header(chunks)
            return self._fold(header, chunks) if header.fingerprint == self._fingerprint else None

    def _load(self, sequence: int, events: Partition, until_cause: int | None) -> Fold[Any] | None:
        with closing(self._read(sequence)) as pieces:
            chunks = _unframed(pieces)
            header = _header(chunks)
            if header.fingerprint != self._fingerprint:
                logger.info("snapshot %s is of other rules: not used", self.name(sequence))
            elif not is_of(header, events):
                name = self.name(sequence)
                logger.warning("snapshot %s was left aside: %s", name, ANOTHER_LOG)
            elif until_cause is None or header.last_cause <= until_cause:
                return self._fold(header, chunks)
        return None

    def _fold(self, header: SnapshotHeader, chunks: Iterator[bytes]) -> Fold[Any]:
        try:
            state = decode_state(self._decider.state_format, chunks)
        except SnapshotError:
            raise
        except Exception as error:  # whatever changed bytes lead the rules' own code to
            raise DamagedSnapshot(f"its rows cannot be read: {error!r}") from error
        for _ in chunks:
            raise DamagedSnapshot("it has more rows than its state takes")
        return Fold(
            self._decider,
            state,
            next_sequence=header.next_sequence,
            next_offset=header.next_offset,
            last_cause=header.last_cause,
            last_offset=header.last_offset,
            last_checksum=header.last_checksum,
            at=header.at,
            rules_version=header.rules_version,
            origins={(topic, number): (seq, at) for topic, number, seq, at in header.origins},
            keys={key: (cause, at) for key, cause, at in header.keys},
        )


OpenSnapshots = Callable[[System, int], Snapshots]
"""Opens those of a partition: `partial(open_snapshots, where, scope=scope)`."""

SnapshotsPlace = Path | str | OpenSnapshots
"""Where they are: a folder, a database's URL, or what opens them."""


def opened_snapshots(
    place: SnapshotsPlace | None, system: System, partition: int, scope: str
) -> Snapshots | None:
    """Those of a partition; None where none are kept."""
    if place is None or callable(place):
        return place and place(system, partition)
    return open_snapshots(place, system, partition, scope=scope)


def open_snapshots(
    where: Path | str, system: System, partition: int, *, scope: str = ""
) -> Snapshots:
    """The snapshots of one task, in a folder, or (SQLAlchemy's URL) in a table of a database.

    `scope` names the log: those that share a folder or a database need one each. Nothing is opened
    or made yet. Errors: InvalidConfig for a URL that cannot be used.
    """
    if isinstance(where, str) and "://" in where:
        from processors.core.snapshot_table import SnapshotTable  # SQLAlchemy is slow to import

        return SnapshotTable(where, system, partition, scope)
    return SnapshotFolder(Path(where), system, partition, scope)


class SnapshotFolder(Snapshots):
    """Files `<folder>/<system>-<partition>/<sequence>.snapshot`, in a folder of the scope where
    there is one. Each is written aside and renamed."""

    keep = KEEP
    """How many stay, of those up to the last one saved."""

    def __init__(self, folder: Path, system: System, partition: int, scope: str = "") -> None:
        super().__init__(system, partition)
        self._folder = folder / quote(scope, safe="") / f"{system.name}-{partition}"

    def name(self, sequence: int) -> str:
        return str(self._path(sequence))

    def sequences(self) -> list[int]:
        stems = [path.stem for path in self._files(".snapshot")]
        return sorted((int(stem) for stem in stems if stem.isdecimal()), reverse=True)

    def _path(self, sequence: int) -> Path:
        return self._folder / f"{sequence:020d}.snapshot"

    def _files(self, ending: str) -> list[Path]:
        with _explained():
            try:
                return [path for path in self._folder.iterdir() if path.suffix == ending]
            except FileNotFoundError:
                return []

    def _write(self, sequence: int, pieces: Iterable[bytes]) -> None:
        path = self._path(sequence)
        aside = path.with_suffix(f".{secrets.token_hex(8)}.writing")
        with _explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with aside.open("xb") as file:
                    file.writelines(pieces)
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # the rename itself
            finally:
                os.close(folder)
            self._tidy(sequence)

    def _tidy(self, sequence: int) -> None:
        older = [each for each in self.sequences() if each <= sequence]
        for each in older[self.keep :]:
            self._path(each).unlink(missing_ok=True)
        for aside in self._files(".writing"):
            with suppress(FileNotFoundError):
                if aside.stat().st_mtime < time.time() - ABANDONED_S:
                    aside.unlink()

    def _read(self, sequence: int) -> Generator[bytes, None, None]:
        path = self._path(sequence)
        with _explained():
            try:
                file = path.open("rb")
            except FileNotFoundError:
                raise SnapshotGone(f"{path} is not there any more") from None
            with file:
                yield from iter(partial(file.read, PIECE_BYTES), b"")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SnapshotsUnavailable(str(error)) from error


def fingerprint(system: System) -> str:
    """Of all that must be the same for a stored state to be taken as today's."""
    schema = msgspec.json.schema(system.decider.state_format.row_type)
    described = msgspec.json.encode(
        ["snapshot.v2", system.name, system.rules_version, schema], order="sorted"
    )
    return hashlib.blake2b(described, digest_size=16).hexdigest()


def is_of(snapshot: SnapshotHeader | Fold[Any], events: Partition) -> bool:
    """Whether the partition still holds, in its place, the last event that was folded.

    Where that one is deleted by now, there is nothing to compare: the answer is yes. Where the
    topic was made anew, is another cluster's or has lost its tail, it is no.
    """
    offset = snapshot.last_offset
    if snapshot.next_offset > events.high_watermark:
        return False
    if offset < events.log_start:
        return True
    try:
        batches = events.read(offset, 1)
    except OffsetOutOfRange:
        return offset < events.log_start  # deleted meanwhile
    record = next(itertools.chain.from_iterable(batches), None)
    if record is None or record.offset != offset:
        return False
    return zlib.crc32(record.value or b"") == snapshot.last_checksum


def _header(chunks: Iterator[bytes]) -> SnapshotHeader:
    try:
        return msgspec.json.decode(next(chunks), type=SnapshotHeader)
    except (StopIteration, msgspec.DecodeError) as error:
        raise DamagedSnapshot(f"it has no header: {error}") from error


def _framed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks with their length before each; a length of zero, then the digest of it all."""
    hashed = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    for chunk in chunks:
        for piece in (_LENGTH.pack(len(chunk)), chunk):
            hashed.update(piece)
            yield piece
    yield _END + hashed.digest()


def _unframed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, one at a time; DamagedSnapshot, at the latest at the end."""
    hashed = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    held = bytearray()

    def take(size: int) -> bytes:
        while len(held) < size:
            piece = next(pieces, None)
            if piece is None:
                raise DamagedSnapshot("it is cut")
            held.extend(piece)
        taken = bytes(held[:size])
        del held[:size]
        return taken

    while (length := take(_LENGTH.size)) != _END:
        chunk = take(_LENGTH.unpack(length)[0])
        hashed.update(length)
        hashed.update(chunk)
        yield chunk
    if take(_DIGEST_SIZE) != hashed.digest() or held or next(pieces, None):
        raise DamagedSnapshot("its digest does not match its content")
