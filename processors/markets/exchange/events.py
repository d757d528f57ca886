"""What happened on the exchange. Units as in `commands.py`."""

from enum import Enum

from log.envelope import Event
from processors.markets.exchange.commands import OrderType as OrderType
from processors.markets.exchange.commands import SelfTradePrevention as SelfTradePrevention
from processors.markets.exchange.commands import Side as Side
from processors.markets.exchange.commands import TimeInForce as TimeInForce


class RejectCode(Enum):
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    INSTRUMENT_EXISTS = "instrument_exists"
    INVALID_INSTRUMENT = "invalid_instrument"
    UNKNOWN_ORDER = "unknown_order"
    DUPLICATE_ORDER = "duplicate_order"
    NOT_THE_OWNER = "not_the_owner"
    OFF_TICK = "off_tick"
    OFF_LOT = "off_lot"
    PRICE_LIMIT = "price_limit"
    QUANTITY_LIMIT = "quantity_limit"
    WOULD_TAKE = "would_take"
    CONTRADICTORY = "contradictory"


class CancelReason(Enum):
    REQUESTED = "requested"
    MASS_CANCEL = "mass_cancel"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    NO_LIQUIDITY = "no_liquidity"
    """A market order's rest, once the other side is empty."""
    SELF_TRADE = "self_trade"


class InstrumentListed(Event, tag="instrument_listed.v1", kw_only=True):
    instrument: str
    price_decimals: int
    tick_size: int
    lot_size: int
    price_min: int
    price_max: int
    quantity_max: int


class OrderAccepted(Event, tag="order_accepted.v1", kw_only=True):
    """The order passed its checks. Trades and cancels of the same command follow; what is left of
    a good-till-cancelled limit order rests."""

    instrument: str
    order_id: int
    account_id: int
    side: Side
    quantity: int
    price: int = 0
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE


class OrderTraded(Event, tag="order_traded.v1", kw_only=True):
    """A taker met a maker, at the maker's price."""

    instrument: str
    taker_order_id: int
    maker_order_id: int
    taker_account_id: int
    maker_account_id: int
    taker_side: Side
    price: int
    quantity: int


class OrderReplaced(Event, tag="order_replaced.v1", kw_only=True):
    """The order has a new price and open quantity; `kept_priority` tells whether its place."""

    instrument: str
    order_id: int
    price: int
    quantity: int
    kept_priority: bool = False


class OrderDecremented(Event, tag="order_decremented.v1", kw_only=True):
    """Self-trade prevention took `quantity` off an order (decrement and cancel)."""

    instrument: str
    order_id: int
    quantity: int


class OrderCancelled(Event, tag="order_cancelled.v1", kw_only=True):
    """The order's open `quantity` is gone from the exchange."""

    instrument: str
    order_id: int
    quantity: int
    reason: CancelReason = CancelReason.REQUESTED


class OrderRejected(Event, tag="order_rejected.v1", kw_only=True):
    """The command changed nothing. `field` names what is at fault, `reason` says it in words."""

    instrument: str
    code: RejectCode
    field: str
    reason: str
    order_id: int = 0
    account_id: int = 0


ExchangeEvent = (
    InstrumentListed
    | OrderAccepted
    | OrderTraded
    | OrderReplaced
    | OrderDecremented
    | OrderCancelled
    | OrderRejected
)
EVENTS = (
    InstrumentListed,
    OrderAccepted,
    OrderTraded,
    OrderReplaced,
    OrderDecremented,
    OrderCancelled,
    OrderRejected,
)
