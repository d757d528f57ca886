"""The executions of each account: a trade is one for its taker and one for its maker."""

from typing import Final

import msgspec

from processors.markets.exchange.events import OrderTraded, Side
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

BUY: Final = Side.BUY


class Execution(msgspec.Struct, gc=False):
    account_id: int
    at_ms: int
    instrument: str
    sequence: int
    role: str
    """`maker` or `taker`: an account may trade with itself, and is then both."""
    order_id: int
    side: str
    price: int
    quantity: int


EXECUTIONS = Table(
    "executions", Execution, key=("account_id", "at_ms", "instrument", "sequence", "role")
)


def fold(tables: Tables, events: Events) -> None:
    append = tables[EXECUTIONS].append
    for event, at_ms in events:
        instrument, sequence = event.instrument, event.sequence
        price, quantity = event.price, event.quantity
        taker_side, maker_side = ("buy", "sell") if event.taker_side is BUY else ("sell", "buy")
        append(
            Execution(
                event.taker_account_id,
                at_ms,
                instrument,
                sequence,
                "taker",
                event.taker_order_id,
                taker_side,
                price,
                quantity,
            )
        )
        append(
            Execution(
                event.maker_account_id,
                at_ms,
                instrument,
                sequence,
                "maker",
                event.maker_order_id,
                maker_side,
                price,
                quantity,
            )
        )


ACCOUNT_EXECUTIONS = Projection(
    name="account_executions", events=(OrderTraded,), tables=(EXECUTIONS,), fold=fold
)
