"""What members and the operator ask of the exchange. Any of these may be rejected.

Prices are integers in the instrument's price unit (10 to the minus `price_decimals` of its
currency: 5853300 at four decimals is 585.33). Quantities are integers. Order ids are chosen by the
sender and must be new on their instrument's open orders; accounts are numbered by the operator.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from log.envelope import Command

OrderId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AccountId = Annotated[int, Meta(gt=0, le=2**63 - 1)]
AccountOrOperator = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Term = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What does not fit 64 bits, which is what databases hold, does not decode. The prices and the
quantities of orders need no such bound: their instrument's limits reject them, with a reason."""


class Side(Enum):
    BUY = "buy"
    SELL = "sell"


class OrderType(Enum):
    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(Enum):
    """How long an order stands. FIX field 59 names the same."""

    GOOD_TILL_CANCELLED = "good_till_cancelled"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"


class SelfTradePrevention(Enum):
    """What happens where an order would trade with one of its own account."""

    NONE = "none"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
    DECREMENT_AND_CANCEL = "decrement_and_cancel"


class ListInstrument(Command, tag="list_instrument.v1", kw_only=True):
    """The operator opens an instrument for trading."""

    instrument: str
    price_decimals: Term = 4
    tick_size: Term = 1
    """Prices are multiples of it."""
    lot_size: Term = 1
    """Quantities are multiples of it."""
    price_min: Term = 1
    price_max: Term = 1_000_000_000_000
    quantity_max: Term = 1_000_000_000


class PlaceOrder(Command, tag="place_order.v1", kw_only=True):
    """A new order.

    A limit order trades at its price or better. What is left then rests (good till cancelled), or
    is cancelled (immediate or cancel). Fill or kill trades in full at once or not at all; orders
    that self-trade prevention keeps it from do not count. A market order has no price, trades with
    whatever there is and never rests, whatever its time in force.
    """

    instrument: str
    order_id: OrderId
    account_id: AccountId
    side: Side
    quantity: int
    price: int = 0
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    post_only: bool = False
    """Reject rather than take, now and whenever it is replaced: it adds to the book or does
    nothing. For good-till-cancelled limit orders only."""
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE


class CancelOrder(Command, tag="cancel_order.v1", kw_only=True):
    instrument: str
    order_id: OrderId
    account_id: AccountOrOperator = 0
    """0: the operator's, or the owner's where the gateway has checked it. Else the owner's."""


class ReplaceOrder(Command, tag="replace_order.v1", kw_only=True):
    """A new price and open quantity (what traded before does not count towards it).

    No more than the open quantity at the same price keeps its place in the queue. Anything else
    goes to the back of its queue, and may trade first, with its own self-trade prevention.
    """

    instrument: str
    order_id: OrderId
    price: int
    quantity: int
    account_id: AccountOrOperator = 0


class MassCancel(Command, tag="mass_cancel.v1", kw_only=True):
    """Cancel an account's open orders in one instrument, on one side or (None) on both, the oldest
    first."""

    instrument: str
    account_id: AccountId
    side: Side | None = None


ExchangeCommand = ListInstrument | PlaceOrder | CancelOrder | ReplaceOrder | MassCancel
COMMANDS = (ListInstrument, PlaceOrder, CancelOrder, ReplaceOrder, MassCancel)
