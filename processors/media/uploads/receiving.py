"""What a front calls: bytes in, commands onto the log, and the answer from the events.

    bytes ─► stage ─► hold_blob, wait for hold_noted ─► keep ─► append_chunk, wait ─► the answer

A long body is cut into chunks, each of which is durable before the next: whoever is killed in the
middle has lost one chunk at most, and the client goes on from the offset that stands on the log.
A worker must run, here or elsewhere: it is what answers.
"""

import hashlib
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec

from log.envelope import Event
from log.interface import Log
from log.record import NO_HEADERS, Headers
from processors.core.appender import Appender
from processors.core.messages import CommandDeadLettered
from processors.core.system import place_of
from processors.media.blobs import PIECE_BYTES, BlobStore, Staged
from processors.media.uploads import SYSTEM
from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    HoldBlob,
    TerminateUpload,
)
from processors.media.uploads.events import (
    ChunkAccepted,
    HoldNoted,
    HoldReturned,
    UploadCompleted,
    UploadCreated,
    UploadRejected,
)
from processors.media.uploads.terms import CHECKSUM_ALGORITHMS, Holder

CHUNK_BYTES: Final = 32 << 20
"""A body is cut into chunks of so many bytes at most, unless a checksum is of the whole."""
ANSWER_S: Final = 30.0


class NotAnswered(Exception):
    """No answer came in time: is a worker running? The command stands on the log, and will be
    decided; ask for the upload's offset before going on."""


class Checksum(msgspec.Struct, frozen=True):
    """What a client claims of a body: an algorithm, and the digest in lower-case hex."""

    algorithm: str
    claimed: str


class Received(msgspec.Struct):
    """What came of a body. `offset` is where the upload stands; -1: nowhere. `expires_at_ms`: 0
    where no byte was accepted."""

    offset: int
    is_complete: bool = False
    expires_at_ms: int = 0
    rejection: UploadRejected | None = None


