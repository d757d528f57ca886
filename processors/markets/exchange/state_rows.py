"""The exchange's state as rows, for snapshots and digests: an instrument, then its open orders in
order of time, then the next instrument; instruments by name.

That order is all that queues, account lists and best prices need to be rebuilt, and however two
exchanges came to the same orders in the same order of time, their rows are the same. Apart from
the decider, which mypyc compiles: msgspec structs are to stay ordinary classes.
"""

import msgspec

from processors.markets.exchange.commands import SelfTradePrevention, Side


class InstrumentRow(msgspec.Struct, tag="instrument", array_like=True, frozen=True, gc=False):
    instrument: str
    price_decimals: int
    tick_size: int
    lot_size: int
    price_min: int
    price_max: int
    quantity_max: int


class OrderRow(msgspec.Struct, tag="order", array_like=True, frozen=True, gc=False):
    """An open order of the instrument row before it."""

    order_id: int
    account_id: int
    side: Side
    price: int
    quantity: int
    post_only: bool
    self_trade_prevention: SelfTradePrevention


StateRow = InstrumentRow | OrderRow
