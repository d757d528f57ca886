"""A drop copy's reports, read back with the library and by the standard's own sums."""

from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO
from typing import Any

import pytest
from simplefix import FixParser

from gateway.markets.exchange.drop_copy import write_drop_copy
from gateway.markets.exchange.exporting import CannotExport, EventSource, ExportOptions, Published
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.events import (
    AccountOpened,
    CancelReason,
    InstrumentSplit,
    OrderActivated,
    OrderAdjusted,
    OrderRejected,
    OrderRepriced,
    OrderTerms,
    OrderType,
    Peg,
    RejectCode,
    Side,
    SymbolChanged,
    TimeInForce,
)
from projections.markets.exchange.order_book import OPEN_ORDERS
from tests.gateway.markets.exchange.published import (
    ACME,
    LISTED,
    NINE_ON_FRIDAY_MS,
    bid,
    busted,
    cancelled,
    corrected,
    crossed,
    decided,
    decremented,
    entered,
    listed,
    offer,
    published,
    read_model,
    refilled,
    replaced,
    traded,
)
from tests.processors.markets.exchange.mixed_flow import mixed_flow

SOH = b"\x01"
Report = dict[int, str]
SELLER = {"account_id": 2}


def drop_copy(events: Iterable[Published], **options: Any) -> bytes:
    out = BytesIO()
    write_drop_copy(list(events), out, ExportOptions(**options))
    return out.getvalue()


def parsed(data: bytes) -> list[Report]:
    """By the library; length and checksum by FIX 4.4 volume 2 alone."""
    found: list[Report] = []
    parser = FixParser()
    while data:
        begin, length, _ = data.split(SOH, 2)
        body_start = len(begin) + len(length) + 2
        body_end = body_start + int(length.removeprefix(b"9="))
        end = body_end + len(b"10=000") + 1
        assert begin == b"8=FIX.4.4"
        assert data[body_end:end] == b"10=%03d\x01" % (sum(data[:body_end]) % 256)
        parser.append_buffer(data[:end])
        message = parser.get_message()
        tags = [int(tag) for tag, _ in message.pairs]
        assert len(set(tags)) == len(tags), "no tag twice"
        found.append({int(tag): value.decode() for tag, value in message.pairs})
        data = data[end:]
    assert [report[34] for report in found] == [str(n) for n in range(1, len(found) + 1)]
    return found


def reports(*commands: Any, **options: Any) -> list[Report]:
    return parsed(drop_copy(published(*commands), **options))


def table(found: list[Report], *tags: int) -> list[str]:
    return [" ".join(report.get(tag, "-") for tag in tags) for report in found]


STATE = 150, 39, 38, 151, 14, 6
"""ExecType, OrdStatus, OrderQty, LeavesQty, CumQty, AvgPx."""


def test_a_report_says_all_of_an_order() -> None:
    (report,) = reports(LISTED, bid(7, 10, 5000, account_id=3), start_ms=NINE_ON_FRIDAY_MS + 1)
    assert {tag: report[tag] for tag in report if tag not in (8, 9, 10)} == {
        35: "8",
        49: "REFOLD",
        56: "ALL",
        34: "1",
        52: "20240503-09:00:00.001",
        37: "0-1",
        11: "7",
        17: "0-1",
        150: "0",
        39: "0",
        1: "3",
        55: "ACME",
        54: "1",
        38: "10",
        40: "2",
        44: "50.00",
        59: "1",
        151: "10",
        14: "0",
        6: "0",
        60: "20240503-09:00:00.001",
    }


def test_fills_add_up_on_both_sides() -> None:
    found = reports(
        LISTED,
        offer(1, 10, 5000, **SELLER),
        offer(2, 10, 5001, **SELLER),
        [
            bid(3, 15, 5001),
            traded(3, 1, 10, 5000, trade_id=1, taker_fee=25, maker_fee=-10),
            traded(3, 2, 5, 5001, trade_id=2),
        ],
    )
    assert table(found, 11, *STATE, 32, 31, 851, 880) == [
        "1 0 0 10 10 0 0 - - - -",
        "2 0 0 10 10 0 0 - - - -",
        "3 0 0 15 15 0 0 - - - -",
        "3 F 1 15 5 10 50 10 50.00 2 1",
        "1 F 2 10 0 10 50 10 50.00 1 1",
        "3 F 2 15 0 15 50.00333333 5 50.01 2 2",
        "2 F 1 10 5 5 50.01 5 50.01 1 2",
    ]
    assert table(found[3:5], 17, 136, 137, 139) == ["0-4-B 1 0.25 4", "0-4-S 1 -0.10 4"]


