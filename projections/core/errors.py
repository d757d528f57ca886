"""What can go wrong with a read model, as exceptions that say what, where and what to do."""

import difflib
from collections.abc import Iterable


class ProjectionError(Exception):
    """Base of everything that projections raise on purpose."""


class ProjectionGap(ProjectionError):
    """The next event on the topic is not the one that must follow (law 8): nothing is skipped."""

    def __init__(self, topic: str, partition: int, expected: int, found: int, offset: int) -> None:
        super().__init__(
            f"{topic}[{partition}] at offset {offset}: expected sequence {expected}, found "
            f"{found}: the {found - expected} events before it are missing from the topic "
            "(deleted by retention, or damaged: see `refold doctor`)"
        )
        self.topic = topic
        self.partition = partition
        self.expected = expected
        self.found = found
        self.offset = offset


class InvalidEvent(ProjectionError):
    """An event does not decode: the text names its topic, partition, offset and field."""


class FoldFailed(ProjectionError):
    """A projection's own `fold` raised; the text names the event, the cause is chained."""


class ForeignLog(ProjectionError):
    """The topic does not hold what this read model has applied: the log was replaced, or lost its
    tail. Rebuild."""


class ProjectionConflict(ProjectionError):
    """Another process moves or rebuilds the same read model, and this one cannot go on."""


class ProjectionOutdated(ProjectionError):
    """The store holds the read model in another version or schema than the program declares."""


class ReadModelMissing(ProjectionError):
    """The store does not hold the read model (yet): no worker has made it."""


class StoreError(ProjectionError):
    """The database refused: busy, full, read-only, unreachable. Nothing was half applied."""


class StoreUnavailable(StoreError):
    """The database does not answer, or ended a session: it is started anew, or another worker took
    this one for dead. What was not committed is undone; trying again may help."""


class QueryError(ProjectionError):
    """An unknown query or argument, or an argument that does not parse."""


def nearest(asked: str, known: Iterable[str]) -> str:
    """The end of an error message: the closest known name, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(asked, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known are {', '.join(names)}" if names else "there are none"
