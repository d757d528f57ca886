"""The checks of what makes an order more than a plain one: its terms, its time in force, and the
phase that it comes in. `admission` checks the rest.

A fault is (code, field, sentence). What is refused as contradictory is what Xetra (market model,
"order types", "execution conditions") and Euronext (trading manual, "order types") do not let
stand together either, or could mean two things.
"""

from typing import Final

from processors.markets.exchange.admission import fault_of_price
from processors.markets.exchange.calendar import TradingCalendar, is_date
from processors.markets.exchange.events import RejectCode
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.order import FOR_PARENT, NO_TERMS, Order, Special
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.terms import OrderTerms, OrderType, Phase, TimeInForce

Fault = tuple[RejectCode, str, str]

CONTRADICTORY: Final = RejectCode.CONTRADICTORY
NEVER_RESTS: Final = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
FOR_ONE_AUCTION: Final = (
    TimeInForce.AT_THE_OPENING,
    TimeInForce.AT_THE_CLOSE,
    TimeInForce.GOOD_FOR_AUCTION,
)


class Asked:
    """An order as it is to be: a new one, or an open one after its replacement."""

    __slots__ = (
        "account_id",
        "has_parent",
        "order_id",
        "order_type",
        "post_only",
        "price",
        "quantity",
        "replaced",
        "terms",
        "time_in_force",
    )

    order_id: int
    account_id: int
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    price: int
    quantity: int
    terms: OrderTerms
    replaced: Order | None
    """The order that it stands for so far."""
    has_parent: bool
    """Whether it waits for one."""

    def __init__(
        self,
        order_id: int,
        account_id: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        post_only: bool,
        price: int,
        quantity: int,
        terms: OrderTerms | None,
        replaced: Order | None,
    ) -> None:
        self.order_id = order_id
        self.account_id = account_id
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.post_only = post_only
        self.price = price
        self.quantity = quantity
        self.terms = NO_TERMS if terms is None else terms
        self.replaced = replaced
        self.has_parent = self.terms.parent_order_id >= 0
        if replaced is not None and replaced.special is not None:
            self.has_parent = replaced.special.waits == FOR_PARENT

    @property
    def is_stop(self) -> bool:
        """Whether it is to wait for its stop price: a stop that was triggered is none any more."""
        special = None if self.replaced is None else self.replaced.special
        if special is not None and not special.waits and special.terms == self.terms:
            return False
        return is_stop(self.terms)


def is_stop(terms: OrderTerms) -> bool:
    return bool(terms.stop_price or terms.trail_amount or terms.trail_ticks)


def check_conditions(
    book: OrderBook, calendar: TradingCalendar, asked: Asked, at: int
) -> Fault | None:
    """The terms and the time in force, against each other and the instrument."""
    return (
        _check_expiry(calendar, asked, at)
        or _check_stop(book, asked)
        or _check_type(asked)
        or _check_display(book.instrument, asked)
        or _check_peg(asked)
        or _check_quantities(book.instrument, asked)
        or _check_links(book, asked)
    )


def _check_expiry(calendar: TradingCalendar, asked: Asked, at: int) -> Fault | None:
    terms = asked.terms
    if terms.reprice and not asked.post_only:
        return CONTRADICTORY, "terms.reprice", "only a post-only order is repriced"
    by_date = asked.time_in_force is TimeInForce.GOOD_TILL_DATE
    by_time = asked.time_in_force is TimeInForce.GOOD_TILL_TIME
    if by_date != bool(terms.expires_on):
        return CONTRADICTORY, "terms.expires_on", "a good-till-date order, and no other, has one"
    if by_time != bool(terms.expires_at_ms):
        return (
            CONTRADICTORY,
            "terms.expires_at_ms",
            "a good-till-time order, and no other, has one",
        )
    if by_date and not is_date(terms.expires_on):
        reason = f"{terms.expires_on} is no date; write 21 November 2026 as 20261121"
        return RejectCode.INVALID_VALUE, "terms.expires_on", reason
    if by_date and calendar.end_of_date(terms.expires_on) <= at:
        reason = f"the day {terms.expires_on} is over"
        return RejectCode.ALREADY_EXPIRED, "terms.expires_on", reason
    if by_time and terms.expires_at_ms <= at:
        reason = f"{terms.expires_at_ms} is not after {at}"
        return RejectCode.ALREADY_EXPIRED, "terms.expires_at_ms", reason
    return None


