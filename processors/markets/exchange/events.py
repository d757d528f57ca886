"""What happened on the exchange. Units as in `commands.py`.

An order is *on the book* from `order_accepted.v1` on, unless that says `parked`; a parked order is
from `order_entered.v1` on. It leaves with the trade that fills it, or with `order_cancelled.v1`.
"""

from enum import Enum

import msgspec

from log.envelope import Event
from processors.markets.exchange.terms import AuctionPrices as AuctionPrices
from processors.markets.exchange.terms import FeeTier as FeeTier
from processors.markets.exchange.terms import HaltLevel as HaltLevel
from processors.markets.exchange.terms import OrderTerms as OrderTerms
from processors.markets.exchange.terms import OrderType as OrderType
from processors.markets.exchange.terms import Peg as Peg
from processors.markets.exchange.terms import Phase as Phase
from processors.markets.exchange.terms import SelfTradePrevention as SelfTradePrevention
from processors.markets.exchange.terms import Side as Side
from processors.markets.exchange.terms import TickBand as TickBand
from processors.markets.exchange.terms import TimeInForce as TimeInForce
from processors.markets.exchange.terms import TimetableStep as TimetableStep
from processors.markets.exchange.terms import UtcOffset as UtcOffset


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
    INVALID_VALUE = "invalid_value"
    WRONG_PHASE = "wrong_phase"
    NO_LIQUIDITY = "no_liquidity"
    ALREADY_EXPIRED = "already_expired"
    UNKNOWN_LINK = "unknown_link"
    UNKNOWN_CALENDAR = "unknown_calendar"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_SESSION = "unknown_session"
    UNKNOWN_TRADE = "unknown_trade"
    ACCOUNT_STOPPED = "account_stopped"
    """Closed, or by the kill switch."""
    QUOTES_STOPPED = "quotes_stopped"
    """By quote protection."""
    ORDER_QUANTITY_LIMIT = "order_quantity_limit"
    NOTIONAL_LIMIT = "notional_limit"
    OPEN_ORDERS_LIMIT = "open_orders_limit"
    ORDER_RATE_LIMIT = "order_rate_limit"
    PRICE_COLLAR = "price_collar"
    POSITION_LIMIT = "position_limit"


class CancelReason(Enum):
    REQUESTED = "requested"
    MASS_CANCEL = "mass_cancel"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    NO_LIQUIDITY = "no_liquidity"
    """A market order's rest, where nothing more is to be had."""
    SELF_TRADE = "self_trade"
    MINIMUM_QUANTITY = "minimum_quantity"
    PRICE_BAND = "price_band"
    """The rest of an order that never rests, at the edge of a price band."""
    EXPIRED = "expired"
    AUCTION_OVER = "auction_over"
    """What an order for one auction has left after it."""
    LINKED = "linked"
    """The order that it was linked to traded or ended; or its parent did, with no trade."""
    DISCONNECTED = "disconnected"
    ACCOUNT_STOPPED = "account_stopped"
    QUOTE_REPLACED = "quote_replaced"
    QUOTE_PROTECTION = "quote_protection"
    DELISTED = "delisted"
    SPLIT = "split"
    """Nothing is left of it in new shares."""
    WOULD_TAKE = "would_take"
    """A parked post-only order that would trade when it enters."""


class PhaseReason(Enum):
    TIMETABLE = "timetable"
    OPERATOR = "operator"
    STATIC_BAND = "static_band"
    DYNAMIC_BAND = "dynamic_band"
    MARKET_HALT = "market_halt"
    RESUMED = "resumed"
    """The volatility auction, or the halt, ended when it was due."""


class ExtensionReason(Enum):
    RANDOM_END = "random_end"
    PRICE_BAND = "price_band"
    MARKET_ORDERS = "market_orders"


class InstrumentListed(Event, tag="instrument_listed.v1", kw_only=True):
    instrument: str
    price_decimals: int
    tick_size: int
    lot_size: int
    price_min: int
    price_max: int
    quantity_max: int
    symbol: str = ""
    tick_bands: tuple[TickBand, ...] = ()
    calendar: str = ""
    reference_price: int = 0
    static_band_ppm: int = 0
    dynamic_band_ppm: int = 0
    volatility_call_ms: int = 0
    random_end_ms: int = 0
    extension_ms: int = 0
    auction_prices: AuctionPrices = AuctionPrices.LIMITS
    members_only: bool = False
    next_phase: Phase | None = None
    """By the calendar, at `next_at_ms`; None: continuous trading, until the operator says so."""
    next_at_ms: int = 0


class InstrumentDelisted(Event, tag="instrument_delisted.v1", kw_only=True):
    """Its open orders were cancelled before."""

    instrument: str


class SymbolChanged(Event, tag="symbol_changed.v1", kw_only=True):
    instrument: str
    symbol: str


class InstrumentSplit(Event, tag="instrument_split.v1", kw_only=True):
    """All prices of the instrument are those of new shares from here on; `order_adjusted.v1` of
    every open order, oldest first, follows."""

    instrument: str
    numerator: int
    denominator: int


