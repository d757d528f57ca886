"""The named queries of the feed's posts and timelines: `refold query feed NAME ...`.

A list of posts goes on below the `cursor` of a post: give it as `before`. `viewer` is the account
that looks, which decides what it may see (`sight.py`); none sees what is public.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from projections.core.store import Reader
from projections.social.feed import home as timelines
from projections.social.feed.hashtags import HASHTAG_POSTS, HASHTAGS, RECENT, Hashtag
from projections.social.feed.home import Line, ShownPost, check_place, seen, shown
from projections.social.feed.post_lists import line_of, post_of
from projections.social.feed.posts import BY_PARENT, POSTS, REVISIONS, Post, Revision
from projections.social.feed.sight import Sight

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
THREAD_DEPTH_MAX = 100


class ThreadPost(msgspec.Struct, gc=False):
    depth: int
    """0: the post that was asked for; below: what it replies to; above: replies."""
    author: str
    post_id: int
    at_ms: int
    text: str | None
    """None: it was deleted, or is not for the viewer."""
    likes: int
    replies: int
    reposts: int
    quotes: int


def home(reader: Reader, follower: str, limit: Count = 50, before: str = "") -> list[ShownPost]:
    """The home timeline of an account, newest first."""
    return [shown(found) for found in timelines.page(reader, follower, limit, before)]


def home_ranked(
    reader: Reader, follower: str, limit: Count = 100, before: str = ""
) -> list[ShownPost]:
    """The newest posts of a home timeline, best first, by affinity, age and engagement. All of a
    page have one cursor: what comes behind it is older than the page."""
    found = timelines.page(reader, follower, limit, before)
    return timelines.ranked(reader, follower, found)


def post(reader: Reader, author: str, post_id: int, viewer: str = "") -> ShownPost | None:
    """One post with its counters."""
    found = next(seen(Sight(reader, viewer), [line_of(post_id, author)]), None)
    return None if found is None else shown(found)


def revisions(reader: Reader, author: str, post_id: int, viewer: str = "") -> list[Revision]:
    """What a post says, and said before it was edited, oldest first."""
    now = Sight(reader, viewer).post(author, post_id)
    if now is None:
        return []
    since_ms = now.at_ms if now.edited_at_ms is None else now.edited_at_ms
    latest = Revision(author, post_id, now.revision, since_ms, now.text, now.media)
    return [*reader.rows(REVISIONS, author, post_id), latest]


def posts(
    reader: Reader, author: str, viewer: str = "", limit: Count = 50, before: str = ""
) -> list[ShownPost]:
    """An account's posts, newest first."""
    check_place(before)
    end = post_of(before)[1] if before else None
    rows = reader.rows(POSTS, author, below=end, descending=True)
    sight = Sight(reader, viewer)
    if sight.account(author) is None:
        return []
    return _shown(sight, (line_of(row.post_id, author) for row in rows), limit)


def hashtag(
    reader: Reader, hashtag: str, viewer: str = "", limit: Count = 50, before: str = ""
) -> list[ShownPost]:
    """The posts with a hashtag (in lower case, without #), newest first."""
    check_place(before)
    end = post_of(before)[1] + 1 if before else None
    rows = reader.rows(HASHTAG_POSTS, hashtag, below=end, descending=True)
    lines = (line_of(row.post_id, row.author) for row in rows)
    older = (line for line in lines if not before or line < before)
    return _shown(Sight(reader, viewer, unmuted_only=True), older, limit)


def trending(reader: Reader, limit: Count = 10) -> list[Hashtag]:
    """The hashtags that most posts of the last 24 hours have, up to the newest post of all."""
    return list(reader.rows(HASHTAGS, by=RECENT, at_least=1, descending=True, limit=limit))


def thread(
    reader: Reader, author: str, post_id: int, viewer: str = "", limit: Count = 100
) -> list[ThreadPost]:
    """A post with what it replies to, from the first on, and the replies to it, each followed by
    those to itself, oldest first."""
    sight = Sight(reader, viewer)
    asked = reader.get(POSTS, author, post_id)
    if asked is None:
        return []
    above: list[Post] = []
    upper: Post | None = asked
    while upper is not None and upper.kind == "reply" and len(above) < THREAD_DEPTH_MAX:
        upper = reader.get(POSTS, upper.parent_author, upper.parent_id)
        if upper is not None:
            above.append(upper)
    rows = [_in_thread(sight, one, -depth) for depth, one in enumerate(above, 1)][::-1]
    for one, depth in _with_replies(reader, asked):
        row = _in_thread(sight, one, depth)
        # What is gone stays where something hangs on it.
        if row.text is not None or not depth or next(_replies(reader, one), None) is not None:
            rows.append(row)
        if len(rows) >= limit:
            break
    return rows


def _shown(sight: Sight, lines: Iterator[str], limit: int) -> list[ShownPost]:
    found: list[Line] = []
    for each in seen(sight, lines):
        found.append(each)
        if len(found) == limit:
            break
    return [shown(each) for each in found]


def _with_replies(reader: Reader, first: Post) -> Iterator[tuple[Post, int]]:
    """A post and all below it, each before its own replies, with how deep it is."""
    waiting = [iter([first])]
    while waiting:
        one = next(waiting[-1], None)
        if one is None:
            waiting.pop()
            continue
        yield one, len(waiting) - 1
        if len(waiting) <= THREAD_DEPTH_MAX:
            waiting.append(_replies(reader, one))


def _replies(reader: Reader, to: Post) -> Iterator[Post]:
    return reader.rows(POSTS, to.author, to.post_id, "reply", by=BY_PARENT)


def _in_thread(sight: Sight, one: Post, depth: int) -> ThreadPost:
    is_seen = sight.post(one.author, one.post_id) is not None
    return ThreadPost(
        depth,
        one.author,
        one.post_id,
        one.at_ms,
        one.text if is_seen else None,
        one.likes,
        one.replies,
        one.reposts,
        one.quotes,
    )


QUERIES = (home, home_ranked, posts, post, revisions, thread, hashtag, trending)
