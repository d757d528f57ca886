"""What two accounts agree on, over several partitions, in whatever order the news arrives."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log.envelope import Command
from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    DeletePost,
    Follow,
    Limits,
    RegisterAccount,
    SetLimits,
    SetPrivate,
    Unblock,
    Unfollow,
    WritePost,
)
from processors.social.feed.events import (
    DeleteReason,
    PostDeleted,
    Posted,
    ReferenceCounted,
    ReferenceUncounted,
    RejectCode,
    Unblocked,
    UnblockReason,
    Unfollowed,
    UnfollowReason,
)
from processors.social.feed.terms import PostKind
from tests.processors.social.feed.network import Network, assert_agreed
from tests.processors.social.feed.vocabulary import NOON, answering, id_of

NAMES = ("ann", "bo", "gus", "hana")
EVERYWHERE = st.sampled_from(NAMES)
KINDS = (PostKind.REPLY, PostKind.REPOST, PostKind.QUOTE)


def network(*names: str, **limits: int) -> Network:
    made = Network()
    made.send(SetLimits(limits=Limits(**limits)), NOON)
    for name in names:
        made.send(RegisterAccount(author=name), NOON)
    return made


def test_the_names_stand_on_several_partitions() -> None:
    """Else these tests would show little."""
    assert sum(bool(state.accounts) for state in network(*NAMES).states) == 3


def write(made: Network, author: str, kind: PostKind, parent: tuple[str, int]) -> int:
    return id_of(made.send(answering(kind, author, *parent), NOON))


def post(made: Network, author: str) -> tuple[str, int]:
    return author, id_of(made.send(write_original(author), NOON))


def write_original(author: str) -> Command:
    return WritePost(author=author, text="hello")


@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_counts_at_its_parent_and_no_more_when_deleted(kind: PostKind) -> None:
    made = network("ann", "bo")
    parent = post(made, "ann")
    reply = write(made, "bo", kind, parent)
    made.settle()
    (counted,) = [event for event in made.told if type(event) is ReferenceCounted]
    assert (counted.by, counted.by_post_id, counted.count) == ("bo", reply, 1)
    made.send(DeletePost(author="bo", post_id=reply), NOON)
    made.settle()
    (uncounted,) = [event for event in made.told if type(event) is ReferenceUncounted]
    assert uncounted.count == 0
    assert_agreed(made)


def blocked(made: Network) -> None:
    made.send(Block(author="ann", blocked="bo"), NOON)


def private(made: Network) -> None:
    made.send(SetPrivate(author="ann", private=True), NOON)


def deleted(made: Network) -> None:
    post_id = next(event.post_id for event in made.told if type(event) is Posted)
    made.send(DeletePost(author="ann", post_id=post_id), NOON)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("turn", "code"),
    [
        (blocked, RejectCode.BLOCKED),
        (private, RejectCode.PRIVATE),
        (deleted, RejectCode.UNKNOWN_POST),
    ],
)
def test_a_refused_reply_is_taken_back(
    kind: PostKind, turn: Callable[[Network], None], code: RejectCode
) -> None:
    """A -> B -> A: posted at bo, refused at ann, gone at bo."""
    made = network("ann", "bo")
    parent = post(made, "ann")
    turn(made)
    reply = write(made, "bo", kind, parent)
    made.settle()
    (gone,) = [event for event in made.told if type(event) is PostDeleted and event.parent_id]
    assert (gone.author, gone.post_id, gone.reason, gone.code) == (
        "bo",
        reply,
        DeleteReason.REFUSED,
        code,
    )
    assert not made.accounts()["bo"].posts
    assert_agreed(made)


def test_an_unknown_follower_does_not_follow() -> None:
    made = network("ann")
    made.send(Follow(author="ann", follower="bo"), NOON)
    assert made.accounts()["ann"].followers
    made.settle()
    assert not made.accounts()["ann"].followers
    gone = made.told[-1]
    assert type(gone) is Unfollowed
    assert (gone.reason, gone.code) == (UnfollowReason.REFUSED, RejectCode.UNKNOWN_ACCOUNT)


def test_the_follower_s_limits_hold_wherever_he_follows() -> None:
    made = network(*NAMES, follows_per_day_max=2)
    for author in ("ann", "bo", "gus"):
        made.send(Follow(author=author, follower="hana"), NOON)
    made.settle()
    accounts = made.accounts()
    assert sum("hana" in accounts[author].followers for author in NAMES) == 2
    assert len(accounts["hana"].following) == 2
    assert_agreed(made)


def test_a_block_parts_both_ways() -> None:
    made = network("ann", "bo")
    made.send(Follow(author="ann", follower="bo"), NOON)
    made.send(Follow(author="bo", follower="ann"), NOON)
    made.settle()
    made.send(Block(author="ann", blocked="bo"), NOON)
    assert "ann" in made.accounts()["bo"].followers, "the news is on its way"
    made.settle()
    assert not any(account.followers or account.following for account in made.accounts().values())
    assert_agreed(made)


def test_a_block_of_nobody_is_taken_back() -> None:
    made = network("ann")
    made.send(Block(author="ann", blocked="bo"), NOON)
    made.settle()
    assert type(made.told[-1]) is Unblocked
    assert made.told[-1].reason is UnblockReason.UNKNOWN_ACCOUNT
    made.send(RegisterAccount(author="bo"), NOON)
    assert_agreed(made)


def test_a_follow_ended_and_begun_again_outlives_the_no_to_the_first() -> None:
    made = network("ann")
    made.send(Follow(author="ann", follower="bo"), NOON)
    (there,) = made.waiting()
    made.deliver(there)  # refused: there is no bo yet
    made.send(RegisterAccount(author="bo"), NOON)
    made.send(Unfollow(author="ann", follower="bo"), NOON)
    made.send(Follow(author="ann", follower="bo"), NOON)
    made.settle()
    assert list(made.accounts()["ann"].followers) == ["bo"]
    assert_agreed(made)


@st.composite
def steps(draw: st.DrawFn) -> Any:
    """What somebody does; or (None) some news arrives."""
    kind = draw(st.integers(0, 14))
    one, other = draw(EVERYWHERE), draw(EVERYWHERE)
    match kind:
        case 0:
            return lambda made: made.send(Follow(author=one, follower=other), NOON)
        case 1:
            return lambda made: made.send(Unfollow(author=one, follower=other), NOON)
        case 2:
            return lambda made: made.send(Block(author=one, blocked=other), NOON)
        case 3:
            return lambda made: made.send(Unblock(author=one, blocked=other), NOON)
        case 4:
            return lambda made: made.send(RegisterAccount(author=one), NOON)
        case 5:
            private = draw(st.booleans())
            return lambda made: made.send(SetPrivate(author=one, private=private), NOON)
        case 6:
            return lambda made: made.send(ApproveFollow(author=one, follower=other), NOON)
        case 7:
            return lambda made: made.send(write_original(one), NOON)
        case 8 | 9:
            answer, which = draw(st.sampled_from(KINDS)), draw(st.integers(0, 5))
            return lambda made: _answer(made, answer, one, which)
        case 10:
            which = draw(st.integers(0, 5))
            return lambda made: _delete(made, which)
    return None


def _posted(made: Network, which: int) -> tuple[str, int]:
    """One of the posts there ever were."""
    posts = [(event.author, event.post_id) for event in made.told if type(event) is Posted]
    return posts[-1 - which % len(posts)] if posts else ("ann", 7)


def _answer(made: Network, kind: PostKind, author: str, which: int) -> None:
    made.send(answering(kind, author, *_posted(made, which)), NOON)


def _delete(made: Network, which: int) -> None:
    author, post_id = _posted(made, which)
    made.send(DeletePost(author=author, post_id=post_id), NOON)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps(), max_size=60), st.randoms(use_true_random=False), st.integers(1, 4))
def test_all_agree_once_all_news_has_arrived(steps: list[Any], draw: Any, partitions: int) -> None:
    """Follows and blocks stand at both sides alike; nobody follows whom he blocks or who blocks
    him; every reply, repost and quote counts at its parent, and nothing else does."""
    made = Network(partitions)
    made.send(SetLimits(limits=Limits(follows_per_day_max=6, following_max=2)), NOON)
    for step in steps:
        waiting = made.waiting()
        if step is not None:
            step(made)
        elif waiting:
            made.deliver(draw.choice(waiting))
    while waiting := made.waiting():
        made.deliver(draw.choice(waiting))
    assert_agreed(made)
