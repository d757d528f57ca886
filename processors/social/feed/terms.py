"""Words that commands and events share: kinds of posts, ways of fan-out, limits."""

from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta

PostId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""What does not fit 64 bits, which is what databases hold, does not decode."""

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class PostKind(Enum):
    """How a post stands to another one, its parent. All but the first have a parent."""

    ORIGINAL = "original"
    REPLY = "reply"
    REPOST = "repost"
    """Shows the parent as it is: no text, no media of its own."""
    QUOTE = "quote"


class FanoutMode(Enum):
    """How an author's posts reach his followers' timelines."""

    PUSH = "push"
    """Written to each follower's timeline when they are posted."""
    PULL = "pull"
    """Read from the author's own posts when a follower reads his timeline."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is too much, for every account. Times in ms, lengths in Unicode code points."""

    text_length_max: Number = 500
    media_max: Number = 4
    mentions_max: Number = 20
    hashtags_max: Number = 20
    posts_per_hour_max: Number = 100
    """Of all kinds, within one hour of UTC's clock."""
    duplicate_window_ms: Number = 60_000
    """For so long an author does not post the same again, right after it."""
    edits_max: Number = 10
    edit_window_ms: Number = HOUR_MS
    """For so long after it was posted, a post may be edited."""
    follows_per_day_max: Number = 400
    """That an account begins within one day of UTC, also those that it ends again."""
    following_max: Number = 5_000
    follow_requests_max: Number = 10_000
    """That wait for one account's answer."""
    blocks_max: Number = 10_000
    """Accounts that one account blocks; and as many that it mutes."""
    inactive_after_ms: Number = 30 * DAY_MS
    """So long after its last visit or post, an account is inactive."""
    visit_interval_ms: Number = HOUR_MS
    """A visit sooner after the last one is not written down."""
    pull_at_followers: Number = 10_000
    """With so many followers, an author's posts are pulled ..."""
    push_below_followers: Number = 8_000
    """... until there are fewer than so many. Never above `pull_at_followers`."""
