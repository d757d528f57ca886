"""News of one account for another: the feed's events that become its own commands elsewhere.

    at the actor                          at the other account             back at the actor

    posted (reply, repost, quote)  ─────► count_reference ─► reference_counted
                                                          └► reference_refused ─► take_back_post
    post_deleted                   ─────► uncount_reference                       ─► post_deleted

    followed    (at the followed)  ─────► count_follow    ─► follow_counted
                                                          └► follow_refused ─► take_back_follow
    unfollowed                     ─────► uncount_follow                          ─► unfollowed

    blocked     ────────────────────────► record_block    ─► block_recorded, unfollowed
                                                          └► block_refused ─► take_back_block
    unblocked   ────────────────────────► erase_block                             ─► unblocked

One reactor for all: what one partition tells another arrives in the order that it was told, so
that the end of a follow never comes before its beginning. What crosses on its way (the actor takes
back what the other is just refusing) is told apart by the post's id, or the number of the follow
or block, and then changes nothing. So each no ends in the same state at both, whoever is faster;
and what was taken back by a no was never counted, so it is no news.
"""

from collections.abc import Sequence
from typing import Final

from log.envelope import Command
from processors.core.reactor import Reactor
from processors.social.feed.commands import (
    CountFollow,
    CountReference,
    EraseBlock,
    RecordBlock,
    TakeBackBlock,
    TakeBackFollow,
    TakeBackPost,
    UncountFollow,
    UncountReference,
)
from processors.social.feed.events import (
    Blocked,
    BlockRefused,
    DeleteReason,
    Followed,
    FollowRefused,
    PostDeleted,
    Posted,
    ReferenceRefused,
    Unblocked,
    UnblockReason,
    Unfollowed,
    UnfollowReason,
)


def posted(event: Posted, at: int) -> Sequence[Command]:
    if not event.parent_author:
        return ()
    return (
        CountReference(
            author=event.parent_author,
            post_id=event.parent_id,
            kind=event.kind,
            by=event.author,
            by_post_id=event.post_id,
        ),
    )


def post_deleted(event: PostDeleted, at: int) -> Sequence[Command]:
    if not event.parent_author or event.reason is DeleteReason.REFUSED:
        return ()
    return (
        UncountReference(
            author=event.parent_author,
            post_id=event.parent_id,
            by=event.author,
            by_post_id=event.post_id,
        ),
    )


def reference_refused(event: ReferenceRefused, at: int) -> Sequence[Command]:
    return (TakeBackPost(author=event.by, post_id=event.by_post_id, code=event.code),)


def followed(event: Followed, at: int) -> Sequence[Command]:
    return (CountFollow(author=event.follower, followee=event.author, number=event.number),)


def unfollowed(event: Unfollowed, at: int) -> Sequence[Command]:
    if event.reason is UnfollowReason.REFUSED:
        return ()
    return (UncountFollow(author=event.follower, followee=event.author, number=event.number),)


def follow_refused(event: FollowRefused, at: int) -> Sequence[Command]:
    return (
        TakeBackFollow(
            author=event.followee, follower=event.author, number=event.number, code=event.code
        ),
    )


def blocked(event: Blocked, at: int) -> Sequence[Command]:
    return (RecordBlock(author=event.blocked, by=event.author, number=event.number),)


def unblocked(event: Unblocked, at: int) -> Sequence[Command]:
    if event.reason is UnblockReason.UNKNOWN_ACCOUNT:
        return ()
    return (EraseBlock(author=event.blocked, by=event.author, number=event.number),)


def block_refused(event: BlockRefused, at: int) -> Sequence[Command]:
    return (TakeBackBlock(author=event.by, blocked=event.author, number=event.number),)


NEWS: Final = Reactor(
    name="news",
    on={
        Posted: posted,
        PostDeleted: post_deleted,
        ReferenceRefused: reference_refused,
        Followed: followed,
        Unfollowed: unfollowed,
        FollowRefused: follow_refused,
        Blocked: blocked,
        Unblocked: unblocked,
        BlockRefused: block_refused,
    },
)
