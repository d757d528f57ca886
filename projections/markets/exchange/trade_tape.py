"""The public trade tape, one row a trade, and the candles made of it.

From every event that makes, busts or corrects a trade; and from those that change an instrument's
phase, which is the condition that its trades are made under. Both are one read model, as a trade
that is busted or corrected leads to its row, and that to the candles to be made again.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    InstrumentListed,
    OrderTraded,
    PhaseChanged,
    Side,
    TradeBusted,
    TradeCorrected,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.markets.exchange import candles
from projections.markets.exchange.candles import CANDLES, SECOND_MS, Span
from projections.markets.exchange.instruments import phase_when_listed

BUY: Final = Side.BUY
CONTINUOUS: Final = "continuous"
CALLS: Final = ("opening_auction", "volatility_auction", "closing_auction")


class Trade(msgspec.Struct, gc=False):
    instrument: str
    number: int
    """1, 2, 3 ... on the tape of the instrument, for as long as it has been there."""
    at_ms: int
    trade_id: int
    """The exchange's own number, which begins again when an instrument is listed again; 0: from
    before trades were numbered."""
    price: int
    quantity: int
    taker_side: str | None
    """None: an auction has no taker."""
    condition: str
    """`continuous` or `trading_at_last`; `opening_auction`, `volatility_auction` or
    `closing_auction`; `auction`: at the end of a halt or a pre-opening without a call."""
    busted: bool
    """The operator took it back: it counts no more."""
    corrected: bool
    """The operator gave it this price and quantity."""


class TapeHead(msgspec.Struct, gc=False):
    """Where the tape of an instrument is."""

    instrument: str
    phase: str
    trades: int
    last_trade_id: int


TRADES = Table("trades", Trade, key=("instrument", "number"))
TAPE_HEADS = Table("tape_heads", TapeHead, key=("instrument",))


class _Tape:
    """A run of events under way: the heads that it moves, and each instrument's newest second,
    which is not in the candles yet."""

    __slots__ = ("candles", "heads", "seconds", "stored_heads", "trades")

    def __init__(self, tables: Tables) -> None:
        self.trades = tables[TRADES]
        self.candles = tables[CANDLES]
        self.stored_heads = tables[TAPE_HEADS]
        self.heads: dict[str, TapeHead] = {}
        self.seconds: dict[str, Span] = {}

    def head(self, instrument: str) -> TapeHead:
        head = self.heads.get(instrument)
        if head is None:
            head = self.stored_heads.get(instrument) or TapeHead(instrument, CONTINUOUS, 0, 0)
            self.heads[instrument] = head
        return head

    def next_second(self, instrument: str, start_ms: int, price: int) -> Span:
        self.finish_second(instrument)
        second = self.seconds[instrument] = Span(start_ms, price)
        return second

    def finish_second(self, instrument: str) -> None:
        second = self.seconds.pop(instrument, None)
        if second is not None:
            candles.add(self.candles, instrument, second)

    def finish(self) -> None:
        for instrument in list(self.seconds):
            self.finish_second(instrument)
        for head in self.heads.values():
            self.stored_heads.put(head)

    def change(self, event: Any) -> None:
        """A phase, or a trade of before."""
        instrument = event.instrument
        head = self.head(instrument)
        if isinstance(event, PhaseChanged):
            head.phase = event.phase.value
            return
        if isinstance(event, InstrumentListed):
            head.phase = phase_when_listed(event).value
            return
        number = head.trades - (head.last_trade_id - event.trade_id)
        trade = self.trades[instrument, number]
        if isinstance(event, TradeBusted):
            trade.busted = True
        else:
            trade.price, trade.quantity, trade.corrected = event.price, event.quantity, True
        self.trades.put(trade)
        self.finish_second(instrument)
        second_ms = trade.at_ms - trade.at_ms % SECOND_MS
        valid = self._trades_of_second(head, number, second_ms)
        candles.replace(self.candles, instrument, second_ms, valid)

    def _trades_of_second(
        self, head: TapeHead, number: int, second_ms: int
    ) -> Iterator[tuple[int, int]]:
        """Price and quantity of the valid trades of a second, one of which has this number."""
        trades, instrument = self.trades, head.instrument
        while number > 1 and trades[instrument, number - 1].at_ms >= second_ms:
            number -= 1
        while number <= head.trades:
            trade = trades[instrument, number]
            if trade.at_ms >= second_ms + SECOND_MS:
                break
            if not trade.busted:
                yield trade.price, trade.quantity
            number += 1


def fold(tables: Tables, events: Events) -> None:
    tape = _Tape(tables)
    append = tables[TRADES].append
    heads, seconds = tape.heads, tape.seconds
    for event, at_ms in events:
        kind = type(event)
        instrument = event.instrument
        if kind is OrderTraded:
            head = heads.get(instrument) or tape.head(instrument)
            taker_side, condition = "buy" if event.taker_side is BUY else "sell", head.phase
        elif kind is AuctionTraded:
            head = tape.head(instrument)
            taker_side, condition = None, head.phase if head.phase in CALLS else "auction"
        else:
            tape.change(event)
            continue
        number = head.trades = head.trades + 1
        trade_id = head.last_trade_id = event.trade_id
        price, quantity = event.price, event.quantity
        append(
            Trade(
                instrument,
                number,
                at_ms,
                trade_id,
                price,
                quantity,
                taker_side,
                condition,
                False,
                False,
            )
        )
        start_ms = at_ms - at_ms % SECOND_MS
        second = seconds.get(instrument)
        if second is None or second.start_ms != start_ms:
            second = tape.next_second(instrument, start_ms, price)
        second.add(price, quantity)
    tape.finish()


TRADE_TAPE = Projection(
    name="trade_tape",
    events=(
        OrderTraded,
        AuctionTraded,
        TradeBusted,
        TradeCorrected,
        PhaseChanged,
        InstrumentListed,
    ),
    tables=(TRADES, CANDLES, TAPE_HEADS),
    fold=fold,
    version=2,
    rows_of="partition",
)
