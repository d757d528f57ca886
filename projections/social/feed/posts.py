"""Posts as they stand now, with their counters, and what they said before they were edited.

A deleted post keeps its row, so that a thread has no hole, and nothing that it said.
"""

from typing import Any

import msgspec

from processors.social.feed.events import (
    PostDeleted,
    Posted,
    PostEdited,
    PostKind,
    PostLiked,
    PostUnliked,
    ReferenceCounted,
    ReferenceUncounted,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class Post(msgspec.Struct, gc=False):
    author: str
    post_id: int
    kind: str
    at_ms: int
    text: str
    media: str
    """References, a line each."""
    parent_author: str
    """Empty: it has no parent."""
    parent_id: int
    mentions: str
    """Accounts, by blanks."""
    revision: int = 0
    """How often it was edited."""
    edited_at_ms: int | None = None
    deleted: bool = False
    likes: int = 0
    replies: int = 0
    reposts: int = 0
    quotes: int = 0


class Revision(msgspec.Struct, gc=False):
    """What a post said until it was edited."""

    author: str
    post_id: int
    revision: int
    at_ms: int
    """When it began to say so."""
    text: str
    media: str


BY_PARENT = ("parent_author", "parent_id", "kind", "post_id")
POSTS = Table("posts", Post, key=("author", "post_id"), indexes=(BY_PARENT,))
REVISIONS = Table("revisions", Revision, key=("author", "post_id", "revision"))


class _Posts:
    __slots__ = ("posts", "revisions")

    def __init__(self, tables: Tables) -> None:
        self.posts = tables[POSTS]
        self.revisions = tables[REVISIONS]

    def post(self, event: Posted, at_ms: int) -> None:
        self.posts.put(
            Post(
                event.author,
                event.post_id,
                event.kind.value,
                at_ms,
                event.text,
                "\n".join(event.media),
                event.parent_author,
                event.parent_id,
                " ".join(event.mentions),
            )
        )

    def edit(self, event: PostEdited, at_ms: int) -> None:
        key = event.author, event.post_id
        post = self.posts[key]
        since_ms = post.at_ms if post.edited_at_ms is None else post.edited_at_ms
        self.revisions.put(Revision(*key, post.revision, since_ms, post.text, post.media))
        post.revision, post.edited_at_ms = event.revision, at_ms
        post.text, post.media = event.text, "\n".join(event.media)
        post.mentions = " ".join(event.mentions)
        self.posts.put(post)

    def delete(self, event: PostDeleted) -> None:
        key = event.author, event.post_id
        post = self.posts[key]
        for revision in range(post.revision):
            self.revisions.delete((*key, revision))
        self.posts.put(
            Post(
                *key,
                post.kind,
                post.at_ms,
                "",
                "",
                post.parent_author,
                post.parent_id,
                "",
                deleted=True,
            )
        )

    def count(self, event: Any) -> None:
        post = self.posts[event.author, event.post_id]
        if post.deleted:
            return
        if isinstance(event, PostLiked | PostUnliked):
            post.likes = event.likes
        elif event.kind is PostKind.REPLY:
            post.replies = event.count
        elif event.kind is PostKind.REPOST:
            post.reposts = event.count
        else:
            post.quotes = event.count
        self.posts.put(post)


def fold(tables: Tables, events: Events) -> None:
    posts = _Posts(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is Posted:
            posts.post(event, at_ms)
        elif kind is PostDeleted:
            posts.delete(event)
        elif kind is PostEdited:
            posts.edit(event, at_ms)
        else:
            posts.count(event)


FEED_POSTS = Projection(
    name="feed_posts",
    events=(
        Posted,
        PostEdited,
        PostDeleted,
        PostLiked,
        PostUnliked,
        ReferenceCounted,
        ReferenceUncounted,
    ),
    tables=(POSTS, REVISIONS),
    fold=fold,
    rows_of="partition",
)
