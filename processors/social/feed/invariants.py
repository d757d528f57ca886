"""What holds of every state of the feed on one partition. For tests: walks everything.

What holds between accounts once the reactor has run (a follow counts on both sides, nobody follows
whom he blocks) is for the tests: here another's news may still be on its way.
"""

from processors.social.feed.state import Account, Feed, Post
from processors.social.feed.terms import FanoutMode, PostKind


def check(feed: Feed) -> None:
    """AssertionError, with the account, where the state is impossible."""
    for author, account in feed.accounts.items():
        _check_names(author, account)
        for post_id, post in account.posts.items():
            assert post_id <= account.last_post_id, f"{author}: post {post_id} is not given yet"
            _check_post(f"post {post_id} of {author}", post)
        reposts = {
            (post.parent_author, post.parent_id): post_id
            for post_id, post in account.posts.items()
            if post.kind is PostKind.REPOST
        }
        assert account.reposts == reposts, f"{author}: the index of reposts is wrong"
        assert account.mode is FanoutMode.PUSH or account.number, f"{author}: pulled from birth"
    _check_timer(feed)


def _check_names(author: str, account: Account) -> None:
    for other in (*account.followers, *account.requests):
        assert other != author, f"{author} follows himself"
        assert not account.at_odds_with(other), f"{other} follows {author} in spite of a block"
    for other in account.requests:
        assert other not in account.followers, f"{other} asks for what he has of {author}"
    assert author not in account.blocks, f"{author} blocks himself"
    assert author not in account.mutes, f"{author} mutes himself"
    numbers = [*account.followers.values(), *account.blocks.values()]
    assert len(numbers) == len(set(numbers)), f"{author}: two follows or blocks of one number"
    assert max(numbers, default=0) <= account.number, f"{author}: a number not given yet"


def _check_post(where: str, post: Post) -> None:
    kinds = list((post.references or {}).values())
    assert post.references is None or kinds, f"{where}: an empty dict is kept"
    for kind in (PostKind.REPLY, PostKind.REPOST, PostKind.QUOTE):
        assert post.count_of(kind) == kinds.count(kind), f"{where}: {kind} is miscounted"
    assert (post.kind is PostKind.ORIGINAL) == (not post.parent_author), f"{where}: its parent"
    assert post.kind is not PostKind.REPOST or not (post.likes or post.references or post.edits)


def _check_timer(feed: Feed) -> None:
    active = {author for author, account in feed.accounts.items() if account.active}
    watched = {author for _, author in feed.watched}
    assert active <= watched, f"not watched: {sorted(active - watched)}"
    seen = [feed.accounts[author].seen_ms for author in active]
    if feed.watched:
        assert feed.watched[0][0] == min(seen), "the timer is not of who was seen longest ago"
