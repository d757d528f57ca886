"""The named queries of the feed's accounts: profiles, who follows whom, inboxes, networks."""

from typing import Annotated

import msgspec

from projections.core.errors import QueryError
from projections.core.store import Reader
from projections.social.feed.accounts import (
    ACCOUNTS,
    FOLLOW_REQUESTS,
    RELATIONS,
    Account,
    FollowRequest,
    Relation,
)
from projections.social.feed.home import seen
from projections.social.feed.interactions import INTERACTIONS, Interaction
from projections.social.feed.likes import BY_TIME as LIKED_LATEST
from projections.social.feed.likes import LIKES, Like
from projections.social.feed.notifications import BY_TIME, MENTION, NOTIFICATIONS, Notification
from projections.social.feed.post_lists import line_of
from projections.social.feed.sight import Sight
from projections.social.feed.timelines import FOLLOWERS, OF_FOLLOWER, Follower

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
OWN = ("like",)
"""Notifications about a post of the account itself; of the others, it is a post of `by`."""
BY_POST = ("reply", "repost", "quote", MENTION)


class Notice(msgspec.Struct, gc=False):
    """One line of an inbox."""

    at_ms: int
    kind: str
    by: str
    post_author: str
    """Whose post it is about; empty: none."""
    post_id: int
    text: str
    """Of the post."""
    cursor: str


def profile(reader: Reader, author: str, viewer: str = "") -> Account | None:
    """An account with its counters: what is private is its posts. None where there is none, or
    one of the two blocks the other."""
    account = reader.get(ACCOUNTS, author)
    return account if account and Sight(reader, viewer).may_meet(author) else None


def followers(
    reader: Reader, author: str, viewer: str = "", limit: Count = 100, after: str = ""
) -> list[Follower]:
    """Who follows an account, by name; `after` is the last one seen. A private account's followers
    are for its followers."""
    if Sight(reader, viewer).account(author) is None:
        return []
    return list(reader.rows(FOLLOWERS, author, at_least=_behind(after), limit=limit))


def following(
    reader: Reader, follower: str, viewer: str = "", limit: Count = 100, after: str = ""
) -> list[Follower]:
    """Whom an account follows, by name, as `followers`."""
    if Sight(reader, viewer).account(follower) is None:
        return []
    rows = reader.rows(FOLLOWERS, follower, by=OF_FOLLOWER, at_least=_behind(after), limit=limit)
    return list(rows)


def _behind(name: str) -> str | None:
    """The least text behind a name and before all other names (a blank stands in none)."""
    return f"{name} " if name else None


def follow_requests(reader: Reader, author: str) -> list[FollowRequest]:
    """Who waits for the answer of a private account, by name."""
    return list(reader.rows(FOLLOW_REQUESTS, author))


def relations(reader: Reader, author: str) -> list[Relation]:
    """Whom an account mutes and blocks, by name."""
    return list(reader.rows(RELATIONS, author))


def notifications(
    reader: Reader, author: str, limit: Count = 50, before: str = ""
) -> list[Notice]:
    """The inbox of an account, newest first; `before` is the `cursor` of the last one seen. What
    the account may not see, or mutes, is left out, and so is what was deleted."""
    sight = Sight(reader, author, unmuted_only=True)
    place = _place(before) if before else None
    end = place[0] + 1 if place else None
    found: list[Notice] = []
    for row in reader.rows(NOTIFICATIONS, author, by=BY_TIME, below=end, descending=True):
        if place and (row.at_ms, row.kind, row.by, row.post_id) >= place:
            continue
        notice = _notice(sight, row)
        if notice is not None:
            found.append(notice)
            if len(found) == limit:
                break
    return found


def _notice(sight: Sight, row: Notification) -> Notice | None:
    cursor = f"{row.at_ms}.{row.kind}.{row.by}.{row.post_id}"
    if not sight.may_meet(row.by):
        return None
    if row.kind not in (*OWN, *BY_POST):
        return Notice(row.at_ms, row.kind, row.by, "", 0, "", cursor)
    author = row.account if row.kind in OWN else row.by
    about = next(seen(sight, [line_of(row.post_id, author)]), None)
    if about is None:
        return None
    post = about[2]
    if row.kind == MENTION and row.account not in post.mentions.split():
        return None  # edited since
    text = about[3].text if about[3] is not None and post.kind == "repost" else post.text
    return Notice(row.at_ms, row.kind, row.by, author, row.post_id, text, cursor)


def _place(cursor: str) -> tuple[int, str, str, int]:
    parts = cursor.split(".")
    if len(parts) != 4 or not (parts[0].isdecimal() and parts[3].isdecimal()):
        raise QueryError(f"{cursor!r} is no place in an inbox: give the `cursor` of a line")
    at_ms, kind, by, post_id = parts
    return int(at_ms), kind, by, int(post_id)


def interactions(reader: Reader, author: str, limit: Count = 100) -> list[Interaction]:
    """What an account did towards others, by their names."""
    return list(reader.rows(INTERACTIONS, author, limit=limit))


def likes(reader: Reader, author: str, limit: Count = 1_000) -> list[Like]:
    """The posts that an account likes, the latest like first."""
    return list(reader.rows(LIKES, author, by=LIKED_LATEST, descending=True, limit=limit))


QUERIES = (
    profile,
    notifications,
    followers,
    following,
    follow_requests,
    relations,
    interactions,
    likes,
)
