"""Instruments, tick bands and phases by example, from hand-made events."""

from typing import Any

from msgspec.structs import replace

from processors.markets.exchange.events import (
    AuctionExtended,
    ExtensionReason,
    InstrumentDelisted,
    InstrumentSplit,
    Phase,
    PhaseChanged,
    PhaseReason,
    ReferencePriceSet,
    ScheduleChanged,
    SymbolChanged,
    TickBand,
)
from projections.markets.exchange import queries
from tests.projections.markets.exchange.recorded import Recorded, lines, listed, recorded_in

recorded = recorded_in()


def changed(
    phase: Phase, reason: PhaseReason = PhaseReason.TIMETABLE, **more: Any
) -> PhaseChanged:
    return PhaseChanged(
        instrument="ACME", phase=phase, previous=Phase.CONTINUOUS, reason=reason, **more
    )


def bands(*pairs: tuple[int, int]) -> tuple[TickBand, ...]:
    return tuple(TickBand(price_from=price, tick_size=tick) for price, tick in pairs)


def instrument(recorded: Recorded) -> tuple[object, ...]:
    """ACME's symbol, reference and closing price, and when it was delisted."""
    (row,) = recorded.ask(queries.instruments)
    return row.symbol, row.reference_price, row.closing_price, row.delisted_at_ms


def phase(recorded: Recorded) -> str:
    """ACME's phase, since, why, until; what comes next, and when."""
    return recorded.table(queries.phase, "ACME", hide=("instrument",))


def test_symbol_and_prices_follow(recorded: Recorded) -> None:
    recorded.happen(replace(listed(), reference_price=500))
    assert instrument(recorded) == ("ACME", 500, 0, None)
    recorded.happen(SymbolChanged(instrument="ACME", symbol="ACM"))
    recorded.happen(ReferencePriceSet(instrument="ACME", price=505))
    assert instrument(recorded) == ("ACM", 505, 0, None)
    recorded.happen(changed(Phase.VOLATILITY_AUCTION, PhaseReason.STATIC_BAND, price=900))
    recorded.happen(changed(Phase.CLOSED, price=511))
    assert instrument(recorded) == ("ACM", 511, 511, None)
    recorded.happen(InstrumentSplit(instrument="ACME", numerator=2, denominator=1))
    assert instrument(recorded) == ("ACM", 255, 255, None)
    recorded.happen(changed(Phase.CLOSED))  # a day without a trade
    assert instrument(recorded) == ("ACM", 255, 255, None)


def test_tick_bands(recorded: Recorded) -> None:
    recorded.happen(replace(listed(), tick_bands=bands((100, 5), (1_000, 10), (5_000, 50))))
    hide = ("instrument", "number")
    assert recorded.table(queries.tick_bands, "ACME", hide=hide) == lines("""
        0 | 1
        100 | 5
        1000 | 10
        5000 | 50
    """)
    recorded.happen(InstrumentDelisted(instrument="ACME"))
    recorded.happen(replace(listed(), tick_size=2, tick_bands=bands((200, 4))))
    assert recorded.table(queries.tick_bands, "ACME", hide=hide) == "0 | 2\n200 | 4"


def test_the_phase_by_hand_and_by_calendar(recorded: Recorded) -> None:
    recorded.happen(listed(), at_ms=5)
    assert phase(recorded) == "continuous | 5 | - | - | - | -"
    recorded.happen(
        changed(Phase.VOLATILITY_AUCTION, PhaseReason.DYNAMIC_BAND, until_ms=90), at_ms=10
    )
    assert phase(recorded) == "volatility_auction | 10 | dynamic_band | 90 | - | -"
    extension = ExtensionReason.RANDOM_END
    recorded.happen(AuctionExtended(instrument="ACME", until_ms=95, reason=extension), at_ms=90)
    assert phase(recorded) == "volatility_auction | 10 | dynamic_band | 95 | - | -"
    closing = Phase.CLOSING_AUCTION
    recorded.happen(ScheduleChanged(instrument="ACME", next_phase=closing, next_at_ms=400))
    assert phase(recorded) == "volatility_auction | 10 | dynamic_band | 95 | closing_auction | 400"
    recorded.happen(changed(Phase.CONTINUOUS, PhaseReason.RESUMED), at_ms=95)
    assert phase(recorded) == "continuous | 95 | resumed | - | - | -"


def test_with_a_calendar_an_instrument_begins_closed(recorded: Recorded) -> None:
    opening = Phase.OPENING_AUCTION
    recorded.happen(replace(listed(), calendar="xetra", next_phase=opening, next_at_ms=70))
    recorded.happen(listed("BOLT"))
    assert recorded.table(queries.phases) == lines("""
        ACME | closed | 0 | - | - | opening_auction | 70
        BOLT | continuous | 0 | - | - | - | -
    """)


def test_a_delisted_instrument_has_a_past_and_no_phase(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(InstrumentDelisted(instrument="ACME"), at_ms=8)
    assert instrument(recorded) == ("ACME", 0, 0, 8)
    assert phase(recorded) == recorded.table(queries.phases) == ""
    recorded.happen(listed(), at_ms=9)
    assert instrument(recorded) == ("ACME", 0, 0, None)
    assert phase(recorded) == "continuous | 9 | - | - | - | -"
