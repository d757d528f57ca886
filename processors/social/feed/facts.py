"""What each event does to the state. Facts are never rejected."""

from collections.abc import Callable
from typing import Any, Final

from processors.social.feed.events import (
    AccountBecameInactive,
    AccountRegistered,
    AccountReturned,
    Blocked,
    BlockErased,
    BlockRecorded,
    FanoutChanged,
    FollowCounted,
    Followed,
    FollowRequestClosed,
    FollowRequested,
    FollowUncounted,
    LimitsSet,
    Muted,
    PostDeleted,
    Posted,
    PostEdited,
    PostLiked,
    PostUnliked,
    PrivacySet,
    ReferenceCounted,
    ReferenceUncounted,
    Unblocked,
    Unfollowed,
    Unmuted,
    Visited,
)
from processors.social.feed.state import Account, Feed, Post, with_one, without_one
from processors.social.feed.terms import HOUR_MS, PostKind
from processors.social.feed.text import signature


def limits_set(feed: Feed, event: LimitsSet) -> None:
    feed.limits = event.limits


def account_registered(feed: Feed, event: AccountRegistered) -> None:
    account = Account(event.private, event.at_ms)
    feed.accounts[event.author] = account
    feed.watch(event.author, account)


def privacy_set(feed: Feed, event: PrivacySet) -> None:
    feed.accounts[event.author].private = event.private


def visited(feed: Feed, event: Visited) -> None:
    feed.saw(event.author, feed.accounts[event.author], event.at_ms)


def account_became_inactive(feed: Feed, event: AccountBecameInactive) -> None:
    feed.accounts[event.author].active = False
    feed.put_first_right()


def account_returned(feed: Feed, event: AccountReturned) -> None:
    account = feed.accounts[event.author]
    account.active = True
    account.seen_ms = max(account.seen_ms, event.at_ms)
    feed.watch(event.author, account)


def posted(feed: Feed, event: Posted) -> None:
    account, post_id, kind = feed.accounts[event.author], event.post_id, event.kind
    parent_author, parent_id = event.parent_author, event.parent_id
    account.posts[post_id] = Post(kind, parent_author, parent_id)
    if kind is PostKind.REPOST:
        account.reposts[parent_author, parent_id] = post_id
    account.last_post_id = post_id
    account.last_signature = signature(kind, parent_author, parent_id, event.text, event.media)
    hour = post_id // HOUR_MS
    account.posts_in_hour = account.posts_in_hour + 1 if hour == account.hour else 1
    account.hour = hour
    feed.saw(event.author, account, post_id)


def post_edited(feed: Feed, event: PostEdited) -> None:
    feed.accounts[event.author].posts[event.post_id].edits = event.revision


def post_deleted(feed: Feed, event: PostDeleted) -> None:
    account = feed.accounts[event.author]
    del account.posts[event.post_id]
    if event.kind is PostKind.REPOST:
        del account.reposts[event.parent_author, event.parent_id]
    if event.post_id == account.last_post_id:
        account.last_signature = 0  # it may be said again


def post_liked(feed: Feed, event: PostLiked) -> None:
    post = feed.accounts[event.author].posts[event.post_id]
    post.likes = with_one(post.likes, event.by)


def post_unliked(feed: Feed, event: PostUnliked) -> None:
    post = feed.accounts[event.author].posts[event.post_id]
    post.likes = without_one(post.likes, event.by)


def reference_counted(feed: Feed, event: ReferenceCounted) -> None:
    post = feed.accounts[event.author].posts[event.post_id]
    post.refer((event.by, event.by_post_id), event.kind)


def reference_uncounted(feed: Feed, event: ReferenceUncounted) -> None:
    post = feed.accounts[event.author].posts[event.post_id]
    post.forget((event.by, event.by_post_id))


def followed(feed: Feed, event: Followed) -> None:
    account, follower = feed.accounts[event.author], event.follower
    account.number = event.number
    account.followers = with_one(account.followers, follower, event.number)
    if follower in account.requests:
        account.requests = without_one(account.requests, follower)


def unfollowed(feed: Feed, event: Unfollowed) -> None:
    account = feed.accounts[event.author]
    account.followers = without_one(account.followers, event.follower)


def fanout_changed(feed: Feed, event: FanoutChanged) -> None:
    feed.accounts[event.author].mode = event.mode


def follow_requested(feed: Feed, event: FollowRequested) -> None:
    account = feed.accounts[event.author]
    account.requests = with_one(account.requests, event.follower)


def follow_request_closed(feed: Feed, event: FollowRequestClosed) -> None:
    account = feed.accounts[event.author]
    account.requests = without_one(account.requests, event.follower)


def follow_counted(feed: Feed, event: FollowCounted) -> None:
    account = feed.accounts[event.author]
    account.following = with_one(account.following, event.followee, event.number)
    account.follows_in_day = account.follows_in_day + 1 if event.day == account.day else 1
    account.day = event.day


def follow_uncounted(feed: Feed, event: FollowUncounted) -> None:
    account = feed.accounts[event.author]
    account.following = without_one(account.following, event.followee)


def blocked(feed: Feed, event: Blocked) -> None:
    account = feed.accounts[event.author]
    account.number = event.number
    account.blocks = with_one(account.blocks, event.blocked, event.number)


def unblocked(feed: Feed, event: Unblocked) -> None:
    account = feed.accounts[event.author]
    account.blocks = without_one(account.blocks, event.blocked)


def block_recorded(feed: Feed, event: BlockRecorded) -> None:
    account = feed.accounts[event.author]
    account.blocked_by = with_one(account.blocked_by, event.by, event.number)


def block_erased(feed: Feed, event: BlockErased) -> None:
    account = feed.accounts[event.author]
    account.blocked_by = without_one(account.blocked_by, event.by)


def muted(feed: Feed, event: Muted) -> None:
    account = feed.accounts[event.author]
    account.mutes = with_one(account.mutes, event.muted)


def unmuted(feed: Feed, event: Unmuted) -> None:
    account = feed.accounts[event.author]
    account.mutes = without_one(account.mutes, event.muted)


FACTS: Final[dict[type[Any], Callable[[Feed, Any], None]]] = {
    LimitsSet: limits_set,
    AccountRegistered: account_registered,
    PrivacySet: privacy_set,
    Visited: visited,
    AccountBecameInactive: account_became_inactive,
    AccountReturned: account_returned,
    Posted: posted,
    PostEdited: post_edited,
    PostDeleted: post_deleted,
    PostLiked: post_liked,
    PostUnliked: post_unliked,
    ReferenceCounted: reference_counted,
    ReferenceUncounted: reference_uncounted,
    Followed: followed,
    Unfollowed: unfollowed,
    FanoutChanged: fanout_changed,
    FollowRequested: follow_requested,
    FollowRequestClosed: follow_request_closed,
    FollowCounted: follow_counted,
    FollowUncounted: follow_uncounted,
    Blocked: blocked,
    Unblocked: unblocked,
    BlockRecorded: block_recorded,
    BlockErased: block_erased,
    Muted: muted,
    Unmuted: unmuted,
}
"""The others (rejections, refusals, profiles) are not for the state."""
