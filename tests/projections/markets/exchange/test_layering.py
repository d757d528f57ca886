"""The layering rule by example: a story with an alert, and what must be otherwise for none.

Bob (1) shows offers from 101 up, orders 11, 12, ..., and buys with order 5 from Eve (2).
"""

from typing import Any

import pytest

from processors.markets.exchange.events import (
    CancelReason,
    OrderActivated,
    OrderAdjusted,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderReplaced,
    OrderRepriced,
    OrderTerms,
    OrderType,
    Peg,
)
from projections.markets.exchange.layering import ORDERS_MIN, PRICES_MIN, WINDOW_MS
from projections.markets.exchange.queries_oversight import alerts
from projections.markets.exchange.surveillance import SURVEILLANCE
from tests.projections.markets.exchange.recorded import (
    Recorded,
    accepted,
    auctioned,
    cancelled,
    recorded_in,
    traded,
)

recorded = recorded_in(SURVEILLANCE)

BOB, EVE = 1, 2
TRADE_MS = 10_000


def of(kind: type[Any], order_id: int, **more: Any) -> Any:
    return kind(instrument="ACME", order_id=order_id, **more)


def show_offers(recorded: Recorded, prices: list[int], **more: Any) -> None:
    for order_id, price in enumerate(prices, 11):
        recorded.happen(accepted(order_id, "sell", 10, price, BOB, **more))


def buy(recorded: Recorded, at_ms: int = TRADE_MS, trade_id: int = 1) -> int:
    """Returns the sequence of the trade."""
    trade = traded(trade_id, 2, 100, (EVE, 6), (BOB, 5), "sell")
    buys, sells = accepted(5, "buy", 2, 100, BOB), accepted(6, "sell", 2, 100, EVE)
    recorded.happen(buys, sells, trade, at_ms=at_ms)
    return trade.sequence


def cancel(recorded: Recorded, *order_ids: int, after_ms: int = 5) -> None:
    for order_id in order_ids:
        recorded.happen(cancelled(order_id, 10), at_ms=TRADE_MS + after_ms)


def is_alert(recorded: Recorded) -> bool:
    return bool(recorded.ask(alerts, "layering"))


def test_the_story(recorded: Recorded) -> None:
    show_offers(recorded, [101, 102, 103, 104, 104, 105])
    sequence = buy(recorded)
    cancel(recorded, 16, 15, 14, after_ms=400)
    assert not is_alert(recorded)  # three of six are not more than half
    cancel(recorded, 13, after_ms=401)
    (alert,) = recorded.ask(alerts, "layering")
    assert (alert.at_ms, alert.account_id, alert.instrument) == (TRADE_MS + 401, BOB, "ACME")
    assert alert.sequence == sequence + 4
    assert alert.evidence == (
        f"order 5 bought 2 @ 100 (sequence {sequence}) with 6 sell orders at 5 prices shown; "
        "4 of them were cancelled within 401 ms: orders 16, 15, 14, 13"
    )
    cancel(recorded, 12, 11, after_ms=402)  # the look is over
    assert len(recorded.ask(alerts)) == 1


def test_on_the_other_side(recorded: Recorded) -> None:
    for order_id in range(11, 16):
        recorded.happen(accepted(order_id, "buy", 10, order_id, BOB))
    recorded.happen(accepted(5, "sell", 2, 100, BOB), accepted(6, "buy", 2, 100, EVE))
    recorded.happen(traded(1, 2, 100, (BOB, 5), (EVE, 6), "sell"), at_ms=TRADE_MS)
    cancel(recorded, 11, 12, 13)
    (alert,) = recorded.ask(alerts)
    assert alert.account_id == BOB
    assert alert.evidence.startswith("order 5 sold 2 @ 100 (sequence 8) with 5 buy orders at 5")


def test_a_trade_in_an_auction(recorded: Recorded) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105])
    recorded.happen(accepted(5, "buy", 2, 100, BOB), accepted(6, "sell", 2, 100, EVE))
    recorded.happen(auctioned(1, 2, 100, (BOB, 5), (EVE, 6)), at_ms=TRADE_MS)
    cancel(recorded, 11, 12, 13)
    assert is_alert(recorded)


