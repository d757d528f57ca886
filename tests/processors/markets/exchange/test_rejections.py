"""Every reason to reject: its code, the field at fault, a sentence; and the book as it was."""

from typing import Any

import msgspec
import pytest

from log.topic import TopicConfig
from processors.core.messages import NothingChanged, Tick
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import ListInstrument, MassCancel
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import InstrumentListed, OrderRejected
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


@pytest.mark.parametrize(("command", "expected"), CASES.values(), ids=CASES.keys())
def test_rejected(command: Any, expected: tuple[str, str, str]) -> None:
    exchange = given(buy(1, 10, 100), sell(2, 10, 110))
    exchange.state = DECIDER.evolve(exchange.state, LOTS)
    before = book(exchange)
    (event,) = exchange.when(command)
    code, field, words = expected
    assert isinstance(event, OrderRejected)
    assert (event.instrument, event.code.value, event.field) == (command.instrument, code, field)
    assert words in event.reason
    assert event.order_id == getattr(command, "order_id", 0)
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
