"""Commands on their way from requests to the log: one thread appends what has come meanwhile, so
that concurrent requests share a flush.

Encoded commands come in from the event loop; out go their offsets, once they are durable, and a
registration with `Decided` for those who wait for the events.
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.http.deciding import Decided, Events, settle
from log.interface import Partition
from log.record import NO_HEADERS

BATCH_COMMANDS = 10_000


@dataclass(frozen=True, eq=False)
class Target:
    """One partition of a system: where commands go, and where their events come from."""

    commands: Partition
    decided: Decided
    bytes_max: int


@dataclass(eq=False)
class Sent:
    """One command, for one partition or for all. `answers` has a future a partition, or none
    where nobody waits."""

    targets: Sequence[Target]
    key: bytes | None
    value: bytes
    timestamp: int
    placed: asyncio.Future[list[int]]
    """The offsets, in the order of the targets."""
    answers: Sequence[Events] = ()
    offsets: dict[Target, int] = field(default_factory=dict)

    def answer_at(self, target: Target) -> Events | None:
        return self.answers[self.targets.index(target)] if self.answers else None


class Appending:
    """The thread. `close` appends what was sent before, and ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="refold-append")
        self._thread.start()

    def send(self, sent: Sent) -> None:
        self._queue.put(sent)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            taken = [self._queue.get()]
            while taken[-1] is not None and len(taken) < BATCH_COMMANDS:
                try:
                    taken.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            more = taken[-1] is not None
            self._append([each for each in taken if each is not None])

    def _append(self, taken: Sequence[Sent]) -> None:
        by_target: dict[Target, list[Sent]] = {}
        failed: dict[int, Exception] = {}
        for sent in taken:
            for target in sent.targets:
                by_target.setdefault(target, []).append(sent)
        for target, sents in by_target.items():
            for some in _batches(sents, target.bytes_max):
                try:
                    _append_batch(target, some)
                except Exception as error:
                    failed |= {id(sent): error for sent in some}
        results: list[tuple[asyncio.Future[Any], Any]] = [
            (
                sent.placed,
                failed.get(id(sent)) or [sent.offsets[target] for target in sent.targets],
            )
            for sent in taken
        ]
        self._loop.call_soon_threadsafe(settle, results)


def _append_batch(target: Target, sents: Sequence[Sent]) -> None:
    builder = target.commands.new_batch()
    for delta, sent in enumerate(sents):
        builder.append(delta, sent.timestamp, sent.key, sent.value, NO_HEADERS)
    with target.decided.registering() as register:
        offsets = target.commands.append_batch(builder)
        for sent, offset in zip(sents, offsets, strict=True):
            sent.offsets[target] = offset
            answer = sent.answer_at(target)
            if answer is not None:
                register(offset, answer)


def _batches(sents: Sequence[Sent], bytes_max: int) -> list[list[Sent]]:
    """As few batches as the topic's limit allows."""
    batches: list[list[Sent]] = [[]]
    size = 0
    for sent in sents:
        sent_bytes = len(sent.value) + len(sent.key or b"") + RECORD_BYTES
        if size + sent_bytes > bytes_max and batches[-1]:
            batches.append([])
            size = 0
        batches[-1].append(sent)
        size += sent_bytes
    return batches


RECORD_BYTES = 64
"""More than a record takes beside its key and value."""
