"""LOBSTER message files into commands that make the exchange's book equal the recorded one.

    message file ──┬─► look ahead: what will be taken from each order, which are never submitted
    orderbook file ┤
                   └─► row by row: repair what was out of sight ─► the message's own command

    1 new limit order      PlaceOrder
    2 partial cancel       ReplaceOrder by a smaller quantity (keeps its place)
    3 delete               CancelOrder
    4 visible execution    PlaceOrder, immediate or cancel, from the other side at that price and
                           size: it hits the order that the row names
    5, 6, 7                nothing: hidden executions, crosses and halts change no visible book

*Orders from before.* A file shows only what touches its levels, so it names orders that it never
submitted: from before its begin, or placed while their price was out of sight. The orderbook file
tells how much stands at a level when it comes into sight (all levels, at the start). Of that
quantity, the orders that later rows touch while the level stays in sight must be part, with what
those rows take from them as their quantity; orders that stood there when it went out of sight
follow, and a remainder that no row ever names is one anonymous order (`ANONYMOUS_ID_BASE`). What
left the book out of sight is cancelled then. All this is written just before the message that
brings the level into sight, so what is in sight changes by the recording's messages alone (but
while a queue is rearranged, see below).

*Without an orderbook file* orders with an id below the first one submitted are placed at the
start (ids are given out in order), others just before they are first touched, and an order that
stands in the way of what happens, with no later row to name it, is taken to be gone.

*Priority* among orders from before goes by id, which is by time, except where later executions
show another order. An execution that names an order with others still before it (the recording
broke price-time priority) is preceded by commands that move these behind it.

*Crossed rows* (halts, auctions) are no matching engine's book: an order that would trade on
arrival though the recording let it rest is held back until it would rest.

What is inferred is counted by name in the summary's remarks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.markets.exchange.lobster_files import (
    TYPE_NAMES,
    BookRow,
    Message,
    MessageFile,
    OrderbookFile,
    instrument_and_day,
    orderbook_beside,
)
from gateway.markets.exchange.lobster_reconstruction import (
    DuplicateOrder,
    LookAhead,
    Reconstruction,
)
from gateway.markets.exchange.recorded_book import RecordedBook
from gateway.recording import (
    BadRecording,
    Recording,
    RecordingOptions,
    Summary,
    midnight_ms,
)
from processors.markets.exchange.commands import ExchangeCommand, ListInstrument

PRICE_DECIMALS: Final = 4


def lobster(path: Path, options: RecordingOptions = RecordingOptions()) -> Recording:  # noqa: B008
    """Open a message file, with the orderbook file that `options` name or that lies beside it.

    The files are read twice, the first time to look ahead: what is wrong with them is known
    before the first command. Raises BadRecording, here or from the rows.
    """
    instrument, day = instrument_and_day(path, options)
    start_ms = midnight_ms(path, day, options.zone)
    orderbook = None
    if options.orderbook == "beside":
        orderbook = orderbook_beside(path)
    elif options.orderbook != "none":
        orderbook = Path(options.orderbook)
    summary = Summary()
    reader = _Reader(path, orderbook, instrument, start_ms, summary)
    return Recording(summary, reader.rows(), reader.fraction_done)


class _Reader:
    def __init__(
        self,
        path: Path,
        orderbook: Path | None,
        instrument: str,
        start_ms: int,
        summary: Summary,
    ) -> None:
        self._messages = MessageFile(path)
        self._orderbook = None if orderbook is None else OrderbookFile(orderbook)
        self._instrument = instrument
        self._start_ms = start_ms
        self._summary = summary
        self._looked_ahead = False

    def fraction_done(self) -> float:
        return (self._looked_ahead + self._messages.fraction_done) / 2

    def rows(self) -> Iterator[tuple[int, int, list[ExchangeCommand]]]:
        try:
            ahead = LookAhead(self._pairs())
        except DuplicateOrder as error:
            raise BadRecording(
                self._messages.path,
                error.message.line,
                "order id",
                str(error),
                "correct the line or get the file again",
            ) from error
        self._looked_ahead = True
        book = RecordedBook(self._instrument, self._summary)
        reconstruction = Reconstruction(book, ahead, self._summary)
        book.written.append(
            ListInstrument(
                instrument=self._instrument,
                price_decimals=PRICE_DECIMALS,
                tick_size=ahead.tick_size,
            )
        )
        for number, (message, row) in enumerate(self._pairs()):
            self._summary.messages[TYPE_NAMES[message.kind]] += 1
            reconstruction.advance(number, message, row)
            yield number + 1, self._start_ms + message.time_ms, book.take_written()

    def _pairs(self) -> Iterator[tuple[Message, BookRow | None]]:
        """Each message with the book after it. Raises where one file is longer."""
        message = None
        rows = None if self._orderbook is None else self._orderbook.rows()
        for message in self._messages.messages():
            row = None if rows is None else next(rows, None)
            if row is None and self._orderbook is not None:
                raise BadRecording(
                    self._orderbook.path,
                    0,
                    "rows",
                    f"it ends before the message on line {message.line} of "
                    f"{self._messages.path.name}",
                    "give the two files of one day and level, whole",
                )
            yield message, row
        if message is None:
            raise BadRecording(
                self._messages.path, 0, "rows", "there is no message in it", "get the file again"
            )
        extra = None if rows is None else next(rows, None)
        if extra is not None and self._orderbook is not None:
            raise BadRecording(
                self._orderbook.path,
                extra.line,
                "rows",
                f"it goes on after the last message of {self._messages.path.name}",
                "give the two files of one day and level, whole",
            )
