"""The words and the small structures that commands and events share: what an order asks for, what
a timetable, a fee schedule and a tick table are made of. Units as in `commands.py`."""

from enum import Enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

PPM: Final = 1_000_000
"""What a rate in parts per million is out of."""
Amount = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Side(Enum):
    BUY = "buy"
    SELL = "sell"


class OrderType(Enum):
    LIMIT = "limit"
    MARKET = "market"
    MARKET_TO_LIMIT = "market_to_limit"


class TimeInForce(Enum):
    """How long an order stands. FIX field 59 names the same."""

    GOOD_TILL_CANCELLED = "good_till_cancelled"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    DAY = "day"
    """To the close of the trading day."""
    GOOD_TILL_DATE = "good_till_date"
    """To the close of the day `expires_on`."""
    GOOD_TILL_TIME = "good_till_time"
    """To the moment `expires_at_ms`."""
    AT_THE_OPENING = "at_the_opening"
    """For the next opening auction alone."""
    AT_THE_CLOSE = "at_the_close"
    """For the next closing auction alone; it waits, unseen, until that begins."""
    GOOD_FOR_AUCTION = "good_for_auction"
    """For the next auction of any kind, or the one that is on."""


class SelfTradePrevention(Enum):
    """What happens where an order would trade with one of its own account, or its group."""

    NONE = "none"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
    DECREMENT_AND_CANCEL = "decrement_and_cancel"


class Peg(Enum):
    """What a pegged order's price follows: of the displayed orders."""

    BEST_BID = "best_bid"
    BEST_OFFER = "best_offer"
    MIDPOINT = "midpoint"


class Phase(Enum):
    """What the market of an instrument does."""

    PRE_OPEN = "pre_open"
    """Orders come, change and go; nothing trades."""
    OPENING_AUCTION = "opening_auction"
    CONTINUOUS = "continuous"
    VOLATILITY_AUCTION = "volatility_auction"
    HALT = "halt"
    """Orders can be cancelled; nothing else."""
    CLOSING_AUCTION = "closing_auction"
    TRADING_AT_LAST = "trading_at_last"
    """Continuous trading at the closing price alone."""
    CLOSED = "closed"
    """Orders can be cancelled; nothing else."""


class AuctionPrices(Enum):
    """Which prices a call auction may have: what the rule books differ in (`auction`)."""

    LIMITS = "limits"
    """The limits on the book (Xetra)."""
    ALL = "all"
    """Every price on tick within the price limits (Euronext)."""


class OrderTerms(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """What most orders do without. All may stand together where nothing contradicts."""

    stop_price: int = 0
    """A stop order: it waits, unseen, until a trade at this price or beyond (a buy: or higher)."""
    trail_amount: Amount = 0
    """A trailing stop: the stop price follows the best trade since entry at this distance."""
    trail_ticks: Amount = 0
    """... or at so many ticks."""
    display_quantity: Amount = 0
    """An iceberg: so much of it is shown at a time. When that has traded, the next part is shown,
    at the back of the queue."""
    display_range: Amount = 0
    """... and its size is drawn, from a seed of the order's own, from the display quantity and up
    to so much less or more."""
    reserve: bool = False
    """A reserve order in place of an iceberg: what is not shown may trade too, once all that is
    shown at its price has; and what is shown is refilled as soon as it is below a lot."""
    hidden: bool = False
    """Nothing of it is shown: it trades after all that is shown at its price."""
    peg: Peg | None = None
    """Its price follows the best prices; unseen. `price` is its limit, 0 none."""
    peg_offset: int = 0
    """Added to what it follows."""
    minimum_quantity: Amount = 0
    """What must trade when it is entered, or it is cancelled."""
    all_or_none: bool = False
    """It trades in one go and in full, with one order or several; unseen while it waits."""
    reprice: bool = False
    """Post-only: one tick behind the best price opposite, rather than rejected."""
    expires_on: Amount = 0
    """Good till date: the last trading day, 20261121."""
    expires_at_ms: Amount = 0
    """Good till time: milliseconds since 1970."""
    linked_order_id: int = -1
    """One cancels other: an open order of the account. When either trades, or ends, the other is
    cancelled."""
    parent_order_id: int = -1
    """Order sends order: an open order of the account. This one waits, unseen, until that has
    traded; with less, if that ended early. Two linked children make a bracket."""


class TickBand(msgspec.Struct, kw_only=True, gc=False):
    price_from: Amount
    tick_size: Amount


class FeeTier(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Fees as parts per million of price times quantity, each rounded half up to a price unit;
    below zero they are rebates."""

    notional_from: Amount = 0
    """What the account must have traded in the period."""
    maker_ppm: int = 0
    taker_ppm: int = 0
    auction_ppm: int = 0


class HaltLevel(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    fall_ppm: Amount
    halt_ms: Amount = 0
    """0: for the rest of the day."""


class TimetableStep(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """At this time of the trading day a phase begins."""

    at_ms: Amount
    phase: Phase


class UtcOffset(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    from_ms: Amount = 0
    """Since 1970, UTC."""
    offset_ms: int = 0
