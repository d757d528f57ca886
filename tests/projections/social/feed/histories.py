"""Events of a small feed made by hand, folded in any order that partitions may come in, and the
naive oracle: everything that those whom one follows have posted, the newest of it.

    steps ─► History.of(steps, modes) ─► Folded(history, interleaving) ─► rows, timelines
                     └► oracle
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from log.envelope import Event
from processors.social.feed import SYSTEM
from processors.social.feed.events import (
    AccountBecameInactive,
    AccountRegistered,
    AccountReturned,
    FanoutChanged,
    FanoutMode,
    Followed,
    Posted,
    Unfollowed,
)
from projections.core.memory_store import MemoryStore
from projections.core.projection import Events
from projections.core.rows import Tables
from projections.core.store import Catalog, Watermark
from projections.core.testing import rows
from projections.social.feed.accounts import FEED_ACCOUNTS
from projections.social.feed.home import page
from projections.social.feed.post_lists import line_of
from projections.social.feed.posts import FEED_POSTS
from projections.social.feed.timelines import HOME_TIMELINES

PARTITIONS = 3
NAMES = ("ann", "bob", "cay", "dan", "eve", "fay")
PROJECTIONS = (HOME_TIMELINES, FEED_ACCOUNTS, FEED_POSTS)
Modes = Literal["push", "pull", "hybrid"]
Step = tuple[str, int, int]
"""What happens, to which account, by which other: what makes no sense then is left out."""
KINDS = ("post", "post", "post", "follow", "follow", "unfollow", "leave", "switch")


@dataclass
class History:
    events: list[list[Event]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    """Of each partition."""
    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    follows: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    """By the one who is followed."""
    pulled: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, steps: Iterable[Step], modes: Modes) -> "History":
        """In `push` and `pull` all authors stay in that mode; in `hybrid` they switch."""
        history = cls()
        for name in NAMES:
            history.tell(AccountRegistered(author=name, at_ms=0))
            if modes == "pull":
                history.switch(name)
        for time_ms, (kind, one, other) in enumerate(steps, 1):
            author, by = NAMES[one], NAMES[other]
            if kind == "post":
                history.return_from(author, time_ms)
                history.lines[author].append(line_of(time_ms, author))
                history.tell(Posted(author=author, post_id=time_ms))
            elif kind == "follow" and author != by and by not in history.follows[author]:
                history.follow(author, by, time_ms)
            elif kind == "unfollow" and by in history.follows[author]:
                history.unfollow(author, by)
            elif kind == "leave" and author not in history.away:
                history.away.add(author)
                history.tell(AccountBecameInactive(author=author))
            elif kind == "leave":
                history.return_from(author, time_ms)
            elif kind == "switch" and modes == "hybrid":
                history.switch(author)
        return history

    def tell(self, event: Any) -> None:
        self.events[NAMES.index(event.author) % PARTITIONS].append(event)

    def return_from(self, author: str, at_ms: int) -> None:
        if author in self.away:
            self.away.remove(author)
            self.tell(AccountReturned(author=author, at_ms=at_ms))

    def follow(self, author: str, follower: str, number: int) -> None:
        self.follows[author].append(follower)
        followers = len(self.follows[author])
        self.tell(Followed(author=author, follower=follower, number=number, followers=followers))

    def unfollow(self, author: str, follower: str) -> None:
        self.follows[author].remove(follower)
        followers = len(self.follows[author])
        self.tell(Unfollowed(author=author, follower=follower, number=0, followers=followers))

    def switch(self, author: str) -> None:
        self.pulled ^= {author}
        mode = FanoutMode.PULL if author in self.pulled else FanoutMode.PUSH
        followers = len(self.follows[author])
        self.tell(FanoutChanged(author=author, mode=mode, followers=followers))

    def oracle(self, reader: str, length: int) -> list[str]:
        """The lines of a reader's timeline, newest first."""
        authors = [author for author, names in self.follows.items() if reader in names]
        lines = [line for author in {*authors, reader} for line in self.lines[author]]
        return sorted(lines, reverse=True)[:length]


class Folded:
    """A history in memory: its partitions in a random order, in runs of random sizes."""

    def __init__(self, history: History, seed: int) -> None:
        self.store = MemoryStore(Catalog(SYSTEM, PROJECTIONS))
        for projection in PROJECTIONS:
            session = self.store.open(projection, PARTITIONS)
            tables = Tables(projection.tables, session.load, complete=False)
            for number, run in interleaved(history.events, random.Random(seed)):
                at = session.watermarks[number].next_sequence + len(run)
                with session.transaction(number, Watermark(at, at)) as write:
                    projection.fold(tables, _events(number, run).of(projection.kinds))
                    write(tables.changes())
                tables.settle(0)

    @property
    def rows(self) -> dict[str, list[Any]]:
        return rows(self.store)

    def timeline(self, reader: str, page_size: int = 1_000) -> list[str]:
        """Read to its end, page by page."""
        lines: list[str] = []
        with self.store.reading() as opened:
            while found := page(opened, reader, page_size, lines[-1] if lines else ""):
                lines += [line for line, *_ in found]
        return lines


def _events(number: int, run: Sequence[Event]) -> Events:
    return Events(number, run, [getattr(event, "post_id", 0) for event in run])


def interleaved(
    partitions: Sequence[Sequence[Event]], draw: random.Random
) -> Iterator[tuple[int, Sequence[Event]]]:
    """Runs of each partition's events, in order for each."""
    places = [0] * len(partitions)
    while left := [number for number, at in enumerate(places) if at < len(partitions[number])]:
        number = draw.choice(left)
        run = partitions[number][places[number] : places[number] + draw.choice((1, 2, 5, 1_000))]
        places[number] += len(run)
        yield number, run


def seeded(seed: int, count: int) -> list[Step]:
    draw = random.Random(seed)
    return [
        (draw.choice(KINDS), draw.randrange(len(NAMES)), draw.randrange(len(NAMES)))
        for _ in range(count)
    ]
