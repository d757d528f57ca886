"""What a WebSocket, and all of them together, may take."""

import msgspec


class LiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A connection holds at most `buffer_bytes`, one message above that, and the answers to
    `commands_max` commands."""

    frame_ms: int = 50
    """A live query is asked again at most so often."""
    subscriptions_max: int = 64
    """Of a connection."""
    commands_max: int = 64
    """Under way on a connection."""
    queries_max: int = 4096
    """Different live queries, of all connections."""
    queries_at_once: int = 2
    """That are asked in the same moment: the others wait, so that requests are not held up."""
    value_bytes: int = 1 << 20
    """Of one answer to a live query, as JSON."""
    buffer_bytes: int = 1 << 16
    """A client that has so much to take still gets nothing more until it does."""
    slow_s: float = 10.0
    """Whoever takes nothing for so long is cut off."""


LIMITS = LiveLimits()
