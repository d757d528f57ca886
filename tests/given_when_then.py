"""Given events, when a command, then events: for the rules of any system.

    garage = given(SYSTEM.decider, CarParked(spot="a", car="x"))
    assert garage.when(ParkCar(spot="a", car="y")) == [CarRefused(spot="a", car="y")]

A `when` decides as a task does, timers included, and holds that `decide` left the state as it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from processors.core.decider import Decider, digest, fold
from processors.core.timers import decide_fully

State = TypeVar("State")


class Scenario(Generic[State]):
    """A state on its way: each `when` decides a command, folds what it led to, and returns it."""

    def __init__(self, decider: Decider[State], history: Iterable[Any]) -> None:
        self.decider = replace(decider, decide=self._decide)
        self._rules = decider
        self.state = fold(decider, history)

    def when(self, command: Any, at: int = 0) -> list[Any]:
        """The events that the command leads to, which are facts by then: first those of the timers
        due at `at` (milliseconds since 1970), then its own, then those of the timers that it made
        due at once. TimerFailed where one of these does not fire."""
        events, self.state = decide_fully(self.decider, self.state, command, at)
        return events

    def _decide(self, state: State, command: Any, at: int) -> Sequence[Any]:
        before = digest(self._rules.state_format, state)
        events = self._rules.decide(state, command, at)
        after = digest(self._rules.state_format, state)
        assert before == after, f"decide changed the state on {command}"
        return events


def given(decider: Decider[State], *history: Any) -> Scenario[State]:
    """A state that came about by these events."""
    return Scenario(decider, history)