def _check_stop(book: OrderBook, asked: Asked) -> Fault | None:
    terms = asked.terms
    if terms.trail_amount and terms.trail_ticks:
        return (
            CONTRADICTORY,
            "terms.trail_ticks",
            "a trailing stop has an amount or ticks, not both",
        )
    if not is_stop(terms):
        return None
    if terms.stop_price:
        fault = fault_of_price(book.instrument, terms.stop_price)
        if fault is not None:
            code, reason = fault
            return code, "terms.stop_price", reason
    elif not book.last_price:
        reason = "nothing has traded that a trailing stop could follow; give it a stop price"
        return RejectCode.INVALID_VALUE, "terms.stop_price", reason
    if (
        asked.time_in_force in NEVER_RESTS
        or asked.time_in_force in FOR_ONE_AUCTION
        or asked.post_only
        or terms.peg is not None
        or terms.minimum_quantity
        or terms.all_or_none
        or asked.order_type is OrderType.MARKET_TO_LIMIT
    ):
        reason = (
            "a stop order waits for its price and is a limit or a market order then, without "
            "further conditions"
        )
        return CONTRADICTORY, "terms.stop_price", reason
    return None


def _check_type(asked: Asked) -> Fault | None:
    terms = asked.terms
    if asked.order_type is not OrderType.LIMIT:
        for field, has in _SHAPES:
            if has(terms):
                reason = f"a {asked.order_type.value} order does not rest where that would matter"
                return CONTRADICTORY, f"terms.{field}", reason
    if asked.time_in_force in NEVER_RESTS:
        for field, has in (*_SHAPES, *_LINKS):
            if has(terms):
                reason = f"{asked.time_in_force.value}: the order never rests"
                return CONTRADICTORY, f"terms.{field}", reason
        if asked.time_in_force is TimeInForce.FILL_OR_KILL and terms.minimum_quantity:
            return CONTRADICTORY, "terms.minimum_quantity", "fill or kill trades in full or not"
    return None


_SHAPES: Final = (
    ("display_quantity", lambda terms: terms.display_quantity > 0),
    ("hidden", lambda terms: terms.hidden),
    ("peg", lambda terms: terms.peg is not None),
    ("all_or_none", lambda terms: terms.all_or_none),
)
_LINKS: Final = (
    ("linked_order_id", lambda terms: terms.linked_order_id >= 0),
    ("parent_order_id", lambda terms: terms.parent_order_id >= 0),
)


def _check_display(instrument: Instrument, asked: Asked) -> Fault | None:
    terms = asked.terms
    if terms.display_quantity % instrument.lot_size:
        reason = (
            f"{terms.display_quantity} is not a multiple of the lot size {instrument.lot_size}"
        )
        return RejectCode.OFF_LOT, "terms.display_quantity", reason
    if not terms.display_quantity:
        if terms.display_range:
            return CONTRADICTORY, "terms.display_range", "there is no display quantity to vary"
        if terms.reserve:
            return CONTRADICTORY, "terms.reserve", "a reserve order has a display quantity"
        return None
    if terms.display_range >= terms.display_quantity or terms.display_range % instrument.lot_size:
        reason = "it is less than the display quantity, and a multiple of the lot size"
        return RejectCode.INVALID_VALUE, "terms.display_range", reason
    if terms.reserve and terms.display_range:
        return CONTRADICTORY, "terms.display_range", "a reserve order always shows the same"
    if terms.hidden:
        return CONTRADICTORY, "terms.hidden", "what is hidden displays nothing"
    return None


def _check_peg(asked: Asked) -> Fault | None:
    terms = asked.terms
    if terms.peg is None:
        if terms.peg_offset:
            return CONTRADICTORY, "terms.peg_offset", "the order is not pegged"
        return None
    if (
        terms.display_quantity
        or terms.hidden
        or asked.post_only
        or terms.minimum_quantity
        or terms.all_or_none
        or asked.time_in_force in FOR_ONE_AUCTION
    ):
        reason = "a pegged order is unseen, in continuous trading, and has no further conditions"
        return CONTRADICTORY, "terms.peg", reason
    return None


