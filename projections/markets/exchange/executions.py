"""The executions of each account: a trade is one for its buyer and one for its seller.

A list of facts that only grows, as execution reports do (FIX 4.4, ExecType F, H and G): where the
operator busts or corrects a trade, both sides get another row with the trade's id.
"""

from typing import Any, Final

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    OrderTraded,
    Side,
    TradeBusted,
    TradeCorrected,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

BUY: Final = Side.BUY


class Execution(msgspec.Struct, gc=False):
    account_id: int
    at_ms: int
    instrument: str
    sequence: int
    """The event's number on its partition."""
    side: str
    kind: str
    """`maker`, `taker`, `auction`: it traded so. `busted`: the trade, as it was, is taken back.
    `corrected`: the trade has this price, quantity and fee now."""
    order_id: int
    price: int
    quantity: int
    trade_id: int
    fee: int
    """In price units; below zero: a rebate."""


EXECUTIONS = Table(
    "executions", Execution, key=("account_id", "at_ms", "instrument", "sequence", "side")
)


def fold(tables: Tables, events: Events) -> None:
    append = tables[EXECUTIONS].append
    for event, at_ms in events:
        kind = type(event)
        if kind is not OrderTraded:
            for row in _both_sides(event, at_ms):
                append(row)
            continue
        instrument, sequence, trade_id = event.instrument, event.sequence, event.trade_id
        price, quantity = event.price, event.quantity
        taker_side, maker_side = ("buy", "sell") if event.taker_side is BUY else ("sell", "buy")
        append(
            Execution(
                event.taker_account_id,
                at_ms,
                instrument,
                sequence,
                taker_side,
                "taker",
                event.taker_order_id,
                price,
                quantity,
                trade_id,
                event.taker_fee,
            )
        )
        append(
            Execution(
                event.maker_account_id,
                at_ms,
                instrument,
                sequence,
                maker_side,
                "maker",
                event.maker_order_id,
                price,
                quantity,
                trade_id,
                event.maker_fee,
            )
        )


KINDS: dict[type[Any], str] = {
    AuctionTraded: "auction",
    TradeBusted: "busted",
    TradeCorrected: "corrected",
}


def _both_sides(event: Any, at_ms: int) -> list[Execution]:
    return [
        Execution(
            account_id,
            at_ms,
            event.instrument,
            event.sequence,
            side,
            KINDS[type(event)],
            order_id,
            event.price,
            event.quantity,
            event.trade_id,
            fee,
        )
        for side, account_id, order_id, fee in (
            ("buy", event.buy_account_id, event.buy_order_id, event.buy_fee),
            ("sell", event.sell_account_id, event.sell_order_id, event.sell_fee),
        )
    ]


ACCOUNT_EXECUTIONS = Projection(
    name="account_executions",
    events=(OrderTraded, AuctionTraded, TradeBusted, TradeCorrected),
    tables=(EXECUTIONS,),
    fold=fold,
    version=2,
    rows_of="partition",
)
