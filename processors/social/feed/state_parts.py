"""The feed's state as parts by key, so that its digest costs what an event touches: for each event
type of `facts.py`, which parts it changes. A follower, a like and a reference are parts of their
own: an account with a million followers costs no more than another."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from processors.core.decider import PartKey, StateParts
from processors.social.feed.events import (
    AccountBecameInactive,
    AccountRegistered,
    AccountReturned,
    Blocked,
    BlockErased,
    BlockRecorded,
    FanoutChanged,
    FollowCounted,
    Followed,
    FollowRequestClosed,
    FollowRequested,
    FollowUncounted,
    LimitsSet,
    Muted,
    PostDeleted,
    Posted,
    PostEdited,
    PostLiked,
    PostUnliked,
    PrivacySet,
    ReferenceCounted,
    ReferenceUncounted,
    Unblocked,
    Unfollowed,
    Unmuted,
    Visited,
)
from processors.social.feed.state import Feed, Names, Post
from processors.social.feed.state_rows import NAMES, account_to_row

Touched = Callable[[Feed, Any], Iterable[PartKey]]

LIMITS: Final = ("limits",)
NONE: Final = ()


def keys(feed: Feed) -> Iterator[PartKey]:
    yield LIMITS
    for author, account in feed.accounts.items():
        yield "account", author
        for field in NAMES:
            names: Names = getattr(account, field)
            for name in names:
                yield field, author, name
        for post_id, post in account.posts.items():
            yield from _keys_of_post(author, post_id, post)


def _keys_of_post(author: str, post_id: int, post: Post) -> Iterator[PartKey]:
    yield "post", author, post_id
    for by in post.likes:
        yield "like", author, post_id, by
    for by, by_post_id in post.references or ():
        yield "reference", author, post_id, by, by_post_id


def part(feed: Feed, key: PartKey) -> Any:
    kind = key[0]
    if kind == "limits":
        return feed.limits
    account = feed.accounts.get(key[1])
    if account is None:
        return None
    if kind == "account":
        return account_to_row(key[1], account)
    if kind in NAMES:
        names: Names = getattr(account, kind)
        return names.get(key[2])
    post = account.posts.get(key[2])
    if post is None:
        return None
    match kind:
        case "post":
            return post.kind, post.parent_author, post.parent_id, post.edits
        case "like":
            return post.likes.get(key[3])
        case "reference":
            return post.refers(key[3], key[4])
    raise KeyError(key)


def _limits(feed: Feed, event: LimitsSet) -> Iterable[PartKey]:
    return (LIMITS,)


def _account(feed: Feed, event: Any) -> Iterable[PartKey]:
    return (("account", event.author),)


def _posted(feed: Feed, event: Posted) -> Iterable[PartKey]:
    return ("account", event.author), ("post", event.author, event.post_id)


def _edited(feed: Feed, event: PostEdited) -> Iterable[PartKey]:
    return (("post", event.author, event.post_id),)


def _deleted(feed: Feed, event: PostDeleted) -> Iterable[PartKey]:
    post = feed.accounts[event.author].posts[event.post_id]
    return ("account", event.author), *_keys_of_post(event.author, event.post_id, post)


def _like(feed: Feed, event: PostLiked | PostUnliked) -> Iterable[PartKey]:
    return (("like", event.author, event.post_id, event.by),)


def _reference(feed: Feed, event: ReferenceCounted | ReferenceUncounted) -> Iterable[PartKey]:
    return (("reference", event.author, event.post_id, event.by, event.by_post_id),)


def _followed(feed: Feed, event: Followed) -> Iterable[PartKey]:
    author, follower = event.author, event.follower
    return ("account", author), ("followers", author, follower), ("requests", author, follower)


def _name(field: str, of: str, feed: Feed, event: Any) -> Iterable[PartKey]:
    """One of the account's `Names`, which the event's field `of` names."""
    return ((field, event.author, getattr(event, of)),)


def _account_and_name(field: str, of: str, feed: Feed, event: Any) -> Iterable[PartKey]:
    return ("account", event.author), (field, event.author, getattr(event, of))


TOUCHED: Final[dict[type[Any], Touched]] = {
    LimitsSet: _limits,
    AccountRegistered: _account,
    PrivacySet: _account,
    Visited: _account,
    AccountBecameInactive: _account,
    AccountReturned: _account,
    Posted: _posted,
    PostEdited: _edited,
    PostDeleted: _deleted,
    PostLiked: _like,
    PostUnliked: _like,
    ReferenceCounted: _reference,
    ReferenceUncounted: _reference,
    Followed: _followed,
    Unfollowed: partial(_name, "followers", "follower"),
    FanoutChanged: _account,
    FollowRequested: partial(_name, "requests", "follower"),
    FollowRequestClosed: partial(_name, "requests", "follower"),
    FollowCounted: partial(_account_and_name, "following", "followee"),
    FollowUncounted: partial(_name, "following", "followee"),
    Blocked: partial(_account_and_name, "blocks", "blocked"),
    Unblocked: partial(_name, "blocks", "blocked"),
    BlockRecorded: partial(_name, "blocked_by", "by"),
    BlockErased: partial(_name, "blocked_by", "by"),
    Muted: partial(_name, "mutes", "muted"),
    Unmuted: partial(_name, "mutes", "muted"),
}


def touched(feed: Feed, event: Any) -> Iterable[PartKey]:
    of_type = TOUCHED.get(type(event))
    return NONE if of_type is None else of_type(feed, event)


PARTS: Final = StateParts(keys=keys, part=part, touched=touched)
