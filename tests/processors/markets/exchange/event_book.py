"""A book and a ledger by the events of one instrument alone, for `test_properties`: they share
nothing with the engine but its words.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from processors.markets.exchange import commands as c
from processors.markets.exchange import events as e
from processors.markets.exchange.commands import OrderType, Phase, Side, TimeInForce

PPM = 1_000_000
EXCHANGE = 0
"""As an account: it gets the fees."""


@dataclass(slots=True)
class Open:
    """An order that is open."""

    account_id: int
    side: Side
    order_type: OrderType
    force: TimeInForce
    prevents: bool
    price: int
    quantity: int
    terms: c.OrderTerms
    displayed: int
    on_book: bool
    shown_at: int
    """When it came to its place among what is shown, by number of event."""
    dark_at: int
    """... and among what is not."""

    @property
    def is_buy(self) -> bool:
        return self.side is Side.BUY

    @property
    def all_or_none(self) -> bool:
        return self.terms.all_or_none

    @property
    def is_dark(self) -> bool:
        return self.terms.hidden or self.all_or_none or self.terms.peg is not None

    def turn(self) -> tuple[int, bool, int]:
        """Whose is less trades first: no price, the better price, what is shown, time."""
        price = -self.price if self.is_buy and self.price else self.price
        unseen = self.is_dark or (self.terms.display_quantity > 0 and not self.displayed)
        return (price or -PPM), unseen, self.dark_at if unseen else self.shown_at


@dataclass(slots=True)
class Book:
    listing: Any = None
    orders: dict[int, Open] = field(default_factory=dict)
    ends: dict[int, str] = field(default_factory=dict)
    """How the orders that are no more open ended."""
    phase: Phase = Phase.CLOSED
    closing_price: int = 0
    has_reference: bool = False
    """Whether there surely is a price to hold an auction of market orders against."""
    clock: int = 0

    def on_book(self, side: Side | None = None) -> list[tuple[int, Open]]:
        return [
            (order_id, order)
            for order_id, order in self.orders.items()
            if order.on_book and side in (None, order.side)
        ]

    def apply(self, event: Any) -> None:
        self.clock += 1
        if isinstance(event, e.InstrumentListed):
            self.listing, self.has_reference = event, event.reference_price > 0
            self.phase = Phase.CLOSED if event.calendar else Phase.CONTINUOUS
        elif isinstance(event, e.InstrumentDelisted):
            self.phase = Phase.CLOSED
        elif isinstance(event, e.PhaseChanged):
            self.phase, self.closing_price = event.phase, event.price
        elif isinstance(event, e.InstrumentSplit):
            self.has_reference = False
        elif isinstance(event, e.OrderAccepted):
            self._accept(event)
        elif isinstance(event, e.OrderTraded):
            self.has_reference = True
            self._take(event.taker_order_id, event.quantity)
            self._trade(event.maker_order_id, event.quantity)
        elif isinstance(event, e.AuctionTraded):
            self.has_reference = True
            self._trade(event.buy_order_id, event.quantity)
            self._trade(event.sell_order_id, event.quantity)
        elif isinstance(event, e.OrderDecremented):
            self._take(event.order_id, event.quantity)
        elif isinstance(event, e.OrderCancelled):
            del self.orders[event.order_id]
            self.ends[event.order_id] = f"cancelled ({event.reason.value})"
        elif isinstance(event, ABOUT_AN_ORDER):
            self._change(event, self.orders[event.order_id])

    def _accept(self, event: e.OrderAccepted) -> None:
        self.ends.pop(event.order_id, None)
        self.orders[event.order_id] = Open(
            account_id=event.account_id,
            side=event.side,
            order_type=event.order_type,
            force=event.time_in_force,
            prevents=event.self_trade_prevention is not c.SelfTradePrevention.NONE,
            price=event.price,
            quantity=event.quantity,
            terms=event.terms or c.OrderTerms(),
            displayed=event.displayed,
            on_book=not event.parked,
            shown_at=self.clock,
            dark_at=self.clock,
        )

    def _take(self, order_id: int, quantity: int) -> None:
        order = self.orders[order_id]
        order.quantity -= quantity
        order.displayed = min(order.displayed, order.quantity)
        if not order.quantity:
            del self.orders[order_id]
            self.ends[order_id] = "filled"

    def _trade(self, order_id: int, quantity: int) -> None:
        order = self.orders[order_id]
        order.displayed = max(order.displayed - quantity, 0)
        self._take(order_id, quantity)

    def _change(self, event: Any, order: Open) -> None:
        kept = isinstance(event, e.OrderReplaced) and event.kept_priority
        placed = isinstance(event, e.OrderEntered | e.OrderReplaced | e.OrderRepriced)
        for name in ("price", "quantity", "displayed"):
            setattr(order, name, getattr(event, name, getattr(order, name)))
        order.terms = getattr(event, "terms", None) or order.terms
        order.force = getattr(event, "time_in_force", None) or order.force
        if placed:
            order.on_book = not getattr(event, "parked", False)
        elif isinstance(event, e.OrderParked):
            order.on_book = False
        if placed and not kept:
            order.shown_at = order.dark_at = self.clock
        elif isinstance(event, e.OrderRefilled):
            order.shown_at = self.clock


ABOUT_AN_ORDER = (
    e.OrderReplaced,
    e.OrderActivated,
    e.OrderEntered,
    e.OrderRefilled,
    e.OrderRepriced,
    e.OrderParked,
    e.OrderAdjusted,
    e.OrderDecremented,
    e.OrderCancelled,
)


class Trade(NamedTuple):
    price: int
    quantity: int
    buy_order_id: int
    sell_order_id: int
    buy_account_id: int
    sell_account_id: int
    buy_fee: int
    sell_fee: int


TRADED = e.OrderTraded | e.AuctionTraded


def trade_of(event: Any) -> Trade:
    if not isinstance(event, e.OrderTraded):
        return Trade(*(getattr(event, name) for name in Trade._fields))
    taker = event.taker_order_id, event.taker_account_id, event.taker_fee
    maker = event.maker_order_id, event.maker_account_id, event.maker_fee
    buy, sell = (taker, maker) if event.taker_side is Side.BUY else (maker, taker)
    pairs = [each for pair in zip(buy, sell, strict=True) for each in pair]
    return Trade(event.price, event.quantity, *pairs)


class Ledger:
    def __init__(self) -> None:
        self.shares: dict[int, Fraction] = defaultdict(Fraction)
        """Exactly, where a split leaves fractions."""
        self.cash: dict[int, int] = defaultdict(int)
        self.trades: dict[int, tuple[Trade, str, str]] = {}
        """Those that can be taken back, with which fee the buyer and the seller pay."""
        self.last_id = 0
        self.tiers: tuple[c.FeeTier, ...] = ()
        self.are_own = False
        """The tiers: the instrument's, which those for all do not replace."""
        self.volumes: dict[int, int] = defaultdict(int)
        self.volumes_before: dict[int, int] = {}
        """At the begin of the command: fees go by those at the begin of a step."""

    def begin_command(self) -> None:
        self.volumes_before = dict(self.volumes)

    def trade(self, event: Any, trade: Trade) -> None:
        assert event.trade_id == self.last_id + 1, "a number was left out, or used twice"
        self.last_id += 1
        kinds = "auction", "auction"
        if isinstance(event, e.OrderTraded):
            kinds = ("taker", "maker") if event.taker_side is Side.BUY else ("maker", "taker")
        self._check_fees(trade, *kinds)
        self.trades[event.trade_id] = trade, *kinds
        self._book(trade, 1)
        for account_id in (trade.buy_account_id, trade.sell_account_id):
            self.volumes[account_id] += trade.price * trade.quantity

    def note(self, event: Any) -> None:
        if isinstance(event, e.TradeBusted):
            trade, _buyer, _seller = self.trades.pop(event.trade_id)
            assert trade_of(event) == trade, f"busted is not {trade}"
            self._book(trade_of(event), -1)
        elif isinstance(event, e.TradeCorrected):
            trade, buyer, seller = self.trades[event.trade_id]
            new = trade_of(event)
            previous = new._replace(
                price=event.previous_price,
                quantity=event.previous_quantity,
                buy_fee=event.previous_buy_fee,
                sell_fee=event.previous_sell_fee,
            )
            assert previous == trade, f"corrected is not {trade}"
            assert 0 < new.quantity <= previous.quantity
            self._check_fees(new, buyer, seller)
            self._book(previous, -1)
            self._book(new, 1)
            self.trades[event.trade_id] = new, buyer, seller
        elif isinstance(event, e.InstrumentSplit):
            self.trades.clear()
            for account_id in self.shares:
                self.shares[account_id] *= Fraction(event.numerator, event.denominator)
        elif isinstance(event, e.FeesSet) and (event.instrument or not self.are_own):
            self.tiers, self.are_own = event.tiers, bool(event.instrument)
            self.volumes.clear()
            self.volumes_before = {}

    def _book(self, trade: Trade, sign: int) -> None:
        quantity = sign * trade.quantity
        self.shares[trade.buy_account_id] += quantity
        self.shares[trade.sell_account_id] -= quantity
        self.cash[trade.buy_account_id] -= quantity * trade.price + sign * trade.buy_fee
        self.cash[trade.sell_account_id] += quantity * trade.price - sign * trade.sell_fee
        self.cash[EXCHANGE] += sign * (trade.buy_fee + trade.sell_fee)

    def _check_fees(self, trade: Trade, buyer: str, seller: str) -> None:
        sides = (
            (trade.buy_account_id, trade.buy_fee, buyer),
            (trade.sell_account_id, trade.sell_fee, seller),
        )
        for account_id, fee, kind in sides:
            before = self.volumes_before.get(account_id, 0)
            reached = [
                each for each in self.tiers if each.notional_from <= self.volumes[account_id]
            ]
            surely = [each for each in self.tiers if each.notional_from <= before]
            right = {
                (trade.price * trade.quantity * getattr(each, f"{kind}_ppm") + PPM // 2) // PPM
                for each in reached[max(len(surely) - 1, 0) :]
            }
            assert fee in (right or {0}), f"account {account_id} pays {fee} as {kind}, not {right}"
