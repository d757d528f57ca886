"""Every reason to reject: its code, the field at fault, a sentence; and the book as it was."""

from typing import Any

import msgspec
import pytest

from log.topic import TopicConfig
from processors.core.messages import NothingChanged, Tick
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import (
    BustTrade,
    ChangePhase,
    CloseAccount,
    CloseSession,
    CorrectTrade,
    FeeTier,
    ListInstrument,
    MassCancel,
    MassQuote,
    OrderTerms,
    Phase,
    PlaceOrder,
    Quote,
    SetAccountLimits,
    SetFees,
    SplitInstrument,
    TimeInForce,
)
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import InstrumentListed, OrderRejected
from processors.markets.exchange.terms import Peg
from tests.given_when_then import Scenario
from tests.processors.markets.exchange.vocabulary import (
    ACME,
    FOK,
    IOC,
    book,
    buy,
    cancel,
    given,
    market,
    replace,
    sell,
)

LOTS = InstrumentListed(
    instrument="LOTS",
    price_decimals=2,
    tick_size=5,
    lot_size=100,
    price_min=50,
    price_max=500,
    quantity_max=1000,
)


def on_lots(command: Any) -> Any:
    command.instrument = "LOTS"
    return command


def listing(name: str = "NEW", **terms: Any) -> ListInstrument:
    return ListInstrument(instrument=name, **terms)


def having(order: PlaceOrder, **terms: Any) -> PlaceOrder:
    order.terms = OrderTerms(**terms)
    return order


def quote(bid_order_id: int, offer_order_id: int, bid_price: int, offer_price: int) -> MassQuote:
    two_sided = Quote(
        bid_order_id=bid_order_id,
        bid_price=bid_price,
        bid_quantity=1,
        offer_order_id=offer_order_id,
        offer_price=offer_price,
        offer_quantity=1,
    )
    return MassQuote(instrument=ACME, account_id=5, quotes=(two_sided,))


def order_named(command: Any) -> int:
    """Which order a rejection is about: of quotes the side at fault, here the bid."""
    if isinstance(command, MassQuote):
        return command.quotes[0].bid_order_id
    return getattr(command, "order_id", 0)


GTD = TimeInForce.GOOD_TILL_DATE

