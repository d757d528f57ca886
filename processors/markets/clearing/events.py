"""What happened in clearing. Units as in `commands.py`.

Quantities and cash of trades have a sign: above zero the account gets it, below zero it gives it.
The legs of a movement in the ledger follow from its event alone (`legs` of the read models).
"""

from enum import Enum

import msgspec

from log.envelope import Event
from processors.markets.exchange.events import OrderTerms as OrderTerms
from processors.markets.exchange.events import OrderType as OrderType
from processors.markets.exchange.events import SelfTradePrevention as SelfTradePrevention
from processors.markets.exchange.events import Side as Side
from processors.markets.exchange.events import TimeInForce as TimeInForce


class RejectCode(Enum):
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    UNKNOWN_ASSET = "unknown_asset"
    UNKNOWN_ORDER = "unknown_order"
    DUPLICATE_ORDER = "duplicate_order"
    REPLACEMENT_PENDING = "replacement_pending"
    UNBOUNDED_PRICE = "unbounded_price"
    """A buy whose cost has no upper limit cannot be reserved for."""
    INSUFFICIENT_CASH = "insufficient_cash"
    INSUFFICIENT_STOCK = "insufficient_stock"
    AMOUNT_LIMIT = "amount_limit"
    INVALID_VALUE = "invalid_value"
    CONTRADICTORY = "contradictory"


class CalendarSet(Event, tag="calendar_set.v1", kw_only=True):
    weekdays: tuple[int, ...]
    holidays: tuple[int, ...]
    settles_at_ms: int


class InstrumentRegistered(Event, tag="instrument_registered.v1", kw_only=True):
    instrument: str
    currency: str
    multiplier: int
    fee_ppm_max: int
    penalty_ppm: int


class AccountOpened(Event, tag="account_opened.v1", kw_only=True):
    account_id: int
    may_sell_short: bool = False


class Deposited(Event, tag="deposited.v1", kw_only=True):
    account_id: int
    asset: str
    amount: int
    reference: str = ""


class Withdrawn(Event, tag="withdrawn.v1", kw_only=True):
    account_id: int
    asset: str
    amount: int
    reference: str = ""


class OrderReserved(Event, tag="order_reserved.v1", kw_only=True):
    """So much of `asset` stands behind the order, which goes to the exchange."""

    instrument: str
    order_id: int
    side: Side
    quantity: int
    price: int = 0
    reserved: int
    asset: str
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE
    terms: OrderTerms | None = None


class CancelRequested(Event, tag="cancel_requested.v1", kw_only=True):
    """A cancel goes to the exchange."""

    instrument: str
    order_id: int


class ReplacementReserved(Event, tag="replacement_reserved.v1", kw_only=True):
    """`held` is reserved for the order's replacement, beside what is for the order; that goes to
    the exchange."""

    instrument: str
    order_id: int
    price: int
    quantity: int
    held: int


class ReplacementRefused(Event, tag="replacement_refused.v1", kw_only=True):
    """The exchange rejected the replacement: the order stands as it was, `released` is free."""

    instrument: str
    order_id: int
    released: int
    code: str


class OrderFilled(Event, tag="order_filled.v1", kw_only=True):
    """The order traded: `released` of what was reserved is free, and `quantity` shares against
    `cash`, `fee` in it, are due on `settlement_day`. `left` open shares of 0 end the order."""

    instrument: str
    order_id: int
    quantity: int
    price: int
    cash: int
    currency: str
    fee: int = 0
    released: int
    left: int = 0
    settlement_day: int
    trade_id: int = 0


class OrderReleased(Event, tag="order_released.v1", kw_only=True):
    """`quantity` open shares are gone untraded: `released` is free. `left` of 0 ends the order."""

    instrument: str
    order_id: int
    quantity: int
    released: int
    left: int = 0
    reason: str


class OrderAmended(Event, tag="order_amended.v1", kw_only=True):
    """The order has this price and open quantity now, and `reserved` for it; `held` for a
    replacement, or a split, that is still waited for. `replaced`: this is that replacement."""

    instrument: str
    order_id: int
    price: int
    quantity: int
    reserved: int
    held: int = 0
    replaced: bool = False


class TradeAdjusted(Event, tag="trade_adjusted.v1", kw_only=True):
    """A trade was busted or corrected: so much more (or less) is due on `settlement_day`."""

    instrument: str
    order_id: int
    trade_id: int
    quantity: int
    cash: int
    currency: str
    fee: int = 0
    settlement_day: int


class InstrumentSplit(Event, tag="instrument_split.v1", kw_only=True):
    """`holding_split.v1` of every account that has any of it follows, and `order_amended.v1` of
    every open sell."""

    instrument: str
    numerator: int
    denominator: int


class SplitInstruction(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """What a split changes of a trade that is not settled."""

    settlement_day: int
    quantity: int
    cash: int = 0


class HoldingSplit(Event, tag="holding_split.v1", kw_only=True):
    """`quantity` more (or fewer) settled shares, and `cash` in place of a fraction of one, at the
    last price here; `instructions` change likewise."""

    instrument: str
    account_id: int
    quantity: int
    cash: int = 0
    currency: str
    instructions: tuple[SplitInstruction, ...] = ()


class InstructionSettled(Event, tag="instruction_settled.v1", kw_only=True):
    """Shares against cash: what was due is there, or gone."""

    account_id: int
    instrument: str
    settlement_day: int
    quantity: int
    cash: int
    currency: str


class InstructionFailed(Event, tag="instruction_failed.v1", kw_only=True):
    """The account has not enough of `lacks`: the instruction is tried again on `retry_day`, netted
    with that day's, and `penalty` is added to what it pays."""

    account_id: int
    instrument: str
    settlement_day: int
    quantity: int
    cash: int
    currency: str
    lacks: str
    penalty: int = 0
    retry_day: int


class RequestRejected(Event, tag="request_rejected.v1", kw_only=True):
    """The command changed nothing. `field` names what is at fault, `reason` says it in words."""

    code: RejectCode
    field: str
    reason: str
    account_id: int = 0
    instrument: str = ""
    order_id: int = 0


EVENTS = (
    CalendarSet,
    InstrumentRegistered,
    AccountOpened,
    Deposited,
    Withdrawn,
    OrderReserved,
    CancelRequested,
    ReplacementReserved,
    ReplacementRefused,
    OrderFilled,
    OrderReleased,
    OrderAmended,
    TradeAdjusted,
    InstrumentSplit,
    HoldingSplit,
    InstructionSettled,
    InstructionFailed,
    RequestRejected,
)
