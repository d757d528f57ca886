"""Accounts: registering, profile, privacy, mutes, limits."""

from typing import Any

import pytest

from processors.social.feed.commands import (
    ChangeProfile,
    Limits,
    Mute,
    RegisterAccount,
    SetLimits,
    SetPrivate,
    Unmute,
    Visit,
)
from processors.social.feed.events import (
    AccountRegistered,
    LimitsSet,
    Muted,
    PrivacySet,
    ProfileChanged,
    Unmuted,
)
from tests.processors.social.feed.vocabulary import NOON, code_of, feed


def test_an_account_is_registered_with_its_profile() -> None:
    scenario = feed()
    ann = RegisterAccount(author="ann", name="Ann", bio="Rain.", avatar="a.png", private=True)
    assert scenario.when(ann, NOON) == [
        AccountRegistered(
            author="ann", name="Ann", bio="Rain.", avatar="a.png", private=True, at_ms=NOON
        )
    ]
    assert code_of(scenario.when(ann, NOON)) == "account_exists author"


@pytest.mark.parametrize("name", ["", "Ann", "a b", "é", "a" * 31, "a\n"])
def test_a_name_is_lower_case_letters_digits_and_underscores(name: str) -> None:
    scenario = feed()
    assert code_of(scenario.when(RegisterAccount(author=name), NOON)) == "invalid_account author"
    assert feed("a_1", "z" * 30).state.accounts.keys() == {"a_1", "z" * 30}


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ({"name": "x" * 51}, "text_length_limit name"),
        ({"bio": "x" * 201}, "text_length_limit bio"),
        ({"avatar": "x" * 201}, "text_length_limit avatar"),
        ({"name": "a\x00"}, "invalid_text name"),
        ({"bio": "\x1b[2J"}, "invalid_text bio"),
    ],
)
def test_a_profile_has_limits(profile: dict[str, Any], code: str) -> None:
    scenario = feed("ann")
    assert code_of(scenario.when(RegisterAccount(author="bo", **profile), NOON)) == code
    assert code_of(scenario.when(ChangeProfile(author="ann", **profile), NOON)) == code


def test_a_profile_is_changed_as_a_whole() -> None:
    changed = feed("ann").when(ChangeProfile(author="ann", bio="Two\nlines"), NOON)
    assert changed == [ProfileChanged(author="ann", bio="Two\nlines")]


def test_an_account_turns_private_and_back() -> None:
    scenario = feed("ann")
    assert scenario.when(SetPrivate(author="ann", private=False), NOON) == []
    for private in (True, False):
        told = scenario.when(SetPrivate(author="ann", private=private), NOON)
        assert told == [PrivacySet(author="ann", private=private)]


def test_what_is_not_registered_can_do_nothing() -> None:
    scenario = feed()
    assert code_of(scenario.when(Visit(author="ann"), NOON)) == "unknown_account author"
    assert code_of(scenario.when(Mute(author="ann", muted="bo"), NOON)) == "unknown_account author"


def test_mutes() -> None:
    scenario = feed("ann", blocks_max=1)
    mute, unmute = Mute(author="ann", muted="bo"), Unmute(author="ann", muted="bo")
    assert code_of(scenario.when(unmute, NOON)) == "not_done muted"
    assert scenario.when(mute, NOON) == [Muted(author="ann", muted="bo")]
    assert code_of(scenario.when(mute, NOON)) == "duplicate muted"
    assert code_of(scenario.when(Mute(author="ann", muted="cem"), NOON)) == "blocks_limit muted"
    assert code_of(scenario.when(Mute(author="ann", muted="ann"), NOON)) == "oneself muted"
    assert code_of(scenario.when(Mute(author="ann", muted="No!"), NOON)) == "invalid_account muted"
    assert scenario.when(unmute, NOON) == [Unmuted(author="ann", muted="bo")]
    assert scenario.when(mute, NOON) == [Muted(author="ann", muted="bo")]


def test_limits_hold_from_then_on() -> None:
    scenario = feed("ann")
    limits = Limits(inactive_after_ms=7, pull_at_followers=5, push_below_followers=5)
    assert scenario.when(SetLimits(limits=limits), NOON)[0] == LimitsSet(limits=limits)
    assert scenario.state.limits == limits


def test_thresholds_stand_in_their_order() -> None:
    limits = Limits(pull_at_followers=5, push_below_followers=6)
    rejection = feed().when(SetLimits(limits=limits), NOON)
    assert code_of(rejection) == "invalid_limits push_below_followers"
