"""What happened on the feed. Times are ms since 1970; `at_ms` stands in an event where the state
needs the time; it is the record's timestamp.

`author` is the account that an event is about, and whose partition it stands on. So one
partition tells, in order, all of an author's posts, their likes, replies, reposts and quotes, his
followers and his way of fan-out: a post is fanned out to those who follow at that place in the
log. Facts about one account that another's partition needs are brought there by the reactor; the
events they lead to there are the last part of this module.

What a read model takes from where:

    accounts, privacy      account_registered, profile_changed, privacy_set
    active or not          account_became_inactive, account_returned
    posts                  posted, post_edited, post_deleted
    fan-out                followed, unfollowed, fanout_changed (all at the followed author)
    likes                  post_liked, post_unliked
    replies, reposts ...   reference_counted, reference_uncounted (at the parent's author)
    blocks, mutes          blocked, unblocked, muted, unmuted (at the one who does it)
    requests               follow_requested, follow_request_closed, followed (at the asked one)
"""

from enum import Enum

from log.envelope import Event
from processors.social.feed.terms import FanoutMode as FanoutMode
from processors.social.feed.terms import Limits as Limits
from processors.social.feed.terms import PostKind as PostKind


class RejectCode(Enum):
    INVALID_ACCOUNT = "invalid_account"
    """Not 1 to 30 of a-z, 0-9 and _."""
    ACCOUNT_EXISTS = "account_exists"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_POST = "unknown_post"
    """There is no such post, or it was deleted."""
    INVALID_TEXT = "invalid_text"
    """A control character in it, or half a surrogate pair."""
    EMPTY_POST = "empty_post"
    TEXT_LENGTH_LIMIT = "text_length_limit"
    MEDIA_LIMIT = "media_limit"
    MENTIONS_LIMIT = "mentions_limit"
    HASHTAGS_LIMIT = "hashtags_limit"
    CONTRADICTORY = "contradictory"
    """A parent where the kind has none or none where it has one; a repost with text."""
    WRONG_KIND = "wrong_kind"
    """A repost is not edited, liked, or replied to: its parent is."""
    DUPLICATE = "duplicate"
    """It was done before: the same post again, a second like, follow, request, block, mute."""
    NOT_DONE = "not_done"
    """There is nothing to take back, approve or decline."""
    ONESELF = "oneself"
    """Nobody follows, blocks or mutes himself."""
    BLOCKED = "blocked"
    """One of the two blocks the other."""
    PRIVATE = "private"
    """A private account's posts are for its followers, and nobody else reposts or quotes them."""
    POST_RATE_LIMIT = "post_rate_limit"
    EDITS_LIMIT = "edits_limit"
    EDIT_TOO_LATE = "edit_too_late"
    FOLLOW_RATE_LIMIT = "follow_rate_limit"
    FOLLOWING_LIMIT = "following_limit"
    FOLLOW_REQUESTS_LIMIT = "follow_requests_limit"
    BLOCKS_LIMIT = "blocks_limit"
    INVALID_LIMITS = "invalid_limits"


class DeleteReason(Enum):
    REQUESTED = "requested"
    REFUSED = "refused"
    """The parent's author did not take it; `code` says why."""


class UnfollowReason(Enum):
    REQUESTED = "requested"
    BLOCKED = "blocked"
    """One of the two blocked the other."""
    REFUSED = "refused"
    """By the follower's own limits, or there is no such account; `code` says which."""


class RequestEnd(Enum):
    """How a follow request ended, other than by `followed.v1`."""

    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    BLOCKED = "blocked"


class UnblockReason(Enum):
    REQUESTED = "requested"
    UNKNOWN_ACCOUNT = "unknown_account"
    """There was nobody to block."""


class Rejected(Event, tag="rejected.v1", kw_only=True):
    """The command changed nothing. `field` names what is at fault, `reason` says it in words.

    `author` is the command's, as it was sent; empty for `set_limits.v1`.
    """

    author: str
    command: str
    """The tag of the command: `write_post.v1`."""
    code: RejectCode
    field: str
    reason: str


# --- accounts


