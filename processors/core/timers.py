"""Timers: part of the state, fired by deciding a `Tick` at the very time that they are due.

Law 6: time passing is a command. A timer fires before any command with a timestamp at or after it,
and the clock (of the worker) appends a `Tick` command when one is due and nothing else comes.
"""

import logging
from typing import Any

from log.codec import Codec
from log.envelope import Event
from processors.core.fold import Fold
from processors.core.messages import Tick

logger = logging.getLogger("refold.timers")

_TICK = Tick()


def is_timely(due: int | None, command: Any, now: int) -> bool:
    """Whether a timer fires before `command` is decided at `now`, or the command is a tick."""
    return (due is not None and due <= now) or type(command) is Tick


def fire_timers(fold: Fold[Any], codec: Codec[Event], now: int) -> list[Event]:
    """Decide and apply a tick at each time that is due up to `now`; returns the events.

    A decider that raises at a tick, or that leaves the timer as it was, keeps its timer and holds
    up nothing else; the log of the process says so.
    """
    decider = fold.decider
    fired: list[Event] = []
    if decider.next_due is None:
        return fired
    while (due := decider.next_due(fold.state)) is not None and due <= now:
        try:
            events = decider.decide(fold.state, _TICK, max(due, fold.at))
            for event in events:
                codec.encode(event)  # what cannot be written down must not be applied
        except Exception:
            logger.exception("the timer due at %d did not fire", due)
            break
        fired.extend(map(fold.apply, events))
        if decider.next_due(fold.state) == due:
            logger.error("the timer due at %d fired and is still there: it fires but once", due)
            break
    return fired
