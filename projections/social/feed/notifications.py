"""The inbox of each account: who liked, answered, shared or named it, and who follows it.

A row is what one account did about one post or account: it goes when that is taken back. What
became of the posts since (deleted, hidden) is looked up when the inbox is read.
"""

from typing import Any

import msgspec

from processors.social.feed.events import (
    Followed,
    FollowRequestClosed,
    FollowRequested,
    Posted,
    PostEdited,
    PostLiked,
    PostUnliked,
    ReferenceCounted,
    ReferenceUncounted,
    Unfollowed,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

FOLLOW, REQUEST, APPROVAL, LIKE, MENTION = "follow", "request", "approval", "like", "mention"


class Notification(msgspec.Struct, gc=False):
    account: str
    kind: str
    """`like`, `reply`, `repost`, `quote`, `mention`, `follow`, `request` (to follow), `approval`
    (of one's own request)."""
    by: str
    post_id: int
    """Of a like: the account's own post. Of a reply, repost, quote or mention: the post of `by`.
    Else 0."""
    at_ms: int
    parent_id: int = 0
    """Of a reply, repost or quote: the account's own post."""


BY_TIME = ("account", "at_ms")
NOTIFICATIONS = Table(
    "notifications",
    Notification,
    key=("account", "kind", "by", "post_id"),
    indexes=(BY_TIME,),
)


class _Inboxes:
    __slots__ = ("rows",)

    def __init__(self, tables: Tables) -> None:
        self.rows = tables[NOTIFICATIONS]

    def mention(self, event: Posted | PostEdited, at_ms: int) -> None:
        """Once a post, by whichever of its revisions."""
        for account in event.mentions:
            key = account, MENTION, event.author, event.post_id
            if account != event.author and self.rows.get(key) is None:
                self.rows.put(Notification(*key, at_ms))

    def refer(self, event: ReferenceCounted, at_ms: int) -> None:
        if event.by != event.author:
            key = event.author, event.kind.value, event.by, event.by_post_id
            self.rows.put(Notification(*key, at_ms, event.post_id))

    def like(self, event: PostLiked, at_ms: int) -> None:
        if event.by != event.author:
            self.rows.put(Notification(event.author, LIKE, event.by, event.post_id, at_ms))

    def follow(self, event: Followed, at_ms: int) -> None:
        author, follower = event.author, event.follower
        self.rows.put(Notification(author, FOLLOW, follower, 0, at_ms))
        if event.approved:
            self.rows.delete((author, REQUEST, follower, 0))
            self.rows.put(Notification(follower, APPROVAL, author, 0, at_ms))

    def take_back(self, event: Any) -> None:
        kind = type(event)
        if kind is PostUnliked:
            self.rows.delete((event.author, LIKE, event.by, event.post_id))
        elif kind is ReferenceUncounted:
            self.rows.delete((event.author, event.kind.value, event.by, event.by_post_id))
        elif kind is FollowRequestClosed:
            self.rows.delete((event.author, REQUEST, event.follower, 0))
        else:
            self.rows.delete((event.author, FOLLOW, event.follower, 0))
            self.rows.delete((event.follower, APPROVAL, event.author, 0))


def fold(tables: Tables, events: Events) -> None:
    inboxes = _Inboxes(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is Posted or kind is PostEdited:
            inboxes.mention(event, at_ms)
        elif kind is PostLiked:
            inboxes.like(event, at_ms)
        elif kind is ReferenceCounted:
            inboxes.refer(event, at_ms)
        elif kind is Followed:
            inboxes.follow(event, at_ms)
        elif kind is FollowRequested:
            row = Notification(event.author, REQUEST, event.follower, 0, at_ms)
            inboxes.rows.put(row)
        else:
            inboxes.take_back(event)


FEED_NOTIFICATIONS = Projection(
    name="feed_notifications",
    events=(
        Posted,
        PostEdited,
        PostLiked,
        PostUnliked,
        ReferenceCounted,
        ReferenceUncounted,
        Followed,
        Unfollowed,
        FollowRequested,
        FollowRequestClosed,
    ),
    tables=(NOTIFICATIONS,),
    fold=fold,
    rows_of="partition",
)
