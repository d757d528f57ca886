"""Accounts with their counters, whom each mutes and blocks, and the requests to follow it.

Everything of an account stands on its own partition.
"""

from typing import Any

import msgspec

from processors.social.feed.events import (
    AccountBecameInactive,
    AccountRegistered,
    AccountReturned,
    Blocked,
    FollowCounted,
    Followed,
    FollowRequestClosed,
    FollowRequested,
    FollowUncounted,
    Muted,
    PostDeleted,
    Posted,
    PrivacySet,
    ProfileChanged,
    Unblocked,
    Unfollowed,
    Unmuted,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class Account(msgspec.Struct, gc=False):
    author: str
    name: str
    bio: str
    avatar: str
    private: bool
    registered_at_ms: int
    active: bool = True
    posts: int = 0
    """Of all kinds, that stand."""
    followers: int = 0
    following: int = 0


class Relation(msgspec.Struct, gc=False):
    """What an account does about another one; there is no row where it does neither."""

    account: str
    other: str
    mutes: bool = False
    blocks: bool = False


class FollowRequest(msgspec.Struct, gc=False):
    author: str
    follower: str
    at_ms: int


ACCOUNTS = Table("accounts", Account, key=("author",))
RELATIONS = Table("relations", Relation, key=("account", "other"))
FOLLOW_REQUESTS = Table("follow_requests", FollowRequest, key=("author", "follower"))


class _Accounts:
    __slots__ = ("accounts", "relations", "requests")

    def __init__(self, tables: Tables) -> None:
        self.accounts = tables[ACCOUNTS]
        self.relations = tables[RELATIONS]
        self.requests = tables[FOLLOW_REQUESTS]

    def register(self, event: AccountRegistered, at_ms: int) -> None:
        self.accounts.put(
            Account(event.author, event.name, event.bio, event.avatar, event.private, at_ms)
        )

    def change(self, event: Any) -> None:
        account = self.accounts[event.author]
        kind = type(event)
        if kind is Posted:
            account.posts += 1
        elif kind is PostDeleted:
            account.posts -= 1
        elif kind is Unfollowed:
            account.followers = event.followers
        elif kind is FollowCounted or kind is FollowUncounted:
            account.following = event.following
        elif kind is ProfileChanged:
            account.name, account.bio, account.avatar = event.name, event.bio, event.avatar
        elif kind is PrivacySet:
            account.private = event.private
        else:
            account.active = kind is AccountReturned
        self.accounts.put(account)

    def follow(self, event: Followed) -> None:
        account = self.accounts[event.author]
        account.followers = event.followers
        self.accounts.put(account)
        self.requests.delete((event.author, event.follower))

    def relate(self, event: Any) -> None:
        kind = type(event)
        other = event.blocked if kind is Blocked or kind is Unblocked else event.muted
        key = event.author, other
        relation = self.relations.get(key) or Relation(*key)
        if kind is Blocked or kind is Unblocked:
            relation.blocks = kind is Blocked
        else:
            relation.mutes = kind is Muted
        if relation.blocks or relation.mutes:
            self.relations.put(relation)
        else:
            self.relations.delete(key)


RELATING = frozenset((Blocked, Unblocked, Muted, Unmuted))


def fold(tables: Tables, events: Events) -> None:
    accounts = _Accounts(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is Followed:
            accounts.follow(event)
        elif kind is AccountRegistered:
            accounts.register(event, at_ms)
        elif kind is FollowRequested:
            accounts.requests.put(FollowRequest(event.author, event.follower, at_ms))
        elif kind is FollowRequestClosed:
            accounts.requests.delete((event.author, event.follower))
        elif kind in RELATING:
            accounts.relate(event)
        else:
            accounts.change(event)


FEED_ACCOUNTS = Projection(
    name="feed_accounts",
    events=(
        AccountRegistered,
        ProfileChanged,
        PrivacySet,
        AccountBecameInactive,
        AccountReturned,
        Posted,
        PostDeleted,
        Followed,
        Unfollowed,
        FollowCounted,
        FollowUncounted,
        FollowRequested,
        FollowRequestClosed,
        Blocked,
        Unblocked,
        Muted,
        Unmuted,
    ),
    tables=(ACCOUNTS, RELATIONS, FOLLOW_REQUESTS),
    fold=fold,
    rows_of="partition",
)
