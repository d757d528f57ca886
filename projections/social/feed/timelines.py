"""Home timelines by hybrid fan-out: who follows whom, each author's newest posts, and what was
written into the timelines of his followers.

    posted ─┬─► authors                      the author's own list
            └─► follower_blocks ─► timelines   of each follower, while the author is in push mode
    fanout_changed ─► readers                whom a follower pulls from when he reads

A reader's timeline is the newest `post_lists.LENGTH` posts of his own, of `timelines`, and of the
authors whom he pulls from (`home.py` merges them). What stands in `timelines` depends on nothing
but each partition's events by themselves, however they interleave: it is the newest of all that
was pushed by those whom the reader follows, and as if it had been from the start. So

- a follow fills in what the author has pushed, and an unfollow takes it out; where the list had
  been full, older posts of the others come back;
- an author who goes from push to pull leaves what he pushed where it is: it is merged with what is
  pulled, each post once. On the way back his newest posts are filled in;
- an inactive account has no row in `timelines`; when its owner returns, it is filled.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

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
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.social.feed import post_lists
from projections.social.feed.post_lists import author_of, extended, line_of, merged, text_of

BLOCK: Final = 256
"""Followers in a row of `follower_blocks`."""


class Author(msgspec.Struct, gc=False):
    author: str
    followers: int = 0
    posts: str = ""
    """The newest posts, also those that were deleted since. See `post_lists`."""
    length: int = 0
    pushed: str | None = None
    """None: posts are pushed. Else they are pulled, and these were pushed before."""


class Follower(msgspec.Struct, gc=False):
    author: str
    follower: str
    since_ms: int
    place: int
    """Among the author's followers, from 0 on, with no gap: block times `BLOCK` and the place in
    it."""


class FollowerBlock(msgspec.Struct, gc=False):
    """Some of an author's followers, by blanks."""

    author: str
    number: int
    followers: str


class ReaderSources(msgspec.Struct, gc=False):
    """Where a reader's posts come from: authors, by blanks, sorted."""

    reader: str
    pushed_by: str = ""
    """Who is followed, and pushes or did so since."""
    pulled_from: str = ""
    """Who is followed, and is pulled."""


class Timeline(msgspec.Struct, gc=False):
    """What was pushed to an active account. See `post_lists`."""

    reader: str
    posts: str
    length: int


OF_FOLLOWER = ("follower", "author")
AUTHORS = Table("authors", Author, key=("author",))
FOLLOWERS = Table("followers", Follower, key=("author", "follower"), indexes=(OF_FOLLOWER,))
FOLLOWER_BLOCKS = Table("follower_blocks", FollowerBlock, key=("author", "number"))
READERS = Table("readers", ReaderSources, key=("reader",))
TIMELINES = Table("timelines", Timeline, key=("reader",))