def test_an_auction_gives_a_report_of_each_side() -> None:
    found = reports(
        LISTED,
        bid(1, 10, order_type=OrderType.MARKET),
        offer(2, 4, 5000, **SELLER),
        crossed(1, 2, 4, 5000, 1, buy_fee=3),
    )
    assert table(found[2:], 17, 11, *STATE, 137) == [
        "0-3-B 1 F 1 10 6 4 50 0.03",
        "0-3-S 2 F 2 4 0 4 50 -",
    ]


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (replaced(1, 12, 4990), ["5 1 16 12 4 50", "44=49.90", "41=1"]),
        (cancelled(1, 6), ["4 4 10 0 4 50", "58=requested", "41=1"]),
        (cancelled(1, 6, CancelReason.IMMEDIATE_OR_CANCEL), ["4 4 10 0 4 50"]),
        (cancelled(1, 6, CancelReason.EXPIRED), ["C C 10 0 4 50", "58=expired"]),
        (cancelled(1, 6, CancelReason.AUCTION_OVER), ["C C 10 0 4 50"]),
        (decremented(1, 2), ["D 1 8 4 4 50", "378=5", "58=self_trade"]),
        (busted(1, 4, 5000), ["H 0 6 6 0 0", "19=0-3-B", "17=0-4-B", "32=4", "31=50.00"]),
        (corrected(1, 3, 4980, (4, 5000)), ["G 1 9 6 3 49.8", "19=0-3-B", "32=3", "31=49.80"]),
        (
            [
                InstrumentSplit(instrument=ACME, numerator=2, denominator=1),
                OrderAdjusted(instrument=ACME, order_id=1, price=2500, quantity=12),
            ],
            ["D 1 20 12 8 25", "378=0", "44=25.00"],
        ),
    ],
)
def test_what_happens_to_an_order_that_has_traded(after: Any, says: list[str]) -> None:
    """Order 1 has bought 4 of 10 at 50.00."""
    trade = traded(2, 1, 4, 5000, Side.SELL, trade_id=1)
    before = bid(1, 10, 5000), [offer(2, 4, 5000, **SELLER), trade]
    last = reports(LISTED, *before, after, account_id=1)[-1]
    assert table([last], *STATE) == says[:1]
    assert set(says[1:]) <= {f"{tag}={value}" for tag, value in last.items()}


def test_trades_of_orders_that_are_gone_are_taken_back_too() -> None:
    found = reports(
        LISTED,
        offer(2, 4, 5000, **SELLER),
        [bid(1, 4, 5000), traded(1, 2, 4, 5000, trade_id=1)],
        corrected(1, 4, 4990, (4, 5000), sell_fee=7),
        corrected(1, 3, 4990, (4, 4990)),
        busted(1, 3, 4990),
    )
    assert table(found[2:], 17, 19, *STATE) == [
        *("0-3-B - F 2 4 0 4 50", "0-3-S - F 2 4 0 4 50"),
        *("0-4-B 0-3-B G 2 4 0 4 49.9", "0-4-S 0-3-S G 2 4 0 4 49.9"),
        *("0-5-B 0-4-B G 4 4 0 3 49.9", "0-5-S 0-4-S G 4 4 0 3 49.9"),
        *("0-6-B 0-5-B H 4 4 0 0 0", "0-6-S 0-5-S H 4 4 0 0 0"),
    ]
    assert found[5][137] == "0.07"


