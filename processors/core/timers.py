"""Timers: part of the state, fired by deciding a `Tick` at the very time that they are due.

Law 6: time passing is a command. A timer fires before any command with a timestamp at or after it,
and the clock (of the worker) appends a `Tick` command when one is due and nothing else comes. A
timer that a command makes due at once fires within that command: its events are the command's too.

    timers due ─► the command ─► timers due now ─► ... ─► no timer due: the events, one batch
"""

import logging
from collections.abc import Callable
from typing import Any, NoReturn

from processors.core.decider import Decider, State, fold
from processors.core.messages import Tick

logger = logging.getLogger("refold.timers")

TICKS_IN_A_ROW_MAX = 1_000_000
"""Timers that one command fires, before it or after: rules that never end must not hang a task."""

_TICK = Tick()


class TimerFailed(Exception):
    """A timer that did not fire; the message says why, and what was due."""


def log_failure(due: int, error: Exception) -> None:
    """What a task does about a timer that did not fire: it tells the log of the process."""
    logger.error("the timer due at %d did not fire", due, exc_info=error)


def fire_timers(
    decider: Decider[State],
    state: State,
    now: int,
    *,
    at: int,
    encode: Callable[[Any], object],
    failed: Callable[[int, Exception], None],
) -> tuple[list[Any], State]:
    """Decide a tick as long as a timer is due up to `now`, each in the state that the one before
    led to; returns the events, and the state with them applied.

    A tick is decided at the time that is due, but never before `at`, the time that it is, nor
    before a tick that went before: what a timer makes due at once happens at the timer's time.
    `encode` raises at an event that cannot be written, as that must not be applied either.

    Where the decider raises at a tick, leads to no event (so that its timer stays as it was), or
    goes on beyond TICKS_IN_A_ROW_MAX, `failed` is called with the due time and what is wrong, and
    no more timers fire: what was applied stays, and the timer is tried again the next time.
    """
    fired: list[Any] = []
    next_due, ticks = decider.next_due, 0
    while next_due is not None and (due := next_due(state)) is not None and due <= now:
        try:
            if ticks == TICKS_IN_A_ROW_MAX:
                raise TimerFailed(f"{ticks} timers fired in a row, and one more is due")
            at = max(due, at)
            events = decider.decide(state, _TICK, at)
            if not events:
                raise TimerFailed("a tick led to no event, so that the timer is still there")
            for event in events:
                encode(event)
        except Exception as error:
            failed(due, error)
            break
        state = fold(decider, events, state)
        fired.extend(events)
        ticks += 1
    return fired, state


def decide_fully(
    decider: Decider[State], state: State, command: Any, at: int
) -> tuple[list[Any], State]:
    """Decide one command as a task does: the timers due before it, the command, and the timers
    that it made due at once. Returns all the events, and the state with them applied.

    For those who drive a decider without a log. `at` is milliseconds since 1970. Errors: what
    `decide` raises at the command; TimerFailed, where a task would log it; EvolveFailed.
    """
    events, state = _fire_or_raise(decider, state, at)
    if type(command) is not Tick:
        decided = decider.decide(state, command, at)
        state = fold(decider, decided, state)
        followed, state = _fire_or_raise(decider, state, at, at)
        events = [*events, *decided, *followed]
    return events, state


def _fire_or_raise(
    decider: Decider[State], state: State, now: int, at: int = 0
) -> tuple[list[Any], State]:
    return fire_timers(decider, state, now, at=at, encode=_unwritten, failed=_raise)


def _unwritten(event: Any) -> None:
    """In the place of an encoder, where there is no log."""


def _raise(due: int, error: Exception) -> NoReturn:
    raise TimerFailed(f"the timer due at {due} did not fire: {error!r}") from error
