"""The home timeline by example: what comes and goes, what is shown of it, and how it is paged."""

from collections.abc import Iterator

import pytest

from processors.social.feed.commands import (
    Block,
    DeletePost,
    EditPost,
    Follow,
    LikePost,
    Mute,
    SetPrivate,
    Unblock,
    Unfollow,
    Unmute,
    Visit,
)
from processors.social.feed.events import PostKind
from projections.core.errors import QueryError
from projections.social.feed import post_lists
from projections.social.feed.timelines import TIMELINES
from tests.projections.social.feed.society import START_MS, Society

DAY_MS = 86_400_000
MODES = {"push": (1_000, 1_000), "pull": (0, 0), "hybrid": (3, 2)}
"""Thresholds of fan-out: pulled from so many followers on, pushed again below so many."""


@pytest.fixture(params=MODES)
def followed(request: pytest.FixtureRequest, society: Society) -> Iterator[Society]:
    """Ann and Bob follow each other, Cay follows both, and Dan follows Ann; by each way of
    fan-out."""
    pull_at, push_below = MODES[request.param]
    society.limit(pull_at_followers=pull_at, push_below_followers=push_below)
    society.register("ann", "bob", "cay", "dan")
    society.follow("ann", "bob", "cay", "dan")
    society.follow("bob", "ann", "cay")
    pulled = {"push": [], "pull": ["ann", "bob"], "hybrid": ["ann"]}
    assert [name for name in ("ann", "bob") if society.is_pulled(name)] == pulled[request.param]
    yield society


def test_posts_of_those_who_are_followed_newest_first(followed: Society) -> None:
    followed.post("ann", "one")
    followed.post("bob", "two")
    followed.post("dan", "three")
    assert followed.said("home", "cay") == ["bob: two", "ann: one"]
    assert followed.said("home", "dan") == ["dan: three", "ann: one"], "one's own as well"
    assert followed.said("home", "cay", limit=1) == ["bob: two"]


def test_a_follow_fills_in_and_an_unfollow_takes_out(followed: Society) -> None:
    followed.post("bob", "one")
    followed.post("ann", "two")
    followed.follow("bob", "dan")
    assert followed.said("home", "dan") == ["ann: two", "bob: one"]
    followed.do(Unfollow(author="ann", follower="dan"))
    assert followed.said("home", "dan") == ["bob: one"]


def test_what_is_deleted_or_edited_is_right_at_once(followed: Society) -> None:
    gone, kept = followed.post("ann", "one"), followed.post("ann", "two")
    followed.do(DeletePost(author="ann", post_id=gone))
    followed.do(EditPost(author="ann", post_id=kept, text="2"))
    (shown,) = followed.ask("home", "cay")
    assert (shown.text, shown.edited) == ("2", True)


def test_blocked_and_muted_are_right_at_once(followed: Society) -> None:
    followed.post("ann", "one")
    followed.post("bob", "two")
    followed.do(Mute(author="cay", muted="bob"))
    assert followed.said("home", "cay") == ["ann: one"]
    followed.do(Unmute(author="cay", muted="bob"), Block(author="ann", blocked="cay"))
    assert followed.said("home", "cay") == ["bob: two"]
    followed.do(Unblock(author="ann", blocked="cay"))
    assert followed.said("home", "cay") == ["bob: two"], "nobody follows again by that"
    followed.follow("ann", "cay")
    assert followed.said("home", "cay") == ["bob: two", "ann: one"]


def test_a_private_account_is_for_its_followers_at_once(followed: Society) -> None:
    post = followed.post("ann", "one")
    followed.post("bob", kind=PostKind.REPOST, to=("ann", post))
    followed.register("eve")
    followed.follow("bob", "eve")
    assert followed.said("home", "eve") == ["bob: one"]
    followed.do(SetPrivate(author="ann", private=True))
    assert followed.said("home", "eve") == []
    assert followed.said("home", "cay") == ["bob: one", "ann: one"]
    followed.do(Follow(author="ann", follower="eve"))
    assert followed.said("home", "eve") == [], "a request is no answer"


def test_a_repost_shows_its_parent_as_it_is_now(followed: Society) -> None:
    post = followed.post("ann", "one")
    repost = followed.post("bob", kind=PostKind.REPOST, to=("ann", post))
    followed.do(LikePost(author="ann", post_id=post, by="dan"))
    shown = followed.ask("home", "cay")[0]
    assert (shown.author, shown.post_id, shown.kind) == ("bob", repost, "repost")
    assert (shown.text, shown.likes, shown.reposts) == ("one", 1, 1)
    followed.do(DeletePost(author="ann", post_id=post))
    assert followed.said("home", "cay") == []


def test_a_reply_is_shown_with_what_it_replies_to(followed: Society) -> None:
    post = followed.post("dan", "why?")
    followed.post("bob", "because", PostKind.REPLY, ("dan", post))
    (shown,) = followed.ask("home", "cay")
    assert (shown.text, shown.parent_author, shown.parent_text) == ("because", "dan", "why?")
    followed.do(Mute(author="cay", muted="dan"))
    (shown,) = followed.ask("home", "cay")
    assert (shown.text, shown.parent_text) == ("because", None)


