"""The life of an order by example: one table for each way that an order may go."""

from typing import Any

import pytest

from processors.markets.exchange.events import (
    CancelReason,
    OrderActivated,
    OrderAdjusted,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderRefilled,
    OrderRejected,
    OrderReplaced,
    OrderRepriced,
    OrderTerms,
    OrderType,
    Peg,
    RejectCode,
    TimeInForce,
)
from projections.core.errors import QueryError
from projections.markets.exchange.order_life import ORDER_LIFE
from projections.markets.exchange.queries_trading import order_life
from tests.projections.markets.exchange.recorded import (
    Recorded,
    accepted,
    auctioned,
    busted,
    cancelled,
    corrected,
    lines,
    recorded_in,
    traded,
)

recorded = recorded_in(ORDER_LIFE)

DAY = TimeInForce.DAY


def life(recorded: Recorded, order_id: int) -> str:
    """what happened | price | quantity | open quantity"""
    return recorded.table(order_life, "ACME", order_id, hide=("sequence", "at_ms"))


def of(kind: type[Any], order_id: int, **more: Any) -> Any:
    return kind(instrument="ACME", order_id=order_id, **more)


def test_trades_a_replace_and_a_cancel(recorded: Recorded) -> None:
    recorded.happen(accepted(7, "buy", 10, 100, account=3), at_ms=1)
    recorded.happen(accepted(8, "sell", 4, 100), traded(1, 4, 100, (1, 8), (3, 7), "sell"))
    recorded.happen(of(OrderReplaced, 7, price=100, quantity=5, kept_priority=True))
    recorded.happen(of(OrderReplaced, 7, price=101, quantity=9), traded(2, 2, 101, (3, 7), (4, 9)))
    recorded.happen(auctioned(3, 1, 100, buyer=(3, 7), seller=(5, 10)))
    recorded.happen(of(OrderDecremented, 7, quantity=1))
    recorded.happen(cancelled(7, 5, CancelReason.MASS_CANCEL))
    assert life(recorded, 7) == lines("""
        accepted: account 3, buy, limit, good_till_cancelled | 100 | 10 | 10
        traded as maker with order 8: trade 1 | 100 | 4 | 6
        replaced: its place kept | 100 | 5 | 5
        replaced: at the back of its queue | 101 | 9 | 9
        traded as taker with order 9: trade 2 | 101 | 2 | 7
        traded as buyer in an auction with order 10: trade 3 | 100 | 1 | 6
        decremented by self-trade prevention | - | 1 | 5
        cancelled: mass_cancel | - | 5 | 0
    """)
    assert life(recorded, 8) == lines("""
        accepted: account 1, sell, limit, good_till_cancelled | 100 | 4 | 4
        traded as taker with order 7: trade 1 | 100 | 4 | 0
    """)


def test_sequences_and_times_find_the_events_on_the_log(recorded: Recorded) -> None:
    recorded.happen(accepted(7, "buy", 10, 100), accepted(8, "buy", 10, 100), at_ms=5)
    recorded.happen(cancelled(7, 10), at_ms=6)
    steps = recorded.ask(order_life, "ACME", 7)
    assert [(it.sequence, it.at_ms) for it in steps] == [(1, 5), (3, 6)]


def test_busts_and_corrections_bring_no_order_back(recorded: Recorded) -> None:
    first, second = traded(1, 4, 100, (1, 7), (2, 8)), traded(2, 6, 101, (1, 7), (2, 9))
    recorded.happen(accepted(9, "sell", 6, 101))
    recorded.happen(accepted(7, "buy", 20, 105), first, second)
    recorded.happen(busted(first))
    recorded.happen(cancelled(7, 10))
    recorded.happen(corrected(second, 5, 99))
    assert life(recorded, 7) == lines("""
        accepted: account 1, buy, limit, good_till_cancelled | 105 | 20 | 20
        traded as taker with order 8: trade 1 | 100 | 4 | 16
        traded as taker with order 9: trade 2 | 101 | 6 | 10
        trade 1 was busted | 100 | 4 | 10
        cancelled: requested | - | 10 | 0
        trade 2 was corrected: it was 6 @ 101 | 99 | 5 | 0
    """)
    assert life(recorded, 9).splitlines()[-1] == (
        "trade 2 was corrected: it was 6 @ 101 | 99 | 5 | 0"
    )


