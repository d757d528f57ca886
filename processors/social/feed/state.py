"""The feed's state on one partition: the accounts whose key it is, and what the rules need of
their posts. Neither texts nor profiles: those are for read models.

    Feed ─┬─ limits, for all
          ├─ accounts: by name ─┬─ who follows it, asks to, is blocked ...
          │                     └─ posts: by id ── who likes it, what refers to it
          └─ watched: when each active account was last seen, for the timer

Everything that a command asks is one look into a dict.
"""

from heapq import heapify, heappop, heappush, heapreplace
from typing import Final

from processors.social.feed.terms import FanoutMode, Limits, PostKind

Names = dict[str, int]
"""Accounts, each with a number (of a follow, of a block), or with 0 where there is none."""
Reference = tuple[str, int]
"""A post: its author and its id."""

NOBODY: Final[Names] = {}
"""What all accounts and posts share that have nobody (an empty dict takes 64 bytes, and most have
several). Only `with_one` and `without_one` change such dicts."""


def with_one(names: Names, name: str, number: int = 0) -> Names:
    """The dict to keep from now on, which has the name."""
    if names is NOBODY:
        return {name: number}
    names[name] = number
    return names


def without_one(names: Names, name: str) -> Names:
    """The dict to keep from now on, which has not the name."""
    del names[name]
    return names if names else NOBODY


class Post:
    """A post that stands. Its id is the key that it has in `Account.posts`."""

    __slots__ = (
        "edits",
        "kind",
        "likes",
        "parent_author",
        "parent_id",
        "quotes",
        "references",
        "replies",
        "reposts",
    )

    kind: PostKind
    parent_author: str
    parent_id: int
    edits: int
    likes: Names
    references: dict[Reference, PostKind] | None
    """The replies, reposts and quotes that count here; None: not one."""
    replies: int
    reposts: int
    quotes: int

    def __init__(self, kind: PostKind, parent_author: str, parent_id: int) -> None:
        self.kind = kind
        self.parent_author = parent_author
        self.parent_id = parent_id
        self.edits = 0
        self.likes = NOBODY
        self.references = None
        self.replies = 0
        self.reposts = 0
        self.quotes = 0

    def refers(self, by: str, by_post_id: int) -> PostKind | None:
        """How a post refers to this one; None: it is not counted."""
        return None if self.references is None else self.references.get((by, by_post_id))

    def count_of(self, kind: PostKind) -> int:
        if kind is PostKind.REPLY:
            return self.replies
        return self.reposts if kind is PostKind.REPOST else self.quotes

    def refer(self, by: Reference, kind: PostKind) -> None:
        if self.references is None:
            self.references = {}
        self.references[by] = kind
        self._count(kind, 1)

    def forget(self, by: Reference) -> None:
        if self.references is not None:
            self._count(self.references.pop(by), -1)
            self.references = self.references or None

    def _count(self, kind: PostKind, change: int) -> None:
        if kind is PostKind.REPLY:
            self.replies += change
        elif kind is PostKind.REPOST:
            self.reposts += change
        else:
            self.quotes += change


class Account:
    __slots__ = (
        "active",
        "blocked_by",
        "blocks",
        "day",
        "followers",
        "following",
        "follows_in_day",
        "hour",
        "last_post_id",
        "last_signature",
        "mode",
        "mutes",
        "number",
        "posts",
        "posts_in_hour",
        "private",
        "reposts",
        "requests",
        "seen_ms",
    )

    private: bool
    active: bool
    seen_ms: int
    """When its owner last visited or posted, as far as it was written down."""
    mode: FanoutMode
    number: int
    """Of the last follow of it, or block by it."""
    last_post_id: int
    last_signature: int
    """What the last post said, as `text.signature` has it; 0: there is none, or it was deleted."""
    hour: int
    posts_in_hour: int
    """How many it wrote in that hour of UTC since 1970."""
    day: int
    follows_in_day: int
    """How many follows of it began on that day of UTC since 1970."""
    followers: Names
    requests: Names
    following: Names
    """Whom it follows, as far as the news has come here."""
    blocks: Names
    blocked_by: Names
    mutes: Names
    posts: dict[int, Post]
    reposts: dict[Reference, int]
    """What it has reposted, with the id of its repost."""

    def __init__(self, private: bool, seen_ms: int) -> None:
        self.private = private
        self.active = True
        self.seen_ms = seen_ms
        self.mode = FanoutMode.PUSH
        self.number = 0
        self.last_post_id = 0
        self.last_signature = 0
        self.hour = 0
        self.posts_in_hour = 0
        self.day = 0
        self.follows_in_day = 0
        self.followers = NOBODY
        self.requests = NOBODY
        self.following = NOBODY
        self.blocks = NOBODY
        self.blocked_by = NOBODY
        self.mutes = NOBODY
        self.posts = {}
        self.reposts = {}

    def at_odds_with(self, other: str) -> bool:
        """Whether one of the two blocks the other."""
        return other in self.blocks or other in self.blocked_by


class Feed:
    """The timer: `watched` is a heap with one entry for each active account, of when it was seen
    at the time of the entry. The first is always right: it is put right when it comes up."""

    __slots__ = ("accounts", "limits", "watched")

    limits: Limits
    accounts: dict[str, Account]
    watched: list[tuple[int, str]]

    def __init__(self) -> None:
        self.limits = Limits()
        self.accounts = {}
        self.watched = []

    def watch(self, author: str, account: Account) -> None:
        """An account is active from here on."""
        heappush(self.watched, (account.seen_ms, author))
        self.put_first_right()

    def watch_all(self) -> None:
        """All active accounts, where none is watched yet."""
        accounts = self.accounts.items()
        self.watched = [(one.seen_ms, author) for author, one in accounts if one.active]
        heapify(self.watched)

    def saw(self, author: str, account: Account, at_ms: int) -> None:
        """The owner of an active account was here."""
        if at_ms > account.seen_ms:
            account.seen_ms = at_ms
            if self.watched[0][1] == author:
                self.put_first_right()

    def put_first_right(self) -> None:
        watched = self.watched
        while watched:
            seen_ms, author = watched[0]
            account = self.accounts[author]
            if not account.active:
                heappop(watched)
            elif account.seen_ms > seen_ms:
                heapreplace(watched, (account.seen_ms, author))
            else:
                return


def initial() -> Feed:
    return Feed()


def next_due(feed: Feed) -> int | None:
    """When the owner seen longest ago has been away for too long (ms since 1970)."""
    return feed.watched[0][0] + feed.limits.inactive_after_ms if feed.watched else None
