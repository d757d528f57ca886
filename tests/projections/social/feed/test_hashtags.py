"""Hashtags: their posts by example, and what is trending against a count of all posts."""

import random

from hypothesis import given
from hypothesis import strategies as some

from processors.social.feed.commands import DeletePost, EditPost, Mute
from processors.social.feed.events import PostDeleted, Posted, PostEdited
from projections.core.projection import Events
from projections.core.rows import Tables
from projections.social.feed.hashtags import (
    BUCKET_MS,
    FEED_HASHTAGS,
    HASHTAGS,
    WINDOW_BUCKETS,
)
from tests.projections.social.feed.histories import interleaved
from tests.projections.social.feed.society import Society

TAGS = ("a", "b", "c")
AUTHORS = ("ann", "bob", "cay")
Step = tuple[int, str, int, frozenset[str]]
"""Whose partition, what happens, how many buckets later, with which hashtags."""
STEPS = some.lists(
    some.tuples(
        some.integers(0, 2),
        some.sampled_from(["post", "post", "edit", "delete"]),
        some.sampled_from([0, 0, 1, 5, WINDOW_BUCKETS - 1, WINDOW_BUCKETS, 1_000]),
        some.frozensets(some.sampled_from(TAGS)),
    ),
    max_size=40,
)


def test_posts_of_a_hashtag_page_by_page(friends: Society) -> None:
    for number in range(5):
        friends.post("ann" if number % 2 else "bob", f"{number} #cats")
    friends.post("ann", "#dogs")
    page = friends.ask("hashtag", "cats", limit=2)
    assert [post.text for post in page] == ["4 #cats", "3 #cats"]
    friends.post("bob", "new #cats")
    older = friends.said("hashtag", "cats", before=page[-1].cursor)
    assert older == ["bob: 2 #cats", "ann: 1 #cats", "bob: 0 #cats"]
    friends.do(Mute(author="cay", muted="bob"))
    seen = friends.said("hashtag", "cats", viewer="cay")
    assert seen == ["ann: 3 #cats", "ann: 1 #cats"]


def test_two_posts_at_one_moment_are_on_two_pages(friends: Society) -> None:
    friends.post("ann", "#cats")
    friends.now_ms -= 1_000
    friends.post("bob", "#cats")
    (first,) = friends.ask("hashtag", "cats", limit=1)
    (second,) = friends.ask("hashtag", "cats", limit=1, before=first.cursor)
    assert (first.author, second.author, first.post_id) == ("bob", "ann", second.post_id)
    assert friends.ask("hashtag", "cats", before=second.cursor) == []


def test_edited_and_deleted_posts_leave_their_hashtags(friends: Society) -> None:
    posts = [friends.post("ann", f"{number} #cats #dogs") for number in range(2)]
    friends.do(EditPost(author="ann", post_id=posts[0], text="#birds #dogs"))
    trending = [(row.hashtag, row.posts, row.recent) for row in friends.ask("trending")]
    assert trending == [("dogs", 2, 2), ("cats", 1, 1), ("birds", 1, 1)]
    friends.do(DeletePost(author="ann", post_id=posts[1]))
    assert [row.hashtag for row in friends.ask("trending")] == ["dogs", "birds"]


def test_trending_slides_on(friends: Society) -> None:
    friends.post("ann", "#cats")
    friends.now_ms += BUCKET_MS
    friends.post("bob", "#cats #dogs")
    assert [row.hashtag for row in friends.ask("trending")] == ["cats", "dogs"]
    friends.now_ms += (WINDOW_BUCKETS - 1) * BUCKET_MS
    friends.post("cay", "nothing")
    trending = [(row.hashtag, row.recent) for row in friends.ask("trending")]
    assert trending == [("dogs", 1), ("cats", 1)]
    friends.now_ms += BUCKET_MS
    friends.post("cay", "nothing again")
    assert friends.ask("trending") == []
    assert friends.said("hashtag", "dogs") == ["bob: #cats #dogs"]


@given(STEPS, some.integers(0, 1_000))
def test_the_window_equals_a_count_of_all_posts(steps: list[Step], seed: int) -> None:
    partitions: list[list[Posted | PostEdited | PostDeleted]] = [[] for _ in AUTHORS]
    standing: dict[tuple[str, int], tuple[str, ...]] = {}
    now = 1_000 * WINDOW_BUCKETS
    for number, (partition, kind, later, tags) in enumerate(steps):
        now += later
        author, hashtags = AUTHORS[partition], tuple(sorted(tags))
        own = [key for key in standing if key[0] == author]
        if kind == "post":
            key = author, now * BUCKET_MS + number
            standing[key] = hashtags
            partitions[partition].append(Posted(author=author, post_id=key[1], hashtags=hashtags))
        elif own and kind == "edit":
            key = own[number % len(own)]
            standing[key] = hashtags
            edited = PostEdited(author=author, post_id=key[1], revision=1, hashtags=hashtags)
            partitions[partition].append(edited)
        elif own:
            key = own[number % len(own)]
            del standing[key]
            partitions[partition].append(PostDeleted(author=author, post_id=key[1]))
    posted = [event for events in partitions for event in events if isinstance(event, Posted)]
    last = max((event.post_id // BUCKET_MS for event in posted), default=0)
    tables = Tables(FEED_HASHTAGS.tables, lambda table, key: None, complete=True)
    for number, run in interleaved(partitions, random.Random(seed)):
        FEED_HASHTAGS.fold(tables, Events(number, run, [0] * len(run)))
    for tag in TAGS:
        ids = [post_id for (_author, post_id), hashtags in standing.items() if tag in hashtags]
        recent = sum(post_id // BUCKET_MS > last - WINDOW_BUCKETS for post_id in ids)
        row = tables[HASHTAGS].get(tag)
        assert ((row.posts, row.recent) if row else (0, 0)) == (len(ids), recent)
