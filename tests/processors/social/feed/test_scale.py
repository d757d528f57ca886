"""No rule looks at all there is: a command costs the same on a large network as on a small one.

The cost is the number of lines of Python that a command runs, timers included. What grew with the
network would be a hundred times dearer on the large one.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from log.envelope import Command
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.social.feed import SYSTEM
from processors.social.feed.commands import (
    Block,
    CountFollow,
    CountReference,
    DeletePost,
    EditPost,
    Follow,
    LikePost,
    Limits,
    RecordBlock,
    RegisterAccount,
    SetLimits,
    Unblock,
    Unfollow,
    Visit,
    WritePost,
)
from processors.social.feed.state import Feed
from processors.social.feed.terms import HOUR_MS, PostKind
from tests.processors.social.feed.vocabulary import NOON

SMALL, LARGE = 100, 10_000
UNLIMITED = Limits(
    posts_per_hour_max=LARGE * 2,
    follows_per_day_max=LARGE * 2,
    following_max=LARGE * 2,
    blocks_max=LARGE * 2,
)


@cache
def crowded(size: int) -> Feed:
    """So many accounts, and one, ann, whom all follow, who follows all, blocks as many, and whose
    first post has likes and replies of all."""
    feed: Feed = SYSTEM.decider.initial()
    decide(feed, SetLimits(limits=UNLIMITED), RegisterAccount(author="ann"))
    decide(feed, WritePost(author="ann", text="hello"))
    for number in range(size):
        name = f"user{number}"
        decide(
            feed,
            RegisterAccount(author=name),
            Follow(author="ann", follower=name),
            CountFollow(author="ann", followee=name, number=1),
            Block(author="ann", blocked=f"bad{number}"),
            WritePost(author="ann", text=f"post {number}"),
            LikePost(author="ann", post_id=NOON, by=name),
            answer(name, number),
        )
    return feed


def answer(by: str, by_post_id: int) -> CountReference:
    return CountReference(
        author="ann", post_id=NOON, kind=PostKind.REPLY, by=by, by_post_id=by_post_id
    )


def decide(feed: Feed, *commands: Command, at: int = NOON) -> None:
    for command in commands:
        events, _ = decide_fully(SYSTEM.decider, feed, command, at)
        assert events, command


AWAY = NOON + UNLIMITED.inactive_after_ms
OPERATIONS: dict[str, Callable[[int], None]] = {
    "follow and unfollow": lambda size: decide(
        crowded(size),
        Follow(author="ann", follower="new"),
        Unfollow(author="ann", follower="new"),
    ),
    "block a follower": lambda size: decide(
        crowded(size),
        Follow(author="ann", follower="new"),
        Block(author="ann", blocked="new"),
        Unblock(author="ann", blocked="new"),
    ),
    "be blocked": lambda size: decide(
        crowded(size), RecordBlock(author="ann", by="user7", number=size)
    ),
    "post, edit, delete": lambda size: decide(
        crowded(size),
        WritePost(author="ann", text="new"),
        EditPost(author="ann", post_id=NOON + size + 1, text="newer"),
        DeletePost(author="ann", post_id=NOON + size + 1),
    ),
    "like and be answered": lambda size: decide(
        crowded(size), LikePost(author="ann", post_id=NOON, by="new"), answer("new", 1)
    ),
    "visit": lambda size: decide(crowded(size), Visit(author="user9"), at=NOON + HOUR_MS),
    "become inactive": lambda size: decide(crowded(size), Tick(), at=AWAY),
}


def lines_run(operation: Callable[[int], None], size: int) -> int:
    crowded(size)
    lines = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        operation(size)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("name", OPERATIONS)
def test_costs_no_more_in_a_large_network(name: str) -> None:
    operation = OPERATIONS[name]
    small, large = lines_run(operation, SMALL), lines_run(operation, LARGE)
    if name == "become inactive":  # all of them do, at once
        small, large = small // SMALL, large // LARGE
    assert large < 1.5 * small + 20, f"{name}: {small} lines among {SMALL}, {large} among {LARGE}"
