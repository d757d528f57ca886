"""What the exchange once did wrong, each as the few commands that showed it. Found by comparing it
with the naive exchange (`test_against_naive`)."""

from typing import Any

import msgspec

from processors.markets.exchange.commands import (
    ChangePhase,
    CloseSession,
    MassQuote,
    OpenSession,
    OrderTerms,
    OrderType,
    Phase,
    PlaceOrder,
    Quote,
    ReplaceOrder,
    SplitInstrument,
    TimeInForce,
)
from processors.markets.exchange.events import (
    OrderAdjusted,
    OrderCancelled,
    OrderRejected,
    OrderTraded,
)
from processors.markets.exchange.state import Exchange
from tests.given_when_then import Scenario
from tests.processors.markets.exchange.vocabulary import (
    ACME,
    buy,
    cancel,
    given,
    market,
    replace,
    sell,
)

CLOSE = TimeInForce.AT_THE_CLOSE


def terms(**fields: Any) -> dict[str, Any]:
    return {"terms": OrderTerms(**fields)}


def after(*commands: Any) -> Scenario[Exchange]:
    """ACME, to which all this was sent."""
    scenario = given()
    for command in commands:
        scenario.when(command)
    return scenario


def phase(to: Phase) -> ChangePhase:
    return ChangePhase(instrument=ACME, phase=to)


def split(numerator: int, denominator: int) -> SplitInstrument:
    return SplitInstrument(instrument=ACME, numerator=numerator, denominator=denominator)


def told(events: list[Any]) -> list[str]:
    """Each event as a word and its order: `OrderEntered 2`."""
    return [f"{type(event).__name__} {getattr(event, 'order_id', '')}".strip() for event in events]


def quantities(events: list[Any]) -> dict[str, int]:
    return {
        line: event.quantity
        for line, event in zip(told(events), events, strict=True)
        if hasattr(event, "quantity")
    }


def fault(events: list[Any]) -> tuple[str, str]:
    (rejected,) = events
    assert isinstance(rejected, OrderRejected), rejected
    return rejected.code.value, rejected.field


def entered(events: list[Any]) -> list[int]:
    """The ids of the orders that came on the book, as they came."""
    return [event.order_id for event in events if type(event).__name__ == "OrderEntered"]


def adjusted(events: list[Any]) -> dict[int, OrderAdjusted]:
    return {event.order_id: event for event in events if isinstance(event, OrderAdjusted)}


def test_a_child_of_a_filled_parent_enters_with_its_own_quantity() -> None:
    market_ = after(buy(1, 2, 100), sell(2, 9, 110, **terms(parent_order_id=1)))
    assert quantities(market_.when(sell(3, 2, 100)))["OrderActivated 2"] == 9


def test_what_a_parent_traded_counts_from_its_first_child_on() -> None:
    day: dict[str, Any] = {"time_in_force": TimeInForce.DAY}
    market_ = after(
        buy(1, 9, 100, **day),
        sell(2, 3, 100),
        sell(3, 9, 110, **terms(parent_order_id=1)),
        sell(4, 2, 100),
    )
    assert quantities(market_.when(cancel(1)))["OrderActivated 3"] == 2


def test_an_order_that_has_the_id_of_a_gone_child_is_not_released() -> None:
    market_ = after(
        buy(1, 2, 100),
        buy(7, 2, 99),
        sell(2, 9, 110, **terms(parent_order_id=1)),
        cancel(2),
        sell(2, 9, 111, **terms(parent_order_id=7)),
    )
    assert told(market_.when(sell(3, 2, 100))) == ["OrderAccepted 3", "OrderTraded"]


def test_a_released_child_that_is_replaced_while_it_waits_for_the_phase_still_enters() -> None:
    market_ = after(
        buy(1, 2, 100),
        sell(2, 2, 100),
        buy(3, 2, 100),
        sell(4, 9, 110, **terms(parent_order_id=3)),
        phase(Phase.TRADING_AT_LAST),
        sell(5, 2, 100),
        replace(4, 7, 111),
    )
    assert quantities(market_.when(phase(Phase.CONTINUOUS)))["OrderEntered 4"] == 7


