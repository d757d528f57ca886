"""Reading NYSE Arca order messages: every type, trades, the crossed book, and every complaint."""

import csv
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.markets.exchange.arca import arca
from gateway.markets.exchange.importers import IMPORTERS
from gateway.markets.exchange.recorded_book import AGGRESSOR_ID_BASE
from gateway.recording import BadRecording, RecordingOptions
from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    PlaceOrder,
    ReplaceOrder,
    Side,
    TimeInForce,
)
from processors.markets.exchange.order_book import BookSide
from tests.gateway.markets.exchange.replaying import REAL_DATA, levels, play, queue, trades


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        path = tmp_path / "ACME.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


def test_each_type_of_message_becomes_its_command(write: Callable[..., Path]) -> None:
    recording = arca(
        write(
            "type,time,id,price,size,type",
            "A,1000,7,11.5,300,BID",
            "A,900,8,11.535,200,ASK",
            "R,2000,7,100",
            "C,3000,8",
            "T,4000,99,11.51,50",
        )
    )
    assert list(recording.commands()) == [
        (1000, ListInstrument(instrument="ACME", price_decimals=6)),
        (
            1000,
            PlaceOrder(
                instrument="ACME",
                order_id=7,
                account_id=1,
                side=Side.BUY,
                quantity=300,
                price=11_500_000,
            ),
        ),
        (
            900,
            PlaceOrder(
                instrument="ACME",
                order_id=8,
                account_id=1,
                side=Side.SELL,
                quantity=200,
                price=11_535_000,
            ),
        ),
        (2000, ReplaceOrder(instrument="ACME", order_id=7, price=11_500_000, quantity=100)),
        (3000, CancelOrder(instrument="ACME", order_id=8)),
    ]
    summary = recording.summary
    assert sorted(summary.messages.items()) == [
        ("A new order", 2),
        ("C gone", 1),
        ("R new size", 1),
        ("T trade", 1),
    ]
    assert summary.remarks == {"trades recorded": 1}


def test_a_reduction_and_its_trade_are_one_trade_on_the_exchange(
    write: Callable[..., Path],
) -> None:
    steps = play(
        arca(
            write(
                "A,1,7,11.5,300,BID",
                "A,1,8,11.5,100,BID",
                "R,2,7,100",
                "T,2,7,11.5,200,TRUE",
                "C,3,7",
                "T,3,7,11.5,100",
            )
        ),
        "ACME",
    )
    *_, third, fourth, fifth, sixth = [(s, trades(s), s.commands) for s in steps]
    assert third[1] == [(7, 200, 11_500_000)]
    assert third[2] == [
        PlaceOrder(
            instrument="ACME",
            order_id=AGGRESSOR_ID_BASE + 1,
            account_id=3,
            side=Side.SELL,
            quantity=200,
            price=11_500_000,
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
        )
    ]
    assert fifth[1] == [(7, 100, 11_500_000)]
    assert fourth[2] == sixth[2] == []
    assert levels(sixth[0].book.bids) == [(11_500_000, 100)]


@pytest.mark.parametrize(
    "trade",
    ["T,2,7,11.49,300", "T,2,7,11.5,200", "T,2,9,11.5,300"],
    ids=["another price", "another size", "another order"],
)
def test_a_trade_that_does_not_fit_leaves_the_cancel_a_cancel(
    write: Callable[..., Path], trade: str
) -> None:
    path = write("A,1,7,11.5,300,BID", "C,2,7", trade)
    *_, second, third = arca(path).rows
    assert second[2] == [CancelOrder(instrument="ACME", order_id=7)]
    assert third[2] == []


def test_a_trade_out_of_turn_leaves_the_cancel_a_cancel(write: Callable[..., Path]) -> None:
    path = write("A,1,6,11.5,9,BID", "A,1,7,11.5,300,BID", "C,2,7", "T,2,7,11.5,300")
    commands = list(arca(path).commands())
    assert commands[-1][1] == CancelOrder(instrument="ACME", order_id=7)


def test_an_order_that_grows_keeps_its_place(write: Callable[..., Path]) -> None:
    path = write("A,1,6,11.5,9,BID", "A,1,7,11.5,300,BID", "R,2,6,20")
    *_, last = play(recording := arca(path), "ACME")
    assert queue(last.book.bids, 11_500_000) == [(6, 20), (7, 300)]
    assert recording.summary.remarks == {"orders that grew in place": 1}


def test_what_was_never_added_is_counted(write: Callable[..., Path]) -> None:
    recording = arca(write("A,1,6,11.5,9,BID", "C,2,5", "R,3,4,10"))
    assert len(list(recording.commands())) == 2
    assert recording.summary.remarks == {
        "cancels and new sizes of orders that were never added": 2
    }


