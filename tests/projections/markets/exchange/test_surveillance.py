"""The surveillance's rules by example: both sides of every threshold."""

from typing import Any

import pytest

from log.envelope import Event
from processors.markets.exchange.events import (
    AccountOpened,
    CancelReason,
    OrderReplaced,
)
from projections.markets.exchange.queries_oversight import (
    account_alerts,
    alerts,
    order_to_trade,
)
from projections.markets.exchange.surveillance import (
    MESSAGES_MIN,
    MESSAGES_PER_TRADE_MAX,
    SURVEILLANCE,
)
from tests.projections.markets.exchange.recorded import (
    DAY_MS,
    Recorded,
    accepted,
    auctioned,
    busted,
    cancelled,
    lines,
    recorded_in,
    traded,
)

recorded = recorded_in(SURVEILLANCE)

BOB, EVE = 1, 2


def placed_and_cancelled(first_order_id: int, count: int) -> list[Event]:
    """So many orders of Bob's, which he cancels: two messages each."""
    events: list[Event] = []
    for order_id in range(first_order_id, first_order_id + count):
        events += [accepted(order_id, "buy", 1, 50, BOB), cancelled(order_id)]
    return events


def trades_of_bob(count: int) -> list[Event]:
    """Each with an order of Eve's; Bob's own order is one message."""
    events: list[Event] = [accepted(1, "buy", count, 100, BOB)]
    for number in range(1, count + 1):
        events += [
            accepted(100_000 + number, "sell", 1, 100, EVE),
            traded(number, 1, 100, (EVE, 100_000 + number), (BOB, 1), "sell"),
        ]
    return events


