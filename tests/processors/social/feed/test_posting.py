"""Posts: ids, kinds, limits, edits, deletes, likes, and what counts at a post."""

from typing import Any

import pytest

from processors.social.feed.commands import (
    CountReference,
    DeletePost,
    EditPost,
    LikePost,
    PostKind,
    TakeBackPost,
    UncountReference,
    UnlikePost,
    WritePost,
)
from processors.social.feed.events import (
    DeleteReason,
    PostDeleted,
    Posted,
    PostEdited,
    PostLiked,
    PostUnliked,
    ReferenceCounted,
    ReferenceRefused,
    ReferenceUncounted,
    RejectCode,
)
from processors.social.feed.terms import HOUR_MS
from tests.processors.social.feed.vocabulary import (
    NOON,
    answering,
    code_of,
    feed,
    follow,
    id_of,
    posted,
)


def test_a_post_has_its_time_as_its_id() -> None:
    scenario = feed("ann", "bo")
    text = "Hello @Bo, @bo! #Rain"
    assert scenario.when(WritePost(author="ann", text=text, media=("cat.png",)), NOON) == [
        Posted(
            author="ann",
            post_id=NOON,
            text=text,
            media=("cat.png",),
            mentions=("bo",),
            hashtags=("rain",),
        )
    ]
    assert posted(scenario, "ann", "in the same millisecond") == NOON + 1
    assert posted(scenario, "bo") == NOON, "ids are an author's own"
    assert posted(scenario, "ann", "later", NOON + 50) == NOON + 50


def test_an_id_is_never_given_again() -> None:
    scenario = feed("ann")
    first = posted(scenario, "ann")
    scenario.when(DeletePost(author="ann", post_id=first), NOON)
    assert posted(scenario, "ann") == first + 1


@pytest.mark.parametrize("kind", [PostKind.REPLY, PostKind.REPOST, PostKind.QUOTE])
def test_a_post_with_a_parent_stands_at_once(kind: PostKind) -> None:
    told = feed("ann").when(answering(kind, "ann", "bo", 7), NOON)
    text = "" if kind is PostKind.REPOST else "indeed"
    assert told == [
        Posted(author="ann", post_id=NOON, kind=kind, text=text, parent_author="bo", parent_id=7)
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "empty_post text"),
        ({"text": " \n\t"}, "empty_post text"),
        ({"text": "x" * 101}, "text_length_limit text"),
        ({"text": "ding\x07"}, "invalid_text text"),
        ({"text": "half \ud800"}, "invalid_text text"),
        ({"text": "@a @b @c"}, "mentions_limit text"),
        ({"text": "#a #b #c"}, "hashtags_limit text"),
        ({"media": ("a", "b", "c")}, "media_limit media"),
        ({"media": ("x" * 201,)}, "text_length_limit media"),
        ({"media": ("",)}, "contradictory media"),
        ({"media": ("\x00",)}, "invalid_text media"),
        ({"text": "x", "parent_author": "bo"}, "contradictory parent_author"),
        ({"text": "x", "parent_id": 7}, "contradictory parent_author"),
        ({"kind": PostKind.REPLY, "text": "x"}, "invalid_account parent_author"),
        ({"kind": PostKind.QUOTE, "text": "x", "parent_author": "bo"}, "contradictory parent_id"),
        (
            {"kind": PostKind.REPOST, "text": "x", "parent_author": "bo", "parent_id": 7},
            "contradictory text",
        ),
        (
            {"kind": PostKind.REPOST, "media": ("x",), "parent_author": "bo", "parent_id": 7},
            "contradictory media",
        ),
        ({"kind": PostKind.REPLY, "parent_author": "bo", "parent_id": 7}, "empty_post text"),
    ],
)
def test_what_may_not_be_posted(fields: dict[str, Any], code: str) -> None:
    scenario = feed("ann", text_length_max=100, media_max=2, mentions_max=2, hashtags_max=2)
    command = WritePost(author="ann", **fields)
    assert code_of(scenario.when(command, NOON)) == code


def test_so_many_posts_an_hour() -> None:
    scenario = feed("ann", "bo", posts_per_hour_max=2)
    posted(scenario, "ann", "one")
    posted(scenario, "ann", "two", NOON + HOUR_MS - 2)
    third = WritePost(author="ann", text="three")
    assert code_of(scenario.when(third, NOON + HOUR_MS - 1)) == "post_rate_limit author"
    posted(scenario, "bo", at=NOON + HOUR_MS - 1)
    assert id_of(scenario.when(third, NOON + HOUR_MS)) == NOON + HOUR_MS


