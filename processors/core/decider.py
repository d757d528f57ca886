"""A system's rules as three pure functions: `initial`, `decide`, `evolve`.

`decide(state, command, at)` gives the events that the command leads to and changes nothing;
`evolve(state, event)` applies one fact and never rejects it (it may change the state in place, and
returns it). No clock, random, I/O, set iteration or float in either: a test holds it. `at` is
milliseconds since 1970, the latest timestamp seen on the partition.

The shape is Chassaing's decider (https://thinkbeforecoding.com/post/2021/12/17/functional-event-
sourcing-decider), with the state of a whole partition.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

State = TypeVar("State")


class EvolveFailed(Exception):
    """`evolve` raised: a fact cannot be rejected."""


ROWS_PER_CHUNK = 1000
"""Of a snapshot's rows, how many are encoded and read at once: some 100 kB."""


PartKey = tuple[Any, ...]
"""What a part of a state is found by: texts and integers, the kind of part first."""


@dataclass(frozen=True, kw_only=True)
class StateParts(Generic[State]):
    """A state seen as parts, each under a key: so that its digest can be kept event by event, and
    an event costs what it touches, however large the state is.

    All parts together are the whole state, but for the order that they stand in. `keys` gives
    those of all parts; `part` what stands under one, of JSON's types or msgspec's (None: nothing);
    `touched` those that an event may change. It is asked before the event is applied.
    """

    keys: Callable[[State], Iterable[PartKey]]
    part: Callable[[State, PartKey], Any]
    touched: Callable[[State, Any], Iterable[PartKey]]


@dataclass(frozen=True, kw_only=True)
class StateFormat(Generic[State]):
    """How a state is written down: as rows, so that a large one never stands in memory twice.

    `row_type` is the msgspec type of a row (a tagged union where there are several); a snapshot
    made with another is ignored. `to_rows` must give the same rows for equal states, however they
    came about: the digest of a state is the hash of its rows.
    """

    row_type: Any
    to_rows: Callable[[State], Iterable[Any]]
    from_rows: Callable[[Iterator[Any]], State]
    parts: StateParts[State] | None = None
    """Optional, for a state that grows large and whose events name what they change."""


def whole_state(
    state_type: type[State], parts: StateParts[State] | None = None
) -> StateFormat[State]:
    """The format of a state that is itself a msgspec struct: one row."""
    return StateFormat(
        row_type=state_type, to_rows=lambda state: (state,), from_rows=next, parts=parts
    )


@dataclass(frozen=True, kw_only=True)
class Decider(Generic[State]):
    """The rules of one system.

    `next_due` tells when the state's earliest timer fires, if any (milliseconds since 1970): the
    core decides a `Tick` then, before any later command. A timer that a command (or a tick) makes
    due at once, at its own time or before, fires within that command, in the state that it led to:
    so a rule does what follows from its own events. Each such tick must lead to an event; the last
    one leaves no timer due. It is called once a command, so it must be cheap.
    """

    initial: Callable[[], State]
    decide: Callable[[State, Any, int], Sequence[Any]]
    evolve: Callable[[State, Any], State]
    state_format: StateFormat[State]
    next_due: Callable[[State], int | None] | None = None


def fold(decider: Decider[State], events: Iterable[Any], state: State | None = None) -> State:
    """`state = fold(evolve, events)`, from the initial state unless one is given.

    Errors: EvolveFailed, which names the event.
    """
    folded = decider.initial() if state is None else state
    for event in events:
        try:
            folded = decider.evolve(folded, event)
        except Exception as error:
            raise EvolveFailed(f"{error!r} at {event}") from error
    return folded


def encode_state(
    state_format: StateFormat[State], state: State, *, canonical: bool = False
) -> Iterator[bytes]:
    """The state's rows as JSON, ROWS_PER_CHUNK to a chunk.

    Dicts keep their order, which the rules may go by; `canonical` sorts them (and sets), so that
    equal states give equal bytes. (Not msgpack: its integers end at 64 bits, and a command may
    carry a longer one.)
    """
    encode = msgspec.json.Encoder(order="deterministic" if canonical else None).encode
    rows = iter(state_format.to_rows(state))
    while chunk := list(itertools.islice(rows, ROWS_PER_CHUNK)):
        yield encode(chunk)


def decode_state(state_format: StateFormat[State], chunks: Iterable[bytes]) -> State:
    """The state that `encode_state` wrote; one chunk at a time is held."""
    decode = msgspec.json.Decoder(list[state_format.row_type]).decode  # type: ignore[name-defined]
    return state_format.from_rows(row for chunk in chunks for row in decode(chunk))


def digest(state_format: StateFormat[State], state: State) -> str:
    """A hash of the state: equal for equal states, on every machine and Python version."""
    hashed = hashlib.blake2b(digest_size=16)
    for chunk in encode_state(state_format, state, canonical=True):
        hashed.update(chunk)
    return hashed.hexdigest()


PARTS_MODULUS = 1 << 128
_encode_part = msgspec.json.Encoder(order="deterministic").encode


def sum_of_parts(
    parts: StateParts[State], state: State, keys: Iterable[PartKey] | None = None
) -> int:
    """A hash of the parts under these keys (None: all), the same in any order: the sum of the
    hashes of each key with its part, modulo 2^128. What an event changes is added and taken away.
    """
    total = 0
    for key in parts.keys(state) if keys is None else keys:
        part = parts.part(state, key)
        if part is not None:
            hashed = hashlib.blake2b(_encode_part((key, part)), digest_size=16)
            total += int.from_bytes(hashed.digest())
    return total % PARTS_MODULUS
