"""What the naive exchange knows of one instrument: plain lists of orders and trades, searched and
sorted each time. No rules of what happens; only what is there and simple questions about it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from processors.markets.exchange.commands import (
    FeeTier,
    ListInstrument,
    OrderTerms,
    OrderType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.exchange.draws import mix64
from processors.markets.exchange.events import QuoteEntry, QuotesReplaced, RejectCode

CALL_PHASES = (Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION)
TRADING_PHASES = (Phase.CONTINUOUS, Phase.TRADING_AT_LAST)
AUCTION_FORCES = (
    TimeInForce.AT_THE_OPENING,
    TimeInForce.AT_THE_CLOSE,
    TimeInForce.GOOD_FOR_AUCTION,
)
AUCTIONS_OF = {
    TimeInForce.AT_THE_OPENING: (Phase.OPENING_AUCTION,),
    TimeInForce.AT_THE_CLOSE: (Phase.CLOSING_AUCTION,),
    TimeInForce.GOOD_FOR_AUCTION: CALL_PHASES,
}
NO_TERMS = OrderTerms()
MILLION = 1_000_000


@dataclass(frozen=True)
class Refused:
    """Stands for `OrderRejected`: the code, and the field at fault."""

    code: RejectCode
    field: str


@dataclass(eq=False, kw_only=True)
class NaiveOrder:
    order_id: int
    account_id: int
    side: Side
    quantity: int
    """What is open."""
    price: int
    """Its limit; 0: none."""
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    prevention: SelfTradePrevention
    session_id: int
    given_terms: OrderTerms | None
    group_id: int
    is_quote: bool
    expires_at_ms: int
    entry: int
    """When it was accepted (or treated so), as a number that only goes up."""
    on_book: bool = False
    book_price: int = 0
    """Where it stands on the book: a peg's target, else its limit."""
    placed: int = 0
    """When it came to that place."""
    queued: int = 0
    """When what it shows came to the back of its queue."""
    shown: int = 0
    part: int = 0
    """How often it was refilled."""
    traded: int = 0
    """Of a parent: since its first child came."""
    has_children: bool = False
    child: bool = False
    """Its parent has not traded yet."""
    linked: "NaiveOrder | None" = None
    stop: int | None = None
    """The stop price where it stands now, as long as it waits for that."""
    trail: int = 0
    parked_at: int = 0
    """When it began to wait."""

    @property
    def terms(self) -> OrderTerms:
        return self.given_terms or NO_TERMS

    @property
    def is_dark(self) -> bool:
        terms = self.terms
        return terms.hidden or terms.peg is not None or terms.all_or_none


@dataclass
class KeptTrade:
    trade_id: int
    price: int
    quantity: int
    order_ids: tuple[int, int]
    """The buyer's, the seller's; so below."""
    account_ids: tuple[int, int]
    fees: tuple[int, int]
    roles: tuple[str, str]
    """By which of a tier's rates each pays: maker, taker or auction."""
    counted: tuple[bool, bool]
    """Whether the account's position knows of it."""


@dataclass
class Entry:
    """Noted to enter: a parked order, a child of which this much has its turn, or a quote."""

    order: NaiveOrder | None = None
    child_quantity: int = 0
    quote: QuoteEntry | None = None
    quotes: QuotesReplaced | None = None


@dataclass
class Protection:
    window_ms: int
    quantity_max: int
    trades_max: int


@dataclass
class QuoteCount:
    window_start_ms: int = 0
    quantity: int = 0
    trades: int = 0
    tripped: bool = False


