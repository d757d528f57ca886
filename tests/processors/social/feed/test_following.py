"""Who follows whom: at the followed account, at the follower, requests, fan-out's thresholds."""

from typing import Any

import pytest

from processors.social.feed.commands import (
    ApproveFollow,
    CountFollow,
    DeclineFollow,
    Follow,
    Limits,
    SetLimits,
    SetPrivate,
    TakeBackFollow,
    UncountFollow,
    Unfollow,
    WithdrawFollow,
)
from processors.social.feed.events import (
    FanoutChanged,
    FanoutMode,
    FollowCounted,
    Followed,
    FollowRefused,
    FollowRequestClosed,
    FollowRequested,
    FollowUncounted,
    LimitsSet,
    RejectCode,
    RequestEnd,
    Unfollowed,
    UnfollowReason,
)
from processors.social.feed.terms import DAY_MS
from tests.processors.social.feed.vocabulary import NOON, code_of, feed, follow

FOLLOW = Follow(author="ann", follower="bo")
UNFOLLOW = Unfollow(author="ann", follower="bo")


def test_follow_and_unfollow() -> None:
    scenario = feed("ann")
    assert code_of(scenario.when(UNFOLLOW, NOON)) == "not_done follower"
    assert scenario.when(FOLLOW, NOON) == [
        Followed(author="ann", follower="bo", number=1, followers=1)
    ]
    assert code_of(scenario.when(FOLLOW, NOON)) == "duplicate follower"
    assert scenario.when(UNFOLLOW, NOON) == [
        Unfollowed(author="ann", follower="bo", number=1, followers=0)
    ]
    assert scenario.when(FOLLOW, NOON)[0].number == 2


def test_whom_nobody_can_follow() -> None:
    scenario = feed("ann")
    oneself = Follow(author="ann", follower="ann")
    assert code_of(scenario.when(oneself, NOON)) == "oneself follower"
    ghost = Follow(author="ghost", follower="ann")
    assert code_of(scenario.when(ghost, NOON)) == "unknown_account author"
    nobody = Follow(author="ann", follower="")
    assert code_of(scenario.when(nobody, NOON)) == "invalid_account follower"


def test_a_private_account_is_asked() -> None:
    scenario = feed("ann", private="ann")
    asked = FollowRequested(author="ann", follower="bo")
    assert scenario.when(FOLLOW, NOON) == [asked]
    assert code_of(scenario.when(FOLLOW, NOON)) == "duplicate follower"
    assert code_of(scenario.when(UNFOLLOW, NOON)) == "not_done follower"
    approve = ApproveFollow(author="ann", follower="bo")
    assert scenario.when(approve, NOON) == [
        Followed(author="ann", follower="bo", number=1, followers=1, approved=True)
    ]
    assert code_of(scenario.when(approve, NOON)) == "not_done follower"
    assert code_of(scenario.when(FOLLOW, NOON)) == "duplicate follower"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (DeclineFollow(author="ann", follower="bo"), RequestEnd.DECLINED),
        (WithdrawFollow(author="ann", follower="bo"), RequestEnd.WITHDRAWN),
    ],
)
def test_a_request_ends_and_may_be_made_again(command: Any, reason: RequestEnd) -> None:
    scenario = feed("ann", private="ann")
    assert code_of(scenario.when(command, NOON)) == "not_done follower"
    scenario.when(FOLLOW, NOON)
    closed = FollowRequestClosed(author="ann", follower="bo", reason=reason)
    assert scenario.when(command, NOON) == [closed]
    assert scenario.when(FOLLOW, NOON) == [FollowRequested(author="ann", follower="bo")]


def test_so_many_may_wait() -> None:
    scenario = feed("ann", private="ann", follow_requests_max=1)
    scenario.when(FOLLOW, NOON)
    cem = Follow(author="ann", follower="cem")
    assert code_of(scenario.when(cem, NOON)) == "follow_requests_limit author"


def test_who_waits_follows_when_the_account_is_public_and_he_asks_again() -> None:
    scenario = feed("ann", private="ann")
    scenario.when(FOLLOW, NOON)
    scenario.when(SetPrivate(author="ann", private=False), NOON)
    assert scenario.when(FOLLOW, NOON) == [
        Followed(author="ann", follower="bo", number=1, followers=1)
    ]
    assert not scenario.state.accounts["ann"].requests


def counting(number: int, followee: str = "ann") -> CountFollow:
    return CountFollow(author="bo", followee=followee, number=number)


