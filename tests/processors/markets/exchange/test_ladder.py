"""Books drawn for people."""

import pytest

from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import InstrumentListed
from processors.markets.exchange.ladder import format_price, render
from tests.processors.markets.exchange.vocabulary import LISTED, buy, given, sell

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


def test_every_instrument_by_name_even_with_an_empty_book() -> None:
    terms = {name: getattr(LISTED, name) for name in LISTED.__struct_fields__[9:]}
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