@pytest.mark.parametrize(
    ("prices", "cancels", "after_ms", "expected"),
    [
        ([101, 102, 103, 103, 103], 3, 1_000, True),  # 5 orders, 3 prices, 3 of 5, 1,000 ms
        ([101, 102, 103, 103], 4, 1_000, False),  # 4 orders
        ([101, 102, 102, 102, 102], 5, 1_000, False),  # 2 prices
        ([101, 102, 103, 103, 103], 2, 1_000, False),  # 2 of 5
        ([101, 102, 103, 103, 103], 5, 1_001, False),  # 1,001 ms
        ([101, 102, 103, 103, 103, 103], 3, 1_000, False),  # 3 of 6: just half
        ([101, 102, 103, 103, 103, 103], 4, 1_000, True),
    ],
)
def test_thresholds(
    recorded: Recorded, prices: list[int], cancels: int, after_ms: int, expected: bool
) -> None:
    assert (ORDERS_MIN, PRICES_MIN, WINDOW_MS) == (5, 3, 1_000)
    show_offers(recorded, prices)
    buy(recorded)
    cancel(recorded, *range(11, 11 + cancels), after_ms=after_ms)
    assert is_alert(recorded) is expected


@pytest.mark.parametrize("reason", list(CancelReason))
def test_only_cancels_of_ones_own_count(recorded: Recorded, reason: CancelReason) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105])
    buy(recorded)
    gone = [cancelled(order_id, 10, reason) for order_id in range(11, 16)]
    recorded.happen(*gone, at_ms=TRADE_MS)
    own = reason in (CancelReason.REQUESTED, CancelReason.MASS_CANCEL)
    assert is_alert(recorded) is own


def test_orders_placed_after_the_trade_do_not_count(recorded: Recorded) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105])
    buy(recorded)
    for order_id in range(30, 40):
        recorded.happen(accepted(order_id, "sell", 10, 110, BOB), at_ms=TRADE_MS)
    cancel(recorded, *range(30, 40))
    cancel(recorded, 11, 12)
    assert not is_alert(recorded)
    cancel(recorded, 13)
    assert is_alert(recorded)


@pytest.mark.parametrize(("kept", "expected"), [(True, True), (False, False)])
def test_an_order_that_lost_its_place_is_a_new_one(
    recorded: Recorded, kept: bool, expected: bool
) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105])
    buy(recorded)
    less = of(OrderReplaced, 13, price=103, quantity=9, kept_priority=kept)
    recorded.happen(less, at_ms=TRADE_MS)
    cancel(recorded, 11, 12, 13)
    assert is_alert(recorded) is expected


@pytest.mark.parametrize(
    "more",
    [
        {"terms": OrderTerms(hidden=True)},
        {"terms": OrderTerms(all_or_none=True)},
        {"terms": OrderTerms(peg=Peg.BEST_OFFER)},
        {"is_quote": True},
        {"parked": True},
    ],
)
def test_orders_that_are_not_seen_are_no_layers(recorded: Recorded, more: Any) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105], **more)
    buy(recorded)
    cancel(recorded, *range(11, 16))
    assert not is_alert(recorded)


def test_orders_without_a_price_are_no_layers(recorded: Recorded) -> None:
    show_offers(recorded, [101, 102, 103, 104])
    recorded.happen(accepted(15, "sell", 10, 0, BOB, order_type=OrderType.MARKET))
    buy(recorded)
    cancel(recorded, *range(11, 16))
    assert not is_alert(recorded)


def test_icebergs_are_seen(recorded: Recorded) -> None:
    iceberg = OrderTerms(display_quantity=2)
    show_offers(recorded, [101, 102, 103, 104, 105], terms=iceberg, displayed=2)
    buy(recorded)
    cancel(recorded, 11, 12, 13)
    assert is_alert(recorded)


