"""What members and the operator ask of the exchange. Any of these may be rejected.

Prices are integers in the instrument's price unit (10 to the minus `price_decimals` of its
currency: 5853300 at four decimals is 585.33). Quantities are integers. Order ids are chosen by the
sender and must be new on their instrument's open orders; accounts, members and sessions are
numbered by the operator. Rates are parts per million (ppm).

A command with an instrument goes to that instrument's partition. One without goes to all
partitions, each of which applies it to the instruments that it holds.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from log.envelope import Command
from processors.markets.exchange.terms import AuctionPrices as AuctionPrices
from processors.markets.exchange.terms import FeeTier as FeeTier
from processors.markets.exchange.terms import HaltLevel as HaltLevel
from processors.markets.exchange.terms import OrderTerms as OrderTerms
from processors.markets.exchange.terms import OrderType as OrderType
from processors.markets.exchange.terms import Phase as Phase
from processors.markets.exchange.terms import SelfTradePrevention as SelfTradePrevention
from processors.markets.exchange.terms import Side as Side
from processors.markets.exchange.terms import TickBand as TickBand
from processors.markets.exchange.terms import TimeInForce as TimeInForce
from processors.markets.exchange.terms import TimetableStep as TimetableStep
from processors.markets.exchange.terms import UtcOffset as UtcOffset

OrderId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AccountId = Annotated[int, Meta(gt=0, le=2**63 - 1)]
AccountOrOperator = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Term = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What does not fit 64 bits, which is what databases hold, does not decode. The prices and the
quantities of orders need no such bound: their instrument's limits reject them, with a reason."""


class PlaceOrder(Command, tag="place_order.v1", kw_only=True):
    """A new order.

    A limit order trades at its price or better; what is left rests. A market order has no price
    and trades with whatever there is. A market-to-limit order trades at the best price only, which
    becomes its limit. `time_in_force` says how long what is left stands, `terms` all that most
    orders do without: stops, icebergs, pegs, conditions, links.
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
    """Reject (or, by its terms, reprice) rather than take, now and whenever it is replaced: it
    adds to the book or does nothing. For limit orders that may rest only."""
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE
    session_id: Number = 0
    """The session that sent it, whose end may cancel it; 0: none."""
    terms: OrderTerms | None = None


class CancelOrder(Command, tag="cancel_order.v1", kw_only=True):
    instrument: str
    order_id: OrderId
    account_id: AccountOrOperator = 0
    """0: the operator's, or the owner's where the gateway has checked it. Else the owner's."""


class ReplaceOrder(Command, tag="replace_order.v1", kw_only=True):
    """A new price and open quantity (what traded before does not count towards it), and, where
    they are given, new terms (all of them) and a new time in force.

    No more than the open quantity at the same price, and a change of the time in force alone, keep
    the place in the queue. Anything else goes to the back of its queue, and may trade first, with
    its own self-trade prevention.
    """

    instrument: str
    order_id: OrderId
    price: int
    quantity: int
    account_id: AccountOrOperator = 0
    time_in_force: TimeInForce | None = None
    terms: OrderTerms | None = None


class MassCancel(Command, tag="mass_cancel.v1", kw_only=True):
    """Cancel open orders, the oldest first: of an account (0: all), of a session (0: all), on one
    side or (None) on both, in one instrument or (empty) in all."""

    instrument: str = ""
    account_id: AccountOrOperator = 0
    side: Side | None = None
    session_id: Number = 0