def test_a_good_till_time_order_that_lost_its_place_expires() -> None:
    until: dict[str, Any] = {"time_in_force": TimeInForce.GOOD_TILL_TIME}
    market_ = after(buy(1, 2, 100, **until, **terms(expires_at_ms=50)), replace(1, 2, 101))
    assert told(market_.when(buy(2, 1, 90), at=60)) == ["OrderCancelled 1", "OrderAccepted 2"]


def test_a_replaced_order_meets_its_minimum_quantity_again() -> None:
    market_ = after(sell(1, 3, 105), buy(2, 5, 104))
    with_minimum = ReplaceOrder(
        instrument=ACME, order_id=2, price=105, quantity=5, terms=OrderTerms(minimum_quantity=4)
    )
    assert told(market_.when(with_minimum)) == ["OrderReplaced 2", "OrderCancelled 2"]


def test_a_child_takes_no_minimum_quantity_by_a_replace_either() -> None:
    market_ = after(buy(1, 2, 100), sell(2, 9, 110, **terms(parent_order_id=1)))
    with_minimum = ReplaceOrder(
        instrument=ACME,
        order_id=2,
        price=110,
        quantity=9,
        terms=OrderTerms(parent_order_id=1, minimum_quantity=2),
    )
    assert fault(market_.when(with_minimum)) == ("contradictory", "terms.parent_order_id")


def test_a_market_to_limit_order_that_has_its_price_is_replaced_as_a_limit_order() -> None:
    order = buy(2, 5)
    order.order_type = OrderType.MARKET_TO_LIMIT
    market_ = after(sell(1, 2, 100), sell(3, 9, 101), order)
    assert fault(market_.when(replace(2, 3, 0))) == ("price_limit", "price")


def test_an_order_of_a_session_that_has_ended_can_be_replaced() -> None:
    market_ = after(
        OpenSession(session_id=7, member_id=1, cancel_on_disconnect=False),
        buy(1, 2, 100, session_id=7),
        CloseSession(session_id=7),
    )
    assert told(market_.when(replace(1, 2, 101))) == ["OrderReplaced 1"]


def test_a_post_only_order_cannot_become_one_for_an_auction() -> None:
    market_ = after(buy(1, 2, 100, post_only=True))
    for_the_close = msgspec.structs.replace(replace(1, 2, 100), time_in_force=CLOSE)
    assert fault(market_.when(for_the_close)) == ("contradictory", "post_only")


def test_the_first_fault_of_a_mass_quote_is_that_of_its_first_faulty_quote() -> None:
    market_ = after(buy(1, 2, 90))
    taken = Quote(bid_order_id=1, offer_order_id=2, bid_price=90, bid_quantity=1)
    off = Quote(bid_order_id=3, offer_order_id=4, bid_price=0, bid_quantity=1)
    quotes = MassQuote(instrument=ACME, account_id=1, quotes=(taken, off))
    assert fault(market_.when(quotes)) == ("duplicate_order", "quotes")


def test_stops_of_one_price_fire_by_entry_also_where_they_have_trailed_to_it() -> None:
    market_ = after(
        buy(1, 1, 100),
        sell(2, 1, 100),
        market(sell(3, 1, **terms(trail_amount=3))),
        market(sell(4, 1, **terms(stop_price=99))),
        sell(5, 1, 102),
        buy(6, 1, 102),
        buy(7, 9, 99),
    )
    assert entered(market_.when(sell(8, 1, 99))) == [3, 4]


