"""Members, accounts, sessions and limits by example. What concerns all goes to both partitions."""

from typing import Any

import pytest

from log.envelope import Event
from processors.markets.exchange.events import (
    AccountClosed,
    AccountLimitsSet,
    AccountOpened,
    KillSwitchSet,
    SessionClosed,
    SessionOpened,
)
from projections.markets.exchange.accounts import ACCOUNT_REGISTRY
from projections.markets.exchange.queries_oversight import accounts, limits, members, sessions
from tests.projections.markets.exchange.recorded import Recorded, lines, recorded_in

recorded = recorded_in(ACCOUNT_REGISTRY)

FIRST, SECOND = 0, 1


def opened(account_id: int, member_id: int, group_id: int = 0) -> AccountOpened:
    return AccountOpened(account_id=account_id, member_id=member_id, group_id=group_id)


def kill_switch(account_id: int, engaged: bool) -> KillSwitchSet:
    return KillSwitchSet(account_id=account_id, engaged=engaged)


def on_all(recorded: Recorded, *events: Event, at_ms: int = 0) -> None:
    """Each by a command of its own, on the second partition some time later."""
    for event in events:
        recorded.happen(event, at_ms=at_ms, partition=FIRST)
        recorded.happen(event, at_ms=at_ms + 7, partition=SECOND)


def test_accounts(recorded: Recorded) -> None:
    """account | member | group | open | stopped | opened at"""
    on_all(recorded, opened(1, 70), opened(2, 70, 5), opened(3, 71), at_ms=10)
    on_all(recorded, kill_switch(2, True), AccountClosed(account_id=3), at_ms=20)
    assert recorded.table(accounts) == lines("""
        1 | 70 | 0 | True | False | 10
        2 | 70 | 5 | True | True | 10
        3 | 71 | 0 | False | False | 10
    """)
    assert [it.account_id for it in recorded.ask(accounts, 70)] == [1, 2]
    assert [it.account_id for it in recorded.ask(accounts, limit=1)] == [1]
    on_all(recorded, kill_switch(2, False), opened(2, 71, 6), opened(3, 72), at_ms=30)
    assert recorded.table(accounts) == lines("""
        1 | 70 | 0 | True | False | 10
        2 | 71 | 6 | True | False | 10
        3 | 72 | 0 | True | False | 30
    """)
    assert [it.account_id for it in recorded.ask(accounts, 71)] == [2]


def test_a_kill_switch_of_an_account_that_was_never_opened(recorded: Recorded) -> None:
    on_all(recorded, kill_switch(9, True))
    assert recorded.table(accounts) == "9 | 0 | 0 | False | True | -"
    assert recorded.ask(members) == []


def test_members_have_open_accounts_and_sessions(recorded: Recorded) -> None:
    """member | open accounts | open sessions"""
    steps: list[Event] = [
        opened(1, 70),
        opened(2, 70),
        opened(1, 70, 4),  # again: changed
        SessionOpened(session_id=8, member_id=70),
        opened(2, 71),  # goes over to another member
        AccountClosed(account_id=1),
        AccountClosed(account_id=1),
        SessionOpened(session_id=8, member_id=71),  # anew, and so not open before
        SessionClosed(session_id=8),
        SessionOpened(session_id=8, member_id=71),
    ]
    seen = []
    for step in steps:
        on_all(recorded, step)
        seen.append("  ".join(recorded.table(members).splitlines()))
    assert seen == [
        "70 | 1 | 0",
        "70 | 2 | 0",
        "70 | 2 | 0",
        "70 | 2 | 1",
        "70 | 1 | 1  71 | 1 | 0",
        "70 | 0 | 1  71 | 1 | 0",
        "70 | 0 | 1  71 | 1 | 0",
        "70 | 0 | 0  71 | 1 | 1",
        "70 | 0 | 0  71 | 1 | 0",
        "70 | 0 | 0  71 | 1 | 1",
    ]


def test_sessions(recorded: Recorded) -> None:
    """session | member | cancels | opened at | closed at"""
    on_all(recorded, SessionOpened(session_id=8, member_id=70), at_ms=1)
    keeps = SessionOpened(session_id=9, member_id=71, cancel_on_disconnect=False)
    on_all(recorded, keeps, SessionClosed(session_id=8), at_ms=2)
    assert recorded.table(sessions) == lines("""
        8 | 70 | True | 1 | 2
        9 | 71 | False | 2 | -
    """)
    assert recorded.table(sessions, 71) == "9 | 71 | False | 2 | -"
    on_all(recorded, SessionOpened(session_id=8, member_id=70), at_ms=3)
    assert recorded.table(sessions, 70) == "8 | 70 | True | 3 | -"


def test_limits_for_all_and_for_an_instrument(recorded: Recorded) -> None:
    def set_limits(instrument: str, **maxima: Any) -> AccountLimitsSet:
        return AccountLimitsSet(instrument=instrument, account_id=1, **maxima)

    on_all(recorded, set_limits("", order_quantity_max=10, order_notional_max=20))
    bolt = set_limits("BOLT", open_orders_max=3, orders_per_second_max=4, collar_ppm=5)
    recorded.happen(bolt, partition=SECOND)
    recorded.happen(set_limits("ACME", position_max=6), partition=FIRST)
    assert recorded.table(limits, 1) == lines("""
        1 |  | 10 | 20 | 0 | 0 | 0 | 0
        1 | ACME | 0 | 0 | 0 | 0 | 0 | 6
        1 | BOLT | 0 | 0 | 3 | 4 | 5 | 0
    """)
    on_all(recorded, set_limits("", order_quantity_max=11))
    assert recorded.table(limits, 1).splitlines()[0] == "1 |  | 11 | 0 | 0 | 0 | 0 | 0"
    assert recorded.ask(limits, 2) == []


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_a_partition_that_lags_takes_nothing_back(recorded: Recorded, lag: int) -> None:
    steps = [opened(1, 70), kill_switch(1, True), kill_switch(1, False), kill_switch(1, True)]
    for step in steps:
        recorded.happen(step, partition=FIRST, at_ms=5)
    for step in steps[: len(steps) - lag]:
        recorded.happen(step, partition=SECOND, at_ms=9)
        assert recorded.table(accounts) == "1 | 70 | 0 | True | True | 5"
    assert recorded.table(members) == "70 | 1 | 0"


def test_limits_on_a_partition_that_lags(recorded: Recorded) -> None:
    for most, partitions in ((10, (FIRST, SECOND)), (11, (FIRST, SECOND)), (12, (FIRST,))):
        for partition in partitions:
            event = AccountLimitsSet(instrument="", account_id=1, position_max=most)
            recorded.happen(event, partition=partition)
            (row,) = recorded.ask(limits, 1)
            assert row.position_max == most
    recorded.happen(AccountLimitsSet(instrument="", account_id=1), partition=SECOND)
    assert recorded.ask(limits, 1) == [row]