class AccountRegistered(Event, tag="account_registered.v1", kw_only=True):
    """It is active, and its posts are pushed."""

    author: str
    name: str = ""
    bio: str = ""
    avatar: str = ""
    private: bool = False
    at_ms: int


class ProfileChanged(Event, tag="profile_changed.v1", kw_only=True):
    """All of the profile."""

    author: str
    name: str = ""
    bio: str = ""
    avatar: str = ""


class PrivacySet(Event, tag="privacy_set.v1", kw_only=True):
    """The account is private from here on, or is not any more."""

    author: str
    private: bool


class Visited(Event, tag="visited.v1", kw_only=True):
    """The owner read his timeline; told at most once in `Limits.visit_interval_ms`."""

    author: str
    at_ms: int


class AccountBecameInactive(Event, tag="account_became_inactive.v1", kw_only=True):
    """A timer: its owner has neither read nor posted for `Limits.inactive_after_ms`. His timeline
    need not be written until `account_returned.v1`."""

    author: str


class AccountReturned(Event, tag="account_returned.v1", kw_only=True):
    """The owner of an inactive account visits or posts: it is active from here on. What was posted
    meanwhile is to be filled in. Stands before `posted.v1` of the same command."""

    author: str
    at_ms: int


# --- posts


class Posted(Event, tag="posted.v1", kw_only=True):
    """A post of any kind stands, and is to be fanned out by the author's mode.

    `post_id` is the time of the post in ms, or one more than the author's last post's where that
    is not less: it grows with each post of an author and is never given again, so `(post_id,
    author)` orders all posts by time, the same on any number of partitions, and names one post.
    (41 bits until the year 2039, 53 for longer than anything.)
    """

    author: str
    post_id: int
    kind: PostKind = PostKind.ORIGINAL
    text: str = ""
    media: tuple[str, ...] = ()
    parent_author: str = ""
    """Of the reply, repost or quote; that there is such a post is not yet said."""
    parent_id: int = 0
    mentions: tuple[str, ...] = ()
    """Accounts named by `@name` in the text, each once, in order. There may be no such account."""
    hashtags: tuple[str, ...] = ()
    """Of `#word` in the text, in lower case and without `#`, each once, in order."""


class PostEdited(Event, tag="post_edited.v1", kw_only=True):
    """Text, media, mentions and hashtags are these from here on."""

    author: str
    post_id: int
    revision: int
    """1 for the first edit. The revisions before are in `posted.v1` and the edits since."""
    text: str = ""
    media: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()


class PostDeleted(Event, tag="post_deleted.v1", kw_only=True):
    """The post is gone, and its likes and counts with it. Replies to it stay."""

    author: str
    post_id: int
    kind: PostKind = PostKind.ORIGINAL
    parent_author: str = ""
    parent_id: int = 0
    reason: DeleteReason = DeleteReason.REQUESTED
    code: RejectCode | None = None


class PostLiked(Event, tag="post_liked.v1", kw_only=True):
    author: str
    post_id: int
    by: str
    likes: int
    """How many the post has now."""


class PostUnliked(Event, tag="post_unliked.v1", kw_only=True):
    author: str
    post_id: int
    by: str
    likes: int


# --- who follows whom


class Followed(Event, tag="followed.v1", kw_only=True):
    """`follower` follows `author` from here on."""

    author: str
    follower: str
    number: int
    """Of this follow, among all that `author` counts: tells it from an earlier one of the two."""
    followers: int
    """How many `author` has now."""
    approved: bool = False
    """By `author`, at a request."""


class Unfollowed(Event, tag="unfollowed.v1", kw_only=True):
    author: str
    follower: str
    number: int
    """Of the follow that ended."""
    followers: int
    reason: UnfollowReason = UnfollowReason.REQUESTED
    code: RejectCode | None = None


class FollowRequested(Event, tag="follow_requested.v1", kw_only=True):
    """`follower` waits for the answer of `author`, who is private."""

    author: str
    follower: str


class FollowRequestClosed(Event, tag="follow_request_closed.v1", kw_only=True):
    """The request is gone, and `follower` does not follow."""

    author: str
    follower: str
    reason: RequestEnd


