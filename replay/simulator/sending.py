"""Real producers: commands to a real log, at a pace, with what was acknowledged kept in mind.

Each producer is a thread with a client of its own and the commands of some keys, in order. What a
cluster does not acknowledge is sent again, as a producer does: it may then be there twice, as two
commands.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from log.errors import LogUnavailable
from log.interface import Log
from log.record import Record
from processors.core.system import System
from replay.simulator.actors import Acknowledged

EVERY_S = 0.05
"""A producer sends so often, at most."""


class Sent(NamedTuple):
    """Commands that were appended together."""

    last_offset: int
    commands: int
    sent_s: float
    """Before the append, on the monotonic clock."""


class Sender:
    """One producer."""

    def __init__(self, log: Log, commands: Sequence[tuple[System, int, Any]]) -> None:
        """`commands`: (system, timestamp, command)."""
        self.acknowledged: list[Acknowledged] = []
        self.waiting: dict[tuple[str, int], deque[Sent]] = {}
        """By topic and partition, what nobody has seen decided."""
        self.planned = len(commands)
        self.sent = 0
        self._log = log
        self._commands = deque(commands)
        topics = log.topics()
        self._systems = {
            system.name: (
                system.command_codec(topics[system.commands_topic]),
                topics[system.commands_topic].partitions,
            )
            for system in {system.name: system for system, _, _ in commands}.values()
        }

    def run(self, count: int, over_s: float, stop: threading.Event) -> None:
        """Send so many, evenly spread over a time; or until stopped."""
        began_s, begun = time.monotonic(), self.sent
        while self.sent < begun + count and self._commands and not stop.is_set():
            part = min((time.monotonic() - began_s) / over_s, 1.0) if over_s else 1.0
            due = begun + max(int(count * part), 1) - self.sent
            if due > 0:
                self._send(due, stop)
            else:
                stop.wait(EVERY_S)

    def _send(self, count: int, stop: threading.Event) -> None:
        batches: dict[tuple[str, int], list[Record]] = {}
        for _ in range(min(count, len(self._commands))):
            system, at, command = self._commands.popleft()
            codec, partitions = self._systems[system.name]
            key, numbers = system.placed(command, partitions)
            for number in numbers:
                place = system.commands_topic, number
                batches.setdefault(place, []).append(Record(codec.encode(command), key, at))
            self.sent += 1
        for (topic, number), records in batches.items():
            self._append(topic, number, records, stop)

    def _append(
        self, topic: str, number: int, records: list[Record], stop: threading.Event
    ) -> None:
        sent_s = time.monotonic()
        while True:
            try:
                offsets = self._log.partition(topic, number).append(records)
                break
            except LogUnavailable:
                if stop.wait(EVERY_S):
                    return
        sent = Sent(offsets[-1], len(records), sent_s)
        self.waiting.setdefault((topic, number), deque()).append(sent)
        for offset, record in zip(offsets, records, strict=True):
            self.acknowledged.append(
                Acknowledged(topic, number, offset, record.key, record.value or b"")
            )


class Sending:
    """All producers together."""

    def __init__(self, senders: Sequence[Sender], progress: Callable[[int], None]) -> None:
        self._senders = senders
        self._progress = progress
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._failed: list[BaseException] = []

    def begin(self, count: int, over_s: float) -> None:
        """Send so many in all, evenly spread over a time: of each producer, its share."""
        self.stop()
        self._stop = threading.Event()
        total = sum(sender.planned for sender in self._senders)
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(sender, -(-sender.planned * count // total), over_s),
                name="refold-sender",
            )
            for sender in self._senders
        ]
        for thread in self._threads:
            thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether anything is left to send. Errors: what a producer met."""
        self._progress(sum(sender.sent for sender in self._senders))
        if self._failed:
            raise self._failed[0]
        return any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Send no more. Errors: what a producer met."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        if self._failed:
            raise self._failed[0]

    def acknowledged(self) -> list[Acknowledged]:
        return [each for sender in self._senders for each in sender.acknowledged]

    def decided(self, topic: str, number: int, last_offset: int) -> Iterator[Sent]:
        """What was waiting and is decided, as commands up to an offset are; each once."""
        for sender in self._senders:
            waiting = sender.waiting.get((topic, number))
            while waiting and waiting[0].last_offset <= last_offset:
                yield waiting.popleft()

    @property
    def oldest_s(self) -> float | None:
        """When the oldest was sent of what nobody has seen decided."""
        found = [
            waiting[0].sent_s
            for sender in self._senders
            for waiting in list(sender.waiting.values())
            if waiting
        ]
        return min(found, default=None)

    def _run(self, sender: Sender, count: int, over_s: float) -> None:
        try:
            sender.run(count, over_s, self._stop)
        except BaseException as error:
            self._failed.append(error)
