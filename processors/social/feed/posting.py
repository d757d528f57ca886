"""Rules of posts: writing, editing, deleting, likes; and what counts at a post of others.

A post with a parent stands at once, and the parent's author hears of it through the reactor
(`count_reference`). His answer is a fact of his own partition; a no comes back to the writer,
whose post is then taken back.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.social.feed.accounts import (
    NOTHING,
    REFERENCE_LENGTH_MAX,
    Fault,
    fault_of_name,
    fault_of_text,
    rejected,
)
from processors.social.feed.commands import (
    CountReference,
    DeletePost,
    EditPost,
    LikePost,
    TakeBackPost,
    UncountReference,
    UnlikePost,
    WritePost,
)
from processors.social.feed.events import (
    AccountReturned,
    DeleteReason,
    PostDeleted,
    Posted,
    PostEdited,
    PostLiked,
    PostUnliked,
    ReferenceCounted,
    ReferenceRefused,
    ReferenceUncounted,
    RejectCode,
)
from processors.social.feed.state import Account, Feed, Post
from processors.social.feed.terms import HOUR_MS, Limits, PostKind
from processors.social.feed.text import hashtags_in, is_account, mentions_in, signature


def write_post(feed: Feed, account: Account, command: WritePost, at: int) -> Sequence[Event]:
    mentions, hashtags = mentions_in(command.text), hashtags_in(command.text)
    fault = (
        _fault_of_parent(account, command)
        or _fault_of_content(feed.limits, command.text, command.media, command.kind)
        or _fault_of_tags(feed.limits, mentions, hashtags)
        or _fault_of_repeating(feed.limits, account, command, at)
    )
    if fault is not None:
        return rejected(command, fault)
    post_id = max(at, account.last_post_id + 1)
    hour, posts_max = post_id // HOUR_MS, feed.limits.posts_per_hour_max
    if (account.posts_in_hour if hour == account.hour else 0) >= posts_max:
        reason = f"{posts_max} posts an hour are allowed: wait for the next hour"
        return rejected(command, Fault(RejectCode.POST_RATE_LIMIT, "author", reason))
    posted = Posted(
        author=command.author,
        post_id=post_id,
        kind=command.kind,
        text=command.text,
        media=command.media,
        parent_author=command.parent_author,
        parent_id=command.parent_id,
        mentions=mentions,
        hashtags=hashtags,
    )
    if account.active:
        return (posted,)
    return AccountReturned(author=command.author, at_ms=at), posted


def _fault_of_parent(account: Account, command: WritePost) -> Fault | None:
    kind, parent_author = command.kind, command.parent_author
    if kind is PostKind.ORIGINAL:
        if parent_author or command.parent_id:
            reason = "an original post has no parent: say how it refers to it, by its kind"
            return Fault(RejectCode.CONTRADICTORY, "parent_author", reason)
        return None
    if not is_account(parent_author):
        return fault_of_name("parent_author")
    if not command.parent_id:
        reason = f"a {kind.value} has a parent: name its author and its id"
        return Fault(RejectCode.CONTRADICTORY, "parent_id", reason)
    if account.at_odds_with(parent_author):
        reason = f"{command.author} and {parent_author}: one blocks the other"
        return Fault(RejectCode.BLOCKED, "parent_author", reason)
    return None


def _fault_of_content(
    limits: Limits, text: str, media: tuple[str, ...], kind: PostKind
) -> Fault | None:
    if kind is PostKind.REPOST:
        if text or media:
            reason = "a repost says nothing of its own: quote the post"
            return Fault(RejectCode.CONTRADICTORY, "text" if text else "media", reason)
        return None
    if not media and not text.strip(" \t\n"):
        return Fault(RejectCode.EMPTY_POST, "text", "a post has a text or media")
    if len(media) > limits.media_max:
        reason = f"{len(media)} media; at most {limits.media_max} are allowed"
        return Fault(RejectCode.MEDIA_LIMIT, "media", reason)
    for reference in media:
        if not reference:
            return Fault(RejectCode.CONTRADICTORY, "media", "an empty reference: leave it out")
        fault = fault_of_text("media", reference, REFERENCE_LENGTH_MAX)
        if fault is not None:
            return fault
    return fault_of_text("text", text, limits.text_length_max)


def _fault_of_tags(
    limits: Limits, mentions: tuple[str, ...], hashtags: tuple[str, ...]
) -> Fault | None:
    if len(mentions) > limits.mentions_max:
        reason = f"{len(mentions)} mentions; at most {limits.mentions_max} are allowed"
        return Fault(RejectCode.MENTIONS_LIMIT, "text", reason)
    if len(hashtags) > limits.hashtags_max:
        reason = f"{len(hashtags)} hashtags; at most {limits.hashtags_max} are allowed"
        return Fault(RejectCode.HASHTAGS_LIMIT, "text", reason)
    return None


def _fault_of_repeating(
    limits: Limits, account: Account, command: WritePost, at: int
) -> Fault | None:
    if command.kind is PostKind.REPOST:
        if (command.parent_author, command.parent_id) in account.reposts:
            reason = "it is reposted already: delete that repost first"
            return Fault(RejectCode.DUPLICATE, "parent_id", reason)
        return None
    if at - account.last_post_id >= limits.duplicate_window_ms:
        return None
    parent_author, parent_id = command.parent_author, command.parent_id
    said = signature(command.kind, parent_author, parent_id, command.text, command.media)
    if said == account.last_signature:
        reason = f"the last post said the same, not {limits.duplicate_window_ms} ms ago"
        return Fault(RejectCode.DUPLICATE, "text", reason)
    return None


def edit_post(feed: Feed, account: Account, command: EditPost, at: int) -> Sequence[Event]:
    post, limits = account.posts.get(command.post_id), feed.limits
    mentions, hashtags = mentions_in(command.text), hashtags_in(command.text)
    if post is None:
        return rejected(command, fault_of_post(command.author, command.post_id))
    fault = _fault_of_kind(post)
    if fault is None and post.edits >= limits.edits_max:
        reason = f"it was edited {post.edits} times, as often as is allowed"
        fault = Fault(RejectCode.EDITS_LIMIT, "post_id", reason)
    if fault is None and at - command.post_id > limits.edit_window_ms:
        reason = f"a post may be edited for {limits.edit_window_ms} ms: delete it, or reply to it"
        fault = Fault(RejectCode.EDIT_TOO_LATE, "post_id", reason)
    fault = (
        fault
        or _fault_of_content(limits, command.text, command.media, post.kind)
        or _fault_of_tags(limits, mentions, hashtags)
    )
    if fault is not None:
        return rejected(command, fault)
    return (
        PostEdited(
            author=command.author,
            post_id=command.post_id,
            revision=post.edits + 1,
            text=command.text,
            media=command.media,
            mentions=mentions,
            hashtags=hashtags,
        ),
    )


def fault_of_post(author: str, post_id: int) -> Fault:
    reason = f"{author} has no post {post_id}, or it was deleted"
    return Fault(RejectCode.UNKNOWN_POST, "post_id", reason)


def _fault_of_kind(post: Post) -> Fault | None:
    if post.kind is not PostKind.REPOST:
        return None
    reason = f"a repost: name what it shows, {post.parent_id} of {post.parent_author}"
    return Fault(RejectCode.WRONG_KIND, "post_id", reason)


def delete_post(feed: Feed, account: Account, command: DeletePost, at: int) -> Sequence[Event]:
    post = account.posts.get(command.post_id)
    if post is None:
        return rejected(command, fault_of_post(command.author, command.post_id))
    return (_deleted(command.author, command.post_id, post),)


def _deleted(author: str, post_id: int, post: Post) -> PostDeleted:
    return PostDeleted(
        author=author,
        post_id=post_id,
        kind=post.kind,
        parent_author=post.parent_author,
        parent_id=post.parent_id,
    )


def take_back_post(
    feed: Feed, account: Account, command: TakeBackPost, at: int
) -> Sequence[Event]:
    post = account.posts.get(command.post_id)
    if post is None:
        return NOTHING  # its author was faster
    deleted = _deleted(command.author, command.post_id, post)
    deleted.reason, deleted.code = DeleteReason.REFUSED, command.code
    return (deleted,)


def like_post(feed: Feed, account: Account, command: LikePost, at: int) -> Sequence[Event]:
    author, by = command.author, command.by
    post = account.posts.get(command.post_id)
    if post is None:
        return rejected(command, fault_of_post(author, command.post_id))
    fault = _fault_of_kind(post) or _fault_between(account, author, by, PostKind.REPLY)
    if fault is None and by in post.likes:
        fault = Fault(RejectCode.DUPLICATE, "by", f"{by} likes it already")
    if fault is not None:
        return rejected(command, fault)
    likes = len(post.likes) + 1
    return (PostLiked(author=author, post_id=command.post_id, by=by, likes=likes),)


def _fault_between(account: Account, author: str, by: str, kind: PostKind) -> Fault | None:
    """Why `by` may not answer the account's posts in this way. To like is as to reply."""
    if account.at_odds_with(by):
        return Fault(RejectCode.BLOCKED, "by", f"{author} and {by}: one blocks the other")
    if account.private and by != author:
        if kind is not PostKind.REPLY:
            reason = f"{author} is private: nobody else reposts or quotes that"
            return Fault(RejectCode.PRIVATE, "author", reason)
        if by not in account.followers:
            reason = f"{author} is private, and {by} does not follow: ask to follow first"
            return Fault(RejectCode.PRIVATE, "author", reason)
    return None


