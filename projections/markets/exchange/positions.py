"""The position of each account in each instrument: what it bought less what it sold, since the
beginning, with busts and corrections.

A split changes every position of its instrument, however many there are. So it is one row here,
and a position goes through the splits that it has not seen when it is next changed, or read.
"""

from collections.abc import Callable

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    InstrumentSplit,
    OrderTraded,
    Side,
    TradeBusted,
    TradeCorrected,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class Position(msgspec.Struct, gc=False):
    account_id: int
    instrument: str
    position: int = 0
    """Above zero long, below zero short; in the shares that there were after `splits` splits."""
    splits: int = 0


class Split(msgspec.Struct, gc=False):
    """The instrument's split of that number, 0 the first: `numerator` new shares for each
    `denominator` old ones."""

    instrument: str
    number: int
    numerator: int
    denominator: int


class SplitCount(msgspec.Struct, gc=False):
    instrument: str
    splits: int = 0


POSITIONS = Table("positions", Position, key=("account_id", "instrument"))
SPLITS = Table("position_splits", Split, key=("instrument", "number"))
SPLIT_COUNTS = Table("position_split_counts", SplitCount, key=("instrument",))


def bring_up_to_date(position: Position, split_of: Callable[[int], Split | None]) -> None:
    """Take it through the splits that it has not seen, each rounded toward zero."""
    while (split := split_of(position.splits)) is not None:
        shares = abs(position.position) * split.numerator // split.denominator
        position.position = shares if position.position > 0 else -shares
        position.splits += 1


class _Positions:
    __slots__ = ("counts", "positions", "splits")

    def __init__(self, tables: Tables) -> None:
        self.positions = tables[POSITIONS]
        self.splits = tables[SPLITS]
        self.counts = tables[SPLIT_COUNTS]

    def move(self, instrument: str, buyer: int, seller: int, quantity: int) -> None:
        self._add(instrument, buyer, quantity)
        self._add(instrument, seller, -quantity)

    def _add(self, instrument: str, account_id: int, quantity: int) -> None:
        key = account_id, instrument
        position = self.positions.get(key) or Position(*key)
        bring_up_to_date(position, lambda number: self.splits.get((instrument, number)))
        position.position += quantity
        self.positions.put(position)

    def split(self, event: InstrumentSplit) -> None:
        instrument = event.instrument
        count = self.counts.get(instrument) or SplitCount(instrument)
        self.splits.put(Split(instrument, count.splits, event.numerator, event.denominator))
        count.splits += 1
        self.counts.put(count)


def fold(tables: Tables, events: Events) -> None:
    positions = _Positions(tables)
    move = positions.move
    for event, _at_ms in events:
        kind = type(event)
        if kind is OrderTraded:
            buyer, seller = event.taker_account_id, event.maker_account_id
            if event.taker_side is Side.SELL:
                buyer, seller = seller, buyer
            move(event.instrument, buyer, seller, event.quantity)
        elif kind is InstrumentSplit:
            positions.split(event)
        else:
            quantity = event.quantity
            if kind is TradeBusted:
                quantity = -quantity
            elif kind is TradeCorrected:
                quantity -= event.previous_quantity
            move(event.instrument, event.buy_account_id, event.sell_account_id, quantity)


ACCOUNT_POSITIONS = Projection(
    name="account_positions",
    events=(OrderTraded, AuctionTraded, TradeBusted, TradeCorrected, InstrumentSplit),
    tables=(POSITIONS, SPLITS, SPLIT_COUNTS),
    fold=fold,
    rows_of="partition",
)
