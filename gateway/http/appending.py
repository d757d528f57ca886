"""Commands on their way from requests to the log: one thread appends what has come meanwhile, so
that concurrent requests share a flush, or a round trip to a broker.

Encoded commands come in from the event loop; once they are durable, those who wait for the events
are registered with `Decided`, and the others are told. While the log does not answer,
nothing is taken in, and what was not handed to it yet is given back: only of what was, nobody
knows whether it is on the log.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.http.deciding import Decided, Events, settle
from gateway.http.problems import CommandPlace, ProblemFound, problem
from log.errors import LogUnavailable
from log.interface import Partition, nothing
from log.record import NO_HEADERS, Headers

BATCH_COMMANDS = 10_000
AWAY_S = 3.0
"""A log that has not answered for so long is away."""
LOOK_S = 0.5
"""How often that is looked at, while commands are on their way."""
TAKEN_BYTES_MAX = 64 << 20
"""Of commands on their way."""
RECORD_BYTES = 64
"""More than a record takes beside its key, value and headers."""


@dataclass(frozen=True, eq=False)
class Target:
    """One partition of a system: where commands go, and where their events come from."""

    commands: Partition
    decided: Decided
    bytes_max: int


@dataclass(eq=False)
class Sent:
    """One command, for one partition or for all. `awaited` are the events of each target, or,
    where nobody waits for those, one future of no events, done once the command is durable."""

    targets: Sequence[Target]
    key: bytes | None
    value: bytes
    timestamp: int
    waits: bool
    """For the events."""
    awaited: Sequence[Events]
    headers: Headers = field(default_factory=lambda: NO_HEADERS)
    offsets: dict[Target, int] = field(default_factory=dict)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        key_bytes = len(self.key or b"")
        self.size = len(self.value) + key_bytes + bytes_of(self.headers) + RECORD_BYTES

    @property
    def places(self) -> list[CommandPlace]:
        """In the order of the targets; none while it is not on all of them."""
        if len(self.offsets) < len(self.targets):
            return []
        return [CommandPlace(each.commands.number, self.offsets[each]) for each in self.targets]

    def give_up(self) -> None:
        """Nobody waits any more; in the event loop."""
        for target, future in zip(self.targets, self.awaited, strict=False):
            if self.waits and target in self.offsets:
                target.decided.forget(self.offsets[target], future)
            if future.done() and not future.cancelled():
                future.exception()  # of several errors, one was told


class Appending:
    """The thread. `close` appends what was sent before, and ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.appended: Callable[[], object] = nothing
        """Called after each round, in the thread."""
        self._queue: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._taken_bytes = 0
        """Of all commands so far; written by the event loop alone."""
        self._done_bytes = 0
        """Of those that were appended, or failed; written by the thread alone."""
        self._began_s = 0.0
        """Since when the thread waits for the log; 0: it does not."""
        self._looking: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._run, name="refold-append")
        self._thread.start()

    @property
    def is_away(self) -> bool:
        """Whether the log has not answered for long."""
        began_s = self._began_s
        return began_s > 0 and time.monotonic() - began_s > AWAY_S

    @property
    def _on_their_way_bytes(self) -> int:
        return self._taken_bytes - self._done_bytes

    def send(self, sent: Sent) -> None:
        """Errors: ProblemFound (503) where there is no room, or the log is away."""
        if self.is_away:
            raise _not_appended("the log does not answer")
        if self._on_their_way_bytes > TAKEN_BYTES_MAX:
            raise _not_appended("more commands come than the log takes")
        self._taken_bytes += sent.size
        self._queue.put(sent)
        if self._looking is None:
            self._looking = self._loop.call_later(LOOK_S, self._look)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        """Give back what waits for a log that is away; in the event loop."""
        self._looking = None
        if self.is_away:
            drained = self._drain()
            self._taken_bytes -= sum(sent.size for sent in drained)
            error = _not_appended("the log does not answer")
            settle([(future, error) for sent in drained for future in sent.awaited])
        if self._on_their_way_bytes:
            self._looking = self._loop.call_later(LOOK_S, self._look)

    def _drain(self) -> list[Sent]:
        drained: list[Sent] = []
        ends = False
        try:
            while True:
                sent = self._queue.get_nowait()
                ends |= sent is None
                drained += [sent] if sent is not None else []
        except queue.Empty:
            if ends:
                self._queue.put(None)
            return drained

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
            sents = [each for each in taken if each is not None]
            told = self._append(sents)
            self._began_s = 0.0
            self._done_bytes += sum(each.size for each in sents)
            if told:
                self._loop.call_soon_threadsafe(settle, told)

    def _append(self, taken: Sequence[Sent]) -> list[tuple[Events, Any]]:
        """Whom to tell what: what went wrong, or that the command is durable. Who waits for events
        is told those."""
        by_target: dict[Target, list[Sent]] = {}
        failed: dict[Sent, Exception] = {}
        for sent in taken:
            for target in sent.targets:
                by_target.setdefault(target, []).append(sent)
        for target, sents in by_target.items():
            for some in _batches(sents, target.bytes_max):
                self._began_s = time.monotonic()
                try:
                    _append_batch(target, some)
                except Exception as error:
                    for sent in some:
                        failed[sent] = _unknown() if len(sent.targets) > 1 else error
        self.appended()
        return [
            (future, failed.get(sent, []))
            for sent in taken
            if not sent.waits or sent in failed
            for future in sent.awaited
        ]


def _append_batch(target: Target, sents: Sequence[Sent]) -> None:
    try:
        place = target.decided.place()
    except LogUnavailable as error:
        raise _not_appended("the log does not answer") from error
    builder = target.commands.new_batch()
    for delta, sent in enumerate(sents):
        builder.append(delta, sent.timestamp, sent.key, sent.value, sent.headers)
    try:
        offsets = target.commands.append_batch(builder)
    except LogUnavailable as error:
        raise _unknown() from error
    answers: list[tuple[int, Events]] = []
    for sent, offset in zip(sents, offsets, strict=True):
        sent.offsets[target] = offset
        if sent.waits:
            future = sent.awaited[sent.targets.index(target)]
            answers += [] if future.done() else [(offset, future)]
    target.decided.register(place, answers)


def _batches(sents: Sequence[Sent], bytes_max: int) -> list[list[Sent]]:
    """As few batches as the topic's limit allows."""
    batches: list[list[Sent]] = [[]]
    size = 0
    for sent in sents:
        if size + sent.size > bytes_max and batches[-1]:
            batches.append([])
            size = 0
        batches[-1].append(sent)
        size += sent.size
    return batches


def bytes_of(headers: Headers) -> int:
    """With the lengths of names and values."""
    return sum(len(name) + len(value or b"") + 10 for name, value in headers)


def _not_appended(reason: str) -> ProblemFound:
    return problem(503, f"{reason}: the command was not appended; send it again", "not-appended")


def _unknown() -> ProblemFound:
    """Also of one for all partitions, which some of them may hold."""
    return problem(
        504, "the log has not answered: the command may be on it; send it again with its key"
    )