@pytest.mark.parametrize(
    ("trades", "messages", "is_alert"),
    [
        (0, 999, False),  # too few messages, however few trades
        (0, 1_000, True),
        (9, 1_000, True),  # 111 for each trade
        (10, 1_000, False),  # 100 for each: not more
        (10, 1_001, True),
        (11, 1_100, False),
        (11, 1_101, True),
    ],
)
def test_order_to_trade(recorded: Recorded, trades: int, messages: int, is_alert: bool) -> None:
    assert (MESSAGES_MIN, MESSAGES_PER_TRADE_MAX) == (1_000, 100)
    left = messages
    if trades:
        recorded.happen(*trades_of_bob(trades))
        left -= 1
    recorded.happen(*placed_and_cancelled(10, left // 2))
    if left % 2:
        recorded.happen(accepted(9, "buy", 1, 50, BOB))
    (row,) = recorded.ask(order_to_trade, BOB)
    assert (row.orders + row.replaces + row.cancels, row.trades) == (messages, trades)
    found = recorded.ask(alerts)
    assert [(it.kind, it.account_id) for it in found] == [("order_to_trade", BOB)] * is_alert


def test_the_evidence_of_an_order_to_trade_alert(recorded: Recorded) -> None:
    recorded.happen(*trades_of_bob(2))
    recorded.happen(*placed_and_cancelled(10, 600), at_ms=7)
    (alert,) = recorded.ask(account_alerts, BOB)
    assert (alert.at_ms, alert.instrument, alert.kind) == (7, "ACME", "order_to_trade")
    assert alert.sequence == 1 + 5 + 999 - 1
    assert alert.evidence == (
        "1000 messages (501 orders, 0 replaces, 499 cancels) for 2 trades since the day began; "
        "the last was about order 509"
    )
    recorded.happen(*placed_and_cancelled(10, 600), at_ms=8)  # one alert a day
    assert len(recorded.ask(alerts)) == 1
    recorded.happen(*placed_and_cancelled(10, 499), at_ms=DAY_MS)
    assert len(recorded.ask(alerts)) == 1
    recorded.happen(*placed_and_cancelled(10, 1), at_ms=DAY_MS)
    assert [it.at_ms for it in recorded.ask(alerts)] == [DAY_MS, 7]


def test_what_counts_as_a_message(recorded: Recorded) -> None:
    """day | instrument | orders | replaces | cancels | trades | messages for each trade"""
    replaced = OrderReplaced(instrument="ACME", order_id=2, price=6, quantity=9)
    recorded.happen(accepted(2, "buy", 9, 5, BOB), replaced)
    recorded.happen(accepted(3, "buy", 9, 5, BOB, is_quote=True), accepted(4, "buy", 1, 5, BOB))
    for order_id, reason in enumerate(CancelReason, 100):
        recorded.happen(accepted(order_id, "sell", 1, 9, BOB), cancelled(order_id, 1, reason))
    orders = 3 + len(CancelReason)
    assert recorded.table(order_to_trade, BOB) == f"0 | ACME | {orders} | 1 | 2 | 0 | -"
    recorded.happen(accepted(5, "sell", 2, 6, EVE), traded(1, 2, 6, (EVE, 5), (BOB, 2), "sell"))
    recorded.happen(accepted(6, "sell", 2, 5, EVE), auctioned(2, 2, 5, (BOB, 2), (EVE, 6)))
    assert recorded.table(order_to_trade, BOB) == (
        f"0 | ACME | {orders} | 1 | 2 | 2 | {(orders + 3 + 1) // 2}"
    )
    assert recorded.table(order_to_trade, EVE) == "0 | ACME | 2 | 0 | 0 | 2 | 1"


def test_days_and_instruments_are_counted_apart(recorded: Recorded) -> None:
    recorded.happen(accepted(2, "buy", 9, 5, BOB), at_ms=DAY_MS - 1)
    recorded.happen(accepted(2, "buy", 9, 5, BOB, instrument="BOLT"), at_ms=DAY_MS - 1)
    recorded.happen(cancelled(2, 9), at_ms=DAY_MS)
    assert recorded.table(order_to_trade, BOB) == lines(f"""
        {DAY_MS} | ACME | 0 | 0 | 1 | 0 | -
        0 | BOLT | 1 | 0 | 0 | 0 | -
        0 | ACME | 1 | 0 | 0 | 0 | -
    """)
    assert len(recorded.ask(order_to_trade, BOB, since_ms=1)) == 1


def opened(account_id: int, member_id: int, group_id: int = 0) -> AccountOpened:
    return AccountOpened(account_id=account_id, member_id=member_id, group_id=group_id)


@pytest.mark.parametrize(
    ("bob", "eve", "what"),
    [
        ((70, 0), (71, 0), None),
        ((70, 5), (71, 6), None),
        ((70, 5), (71, 5), "the same group 5"),
        ((70, 5), (70, 6), "the same member 70"),
        ((70, 5), (70, 5), "the same group 5"),
        ((0, 0), (0, 0), None),  # no member, no group
        (None, (70, 5), None),  # not opened: nothing is known of it
    ],
)
@pytest.mark.parametrize("in_auction", [False, True])
def test_wash_trades(
    recorded: Recorded,
    bob: tuple[int, int] | None,
    eve: tuple[int, int],
    what: str | None,
    in_auction: bool,
) -> None:
    if bob:
        recorded.happen(opened(BOB, *bob))
    recorded.happen(opened(EVE, *eve), accepted(7, "buy", 5, 100, BOB))
    trade: Any = traded(3, 5, 100, (EVE, 8), (BOB, 7), "sell")
    if in_auction:
        trade = auctioned(3, 5, 100, (BOB, 7), (EVE, 8))
    recorded.happen(accepted(8, "sell", 5, 100, EVE), trade, at_ms=9)
    evidence = f"trade 3: order 7 of account 1 bought 5 @ 100 from order 8 of account 2; {what}"
    due = [(9, "ACME", trade.sequence, "wash_trade", account, evidence) for account in (EVE, BOB)]
    found = [
        (it.at_ms, it.instrument, it.sequence, it.kind, it.account_id, it.evidence)
        for it in recorded.ask(alerts)
    ]
    assert found == (due if what else [])


def test_a_trade_with_oneself_is_one_alert(recorded: Recorded) -> None:
    recorded.happen(accepted(7, "buy", 5, 100, BOB), accepted(8, "sell", 5, 100, BOB))
    trade = traded(1, 5, 100, (BOB, 8), (BOB, 7), "sell")
    recorded.happen(trade)
    (alert,) = recorded.ask(account_alerts, BOB)
    assert alert.evidence == (
        "trade 1: order 7 of account 1 bought 5 @ 100 from order 8 of account 1; the same account"
    )
    assert recorded.ask(order_to_trade, BOB)[0].trades == 2


@pytest.mark.parametrize(("early", "late"), [(BOB, EVE), (EVE, BOB)])
def test_accounts_are_known_to_each_partition_by_itself(
    recorded: Recorded, early: int, late: int
) -> None:
    """BOLT's partition hears of an account later: what trades there before is a stranger's."""
    recorded.happen(opened(BOB, 70, 5), opened(EVE, 71, 5), partition=0)
    for number, account in enumerate((early, late), 1):
        recorded.happen(opened(account, 70 + number, 5), partition=1)
        recorded.happen(
            accepted(7, "buy", 5, 100, BOB, instrument="BOLT"),
            accepted(8, "sell", 5, 100, EVE, instrument="BOLT"),
            traded(number, 5, 100, (EVE, 8), (BOB, 7), "sell", instrument="BOLT"),
            partition=1,
        )
    assert {it.evidence.partition(":")[0] for it in recorded.ask(alerts)} == {"trade 2"}


def test_alerts_by_kind_account_and_time(recorded: Recorded) -> None:
    for at_ms, account in ((1, BOB), (2, EVE), (3, BOB)):
        recorded.happen(
            accepted(7, "buy", 5, 100, account),
            accepted(8, "sell", 5, 100, account),
            traded(at_ms, 5, 100, (account, 8), (account, 7), "sell"),
            at_ms=at_ms,
        )
    assert [it.at_ms for it in recorded.ask(alerts)] == [3, 2, 1]
    assert [it.at_ms for it in recorded.ask(alerts, "wash_trade", since_ms=2)] == [3, 2]
    assert [it.at_ms for it in recorded.ask(alerts, limit=1)] == [3]
    assert recorded.ask(alerts, "layering") == []
    assert [it.at_ms for it in recorded.ask(account_alerts, BOB)] == [3, 1]
    assert [it.at_ms for it in recorded.ask(account_alerts, BOB, since_ms=2)] == [3]


def test_an_alert_stays_when_its_trade_is_busted(recorded: Recorded) -> None:
    trade = traded(1, 5, 100, (BOB, 8), (BOB, 7), "sell")
    recorded.happen(accepted(7, "buy", 5, 100, BOB), accepted(8, "sell", 5, 100, BOB), trade)
    recorded.happen(busted(trade))
    assert len(recorded.ask(alerts)) == 1
