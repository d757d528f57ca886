"""The public trade tape: one row a trade, from `OrderTraded`."""

from typing import Final

import msgspec

from processors.markets.exchange.events import OrderTraded, Side
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

BUY: Final = Side.BUY


class Trade(msgspec.Struct, gc=False):
    instrument: str
    sequence: int
    """The event's number on its partition: the order of trades of one instrument."""
    at_ms: int
    price: int
    quantity: int
    taker_side: str


TRADES = Table("trades", Trade, key=("instrument", "sequence"))


def fold(tables: Tables, events: Events) -> None:
    append = tables[TRADES].append
    for event, at_ms in events:
        append(
            Trade(
                event.instrument,
                event.sequence,
                at_ms,
                event.price,
                event.quantity,
                "buy" if event.taker_side is BUY else "sell",
            )
        )


TRADE_TAPE = Projection(name="trade_tape", events=(OrderTraded,), tables=(TRADES,), fold=fold)
