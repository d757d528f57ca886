"""Clearing and the exchange in memory, and the reactors between them: what flows and tests drive.

a command ─► clearing, by partition ─► events ─► to_exchange ─► the exchange ─► from_exchange
                   ▲                                                                  │
                   └──────────────── in the order in which they came ◄────────────────┘
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from log.partitioner import partition_for_key
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.markets.clearing.commands import COMMANDS
from processors.markets.clearing.decider import DECIDER
from processors.markets.clearing.keys import key_of
from processors.markets.clearing.reactors import EXCHANGE, REACTORS
from processors.markets.clearing.state import Clearing

OF_CLEARING = frozenset(COMMANDS)


class Connected:
    """The states of both, from nothing. `decided` is called with each partition of clearing, each
    command decided there, and its events."""

    def __init__(
        self,
        partitions: int = 1,
        decided: Callable[[int, Any, list[Any]], None] = lambda number, command, events: None,
    ) -> None:
        self.clearing: list[Clearing] = [DECIDER.initial() for _ in range(partitions)]
        self.exchange = EXCHANGE.decider.initial()
        self._decided = decided
        to_exchange, from_exchange = REACTORS
        self._to_exchange, self._from_exchange = to_exchange.on, from_exchange.on

    def give(self, command: Any, at: int) -> list[Any]:
        """Decide a command of either system, and all that follows from it on both sides; returns
        the commands of clearing that were decided after it."""
        followed = [*self.pass_time(at)]
        waiting: deque[Any] = deque([command])
        while waiting:
            command = waiting.popleft()
            if type(command) in OF_CLEARING:
                for number in self._partitions_of(command):
                    waiting.extend(self._clear(number, command, at))
            else:
                answers = self._trade(command, at)
                followed += answers
                waiting.extend(answers)
        return followed

    def pass_time(self, at: int) -> list[Any]:
        """Fire the timers of the exchange that are due; returns what clearing decided for it."""
        due = EXCHANGE.decider.next_due
        assert due is not None
        moment = due(self.exchange)
        if moment is None or moment > at:
            return []
        answers = self._trade(Tick(), at)
        for command in answers:
            for number in self._partitions_of(command):
                self._clear(number, command, at)
        return answers

    def _partitions_of(self, command: Any) -> Iterable[int]:
        key, count = key_of(command), len(self.clearing)
        return range(count) if key is None else (partition_for_key(key.encode(), count),)

    def _clear(self, number: int, command: Any, at: int) -> list[Any]:
        events, self.clearing[number] = decide_fully(DECIDER, self.clearing[number], command, at)
        self._decided(number, command, events)
        return _reactions(self._to_exchange, events, at)

    def _trade(self, command: Any, at: int) -> list[Any]:
        events, self.exchange = decide_fully(EXCHANGE.decider, self.exchange, command, at)
        return _reactions(self._from_exchange, events, at)


def _reactions(on: Any, events: list[Any], at: int) -> list[Any]:
    return [
        command
        for event in events
        if (react := on.get(type(event))) is not None
        for command in react(event, at)
    ]
