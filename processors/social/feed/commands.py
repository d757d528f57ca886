"""What people, the operator and the system's own reactor ask of the feed. Any may be rejected.

`author` is the account that a command is about, and its key: who is followed, whose post is liked,
who posts. Who acts on it stands beside it (`follower`, `by`); that he is who he says is the
gateway's to know. Accounts are named by 1 to 30 of `a-z`, `0-9` and `_`. A post is named by its
author and its id, which the rules give it (see `events.Posted`). Times are ms since 1970.

The commands of the last part are made by the reactor (`reactors.py`) of events of other accounts,
and are not for the outside.
"""

from log.envelope import Command
from processors.social.feed.events import RejectCode
from processors.social.feed.terms import Limits as Limits
from processors.social.feed.terms import Number as Number
from processors.social.feed.terms import PostId as PostId
from processors.social.feed.terms import PostKind as PostKind

# --- accounts


class RegisterAccount(Command, tag="register_account.v1", kw_only=True):
    author: str
    name: str = ""
    """What people call it; any text of up to 50 code points."""
    bio: str = ""
    """Up to 200 code points."""
    avatar: str = ""
    """A reference to a picture, of up to 200 code points."""
    private: bool = False
    """Followers are approved, and only they reply to its posts and like them."""


class ChangeProfile(Command, tag="change_profile.v1", kw_only=True):
    """All of the profile, as in `register_account.v1`."""

    author: str
    name: str = ""
    bio: str = ""
    avatar: str = ""


class SetPrivate(Command, tag="set_private.v1", kw_only=True):
    """Followers stay, and requests that wait go on waiting, whichever way."""

    author: str
    private: bool


class Visit(Command, tag="visit.v1", kw_only=True):
    """The owner reads his timeline: the account is active. Written down once in a while only
    (`Limits.visit_interval_ms`)."""

    author: str


# --- posts


class WritePost(Command, tag="write_post.v1", kw_only=True):
    """A post of any kind. One with a parent is posted at once, and taken back by the system where
    the parent's author does not take it (blocked, private, deleted)."""

    author: str
    kind: PostKind = PostKind.ORIGINAL
    text: str = ""
    media: tuple[str, ...] = ()
    """References to pictures or videos, each of 1 to 200 code points."""
    parent_author: str = ""
    parent_id: PostId = 0


class EditPost(Command, tag="edit_post.v1", kw_only=True):
    """The text and the media that the post has from now on. Not of a repost."""

    author: str
    post_id: PostId
    text: str = ""
    media: tuple[str, ...] = ()


class DeletePost(Command, tag="delete_post.v1", kw_only=True):
    """For good; of a repost: it is taken back."""

    author: str
    post_id: PostId


class LikePost(Command, tag="like_post.v1", kw_only=True):
    """`by` likes a post of `author`."""

    author: str
    post_id: PostId
    by: str


class UnlikePost(Command, tag="unlike_post.v1", kw_only=True):
    author: str
    post_id: PostId
    by: str


# --- who follows whom


class Follow(Command, tag="follow.v1", kw_only=True):
    """`follower` wants to follow `author`: he does at once, or asks to, where that is private."""

    author: str
    follower: str


class Unfollow(Command, tag="unfollow.v1", kw_only=True):
    author: str
    follower: str


class ApproveFollow(Command, tag="approve_follow.v1", kw_only=True):
    """`author` says yes to a request."""

    author: str
    follower: str


class DeclineFollow(Command, tag="decline_follow.v1", kw_only=True):
    """`author` says no to a request. It may be made again."""

    author: str
    follower: str


class WithdrawFollow(Command, tag="withdraw_follow.v1", kw_only=True):
    """`follower` takes his request back."""

    author: str
    follower: str


class Block(Command, tag="block.v1", kw_only=True):
    """`author` blocks `blocked`: neither follows the other any more, nor can, nor replies, likes,
    reposts or quotes. What was said and liked before stays."""

    author: str
    blocked: str


class Unblock(Command, tag="unblock.v1", kw_only=True):
    """Nobody follows again by this."""

    author: str
    blocked: str


class Mute(Command, tag="mute.v1", kw_only=True):
    """`author` does not want to see posts of `muted`, who is not told."""

    author: str
    muted: str


class Unmute(Command, tag="unmute.v1", kw_only=True):
    author: str
    muted: str


# --- the operator


class SetLimits(Command, tag="set_limits.v1", kw_only=True):
    """All limits, for every account (no key: to every partition). An author's way of fan-out is
    looked at when a follower comes or goes, so new thresholds hold from then on."""

    limits: Limits


# --- from the reactor: news of one account for another


class CountReference(Command, tag="count_reference.v1", kw_only=True):
    """Of `posted.v1` with a parent: may `by` do so? Then it counts at the parent, which is
    `post_id` of `author`. Answer: `reference_counted.v1` or `reference_refused.v1`."""

    author: str
    post_id: PostId
    kind: PostKind
    by: str
    by_post_id: PostId


class UncountReference(Command, tag="uncount_reference.v1", kw_only=True):
    """Of `post_deleted.v1` with a parent: it counts no more."""

    author: str
    post_id: PostId
    by: str
    by_post_id: PostId


class TakeBackPost(Command, tag="take_back_post.v1", kw_only=True):
    """Of `reference_refused.v1`: the post goes, as its parent's author does not take it."""

    author: str
    post_id: PostId
    code: RejectCode


class CountFollow(Command, tag="count_follow.v1", kw_only=True):
    """Of `followed.v1`: `author` follows `followee` now; may he, by his own limits? Answer:
    `follow_counted.v1` or `follow_refused.v1`."""

    author: str
    followee: str
    number: Number


class UncountFollow(Command, tag="uncount_follow.v1", kw_only=True):
    """Of `unfollowed.v1`: `author` does not follow `followee` any more."""

    author: str
    followee: str
    number: Number


class TakeBackFollow(Command, tag="take_back_follow.v1", kw_only=True):
    """Of `follow_refused.v1`: `follower` may not follow `author`, by his own limits."""

    author: str
    follower: str
    number: Number
    code: RejectCode


class RecordBlock(Command, tag="record_block.v1", kw_only=True):
    """Of `blocked.v1`: `author` is blocked by `by`. Answer: `block_recorded.v1`, or
    `block_refused.v1` where there is no such account."""

    author: str
    by: str
    number: Number


class EraseBlock(Command, tag="erase_block.v1", kw_only=True):
    """Of `unblocked.v1`: `author` is not blocked by `by` any more."""

    author: str
    by: str
    number: Number


class TakeBackBlock(Command, tag="take_back_block.v1", kw_only=True):
    """Of `block_refused.v1`: `author` blocked an account that there is not."""

    author: str
    blocked: str
    number: Number


COMMANDS = (
    RegisterAccount,
    ChangeProfile,
    SetPrivate,
    Visit,
    WritePost,
    EditPost,
    DeletePost,
    LikePost,
    UnlikePost,
    Follow,
    Unfollow,
    ApproveFollow,
    DeclineFollow,
    WithdrawFollow,
    Block,
    Unblock,
    Mute,
    Unmute,
    SetLimits,
    CountReference,
    UncountReference,
    TakeBackPost,
    CountFollow,
    UncountFollow,
    TakeBackFollow,
    RecordBlock,
    EraseBlock,
    TakeBackBlock,
)