def _check_quantities(instrument: Instrument, asked: Asked) -> Fault | None:
    terms = asked.terms
    least = terms.minimum_quantity
    if least > asked.quantity or least % instrument.lot_size:
        reason = f"{least} is not a multiple of the lot size within the quantity {asked.quantity}"
        return RejectCode.INVALID_VALUE, "terms.minimum_quantity", reason
    if least and (asked.post_only or terms.all_or_none):
        reason = "post-only trades nothing when it enters, all-or-none everything"
        return CONTRADICTORY, "terms.minimum_quantity", reason
    if terms.all_or_none and (
        terms.display_quantity
        or terms.hidden
        or asked.post_only
        or asked.time_in_force in FOR_ONE_AUCTION
    ):
        reason = "an all-or-none order is unseen, and in continuous trading"
        return CONTRADICTORY, "terms.all_or_none", reason
    return None


def _check_links(book: OrderBook, asked: Asked) -> Fault | None:
    terms, replaced = asked.terms, asked.replaced
    if replaced is not None:
        before = NO_TERMS if replaced.special is None else replaced.special.terms
        if terms.linked_order_id != before.linked_order_id:
            return CONTRADICTORY, "terms.linked_order_id", "an order's links do not change"
        if terms.parent_order_id != before.parent_order_id:
            return CONTRADICTORY, "terms.parent_order_id", "an order's links do not change"
        return _check_child(terms)
    if terms.linked_order_id >= 0:
        other = _own_order(book, asked, terms.linked_order_id)
        if other is None or (other.special is not None and other.special.linked >= 0):
            reason = f"order {terms.linked_order_id} is not an open, unlinked order of the account"
            return RejectCode.UNKNOWN_LINK, "terms.linked_order_id", reason
    if terms.parent_order_id >= 0:
        fault = _check_child(terms)
        if fault is not None:
            return fault
        parent = _own_order(book, asked, terms.parent_order_id)
        if parent is None or _is_waiting_child(parent.special):
            reason = f"order {terms.parent_order_id} is not an open order of the account"
            return RejectCode.UNKNOWN_LINK, "terms.parent_order_id", reason
    return None


def _check_child(terms: OrderTerms) -> Fault | None:
    if terms.parent_order_id < 0 or not (terms.minimum_quantity or terms.all_or_none):
        return None
    reason = "an order that waits for its parent has no conditions for its entry"
    return CONTRADICTORY, "terms.parent_order_id", reason


def _own_order(book: OrderBook, asked: Asked, order_id: int) -> Order | None:
    order = book.find(order_id)
    return None if order is None or order.account_id != asked.account_id else order


def _is_waiting_child(special: Special | None) -> bool:
    return special is not None and special.terms.parent_order_id >= 0


def check_phase(book: OrderBook, asked: Asked) -> Fault | None:
    """Whether the phase takes such an order."""
    market = book.market
    phase = market.phase
    if phase is Phase.CONTINUOUS:
        return None
    wrong = RejectCode.WRONG_PHASE
    if phase is Phase.HALT or phase is Phase.CLOSED:
        return wrong, "instrument", f"in phase {phase.value} orders can only be cancelled"
    if phase is not Phase.TRADING_AT_LAST and asked.time_in_force in NEVER_RESTS:
        reason = f"{asked.time_in_force.value}: nothing trades at once in phase {phase.value}"
        return wrong, "time_in_force", reason
    if asked.post_only:
        return wrong, "post_only", "post-only orders are for continuous trading"
    if asked.terms.minimum_quantity:
        return wrong, "terms.minimum_quantity", "a minimum quantity is for continuous trading"
    if asked.terms.all_or_none:
        return wrong, "terms.all_or_none", "all-or-none orders are for continuous trading"
    if phase is Phase.TRADING_AT_LAST:
        return _check_at_last(market.closing_price, asked)
    return None


def _check_at_last(closing_price: int, asked: Asked) -> Fault | None:
    """Euronext trading manual, "trading-at-last phase": at the closing price alone."""
    if asked.order_type is OrderType.MARKET_TO_LIMIT:
        reason = "trading is at the closing price; there is no best price to take"
        return RejectCode.WRONG_PHASE, "order_type", reason
    waits = (
        asked.is_stop
        or asked.has_parent
        or asked.terms.peg is not None
        or asked.time_in_force in FOR_ONE_AUCTION
    )
    if (
        asked.order_type is OrderType.LIMIT
        and not waits
        and (not closing_price or asked.price != closing_price)
    ):
        reason = f"trading is at the closing price {closing_price}, and {asked.price} is not"
        return RejectCode.WRONG_PHASE, "price", reason
    return None