class Quote(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A bid and an offer of a mass quote; a quantity of 0 leaves that side out."""

    bid_order_id: OrderId
    offer_order_id: OrderId
    bid_price: int = 0
    bid_quantity: int = 0
    offer_price: int = 0
    offer_quantity: int = 0


class MassQuote(Command, tag="mass_quote.v1", kw_only=True):
    """All quotes that the account has in the instrument from now on, in place of its old ones, in
    one step. A quote with the id and price of an old one, and no more quantity, keeps its place;
    no quotes at all withdraw the old ones."""

    instrument: str
    account_id: AccountId
    quotes: tuple[Quote, ...] = ()
    session_id: Number = 0
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE


class ListInstrument(Command, tag="list_instrument.v1", kw_only=True):
    """The operator lists an instrument.

    With a `calendar` it is closed until that opens it, else in continuous trading at once, until
    the operator changes the phase. Bands and the volatility auction's lengths of 0 are none.
    """

    instrument: str
    price_decimals: Term = 4
    tick_size: Term = 1
    """Prices are multiples of it."""
    lot_size: Term = 1
    """Quantities are multiples of it."""
    price_min: Term = 1
    price_max: Term = 1_000_000_000_000
    quantity_max: Term = 1_000_000_000
    symbol: str = ""
    """What people call it, which may change: the instrument's name does not. Empty: its name."""
    tick_bands: tuple[TickBand, ...] = ()
    """Where the tick size goes by the price (as MiFID II's RTS 11): the tick of each price from
    `price_from` on, ascending; `tick_size` is that of the prices below the first."""
    calendar: str = ""
    reference_price: Term = 0
    """What auctions are held against before the first trade; 0: none."""
    static_band_ppm: Term = 0
    """How far a trade may be from the last auction's price (or the reference price)."""
    dynamic_band_ppm: Term = 0
    """How far a trade may be from the one before."""
    volatility_call_ms: Term = 0
    """How long a volatility auction takes, up to `random_end_ms` more."""
    random_end_ms: Term = 0
    """Auctions end up to so much later than due."""
    extension_ms: Term = 0
    """How long an auction is extended, once, where its price would leave the static band, or
    where market orders would remain; 0: never."""
    auction_prices: AuctionPrices = AuctionPrices.LIMITS
    members_only: bool = False
    """Whether orders are taken from open accounts alone."""


class DelistInstrument(Command, tag="delist_instrument.v1", kw_only=True):
    """The operator ends trading for good: open orders are cancelled."""

    instrument: str


class ChangeSymbol(Command, tag="change_symbol.v1", kw_only=True):
    instrument: str
    symbol: str


class SplitInstrument(Command, tag="split_instrument.v1", kw_only=True):
    """`numerator` new shares for each `denominator` old ones (2 for 1; 1 for 10 is a reverse
    split). Not while the instrument trades continuously or is in an auction."""

    instrument: str
    numerator: Number
    denominator: Number


class SetReferencePrice(Command, tag="set_reference_price.v1", kw_only=True):
    instrument: str
    price: int


class SetCalendar(Command, tag="set_calendar.v1", kw_only=True):
    """When the instruments of a calendar are in which phase. Dates are numbers, 20261121; times
    are milliseconds since the exchange's own midnight."""

    calendar: str
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Trading days of the week, 0 is Monday."""
    holidays: tuple[int, ...] = ()
    half_days: tuple[int, ...] = ()
    steps: tuple[TimetableStep, ...]
    half_day_steps: tuple[TimetableStep, ...] = ()
    utc_offsets: tuple[UtcOffset, ...] = ()
    """How far the exchange's clock is ahead of UTC, from a time on: its summer times, as data. 0
    before the first."""


class ChangePhase(Command, tag="change_phase.v1", kw_only=True):
    """The operator's hand: another phase now, in one instrument or (empty) in all; an auction that
    is left is held first, unless the instrument is halted or closed. A phase with `duration_ms`
    ends by itself: an auction in continuous trading, a halt in a volatility auction."""

    instrument: str = ""
    phase: Phase
    duration_ms: Number = 0


class SetMarketHalts(Command, tag="set_market_halts.v1", kw_only=True):
    """The falls of the index below `reference` at which all trading halts."""

    reference: Number
    levels: tuple[HaltLevel, ...]


class PublishIndex(Command, tag="publish_index.v1", kw_only=True):
    """The index has a new value; where it has fallen to a level not yet reached, all halt."""

    value: Number


class OpenAccount(Command, tag="open_account.v1", kw_only=True):
    """From here on positions and limits are kept for the account. Sent again: changed."""

    account_id: AccountId
    member_id: Number
    group_id: Number = 0
    """Accounts of one group never trade with each other where prevention of self-trades is asked
    for; 0: the account alone."""


class CloseAccount(Command, tag="close_account.v1", kw_only=True):
    """No more orders; those open are cancelled."""

    account_id: AccountId


class SetAccountLimits(Command, tag="set_account_limits.v1", kw_only=True):
    """What is checked before each order of an account, in one instrument or (empty) in each; an
    instrument's own limits go before those for all. 0: no limit."""

    instrument: str = ""
    account_id: AccountId
    order_quantity_max: Number = 0
    order_notional_max: Number = 0
    """Price times quantity, in price units."""
    open_orders_max: Number = 0
    orders_per_second_max: Number = 0
    collar_ppm: Number = 0
    """How much worse than the last trade a limit price may be."""
    position_max: Number = 0
    """Long or short, if all its open orders on that side traded."""


class SetKillSwitch(Command, tag="set_kill_switch.v1", kw_only=True):
    """Engaged: the account's open orders are cancelled, and no more are taken."""

    account_id: AccountId
    engaged: bool


class OpenSession(Command, tag="open_session.v1", kw_only=True):
    session_id: AccountId
    member_id: Number
    cancel_on_disconnect: bool = True


class CloseSession(Command, tag="close_session.v1", kw_only=True):
    """The session ended, or its connection broke: its open orders are cancelled, if that was
    asked for."""

    session_id: AccountId


class SetFees(Command, tag="set_fees.v1", kw_only=True):
    """Fees by what an account has traded since this command (it starts a period), in one
    instrument or (empty) in each: those of the last tier that it has reached."""

    instrument: str = ""
    tiers: tuple[FeeTier, ...]


class SetQuoteProtection(Command, tag="set_quote_protection.v1", kw_only=True):
    """Withdraw an account's quotes, and take no more until this is sent again, once they traded
    more than `quantity_max`, or more than `trades_max` times, within `window_ms`. 0: no limit."""

    instrument: str = ""
    account_id: AccountId
    window_ms: Number
    quantity_max: Number = 0
    trades_max: Number = 0


class BustTrade(Command, tag="bust_trade.v1", kw_only=True):
    """The operator takes a trade back, as if it had not been. Orders do not come back."""

    instrument: str
    trade_id: Number


class CorrectTrade(Command, tag="correct_trade.v1", kw_only=True):
    """The operator gives a trade another price or a smaller quantity."""

    instrument: str
    trade_id: Number
    price: int
    quantity: int


COMMANDS = (
    ListInstrument,
    PlaceOrder,
    CancelOrder,
    ReplaceOrder,
    MassCancel,
    MassQuote,
    DelistInstrument,
    ChangeSymbol,
    SplitInstrument,
    SetReferencePrice,
    SetCalendar,
    ChangePhase,
    SetMarketHalts,
    PublishIndex,
    OpenAccount,
    CloseAccount,
    SetAccountLimits,
    SetKillSwitch,
    OpenSession,
    CloseSession,
    SetFees,
    SetQuoteProtection,
    BustTrade,
    CorrectTrade,
)

ExchangeCommand = Command
"""Any of `COMMANDS`."""