class OrderAdjusted(Event, tag="order_adjusted.v1", kw_only=True):
    """A split: the order has this price, quantity and terms now. Orders that had one price keep
    their order among them."""

    instrument: str
    order_id: int
    price: int
    quantity: int
    terms: OrderTerms | None = None
    displayed: int = 0


class ReferencePriceSet(Event, tag="reference_price_set.v1", kw_only=True):
    """What auctions and the static band are held against."""

    instrument: str
    price: int


class OrderAccepted(Event, tag="order_accepted.v1", kw_only=True):
    """The order passed its checks. Trades and cancels of the same command follow; what is left of
    an order that may rest, rests."""

    instrument: str
    order_id: int
    account_id: int
    side: Side
    quantity: int
    price: int = 0
    """Of a market-to-limit order the price it got; of a repriced one where it was put; of a pegged
    one its limit."""
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELLED
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE
    session_id: int = 0
    terms: OrderTerms | None = None
    group_id: int = 0
    """The account's group, where it has one."""
    parked: bool = False
    """It waits, unseen: for its stop price, parent, auction, or a price to be pegged to."""
    displayed: int = 0
    """Of an iceberg or a reserve order: what is shown of it."""
    is_quote: bool = False
    """Of a mass quote."""
    expires_at_ms: int = 0
    """When it expires by itself; 0: never."""
    at_ms: int = 0
    """When, where the account's order rate is limited."""


class OrderEntered(Event, tag="order_entered.v1", kw_only=True):
    """A parked order comes on the book: a stop was triggered, a parent traded, an auction began, a
    peg found its price. As after `order_accepted.v1`, trades and cancels may follow."""

    instrument: str
    order_id: int
    price: int
    """Its limit; 0: a market order."""
    quantity: int
    displayed: int = 0


class OrderActivated(Event, tag="order_activated.v1", kw_only=True):
    """The parent of a parked order has traded: it is as if accepted now, with this quantity. It
    goes on waiting (a stop), or enters (`order_entered.v1`)."""

    instrument: str
    order_id: int
    quantity: int


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
    trade_id: int = 0
    """1, 2, 3 ... on the instrument; 0: a trade from before trades were numbered."""
    taker_fee: int = 0
    """In price units; below zero: a rebate."""
    maker_fee: int = 0


class AuctionTraded(Event, tag="auction_traded.v1", kw_only=True):
    """Two orders met in an auction, at its one price."""

    instrument: str
    buy_order_id: int
    sell_order_id: int
    buy_account_id: int
    sell_account_id: int
    price: int
    quantity: int
    trade_id: int
    buy_fee: int = 0
    sell_fee: int = 0


class OrderRefilled(Event, tag="order_refilled.v1", kw_only=True):
    """An iceberg or reserve order shows so much again, at the back of the queue."""

    instrument: str
    order_id: int
    displayed: int


class OrderReplaced(Event, tag="order_replaced.v1", kw_only=True):
    """The order has a new price and open quantity; `kept_priority` tells whether its place.
    `time_in_force` and `terms` are there where they changed."""

    instrument: str
    order_id: int
    price: int
    quantity: int
    kept_priority: bool = False
    time_in_force: TimeInForce | None = None
    terms: OrderTerms | None = None
    parked: bool = False
    displayed: int = 0
    expires_at_ms: int = 0


class OrderRepriced(Event, tag="order_repriced.v1", kw_only=True):
    """A pegged order followed its price, or what an auction left of a market-to-limit order became
    a limit order. It is at the back of its new queue. Trades may follow."""

    instrument: str
    order_id: int
    price: int


class OrderParked(Event, tag="order_parked.v1", kw_only=True):
    """A pegged order is off the book: there is no price to follow, or an auction begins."""

    instrument: str
    order_id: int


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


