"""The day's statistics by example, and against a model that keeps every trade as it is now."""

import random
from typing import Any

import pytest

from processors.markets.exchange.events import (
    AuctionTraded,
    InstrumentDelisted,
    OrderTraded,
    Phase,
    PhaseChanged,
    PhaseReason,
)
from projections.core.errors import QueryError
from projections.markets.exchange.queries_trading import DayStatistics, statistics
from projections.markets.exchange.statistics import DAY_STATISTICS
from tests.projections.markets.exchange.recorded import (
    DAY_MS,
    Recorded,
    auctioned,
    busted,
    corrected,
    lines,
    listed,
    recorded_in,
    traded,
)

recorded = recorded_in(DAY_STATISTICS)

PRICES = ("instrument", "notional", "vwap", "auction_volume", "volatility_auctions", "halts")


def phase(new: Phase, price: int = 0) -> PhaseChanged:
    return PhaseChanged(
        instrument="ACME",
        phase=new,
        previous=Phase.CONTINUOUS,
        reason=PhaseReason.OPERATOR,
        price=price,
    )


def test_a_day(recorded: Recorded) -> None:
    recorded.happen(auctioned(1, 10, 100), auctioned(2, 5, 100), at_ms=1)
    recorded.happen(traded(3, 1, 107), phase(Phase.VOLATILITY_AUCTION), at_ms=2)
    recorded.happen(auctioned(4, 2, 94), traded(5, 2, 95), phase(Phase.HALT), at_ms=3)
    recorded.happen(phase(Phase.VOLATILITY_AUCTION), at_ms=4)
    assert recorded.ask(statistics, "ACME") == [
        DayStatistics(
            instrument="ACME",
            day_start_ms=0,
            open=100,
            high=107,
            low=94,
            last=95,
            close=None,
            vwap=99,  # 1985 / 20 = 99.25
            volume=20,
            notional=1985,
            trades=5,
            auction_volume=17,
            volatility_auctions=2,
            halts=1,
        )
    ]
    recorded.happen(phase(Phase.CLOSED, price=96), at_ms=DAY_MS - 1)
    assert recorded.ask(statistics, "ACME")[0].close == 96


@pytest.mark.parametrize(
    ("trades", "vwap"),
    [
        ([(3, 10), (1, 11)], 10),  # 41 / 4 = 10.25
        ([(1, 10), (1, 11)], 11),  # 21 / 2 = 10.5: half up
        ([(2, 10), (1, 11)], 10),  # 31 / 3 = 10.33
        ([(1, 10), (2, 11)], 11),  # 32 / 3 = 10.67
    ],
)
def test_vwap_is_rounded_half_up(
    recorded: Recorded, trades: list[tuple[int, int]], vwap: int
) -> None:
    for number, (quantity, price) in enumerate(trades, 1):
        recorded.happen(traded(number, quantity, price))
    assert recorded.ask(statistics, "ACME")[0].vwap == vwap


def test_days_are_utc_and_the_latest_comes_first(recorded: Recorded) -> None:
    recorded.happen(listed("BOLT"))
    recorded.happen(traded(1, 1, 100), at_ms=DAY_MS - 1)
    recorded.happen(traded(2, 2, 101), traded(1, 9, 900, instrument="BOLT"), at_ms=DAY_MS)
    recorded.happen(phase(Phase.CLOSED), at_ms=3 * DAY_MS)  # nothing traded: no price at all
    assert recorded.table(statistics, "ACME", hide=PRICES) == lines(f"""
        {3 * DAY_MS} | - | - | - | - | - | 0 | 0
        {DAY_MS} | 101 | 101 | 101 | 101 | - | 2 | 1
        0 | 100 | 100 | 100 | 100 | - | 1 | 1
    """)
    assert len(recorded.ask(statistics, "ACME", limit=2)) == 2


def test_a_bust_takes_its_trade_out_of_every_figure(recorded: Recorded) -> None:
    first, high, low = traded(1, 1, 100), traded(2, 2, 120), auctioned(3, 4, 80)
    also_high, last = traded(4, 8, 120), traded(5, 16, 90)
    recorded.happen(first, high, low, also_high, last)
    day = [recorded.table(statistics, "ACME", hide=("instrument", "halts"))]
    trades: list[Any] = [high, also_high, low, first, last]
    for number, trade in enumerate(trades, 1):
        recorded.happen(busted(trade), at_ms=number * DAY_MS)  # on another day: no matter
        day.append(recorded.table(statistics, "ACME", hide=("instrument", "halts")))
    # day | open | high | low | last | close | vwap | volume | notional | trades | auctions
    assert "\n".join(day) == lines("""
        0 | 100 | 120 | 80 | 90 | - | 99 | 31 | 3060 | 5 | 4 | 0
        0 | 100 | 120 | 80 | 90 | - | 97 | 29 | 2820 | 4 | 4 | 0
        0 | 100 | 100 | 80 | 90 | - | 89 | 21 | 1860 | 3 | 4 | 0
        0 | 100 | 100 | 90 | 90 | - | 91 | 17 | 1540 | 2 | 0 | 0
        0 | 90 | 90 | 90 | 90 | - | 90 | 16 | 1440 | 1 | 0 | 0
        0 | - | - | - | - | - | - | 0 | 0 | 0 | 0 | 0
    """)


