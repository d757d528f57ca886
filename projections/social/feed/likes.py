"""Which posts an account likes, for pages that show a like as given.

A like of a post that is deleted stands until it is taken back: nobody sees the post.
"""

import msgspec

from processors.social.feed.events import PostLiked, PostUnliked
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class Like(msgspec.Struct, gc=False):
    by: str
    author: str
    """Of the post."""
    post_id: int
    at_ms: int


BY_TIME = ("by", "at_ms")
LIKES = Table("likes", Like, key=("by", "author", "post_id"), indexes=(BY_TIME,))


def fold(tables: Tables, events: Events) -> None:
    rows = tables[LIKES]
    for event, at_ms in events:
        if type(event) is PostLiked:
            rows.put(Like(event.by, event.author, event.post_id, at_ms))
        else:
            rows.delete((event.by, event.author, event.post_id))


FEED_LIKES = Projection(
    name="feed_likes",
    events=(PostLiked, PostUnliked),
    tables=(LIKES,),
    fold=fold,
    rows_of="partition",
)
