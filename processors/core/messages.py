"""The few commands and events that belong to the core: every system's topics may hold them."""

from log.envelope import Command, Event


class Tick(Command, tag="tick.v1", kw_only=True):
    """Time has passed: appended by the clock when a timer is due (law 6)."""


class NothingChanged(Event, tag="nothing_changed.v1", kw_only=True):
    """A command led to no event of its own; this one says that it was decided (law 4)."""

    reason: str = ""


class CommandRepeated(Event, tag="command_repeated.v1", kw_only=True):
    """The command's idempotency key was seen before: it is not decided again. Its answer is that
    of the command at `first_cause`, on the same partition."""

    first_cause: int


class CommandDeadLettered(Event, tag="command_dead_lettered.v1", kw_only=True):
    """A command that does not decode, or that the decider raised at (law 11)."""

    reason: str


class RulesAdopted(Event, tag="rules_adopted.v1", kw_only=True):
    """From here on, other rules decide (law 10)."""

    version: int


CORE_COMMANDS = (Tick,)
CORE_EVENTS = (NothingChanged, CommandRepeated, CommandDeadLettered, RulesAdopted)