def test_children_and_market_to_limit_orders_are_restated() -> None:
    found = reports(
        LISTED,
        bid(1, 10, order_type=OrderType.MARKET_TO_LIMIT),
        OrderRepriced(instrument=ACME, order_id=1, price=5000),
        offer(2, 10, 5100, parked=True, terms=OrderTerms(parent_order_id=1)),
        [OrderActivated(instrument=ACME, order_id=2, quantity=4), entered(2, 4, 5100)],
    )
    assert table(found, 11, 40, 44, 378, *STATE[:4]) == [
        "1 K - - 0 0 10 10",
        "1 K 50.00 3 D 0 10 10",
        "2 2 51.00 - 0 0 10 10",
        "2 2 51.00 5 D 0 4 4",
    ]


def test_pegs_move_and_icebergs_refill_in_silence() -> None:
    found = reports(
        LISTED,
        bid(1, 10, 5000, terms=OrderTerms(peg=Peg.MIDPOINT), parked=True),
        entered(1, 10, 4990),
        OrderRepriced(instrument=ACME, order_id=1, price=4995),
        bid(2, 30, 5000, terms=OrderTerms(display_quantity=10), displayed=10),
        refilled(2, 10),
    )
    assert table(found, 11, 150, 44) == ["1 0 50.00", "2 0 50.00"]


TERMS: list[tuple[dict[str, Any], str]] = [
    ({"order_type": OrderType.MARKET, "price": 0}, "40=1"),
    ({"terms": OrderTerms(stop_price=4900)}, "40=4 99=49.00"),
    ({"order_type": OrderType.MARKET, "terms": OrderTerms(stop_price=4900)}, "40=3 99=49.00"),
    ({"terms": OrderTerms(stop_price=4900, trail_amount=5)}, "40=4 18=a 211=0.05"),
    ({"terms": OrderTerms(display_quantity=10), "post_only": True}, "111=10 18=6"),
    ({"terms": OrderTerms(hidden=True)}, "111=0"),
    ({"terms": OrderTerms(all_or_none=True)}, "18=G"),
    ({"terms": OrderTerms(minimum_quantity=5)}, "110=5"),
    ({"terms": OrderTerms(peg=Peg.BEST_BID, peg_offset=-1)}, "40=P 18=R 211=-0.01"),
    ({"terms": OrderTerms(peg=Peg.BEST_OFFER)}, "40=P 18=P"),
    ({"terms": OrderTerms(peg=Peg.MIDPOINT)}, "40=P 18=M"),
    ({"time_in_force": TimeInForce.DAY}, "59=0"),
    ({"time_in_force": TimeInForce.AT_THE_CLOSE}, "59=7"),
    (
        {
            "time_in_force": TimeInForce.GOOD_TILL_DATE,
            "terms": OrderTerms(expires_on=20240510),
        },
        "59=6 432=20240510",
    ),
    (
        {"time_in_force": TimeInForce.GOOD_TILL_TIME, "expires_at_ms": NINE_ON_FRIDAY_MS + 5},
        "59=6 126=20240503-09:00:00.005",
    ),
]


@pytest.mark.parametrize(("asked", "says"), TERMS, ids=[says for _, says in TERMS])
def test_terms_have_their_tags(asked: dict[str, Any], says: str) -> None:
    (report,) = reports(LISTED, bid(1, 20, **{"price": 5000} | asked))
    assert set(says.split()) <= {f"{tag}={value}" for tag, value in report.items()}


def rejected(order_id: int, code: RejectCode, **more: Any) -> OrderRejected:
    return OrderRejected(
        instrument=more.get("instrument", ACME),
        order_id=order_id,
        code=code,
        field="price",
        reason="not on the tick — of 5",
        account_id=more.get("account_id", 1),
    )


def test_rejected_orders_are_reported_and_other_rejections_are_not() -> None:
    found = reports(
        LISTED,
        bid(1, 10, 5000),
        rejected(2, RejectCode.OFF_TICK),
        rejected(1, RejectCode.DUPLICATE_ORDER),
        rejected(1, RejectCode.OFF_TICK),  # of a replace: the order is open
        rejected(3, RejectCode.UNKNOWN_ORDER),  # of a cancel
        rejected(4, RejectCode.UNKNOWN_INSTRUMENT, instrument="NONE"),
        rejected(0, RejectCode.INVALID_INSTRUMENT, account_id=0),  # of the operator's
    )
    assert table(found[1:], 11, 37, 150, 39, 54, 55, 103, 151, 14) == [
        "2 NONE 8 8 7 ACME 99 0 0",
        "1 NONE 8 8 7 ACME 6 0 0",
        "4 NONE 8 8 7 NONE 1 0 0",
    ]
    assert found[1][58] == "not on the tick ? of 5"


