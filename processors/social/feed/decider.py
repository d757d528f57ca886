"""The feed's rules: which rule a command goes by, and which fact an event is.

    command ─► its other account's name is one? ─► its author is registered? ─► the rule

Where there is no such author, people are rejected, and other accounts' news is refused by an event
that the reactor brings back to where it came from.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from log.envelope import Event
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick
from processors.social.feed import accounts, following, posting
from processors.social.feed.accounts import NOTHING, Fault, fault_of_name, rejected
from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    ChangeProfile,
    CountFollow,
    CountReference,
    DeclineFollow,
    DeletePost,
    EditPost,
    EraseBlock,
    Follow,
    LikePost,
    Mute,
    RecordBlock,
    RegisterAccount,
    SetLimits,
    SetPrivate,
    TakeBackBlock,
    TakeBackFollow,
    TakeBackPost,
    Unblock,
    UncountFollow,
    UncountReference,
    Unfollow,
    UnlikePost,
    Unmute,
    Visit,
    WithdrawFollow,
    WritePost,
)
from processors.social.feed.events import RejectCode
from processors.social.feed.facts import FACTS
from processors.social.feed.state import Account, Feed, initial, next_due
from processors.social.feed.state_parts import PARTS
from processors.social.feed.state_rows import StateRow, from_rows, to_rows
from processors.social.feed.text import is_account

Rule = Callable[[Feed, Account, Any, int], Sequence[Event]]

RULES: Final[dict[type[Any], tuple[Rule, str]]] = {
    ChangeProfile: (accounts.change_profile, ""),
    SetPrivate: (accounts.set_private, ""),
    Visit: (accounts.visit, ""),
    Mute: (accounts.mute, "muted"),
    Unmute: (accounts.unmute, "muted"),
    WritePost: (posting.write_post, ""),
    EditPost: (posting.edit_post, ""),
    DeletePost: (posting.delete_post, ""),
    LikePost: (posting.like_post, "by"),
    UnlikePost: (posting.unlike_post, "by"),
    Follow: (following.follow, "follower"),
    Unfollow: (following.unfollow, "follower"),
    ApproveFollow: (following.approve, "follower"),
    DeclineFollow: (following.decline, "follower"),
    WithdrawFollow: (following.withdraw, "follower"),
    Block: (following.block, "blocked"),
    Unblock: (following.unblock, "blocked"),
    CountReference: (posting.count_reference, "by"),
    UncountReference: (posting.uncount_reference, "by"),
    TakeBackPost: (posting.take_back_post, ""),
    CountFollow: (following.count_follow, "followee"),
    UncountFollow: (following.uncount_follow, "followee"),
    TakeBackFollow: (following.take_back_follow, "follower"),
    RecordBlock: (following.record_block, "by"),
    EraseBlock: (following.erase_block, "by"),
    TakeBackBlock: (following.take_back_block, "blocked"),
}
"""Each command's rule, and its field that names another account, if any."""


def decide(feed: Feed, command: Any, at: int) -> Sequence[Event]:
    """The events that a command leads to; `at` is ms since 1970."""
    kind = type(command)
    if kind is Tick:
        return accounts.leave(feed, at)
    if kind is SetLimits:
        return accounts.set_limits(command)
    if kind is RegisterAccount:
        return accounts.register(feed, command, at)
    rule, other = RULES[kind]
    if other and not is_account(getattr(command, other)):
        return rejected(command, fault_of_name(other))
    account = feed.accounts.get(command.author)
    if account is None:
        return _without_account(command)
    return rule(feed, account, command, at)


def _without_account(command: Any) -> Sequence[Event]:
    match command:
        case CountReference():
            return posting.refuse_reference(command, RejectCode.UNKNOWN_ACCOUNT)
        case CountFollow():
            return following.refuse_follow(command, RejectCode.UNKNOWN_ACCOUNT)
        case RecordBlock():
            return following.refuse_block(command)
        case UncountReference() | UncountFollow() | EraseBlock():
            return NOTHING  # of what was refused
    reason = "there is no such account: register it first"
    return rejected(command, Fault(RejectCode.UNKNOWN_ACCOUNT, "author", reason))


def evolve(feed: Feed, event: Any) -> Feed:
    """Apply one fact, in place. Facts that are not for the state change nothing."""
    apply = FACTS.get(type(event))
    if apply is not None:
        apply(feed, event)
    return feed


DECIDER: Final = Decider(
    initial=initial,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=StateRow, to_rows=to_rows, from_rows=from_rows, parts=PARTS),
    next_due=next_due,
)