def test_the_same_is_not_posted_twice_in_a_row() -> None:
    scenario = feed("ann", duplicate_window_ms=1_000)
    first = posted(scenario, "ann")
    again = WritePost(author="ann", text="hello")
    assert code_of(scenario.when(again, NOON + 999)) == "duplicate text"
    with_media = WritePost(author="ann", text="hello", media=("cat.png",))
    second = id_of(scenario.when(with_media, NOON + 999))
    third = id_of(scenario.when(again, NOON + 999))
    assert [first, second, third] == [NOON, NOON + 999, NOON + 1_000]
    assert id_of(scenario.when(again, NOON + 2_000)) == NOON + 2_000


def test_what_was_deleted_may_be_posted_again() -> None:
    scenario = feed("ann")
    first = posted(scenario, "ann")
    scenario.when(DeletePost(author="ann", post_id=first), NOON)
    assert posted(scenario, "ann") == first + 1


def test_a_post_is_reposted_once() -> None:
    scenario = feed("ann")
    repost = answering(PostKind.REPOST, "ann", "bo", 7)
    first = id_of(scenario.when(repost, NOON))
    posted(scenario, "ann")
    assert code_of(scenario.when(repost, NOON + HOUR_MS)) == "duplicate parent_id"
    scenario.when(DeletePost(author="ann", post_id=first), NOON + HOUR_MS)
    assert id_of(scenario.when(repost, NOON + HOUR_MS)) == NOON + HOUR_MS


def test_an_edit_is_the_next_revision() -> None:
    scenario = feed("ann", edits_max=2, edit_window_ms=1_000, text_length_max=20)
    post_id = posted(scenario, "ann")
    edit = EditPost(author="ann", post_id=post_id, text="hello @bo #tea", media=("x",))
    edited = PostEdited(
        author="ann",
        post_id=post_id,
        revision=1,
        text="hello @bo #tea",
        media=("x",),
        mentions=("bo",),
        hashtags=("tea",),
    )
    assert scenario.when(edit, NOON) == [edited]
    too_long = EditPost(author="ann", post_id=post_id, text="x" * 21)
    assert code_of(scenario.when(too_long, NOON)) == "text_length_limit text"
    empty = EditPost(author="ann", post_id=post_id)
    assert code_of(scenario.when(empty, NOON)) == "empty_post text"
    edited.revision = 2
    assert scenario.when(edit, NOON + 1_000) == [edited]
    assert code_of(scenario.when(edit, NOON + 1_000)) == "edits_limit post_id"


def test_an_edit_may_be_too_late() -> None:
    scenario = feed("ann", edit_window_ms=1_000)
    edit = EditPost(author="ann", post_id=posted(scenario, "ann"), text="x")
    assert code_of(scenario.when(edit, NOON + 1_001)) == "edit_too_late post_id"


def test_what_is_not_there_is_not_changed() -> None:
    scenario = feed("ann")
    post_id = posted(scenario, "ann")
    repost = id_of(scenario.when(answering(PostKind.REPOST, "ann", "bo", 7), NOON))
    edit = EditPost(author="ann", post_id=repost, text="x")
    assert code_of(scenario.when(edit, NOON)) == "wrong_kind post_id"
    like = LikePost(author="ann", post_id=repost, by="bo")
    assert code_of(scenario.when(like, NOON)) == "wrong_kind post_id"
    delete = DeletePost(author="ann", post_id=post_id)
    assert scenario.when(delete, NOON) == [PostDeleted(author="ann", post_id=post_id)]
    for command in (
        delete,
        EditPost(author="ann", post_id=post_id, text="x"),
        LikePost(author="ann", post_id=post_id, by="bo"),
        UnlikePost(author="ann", post_id=post_id, by="bo"),
    ):
        assert code_of(scenario.when(command, NOON)) == "unknown_post post_id"


def test_likes_are_counted_once_each() -> None:
    scenario = feed("ann")
    post_id = posted(scenario, "ann")

    def like(by: str) -> LikePost:
        return LikePost(author="ann", post_id=post_id, by=by)

    unlike = UnlikePost(author="ann", post_id=post_id, by="bo")
    assert code_of(scenario.when(unlike, NOON)) == "not_done by"
    assert scenario.when(like("bo"), NOON) == [
        PostLiked(author="ann", post_id=post_id, by="bo", likes=1)
    ]
    assert code_of(scenario.when(like("bo"), NOON)) == "duplicate by"
    assert code_of(scenario.when(like("B O"), NOON)) == "invalid_account by"
    assert scenario.when(like("ann"), NOON)[0].likes == 2, "one's own too"
    assert scenario.when(unlike, NOON) == [
        PostUnliked(author="ann", post_id=post_id, by="bo", likes=1)
    ]


