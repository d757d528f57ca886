"""Reading LOBSTER recordings: every type of message, what is inferred, and every complaint.

In the small recordings ask prices are 10100, 10200, ..., bid prices 10000, 9900, ..., and a book
row is ask price, ask size, bid price, bid size for each level.
"""

import gzip
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from gateway.markets.exchange.lobster import lobster
from gateway.markets.exchange.lobster_files import (
    EXECUTED,
    EXECUTED_HIDDEN,
    SUBMITTED,
    BookRow,
    Message,
    MessageFile,
    OrderbookFile,
)
from gateway.markets.exchange.recorded_book import AGGRESSOR_ID_BASE, ANONYMOUS_ID_BASE
from gateway.recording import BadRecording, RecordingOptions
from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    PlaceOrder,
    ReplaceOrder,
    Side,
    TimeInForce,
)
from tests.gateway.markets.exchange.recorded_market import INSTRUMENT, record
from tests.gateway.markets.exchange.replaying import (
    REAL_DATA,
    expected_trades,
    levels,
    play,
    queue,
    shows,
    trades,
)

NAME = "ACME_2012-06-21_34200000_57600000_message_1.csv"
ANON = ANONYMOUS_ID_BASE
MIDNIGHT_MS = 1_340_236_800_000
ALONE = RecordingOptions(orderbook="none")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a message file, and an orderbook file where there are rows for one."""

    def write(messages: list[str], rows: list[str] | None = None) -> Path:
        path = tmp_path / NAME
        path.write_text("".join(f"{line}\n" for line in messages))
        if rows is not None:
            beside = path.with_name(NAME.replace("message", "orderbook"))
            beside.write_text("".join(f"{row}\n" for row in rows))
        return path

    return write


EACH_TYPE = [
    "34200.0019,1,11,50,10100,-1",
    "34200.5,1,12,30,10000,1",
    "34201,2,11,20,10100,-1",
    "34202.000999999,4,11,10,10100,-1",
    "34203.1,3,12,30,10000,1",
    "34203.2,5,0,7,10050,1",
    "34203.3,6,-1,900,10000,-1",
    "34203.4,7,0,0,-1,-1",
]


def test_each_type_of_message_becomes_its_command(write: Callable[..., Path]) -> None:
    recording = lobster(write(EACH_TYPE))
    listing, *commands = recording.commands()
    assert listing == (
        MIDNIGHT_MS + 34_200_001,
        ListInstrument(instrument="ACME", price_decimals=4, tick_size=100),
    )
    assert commands == [
        (
            MIDNIGHT_MS + 34_200_001,
            PlaceOrder(
                instrument="ACME",
                order_id=11,
                account_id=1,
                side=Side.SELL,
                quantity=50,
                price=10100,
            ),
        ),
        (
            MIDNIGHT_MS + 34_200_500,
            PlaceOrder(
                instrument="ACME",
                order_id=12,
                account_id=1,
                side=Side.BUY,
                quantity=30,
                price=10000,
            ),
        ),
        (
            MIDNIGHT_MS + 34_201_000,
            ReplaceOrder(instrument="ACME", order_id=11, price=10100, quantity=30),
        ),
        (
            MIDNIGHT_MS + 34_202_000,
            PlaceOrder(
                instrument="ACME",
                order_id=AGGRESSOR_ID_BASE + 1,
                account_id=3,
                side=Side.BUY,
                quantity=10,
                price=10100,
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            ),
        ),
        (MIDNIGHT_MS + 34_203_100, CancelOrder(instrument="ACME", order_id=12)),
    ]


def test_what_was_read_and_made_of_it_is_counted(write: Callable[..., Path]) -> None:
    recording = lobster(write(EACH_TYPE))
    assert len(list(recording.commands())) == 6
    assert sum(recording.summary.messages.values()) == 8
    assert {name[0]: n for name, n in recording.summary.messages.items()} == {
        "1": 2, "2": 1, "3": 1, "4": 1, "5": 1, "6": 1, "7": 1,
    }  # fmt: skip
    assert recording.summary.commands == {
        "ListInstrument": 1,
        "PlaceOrder": 3,
        "ReplaceOrder": 1,
        "CancelOrder": 1,
    }
    assert not recording.summary.remarks
    assert recording.fraction_done() == 1


def test_orders_from_before_stand_at_the_start_with_ids_sizes_and_priority(
    write: Callable[..., Path],
) -> None:
    # 100 stand at 10100 before: 7 is hit before 5, 6 is cancelled later, 25 are never named.
    path = write(
        [
            "34200.1,1,20,40,10100,-1",
            "34200.2,4,7,30,10100,-1",
            "34200.3,4,5,10,10100,-1",
            "34200.4,2,6,15,10100,-1",
            "34200.5,3,6,20,10100,-1",
        ],
        [
            "10100,140,9900,60",
            "10100,110,9900,60",
            "10100,100,9900,60",
            "10100,85,9900,60",
            "10100,65,9900,60",
        ],
    )
    steps = play(lobster(path), "ACME")
    first = next(steps)
    assert queue(first.book.asks, 10100) == [(7, 30), (5, 10), (6, 35), (ANON + 2, 25), (20, 40)]
    assert queue(first.book.bids, 9900) == [(ANON + 1, 60)]
    assert trades(next(steps)) == [(7, 30, 10100)]
    assert trades(next(steps)) == [(5, 10, 10100)]
    assert [type(c) for c in next(steps).commands] == [ReplaceOrder]
    assert queue(next(steps).book.asks, 10100) == [(ANON + 2, 25), (20, 40)]


def test_a_level_that_comes_into_sight_brings_its_orders_before_the_message(
    write: Callable[..., Path],
) -> None:
    # 15 is older than the recording; 25 came while 10200 was out of sight; 15 more have no name.
    path = write(
        [
            "34200.1,1,20,40,10100,-1",
            "34200.2,3,20,40,10100,-1",
            "34200.3,4,15,10,10200,-1",
            "34200.4,4,25,5,10200,-1",
        ],
        ["10100,40,9900,60", "10200,30,9900,60", "10200,20,9900,60", "10200,15,9900,60"],
    )
    first, second, third, fourth = play(lobster(path), "ACME")
    assert [c.order_id for c in first.commands[1:] if isinstance(c, PlaceOrder)] == [
        15, ANON + 1, 20,
    ]  # fmt: skip
    assert [c.order_id for c in second.commands if isinstance(c, PlaceOrder)] == [25, ANON + 2]
    assert second.commands[-1] == CancelOrder(instrument="ACME", order_id=20)
    assert trades(third) == [(15, 10, 10200)]
    assert trades(fourth) == [(25, 5, 10200)]
    assert levels(fourth.book.asks) == [(10200, 15)]


def test_what_left_the_book_out_of_sight_is_cancelled_when_that_shows(
    write: Callable[..., Path],
) -> None:
    # 30 goes out of sight behind 20, and 10300 comes into sight without it; then 10200 is smaller.
    path = write(
        [
            "34200.1,1,30,40,10200,-1",
            "34200.2,1,20,10,10100,-1",
            "34200.3,3,20,10,10100,-1",
        ],
        ["10200,40,9900,60", "10100,10,9900,60", "10300,70,9900,60"],
    )
    *_, third = play(recording := lobster(path), "ACME")
    assert [c.order_id for c in third.commands if isinstance(c, CancelOrder)] == [30, 20]
    assert levels(third.book.asks) == [(10300, 70)]
    assert recording.summary.remarks["orders that must have left out of sight"] == 1


def test_a_level_that_shrank_out_of_sight_keeps_what_later_rows_name(
    write: Callable[..., Path],
) -> None:
    path = write(
        [
            "34200.1,1,30,40,10200,-1",
            "34200.2,1,31,50,10200,-1",
            "34200.3,1,20,10,10100,-1",
            "34200.4,3,20,10,10100,-1",
            "34200.5,4,31,50,10200,-1",
        ],
        [
            "10200,40,9900,6",
            "10200,90,9900,6",
            "10100,10,9900,6",
            "10200,60,9900,6",
            "10200,10,9900,6",
        ],
    )
    *_, fifth = play(lobster(path), "ACME")
    assert trades(fifth) == [(31, 50, 10200)]
    assert levels(fifth.book.asks) == [(10200, 10)]


def test_an_execution_out_of_turn_moves_the_order_named_to_the_front(
    write: Callable[..., Path],
) -> None:
    path = write(
        ["34200.1,1,30,40,10200,-1", "34200.2,1,31,50,10200,-1", "34200.3,4,31,20,10200,-1"],
        ["10200,40,9900,6", "10200,90,9900,6", "10200,70,9900,6"],
    )
    *_, third = play(recording := lobster(path), "ACME")
    assert trades(third) == [(31, 20, 10200)]
    assert queue(third.book.asks, 10200) == [(31, 30), (30, 40)]
    assert recording.summary.remarks["queues rearranged to execute the order named"] == 1


def test_a_crossed_recording_waits_until_a_matching_engine_could_have_it(
    write: Callable[..., Path],
) -> None:
    # As in a halt: 31 rests at the price of an offer until the offer is gone.
    path = write(
        [
            "34200.1,1,30,40,10200,-1",
            "34200.2,1,31,50,10200,1",
            "34200.3,2,31,20,10200,1",
            "34200.4,3,30,40,10200,-1",
        ],
        ["10200,40,9900,6", "10200,40,10200,50", "10200,40,10200,30", "10300,8,10200,30"],
    )
    recording = lobster(path)
    _, second, third, fourth = (
        (s.commands, levels(s.book.bids), levels(s.book.asks)) for s in play(recording, "ACME")
    )
    assert second == third == ([], [(9900, 6)], [(10200, 40)])
    assert fourth[1:] == ([(10200, 30), (9900, 6)], [(10300, 8)])
    assert recording.summary.remarks["rows whose recorded book is crossed"] == 2
    assert recording.summary.remarks["orders held back while the recorded book was crossed"] == 1


def test_without_an_orderbook_orders_stand_by_id_or_appear_when_touched(
    write: Callable[..., Path],
) -> None:
    path = write(
        [
            "34200.1,1,20,40,10100,-1",
            "34200.2,4,6,10,10100,-1",
            "34200.3,4,25,5,10100,-1",
            "34200.4,4,20,40,10100,-1",
        ]
    )
    first, second, third, fourth = (
        (queue(s.book.asks, 10100) if s.book.asks.levels else [], trades(s))
        for s in play(lobster(path), "ACME")
    )
    assert first == ([(6, 10), (20, 40)], [])  # 6 < 20: from before
    assert second[1] == [(6, 10, 10100)]
    assert third[1] == [(25, 5, 10100)]  # and 20, which is still to be executed, behind it
    assert fourth[1] == [(20, 40, 10100)]


def test_without_an_orderbook_what_stands_in_the_way_unnamed_is_gone(
    write: Callable[..., Path],
) -> None:
    path = write(
        [
            "34200.1,1,20,40,10100,-1",
            "34200.2,1,21,40,10200,-1",
            "34200.3,4,21,10,10200,-1",
            "34200.4,1,22,10,10200,1",
        ]
    )
    *_, third, fourth = (
        (trades(s), levels(s.book.bids), levels(s.book.asks)) for s in play(lobster(path), "ACME")
    )
    assert third == ([(21, 10, 10200)], [], [(10200, 30)])
    assert fourth == ([], [(10200, 10)], [])


def test_a_price_finer_than_a_cent_makes_a_finer_tick(write: Callable[..., Path]) -> None:
    listing = next(lobster(write(["34200,1,1,1,9950,1", "34200,1,2,1,9951,1"])).commands())[1]
    assert isinstance(listing, ListInstrument)
    assert listing.tick_size == 1


def test_headers_gzip_and_crlf_change_nothing(write: Callable[..., Path], tmp_path: Path) -> None:
    messages = ["34200.1,1,20,40,10100,-1", "34200.2,3,20,40,10100,-1"]
    rows = ["10100,40,9900,60", "10200,30,9900,60"]
    plain = list(lobster(write(messages, rows)).commands())
    folder = tmp_path / "packed"
    folder.mkdir()
    for name, header, lines in (
        (NAME, "Time,Type,OrderId,Size,Price,Direction", messages),
        (NAME.replace("message", "orderbook"), "AskPrice1,AskSize1,BidPrice1,BidSize1", rows),
    ):
        text = "".join(f"{line}\r\n" for line in (header, *lines))
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    assert list(lobster(folder / f"{NAME}.gz").commands()) == plain


def test_the_name_tells_instrument_and_day_unless_options_do(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write(["0,1,20,40,10100,-1"])
    options = RecordingOptions(instrument="X", day=date(2020, 7, 1), zone="America/New_York")
    at, listing = next(lobster(path, options).commands())
    assert isinstance(listing, ListInstrument)
    assert (at, listing.instrument) == (1_593_576_000_000, "X")
    other = path.rename(tmp_path / "day.csv")
    assert next(lobster(other, options).commands()) == (at, listing)


GOOD = "34200.1,1,20,40,10100,-1"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("34200.2,1,21,-5,10100,-1", "size", "'-5' is not a whole number from 1"),
        ("34200.2,1,21,0,10100,-1", "size", "'0' is not a whole number from 1"),
        ("34200.2,1,21,1_0,10100,-1", "size", "'1_0' is not a whole number"),
        ("34200.2,9,21,5,10100,-1", "type", "'9' is not from 1 to 7"),
        ("34200.2,1,21,5,10100,0", "direction", "'0' is neither 1 (buy) nor -1"),
        ("9:30,1,21,5,10100,1", "time", "'9:30' is not seconds"),
        ("-1.5,1,21,5,10100,1", "time", "'-1.5' is not seconds"),
        ("34200.2,1,x,5,10100,1", "order id", "'x' is not a number"),
        (f"34200.2,1,{ANON},5,10100,1", "order id", f"not a number from 0 to {ANON - 1}"),
        ("34200.2,1,21,5,-1,1", "price", "'-1' is not a whole number of USD / 10000"),
        ("34200.2,1,21,5,1.5,1", "price", "'1.5' is not a whole number of USD / 10000"),
        ("34200.2,1,20,5,10100,-1", "order id", "order 20 is submitted again while it is open"),
        ("34200.2,1,21,5,10100", "columns", "6 columns, and this has 5"),
        ("", "columns", "6 columns, and this has 1"),
        ("34200.2,1,21,5,1010\x000,1", "columns", "not text"),
        ("34200.2,1,21,5,10100," + "1" * 50, "columns", "longer than 40"),
    ],
)
def test_a_bad_message_is_named_by_line_and_field_before_any_command(
    write: Callable[..., Path], line: str, field: str, reason: str
) -> None:
    path = write([GOOD, line, GOOD.replace("20", "22")])
    with pytest.raises(BadRecording) as caught:
        next(lobster(path).commands())
    assert (caught.value.path, caught.value.line, caught.value.field) == (path, 2, field)
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"{path}, line 2: {field}: ")
    assert caught.value.advice


@pytest.mark.parametrize(
    ("rows", "line", "field", "reason"),
    [
        (["1,1,1,1"], 0, "rows", "it ends before the message on line 2"),
        (["1,1,1,1"] * 3, 3, "rows", "it goes on after the last message"),
        (["1,1,1,1", "1,1,1"], 2, "columns", "an orderbook line has 4, as on line 1"),
        (["1,1,1,1,1", "1,1,1,1,1"], 1, "columns", "an orderbook line has four a level"),
        (["1,1,1,1", "2,-5,1,1"], 2, "price or size", "is not above 0"),
        (["1,1,1,1", "2,x,1,1"], 2, "price or size", "'x'"),
    ],
)
def test_a_bad_orderbook_is_named_before_any_command(
    write: Callable[..., Path], rows: list[str], line: int, field: str, reason: str
) -> None:
    path = write([GOOD, "34200.2,3,20,40,10100,-1"], rows)
    with pytest.raises(BadRecording) as caught:
        next(lobster(path).commands())
    assert caught.value.path.name == NAME.replace("message", "orderbook")
    assert (caught.value.line, caught.value.field) == (line, field)
    assert reason in caught.value.reason


def test_a_cut_or_damaged_gzip_says_where(write: Callable[..., Path], tmp_path: Path) -> None:
    lines = [f"34200.{n},1,{n},40,10100,-1" for n in range(1, 20_000)]
    packed = gzip.compress(write(lines).read_bytes())
    path = tmp_path / f"{NAME}.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadRecording, match="cut off or damaged") as caught:
        next(lobster(path).commands())
    assert 1000 < caught.value.line < 20_000
    path.write_bytes(packed[:5000] + bytes(100) + packed[5100:])
    with pytest.raises(BadRecording):
        next(lobster(path).commands())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "there is no message in it"),
        (b"Time,Type,OrderId,Size,Price,Direction\n", "there is no message in it"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text file"),
        (bytes(300_000), "there are bytes in it that are not text"),
        (b"10100,40,9900,60\n", "a message has 6 columns, and this has 4"),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(BadRecording) as caught:
        next(lobster(path).commands())
    assert reason in caught.value.reason


def test_what_is_missing_is_said_at_once(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write([GOOD])
    with pytest.raises(BadRecording, match="No such file"):
        lobster(tmp_path / NAME.replace("ACME", "BOLT"))
    with pytest.raises(BadRecording, match="No such file"):
        lobster(path, RecordingOptions(orderbook=tmp_path / "none.csv"))
    with pytest.raises(BadRecording, match="'Mars/Base' is no time zone"):
        lobster(path, RecordingOptions(zone="Mars/Base"))
    with pytest.raises(BadRecording, match="give the instrument and the date"):
        lobster(path.rename(tmp_path / "day.csv"))
    with pytest.raises(BadRecording, match="2012-13-45 is no date"):
        lobster(tmp_path / NAME.replace("06-21", "13-45"))


@pytest.mark.parametrize("depth", [1, 2, 10])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_market_read_back_from_its_recording_is_the_market(
    tmp_path: Path, seed: int, depth: int
) -> None:
    """Recorded from the middle of a day through `depth` levels, and read back: every row shows
    the same levels, and every execution hits the order that it names."""
    path = record(tmp_path, seed, depth, skipped=3_000, recorded=4_000)
    recording = lobster(path)
    executions = 0
    for step, message, row in zip(play(recording, INSTRUMENT), *_files(path), strict=True):
        assert shows(step.book, row), message
        assert trades(step) == expected_trades(message)
        executions += message.kind == EXECUTED
    assert executions > 300
    assert recording.summary.remarks["orders named that were never submitted"] > 20
    assert not recording.summary.remarks["levels in sight that changed with no message"]
    assert not recording.summary.remarks["executions out of turn, written as cancels"]


def test_executions_hit_the_orders_named_without_the_orderbook_too(tmp_path: Path) -> None:
    path = record(tmp_path, seed=3, depth=1, skipped=3_000, recorded=4_000)
    steps = play(lobster(path, ALONE), INSTRUMENT)
    for step, message in zip(steps, MessageFile(path).messages(), strict=True):
        assert trades(step) == expected_trades(message)


def _files(path: Path) -> tuple[Iterator[Message], Iterator[BookRow]]:
    orderbook = path.with_name(path.name.replace("_message_", "_orderbook_"))
    return MessageFile(path).messages(), OrderbookFile(orderbook).rows()


def _determined(message: Message, row: BookRow) -> bool:
    """Whether the row before and the message are enough to tell the row: they are not where the
    message empties a level, so that one from out of sight takes its turn."""
    if message.kind == SUBMITTED or message.kind >= EXECUTED_HIDDEN:
        return True
    return message.price in row.shown(message.side)


@pytest.mark.parametrize(
    ("name", "rows", "determined"),
    [
        ("AAPL_2012-06-21_34200000_57600000_message_10.first999.csv", 999, 680),
        ("AMZN_2012-06-21_34200000_57600000_message_1.csv.gz", 57_515, 43_561),
    ],
)
def test_a_real_recording_gives_every_row_and_every_execution(
    name: str, rows: int, determined: int
) -> None:
    """All rows are equal, not only those that the levels in sight determine; and in those nothing
    was repaired, since no level in sight ever changed but by its message."""
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"the recording {path} is not here")
    recording = lobster(path)
    counted = 0
    for step, message, row in zip(play(recording, name[:4]), *_files(path), strict=True):
        assert shows(step.book, row), message
        assert trades(step) == expected_trades(message)
        counted += step.number > 1 and _determined(message, row)
    assert (step.number, counted) == (rows, determined)
    assert not recording.summary.remarks["levels in sight that changed with no message"]
    assert not recording.summary.remarks["executions out of turn, written as cancels"]