class QuoteEntry(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One side of a quote that is to enter."""

    order_id: int
    side: Side
    price: int
    quantity: int


class QuotesReplaced(Event, tag="quotes_replaced.v1", kw_only=True):
    """The account's old quotes were cancelled before, or kept; `entering` follow, each as
    `order_accepted.v1`, which trades like any order."""

    instrument: str
    account_id: int
    entering: tuple[QuoteEntry, ...] = ()
    session_id: int = 0
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE


class QuoteTradesCounted(Event, tag="quote_trades_counted.v1", kw_only=True):
    """What a protected account's quotes have traded since `window_start_ms`. `tripped`: it was
    too much, its quotes are cancelled, and no more are taken until protection is set again."""

    instrument: str
    account_id: int
    quantity: int
    trades: int
    window_start_ms: int
    tripped: bool = False


class QuoteProtectionSet(Event, tag="quote_protection_set.v1", kw_only=True):
    instrument: str
    account_id: int
    window_ms: int
    quantity_max: int = 0
    trades_max: int = 0


class PhaseChanged(Event, tag="phase_changed.v1", kw_only=True):
    """The instrument is in another phase."""

    instrument: str
    phase: Phase
    previous: Phase
    reason: PhaseReason
    until_ms: int = 0
    """When it ends by itself; 0: by the timetable, or the operator."""
    next_phase: Phase | None = None
    """By the calendar, at `next_at_ms`."""
    next_at_ms: int = 0
    price: int = 0
    """The trade that would have broken a band; into trading at last and the close, the closing
    price: the closing auction's, else that of the last trade."""


class AuctionIndicated(Event, tag="auction_indicated.v1", kw_only=True):
    """What the auction would give if it ended now; a `price` of 0: no trade."""

    instrument: str
    price: int
    quantity: int
    surplus: int = 0
    surplus_side: Side | None = None


class AuctionExtended(Event, tag="auction_extended.v1", kw_only=True):
    instrument: str
    until_ms: int
    reason: ExtensionReason


class AuctionEnded(Event, tag="auction_ended.v1", kw_only=True):
    """The call is over: `quantity` trades at `price`, as `auction_traded.v1` says one by one."""

    instrument: str
    phase: Phase
    price: int
    quantity: int
    surplus: int = 0
    surplus_side: Side | None = None


class TradeBusted(Event, tag="trade_busted.v1", kw_only=True):
    """The trade is as if it had not been: its fees too. All of it as it was."""

    instrument: str
    trade_id: int
    price: int
    quantity: int
    buy_order_id: int
    sell_order_id: int
    buy_account_id: int
    sell_account_id: int
    buy_fee: int = 0
    sell_fee: int = 0


class TradeCorrected(Event, tag="trade_corrected.v1", kw_only=True):
    """The trade has another price and quantity, and other fees; `previous_...` as they were."""

    instrument: str
    trade_id: int
    price: int
    quantity: int
    buy_order_id: int
    sell_order_id: int
    buy_account_id: int
    sell_account_id: int
    previous_price: int
    previous_quantity: int
    buy_fee: int = 0
    sell_fee: int = 0
    previous_buy_fee: int = 0
    previous_sell_fee: int = 0


class CalendarSet(Event, tag="calendar_set.v1", kw_only=True):
    """From here on; `schedule_changed.v1` of each of its instruments follows."""

    calendar: str
    weekdays: tuple[int, ...]
    holidays: tuple[int, ...]
    half_days: tuple[int, ...]
    steps: tuple[TimetableStep, ...]
    half_day_steps: tuple[TimetableStep, ...]
    utc_offsets: tuple[UtcOffset, ...]


class ScheduleChanged(Event, tag="schedule_changed.v1", kw_only=True):
    """When the instrument's next phase is due, after a change of its calendar."""

    instrument: str
    next_phase: Phase | None = None
    next_at_ms: int = 0


class MarketHaltsSet(Event, tag="market_halts_set.v1", kw_only=True):
    reference: int
    levels: tuple[HaltLevel, ...]


class IndexPublished(Event, tag="index_published.v1", kw_only=True):
    """`levels_reached`: how many of the levels of fall it has reached since they were set."""

    value: int
    levels_reached: int


class AccountOpened(Event, tag="account_opened.v1", kw_only=True):
    account_id: int
    member_id: int
    group_id: int = 0


class AccountClosed(Event, tag="account_closed.v1", kw_only=True):
    account_id: int


class AccountLimitsSet(Event, tag="account_limits_set.v1", kw_only=True):
    instrument: str
    account_id: int
    order_quantity_max: int = 0
    order_notional_max: int = 0
    open_orders_max: int = 0
    orders_per_second_max: int = 0
    collar_ppm: int = 0
    position_max: int = 0


class KillSwitchSet(Event, tag="kill_switch_set.v1", kw_only=True):
    account_id: int
    engaged: bool


class SessionOpened(Event, tag="session_opened.v1", kw_only=True):
    session_id: int
    member_id: int
    cancel_on_disconnect: bool = True


class SessionClosed(Event, tag="session_closed.v1", kw_only=True):
    session_id: int


class FeesSet(Event, tag="fees_set.v1", kw_only=True):
    instrument: str
    tiers: tuple[FeeTier, ...]


EVENTS = (
    InstrumentListed,
    OrderAccepted,
    OrderTraded,
    OrderReplaced,
    OrderDecremented,
    OrderCancelled,
    OrderRejected,
    OrderActivated,
    OrderEntered,
    OrderRefilled,
    OrderRepriced,
    OrderParked,
    OrderAdjusted,
    AuctionTraded,
    AuctionIndicated,
    AuctionExtended,
    AuctionEnded,
    PhaseChanged,
    ScheduleChanged,
    QuotesReplaced,
    QuoteTradesCounted,
    QuoteProtectionSet,
    TradeBusted,
    TradeCorrected,
    InstrumentDelisted,
    SymbolChanged,
    InstrumentSplit,
    ReferencePriceSet,
    CalendarSet,
    MarketHaltsSet,
    IndexPublished,
    AccountOpened,
    AccountClosed,
    AccountLimitsSet,
    KillSwitchSet,
    SessionOpened,
    SessionClosed,
    FeesSet,
)

ExchangeEvent = Event
