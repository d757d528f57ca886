"""NYSE Arca order messages, as text, into commands that make the exchange's book the recorded one.

    A,time_ms,id,price,size,BID|ASK   new order   PlaceOrder
    C,time_ms,id                      gone        CancelOrder, or the aggressor that traded it
    R,time_ms,id,new_size             smaller     ReplaceOrder (keeps its place), or that
    T,time_ms,id,price,size[,TRUE]    trade       nothing: the C or R beside it changes the book

Times are milliseconds after midnight; the text holds neither a date nor the stock's name. Prices
have at most six decimals, and are integers at six decimals on the exchange.

*Trades.* A `C` or `R` whose next line is the `T` of the same order, for the quantity and at the
price that the order gave up, was a trade: it becomes an immediate-or-cancel order from the other
side, where that meets this very order (the best price, and first in its queue). Any other `T` (of
a hidden order, at a better price, out of turn) is counted and changes nothing, as recorded.

*Orders from before.* A `C` or `R` of an order that was never added cannot be asked of the exchange
(its price is not known); it is counted. A `R` to a larger size keeps its place in the recording:
the orders behind it are placed again.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from gateway.markets.exchange.recorded_book import ANONYMOUS_ID_BASE, BUY, SELL, RecordedBook
from gateway.recording import (
    BadRecording,
    LineReader,
    Recording,
    RecordingOptions,
    Summary,
    midnight_ms,
)
from processors.markets.exchange.commands import ExchangeCommand, ListInstrument

PRICE_DECIMALS: Final = 6
PRICE_MAX: Final = 1_000_000_000_000
"""A million dollars, at six decimals: the highest price that the exchange lists by default."""
SIZE_MAX: Final = 1_000_000_000
UNKNOWN_DAY: Final = date(1970, 1, 1)
COLUMNS: Final = {"A": (6,), "C": (3,), "R": (4,), "T": (5, 6)}
_TYPE_NAMES: Final = {"A": "A new order", "C": "C gone", "R": "R new size", "T": "T trade"}
_SIDES: Final = {"BID": BUY, "ASK": SELL}


class Message(NamedTuple):
    line: int
    kind: str
    time_ms: int
    order_id: int
    price: int = 0
    size: int = 0
    side: str = ""


def arca(path: Path, options: RecordingOptions = RecordingOptions()) -> Recording:  # noqa: B008
    """Open a file of messages. Without options the instrument is named after the file, and the
    day is 1970-01-01. Raises BadRecording, here or from the rows."""
    start_ms = midnight_ms(path, options.day or UNKNOWN_DAY, options.zone)
    instrument = options.instrument or path.name.split(".")[0]
    messages = MessageFile(path)
    summary = Summary()
    rows = _rows(messages, instrument, start_ms, summary)
    return Recording(summary, rows, lambda: messages.fraction_done)


def _rows(
    messages: "MessageFile", instrument: str, start_ms: int, summary: Summary
) -> Iterator[tuple[int, int, list[ExchangeCommand]]]:
    book = RecordedBook(instrument, summary)
    book.written.append(_listing(instrument))
    upcoming = messages.messages()
    message = next(upcoming, None)
    if message is None:
        raise BadRecording(
            messages.path, 0, "rows", "there is no message in it", "get the file again"
        )
    number = 0
    while message is not None:
        number += 1
        following = next(upcoming, None)
        summary.messages[_TYPE_NAMES[message.kind]] += 1
        _apply(book, summary, messages.path, message, following)
        if book.held:
            book.release_held()
        yield number, start_ms + message.time_ms, book.take_written()
        message = following


def _listing(instrument: str) -> ListInstrument:
    return ListInstrument(
        instrument=instrument,
        price_decimals=PRICE_DECIMALS,
        price_max=PRICE_MAX,
        quantity_max=SIZE_MAX,
    )


def _apply(
    book: RecordedBook, summary: Summary, path: Path, message: Message, following: Message | None
) -> None:
    order_id = message.order_id
    if message.kind == "T":
        summary.remarks["trades recorded"] += 1
    elif message.kind == "A":
        if order_id in book.places or order_id in book.held:
            raise BadRecording(
                path,
                message.line,
                "id",
                f"order {order_id} is added again while it is open",
                "correct the line or get the file again",
            )
        book.place(order_id, _SIDES[message.side], message.price, message.size)
    elif order_id in book.held:
        before = book.held[order_id][2]
        book.shrink_held(order_id, before - message.size)
    elif order_id not in book.places:
        summary.remarks["cancels and new sizes of orders that were never added"] += 1
    else:
        _reduce(book, summary, message, following)


def _reduce(
    book: RecordedBook, summary: Summary, message: Message, following: Message | None
) -> None:
    """An open order has a new size, or (0) is gone."""
    order_id = message.order_id
    quantity = book.quantity(order_id) - message.size
    side, price = book.places[order_id]
    trade = following is not None and (
        (following.kind, following.order_id, following.price, following.size)
        == ("T", order_id, price, quantity)
    )
    if trade and book.is_next(order_id):
        book.execute(order_id, quantity)
        summary.remarks["trades made on the exchange"] += 1
    elif quantity > 0:
        book.shrink(order_id, quantity)
    elif quantity < 0:
        summary.remarks["orders that grew in place"] += 1
        level = book.sides[side].levels[price]
        queue = [
            (other, message.size if other == order_id else left)
            for other, left in level.quantities.items()
        ]
        book.arrange(side, price, queue)


class MessageFile(LineReader):
    def __init__(self, path: Path) -> None:
        super().__init__(path, _wrong_columns)

    def messages(self) -> Iterator[Message]:
        for line, fields in self:
            kind = fields[0]
            if kind not in COLUMNS:
                raise self._bad(line, "type", f"{kind!r} is none of A, C, R and T")
            time, order_id = fields[1:3]
            time_ms = self._whole(line, "time", time)
            number = self._whole(line, "id", order_id)
            if number >= ANONYMOUS_ID_BASE:
                raise self._bad(line, "id", f"{order_id} is not below {ANONYMOUS_ID_BASE}")
            if kind == "C":
                yield Message(line, kind, time_ms, number)
            elif kind == "R":
                size = self._quantity(line, fields[3])
                yield Message(line, kind, time_ms, number, 0, size)
            else:
                price = self._price(line, fields[3])
                side = fields[5] if kind == "A" else ""
                if kind == "A" and side not in _SIDES:
                    raise self._bad(line, "side", f"{side!r} is neither BID nor ASK")
                size = self._quantity(line, fields[4])
                yield Message(line, kind, time_ms, number, price, size, side)

    def _bad(self, line: int, field: str, reason: str) -> BadRecording:
        return BadRecording(
            self.path, line, field, reason, "correct the line or get the file again"
        )

    def _whole(self, line: int, field: str, text: str) -> int:
        if not text.isdigit():
            raise self._bad(line, field, f"{text!r} is not a whole number of 0 or more")
        return int(text)

    def _quantity(self, line: int, text: str) -> int:
        size = self._whole(line, "size", text)
        if not 0 < size <= SIZE_MAX:
            raise self._bad(line, "size", f"{size} is not from 1 to {SIZE_MAX}")
        return size

    def _price(self, line: int, text: str) -> int:
        try:
            scaled = Decimal(text).scaleb(PRICE_DECIMALS)  # some are written like 1.00E-04
        except ArithmeticError:
            scaled = Decimal("NaN")
        if not (scaled.is_finite() and 0 < scaled <= PRICE_MAX) or scaled != int(scaled):
            reason = f"{text!r} is not a price above 0 with at most {PRICE_DECIMALS} decimals"
            raise self._bad(line, "price", reason)
        return int(scaled)


def _wrong_columns(fields: list[str]) -> str | None:
    allowed = COLUMNS.get(fields[0])
    if allowed is None or len(fields) in allowed:
        return None  # an unknown type is complained about as such
    wanted = " or ".join(map(str, allowed))
    return f"a message of type {fields[0]} has {wanted} columns, and this has {len(fields)}"
