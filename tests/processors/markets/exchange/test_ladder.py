"""Books drawn for people."""

import pytest

from log.envelope import Event
from processors.markets.exchange.commands import ChangePhase, ListInstrument, OrderTerms, Phase
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import InstrumentListed
from processors.markets.exchange.ladder import format_price, overview, render, render_book
from tests.processors.markets.exchange.vocabulary import ACME, LISTED, buy, given, market, sell

ORDERS = (
    buy(1, 10, 99),
    buy(2, 20, 99),
    buy(3, 400, 98),
    buy(4, 1, 7),
    sell(5, 6, 101),
    sell(6, 60, 100),
)


def test_a_ladder_of_sums() -> None:
    assert render(given(*ORDERS).state, levels=2) == "\n".join(
        (
            "ACME, 6 orders",
            "    bid | price | ask",
            "        |   101 | 6 (1)",
            "        |   100 | 60 (1)",
            " 30 (2) |    99 |",
            "400 (1) |    98 |",
        )
    )


def test_a_ladder_of_orders() -> None:
    assert render(given(*ORDERS[:2]).state, by_order=True) == "\n".join(
        (
            "ACME, 2 orders",
            "      bid | price | ask",
            "10#1 20#2 |    99 |",
        )
    )


def test_what_is_not_seen_is_in_the_ladder_of_orders_alone() -> None:
    exchange = given()
    exchange.when(sell(1, 50, 101, terms=OrderTerms(display_quantity=20)))
    exchange.when(sell(2, 30, 101, terms=OrderTerms(hidden=True)))
    exchange.when(sell(3, 10, 101))
    exchange.when(sell(4, 10, 100, terms=OrderTerms(hidden=True)))
    assert render(exchange.state) == "\n".join(
        (
            "ACME, 4 orders",
            "bid | price | ask",
            "    |   101 | 30 (2)",
        )
    )
    assert render(exchange.state, by_order=True) == "\n".join(
        (
            "ACME, 4 orders",
            "bid | price | ask",
            "    |   101 | 20+30#1 10#3 (30)#2",
            "    |   100 | (10)#4",
        )
    )


def test_in_an_auction_bids_and_asks_meet_and_some_have_no_price() -> None:
    exchange = given()
    exchange.when(ChangePhase(instrument=ACME, phase=Phase.OPENING_AUCTION))
    assert render(exchange.state).startswith("ACME, 0 orders, opening auction: no trade\n")
    for order in (buy(1, 20, 101), sell(2, 10, 101), sell(3, 30, 100), market(sell(4, 5))):
        exchange.when(order)
    assert render(exchange.state) == "\n".join(
        (
            "ACME, 4 orders, opening auction: 20 at 100",
            "   bid |  price | ask",
            "       | market | 5 (1)",
            "20 (1) |    101 | 10 (1)",
            "       |    100 | 30 (1)",
        )
    )


def test_a_phase_that_is_no_auction_is_named() -> None:
    exchange = given(buy(1, 10, 99))
    exchange.when(ChangePhase(instrument=ACME, phase=Phase.HALT))
    assert render(exchange.state).startswith("ACME, 1 order, halt\n")


def test_the_overview_is_of_the_busiest_instrument() -> None:
    exchange = given(*ORDERS[:2])
    exchange.when(ListInstrument(instrument="BOLT"))
    assert overview(exchange.state) == render_book(exchange.state.books[ACME])
    assert overview(DECIDER.initial()) == "no instrument is listed"


def test_every_instrument_by_name_even_with_an_empty_book() -> None:
    names = LISTED.__struct_fields__[len(Event.__struct_fields__) + 1 :]
    terms = {name: getattr(LISTED, name) for name in names}
    state = DECIDER.initial()
    for name in ("BOLT", "ACME"):
        state = DECIDER.evolve(state, InstrumentListed(instrument=name, **terms))
    assert render(state) == (
        "ACME, 0 orders\nbid | price | ask\nBOLT, 0 orders\nbid | price | ask"
    )


@pytest.mark.parametrize(
    ("price", "decimals", "text"),
    [
        (5853300, 4, "585.3300"),
        (5, 4, "0.0005"),
        (100, 0, "100"),
        (10**18 + 1, 18, "1.000000000000000001"),
    ],
)
def test_prices_are_exact(price: int, decimals: int, text: str) -> None:
    assert format_price(price, decimals) == text