def test_an_inactive_reader_is_not_written_to_and_returns_to_all(followed: Society) -> None:
    followed.post("ann", "one")
    followed.now_ms += 31 * DAY_MS
    followed.settle()
    followed.do(Visit(author="ann"), Visit(author="bob"))
    followed.post("ann", "two")
    followed.post("bob", "three")
    expected = ["bob: three", "ann: two", "ann: one"]
    with followed.memory.reading() as reader:
        assert [row.reader for row in reader.rows(TIMELINES)] == ["ann", "bob"]
    assert followed.said("home", "cay") == expected, "it is read all the same"
    followed.do(Visit(author="cay"))
    with followed.memory.reading() as reader:
        assert [row.reader for row in reader.rows(TIMELINES)] == ["ann", "bob", "cay"]
    assert followed.said("home", "cay") == expected


def test_pages_neither_skip_nor_repeat_while_posts_arrive(followed: Society) -> None:
    for number in range(10):
        followed.post("ann" if number % 2 else "bob", str(number))
    seen: list[str] = []
    cursor = ""
    for turn in range(4):
        page = followed.ask("home", "cay", limit=3, before=cursor)
        seen += [post.text for post in page]
        cursor = page[-1].cursor
        followed.post("ann", f"new {turn}")
        followed.post("bob", f"newer {turn}")
    assert seen == [str(number) for number in range(10)][::-1]
    assert followed.ask("home", "cay", before=cursor) == []


def test_a_page_is_full_whatever_is_hidden_in_between(followed: Society) -> None:
    posts = [followed.post("ann", str(number)) for number in range(12)]
    for post in posts[3:11]:
        followed.do(DeletePost(author="ann", post_id=post))
    page = followed.ask("home", "cay", limit=3)
    assert [post.text for post in page] == ["11", "2", "1"]
    assert followed.said("home", "cay", limit=3, before=page[-1].cursor) == ["ann: 0"]


def test_a_timeline_ends_by_number(followed: Society, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_lists, "LENGTH", 4)
    for number in range(4):
        followed.post("ann", f"a{number}")
        followed.post("bob", f"b{number}")
    assert followed.said("home", "cay") == ["bob: b3", "ann: a3", "bob: b2", "ann: a2"]
    page = followed.ask("home", "cay", limit=3)
    assert followed.said("home", "cay", before=page[-1].cursor) == ["ann: a2"]
    followed.do(Unfollow(author="bob", follower="cay"))
    assert followed.said("home", "cay") == ["ann: a3", "ann: a2", "ann: a1", "ann: a0"]


def test_ranked_by_affinity_age_and_engagement(followed: Society) -> None:
    followed.post("ann", "old")
    followed.now_ms += DAY_MS // 24
    plain = followed.post("ann", "plain")
    liked = followed.post("bob", "liked")
    followed.do(LikePost(author="bob", post_id=liked, by="dan"))
    page = followed.ask("home_ranked", "cay")
    assert [(post.text, post.score) for post in page] == [
        ("liked", 1_000_000 * 1 * 2 // 120),
        ("plain", 1_000_000 * 1 * 1 // 120),
        ("old", 1_000_000 * 1 * 1 // (120 + 60)),
    ]
    followed.do(LikePost(author="ann", post_id=plain, by="cay"))
    page = followed.ask("home_ranked", "cay")
    assert [(post.text, post.score) for post in page] == [
        ("plain", 1_000_000 * 2 * 2 // 120),
        ("liked", 1_000_000 * 1 * 2 // 120),
        ("old", 1_000_000 * 2 * 1 // (120 + 60)),
    ]


def test_ranked_pages_neither_skip_nor_repeat(followed: Society) -> None:
    posts = [followed.post("ann", str(number)) for number in range(6)]
    followed.do(LikePost(author="ann", post_id=posts[3], by="dan"))
    page = followed.ask("home_ranked", "cay", limit=3)
    assert [post.text for post in page] == ["3", "5", "4"]
    followed.post("ann", "new")
    followed.do(LikePost(author="ann", post_id=posts[5], by="dan"))
    page = followed.ask("home_ranked", "cay", limit=3, before=page[-1].cursor)
    assert [post.text for post in page] == ["2", "1", "0"]


def test_what_is_no_account_or_no_place_is_said(society: Society) -> None:
    with pytest.raises(QueryError, match="there is no account 'nobody': it is to register first"):
        society.ask("home", "nobody")
    society.register("ann")
    assert society.ask("home", "ann") == []
    with pytest.raises(QueryError, match="'yesterday' is no place in a timeline"):
        society.ask("home", "ann", before="yesterday")


def test_a_post_has_its_time_as_its_place(friends: Society) -> None:
    post = friends.post("ann", "one")
    (shown,) = friends.ask("home", "cay")
    assert (post, shown.at_ms) == (START_MS + 1_000, START_MS + 1_000)
    assert shown.cursor == "0000001700000001000ann"
