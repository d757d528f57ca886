"""An effect: an event is a request to the outside world, and the answer comes back as a command.

    <system>.events ─► is it still wanted? ─► perform, again and again ─► <system>.commands

At least once (law 7): a request whose answer is not on the log when the worker dies is performed
again, with the same key, by which the outside tells that it has done it already. Answers may come
in any order, and twice: the rules take the first and let the second change nothing. Effects run
where the system's tasks run, never in replay.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import msgspec


class Refused(Exception):
    """Raised by `perform` where trying again is no use: the failure is final at once."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One attempt at what an event asks for."""

    event: Any
    at: int
    """The event's time, in ms since 1970."""
    key: str
    """For the outside to tell a repeated call by: the same for every attempt, also of the workers
    to come. Made of topic, partition, cause and index: `booking.stays.events-0-17-0`."""
    attempt: int = 1


Perform = Callable[[Request], Awaitable[Any]]
"""Does it, and returns the command that tells the system so. Any exception is a failed attempt."""

Open = Callable[[Mapping[str, str]], AbstractAsyncContextManager[Perform]]
"""From an effect's settings: what lives as long as the worker (a client, a pool) around
`perform`."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an effect may take. Between attempts it waits a random time up to `backoff_s`, doubled
    each time up to `backoff_s_max` (full jitter: Brooker, "Exponential Backoff And Jitter",
    AWS Architecture Blog, 2015)."""

    at_once: int = 8
    """How many requests are performed at a time in one worker (a bulkhead)."""
    attempts: int = 8
    attempt_s: float = 10.0
    """An attempt that takes longer is cancelled, and has failed."""
    backoff_s: float = 0.1
    backoff_s_max: float = 10.0
    breaker_failures: int = 5
    """After so many failed attempts in a row, of any requests, nobody tries for `breaker_s`; then
    one does, and the others follow if it succeeds. Waiting for it is no attempt."""
    breaker_s: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a system asks of the outside, by events of the types in `on`.

    `wanted(state, event)` tells whether the state still waits for the answer: what was answered,
    or withdrawn, is not performed (again). `failed(event, reason)` is the command that says that
    it will not succeed: after the last attempt, or where `perform` raised Refused.
    """

    name: str
    on: tuple[type[Any], ...]
    open: Open
    wanted: Callable[[Any, Any], bool]
    failed: Callable[[Any, str], Any]
    limits: Limits = field(default_factory=Limits)
    settings: Mapping[str, str] = field(default_factory=dict)
    """The names of its settings, with what holds where refold.toml says nothing else, under
    `[effects."<system>.<effect>"]`."""
    simulator: Callable[[], AbstractAsyncContextManager[Mapping[str, str]]] | None = None
    """An outside of its own, for the demo: starts it, and gives the settings that lead there."""
    script: Callable[[Request], Any] | None = None
    """What the outside might answer, as a pure function of the request: the world of the
    deterministic simulator (`refold simulate`). None: there, it refuses everything."""
