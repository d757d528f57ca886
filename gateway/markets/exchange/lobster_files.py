"""LOBSTER's two files: what their names say, and their rows.

Message file, six columns: time (s after midnight, up to ns), type, order id, size, price (USD x
10000), direction (of the resting order; 1 buy, -1 sell). Orderbook file, four columns a level: ask
price, ask size, bid price, bid size; row k is the book after message k.
(https://lobsterdata.com/info/DataStructure.php)
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from gateway.markets.exchange.recorded_book import ANONYMOUS_ID_BASE, BUY, SELL
from gateway.recording import BadRecording, LineReader, RecordingOptions
from processors.markets.exchange.commands import Side

SUBMITTED: Final = 1
PARTLY_CANCELLED: Final = 2
DELETED: Final = 3
EXECUTED: Final = 4
EXECUTED_HIDDEN: Final = 5
CROSS_TRADE: Final = 6
HALT: Final = 7
TYPE_NAMES: Final = {
    SUBMITTED: "1 new limit order",
    PARTLY_CANCELLED: "2 partial cancel",
    DELETED: "3 delete",
    EXECUTED: "4 visible execution",
    EXECUTED_HIDDEN: "5 hidden execution (the book stays)",
    CROSS_TRADE: "6 cross trade (the book stays)",
    HALT: "7 trading halt (the book stays)",
}
_TYPES: Final = {str(number): number for number in TYPE_NAMES}
_SIDES: Final = {"1": BUY, "-1": SELL}
UNOCCUPIED: Final = 9_999_999_999
"""The price of an ask level that does not exist, and minus it for bids."""
SIZE_MAX: Final = 1_000_000_000

_FILE_NAME = re.compile(r"(?P<ticker>[^_]+)_(?P<day>\d{4}-\d{2}-\d{2})_.*message")


class Message(NamedTuple):
    line: int
    time_ms: int
    """After midnight, rounded down."""
    kind: int
    order_id: int
    size: int
    price: int
    side: Side
    """Of the resting order."""


class BookRow(NamedTuple):
    """The levels shown after a message: size by price, best first."""

    line: int
    asks: dict[int, int]
    bids: dict[int, int]
    depth: int
    """How many levels a side may show; fewer are there where there are no more."""

    def shown(self, side: Side) -> dict[int, int]:
        return self.bids if side is BUY else self.asks

    @property
    def crossed(self) -> bool:
        return bool(self.asks and self.bids) and next(iter(self.asks)) <= next(iter(self.bids))


def instrument_and_day(path: Path, options: RecordingOptions) -> tuple[str, date]:
    """From the options, else from a name like TICKER_2012-06-21_34200000_57600000_message_10."""
    found = _FILE_NAME.match(path.name)
    instrument = options.instrument or (found["ticker"] if found else None)
    day = options.day
    if day is None and found:
        try:
            day = date.fromisoformat(found["day"])
        except ValueError as error:
            raise BadRecording(
                path, 0, "file name", f"{found['day']} is no date", "rename it or give the date"
            ) from error
    if instrument is None or day is None:
        raise BadRecording(
            path,
            0,
            "file name",
            "it is not like TICKER_YYYY-MM-DD_START_END_message_LEVEL.csv",
            "give the instrument and the date",
        )
    return instrument, day


def orderbook_beside(path: Path) -> Path | None:
    """The orderbook file that goes with a message file by its name, if it is there."""
    if "_message_" not in path.name:
        return None
    name = path.name.replace("_message_", "_orderbook_")
    plain = name.removesuffix(".gz")
    return next(
        (p for n in (name, plain, f"{plain}.gz") if (p := path.with_name(n)).exists()), None
    )


class MessageFile(LineReader):
    def __init__(self, path: Path) -> None:
        super().__init__(path, _message_columns)

    def messages(self) -> Iterator[Message]:
        for line, fields in self:
            time, kind_name, order_id, size, price, direction = fields
            kind = _TYPES.get(kind_name)
            side = _SIDES.get(direction)
            seconds, _, fraction = time.partition(".")
            timed = seconds.isdigit() and (fraction.isdigit() or not fraction)
            if kind is None or side is None or not timed:
                raise self._bad(line, fields)
            time_ms = int(seconds) * 1000 + int(f"{fraction}000"[:3])
            if kind > EXECUTED_HIDDEN:
                # Their other fields are markers (order -1, price -1), and change no book.
                yield Message(line, time_ms, kind, 0, 0, 0, side)
                continue
            if not (order_id.isdigit() and size.isdigit() and price.isdigit()):
                raise self._bad(line, fields)
            message = Message(line, time_ms, kind, int(order_id), int(size), int(price), side)
            if (
                message.order_id >= ANONYMOUS_ID_BASE
                or not 0 < message.size <= SIZE_MAX
                or not 0 < message.price < UNOCCUPIED
            ):
                raise self._bad(line, fields)
            yield message

    def _bad(self, line: int, fields: list[str]) -> BadRecording:
        time, kind, order_id, size, price, direction = fields
        if kind not in _TYPES:
            fault = ("type", f"{kind!r} is not from 1 to 7")
        elif direction not in _SIDES:
            fault = ("direction", f"{direction!r} is neither 1 (buy) nor -1 (sell)")
        elif not re.fullmatch(r"\d+(\.\d*)?", time):
            fault = ("time", f"{time!r} is not seconds after midnight")
        elif not order_id.isdigit() or int(order_id) >= ANONYMOUS_ID_BASE:
            fault = ("order id", f"{order_id!r} is not a number from 0 to {ANONYMOUS_ID_BASE - 1}")
        elif not size.isdigit() or not 0 < int(size) <= SIZE_MAX:
            fault = ("size", f"{size!r} is not a whole number from 1 to {SIZE_MAX}")
        else:
            fault = ("price", f"{price!r} is not a whole number of USD / 10000 above 0")
        return BadRecording(self.path, line, *fault, "correct the line or get the file again")


class OrderbookFile(LineReader):
    def __init__(self, path: Path) -> None:
        self._width = 0
        super().__init__(path, self._book_columns)

    def rows(self) -> Iterator[BookRow]:
        before: list[str] = []
        asks: dict[int, int] = {}
        bids: dict[int, int] = {}
        for line, fields in self:
            if fields != before:  # the rows of hidden executions and the like repeat the last
                before = fields
                asks = self._levels(line, fields[0::4], fields[1::4])
                bids = self._levels(line, fields[2::4], fields[3::4])
            yield BookRow(line, asks, bids, len(fields) // 4)

    def _levels(self, line: int, prices: list[str], sizes: list[str]) -> dict[int, int]:
        try:
            levels = dict(zip(map(int, prices), map(int, sizes), strict=True))
        except ValueError as error:
            raise BadRecording(
                self.path, line, "price or size", f"{error}", "get the file again"
            ) from error
        levels.pop(UNOCCUPIED, None)
        levels.pop(-UNOCCUPIED, None)
        if levels and (min(levels.values()) <= 0 or min(levels) <= 0):
            raise BadRecording(
                self.path,
                line,
                "price or size",
                f"one of {levels} is not above 0",
                "correct the line or get the file again",
            )
        return levels

    def _book_columns(self, fields: list[str]) -> str | None:
        count = len(fields)
        self._width = self._width or count
        if count % 4 == 0 and count == self._width:
            return None
        expected = f"{self._width}, as on line 1" if self._width % 4 == 0 else "four a level"
        return f"an orderbook line has {expected}, and this has {count}"


def _message_columns(fields: list[str]) -> str | None:
    if len(fields) == 6:
        return None
    return f"a message has 6 columns, and this has {len(fields)}"