class _Hash(Protocol):
    def update(self, data: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class Receiver:
    """Uploads over a log and a blob store. Safe to use from several threads.

    Errors of its calls: NotAnswered, and those of the log and of the blob store.
    """

    def __init__(
        self,
        log: Log,
        blobs: BlobStore,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        answer_s: float = ANSWER_S,
        headers: Headers = NO_HEADERS,
    ) -> None:
        """`headers` go with its commands: who sends them."""
        self._log = log
        self._blobs = blobs
        self._chunk_bytes = chunk_bytes
        self._answer_s = answer_s
        self._headers = headers
        self._lock = threading.Lock()
        self._appender = Appender(log, SYSTEM)
        self._partitions = SYSTEM.ensure_topics(log)
        config = log.topics()[SYSTEM.events_topic]
        self._decode = SYSTEM.event_codec(config).decode

    def create(self, command: CreateUpload) -> UploadCreated | UploadRejected:
        """A new upload. The front keeps its `number`, as in the URL that it answers with."""
        for event in self._ask(command):
            if isinstance(event, UploadCreated | UploadRejected):
                return event
        raise AssertionError(f"{command} has no answer")

    def terminate(self, command: TerminateUpload) -> UploadRejected | None:
        """None: it has ended."""
        return _rejection(self._ask(command))

    def receive(
        self,
        owner: str,
        upload: str,
        number: int,
        offset: int,
        body: Iterable[bytes],
        *,
        length: int | None = None,
        checksum: Checksum | None = None,
    ) -> Received:
        """A body that continues the upload at `offset`; `length` declares that of the whole.

        What came of a body that breaks off (`body` raises) is kept, unless it has a checksum, and
        what it raised is raised again.
        """
        source = _Body(body)
        received = Received(offset)
        while received.rejection is None and not received.is_complete:
            chunk = AppendChunk(
                owner=owner, upload=upload, number=number, offset=received.offset, size=0
            )
            limit = None if checksum else self._chunk_bytes
            hashed = _hash_of(checksum)
            with self._blobs.stage(_hashed(source.pieces(limit), hashed)) as staged:
                if checksum is not None:
                    if source.error is not None:
                        raise source.error
                    chunk.checksum_algorithm = checksum.algorithm
                    chunk.checksum_claimed = checksum.claimed
                    chunk.checksum_measured = hashed.hexdigest() if hashed else ""
                if staged.blob.size or received.offset == offset:
                    # The length may be beyond what one chunk has: it is declared with the first.
                    chunk.length = length if received.offset == offset else None
                    received = self._append(chunk, staged)
            if source.is_over:
                break
        if source.error is not None:
            raise source.error
        return received

    def _append(self, chunk: AppendChunk, staged: Staged) -> Received:
        """Hold, put, name: in this order, for the reason that `ledger.py` gives."""
        chunk.digest, chunk.size = staged.blob
        is_true = chunk.checksum_claimed == chunk.checksum_measured
        if chunk.size and is_true and self._hold(chunk):
            staged.keep()
        events = self._ask(chunk)
        rejection = _rejection(events)
        if rejection is not None:
            return Received(rejection.offset, rejection=rejection)
        accepted = [event for event in events if isinstance(event, ChunkAccepted)]
        end = chunk.offset + sum(event.size for event in accepted)
        is_complete = any(isinstance(event, UploadCompleted) for event in events)
        expires_at_ms = accepted[-1].expires_at_ms if accepted else 0
        return Received(end, is_complete, expires_at_ms)

    def _hold(self, chunk: AppendChunk) -> bool:
        """Whether the upload holds the chunk's digest now. Where it does not, it is gone."""
        names = chunk.owner, chunk.upload, chunk.number, chunk.digest
        holder = Holder(
            system=SYSTEM.name, owner=chunk.owner, name=chunk.upload, number=chunk.number
        )
        place = self._place(chunk.owner)
        since = self._end(place)
        self._send(HoldBlob(digest=chunk.digest, holder=holder))
        for event in self._follow(place, since):
            if not isinstance(event, HoldNoted | HoldReturned):
                continue
            if (event.owner, event.upload, event.number, event.digest) == names:
                return isinstance(event, HoldNoted)
        raise self._not_answered("hold_blob.v1")

    def _ask(self, command: Any) -> list[Event]:
        """Append a command; returns the events that it led to, for its upload."""
        place = self._place(command.owner)
        since = self._end(place)
        offset = self._send(command)
        answer: list[Event] = []
        for event in self._follow(place, since):
            if event.cause != offset:
                continue
            if isinstance(event, CommandDeadLettered):
                raise ValueError(f"the command cannot be decided: {event.reason}")
            answer.append(event)
            if event.cause_index + 1 == event.cause_count:
                upload = command.owner, command.upload
                return [event for event in answer if _upload_of(event) == upload]
        raise self._not_answered(type(command).__name__)

    def _not_answered(self, what: str) -> NotAnswered:
        return NotAnswered(f"{what} was not answered within {self._answer_s:g} s")

    def _place(self, owner: str) -> int:
        return place_of(owner, self._partitions)[1][0]

    def _end(self, number: int) -> int:
        return self._log.partition(SYSTEM.events_topic, number).high_watermark

    def _send(self, command: Any) -> int:
        """Its offset, once it is durable."""
        with self._lock:
            self._appender.add(command, headers=self._headers)
            self._appender.flush()
            key = SYSTEM.key(command)
            assert key is not None
            return self._appender.durable[self._place(key)].last_offset

    def _follow(self, number: int, offset: int) -> Iterator[Event]:
        """The events of a partition from an offset on, as they come, until the time is over."""
        partition = self._log.partition(SYSTEM.events_topic, number)
        end_s = time.monotonic() + self._answer_s
        while (left_s := end_s - time.monotonic()) > 0:
            if not partition.wait(offset, left_s):
                return
            for batch in partition.read(offset):
                for record in batch:
                    yield self._decode(record.value or b"")
                offset = batch.last_offset + 1


class _Body:
    """A stream of bytes, cut to chunks; where it raises, it is over, and `error` says why."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._rest = b""
        self._body = iter(body)
        self.is_over = False
        self.error: Exception | None = None

    def pieces(self, limit: int | None) -> Iterator[bytes]:
        """Up to `limit` bytes; None: all."""
        left = limit
        while left is None or left > 0:
            if not self._rest and not self._read():
                return
            size = min(PIECE_BYTES, len(self._rest) if left is None else left)
            piece, self._rest = self._rest[:size], self._rest[size:]
            left = None if left is None else left - len(piece)
            yield piece

    def _read(self) -> bool:
        try:
            self._rest = next(self._body)
        except StopIteration:
            self.is_over = True
        except Exception as error:
            self.is_over, self.error = True, error
        return not self.is_over


def _hash_of(checksum: Checksum | None) -> _Hash | None:
    """None where there is no claim, or it is in an algorithm that the rules reject."""
    if checksum is None or checksum.algorithm not in CHECKSUM_ALGORITHMS:
        return None
    if checksum.algorithm == "crc32":
        return _Crc32()
    return hashlib.new(checksum.algorithm, usedforsecurity=False)


def _hashed(pieces: Iterable[bytes], hashed: _Hash | None) -> Iterator[bytes]:
    for piece in pieces:
        if hashed is not None:
            hashed.update(piece)
        yield piece


def _upload_of(event: Any) -> tuple[str, str] | None:
    """Timers of others fire within a command's events too."""
    return (event.owner, event.upload) if hasattr(event, "upload") else None


def _rejection(events: Sequence[Event]) -> UploadRejected | None:
    return next((event for event in events if isinstance(event, UploadRejected)), None)
