"""Rules of who follows whom, requests to private accounts, and blocks.

A follow stands at the followed account, and counts at the follower too, for his limits; a block
stands at the one who blocks, and is recorded at the other. The news goes through the reactor.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.social.feed.accounts import NOTHING, Fault, rejected
from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    CountFollow,
    DeclineFollow,
    EraseBlock,
    Follow,
    RecordBlock,
    TakeBackBlock,
    TakeBackFollow,
    Unblock,
    UncountFollow,
    Unfollow,
    WithdrawFollow,
)
from processors.social.feed.events import (
    Blocked,
    BlockErased,
    BlockRecorded,
    BlockRefused,
    FanoutChanged,
    FollowCounted,
    Followed,
    FollowRefused,
    FollowRequestClosed,
    FollowRequested,
    FollowUncounted,
    RejectCode,
    RequestEnd,
    Unblocked,
    UnblockReason,
    Unfollowed,
    UnfollowReason,
)
from processors.social.feed.state import Account, Feed
from processors.social.feed.terms import DAY_MS, FanoutMode


def follow(feed: Feed, account: Account, command: Follow, at: int) -> Sequence[Event]:
    author, follower = command.author, command.follower
    fault = _fault_of_following(feed, account, author, follower)
    if fault is not None:
        return rejected(command, fault)
    if account.private:
        return (FollowRequested(author=author, follower=follower),)
    return _followed(feed, account, author, follower)


def _fault_of_following(feed: Feed, account: Account, author: str, follower: str) -> Fault | None:
    if follower == author:
        return Fault(RejectCode.ONESELF, "follower", "nobody follows himself")
    if account.at_odds_with(follower):
        reason = f"{author} and {follower}: one blocks the other"
        return Fault(RejectCode.BLOCKED, "follower", reason)
    if follower in account.followers:
        return Fault(RejectCode.DUPLICATE, "follower", f"{follower} follows {author} already")
    if account.private:
        if follower in account.requests:
            return Fault(RejectCode.DUPLICATE, "follower", f"{follower} has asked already")
        if len(account.requests) >= feed.limits.follow_requests_max:
            reason = f"{len(account.requests)} wait for {author}'s answer, as many as may"
            return Fault(RejectCode.FOLLOW_REQUESTS_LIMIT, "author", reason)
    return None


def _followed(
    feed: Feed, account: Account, author: str, follower: str, approved: bool = False
) -> Sequence[Event]:
    followers = len(account.followers) + 1
    followed = Followed(
        author=author,
        follower=follower,
        number=account.number + 1,
        followers=followers,
        approved=approved,
    )
    return followed, *_fanout(feed, account, author, followers)


def _fanout(feed: Feed, account: Account, author: str, followers: int) -> Sequence[Event]:
    """Whether posts go the other way with so many followers. Between the two thresholds they go as
    before, so that one who comes and goes does not move them to and fro."""
    if account.mode is FanoutMode.PUSH:
        if followers < feed.limits.pull_at_followers:
            return NOTHING
        mode = FanoutMode.PULL
    else:
        if followers >= feed.limits.push_below_followers:
            return NOTHING
        mode = FanoutMode.PUSH
    return (FanoutChanged(author=author, mode=mode, followers=followers),)


def unfollow(feed: Feed, account: Account, command: Unfollow, at: int) -> Sequence[Event]:
    author, follower = command.author, command.follower
    if follower not in account.followers:
        reason = f"{follower} does not follow {author}"
        return rejected(command, Fault(RejectCode.NOT_DONE, "follower", reason))
    return _unfollowed(feed, account, author, follower, UnfollowReason.REQUESTED)


def _unfollowed(
    feed: Feed,
    account: Account,
    author: str,
    follower: str,
    reason: UnfollowReason,
    code: RejectCode | None = None,
) -> Sequence[Event]:
    followers = len(account.followers) - 1
    unfollowed = Unfollowed(
        author=author,
        follower=follower,
        number=account.followers[follower],
        followers=followers,
        reason=reason,
        code=code,
    )
    return unfollowed, *_fanout(feed, account, author, followers)


def approve(feed: Feed, account: Account, command: ApproveFollow, at: int) -> Sequence[Event]:
    if command.follower not in account.requests:
        return _not_asked(command)
    return _followed(feed, account, command.author, command.follower, approved=True)


def decline(feed: Feed, account: Account, command: DeclineFollow, at: int) -> Sequence[Event]:
    return _close_request(account, command, RequestEnd.DECLINED)


def withdraw(feed: Feed, account: Account, command: WithdrawFollow, at: int) -> Sequence[Event]:
    return _close_request(account, command, RequestEnd.WITHDRAWN)


def _close_request(
    account: Account, command: DeclineFollow | WithdrawFollow, reason: RequestEnd
) -> Sequence[Event]:
    author, follower = command.author, command.follower
    if follower not in account.requests:
        return _not_asked(command)
    return (FollowRequestClosed(author=author, follower=follower, reason=reason),)


def _not_asked(command: ApproveFollow | DeclineFollow | WithdrawFollow) -> Sequence[Event]:
    reason = f"{command.follower} has not asked to follow {command.author}"
    return rejected(command, Fault(RejectCode.NOT_DONE, "follower", reason))


def count_follow(feed: Feed, account: Account, command: CountFollow, at: int) -> Sequence[Event]:
    author, followee, number = command.author, command.followee, command.number
    if account.following.get(followee) == number:
        return NOTHING
    limits, day = feed.limits, at // DAY_MS
    if len(account.following) >= limits.following_max:
        return refuse_follow(command, RejectCode.FOLLOWING_LIMIT)
    if (account.follows_in_day if day == account.day else 0) >= limits.follows_per_day_max:
        return refuse_follow(command, RejectCode.FOLLOW_RATE_LIMIT)
    following = len(account.following) + (followee not in account.following)
    return (
        FollowCounted(
            author=author, followee=followee, number=number, day=day, following=following
        ),
    )


def refuse_follow(command: CountFollow, code: RejectCode) -> Sequence[Event]:
    return (
        FollowRefused(
            author=command.author, followee=command.followee, number=command.number, code=code
        ),
    )


def uncount_follow(
    feed: Feed, account: Account, command: UncountFollow, at: int
) -> Sequence[Event]:
    if account.following.get(command.followee) != command.number:
        return NOTHING  # it was refused
    following = len(account.following) - 1
    return (
        FollowUncounted(author=command.author, followee=command.followee, following=following),
    )


def take_back_follow(
    feed: Feed, account: Account, command: TakeBackFollow, at: int
) -> Sequence[Event]:
    author, follower = command.author, command.follower
    if account.followers.get(follower) != command.number:
        return NOTHING  # it ended meanwhile
    return _unfollowed(feed, account, author, follower, UnfollowReason.REFUSED, command.code)


def block(feed: Feed, account: Account, command: Block, at: int) -> Sequence[Event]:
    author, blocked = command.author, command.blocked
    if blocked == author:
        return rejected(command, Fault(RejectCode.ONESELF, "blocked", "nobody blocks himself"))
    if blocked in account.blocks:
        reason = f"{author} blocks {blocked} already"
        return rejected(command, Fault(RejectCode.DUPLICATE, "blocked", reason))
    if len(account.blocks) >= feed.limits.blocks_max:
        reason = f"{author} blocks {len(account.blocks)} accounts, as many as are allowed"
        return rejected(command, Fault(RejectCode.BLOCKS_LIMIT, "blocked", reason))
    block = Blocked(author=author, blocked=blocked, number=account.number + 1)
    return block, *_part(feed, account, author, blocked)


def _part(feed: Feed, account: Account, author: str, other: str) -> Sequence[Event]:
    """The other one does not follow any more, nor asks to."""
    if other in account.followers:
        return _unfollowed(feed, account, author, other, UnfollowReason.BLOCKED)
    if other in account.requests:
        reason = RequestEnd.BLOCKED
        return (FollowRequestClosed(author=author, follower=other, reason=reason),)
    return NOTHING


def unblock(feed: Feed, account: Account, command: Unblock, at: int) -> Sequence[Event]:
    author, blocked = command.author, command.blocked
    if blocked not in account.blocks:
        reason = f"{author} does not block {blocked}"
        return rejected(command, Fault(RejectCode.NOT_DONE, "blocked", reason))
    return (Unblocked(author=author, blocked=blocked, number=account.blocks[blocked]),)


def record_block(feed: Feed, account: Account, command: RecordBlock, at: int) -> Sequence[Event]:
    author, by = command.author, command.by
    if account.blocked_by.get(by) == command.number:
        return NOTHING
    recorded = BlockRecorded(author=author, by=by, number=command.number)
    return recorded, *_part(feed, account, author, by)


def refuse_block(command: RecordBlock) -> Sequence[Event]:
    return (BlockRefused(author=command.author, by=command.by, number=command.number),)


def erase_block(feed: Feed, account: Account, command: EraseBlock, at: int) -> Sequence[Event]:
    if account.blocked_by.get(command.by) != command.number:
        return NOTHING
    return (BlockErased(author=command.author, by=command.by),)


def take_back_block(
    feed: Feed, account: Account, command: TakeBackBlock, at: int
) -> Sequence[Event]:
    author, blocked = command.author, command.blocked
    if account.blocks.get(blocked) != command.number:
        return NOTHING
    reason = UnblockReason.UNKNOWN_ACCOUNT
    return (Unblocked(author=author, blocked=blocked, number=command.number, reason=reason),)
