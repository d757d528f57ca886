"""Which posts an account likes, by example."""

from processors.social.feed.commands import LikePost, UnlikePost
from tests.projections.social.feed.society import Society


def liked(society: Society, account: str, **named: object) -> list[tuple[str, int]]:
    return [(each.author, each.post_id) for each in society.ask("likes", account, **named)]


def test_likes_are_told_latest_first_until_they_are_taken_back(society: Society) -> None:
    society.register("ann", "bob", "cay")
    first, second = society.post("ann", "one"), society.post("bob", "two")
    society.do(LikePost(author="ann", post_id=first, by="cay"))
    society.now_ms += 1_000
    society.do(LikePost(author="bob", post_id=second, by="cay"))
    society.do(LikePost(author="bob", post_id=second, by="ann"))
    assert liked(society, "cay") == [("bob", second), ("ann", first)]
    assert liked(society, "cay", limit=1) == [("bob", second)]
    assert liked(society, "bob") == []
    society.do(UnlikePost(author="bob", post_id=second, by="cay"))
    assert liked(society, "cay") == [("ann", first)]
