"""What clients and the operator ask of clearing, and what the exchange has it do. Any of these may
be rejected.

Cash is in the currency's unit: an integer, what one price unit of an instrument with multiplier 1
is worth. Stock is in shares. An *asset* is a currency or an instrument, by name. Days are numbers
since 1970-01-01, which is day 0; times are milliseconds since 1970. Rates are parts per million
(ppm). Order ids are made by `order_ids.order_id_of`, so they name the account.

A command with an account or an order goes to that account's partition. One without goes to all
partitions.
"""

from typing import Annotated

from msgspec import Meta

from log.envelope import Command
from processors.markets.clearing.order_ids import ACCOUNT_ID_MAX
from processors.markets.exchange.events import OrderTerms as OrderTerms
from processors.markets.exchange.events import OrderType as OrderType
from processors.markets.exchange.events import SelfTradePrevention as SelfTradePrevention
from processors.markets.exchange.events import Side as Side
from processors.markets.exchange.events import TimeInForce as TimeInForce

AccountId = Annotated[int, Meta(gt=0, le=ACCOUNT_ID_MAX)]
OrderId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class SetCalendar(Command, tag="set_calendar.v1", kw_only=True):
    """The days on which trades settle, and when: on the business day after theirs."""

    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Business days of the week, 0 is Monday."""
    holidays: tuple[int, ...] = ()
    """Days that are none."""
    settles_at_ms: int = 0
    """Since midnight UTC."""


class RegisterInstrument(Command, tag="register_instrument.v1", kw_only=True):
    """From here on the instrument's orders are taken. Sent again: its rates change, no more."""

    instrument: str
    currency: str
    multiplier: Number = 1
    """What one price unit of one share is worth, in the currency's unit."""
    fee_ppm_max: Number = 0
    """The highest of the exchange's rates, maker or taker: reserved with a buy."""
    penalty_ppm: Number = 100
    """Of the instruction's cash, for each day that its settlement fails."""


class OpenAccount(Command, tag="open_account.v1", kw_only=True):
    """Sent again: changed."""

    account_id: AccountId
    may_sell_short: bool = False
    """It may sell what it does not have, as a market maker does, and deliver later or fail."""


class Deposit(Command, tag="deposit.v1", kw_only=True):
    """Cash or stock came in."""

    account_id: AccountId
    asset: str
    amount: Number
    reference: str = ""


class Withdraw(Command, tag="withdraw.v1", kw_only=True):
    """Cash or stock is to go out: of what is settled, and neither reserved nor owed."""

    account_id: AccountId
    asset: str
    amount: Number
    reference: str = ""


class PlaceOrder(Command, tag="place_order.v1", kw_only=True):
    """Reserve for an order, and send it to the exchange; the fields are the exchange's.

    A buy always has a `price`, the most that it may cost: its limit, or the cap of a market order
    (which goes to the exchange as a limit order at the cap that never rests).
    """

    instrument: str
    order_id: OrderId
    side: Side
    quantity: int
    price: int = 0
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE
    terms: OrderTerms | None = None


class CancelOrder(Command, tag="cancel_order.v1", kw_only=True):
    """Ask the exchange to cancel: what was reserved is released when it has."""

    instrument: str
    order_id: OrderId


class ReplaceOrder(Command, tag="replace_order.v1", kw_only=True):
    """Reserve for a new price and open quantity too, and ask the exchange to replace. Until it
    answers, both are reserved: the order may trade before. All else stays as it is."""

    instrument: str
    order_id: OrderId
    price: int
    quantity: int


class RecordFill(Command, tag="record_fill.v1", kw_only=True):
    """The exchange: the order traded."""

    instrument: str
    order_id: OrderId
    price: int
    quantity: int
    fee: int = 0
    """In price units; below zero: a rebate."""
    trade_id: Number = 0


class CloseOrder(Command, tag="close_order.v1", kw_only=True):
    """The exchange: the order is gone, cancelled or expired."""

    instrument: str
    order_id: OrderId
    reason: str


class ReduceOrder(Command, tag="reduce_order.v1", kw_only=True):
    """The exchange: prevention of self-trades took `quantity` off the order."""

    instrument: str
    order_id: OrderId
    quantity: int


class AmendOrder(Command, tag="amend_order.v1", kw_only=True):
    """The exchange: the order has this price (0: as it was) and open quantity now, as it was asked
    to (`replaces`), or by a split, or by its parent's trades."""

    instrument: str
    order_id: OrderId
    quantity: int
    price: int = 0
    replaces: bool = False


class RefuseOrder(Command, tag="refuse_order.v1", kw_only=True):
    """The exchange rejected what was asked of it for the order: its replacement, where one is
    waited for, else the order itself. (A cancel is rejected only where the order is gone.)"""

    instrument: str
    order_id: OrderId
    code: str


class AdjustTrade(Command, tag="adjust_trade.v1", kw_only=True):
    """The exchange busted a trade, or corrected it: what that changes for one side."""

    instrument: str
    order_id: OrderId
    trade_id: Number
    quantity: int
    """Shares to receive (above zero) or to deliver (below), beyond what the trade led to."""
    notional: int
    """Price times quantity, in price units, to receive (above zero) or to pay."""
    fee: int = 0


class SplitInstrument(Command, tag="split_instrument.v1", kw_only=True):
    """The exchange: `numerator` new shares for each `denominator` old ones."""

    instrument: str
    numerator: Number
    denominator: Number


COMMANDS = (
    SetCalendar,
    RegisterInstrument,
    OpenAccount,
    Deposit,
    Withdraw,
    PlaceOrder,
    CancelOrder,
    ReplaceOrder,
    RecordFill,
    CloseOrder,
    ReduceOrder,
    AmendOrder,
    RefuseOrder,
    AdjustTrade,
    SplitInstrument,
)
