"""Active or not: visits, posts, and the timer that ends it."""

from processors.core.messages import Tick
from processors.social.feed.commands import Limits, RegisterAccount, SetLimits, Visit, WritePost
from processors.social.feed.events import (
    AccountBecameInactive,
    AccountRegistered,
    AccountReturned,
    LimitsSet,
    Posted,
    Visited,
)
from processors.social.feed.state import next_due
from tests.processors.social.feed.vocabulary import NOON, feed

DAY = 86_400_000


def test_a_visit_is_written_down_once_in_a_while() -> None:
    scenario = feed("ann", visit_interval_ms=1_000)
    assert scenario.when(Visit(author="ann"), NOON + 999) == []
    later = NOON + 1_000
    assert scenario.when(Visit(author="ann"), later) == [Visited(author="ann", at_ms=later)]
    assert scenario.when(Visit(author="ann"), later + 999) == []


def test_who_neither_visits_nor_posts_becomes_inactive_at_its_time() -> None:
    scenario = feed("ann", "bo", "cem", inactive_after_ms=2 * DAY)
    scenario.when(Visit(author="bo"), NOON + DAY)
    scenario.when(WritePost(author="cem", text="hi"), NOON + DAY + 1)
    assert next_due(scenario.state) == NOON + 2 * DAY
    assert scenario.when(Tick(), NOON + 3 * DAY - 1) == [AccountBecameInactive(author="ann")]
    assert next_due(scenario.state) == NOON + 3 * DAY
    assert scenario.when(Tick(), NOON + 3 * DAY) == [AccountBecameInactive(author="bo")]
    assert scenario.when(Tick(), NOON + 9 * DAY) == [AccountBecameInactive(author="cem")]
    assert next_due(scenario.state) is None


def test_a_visit_or_a_post_brings_one_back() -> None:
    scenario = feed("ann", inactive_after_ms=DAY)
    back = NOON + 2 * DAY
    assert scenario.when(Visit(author="ann"), back) == [
        AccountBecameInactive(author="ann"),
        AccountReturned(author="ann", at_ms=back),
    ]
    assert scenario.when(Visit(author="ann"), back + 1) == []
    again = back + DAY
    left, returned, posted = scenario.when(WritePost(author="ann", text="hi"), again)
    assert left == AccountBecameInactive(author="ann")
    assert returned == AccountReturned(author="ann", at_ms=again)
    assert posted == Posted(author="ann", post_id=again, text="hi")
    assert next_due(scenario.state) == again + DAY


def test_a_shorter_time_holds_for_all_at_once() -> None:
    scenario = feed("ann", "bo", inactive_after_ms=DAY)
    limits = Limits(inactive_after_ms=10)
    assert scenario.when(SetLimits(limits=limits), NOON + 10) == [
        LimitsSet(limits=limits),
        AccountBecameInactive(author="ann"),
        AccountBecameInactive(author="bo"),
    ]


def test_no_time_at_all_ends() -> None:
    told = feed(inactive_after_ms=0).when(RegisterAccount(author="ann"), NOON)
    assert told == [
        AccountRegistered(author="ann", at_ms=NOON),
        AccountBecameInactive(author="ann"),
    ]
