"""The feed's state as rows, for snapshots and digests, and back.

    limits
    account                                          } for each account, by name
        names: followers, requests, following, ...   }     some hundred to a row, by name
        post                                         }     for each post, by id
            names: likes                             }
            references                               }

What follows from that is not written: the counts of a post, the index of reposts, the timer's
heap. Rows are arrays in JSON, without field names.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

import msgspec

from processors.social.feed.state import NOBODY, Account, Feed, Names, Post
from processors.social.feed.terms import FanoutMode, Limits, PostKind

NAMES_PER_ROW: Final = 100
"""So that an account with a million followers is many small rows."""

Item = TypeVar("Item")


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What all rows have in common: their form."""


class LimitsRow(Row, tag="limits", frozen=True):
    """The first row."""

    limits: Limits


class AccountRow(Row, tag="account", frozen=True):
    """An account; the rows up to the next such row are its own."""

    author: str
    private: bool
    active: bool
    seen_ms: int
    mode: FanoutMode
    number: int
    last_post_id: int
    last_signature: int
    hour: int
    posts_in_hour: int
    day: int
    follows_in_day: int


class FollowersRow(Row, tag="followers", frozen=True):
    names: tuple[tuple[str, int], ...]


class RequestsRow(Row, tag="requests", frozen=True):
    names: tuple[tuple[str, int], ...]


class FollowingRow(Row, tag="following", frozen=True):
    names: tuple[tuple[str, int], ...]


class BlocksRow(Row, tag="blocks", frozen=True):
    names: tuple[tuple[str, int], ...]


class BlockedByRow(Row, tag="blocked_by", frozen=True):
    names: tuple[tuple[str, int], ...]


class MutesRow(Row, tag="mutes", frozen=True):
    names: tuple[tuple[str, int], ...]


class PostRow(Row, tag="post", frozen=True):
    """A post of the account; likes and references after it are its own."""

    post_id: int
    kind: PostKind
    parent_author: str
    parent_id: int
    edits: int


class LikesRow(Row, tag="likes", frozen=True):
    names: tuple[str, ...]


class ReferencesRow(Row, tag="references", frozen=True):
    references: tuple[tuple[str, int, PostKind], ...]


NamesRow = FollowersRow | RequestsRow | FollowingRow | BlocksRow | BlockedByRow | MutesRow
StateRow = LimitsRow | AccountRow | NamesRow | PostRow | LikesRow | ReferencesRow

NAMES: Final[dict[str, Callable[[tuple[tuple[str, int], ...]], NamesRow]]] = {
    "followers": FollowersRow,
    "requests": RequestsRow,
    "following": FollowingRow,
    "blocks": BlocksRow,
    "blocked_by": BlockedByRow,
    "mutes": MutesRow,
}


def to_rows(feed: Feed) -> Iterator[StateRow]:
    yield LimitsRow(feed.limits)
    for author in sorted(feed.accounts):
        account = feed.accounts[author]
        yield account_to_row(author, account)
        for field, row in NAMES.items():
            names: Names = getattr(account, field)
            for some in _in_rows(sorted(names.items())):
                yield row(some)
        for post_id in sorted(account.posts):
            yield from _post_to_rows(post_id, account.posts[post_id])


def account_to_row(author: str, account: Account) -> AccountRow:
    return AccountRow(
        author,
        account.private,
        account.active,
        account.seen_ms,
        account.mode,
        account.number,
        account.last_post_id,
        account.last_signature,
        account.hour,
        account.posts_in_hour,
        account.day,
        account.follows_in_day,
    )


def _post_to_rows(post_id: int, post: Post) -> Iterator[StateRow]:
    yield PostRow(post_id, post.kind, post.parent_author, post.parent_id, post.edits)
    for some in _in_rows(sorted(post.likes)):
        yield LikesRow(some)
    if post.references is not None:
        references = sorted(post.references)
        for few in _in_rows(references):
            yield ReferencesRow(tuple((by, at, post.references[by, at]) for by, at in few))


def _in_rows(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    rest = iter(items)
    while some := tuple(islice(rest, NAMES_PER_ROW)):
        yield some


def from_rows(rows: Iterator[StateRow]) -> Feed:
    """The state that `to_rows` wrote. ValueError: a row stands before what it is of."""
    feed = Feed()
    account: Account | None = None
    post: Post | None = None
    for row in rows:
        if isinstance(row, LimitsRow):
            feed.limits = row.limits
        elif isinstance(row, AccountRow):
            account, post = _account_of(row), None
            feed.accounts[row.author] = account
        elif account is None:
            raise ValueError(f"a row of kind {_tag(row)!r} stands before any account")
        elif isinstance(row, PostRow):
            post = _add_post(account, row)
        elif isinstance(row, LikesRow | ReferencesRow):
            if post is None:
                raise ValueError(f"a row of kind {_tag(row)!r} stands before any post")
            _add_to_post(post, row)
        else:
            kept: Names = getattr(account, _tag(row))
            names: Names = {} if kept is NOBODY else kept
            names.update(row.names)
            setattr(account, _tag(row), names)
    feed.watch_all()
    return feed


def _tag(row: StateRow) -> str:
    return str(row.__struct_config__.tag)


def _account_of(row: AccountRow) -> Account:
    account = Account(row.private, row.seen_ms)
    account.active = row.active
    account.mode = row.mode
    account.number = row.number
    account.last_post_id = row.last_post_id
    account.last_signature = row.last_signature
    account.hour = row.hour
    account.posts_in_hour = row.posts_in_hour
    account.day = row.day
    account.follows_in_day = row.follows_in_day
    return account


def _add_post(account: Account, row: PostRow) -> Post:
    post = Post(row.kind, row.parent_author, row.parent_id)
    post.edits = row.edits
    account.posts[row.post_id] = post
    if row.kind is PostKind.REPOST:
        account.reposts[row.parent_author, row.parent_id] = row.post_id
    return post


def _add_to_post(post: Post, row: LikesRow | ReferencesRow) -> None:
    if isinstance(row, LikesRow):
        likes: Names = {} if post.likes is NOBODY else post.likes
        likes.update(dict.fromkeys(row.names, 0))
        post.likes = likes
    else:
        for by, by_post_id, kind in row.references:
            post.refer((by, by_post_id), kind)
