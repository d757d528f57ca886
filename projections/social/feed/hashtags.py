"""Hashtags: their posts, and how often each was used within the last day (a sliding window).

    posted, edited, deleted ─► tagged_posts, hashtag_posts
                            └► trend_buckets ─► hashtags.recent

The window ends with the newest post that there is, on whichever partition, and moves on by whole
buckets. A post counts in the bucket of its id, which is its time, as long as it stands. What falls
out of the window is taken off `recent` bucket by bucket: nothing is ever counted again.
"""

from typing import Final

import msgspec

from processors.social.feed.events import PostDeleted, Posted, PostEdited
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

BUCKET_MS: Final = 15 * 60 * 1_000
WINDOW_BUCKETS: Final = 96
"""24 hours."""
CLOCK: Final = "newest_post"


class Hashtag(msgspec.Struct, gc=False):
    hashtag: str
    posts: int = 0
    """That stand."""
    recent: int = 0
    """Those of them within the window."""


class HashtagPost(msgspec.Struct, gc=False):
    hashtag: str
    post_id: int
    author: str


class TaggedPost(msgspec.Struct, gc=False):
    author: str
    post_id: int
    hashtags: str
    """By blanks."""


class TrendBucket(msgspec.Struct, gc=False):
    """How often each hashtag was used in a quarter of an hour, as JSON."""

    bucket: int
    counts: bytes


class TrendClock(msgspec.Struct, gc=False):
    name: str
    bucket: int
    """The window's last one."""


RECENT = ("recent", "hashtag")
HASHTAGS = Table("hashtags", Hashtag, key=("hashtag",), indexes=(RECENT,))
HASHTAG_POSTS = Table("hashtag_posts", HashtagPost, key=("hashtag", "post_id", "author"))
TAGGED_POSTS = Table("tagged_posts", TaggedPost, key=("author", "post_id"))
TREND_BUCKETS = Table("trend_buckets", TrendBucket, key=("bucket",))
TREND_CLOCK = Table("trend_clock", TrendClock, key=("name",))

Counts = dict[str, int]


class _Trends:
    __slots__ = ("buckets", "changed", "clock", "hashtags", "posts", "tagged")

    def __init__(self, tables: Tables) -> None:
        self.hashtags = tables[HASHTAGS]
        self.posts = tables[HASHTAG_POSTS]
        self.tagged = tables[TAGGED_POSTS]
        self.buckets = tables[TREND_BUCKETS]
        self.clock = tables[TREND_CLOCK].get(CLOCK) or TrendClock(CLOCK, 0)
        self.changed: dict[int, Counts] = {}
        """Buckets that this run of events changes, taken out of their rows."""

    def tag(self, author: str, post_id: int, hashtags: tuple[str, ...]) -> None:
        """The post has these hashtags, and no others, from here on."""
        before = self.tagged.get((author, post_id))
        known = before.hashtags.split(" ") if before else []
        for hashtag in known:
            if hashtag not in hashtags:
                self.posts.delete((hashtag, post_id, author))
                self.count(hashtag, post_id, -1)
        for hashtag in hashtags:
            if hashtag not in known:
                self.posts.put(HashtagPost(hashtag, post_id, author))
                self.count(hashtag, post_id, 1)
        if hashtags:
            self.tagged.put(TaggedPost(author, post_id, " ".join(hashtags)))
        elif before:
            self.tagged.delete((author, post_id))

    def count(self, hashtag: str, post_id: int, change: int) -> None:
        row = self.hashtags.get(hashtag) or Hashtag(hashtag)
        row.posts += change
        bucket = post_id // BUCKET_MS
        if bucket > self.clock.bucket - WINDOW_BUCKETS:
            row.recent += change
            counts = self.counts(bucket)
            counts[hashtag] = counts.get(hashtag, 0) + change
            if not counts[hashtag]:
                del counts[hashtag]
        self.put(row)

    def put(self, row: Hashtag) -> None:
        if row.posts:
            self.hashtags.put(row)
        else:
            self.hashtags.delete(row.hashtag)

    def counts(self, bucket: int) -> Counts:
        counts = self.changed.get(bucket)
        if counts is None:
            row = self.buckets.get(bucket)
            counts = {} if row is None else msgspec.json.decode(row.counts, type=Counts)
            self.changed[bucket] = counts
        return counts

    def move_on(self, post_id: int) -> None:
        """There is a post of this time: the window ends no earlier."""
        last, bucket = self.clock.bucket, post_id // BUCKET_MS
        if bucket <= last:
            return
        self.clock.bucket = bucket
        oldest = last - WINDOW_BUCKETS + 1
        for gone in range(oldest, min(oldest + bucket - last, last + 1)):
            counts = self.counts(gone)
            for hashtag, uses in counts.items():
                row = self.hashtags[hashtag]
                row.recent -= uses
                self.hashtags.put(row)
            counts.clear()

    def write(self, tables: Tables) -> None:
        for bucket, counts in self.changed.items():
            if counts:
                text = msgspec.json.encode(counts, order="sorted")
                self.buckets.put(TrendBucket(bucket, text))
            else:
                self.buckets.delete(bucket)
        tables[TREND_CLOCK].put(self.clock)


def fold(tables: Tables, events: Events) -> None:
    trends = _Trends(tables)
    for event, _at_ms in events:
        kind = type(event)
        if kind is Posted:
            trends.move_on(event.post_id)
        if kind is PostDeleted:
            trends.tag(event.author, event.post_id, ())
        elif kind is PostEdited or event.hashtags:
            trends.tag(event.author, event.post_id, event.hashtags)
    trends.write(tables)


FEED_HASHTAGS = Projection(
    name="feed_hashtags",
    events=(Posted, PostEdited, PostDeleted),
    tables=(HASHTAGS, HASHTAG_POSTS, TAGGED_POSTS, TREND_BUCKETS, TREND_CLOCK),
    fold=fold,
)
