"""The reactor: which event becomes which command, and which is no news."""

from typing import Any

import pytest

from log.envelope import Command
from processors.social.feed import SYSTEM
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
    RejectCode,
    Unblocked,
    UnblockReason,
    Unfollowed,
    UnfollowReason,
)
from processors.social.feed.reactors import NEWS
from processors.social.feed.terms import PostKind

REPLY = PostKind.REPLY
CODE = RejectCode.BLOCKED
PARENT: dict[str, Any] = {"kind": REPLY, "parent_author": "ann", "parent_id": 7}
FOLLOW: dict[str, Any] = {"author": "ann", "follower": "bo", "number": 3, "followers": 1}
BLOCK: dict[str, Any] = {"author": "ann", "blocked": "bo", "number": 3}


@pytest.mark.parametrize(
    ("event", "command"),
    [
        (Posted(author="bo", post_id=9, text="x"), None),
        (
            Posted(author="bo", post_id=9, text="x", **PARENT),
            CountReference(author="ann", post_id=7, kind=REPLY, by="bo", by_post_id=9),
        ),
        (PostDeleted(author="bo", post_id=9), None),
        (
            PostDeleted(author="bo", post_id=9, **PARENT),
            UncountReference(author="ann", post_id=7, by="bo", by_post_id=9),
        ),
        (PostDeleted(author="bo", post_id=9, reason=DeleteReason.REFUSED, **PARENT), None),
        (
            ReferenceRefused(
                author="ann", post_id=7, kind=REPLY, by="bo", by_post_id=9, code=CODE
            ),
            TakeBackPost(author="bo", post_id=9, code=CODE),
        ),
        (Followed(**FOLLOW), CountFollow(author="bo", followee="ann", number=3)),
        (Unfollowed(**FOLLOW), UncountFollow(author="bo", followee="ann", number=3)),
        (Unfollowed(reason=UnfollowReason.REFUSED, **FOLLOW), None),
        (
            FollowRefused(author="bo", followee="ann", number=3, code=CODE),
            TakeBackFollow(author="ann", follower="bo", number=3, code=CODE),
        ),
        (Blocked(**BLOCK), RecordBlock(author="bo", by="ann", number=3)),
        (Unblocked(**BLOCK), EraseBlock(author="bo", by="ann", number=3)),
        (Unblocked(reason=UnblockReason.UNKNOWN_ACCOUNT, **BLOCK), None),
        (
            BlockRefused(author="bo", by="ann", number=3),
            TakeBackBlock(author="ann", blocked="bo", number=3),
        ),
    ],
)
def test_news(event: Any, command: Command | None) -> None:
    assert list(NEWS.on[type(event)](event, 0)) == ([] if command is None else [command])


def test_the_reactor_stays_within_the_system() -> None:
    assert SYSTEM.reactors == (NEWS,)
    assert (NEWS.source, NEWS.target) == (None, None)
    assert set(NEWS.on) <= set(SYSTEM.events)