FIFTH: dict[str, tuple[list[Any], bool]] = {
    "entered": ([of(OrderEntered, 15, price=105, quantity=10)], True),
    "activated, waiting": ([of(OrderActivated, 15, quantity=10)], False),
    "entered, and parked again": (
        [of(OrderEntered, 15, price=105, quantity=10), of(OrderParked, 15)],
        False,
    ),
    "entered without a price": ([of(OrderEntered, 15, price=0, quantity=10)], False),
    "which an auction gave one": (
        [of(OrderEntered, 15, price=0, quantity=10), of(OrderRepriced, 15, price=105)],
        True,
    ),
    "replaced by a seen one": ([of(OrderReplaced, 15, price=105, quantity=10)], True),
    "replaced by a hidden one": (
        [of(OrderReplaced, 15, price=105, quantity=10, terms=OrderTerms(hidden=True))],
        False,
    ),
    "replaced, and parked": ([of(OrderReplaced, 15, price=105, quantity=10, parked=True)], False),
    "filled before": (
        [
            of(OrderEntered, 15, price=105, quantity=10),
            accepted(8, "buy", 10, 105, EVE),
            traded(9, 10, 105, (EVE, 8), (BOB, 15)),
        ],
        False,
    ),
    "activated with less, and filled": (
        [
            of(OrderActivated, 15, quantity=6),
            of(OrderEntered, 15, price=105, quantity=6),
            accepted(8, "buy", 6, 105, EVE),
            traded(9, 6, 105, (EVE, 8), (BOB, 15)),
        ],
        False,
    ),
    "decremented to nothing in two steps": (
        [
            of(OrderEntered, 15, price=105, quantity=10),
            of(OrderDecremented, 15, quantity=4),
            of(OrderDecremented, 15, quantity=6),
        ],
        False,
    ),
}


@pytest.mark.parametrize("case", FIFTH)
def test_a_fifth_order_that_was_parked(recorded: Recorded, case: str) -> None:
    """Four are seen; whether the fifth is makes the difference."""
    events, is_seen = FIFTH[case]
    show_offers(recorded, [101, 102, 103, 104])
    recorded.happen(accepted(15, "sell", 10, 105, BOB, parked=True))
    recorded.happen(*events)
    buy(recorded)
    cancel(recorded, 11, 12, 13)
    assert is_alert(recorded) is is_seen


def test_a_split_moves_prices_together(recorded: Recorded) -> None:
    """Five prices become two: a rule for three no longer holds."""
    show_offers(recorded, [100, 101, 102, 103, 104])
    for order_id, price in enumerate((50, 50, 50, 51, 51), 11):
        recorded.happen(of(OrderAdjusted, order_id, price=price, quantity=20))
    buy(recorded)
    cancel(recorded, *range(11, 16))
    assert not is_alert(recorded)


def test_a_later_trade_that_finds_enough_takes_the_place_of_the_look(recorded: Recorded) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105, 106])
    buy(recorded)
    cancel(recorded, 11, after_ms=600)
    second = buy(recorded, at_ms=TRADE_MS + 700, trade_id=2)
    cancel(recorded, 12, 13, after_ms=1_700)
    assert not is_alert(recorded)  # two of five
    cancel(recorded, 14, after_ms=1_700)
    (alert,) = recorded.ask(alerts)
    assert f"(sequence {second}) with 5 sell orders" in alert.evidence
    assert alert.evidence.endswith("3 of them were cancelled within 1000 ms: orders 12, 13, 14")


def test_a_later_trade_that_finds_too_few_leaves_the_look_open(recorded: Recorded) -> None:
    show_offers(recorded, [101, 102, 103, 104, 105])
    first = buy(recorded)
    cancel(recorded, 11, 12, after_ms=300)
    buy(recorded, at_ms=TRADE_MS + 400, trade_id=2)
    cancel(recorded, 13, after_ms=1_000)
    (alert,) = recorded.ask(alerts)
    assert f"(sequence {first}) with 5 sell orders" in alert.evidence


def test_evidence_names_no_more_than_twenty_orders(recorded: Recorded) -> None:
    show_offers(recorded, list(range(101, 151)))
    buy(recorded)
    cancel(recorded, *range(11, 37))
    (alert,) = recorded.ask(alerts)
    assert alert.evidence.endswith(
        "26 of them were cancelled within 5 ms: orders 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, "
        "21, 22, 23, 24, 25, 26, 27, 28, 29, 30, ..."
    )