def test_a_follow_counts_at_the_follower() -> None:
    scenario = feed("bo")
    assert scenario.when(counting(7), NOON) == [
        FollowCounted(author="bo", followee="ann", number=7, day=NOON // DAY_MS, following=1)
    ]
    assert scenario.when(counting(7), NOON) == []
    other = UncountFollow(author="bo", followee="ann", number=6)
    assert scenario.when(other, NOON) == [], "of an earlier follow, which was refused"
    assert scenario.when(UncountFollow(author="bo", followee="ann", number=7), NOON) == [
        FollowUncounted(author="bo", followee="ann", following=0)
    ]


def test_so_many_follows_a_day() -> None:
    scenario = feed("bo", follows_per_day_max=2)
    scenario.when(counting(1, "ann"), NOON)
    scenario.when(UncountFollow(author="bo", followee="ann", number=1), NOON)
    scenario.when(counting(1, "cem"), NOON)
    refused = FollowRefused(
        author="bo", followee="dana", number=1, code=RejectCode.FOLLOW_RATE_LIMIT
    )
    assert scenario.when(counting(1, "dana"), NOON) == [refused]
    (counted,) = scenario.when(counting(1, "dana"), NOON + DAY_MS // 2)
    assert counted.following == 2


def test_so_many_are_followed() -> None:
    scenario = feed("bo", following_max=1)
    scenario.when(counting(1, "ann"), NOON)
    refused = scenario.when(counting(1, "cem"), NOON)
    assert refused[0].code is RejectCode.FOLLOWING_LIMIT


def test_nobody_follows_who_is_not_there() -> None:
    scenario = feed()
    refused = scenario.when(counting(1), NOON)
    assert refused[0].code is RejectCode.UNKNOWN_ACCOUNT
    assert scenario.when(UncountFollow(author="bo", followee="ann", number=1), NOON) == []


def test_a_refused_follow_is_taken_back_unless_there_is_a_later_one() -> None:
    scenario = feed("ann")
    follow(scenario, "ann", "bo")

    def take_back(number: int) -> TakeBackFollow:
        code = RejectCode.FOLLOW_RATE_LIMIT
        return TakeBackFollow(author="ann", follower="bo", number=number, code=code)

    assert scenario.when(take_back(1), NOON) == [
        Unfollowed(
            author="ann",
            follower="bo",
            number=1,
            followers=0,
            reason=UnfollowReason.REFUSED,
            code=RejectCode.FOLLOW_RATE_LIMIT,
        )
    ]
    follow(scenario, "ann", "bo")
    assert scenario.when(take_back(1), NOON) == []
    assert "bo" in scenario.state.accounts["ann"].followers


def test_fanout_changes_at_two_thresholds() -> None:
    scenario = feed("ann", pull_at_followers=3, push_below_followers=2)
    modes = []
    for command in ["+b", "+c", "+d", "-d", "+d", "-d", "-c", "+c", "+d"]:
        kind = Follow if command[0] == "+" else Unfollow
        events = scenario.when(kind(author="ann", follower=command[1]), NOON)
        modes += [
            f"{command} {event.mode.value}" for event in events if type(event) is FanoutChanged
        ]
    assert modes == ["+d pull", "-c push", "+d pull"]
    assert scenario.state.accounts["ann"].mode is FanoutMode.PULL


def test_the_change_stands_right_after_what_caused_it() -> None:
    scenario = feed("ann", pull_at_followers=1, push_below_followers=1)
    followed = Followed(author="ann", follower="bo", number=1, followers=1)
    pull = FanoutChanged(author="ann", mode=FanoutMode.PULL, followers=1)
    assert scenario.when(FOLLOW, NOON) == [followed, pull]
    unfollowed = Unfollowed(author="ann", follower="bo", number=1, followers=0)
    push = FanoutChanged(author="ann", mode=FanoutMode.PUSH, followers=0)
    assert scenario.when(UNFOLLOW, NOON) == [unfollowed, push]


def test_new_thresholds_hold_from_the_next_follower_on() -> None:
    scenario = feed("ann", "dana")
    follow(scenario, "ann", "bo", "cem")
    limits = Limits(pull_at_followers=1, push_below_followers=1)
    assert scenario.when(SetLimits(limits=limits), NOON) == [LimitsSet(limits=limits)]
    assert scenario.state.accounts["ann"].mode is FanoutMode.PUSH
    _, changed = scenario.when(Follow(author="ann", follower="eli"), NOON)
    assert changed == FanoutChanged(author="ann", mode=FanoutMode.PULL, followers=3)
