"""Posts by example: counters, edits with their history, threads, an account's own posts."""

from processors.social.feed.commands import (
    Block,
    DeletePost,
    EditPost,
    LikePost,
    SetPrivate,
    UnlikePost,
)
from processors.social.feed.events import PostKind
from projections.social.feed.posts import POSTS, REVISIONS
from tests.projections.social.feed.society import Society

REPLY, REPOST, QUOTE = PostKind.REPLY, PostKind.REPOST, PostKind.QUOTE


def counters(society: Society, post_id: int) -> tuple[int, int, int, int]:
    post = society.ask("post", "ann", post_id)
    return post.likes, post.replies, post.reposts, post.quotes


def test_counters(friends: Society) -> None:
    post = friends.post("ann", "one")
    friends.do(*(LikePost(author="ann", post_id=post, by=by) for by in ("bob", "cay")))
    reply = friends.post("bob", "yes", REPLY, ("ann", post))
    friends.post("bob", kind=REPOST, to=("ann", post))
    friends.post("cay", "see", QUOTE, ("ann", post))
    assert counters(friends, post) == (2, 1, 1, 1)
    friends.do(
        UnlikePost(author="ann", post_id=post, by="bob"), DeletePost(author="bob", post_id=reply)
    )
    assert counters(friends, post) == (1, 0, 1, 1)


def test_what_the_parents_author_does_not_take_is_gone_again(friends: Society) -> None:
    post = friends.post("ann", "one")
    friends.do(SetPrivate(author="ann", private=True))
    friends.post("bob", kind=REPOST, to=("ann", post))
    assert friends.said("posts", "bob") == []
    assert friends.ask("profile", "bob").posts == 0
    assert friends.ask("post", "ann", post, viewer="bob").reposts == 0


def test_edits_with_their_history(friends: Society) -> None:
    post = friends.post("ann", "hallo")
    for text in ("hello", "hello!"):
        friends.now_ms += 1_000
        friends.do(EditPost(author="ann", post_id=post, text=text, media=("cat.jpg",)))
    revisions = friends.ask("revisions", "ann", post)
    assert [(each.revision, each.at_ms - post, each.text, each.media) for each in revisions] == [
        (0, 0, "hallo", ""),
        (1, 1_000, "hello", "cat.jpg"),
        (2, 2_000, "hello!", "cat.jpg"),
    ]
    friends.do(DeletePost(author="ann", post_id=post))
    assert friends.ask("revisions", "ann", post) == []
    with friends.memory.reading() as reader:
        assert list(reader.rows(REVISIONS)) == [], "what was deleted says nothing any more"
        assert [row.text for row in reader.rows(POSTS)] == [""]


def lines(society: Society, author: str, post_id: int, viewer: str = "") -> list[str]:
    found = society.ask("thread", author, post_id, viewer)
    return [f"{post.depth} {post.author}: {post.text or '-'}" for post in found]


def test_a_thread_with_what_was_before_and_after(friends: Society) -> None:
    first = friends.post("ann", "why?")
    second = friends.post("bob", "because", REPLY, ("ann", first))
    third = friends.post("cay", "no", REPLY, ("ann", first))
    friends.post("ann", "indeed", REPLY, ("bob", second))
    friends.post("bob", "yes", REPLY, ("cay", third))
    friends.post("cay", kind=REPOST, to=("ann", first))
    whole = ["0 ann: why?", "1 bob: because", "2 ann: indeed", "1 cay: no", "2 bob: yes"]
    assert lines(friends, "ann", first) == whole
    assert lines(friends, "bob", second) == ["-1 ann: why?", "0 bob: because", "1 ann: indeed"]
    assert lines(friends, "ann", 7) == []


def test_a_thread_has_no_hole_where_a_post_was(friends: Society) -> None:
    first = friends.post("ann", "why?")
    second = friends.post("bob", "because", REPLY, ("ann", first))
    last = friends.post("cay", "no", REPLY, ("bob", second))
    friends.do(DeletePost(author="bob", post_id=second))
    assert lines(friends, "ann", first) == ["0 ann: why?", "1 bob: -", "2 cay: no"]
    friends.do(DeletePost(author="cay", post_id=last))
    assert lines(friends, "ann", first) == ["0 ann: why?", "1 bob: -"], "cay's may be asked for"
    assert lines(friends, "cay", last) == ["-2 ann: why?", "-1 bob: -", "0 cay: -"]


def test_a_thread_is_as_its_viewer_may_see_it(friends: Society) -> None:
    first = friends.post("ann", "why?")
    friends.post("bob", "because", REPLY, ("ann", first))
    friends.do(Block(author="bob", blocked="cay"))
    assert lines(friends, "ann", first, "cay") == ["0 ann: why?"]
    friends.do(SetPrivate(author="ann", private=True))
    assert lines(friends, "ann", first) == ["0 ann: -", "1 bob: because"]
    assert lines(friends, "ann", first, "bob") == ["0 ann: why?", "1 bob: because"]


def test_an_accounts_own_posts_page_by_page(friends: Society) -> None:
    for number in range(5):
        friends.post("ann", str(number))
        friends.post("bob", "in between")
    page = friends.ask("posts", "ann", limit=3)
    assert [post.text for post in page] == ["4", "3", "2"]
    friends.post("ann", "new")
    assert friends.said("posts", "ann", before=page[-1].cursor) == ["ann: 1", "ann: 0"]
    friends.do(SetPrivate(author="ann", private=True))
    assert friends.said("posts", "ann") == []
    assert len(friends.said("posts", "ann", viewer="cay")) == 6
