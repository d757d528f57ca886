"""Given events, when a command, then events: for the rules of any system.

    garage = given(SYSTEM.decider, CarParked(spot="a", car="x"))
    assert garage.when(ParkCar(spot="a", car="y")) == [CarRefused(spot="a", car="y")]

Every `when` also holds that `decide` left the state as it was.
"""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from processors.core.decider import Decider, digest, fold

State = TypeVar("State")


class Scenario(Generic[State]):
    """A state on its way: each `when` decides a command, folds what it led to, and returns it."""

    def __init__(self, decider: Decider[State], history: Iterable[Any]) -> None:
        self.decider = decider
        self.state = fold(decider, history)

    def when(self, command: Any, at: int = 0) -> list[Any]:
        """The events that the command leads to, which are facts by then."""
        before = digest(self.decider.state_format, self.state)
        events = list(self.decider.decide(self.state, command, at))
        after = digest(self.decider.state_format, self.state)
        assert before == after, f"decide changed the state on {command}"
        self.state = fold(self.decider, events, self.state)
        return events


def given(decider: Decider[State], *history: Any) -> Scenario[State]:
    """A state that came about by these events."""
    return Scenario(decider, history)
