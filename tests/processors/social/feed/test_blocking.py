"""Blocks: at the one who blocks, and at the one who is blocked."""

import pytest

from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    CountReference,
    EraseBlock,
    Follow,
    LikePost,
    PostKind,
    RecordBlock,
    TakeBackBlock,
    Unblock,
    UnlikePost,
)
from processors.social.feed.events import (
    Blocked,
    BlockErased,
    BlockRecorded,
    BlockRefused,
    FanoutChanged,
    FanoutMode,
    FollowRequestClosed,
    RejectCode,
    RequestEnd,
    Unblocked,
    UnblockReason,
    Unfollowed,
    UnfollowReason,
)
from processors.social.feed.state import Feed
from tests.given_when_then import Scenario
from tests.processors.social.feed.vocabulary import (
    NOON,
    answering,
    code_of,
    feed,
    follow,
    posted,
)

BLOCK = Block(author="ann", blocked="bo")
UNBLOCK = Unblock(author="ann", blocked="bo")


def test_block_and_unblock() -> None:
    scenario = feed("ann", blocks_max=1)
    assert code_of(scenario.when(UNBLOCK, NOON)) == "not_done blocked"
    assert scenario.when(BLOCK, NOON) == [Blocked(author="ann", blocked="bo", number=1)]
    assert code_of(scenario.when(BLOCK, NOON)) == "duplicate blocked"
    cem, oneself = Block(author="ann", blocked="cem"), Block(author="ann", blocked="ann")
    assert code_of(scenario.when(cem, NOON)) == "blocks_limit blocked"
    assert code_of(scenario.when(oneself, NOON)) == "oneself blocked"
    assert scenario.when(UNBLOCK, NOON) == [Unblocked(author="ann", blocked="bo", number=1)]
    assert scenario.when(BLOCK, NOON) == [Blocked(author="ann", blocked="bo", number=2)]


def test_the_blocked_one_follows_no_more() -> None:
    scenario = feed("ann", pull_at_followers=1, push_below_followers=1)
    follow(scenario, "ann", "bo")
    assert scenario.when(BLOCK, NOON) == [
        Blocked(author="ann", blocked="bo", number=2),
        Unfollowed(
            author="ann", follower="bo", number=1, followers=0, reason=UnfollowReason.BLOCKED
        ),
        FanoutChanged(author="ann", mode=FanoutMode.PUSH, followers=0),
    ]
    assert scenario.when(UNBLOCK, NOON) == [Unblocked(author="ann", blocked="bo", number=2)]
    assert not scenario.state.accounts["ann"].followers, "nobody follows again by an unblock"


def test_the_blocked_one_asks_no_more() -> None:
    scenario = feed("ann", private="ann")
    follow(scenario, "ann", "bo")
    assert scenario.when(BLOCK, NOON)[1:] == [
        FollowRequestClosed(author="ann", follower="bo", reason=RequestEnd.BLOCKED)
    ]
    approve = ApproveFollow(author="ann", follower="bo")
    assert code_of(scenario.when(approve, NOON)) == "not_done follower"


def test_a_block_is_recorded_at_the_other() -> None:
    scenario = feed("bo")
    follow(scenario, "bo", "ann")
    record = RecordBlock(author="bo", by="ann", number=2)
    assert scenario.when(record, NOON) == [
        BlockRecorded(author="bo", by="ann", number=2),
        Unfollowed(
            author="bo", follower="ann", number=1, followers=0, reason=UnfollowReason.BLOCKED
        ),
    ]
    assert scenario.when(record, NOON) == []
    other = EraseBlock(author="bo", by="ann", number=1)
    assert scenario.when(other, NOON) == [], "of an earlier block"
    erase = EraseBlock(author="bo", by="ann", number=2)
    assert scenario.when(erase, NOON) == [BlockErased(author="bo", by="ann")]
    assert scenario.when(erase, NOON) == []


def blocked_by_ann() -> Scenario[Feed]:
    scenario = feed("bo")
    scenario.when(RecordBlock(author="bo", by="ann", number=1), NOON)
    return scenario


def blocking_ann() -> Scenario[Feed]:
    scenario = feed("bo")
    scenario.when(Block(author="bo", blocked="ann"), NOON)
    return scenario


@pytest.mark.parametrize("scenario", [blocked_by_ann(), blocking_ann()])
def test_they_have_nothing_to_do_with_each_other(scenario: Scenario[Feed]) -> None:
    """Whoever of the two blocks the other: ann does nothing at bo, and bo not at ann."""
    post_id = posted(scenario, "bo")
    follow_him = Follow(author="bo", follower="ann")
    assert code_of(scenario.when(follow_him, NOON)) == "blocked follower"
    like = LikePost(author="bo", post_id=post_id, by="ann")
    assert code_of(scenario.when(like, NOON)) == "blocked by"
    for kind in (PostKind.REPLY, PostKind.REPOST, PostKind.QUOTE):
        answer = answering(kind, "bo", "ann", 7)
        assert code_of(scenario.when(answer, NOON)) == "blocked parent_author"
        (refused,) = scenario.when(
            CountReference(author="bo", post_id=post_id, kind=kind, by="ann", by_post_id=7), NOON
        )
        assert refused.code is RejectCode.BLOCKED


def test_what_was_liked_before_may_be_taken_back() -> None:
    scenario = feed("ann")
    post_id = posted(scenario, "ann")
    scenario.when(LikePost(author="ann", post_id=post_id, by="bo"), NOON)
    scenario.when(BLOCK, NOON)
    assert scenario.state.accounts["ann"].posts[post_id].likes, "a like stays"
    (unliked,) = scenario.when(UnlikePost(author="ann", post_id=post_id, by="bo"), NOON)
    assert unliked.likes == 0


def test_nobody_blocks_who_is_not_there() -> None:
    scenario = feed("ann")
    refused = scenario.when(RecordBlock(author="ghost", by="ann", number=1), NOON)
    assert refused == [BlockRefused(author="ghost", by="ann", number=1)]
    assert scenario.when(EraseBlock(author="ghost", by="ann", number=1), NOON) == []
    scenario.when(Block(author="ann", blocked="ghost"), NOON)
    other = TakeBackBlock(author="ann", blocked="ghost", number=7)
    assert scenario.when(other, NOON) == [], "of another block"
    take_back = TakeBackBlock(author="ann", blocked="ghost", number=1)
    reason = UnblockReason.UNKNOWN_ACCOUNT
    assert scenario.when(take_back, NOON) == [
        Unblocked(author="ann", blocked="ghost", number=1, reason=reason)
    ]
    assert scenario.when(take_back, NOON) == []