def test_a_stop_of_a_bracket(recorded: Recorded) -> None:
    terms = OrderTerms(stop_price=9, parent_order_id=3)
    recorded.happen(accepted(7, "sell", 9, 0, parked=True, terms=terms, time_in_force=DAY))
    recorded.happen(of(OrderActivated, 7, quantity=8))
    recorded.happen(of(OrderEntered, 7, price=0, quantity=8))
    assert life(recorded, 7) == lines("""
        accepted, parked: account 1, sell, limit, day, stop_price 9, parent_order_id 3 | 0 | 9 | 9
        activated: its parent has traded | - | 8 | 8
        entered the book | 0 | 8 | 8
    """)


def test_an_iceberg_a_peg_and_a_split(recorded: Recorded) -> None:
    terms = OrderTerms(display_quantity=2, reserve=True)
    recorded.happen(accepted(7, "sell", 10, 100, terms=terms, time_in_force=DAY))
    recorded.happen(traded(1, 2, 100, (1, 6), (1, 7)), of(OrderRefilled, 7, displayed=2))
    new_terms = OrderTerms(display_quantity=4, reserve=True)
    recorded.happen(of(OrderAdjusted, 7, price=50, quantity=16, terms=new_terms))
    assert life(recorded, 7) == lines("""
        accepted: account 1, sell, limit, day, display_quantity 2, reserve | 100 | 10 | 10
        traded as maker with order 6: trade 1 | 100 | 2 | 8
        refilled: so much is shown, at the back of its queue | - | 2 | 8
        adjusted by a split: display_quantity 4, reserve | 50 | 16 | 16
    """)
    peg = OrderTerms(peg=Peg.MIDPOINT, peg_offset=-1)
    recorded.happen(accepted(9, "buy", 5, 0, parked=True, terms=peg, time_in_force=DAY))
    recorded.happen(of(OrderEntered, 9, price=98, quantity=5))
    recorded.happen(of(OrderRepriced, 9, price=99), of(OrderParked, 9))
    recorded.happen(of(OrderAdjusted, 9, price=0, quantity=10))
    assert life(recorded, 9) == lines("""
        accepted, parked: account 1, buy, limit, day, peg midpoint, peg_offset -1 | 0 | 5 | 5
        entered the book | 98 | 5 | 5
        repriced | 99 | - | 5
        parked: off the book | - | - | 5
        adjusted by a split | 0 | 10 | 10
    """)


def test_what_is_said_of_an_order_that_is_accepted(recorded: Recorded) -> None:
    more: dict[str, Any] = {"order_type": OrderType.MARKET_TO_LIMIT, "is_quote": True}
    recorded.happen(
        accepted(7, "buy", 1, 5, time_in_force=DAY, post_only=True, session_id=2, **more)
    )
    new = {"time_in_force": TimeInForce.AT_THE_CLOSE, "parked": True}
    terms = OrderTerms(hidden=True)
    recorded.happen(of(OrderReplaced, 7, price=5, quantity=1, terms=terms, **new))
    assert life(recorded, 7) == lines("""
        accepted: account 1, buy, market_to_limit, day, post_only, quote, session 2 | 5 | 1 | 1
        replaced: at the back of its queue, parked, at_the_close, hidden | 5 | 1 | 1
    """)


def test_rejections(recorded: Recorded) -> None:
    reason = "price 7 is no multiple of 5"
    code = RejectCode.OFF_TICK
    recorded.happen(of(OrderRejected, 7, code=code, field="price", reason=reason))
    recorded.happen(of(OrderRejected, 0, code=code, field="price", reason=reason))
    assert life(recorded, 7) == (
        "a command was rejected: off_tick, price: price 7 is no multiple of 5 | - | - | 0"
    )
    assert life(recorded, 0) == ""  # 0: it was about no order


def test_an_id_that_is_used_again(recorded: Recorded) -> None:
    recorded.happen(accepted(7, "buy", 10, 100), cancelled(7, 10))
    recorded.happen(accepted(7, "sell", 3, 90))
    assert life(recorded, 7) == lines("""
        accepted: account 1, buy, limit, good_till_cancelled | 100 | 10 | 10
        cancelled: requested | - | 10 | 0
        accepted: account 1, sell, limit, good_till_cancelled | 90 | 3 | 3
    """)


def test_the_latest_of_a_long_life(recorded: Recorded) -> None:
    recorded.happen(accepted(7, "buy", 10, 100))
    for number in range(1, 6):
        recorded.happen(traded(number, 1, 100, (2, 50 + number), (1, 7), "sell"))
    assert [it.open_quantity for it in recorded.ask(order_life, "ACME", 7, limit=2)] == [6, 5]


def test_an_instrument_that_is_not_listed(recorded: Recorded) -> None:
    assert recorded.ask(order_life, "ACME", 7) == []
    with pytest.raises(QueryError, match="no instrument 'ACNE': did you mean 'ACME'"):
        recorded.ask(order_life, "ACNE", 7)
