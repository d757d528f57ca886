"""The inbox by example: what brings a line, what takes it back, and how it is paged."""

import pytest

from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    DeletePost,
    EditPost,
    Follow,
    LikePost,
    Mute,
    Unfollow,
    UnlikePost,
    WithdrawFollow,
)
from processors.social.feed.events import PostKind
from projections.core.errors import QueryError
from tests.projections.social.feed.society import Society


def inbox(society: Society, account: str, **named: object) -> list[str]:
    notices = society.ask("notifications", account, **named)
    return [f"{each.kind} {each.by}: {each.text}" for each in notices]


@pytest.fixture
def ann(society: Society) -> Society:
    """Ann, whom nobody follows, Bob and Cay."""
    society.register("ann", "bob", "cay")
    return society


def test_what_others_do_about_ones_posts(ann: Society) -> None:
    post = ann.post("ann", "one")
    ann.do(LikePost(author="ann", post_id=post, by="bob"))
    reply = ann.post("bob", "yes", PostKind.REPLY, ("ann", post))
    ann.post("cay", kind=PostKind.REPOST, to=("ann", post))
    ann.post("cay", "see", PostKind.QUOTE, ("ann", post))
    ann.post("bob", "what says @ann, @cay?")
    ann.post("ann", "to @ann herself")
    assert inbox(ann, "ann") == [
        "mention bob: what says @ann, @cay?",
        "quote cay: see",
        "repost cay: one",
        "reply bob: yes",
        "like bob: one",
    ]
    assert inbox(ann, "cay") == ["mention bob: what says @ann, @cay?"]
    ann.do(
        UnlikePost(author="ann", post_id=post, by="bob"), DeletePost(author="bob", post_id=reply)
    )
    assert inbox(ann, "ann", limit=3)[1:] == ["quote cay: see", "repost cay: one"]
    ann.do(DeletePost(author="ann", post_id=post))
    assert inbox(ann, "ann") == ["mention bob: what says @ann, @cay?", "quote cay: see"]


def test_a_mention_goes_with_the_words_that_made_it(ann: Society) -> None:
    post = ann.post("bob", "hi @ann")
    ann.do(EditPost(author="bob", post_id=post, text="hi @cay"))
    assert (inbox(ann, "ann"), inbox(ann, "cay")) == ([], ["mention bob: hi @cay"])
    ann.do(EditPost(author="bob", post_id=post, text="hi @ann and @cay"))
    assert inbox(ann, "ann") == ["mention bob: hi @ann and @cay"]


def test_follows_requests_and_approvals(society: Society) -> None:
    society.register("ann", private=True)
    society.register("bob", "cay")
    society.follow("ann", "bob", "cay")
    assert inbox(society, "ann") == ["request cay: ", "request bob: "]
    society.do(WithdrawFollow(author="ann", follower="cay"))
    society.do(ApproveFollow(author="ann", follower="bob"))
    assert inbox(society, "ann") == ["follow bob: "]
    assert inbox(society, "bob") == ["approval ann: "]
    society.do(Unfollow(author="ann", follower="bob"))
    assert (inbox(society, "ann"), inbox(society, "bob")) == ([], [])


def test_the_muted_and_the_blocked_do_not_come_through(ann: Society) -> None:
    post = ann.post("ann", "one")
    ann.do(*(LikePost(author="ann", post_id=post, by=by) for by in ("bob", "cay")))
    ann.do(Follow(author="ann", follower="bob"))
    ann.do(Mute(author="ann", muted="bob"))
    assert inbox(ann, "ann") == ["like cay: one"]
    ann.do(Block(author="cay", blocked="ann"))
    assert inbox(ann, "ann") == []


def test_an_inbox_page_by_page(ann: Society) -> None:
    posts = [ann.post("ann", str(number)) for number in range(3)]
    for post in posts:  # at one time: by kind, then by name, then by post
        ann.do(*(LikePost(author="ann", post_id=post, by=by) for by in ("bob", "cay")))
    seen: list[str] = []
    cursor = ""
    while page := ann.ask("notifications", "ann", limit=4, before=cursor):
        seen += [f"{each.by} {each.text}" for each in page]
        cursor = page[-1].cursor
        ann.now_ms += 1_000
        ann.do(Follow(author="ann", follower="bob"), Unfollow(author="ann", follower="bob"))
        ann.do(Follow(author="ann", follower="cay"), Follow(author="ann", follower="bob"))
    assert seen == ["cay 2", "cay 1", "cay 0", "bob 2", "bob 1", "bob 0"]
    with pytest.raises(QueryError, match="'page two' is no place in an inbox"):
        ann.ask("notifications", "ann", before="page two")