@dataclass
class NaiveMarket:
    listing: ListInstrument
    symbol: str
    phase: Phase
    reference_price: int
    static_reference: int
    next_phase: Phase | None = None
    next_at_ms: int = 0
    until_ms: int = 0
    orders: list[NaiveOrder] = field(default_factory=list)
    """All open ones, on the book or parked."""
    last_price: int = 0
    closing_price: int = 0
    closing_auction_price: int = 0
    """Of the closing auction of the day, once it traded."""
    trade_count: int = 0
    trades: list[KeptTrade] = field(default_factory=list)
    to_cancel: list[NaiveOrder] = field(default_factory=list)
    to_enter: list[Entry] = field(default_factory=list)
    quote_trades: dict[int, list[int]] = field(default_factory=dict)
    """By account: the quantities of its protected quotes' trades that are to be counted."""
    quote_counts: dict[int, QuoteCount] = field(default_factory=dict)
    protections: dict[int, Protection] = field(default_factory=dict)
    call_seed: int = 0
    random_end_is_over: bool = False
    was_extended: bool = False
    """By a price outside its band, or market orders."""
    is_extended: bool = False
    """In any way."""
    indicated: tuple[int, int, int, Side | None] = (0, 0, 0, None)
    positions: dict[int, int] = field(default_factory=dict)
    notionals: dict[int, int] = field(default_factory=dict)
    fees: tuple[FeeTier, ...] | None = None
    accepted_seconds: list[tuple[int, int]] = field(default_factory=list)
    """(account, second) of the orders of the latest second that count towards an order rate."""
    is_quiet: bool = True
    """Nothing happened since no step was left."""

    @property
    def name(self) -> str:
        return self.listing.instrument

    def order(self, order_id: int) -> NaiveOrder | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def tick(self, price: int) -> int:
        """The tick size of prices like this one."""
        tick = self.listing.tick_size
        for band in self.listing.tick_bands:
            if band.price_from <= price:
                tick = band.tick_size
        return tick

    def tick_down(self, price: int) -> int:
        """The largest price on tick that is not above."""
        return price - price % self.tick(price)

    def tick_up(self, price: int) -> int:
        while price % self.tick(price):
            price += self.tick(price) - price % self.tick(price)
        return price

    def behind(self, side: Side, best: int) -> int:
        """The nearest price of a side that does not reach the best one opposite."""
        return self.tick_down(best - 1) if side is Side.BUY else self.tick_up(best + 1)

    def lots(self, quantity: int) -> int:
        """Down to whole lots."""
        return quantity - quantity % self.listing.lot_size

    def on_book(self, side: Side | None = None) -> list[NaiveOrder]:
        """By time."""
        found = [o for o in self.orders if o.on_book and side in (None, o.side)]
        return sorted(found, key=lambda order: order.queued)

    def oldest_first(self) -> list[NaiveOrder]:
        """All open orders: those on the book by time, then the parked, as they began to wait."""
        parked = [order for order in self.orders if not order.on_book]
        return self.on_book() + sorted(parked, key=lambda order: order.parked_at)

    def best(self, side: Side, displayed: bool = False) -> int:
        """The best price of a side, of all orders or the displayed ones; 0: none."""
        prices = [
            order.book_price
            for order in self.orders
            if order.on_book
            and order.side is side
            and order.book_price
            and (order.shown or not displayed)
        ]
        if not prices:
            return 0
        return max(prices) if side is Side.BUY else min(prices)

    def reach_price(self, side: Side) -> int:
        """The best price that an order of `side` can meet; 0: there is no order opposite."""
        return self.best(opposite(side))


def opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def reaches(side: Side, limit: int, price: int) -> bool:
    """Whether an order with that limit (0: none) would trade at `price`."""
    if not limit:
        return True
    return limit >= price if side is Side.BUY else limit <= price


def band(reference: int, ppm: int) -> tuple[int, int] | None:
    """The lowest and the highest price of a band around the reference; None: no band."""
    if not reference or not ppm:
        return None
    low = -(-reference * (MILLION - ppm) // MILLION)
    return low, reference * (MILLION + ppm) // MILLION


def is_outside(price: int, limits: tuple[int, int] | None) -> bool:
    return limits is not None and not limits[0] <= price <= limits[1]


def part_shown(order_id: int, number: int, terms: OrderTerms, lot: int) -> int:
    """The size of an iceberg's part, the number 0 being the one at entry."""
    if not terms.display_range:
        return max(lot, terms.display_quantity)
    sizes = 2 * terms.display_range // lot + 1
    drawn = mix64(order_id * 2**20 + number) % sizes
    return max(lot, terms.display_quantity - terms.display_range + lot * drawn)


def first_shown(order_id: int, quantity: int, terms: OrderTerms, lot: int) -> int:
    """What an iceberg or a reserve order shows when it comes; 0 of any other."""
    if not terms.display_quantity:
        return 0
    return min(quantity, part_shown(order_id, 0, terms, lot))


def is_stop(terms: OrderTerms) -> bool:
    return bool(terms.stop_price or terms.trail_amount or terms.trail_ticks)


def is_triggered(order: NaiveOrder, last_price: int) -> bool:
    if order.stop is None or not last_price:
        return False
    return last_price >= order.stop if order.side is Side.BUY else last_price <= order.stop


def waits(terms: OrderTerms, force: TimeInForce, phase: Phase) -> bool:
    """Whether an order that is no child is parked when it comes in this phase."""
    return is_stop(terms) or terms.peg is not None or waits_for_auction(force, phase)


def waits_for_auction(force: TimeInForce, phase: Phase) -> bool:
    return force in AUCTIONS_OF and phase not in AUCTIONS_OF[force]


def fee_rates(tiers: Iterable[FeeTier], notional: int) -> FeeTier:
    reached = FeeTier()
    for tier in tiers:
        if tier.notional_from <= notional:
            reached = tier
    return reached


def fee(price: int, quantity: int, ppm: int) -> int:
    return (price * quantity * ppm + 500_000) // MILLION


def towards_zero(number: Fraction) -> int:
    return int(number)