def test_a_correction_is_as_if_it_had_been_so(recorded: Recorded) -> None:
    first, last = auctioned(1, 10, 100), traded(2, 10, 110)
    recorded.happen(first, last)
    recorded.happen(corrected(first, 4, 130))
    recorded.happen(corrected(last, 10, 120))
    hide = ("instrument", "day_start_ms", "volatility_auctions", "halts")
    assert recorded.table(statistics, "ACME", hide=hide) == (
        "130 | 130 | 120 | 120 | - | 123 | 14 | 1720 | 2 | 4"
    )


def test_a_closing_price_stays_what_was_published(recorded: Recorded) -> None:
    trade = traded(1, 1, 100)
    recorded.happen(trade, phase(Phase.CLOSED, price=100))
    recorded.happen(busted(trade))
    (day,) = recorded.ask(statistics, "ACME")
    assert (day.close, day.last) == (100, None)


def test_trade_numbers_begin_again_with_a_listing(recorded: Recorded) -> None:
    recorded.happen(traded(1, 1, 100), traded(2, 1, 101))
    again = traded(1, 1, 90)
    recorded.happen(InstrumentDelisted(instrument="ACME"))
    recorded.happen(listed())
    recorded.happen(again, traded(2, 1, 91))
    recorded.happen(busted(again))
    hide = (*PRICES, "day_start_ms")
    assert recorded.table(statistics, "ACME", hide=hide) == "100 | 101 | 91 | 91 | - | 3 | 3"


def test_trades_from_before_trades_were_numbered(recorded: Recorded) -> None:
    recorded.happen(traded(0, 1, 100), traded(0, 1, 90))
    recorded.happen(traded(1, 1, 95))
    hide = (*PRICES, "day_start_ms")
    assert recorded.table(statistics, "ACME", hide=hide) == "100 | 100 | 90 | 95 | - | 3 | 3"


def test_a_notional_beyond_64_bits(recorded: Recorded) -> None:
    trade = traded(1, 2**62, 2**62)
    recorded.happen(trade)
    (day,) = recorded.ask(statistics, "ACME")
    assert (day.notional, day.vwap) == (2**124, 2**62)
    recorded.happen(busted(trade))
    assert recorded.ask(statistics, "ACME")[0].notional == 0


def test_an_instrument_that_is_not_listed(recorded: Recorded) -> None:
    assert recorded.ask(statistics, "ACME") == []
    with pytest.raises(QueryError, match="no instrument 'ACNE': did you mean 'ACME'"):
        recorded.ask(statistics, "ACNE")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_against_a_model(recorded: Recorded, seed: int) -> None:
    """Trades, busts and corrections at random."""
    draw = random.Random(seed)
    standing: dict[int, tuple[int, Any]] = {}
    at_ms = 0
    for number in range(1, 401):
        at_ms += draw.choice((1, DAY_MS // 40))
        at = at_ms - at_ms % DAY_MS
        kind = draw.random()
        if kind < 0.6 or not standing:
            make = draw.choice((traded, auctioned))
            trade: Any = make(number, draw.randint(1, 9), draw.randint(95, 105))
            standing[number] = at, trade
            recorded.happen(trade, at_ms=at_ms)
            continue
        trade_id = draw.choice(list(standing))
        traded_on, trade = standing[trade_id]
        if kind < 0.8:
            del standing[trade_id]
            recorded.happen(busted(trade), at_ms=at_ms)
        else:
            event = corrected(trade, draw.randint(1, trade.quantity), draw.randint(95, 105))
            recorded.happen(event, at_ms=at_ms)
            trade = _again(trade, event.quantity, event.price)
            standing[trade_id] = traded_on, trade
    found = recorded.ask(statistics, "ACME", limit=1_000)
    assert len(found) > 3 and any(day.trades > 10 for day in found)
    for day in found:
        trades = [trade for at, trade in standing.values() if at == day.day_start_ms]
        assert _figures(day) == _model(trades)


def _again(trade: Any, quantity: int, price: int) -> OrderTraded | AuctionTraded:
    make = auctioned if isinstance(trade, AuctionTraded) else traded
    return make(trade.trade_id, quantity, price)


def _figures(day: DayStatistics) -> list[int | None]:
    prices = [day.open, day.high, day.low, day.last, day.vwap]
    return [*prices, day.volume, day.notional, day.trades, day.auction_volume]


def _model(trades: list[Any]) -> list[int | None]:
    prices = [trade.price for trade in sorted(trades, key=lambda trade: trade.trade_id)]
    volume = sum(trade.quantity for trade in trades)
    notional = sum(trade.price * trade.quantity for trade in trades)
    auction = sum(it.quantity for it in trades if isinstance(it, AuctionTraded))
    if not trades:
        return [None] * 5 + [0] * 4
    vwap, rest = divmod(notional, volume)
    vwap += 2 * rest >= volume
    ends = [prices[0], max(prices), min(prices), prices[-1]]
    return [*ends, vwap, volume, notional, len(trades), auction]
