"""The effects of a system beside one of its tasks: requests go out, answers come back as commands.

A request waits here until the effect has room, and is performed only if the state still wants it:
by then the state has come further than the event.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from log.interface import Log
from log.record import StoredRecord
from processors.core.appender import Appender
from processors.core.effect import Request
from processors.core.task import Task, TaskFailed
from processors.core.workers.monitor import Clock
from processors.core.workers.outside import CannotOpen, Channel, Outside

REQUESTS_MAX = 10_000
"""That are not answered: with more, no further events are read. Some 10 MB."""


class Asked:
    """A request, and how it stands. `answer` is None until there is room for it."""

    __slots__ = ("answer", "channel", "offset", "request")

    def __init__(self, offset: int, channel: Channel, request: Request) -> None:
        self.offset = offset
        self.channel = channel
        self.request = request
        self.answer: Future[Any] | None = None


class Performing:
    """A listener of `follower.py`, at the task's own events."""

    def __init__(
        self, log: Log, task: Task, outside: Outside, clock: Clock, told: Callable[[int], None]
    ) -> None:
        """`told` is called with how many answers are durable."""
        self._task = task
        self._told = told
        self._clock = clock
        self._appender = Appender(log, task.system, clock)
        self._on: dict[type[Any], list[Channel]] = {}
        for effect in task.system.effects:
            channel = outside.channel(task.system, effect)
            for kind in effect.on:
                self._on.setdefault(kind, []).append(channel)
        self._sequences: set[int] = set()
        """Of the events whose requests wait or are under way: they may be handed in again."""
        self._waiting: dict[Channel, deque[Asked]] = {}
        self._under_way: dict[Channel, list[Asked]] = {}
        for channels in self._on.values():
            for channel in channels:
                self._waiting[channel] = deque()
                self._under_way[channel] = []

    @property
    def _unanswered(self) -> Sequence[Asked]:
        kept = (*self._waiting.values(), *self._under_way.values())
        return [asked for some in kept for asked in some]

    @property
    def is_full(self) -> bool:
        return sum(map(len, self._waiting.values())) >= REQUESTS_MAX

    @property
    def unfinished(self) -> int | None:
        return min((asked.offset for asked in self._unanswered), default=None)

    @property
    def kinds(self) -> Iterable[type[Any]]:
        return self._on

    def take(self, event: Any, record: StoredRecord, at: int) -> None:
        channels = self._on.get(type(event))
        if channels is None or event.sequence in self._sequences:
            return
        self._sequences.add(event.sequence)
        task = self._task
        key = f"{task.events.topic}-{task.number}-{event.cause}-{event.cause_index}"
        for channel in channels:
            request = Request(event=event, at=at, key=key)
            self._waiting[channel].append(Asked(record.offset, channel, request))

    def settle(self) -> int:
        """Append the answers that have come, and ask for more; how many answers those were."""
        answered = [asked for some in self._under_way.values() for asked in some if _done(asked)]
        for asked in answered:
            self._appender.add(self._answer_of(asked), max(self._clock(), asked.request.at))
        if answered:
            self._appender.flush()
            self._sequences -= {asked.request.event.sequence for asked in answered}
            self._told(len(answered))
            for channel, some in self._under_way.items():
                self._under_way[channel] = [asked for asked in some if asked not in answered]
        for channel, waiting in self._waiting.items():
            under_way = self._under_way[channel]
            while waiting and len(under_way) < channel.effect.limits.at_once:
                asked = waiting.popleft()
                if self._is_wanted(asked):
                    asked.answer = channel.submit(asked.request)
                    under_way.append(asked)
                else:
                    self._sequences.discard(asked.request.event.sequence)
        return len(answered)

    def _answer_of(self, asked: Asked) -> Any:
        assert asked.answer is not None
        try:
            return asked.answer.result()
        except CannotOpen as error:
            raise TaskFailed(
                f"{asked.channel.name} is asked for, and cannot be opened: {error}. Mend that and "
                "start again; nothing is lost"
            ) from error
        except Exception as error:
            raise TaskFailed(
                f"{asked.channel.name}: `failed` raised {error!r} at {asked.request.key}: mend it "
                "and start again; it is asked for again then"
            ) from error

    def _is_wanted(self, asked: Asked) -> bool:
        event = asked.request.event
        try:
            return asked.channel.effect.wanted(self._task.fold.state, event)
        except Exception as error:
            raise TaskFailed(
                f"{asked.channel.name}: `wanted` raised {error!r} at {asked.request.key}: mend it "
                "and start again; nothing was asked"
            ) from error

    def close(self) -> None:
        for asked in self._unanswered:
            if asked.answer is not None:
                asked.answer.cancel()


def _done(asked: Asked) -> bool:
    return asked.answer is not None and asked.answer.done()