class _FanOut:
    __slots__ = ("authors", "blocks", "followers", "pending", "readers", "timelines")

    def __init__(self, tables: Tables) -> None:
        self.authors = tables[AUTHORS]
        self.followers = tables[FOLLOWERS]
        self.blocks = tables[FOLLOWER_BLOCKS]
        self.readers = tables[READERS]
        self.timelines = tables[TIMELINES]
        self.pending: defaultdict[str, list[str]] = defaultdict(list)
        """Pushed within this run of events, and not yet in the reader's list: that is written once
        a run, whatever comes to it."""

    def post(self, event: Posted) -> None:
        name = event.author
        author = self.authors.get(name) or Author(name)
        line = line_of(event.post_id, name)
        author.posts, author.length = extended(
            author.posts, author.length, [line], post_lists.LENGTH
        )
        self.authors.put(author)
        if author.pushed is None:
            pending = self.pending
            for block in self.blocks_of(author):
                for follower in block.followers.split():
                    pending[follower].append(line)

    def write_pending(self) -> None:
        for reader in list(self.pending):
            self.timeline(reader)

    def timeline(self, reader: str) -> Timeline | None:
        """With all that was pushed so far; None where the account is inactive."""
        row = self.timelines.get(reader)
        pushed = self.pending.pop(reader, None)
        if row is not None and pushed:
            pushed.sort()
            row.posts, row.length = extended(row.posts, row.length, pushed, post_lists.LENGTH)
            self.timelines.put(row)
        return row

    def follow(self, event: Followed, at_ms: int) -> None:
        name = event.author
        author = self.authors.get(name) or Author(name)
        number, place = divmod(author.followers, BLOCK)
        follower = Follower(name, event.follower, at_ms, author.followers)
        self.followers.put(follower)
        if place:
            block = self.blocks[name, number]
            block.followers += f" {event.follower}"
        else:
            block = FollowerBlock(name, number, event.follower)
        self.blocks.put(block)
        author.followers += 1
        self.authors.put(author)
        self.connect(author, event.follower)

    def unfollow(self, event: Unfollowed) -> None:
        author = self.authors[event.author]
        gone = self.followers[event.author, event.follower]
        self.followers.delete((gone.author, gone.follower))
        author.followers -= 1
        self.authors.put(author)
        last_name = self.take_last(author)
        if gone.place != author.followers:
            last = self.followers[gone.author, last_name]
            last.place = gone.place
            self.followers.put(last)
            number, place = divmod(gone.place, BLOCK)
            block = self.blocks[gone.author, number]
            names = block.followers.split()
            names[place] = last_name
            block.followers = " ".join(names)
            self.blocks.put(block)
        self.disconnect(gone)

    def take_last(self, author: Author) -> str:
        """The follower at the last place, which is one behind the author's number of followers."""
        number, place = divmod(author.followers, BLOCK)
        block = self.blocks[author.author, number]
        others, _, name = block.followers.rpartition(" ")
        if place:
            block.followers = others
            self.blocks.put(block)
        else:
            self.blocks.delete((author.author, number))
        return name

    def blocks_of(self, author: Author) -> Iterator[FollowerBlock]:
        for number in range(-(-author.followers // BLOCK)):
            yield self.blocks[author.author, number]

    def change_mode(self, event: FanoutChanged) -> None:
        author = self.authors.get(event.author) or Author(event.author)
        is_pulled = event.mode is FanoutMode.PULL
        author.pushed = author.posts if is_pulled else None
        self.authors.put(author)
        for block in self.blocks_of(author):
            for follower in block.followers.split():
                if not is_pulled:
                    reader = self.readers[follower]
                    reader.pulled_from = _without(reader.pulled_from, author.author)
                    self.readers.put(reader)
                self.connect(author, follower)

    def connect(self, author: Author, follower: str) -> None:
        """The reader follows the author, who is in this mode from here on."""
        reader = self.readers.get(follower) or ReaderSources(follower)
        if author.pushed is not None:
            reader.pulled_from = _with(reader.pulled_from, author.author)
            self.readers.put(reader)
            return
        reader.pushed_by = _with(reader.pushed_by, author.author)
        self.readers.put(reader)
        if author.posts and (row := self.timeline(follower)) is not None:
            self.keep(row, merged((row.posts, author.posts), post_lists.LENGTH))

    def disconnect(self, gone: Follower) -> None:
        name = gone.author
        reader = self.readers[gone.follower]
        reader.pulled_from = _without(reader.pulled_from, name)
        was_pushed = name in reader.pushed_by.split()
        reader.pushed_by = _without(reader.pushed_by, name)
        self.readers.put(reader)
        row = self.timeline(gone.follower)
        if row is None or not was_pushed:
            return
        lines = row.posts.splitlines()
        left = [line for line in lines if author_of(line) != name]
        if len(left) < len(lines):
            self.keep(row, left if len(lines) < post_lists.LENGTH else self.pushed_to(reader))

    def fill(self, name: str) -> None:
        """The account is active from here on."""
        self.pending.pop(name, None)
        self.keep(Timeline(name, "", 0), self.pushed_to(self.readers.get(name)))

    def pushed_to(self, reader: ReaderSources | None) -> list[str]:
        if reader is None:
            return []
        authors = (self.authors[name] for name in reader.pushed_by.split())
        lists = (one.posts if one.pushed is None else one.pushed for one in authors)
        return merged(lists, post_lists.LENGTH)

    def keep(self, row: Timeline, lines: list[str]) -> None:
        row.posts, row.length = text_of(lines), len(lines)
        self.timelines.put(row)


def _with(names: str, name: str) -> str:
    """Names by blanks, sorted: with one more, if it is not there."""
    known = names.split()
    place = bisect_left(known, name)
    if known[place : place + 1] != [name]:
        known.insert(place, name)
    return " ".join(known)


def _without(names: str, name: str) -> str:
    return " ".join(known for known in names.split() if known != name)


def fold(tables: Tables, events: Events) -> None:
    fan_out = _FanOut(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is Posted:
            fan_out.post(event)
        elif kind is Followed:
            fan_out.follow(event, at_ms)
        elif kind is Unfollowed:
            fan_out.unfollow(event)
        elif kind is FanoutChanged:
            fan_out.change_mode(event)
        elif kind is AccountBecameInactive:
            fan_out.timelines.delete(event.author)
        else:
            fan_out.fill(event.author)
    fan_out.write_pending()


HOME_TIMELINES = Projection(
    name="home_timelines",
    events=(
        AccountRegistered,
        AccountBecameInactive,
        AccountReturned,
        Posted,
        Followed,
        Unfollowed,
        FanoutChanged,
    ),
    tables=(AUTHORS, FOLLOWERS, FOLLOWER_BLOCKS, READERS, TIMELINES),
    fold=fold,
)