def test_followers_alone_like_posts_of_a_private_account() -> None:
    scenario = feed("ann")
    follow(scenario, "ann", "bo")
    scenario.state.accounts["ann"].private = True
    post_id = posted(scenario, "ann")
    like = LikePost(author="ann", post_id=post_id, by="cem")
    assert code_of(scenario.when(like, NOON)) == "private author"
    for by in ("bo", "ann"):
        assert len(scenario.when(LikePost(author="ann", post_id=post_id, by=by), NOON)) == 1


def counting(post_id: int, kind: PostKind, by: str, by_post_id: int) -> CountReference:
    return CountReference(author="ann", post_id=post_id, kind=kind, by=by, by_post_id=by_post_id)


def test_what_refers_to_a_post_counts_by_its_kind() -> None:
    scenario = feed("ann")
    post_id = posted(scenario, "ann")
    counts = [
        scenario.when(counting(post_id, kind, by, 1), NOON)[0].count
        for kind, by in (
            (PostKind.REPLY, "bo"),
            (PostKind.REPLY, "cem"),
            (PostKind.REPOST, "dana"),
            (PostKind.QUOTE, "eli"),
        )
    ]
    assert counts == [1, 2, 1, 1]
    assert scenario.when(counting(post_id, PostKind.REPLY, "bo", 1), NOON) == [], "once"
    assert scenario.when(counting(post_id, PostKind.REPLY, "bo", 2), NOON)[0] == ReferenceCounted(
        author="ann", post_id=post_id, kind=PostKind.REPLY, by="bo", by_post_id=2, count=3
    )
    uncount = UncountReference(author="ann", post_id=post_id, by="bo", by_post_id=1)
    assert scenario.when(uncount, NOON) == [
        ReferenceUncounted(
            author="ann", post_id=post_id, kind=PostKind.REPLY, by="bo", by_post_id=1, count=2
        )
    ]
    assert scenario.when(uncount, NOON) == []


@pytest.mark.parametrize(
    ("kind", "by", "code"),
    [
        (PostKind.REPLY, "follower", None),
        (PostKind.REPOST, "follower", RejectCode.PRIVATE),
        (PostKind.QUOTE, "follower", RejectCode.PRIVATE),
        (PostKind.REPLY, "stranger", RejectCode.PRIVATE),
        (PostKind.REPOST, "ann", None),
        (PostKind.QUOTE, "ann", None),
    ],
)
def test_who_may_refer_to_a_private_post(kind: PostKind, by: str, code: RejectCode | None) -> None:
    scenario = feed("ann")
    follow(scenario, "ann", "follower")
    scenario.state.accounts["ann"].private = True
    post_id = posted(scenario, "ann")
    (told,) = scenario.when(counting(post_id, kind, by, 1), NOON)
    assert getattr(told, "code", None) is code


def test_what_is_not_there_is_refused() -> None:
    scenario = feed("ann")
    repost = id_of(scenario.when(answering(PostKind.REPOST, "ann", "bo", 7), NOON))
    for author, post_id, code in (
        ("ann", 5, RejectCode.UNKNOWN_POST),
        ("ann", repost, RejectCode.WRONG_KIND),
        ("ghost", 5, RejectCode.UNKNOWN_ACCOUNT),
    ):
        fields: dict[str, Any] = {"author": author, "post_id": post_id, "kind": PostKind.REPLY}
        command = CountReference(by="bo", by_post_id=1, **fields)
        refused = ReferenceRefused(by="bo", by_post_id=1, code=code, **fields)
        assert scenario.when(command, NOON) == [refused]
    original = counting(5, PostKind.ORIGINAL, "bo", 1)
    assert code_of(scenario.when(original, NOON)) == "contradictory kind"
    uncount = UncountReference(author="ghost", post_id=5, by="bo", by_post_id=1)
    assert scenario.when(uncount, NOON) == []


def test_a_refused_post_is_taken_back() -> None:
    scenario = feed("ann")
    reply = id_of(scenario.when(answering(PostKind.REPLY, "ann", "bo", 7), NOON))
    take_back = TakeBackPost(author="ann", post_id=reply, code=RejectCode.BLOCKED)
    assert scenario.when(take_back, NOON) == [
        PostDeleted(
            author="ann",
            post_id=reply,
            kind=PostKind.REPLY,
            parent_author="bo",
            parent_id=7,
            reason=DeleteReason.REFUSED,
            code=RejectCode.BLOCKED,
        )
    ]
    assert scenario.when(take_back, NOON) == []
