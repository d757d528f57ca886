"""A crowd on the feed for benchmarks: its events made by hand, on a log in memory, one partition.

The rules stand aside, as only read models are measured: the events are what the rules would give.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from processors.social.feed import SYSTEM
from processors.social.feed.events import AccountRegistered, Followed, Posted
from projections.core.memory_store import MemoryStore
from projections.core.projection import Projection
from projections.core.store import Catalog
from projections.core.worker import Worker

ONE_PARTITION = replace(SYSTEM, partitions=1)
START_MS = 1_700_000_000_000
BATCH = 1_000
TEXT = "Who writes a post writes some eighty letters, a #hashtag, and now and then a name."
Edges = Sequence[tuple[str, str]]
"""(author, follower)."""


class Crowd:
    """`tell` it events; `catch_up` has the read models apply them."""

    def __init__(self, projections: tuple[Projection, ...]) -> None:
        self._log = MemoryLog()
        ONE_PARTITION.ensure_topics(self._log)
        self._partition = self._log.partition(ONE_PARTITION.events_topic, 0)
        self._encode = ONE_PARTITION.event_codec(self._partition.config).encode
        self._told = 0
        self.batch = BATCH
        """Events in a batch of the log: a run of the projections has one or more."""
        self.now_ms = START_MS
        self.store = MemoryStore(Catalog(ONE_PARTITION, projections))
        self.worker = Worker(self._log, self.store)

    def tell(self, events: Iterable[Event]) -> None:
        waiting = iter(events)
        while batch := list(islice(waiting, self.batch)):
            records = []
            for event in batch:
                event.sequence = event.cause = self._told
                self._told += 1
                records.append(Record(self._encode(event), None, self.now_ms))
            self._partition.append(records)

    def catch_up(self) -> None:
        self.worker.catch_up()

    def register(self, names: Iterable[str]) -> None:
        self.tell(AccountRegistered(author=name, name=name, at_ms=START_MS) for name in names)

    def follow(self, edges: Edges) -> None:
        self.tell(
            Followed(author=author, follower=follower, number=number, followers=0)
            for number, (author, follower) in enumerate(edges, 1)
        )

    def post(self, authors: Iterable[str]) -> list[tuple[int, str]]:
        """One post of each, in turn, a millisecond apart; returns (post id, author)."""
        posts = []
        for author in authors:
            self.now_ms += 1
            posts.append((self.now_ms, author))
        self.tell(
            Posted(author=author, post_id=post_id, text=TEXT, hashtags=("hashtag",))
            for post_id, author in posts
        )
        return posts


def names(kind: str, count: int) -> list[str]:
    return [f"{kind}{number:06}" for number in range(count)]


def edges(
    authors: Sequence[str], readers: Sequence[str], followers: Iterable[int], seed: int = 5
) -> Iterator[tuple[str, str]]:
    """Each author with as many followers as stands at its place, drawn from the readers."""
    draw = random.Random(seed)
    for author, count in zip(authors, followers, strict=True):
        for reader in draw.sample(readers, min(count, len(readers))):
            yield author, reader