def test_a_split_keeps_the_stop_price_of_a_child_and_of_a_triggered_stop() -> None:
    market_ = after(
        buy(1, 1, 100),
        sell(2, 1, 100),
        buy(3, 4, 90),
        sell(4, 4, 120, **terms(stop_price=80, parent_order_id=3)),
        sell(5, 4, 120, **terms(stop_price=110)),
        phase(Phase.HALT),
    )
    new = adjusted(market_.when(split(2, 1)))
    assert [new[number].terms for number in (4, 5)] == [
        OrderTerms(stop_price=40, parent_order_id=3),
        OrderTerms(stop_price=55),
    ]


def trailed(to: int, order: PlaceOrder) -> Scenario[Exchange]:
    """The order was placed when 100 was last, and `to` has traded since."""
    return after(
        buy(1, 1, 100),
        sell(2, 1, 100),
        order,
        sell(3, 1, to),
        buy(4, 1, to),
        phase(Phase.HALT),
        split(2, 1),
        phase(Phase.CONTINUOUS),
    )


def test_a_trailing_stop_is_as_far_after_a_split_as_it_was_before() -> None:
    market_ = trailed(120, market(sell(9, 2, **terms(trail_amount=10, stop_price=90))))
    market_.when(buy(5, 1, 56))
    assert entered(market_.when(sell(6, 1, 56))) == []
    market_.when(buy(7, 9, 55))
    assert entered(market_.when(sell(8, 1, 55))) == [9]


def test_a_stop_beyond_all_prices_is_not_met_by_a_last_price_that_a_split_put_there() -> None:
    market_ = after(
        buy(1, 9, 900), sell(2, 9, 900), phase(Phase.HALT), split(1, 10), phase(Phase.CONTINUOUS)
    )
    assert told(market_.when(market(buy(3, 1, **terms(trail_amount=50))))) == ["OrderAccepted 3"]


def test_what_an_auction_refilled_is_the_last_to_expire_at_the_close() -> None:
    day: dict[str, Any] = {"time_in_force": TimeInForce.DAY}
    market_ = after(
        phase(Phase.CLOSING_AUCTION),
        buy(1, 5, 100, **day, **terms(display_quantity=2)),
        buy(2, 5, 90, **day),
        sell(3, 2, 100),
    )
    events = market_.when(phase(Phase.CLOSED))
    assert [event.order_id for event in events if isinstance(event, OrderCancelled)] == [2, 1]


def test_what_concerns_one_instrument_must_name_it() -> None:
    split_of_nothing = SplitInstrument(instrument="", numerator=2, denominator=1)
    for command in (split_of_nothing, MassQuote(instrument="", account_id=1)):
        (rejected,) = given().when(command)
        assert (rejected.code.value, rejected.field) == ("unknown_instrument", "instrument")


def test_stops_beyond_all_prices_after_a_split_still_fire_nearest_first() -> None:
    exchange = after(
        buy(1, 5, 150),
        sell(2, 5, 150),
        phase(Phase.HALT),
        split(1, 10),
        phase(Phase.CONTINUOUS),
        market(sell(3, 1, account=2, **terms(trail_amount=15))),
        market(sell(4, 1, account=2, **terms(trail_amount=10))),
        buy(5, 9, 900),
    )
    events = exchange.when(sell(6, 1, 900))
    assert [word for word in told(events) if "Entered" in word] == [
        "OrderEntered 4",
        "OrderEntered 3",
    ]


def test_a_split_keeps_the_order_of_what_is_not_shown() -> None:
    exchange = after(
        buy(1, 8, 100, **terms(display_quantity=2, reserve=True)),
        buy(2, 4, 100, **terms(hidden=True)),
        sell(
            3, 2, 100
        ),  # the first shows its next part, at the back: what it hides stays in front
        phase(Phase.HALT),
        split(2, 1),
        phase(Phase.CONTINUOUS),
    )
    events = exchange.when(sell(4, 12, 50))
    assert [(e.maker_order_id, e.quantity) for e in events if isinstance(e, OrderTraded)] == [
        (1, 4), (1, 8),
    ]  # fmt: skip