class FanoutChanged(Event, tag="fanout_changed.v1", kw_only=True):
    """The author's followers crossed a threshold: posts from here on go the other way. Stands
    right after the `followed.v1` or `unfollowed.v1` that did it, in the same command."""

    author: str
    mode: FanoutMode
    followers: int


class Blocked(Event, tag="blocked.v1", kw_only=True):
    """`author` blocks `blocked`; `unfollowed.v1` or `follow_request_closed.v1` follows where that
    one followed him, or asked to."""

    author: str
    blocked: str
    number: int
    """Of this block, among all that `author` counts."""


class Unblocked(Event, tag="unblocked.v1", kw_only=True):
    author: str
    blocked: str
    number: int
    reason: UnblockReason = UnblockReason.REQUESTED


class Muted(Event, tag="muted.v1", kw_only=True):
    author: str
    muted: str


class Unmuted(Event, tag="unmuted.v1", kw_only=True):
    author: str
    muted: str


# --- the operator


class LimitsSet(Event, tag="limits_set.v1", kw_only=True):
    """These limits hold from here on: on each partition, for itself."""

    limits: Limits


# --- news of another account, brought by the reactor


class ReferenceCounted(Event, tag="reference_counted.v1", kw_only=True):
    """`by` replied to, reposted or quoted the post: it counts, once."""

    author: str
    post_id: int
    kind: PostKind
    by: str
    by_post_id: int
    count: int
    """How many of this kind the post has now."""


class ReferenceUncounted(Event, tag="reference_uncounted.v1", kw_only=True):
    """What was counted was deleted."""

    author: str
    post_id: int
    kind: PostKind
    by: str
    by_post_id: int
    count: int


class ReferenceRefused(Event, tag="reference_refused.v1", kw_only=True):
    """`author` does not take it: `post_deleted.v1` (refused) at `by` will follow."""

    author: str
    post_id: int
    kind: PostKind
    by: str
    by_post_id: int
    code: RejectCode


class FollowCounted(Event, tag="follow_counted.v1", kw_only=True):
    """`author` follows `followee`, as that one's `followed.v1` says: it counts for his limits."""

    author: str
    followee: str
    number: int
    day: int
    """Of UTC, since 1970: the one that it counts for."""
    following: int
    """How many `author` follows now."""


class FollowUncounted(Event, tag="follow_uncounted.v1", kw_only=True):
    author: str
    followee: str
    following: int


class FollowRefused(Event, tag="follow_refused.v1", kw_only=True):
    """By the limits of the follower, `author`, or as there is no such account: `unfollowed.v1`
    (refused) at `followee` will follow."""

    author: str
    followee: str
    number: int
    code: RejectCode


class BlockRecorded(Event, tag="block_recorded.v1", kw_only=True):
    """`author` is blocked by `by`; `unfollowed.v1` or `follow_request_closed.v1` follows where
    `by` followed `author`, or asked to."""

    author: str
    by: str
    number: int


class BlockErased(Event, tag="block_erased.v1", kw_only=True):
    """`author` is not blocked by `by` any more."""

    author: str
    by: str


class BlockRefused(Event, tag="block_refused.v1", kw_only=True):
    """There is no account `author`: `unblocked.v1` (unknown account) at `by` will follow."""

    author: str
    by: str
    number: int


EVENTS = (
    Rejected,
    AccountRegistered,
    ProfileChanged,
    PrivacySet,
    Visited,
    AccountBecameInactive,
    AccountReturned,
    Posted,
    PostEdited,
    PostDeleted,
    PostLiked,
    PostUnliked,
    Followed,
    Unfollowed,
    FollowRequested,
    FollowRequestClosed,
    FanoutChanged,
    Blocked,
    Unblocked,
    Muted,
    Unmuted,
    LimitsSet,
    ReferenceCounted,
    ReferenceUncounted,
    ReferenceRefused,
    FollowCounted,
    FollowUncounted,
    FollowRefused,
    BlockRecorded,
    BlockErased,
    BlockRefused,
)
