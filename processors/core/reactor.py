"""A reactor: events of one system become commands of another, exactly once.

    <source>.events ─► react ─► <target>.commands, each with its origin ─► the target's task

It is declared with a system (`System.reactors`) and runs where that system's tasks run. `react` is
a pure function of one event, as rules are; what needs a memory is a system of its own. Each
command carries its origin: the event (topic, partition, sequence), and its index among the
commands that the event led to. The target's task drops an origin at or below its watermark (law
5), so a reactor may begin again anywhere before the place that it had come to, and two may run at
once. Its committed offset, of the consumer group `group`, only saves it the way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from processors.core.system import System

React = Callable[[Any, int], Iterable[Any]]
"""(event, its time in ms since 1970) -> commands of the target. It may be a generator: what one
event leads to never stands in memory as a whole."""


@dataclass(frozen=True, kw_only=True)
class Reactor:
    """From the events of `source` to commands of `target`; None is the system it belongs to.

    `on` names the events that it reacts to, and how; the others pass by. A command is appended
    with the timestamp of its event.
    """

    name: str
    on: Mapping[type[Any], React]
    source: "System | None" = None
    target: "System | None" = None
