"""Call auctions by example: the calls that are on, and those that are over."""

from typing import Any

import pytest

from processors.markets.exchange.events import (
    AuctionEnded,
    AuctionExtended,
    AuctionIndicated,
    ExtensionReason,
    InstrumentDelisted,
    Phase,
    PhaseChanged,
    PhaseReason,
    Side,
)
from projections.core.errors import QueryError
from projections.markets.exchange.auctions import CALL_AUCTIONS
from projections.markets.exchange.queries_trading import auctions, indications
from tests.projections.markets.exchange.recorded import Recorded, lines, listed, recorded_in

recorded = recorded_in(CALL_AUCTIONS)

OPENING, VOLATILITY = Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION
CONTINUOUS = Phase.CONTINUOUS
BUY, SELL = Side.BUY, Side.SELL


def phase(new: Phase, previous: Phase, **more: Any) -> PhaseChanged:
    given = {"reason": PhaseReason.TIMETABLE, "instrument": "ACME", **more}
    return PhaseChanged(phase=new, previous=previous, **given)


def indicated(
    price: int, quantity: int, surplus: int = 0, side: Side | None = None
) -> AuctionIndicated:
    return AuctionIndicated(
        instrument="ACME", price=price, quantity=quantity, surplus=surplus, surplus_side=side
    )


def extended(until_ms: int, reason: ExtensionReason) -> AuctionExtended:
    return AuctionExtended(instrument="ACME", until_ms=until_ms, reason=reason)


def ended(
    phase: Phase, price: int = 0, quantity: int = 0, surplus: int = 0, side: Side | None = None
) -> AuctionEnded:
    return AuctionEnded(
        instrument="ACME",
        phase=phase,
        price=price,
        quantity=quantity,
        surplus=surplus,
        surplus_side=side,
    )


def test_the_call_that_is_on(recorded: Recorded) -> None:
    assert recorded.ask(indications) == recorded.ask(indications, "ACME") == []
    hide = ("instrument", "began_sequence", "phase")
    recorded.happen(phase(OPENING, Phase.PRE_OPEN, until_ms=900), at_ms=100)
    rows = [recorded.table(indications, "ACME", hide=hide)]
    recorded.happen(indicated(101, 7, 3, BUY), at_ms=200)
    rows.append(recorded.table(indications, "ACME", hide=hide))
    recorded.happen(extended(950, ExtensionReason.RANDOM_END), at_ms=900)
    recorded.happen(extended(999, ExtensionReason.MARKET_ORDERS), at_ms=950)
    rows.append(recorded.table(indications, hide=hide))
    recorded.happen(indicated(0, 0), at_ms=960)  # the orders of one side are gone
    rows.append(recorded.table(indications, hide=hide))
    # began | reason | until | extensions | indicated | price | quantity | surplus
    assert "\n".join(rows) == lines("""
        100 | timetable | 900 |  | - | 0 | 0 | 0 | -
        100 | timetable | 900 |  | 200 | 101 | 7 | 3 | buy
        100 | timetable | 999 | random_end,market_orders | 200 | 101 | 7 | 3 | buy
        100 | timetable | 999 | random_end,market_orders | 960 | 0 | 0 | 0 | -
    """)
    recorded.happen(ended(OPENING), phase(CONTINUOUS, OPENING), at_ms=999)
    assert recorded.ask(indications) == []


def test_calls_of_several_instruments(recorded: Recorded) -> None:
    recorded.happen(listed("BOLT"), listed("CORE"))
    recorded.happen(
        phase(OPENING, Phase.PRE_OPEN),
        phase(OPENING, Phase.PRE_OPEN, instrument="CORE"),
        indicated(5, 6),
    )
    assert [(it.instrument, it.price) for it in recorded.ask(indications)] == [
        ("ACME", 5),
        ("CORE", 0),
    ]
    assert recorded.ask(indications, "BOLT") == []
    assert [it.instrument for it in recorded.ask(indications, limit=1)] == ["ACME"]


def test_the_history(recorded: Recorded) -> None:
    recorded.happen(phase(OPENING, Phase.PRE_OPEN), indicated(100, 5), at_ms=1)
    recorded.happen(indicated(102, 9, 4, SELL), at_ms=2)
    recorded.happen(
        extended(8, ExtensionReason.PRICE_BAND),
        at_ms=3,
    )
    recorded.happen(ended(OPENING, 102, 9, 4, SELL), phase(CONTINUOUS, OPENING), at_ms=8)
    broke = phase(VOLATILITY, CONTINUOUS, reason=PhaseReason.STATIC_BAND, price=130)
    recorded.happen(broke, at_ms=20)
    recorded.happen(ended(VOLATILITY), phase(CONTINUOUS, VOLATILITY), at_ms=30)
    hide = ("instrument", "began_sequence")
    # phase | began | ended | reason | extensions | last indication | outcome | result
    assert recorded.table(auctions, "ACME", hide=hide) == lines("""
        volatility_auction | 20 | 30 | static_band |  | 0 | 0 | no_trade | 0 | 0 | 0 | -
        opening_auction | 1 | 8 | timetable | price_band | 102 | 9 | traded | 102 | 9 | 4 | sell
    """)
    assert [it.phase for it in recorded.ask(auctions, "ACME", limit=1)] == ["volatility_auction"]


@pytest.mark.parametrize("next_phase", [Phase.HALT, Phase.PRE_OPEN, Phase.CLOSING_AUCTION])
def test_a_call_that_was_broken_off(recorded: Recorded, next_phase: Phase) -> None:
    recorded.happen(phase(OPENING, Phase.PRE_OPEN), indicated(100, 5), at_ms=1)
    recorded.happen(phase(next_phase, OPENING), at_ms=2)
    hide = ("instrument", "began_sequence")
    assert recorded.table(auctions, "ACME", hide=hide) == (
        "opening_auction | 1 | 2 | timetable |  | 100 | 5 | broken_off | 0 | 0 | 0 | -"
    )
    on = [it.phase for it in recorded.ask(indications)]
    assert on == (["closing_auction"] if next_phase is Phase.CLOSING_AUCTION else [])


def test_a_call_of_an_instrument_that_is_delisted(recorded: Recorded) -> None:
    recorded.happen(phase(OPENING, Phase.PRE_OPEN))
    recorded.happen(InstrumentDelisted(instrument="ACME"))
    assert recorded.ask(indications) == []
    assert [it.outcome for it in recorded.ask(auctions, "ACME")] == ["broken_off"]


def test_an_uncrossing_without_a_call(recorded: Recorded) -> None:
    """A book that crossed in pre-open is uncrossed when continuous trading begins."""
    before = phase(Phase.PRE_OPEN, CONTINUOUS)
    recorded.happen(before, at_ms=1)
    crossed = ended(Phase.PRE_OPEN, 100, 6)
    recorded.happen(crossed, phase(CONTINUOUS, Phase.PRE_OPEN), at_ms=2)
    hide = ("instrument", "began_sequence")
    assert recorded.table(auctions, "ACME", hide=hide) == (
        "pre_open | 2 | 2 | - |  | 0 | 0 | traded | 100 | 6 | 0 | -"
    )


def test_an_instrument_that_is_not_listed(recorded: Recorded) -> None:
    assert recorded.ask(auctions, "ACME") == []
    for query in (auctions, indications):
        with pytest.raises(QueryError, match="no instrument 'ACNE': did you mean 'ACME'"):
            recorded.ask(query, "ACNE")
