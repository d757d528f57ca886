"""The state as rows: small ones, the same for equal states, and back."""

from itertools import islice

import pytest

from processors.core.decider import decode_state, digest, encode_state
from processors.core.timers import decide_fully
from processors.social.feed import SYSTEM
from processors.social.feed.commands import Follow, LikePost, Unfollow
from processors.social.feed.flow import flow
from processors.social.feed.invariants import check
from processors.social.feed.state import NOBODY
from processors.social.feed.state_rows import (
    NAMES_PER_ROW,
    FollowersRow,
    LikesRow,
    from_rows,
    to_rows,
)
from tests.processors.social.feed.vocabulary import NOON, feed, follow, posted

DECIDER = SYSTEM.decider


def test_a_state_is_written_and_read_and_goes_on_as_it_would_have() -> None:
    commands = list(islice(flow(2), 3_000))
    state = DECIDER.initial()
    for at, command in commands[:2_000]:
        _, state = decide_fully(DECIDER, state, command, at)
    again = decode_state(DECIDER.state_format, encode_state(DECIDER.state_format, state))
    check(again)
    assert digest(DECIDER.state_format, again) == digest(DECIDER.state_format, state)
    for at, command in commands[2_000:]:
        told, state = decide_fully(DECIDER, state, command, at)
        told_again, again = decide_fully(DECIDER, again, command, at)
        assert told == told_again


def test_many_followers_and_likes_are_many_rows() -> None:
    scenario = feed("ann")
    post_id = posted(scenario, "ann")
    names = [f"user{number}" for number in range(2 * NAMES_PER_ROW + 1)]
    for name in names:
        scenario.when(Follow(author="ann", follower=name), NOON)
        scenario.when(LikePost(author="ann", post_id=post_id, by=name), NOON)
    rows = list(to_rows(scenario.state))
    for kind in (FollowersRow, LikesRow):
        lengths = [len(row.names) for row in rows if isinstance(row, kind)]
        assert lengths == [NAMES_PER_ROW, NAMES_PER_ROW, 1]
    assert list(from_rows(iter(rows)).accounts["ann"].followers) == sorted(names)


def test_equal_states_have_equal_rows_however_they_came_about() -> None:
    one, other = feed("ann", "bo"), feed("bo", "ann")
    follow(one, "ann", "x", "y")
    follow(other, "ann", "z", "x")
    for scenario, name in ((one, "x"), (other, "z")):
        scenario.when(Unfollow(author="ann", follower=name), NOON)
    follow(one, "ann", "x")
    follow(other, "ann", "y")
    numbers = [dict(scenario.state.accounts["ann"].followers) for scenario in (one, other)]
    assert numbers == [{"y": 2, "x": 3}, {"x": 2, "y": 3}]
    one.state.accounts["ann"].followers.update(numbers[1])
    assert list(to_rows(one.state)) == list(to_rows(other.state))


def test_what_nobody_has_is_shared_and_stays_empty() -> None:
    scenario = feed("ann", "bo")
    follow(scenario, "ann", "bo")
    scenario.when(Unfollow(author="ann", follower="bo"), NOON)
    assert scenario.state.accounts["ann"].followers is NOBODY
    again = from_rows(to_rows(scenario.state))
    assert again.accounts["bo"].followers is NOBODY
    assert NOBODY == {}


def test_a_row_before_what_it_is_of() -> None:
    with pytest.raises(ValueError, match="'followers' stands before any account"):
        from_rows(iter([FollowersRow((("bo", 1),))]))
    account = list(to_rows(feed("ann").state))[:2]
    with pytest.raises(ValueError, match="'likes' stands before any post"):
        from_rows(iter([*account, LikesRow(("bo",))]))
