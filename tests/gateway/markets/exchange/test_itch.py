"""ITCH files say what the events say, to a reader that knows the specification alone."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest

from gateway.markets.exchange.exporting import CannotExport, ExportOptions, Published
from gateway.markets.exchange.itch import write_itch
from processors.markets.exchange.events import (
    AuctionEnded,
    AuctionIndicated,
    HaltLevel,
    IndexPublished,
    InstrumentDelisted,
    InstrumentSplit,
    MarketHaltsSet,
    OrderAdjusted,
    OrderParked,
    OrderRepriced,
    OrderTerms,
    OrderType,
    Peg,
    Phase,
    PhaseReason,
    Side,
    SymbolChanged,
)
from tests.gateway.markets.exchange.itch_reader import line, messages
from tests.gateway.markets.exchange.published import (
    ACME,
    LISTED,
    NINE_ON_FRIDAY_MS,
    bid,
    busted,
    cancelled,
    corrected,
    crossed,
    decremented,
    entered,
    listed,
    offer,
    phase,
    published,
    refilled,
    replaced,
    traded,
)

ICEBERG = OrderTerms(display_quantity=10)
HIDDEN = OrderTerms(hidden=True)
RESERVE = OrderTerms(display_quantity=10, reserve=True)
MIDPOINT = OrderTerms(peg=Peg.MIDPOINT)
NOW = NINE_ON_FRIDAY_MS


def itch(events: Iterable[Published], **options: Any) -> bytes:
    out = BytesIO()
    counts = write_itch(events, out, ExportOptions(**options))
    data = out.getvalue()
    assert counts.total() == len(messages(data))
    return data


def lines(*commands: Any, **options: Any) -> list[str]:
    """The whole file."""
    return [line(each) for each in messages(itch(published(*commands), **options))]


def body(*commands: Any) -> list[str]:
    """What follows the listing of ACME, up to the end of the file."""
    return lines(LISTED, *commands)[6:-3]


def test_a_file_begins_and_ends_as_a_day_does() -> None:
    assert lines(LISTED, bid(1, 10, 5001)) == [
        "S O",
        "S S",
        "R 1 ACME lot=1",
        "Y ACME 0",
        "S Q",
        "H ACME T",
        "A 1 B 10 50.0100",
        "S M",
        "S E",
        "S C",
    ]
    assert lines() == ["S O", "S S", "S E", "S C"]


CASES: list[tuple[str, list[Any], list[str]]] = [
    (
        "what is left of a taker is added after its executions",
        [offer(1, 10, 5000), [bid(2, 15, 5000), traded(2, 1, 10, 5000, trade_id=1)]],
        ["A 1 S 10 50.0000", "E 1 10 match=1", "A 2 B 5 50.0000"],
    ),
    (
        "what never rests is never shown",
        [offer(1, 10, 5000), [bid(2, 15), traded(2, 1, 10, 5000, trade_id=1), cancelled(2, 5)]],
        ["A 1 S 10 50.0000", "E 1 10 match=1"],
    ),
    (
        "a taker that rests may be a maker in the same command",
        [
            offer(1, 10, 5000, parked=True, terms=OrderTerms(stop_price=5001)),
            [
                bid(2, 15, 5000),
                entered(1, 10, 5000),
                traded(1, 2, 10, 5000, Side.SELL, trade_id=1),
            ],
        ],
        ["A 1 B 15 50.0000", "E 1 10 match=1"],
    ),
    (
        "cancels: in part, in full, by self-trade prevention",
        [
            bid(1, 10, 5000),
            replaced(1, 4, 5000, kept_priority=True),
            cancelled(1, 4),
            offer(2, 10, 5000),
            [bid(3, 4, 5000), cancelled(3, 4), decremented(2, 4)],
        ],
        ["A 1 B 10 50.0000", "X 1 6", "D 1", "A 2 S 10 50.0000", "X 2 4"],
    ),
    (
        "a replace goes to the back with a new reference",
        [bid(1, 10, 5000), replaced(1, 12, 4999)],
        ["A 1 B 10 50.0000", "U 1 2 12 49.9900"],
    ),
    (
        "a replaced order that trades first leaves its old place, then enters",
        [
            bid(1, 10, 5000),
            offer(2, 4, 5001),
            [replaced(1, 10, 5001), traded(1, 2, 4, 5001, trade_id=1)],
        ],
        ["A 1 B 10 50.0000", "A 2 S 4 50.0100", "D 1", "E 2 4 match=1", "A 3 B 6 50.0100"],
    ),
    (
        "an iceberg shows a part, and the next part at the back",
        [
            offer(1, 25, 5000, terms=ICEBERG, displayed=10),
            [bid(2, 10, 5000), traded(2, 1, 10, 5000, trade_id=1), refilled(1, 10)],
            replaced(1, 12, 5000, kept_priority=True),
            replaced(1, 7, 5000, kept_priority=True),
        ],
        ["A 1 S 10 50.0000", "E 1 10 match=1", "A 2 S 10 50.0000", "X 2 3"],
    ),
    (
        "a reserve order's hidden part prints as a trade",
        [
            offer(1, 25, 5000, terms=RESERVE, displayed=10),
            [
                bid(2, 14, 5000),
                traded(2, 1, 10, 5000, trade_id=1),
                traded(2, 1, 4, 5000, trade_id=2),
                refilled(1, 10),
            ],
        ],
        ["A 1 S 10 50.0000", "E 1 10 match=1", "P 4 50.0000 match=2", "A 2 S 10 50.0000"],
    ),
    (
        "hidden, pegged and all-or-none orders are not shown; their trades are",
        [
            offer(1, 5, 5000, terms=HIDDEN),
            offer(3, 5, 0, terms=MIDPOINT, parked=True),
            [entered(3, 5, 5001)],
            [OrderRepriced(instrument=ACME, order_id=3, price=4999)],
            [bid(2, 10, 5000), traded(2, 3, 5, 4999, trade_id=1), traded(2, 1, 5, 5000)],
            offer(4, 5, 5000, terms=OrderTerms(all_or_none=True)),
            OrderParked(instrument=ACME, order_id=4),
        ],
        ["P 5 49.9900 match=1", "P 5 50.0000 match=#7"],
    ),
    (
        "an order that becomes hidden leaves; one that is parked does too",
        [
            bid(1, 10, 5000),
            replaced(1, 10, 5000, terms=HIDDEN),
            bid(2, 10, 5000),
            replaced(2, 10, 5000, terms=OrderTerms(stop_price=6000), parked=True),
        ],
        ["A 1 B 10 50.0000", "D 1", "A 2 B 10 50.0000", "D 2"],
    ),
    (
        "busts, and corrections as bust and print, as often as they come",
        [
            offer(1, 10, 5000),
            [bid(2, 10, 5000), traded(2, 1, 10, 5000, trade_id=1)],
            corrected(1, 9, 4990, before=(10, 5000)),
            busted(1, 9, 4990),
        ],
        ["A 1 S 10 50.0000", "E 1 10 match=1", "B match=1", "P 9 49.9000 match=#4", "B match=#4"],
    ),
    (
        "a split moves every order, which keep their order at a price",
        [
            bid(1, 10, 5000),
            bid(2, 20, 5000),
            bid(3, 30, 5000, terms=ICEBERG, displayed=10),
            [offer(4, 6, 4999), cancelled(1, 10), cancelled(4, 6)],
            [
                offer(5, 24, 4999),
                traded(5, 2, 20, 5000, Side.SELL, trade_id=1),
                traded(5, 3, 4, 5000, Side.SELL, trade_id=2),
            ],
            bid(6, 1, 5000),
            phase(Phase.HALT),
            [
                InstrumentSplit(instrument=ACME, numerator=2, denominator=1),
                OrderAdjusted(instrument=ACME, order_id=6, price=2500, quantity=2),
                OrderAdjusted(
                    instrument=ACME,
                    order_id=3,
                    price=2500,
                    quantity=52,
                    terms=OrderTerms(display_quantity=20),
                    displayed=12,
                ),
            ],
        ],
        [
            *("A 1 B 10 50.0000", "A 2 B 20 50.0000", "A 3 B 10 50.0000", "D 1"),
            *("E 2 20 match=1", "E 3 4 match=2", "A 4 B 1 50.0000", "H ACME H"),
            *("U 3 5 12 25.0000", "U 4 6 2 25.0000"),
        ],
    ),
    (
        "a new symbol has the old locate code; a delisting is a halt for good",
        [
            SymbolChanged(instrument=ACME, symbol="ACMECORP"),
            InstrumentDelisted(instrument=ACME),
            LISTED,
        ],
        [
            *("R 1 ACMECORP lot=1", "Y ACMECORP 0", "H ACMECORP T", "H ACMECORP H D"),
            *("R 2 ACME lot=1", "Y ACME 0", "H ACME T"),
        ],
    ),
]


@pytest.mark.parametrize(("commands", "expected"), [case[1:] for case in CASES], ids=lambda _: "")
def test_orders_and_trades(commands: list[Any], expected: list[str]) -> None:
    assert body(*commands) == expected


def test_an_auction_indicates_crosses_and_prints_once() -> None:
    indicated = AuctionIndicated(
        instrument=ACME,
        price=5000,
        quantity=10,
        surplus=5,
        surplus_side=Side.BUY,
    )
    assert body(
        phase(Phase.OPENING_AUCTION),
        bid(1, 10, order_type=OrderType.MARKET),
        bid(2, 5, 5001),
        [offer(3, 30, 5000, terms=ICEBERG, displayed=10), indicated],
        [AuctionIndicated(instrument=ACME, price=0, quantity=0)],
        [
            crossed(1, 3, 10, 5000, 1),
            crossed(2, 3, 5, 5000, 2),
            AuctionEnded(instrument=ACME, phase=Phase.OPENING_AUCTION, price=5000, quantity=15),
            phase(Phase.CONTINUOUS),
        ],
    ) == [
        "H ACME Q",
        "A 1 B 5 50.0100",
        "A 2 S 10 50.0000",
        "I 10 5 B 50.0000 O",
        "I 0 0 O 0.0000 O",
        "C 1 5 50.0000 match=2 printed=N",
        "Q 15 50.0000 O match=#9",
        "H ACME T",
    ]


def test_a_market_to_limit_order_is_shown_once_it_has_a_price() -> None:
    to_limit = OrderType.MARKET_TO_LIMIT
    assert body(
        phase(Phase.OPENING_AUCTION),
        bid(1, 10, order_type=to_limit),
        offer(2, 4, 5000),
        [
            crossed(1, 2, 4, 5000, 1),
            AuctionEnded(instrument=ACME, phase=Phase.OPENING_AUCTION, price=5000, quantity=4),
            OrderRepriced(instrument=ACME, order_id=1, price=5000),
            phase(Phase.CONTINUOUS),
        ],
    ) == [
        "H ACME Q",
        "A 1 S 4 50.0000",
        "C 1 4 50.0000 match=1 printed=N",
        "Q 4 50.0000 O match=#5",
        "A 2 B 6 50.0000",
        "H ACME T",
    ]


def test_market_wide_halts_and_volatility_pauses_have_their_reasons() -> None:
    levels = (HaltLevel(fall_ppm=70_000), HaltLevel(fall_ppm=130_000), HaltLevel(fall_ppm=200_000))
    reached = IndexPublished(value=4_640, levels_reached=1)
    halts = MarketHaltsSet(reference=5_000, levels=levels)
    assert body(
        phase(Phase.VOLATILITY_AUCTION, PhaseReason.DYNAMIC_BAND),
        halts,
        MarketHaltsSet(reference=5_000, levels=levels),  # the next partition's
        [reached, phase(Phase.HALT, PhaseReason.MARKET_HALT)],
        IndexPublished(value=4_640, levels_reached=1),
        phase(Phase.CLOSED),
    ) == [
        "H ACME Q LUDP",
        "V 465000000000 435000000000 400000000000",
        "W 1",
        "H ACME H MWC1",
        "H ACME H",
    ]


def test_a_later_start_begins_with_the_market_as_it_stands() -> None:
    commands = (
        LISTED,
        bid(1, 10, 5000),
        [offer(2, 30, 5001, terms=ICEBERG, displayed=10)],
        bid(3, 5, 5000),
        replaced(1, 10, 4999),
        phase(Phase.HALT),
        bid(4, 1, 4998, parked=True),
        cancelled(3, 5),
    )
    assert lines(*commands, start_ms=NOW + 7) == [
        *("S O", "S S", "R 1 ACME lot=1", "Y ACME 0", "H ACME H"),
        *("A 2 S 10 50.0100", "A 3 B 5 50.0000", "A 4 B 10 49.9900"),
        *("D 3", "S E", "S C"),
    ]


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", 9), ("America/New_York", 5), ("Asia/Tokyo", 18)]
)
def test_times_are_nanoseconds_since_midnight_in_the_zone(zone: str, hour: int) -> None:
    times = [each.timestamp for each in messages(itch(published(LISTED, LISTED), zone=zone))]
    assert (times[0], times[-1]) == (hour * 3600 * 10**9, (hour * 3600 * 1000 + 1) * 10**6)


@pytest.mark.parametrize(
    ("price", "decimals", "shown"),
    [
        (5001, 2, "50.0100"),
        (7, 0, "7.0000"),
        (1234500, 6, "1.2345"),
        (2_000_000_000, 4, "200000.0000"),
    ],
)
def test_prices_have_four_decimals_exactly(price: int, decimals: int, shown: str) -> None:
    listing = listed(price_decimals=decimals)
    assert f"A 1 B 1 {shown}" in lines(listing, bid(1, 1, price))


@pytest.mark.parametrize(
    ("commands", "says"),
    [
        ([listed(price_decimals=6), bid(1, 1, 1234567)], "price 1234567 at 6 decimals"),
        ([LISTED, bid(1, 1, 20_000_001)], "from 0 to 200,000.0000"),
        ([LISTED, bid(1, 2**32, 1)], "quantity 4294967296"),
        ([listed(symbol="TOO.LONG.")], "symbol 'TOO.LONG.' is not 1 to 8"),
        ([listed(symbol="ÄCME")], "symbol 'ÄCME' is not"),
        ([MarketHaltsSet(reference=2**63, levels=(HaltLevel(fall_ppm=1),))], "64 bits"),
    ],
)
def test_what_itch_cannot_say_is_an_error_with_its_place(commands: list[Any], says: str) -> None:
    with pytest.raises(CannotExport) as error:
        lines(*commands)
    assert says in str(error.value)
    assert f"partition 0, sequence {len(commands) - 1}" in str(error.value)


def test_what_itch_cannot_say_is_no_error_before_the_file_begins() -> None:
    commands = listed(price_decimals=6), bid(1, 1, 1234567), cancelled(1, 1), bid(2, 1, 1234500)
    assert "A 2 B 1 1.2345" in lines(*commands, start_ms=NOW + 3)


def test_a_file_holds_one_day() -> None:
    days = published(LISTED) + published(LISTED, start_ms=NOW + 15 * 3_600_000)
    with pytest.raises(CannotExport, match="of a later day"):
        itch(days)
    with pytest.raises(CannotExport, match="'Mars' is no time zone"):
        itch(days, zone="Mars")