def test_an_order_that_would_trade_waits_until_it_would_rest(write: Callable[..., Path]) -> None:
    path = write(
        "A,1,6,11.5,9,ASK", "A,1,7,11.6,300,BID", "A,1,8,11.5,5,BID", "R,2,7,30", "C,2,8", "C,3,6"
    )
    steps = [
        (s.commands, levels(s.book.bids), levels(s.book.asks)) for s in play(arca(path), "ACME")
    ]
    for held in steps[1:5]:
        assert held == ([], [], [(11_500_000, 9)])
    assert steps[5][1:] == ([(11_600_000, 30)], [])


def test_options_give_what_the_text_lacks(write: Callable[..., Path]) -> None:
    options = RecordingOptions(instrument="XYZ", day=date(2012, 6, 21))
    at, listing = next(arca(write("A,5,6,1.00E-04,9,BID"), options).commands())
    assert at == 1_340_236_800_005
    assert isinstance(listing, ListInstrument)
    assert listing.instrument == "XYZ"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("X,1,2", "type", "'X' is none of A, C, R and T"),
        ("A,1,7,11.5,-300,BID", "size", "'-300' is not a whole number"),
        ("A,1,7,11.5,0,BID", "size", "0 is not from 1"),
        ("R,1,6,1.5", "size", "'1.5' is not a whole number"),
        ("A,1,7,11.1234567,300,BID", "price", "at most 6 decimals"),
        ("A,1,7,-11,300,BID", "price", "above 0"),
        ("A,1,7,NaN,300,BID", "price", "above 0"),
        ("A,1,7,1E+999999,300,BID", "price", "above 0"),
        ("A,1,7,11.5,300,BUY", "side", "'BUY' is neither BID nor ASK"),
        ("A,9:30,7,11.5,300,BID", "time", "'9:30' is not a whole number"),
        ("A,1,x,11.5,300,BID", "id", "'x' is not a whole number"),
        ("A,1,6,11.5,300,BID", "id", "order 6 is added again while it is open"),
        ("A,1,7,11.5,300", "columns", "type A has 6 columns, and this has 5"),
        ("C,1", "columns", "type C has 3 columns, and this has 2"),
        ("R,1,6,5,5", "columns", "type R has 4 columns, and this has 5"),
        ("T,1,6", "columns", "type T has 5 or 6 columns, and this has 3"),
    ],
)
def test_a_bad_message_is_named_by_line_and_field(
    write: Callable[..., Path], line: str, field: str, reason: str
) -> None:
    path = write("A,1,6,11.5,9,BID", line, "C,1,6")
    with pytest.raises(BadRecording) as caught:
        list(arca(path).commands())
    assert (caught.value.path, caught.value.line, caught.value.field) == (path, 2, field)
    assert reason in caught.value.reason
    assert path not in [each.resolve() for each in Path("/proc/self/fd").iterdir()], "it is open"


def test_an_empty_file_is_no_recording(write: Callable[..., Path]) -> None:
    with pytest.raises(BadRecording, match="there is no message in it"):
        next(arca(write()).commands())


def test_the_importers_are_listed_by_name(write: Callable[..., Path]) -> None:
    assert sorted(IMPORTERS) == ["arca", "lobster"]
    path = write("A,1,6,11.5,9,BID")
    assert len(list(IMPORTERS["arca"].open(path, RecordingOptions()).commands())) == 2


def test_a_real_recording_gives_the_book_expected_after_5000_messages() -> None:
    path = REAL_DATA / "arca_sample.txt"
    if not path.exists():
        pytest.skip(f"the recording {path} is not here")
    with (REAL_DATA / "arca_expected_book_after_5000_messages.csv").open() as lines:
        expected = {
            int(row["id"]): (
                int(Decimal(row["price"]) * 10**6),
                int(Decimal(row["size"])),
                row["type"],
            )
            for row in csv.DictReader(lines)
        }
    with path.open() as lines:
        next(lines)
        messages = [line.rstrip().split(",") for line in lines]
    added_ms = {int(m[2]): int(m[1]) for m in messages if m[0] == "A"}
    recording = arca(path)
    steps = play(recording, "arca_sample")
    step = next(s for s in steps if s.number == 5000)
    assert len(expected) == 2449
    assert expected == {
        order.order_id: (order.price, order.quantity, "BID" if order.side is Side.BUY else "ASK")
        for order in step.book.orders.values()
    }
    for side in (step.book.bids, step.book.asks):
        assert _in_order_of_time(side, added_ms)

    *_, step = steps
    assert step.number == 10_500
    still_open = {int(m[2]) for m in messages if m[0] == "A"}
    still_open -= {int(m[2]) for m in messages if m[0] == "C"}
    assert set(step.book.orders) == still_open
    assert recording.summary.remarks == {
        "trades recorded": 830,
        "trades made on the exchange": 741,
    }


def _in_order_of_time(side: BookSide, added_ms: dict[int, int]) -> bool:
    for price, _ in levels(side):
        times = [added_ms[order_id] for order_id, _ in queue(side, price)]
        if times != sorted(times):
            return False
    return True