CASES = {
    "no such instrument": (
        MassCancel(instrument="NONE", account_id=1),
        ("unknown_instrument", "instrument", "NONE is not listed here"),
    ),
    "quantity zero": (buy(7, 0, 100), ("quantity_limit", "quantity", "0 is not from 1 to 1000")),
    "quantity below zero": (buy(7, -5, 100), ("quantity_limit", "quantity", "-5 is not from 1")),
    "quantity too large": (sell(7, 1001, 100), ("quantity_limit", "quantity", "1001 is not from")),
    "off lot": (on_lots(buy(7, 150, 100)), ("off_lot", "quantity", "150 is not a multiple")),
    "off tick": (on_lots(buy(7, 100, 101)), ("off_tick", "price", "101 is not a multiple")),
    "price too low": (on_lots(sell(7, 100, 45)), ("price_limit", "price", "45 is not from 50")),
    "price too high": (on_lots(sell(7, 100, 505)), ("price_limit", "price", "505 is not from")),
    "limit without price": (buy(7, 10), ("price_limit", "price", "0 is not from 1 to 1000")),
    "market with price": (market(buy(7, 10, 100)), ("contradictory", "price", "has no price")),
    "market post-only": (
        market(buy(7, 10, post_only=True)),
        ("contradictory", "post_only", "a market order never does"),
    ),
    "immediate post-only": (
        buy(7, 10, 100, time_in_force=IOC, post_only=True),
        ("contradictory", "post_only", "immediate_or_cancel never does"),
    ),
    "fill-or-kill post-only": (
        buy(7, 10, 100, time_in_force=FOK, post_only=True),
        ("contradictory", "post_only", "fill_or_kill never does"),
    ),
    "post-only that takes": (
        buy(7, 10, 110, post_only=True),
        ("would_take", "price", "best price opposite, 110"),
    ),
    "post-only that would take its own": (
        sell(7, 10, 100, account=1, post_only=True),
        ("would_take", "price", "best price opposite, 100"),
    ),
    "id of an open order": (buy(1, 10, 100), ("duplicate_order", "order_id", "order 1 is open")),
    "cancel of nothing": (cancel(9), ("unknown_order", "order_id", "no such order is open")),
    "cancel by another": (
        cancel(1, account=2),
        ("not_the_owner", "account_id", "order 1 is not of account 2"),
    ),
    "replace of nothing": (replace(9, 1, 1), ("unknown_order", "order_id", "no such order")),
    "replace by another": (
        replace(1, 10, 100, account=2),
        ("not_the_owner", "account_id", "order 1 is not of account 2"),
    ),
    "replace to nothing": (replace(1, 0, 100), ("quantity_limit", "quantity", "0 is not from 1")),
    "replace off limits": (replace(1, 5, 1001), ("price_limit", "price", "1001 is not from 1")),
    "listed twice": (listing(ACME), ("instrument_exists", "instrument", "ACME is listed")),
    "no name": (listing(""), ("invalid_instrument", "instrument", "a name is 1 to 64 printable")),
    "a name to trick terminals": (listing("A\x1b[2J"), ("invalid_instrument", "instrument", "")),
    "decimals": (listing(price_decimals=19), ("invalid_instrument", "price_decimals", "0 to 18")),
    "tick size": (listing(tick_size=0), ("invalid_instrument", "tick_size", "at least 1")),
    "lot size": (listing(lot_size=-1), ("invalid_instrument", "lot_size", "at least 1")),
    "least price": (listing(price_min=0), ("invalid_instrument", "price_min", "at least 1")),
    "no price on tick": (
        listing(price_min=6, price_max=9, tick_size=5),
        ("invalid_instrument", "price_max", "no multiple of the tick size is from 6"),
    ),
    "no whole lot": (
        listing(lot_size=10, quantity_max=9),
        ("invalid_instrument", "quantity_max", "at least the lot size 10"),
    ),
}