def unlike_post(feed: Feed, account: Account, command: UnlikePost, at: int) -> Sequence[Event]:
    author, by = command.author, command.by
    post = account.posts.get(command.post_id)
    if post is None:
        return rejected(command, fault_of_post(author, command.post_id))
    if by not in post.likes:
        return rejected(command, Fault(RejectCode.NOT_DONE, "by", f"{by} does not like it"))
    likes = len(post.likes) - 1
    return (PostUnliked(author=author, post_id=command.post_id, by=by, likes=likes),)


def count_reference(
    feed: Feed, account: Account, command: CountReference, at: int
) -> Sequence[Event]:
    if command.kind is PostKind.ORIGINAL:
        reason = "an original post refers to none"
        return rejected(command, Fault(RejectCode.CONTRADICTORY, "kind", reason))
    author, post_id, by = command.author, command.post_id, command.by
    post = account.posts.get(post_id)
    if post is None:
        return refuse_reference(command, RejectCode.UNKNOWN_POST)
    fault = _fault_of_kind(post) or _fault_between(account, author, by, command.kind)
    if fault is not None:
        return refuse_reference(command, fault.code)
    if post.refers(by, command.by_post_id) is not None:
        return NOTHING
    return (
        ReferenceCounted(
            author=author,
            post_id=post_id,
            kind=command.kind,
            by=by,
            by_post_id=command.by_post_id,
            count=post.count_of(command.kind) + 1,
        ),
    )


def refuse_reference(command: CountReference, code: RejectCode) -> Sequence[Event]:
    return (
        ReferenceRefused(
            author=command.author,
            post_id=command.post_id,
            kind=command.kind,
            by=command.by,
            by_post_id=command.by_post_id,
            code=code,
        ),
    )


def uncount_reference(
    feed: Feed, account: Account, command: UncountReference, at: int
) -> Sequence[Event]:
    post = account.posts.get(command.post_id)
    kind = None if post is None else post.refers(command.by, command.by_post_id)
    if post is None or kind is None:
        return NOTHING  # the post is gone, or it never counted
    return (
        ReferenceUncounted(
            author=command.author,
            post_id=command.post_id,
            kind=kind,
            by=command.by,
            by_post_id=command.by_post_id,
            count=post.count_of(kind) - 1,
        ),
    )