def test_a_copy_is_of_an_account_or_a_member_or_all() -> None:
    commands = (
        AccountOpened(account_id=1, member_id=50),
        AccountOpened(account_id=2, member_id=50),
        AccountOpened(account_id=3, member_id=60),
        LISTED,
        offer(1, 10, 5000, account_id=2),
        [bid(2, 10, 5000, account_id=3), traded(2, 1, 10, 5000, trade_id=1)],
        bid(3, 10, 5000, account_id=1),
    )
    assert table(reports(*commands), 1, 150) == ["2 0", "3 0", "3 F", "2 F", "1 0"]
    assert table(reports(*commands, account_id=3), 56, 1) == ["ACCOUNT-3 3", "ACCOUNT-3 3"]
    of_member = table(reports(*commands, member_id=50), 56, 1, 150)
    assert of_member == ["MEMBER-50 2 0", "MEMBER-50 2 F", "MEMBER-50 1 0"]
    with pytest.raises(CannotExport, match="not both"):
        reports(*commands, account_id=3, member_id=50)


def test_a_later_start_knows_what_came_before() -> None:
    commands = LISTED, bid(1, 10, 5000), SymbolChanged(instrument=ACME, symbol="AC ME")
    more = [offer(2, 4, 5000), traded(2, 1, 4, 5000, Side.SELL, trade_id=1)]
    found = reports(*commands, more, start_ms=NINE_ON_FRIDAY_MS + 3)
    assert table(found, 34, 11, 55, 150, 151) == [
        *("1 2 AC ME 0 4", "2 2 AC ME F 0", "3 1 AC ME F 6"),
    ]


def test_people_get_bars_and_lines() -> None:
    text = drop_copy(published(LISTED, bid(1, 10, 5000), cancelled(1, 10)), readable=True)
    assert SOH not in text
    first, second = text.decode().splitlines()
    assert first.startswith("8=FIX.4.4|9=") and "|35=8|" in first and second.endswith("|")


def test_a_symbol_that_fix_cannot_say_is_an_error() -> None:
    with pytest.raises(CannotExport, match=r"sequence 0: the symbol 'A.x01B' is not printable"):
        reports(listed(symbol="A\x01B"))


def test_quantities_add_up_over_a_whole_flow() -> None:
    """CumQty and AvgPx are those of the order's trades as they stand; LeavesQty is OrderQty less
    CumQty while an order is open, and what the read model of open orders has."""
    log = decided(mixed_flow, seed=6)
    found = parsed(drop_copy(EventSource(log, SYSTEM, ExportOptions())))
    trades: dict[str, tuple[int, Fraction]] = {}
    totals: dict[str, list[Any]] = {}
    leaves: dict[tuple[str, str], int] = {}
    for report in found:
        kind, total = report[150], totals.setdefault(report[37], [0, Fraction()])
        if kind in "FGH":
            before = trades.pop(report.get(19, ""), (0, Fraction()))
            quantity = 0 if kind == "H" else int(report[32])
            notional = quantity * Fraction(report[31])
            trades[report[17]] = quantity, notional
            total[0] += quantity - before[0]
            total[1] += notional - before[1]
        elif report.get(378) == "0":  # a split: in new shares, for the same money
            total[0] = int(report[14])
        assert int(report[14]) == total[0], report
        if total[0]:
            assert abs(Fraction(report[6]) - total[1] / total[0]) < Fraction(1, 10**6), report
        is_open = report[39] in "01"
        assert int(report[151]) == (int(report[38]) - int(report[14]) if is_open else 0), report
        if kind != "8":
            leaves[report[37], report[11]] = int(report[151])
    with read_model(log).reading() as reader:
        open_orders = [(str(row.order_id), row.quantity) for row in reader.rows(OPEN_ORDERS)]
    assert sorted((key[1], left) for key, left in leaves.items() if left) == sorted(open_orders)
    assert {report[150] for report in found} == set("045CDFGH8")