TERMS = {
    "good till no date": (
        buy(7, 10, 100, time_in_force=GTD),
        ("contradictory", "terms.expires_on", "a good-till-date order, and no other, has one"),
    ),
    "good till no such date": (
        having(buy(7, 10, 100, time_in_force=GTD), expires_on=20260230),
        ("invalid_value", "terms.expires_on", "20260230 is no date"),
    ),
    "good till yesterday": (
        having(buy(7, 10, 100, time_in_force=GTD), expires_on=19691231),
        ("already_expired", "terms.expires_on", "the day 19691231 is over"),
    ),
    "good till time and no time": (
        buy(7, 10, 100, time_in_force=TimeInForce.GOOD_TILL_TIME),
        ("contradictory", "terms.expires_at_ms", "a good-till-time order, and no other, has one"),
    ),
    "repriced, not post-only": (
        having(buy(7, 10, 100), reprice=True),
        ("contradictory", "terms.reprice", "only a post-only order"),
    ),
    "trailing by both": (
        having(buy(7, 10, 100), trail_amount=1, trail_ticks=1),
        ("contradictory", "terms.trail_ticks", "an amount or ticks, not both"),
    ),
    "trailing nothing": (
        having(buy(7, 10, 100), trail_ticks=1),
        ("invalid_value", "terms.stop_price", "nothing has traded"),
    ),
    "a stop price off limits": (
        having(buy(7, 10, 100), stop_price=1001),
        ("price_limit", "terms.stop_price", "1001 is not from 1 to 1000"),
    ),
    "an immediate stop": (
        having(buy(7, 10, 100, time_in_force=IOC), stop_price=105),
        ("contradictory", "terms.stop_price", "a stop order waits"),
    ),
    "a hidden market order": (
        having(market(buy(7, 10)), hidden=True),
        ("contradictory", "terms.hidden", "a market order does not rest"),
    ),
    "an immediate peg": (
        having(buy(7, 10, 100, time_in_force=IOC), peg=Peg.BEST_BID),
        ("contradictory", "terms.peg", "immediate_or_cancel: the order never rests"),
    ),
    "fill or kill with less": (
        having(buy(7, 10, 100, time_in_force=FOK), minimum_quantity=5),
        ("contradictory", "terms.minimum_quantity", "in full or not"),
    ),
    "an iceberg by nothing": (
        having(buy(7, 10, 100), display_range=5),
        ("contradictory", "terms.display_range", "no display quantity"),
    ),
    "a reserve of nothing": (
        having(buy(7, 10, 100), reserve=True),
        ("contradictory", "terms.reserve", "has a display quantity"),
    ),
    "an iceberg that may show nothing": (
        having(buy(7, 10, 100), display_quantity=5, display_range=5),
        ("invalid_value", "terms.display_range", "less than the display quantity"),
    ),
    "a hidden iceberg": (
        having(buy(7, 10, 100), display_quantity=5, hidden=True),
        ("contradictory", "terms.hidden", "displays nothing"),
    ),
    "a peg that is hidden besides": (
        having(buy(7, 10, 100), peg=Peg.MIDPOINT, hidden=True),
        ("contradictory", "terms.peg", "unseen"),
    ),
    "an offset from nothing": (
        having(buy(7, 10, 100), peg_offset=2),
        ("contradictory", "terms.peg_offset", "not pegged"),
    ),
    "more than all of it at least": (
        having(buy(7, 10, 100), minimum_quantity=11),
        ("invalid_value", "terms.minimum_quantity", "11 is not"),
    ),
    "all or none, in the auction": (
        having(buy(7, 10, 100, time_in_force=TimeInForce.AT_THE_CLOSE), all_or_none=True),
        ("contradictory", "terms.all_or_none", "in continuous trading"),
    ),
    "linked to nothing": (
        having(buy(7, 10, 100), linked_order_id=9),
        ("unknown_link", "terms.linked_order_id", "order 9 is not"),
    ),
    "linked to another's": (
        having(buy(7, 10, 100, account=2), linked_order_id=1),
        ("unknown_link", "terms.linked_order_id", "order 1 is not"),
    ),
    "a child of nothing": (
        having(buy(7, 10, 100), parent_order_id=9),
        ("unknown_link", "terms.parent_order_id", "order 9 is not"),
    ),
    "all or none, once its parent has traded": (
        having(buy(7, 10, 100), parent_order_id=1, all_or_none=True),
        ("contradictory", "terms.parent_order_id", "no conditions"),
    ),
}
OPERATOR = {
    "of no session": (
        buy(7, 10, 100, session_id=9),
        ("unknown_session", "session_id", "session 9 is not open"),
    ),
    "end of no session": (
        CloseSession(session_id=9),
        ("unknown_session", "session_id", "session 9 is not open"),
    ),
    "close of no account": (
        CloseAccount(account_id=9),
        ("unknown_account", "account_id", "account 9 is not open"),
    ),
    "limits of no account": (
        SetAccountLimits(account_id=9),
        ("unknown_account", "account_id", "account 9 is not open"),
    ),
    "bust of nothing": (
        BustTrade(instrument=ACME, trade_id=1),
        ("unknown_trade", "trade_id", "no such trade"),
    ),
    "correction of nothing": (
        CorrectTrade(instrument=ACME, trade_id=1, price=1, quantity=1),
        ("unknown_trade", "trade_id", "no such trade"),
    ),
    "fees for few": (
        SetFees(tiers=(FeeTier(notional_from=5),)),
        ("invalid_value", "tiers", "notional_from 0"),
    ),
    "a split while it trades": (
        SplitInstrument(instrument=ACME, numerator=2, denominator=1),
        ("wrong_phase", "instrument", "continuous"),
    ),
    "the phase that it is": (
        ChangePhase(instrument=ACME, phase=Phase.CONTINUOUS),
        ("wrong_phase", "phase", "already"),
    ),
    "a close for a while": (
        ChangePhase(instrument=ACME, phase=Phase.CLOSED, duration_ms=5),
        ("contradictory", "duration_ms", "closed does not end by itself"),
    ),
    "no such calendar": (
        listing(calendar="NONE"),
        ("unknown_calendar", "calendar", "there is no calendar"),
    ),
    "a band without an auction": (
        listing(static_band_ppm=5),
        ("invalid_instrument", "volatility_call_ms", "static_band_ppm"),
    ),
    "a quote that meets itself": (
        quote(11, 12, 5, 5),
        ("contradictory", "quotes", "the bid 5 is not below the offer 5"),
    ),
    "a quote with the id of an order": (
        quote(1, 12, 5, 6),
        ("duplicate_order", "quotes", "order 1 is open"),
    ),
    "a quote with one id": (
        quote(11, 11, 5, 6),
        ("duplicate_order", "quotes", "order 11 is open already, or twice"),
    ),
}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(*case, id=name)
        for cases in (CASES, TERMS, OPERATOR)
        for name, case in cases.items()
    ],
)
def test_rejected(command: Any, expected: tuple[str, str, str]) -> None:
    exchange = given(buy(1, 10, 100), sell(2, 10, 110))
    exchange.state = DECIDER.evolve(exchange.state, LOTS)
    before = book(exchange)
    (event,) = exchange.when(command)
    code, field, words = expected
    assert isinstance(event, OrderRejected)
    instrument = getattr(command, "instrument", "")
    assert (event.instrument, event.code.value, event.field) == (instrument, code, field)
    assert words in event.reason
    assert event.order_id == order_named(command)
    assert event.account_id == getattr(command, "account_id", 0)
    assert book(exchange) == before


