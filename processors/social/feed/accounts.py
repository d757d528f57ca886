"""Rules of accounts: registering, profile, privacy, visits; mutes; and the operator's limits."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from log.envelope import Command, Event
from processors.social.feed.commands import (
    ChangeProfile,
    Mute,
    RegisterAccount,
    SetLimits,
    SetPrivate,
    Unmute,
    Visit,
)
from processors.social.feed.events import (
    AccountBecameInactive,
    AccountRegistered,
    AccountReturned,
    LimitsSet,
    Muted,
    PrivacySet,
    ProfileChanged,
    RejectCode,
    Rejected,
    Unmuted,
    Visited,
)
from processors.social.feed.state import Account, Feed
from processors.social.feed.text import is_account, is_written

NAME_LENGTH_MAX: Final = 50
BIO_LENGTH_MAX: Final = 200
REFERENCE_LENGTH_MAX: Final = 200
"""Of a picture or a video that stands elsewhere."""
NOTHING: Final[tuple[Event, ...]] = ()


class Fault(NamedTuple):
    """What is wrong with a command."""

    code: RejectCode
    field: str
    reason: str


def rejected(command: Command, fault: Fault) -> Sequence[Event]:
    author = getattr(command, "author", "")
    tag = str(command.__struct_config__.tag)
    return (
        Rejected(
            author=author, command=tag, code=fault.code, field=fault.field, reason=fault.reason
        ),
    )


def fault_of_text(field: str, text: str, length_max: int) -> Fault | None:
    if len(text) > length_max:
        reason = f"{len(text)} characters; at most {length_max} are allowed: shorten it"
        return Fault(RejectCode.TEXT_LENGTH_LIMIT, field, reason)
    if not is_written(text):
        return Fault(RejectCode.INVALID_TEXT, field, "a control character: leave it out")
    return None


def register(feed: Feed, command: RegisterAccount, at: int) -> Sequence[Event]:
    if command.author in feed.accounts:
        reason = f"there is an account {command.author} already"
        return rejected(command, Fault(RejectCode.ACCOUNT_EXISTS, "author", reason))
    if not is_account(command.author):
        return rejected(command, fault_of_name("author"))
    fault = _fault_of_profile(command)
    if fault is not None:
        return rejected(command, fault)
    return (
        AccountRegistered(
            author=command.author,
            name=command.name,
            bio=command.bio,
            avatar=command.avatar,
            private=command.private,
            at_ms=at,
        ),
    )


def fault_of_name(field: str) -> Fault:
    reason = "an account's name is 1 to 30 of a-z, 0-9 and _"
    return Fault(RejectCode.INVALID_ACCOUNT, field, reason)


def _fault_of_profile(command: RegisterAccount | ChangeProfile) -> Fault | None:
    return (
        fault_of_text("name", command.name, NAME_LENGTH_MAX)
        or fault_of_text("bio", command.bio, BIO_LENGTH_MAX)
        or fault_of_text("avatar", command.avatar, REFERENCE_LENGTH_MAX)
    )


def change_profile(
    feed: Feed, account: Account, command: ChangeProfile, at: int
) -> Sequence[Event]:
    fault = _fault_of_profile(command)
    if fault is not None:
        return rejected(command, fault)
    return (
        ProfileChanged(
            author=command.author, name=command.name, bio=command.bio, avatar=command.avatar
        ),
    )


def set_private(feed: Feed, account: Account, command: SetPrivate, at: int) -> Sequence[Event]:
    if account.private == command.private:
        return NOTHING
    return (PrivacySet(author=command.author, private=command.private),)


def visit(feed: Feed, account: Account, command: Visit, at: int) -> Sequence[Event]:
    if not account.active:
        return (AccountReturned(author=command.author, at_ms=at),)
    if at - account.seen_ms < feed.limits.visit_interval_ms:
        return NOTHING
    return (Visited(author=command.author, at_ms=at),)


def leave(feed: Feed, at: int) -> Sequence[Event]:
    """By the timer: the account that was seen longest ago, if it was away for too long."""
    if not feed.watched:
        return NOTHING
    seen_ms, author = feed.watched[0]
    if seen_ms + feed.limits.inactive_after_ms > at:
        return NOTHING
    return (AccountBecameInactive(author=author),)


def mute(feed: Feed, account: Account, command: Mute, at: int) -> Sequence[Event]:
    author, muted = command.author, command.muted
    if muted == author:
        return rejected(command, Fault(RejectCode.ONESELF, "muted", "nobody mutes himself"))
    if muted in account.mutes:
        reason = f"{author} mutes {muted} already"
        return rejected(command, Fault(RejectCode.DUPLICATE, "muted", reason))
    if len(account.mutes) >= feed.limits.blocks_max:
        reason = f"{author} mutes {len(account.mutes)} accounts, as many as are allowed"
        return rejected(command, Fault(RejectCode.BLOCKS_LIMIT, "muted", reason))
    return (Muted(author=author, muted=muted),)


def unmute(feed: Feed, account: Account, command: Unmute, at: int) -> Sequence[Event]:
    author, muted = command.author, command.muted
    if muted not in account.mutes:
        reason = f"{author} does not mute {muted}"
        return rejected(command, Fault(RejectCode.NOT_DONE, "muted", reason))
    return (Unmuted(author=author, muted=muted),)


def set_limits(command: SetLimits) -> Sequence[Event]:
    limits = command.limits
    if limits.push_below_followers > limits.pull_at_followers:
        reason = (
            f"posts would be pushed below {limits.push_below_followers} followers and pulled from "
            f"{limits.pull_at_followers} on: raise pull_at_followers"
        )
        return rejected(command, Fault(RejectCode.INVALID_LIMITS, "push_below_followers", reason))
    return (LimitsSet(limits=limits),)
