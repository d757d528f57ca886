"""What every command and every event carries besides its own fields.

Laws 3 and 5: an event's value begins with its *sequence* (0, 1, 2 ... on its partition) and its
*cause* (the command's offset, its index among the events of that command, and how many there are).
A command that came from another system's event carries that event as its *origin*, and the events
that follow repeat it. One that a caller may send again carries the caller's *idempotency key*, and
the first of its events repeats it. All are flat integers in the value; defaults are left out.

Declare commands and events with `kw_only=True`: it is what puts the envelope first.
"""

import msgspec


class Command(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """A request: imperative, may be rejected. Subclass with `tag="place_order.v1"`."""

    origin_topic: str = ""
    origin_partition: int = 0
    origin_sequence: int = -1
    """-1: this command came from outside, not from another system's event."""
    origin_index: int = 0
    idempotency_key: str = ""
    """Of the caller's choosing, and the same each time that it sends this command: it is decided
    once. Remembered by the partition's task for a day (`processors.core.fold`)."""


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """A fact: past tense, never rejected. The task fills in the envelope; `decide` leaves it."""

    sequence: int = -1
    cause: int = -1
    """The offset of the command; -1 for an event that no command led to."""
    cause_index: int = 0
    cause_count: int = 1
    origin_topic: str = ""
    origin_partition: int = 0
    origin_sequence: int = -1
    origin_index: int = 0
    idempotency_key: str = ""
    """The command's, on the first of its events."""