@pytest.mark.parametrize(
    ("field", "number"),
    [("order_id", 2**63), ("order_id", -1), ("account_id", 0), ("account_id", 2**63)],
)
def test_ids_that_no_database_could_hold_do_not_decode(field: str, number: int) -> None:
    decode = SYSTEM.command_codec(TopicConfig()).decode
    fields = {"type": "place_order.v1", "instrument": ACME, "order_id": 1, "account_id": 1}
    fields |= {"side": "buy", "quantity": 1, "price": 1}
    assert decode(msgspec.json.encode(fields)) == buy(1, 1, 1)
    with pytest.raises(msgspec.ValidationError, match=field):
        decode(msgspec.json.encode(fields | {field: number}))


def test_a_price_of_any_length_is_rejected_with_a_reason() -> None:
    (event,) = given().when(buy(1, 1, 10**4000))
    assert (event.code.value, event.field) == ("price_limit", "price")


def test_commands_and_events_of_the_core_pass_by() -> None:
    exchange = given(buy(1, 10, 100))
    before = book(exchange)
    assert exchange.when(Tick()) == []
    exchange.state = DECIDER.evolve(exchange.state, NothingChanged())
    assert book(exchange) == before


def test_an_instrument_is_listed_with_its_terms() -> None:
    exchange = Scenario(DECIDER, [])
    (event,) = exchange.when(listing(tick_size=5, lot_size=10, price_min=5))
    assert event == InstrumentListed(
        instrument="NEW",
        price_decimals=4,
        tick_size=5,
        lot_size=10,
        price_min=5,
        price_max=1_000_000_000_000,
        quantity_max=1_000_000_000,
    )
    assert exchange.state.books["NEW"].instrument.tick_size == 5
