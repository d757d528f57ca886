"""What a replace and the cancels do, and the mass quote.

Loss of priority (Xetra, "change of the priority of an order"; Euronext trading manual, "order
modification"): a lower quantity, and another validity, keep an order's place; a higher quantity,
another price, or other terms lose it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from log.envelope import Event
from processors.markets.exchange.admission import (
    check_price,
    check_quantity,
    reject,
    reject_not_owner,
)
from processors.markets.exchange.commands import MassCancel, MassQuote, Quote, ReplaceOrder
from processors.markets.exchange.conditions import (
    FOR_ONE_AUCTION,
    NEVER_RESTS,
    Asked,
    Fault,
    check_conditions,
    check_phase,
)
from processors.markets.exchange.events import (
    CancelReason,
    OrderCancelled,
    OrderRejected,
    OrderReplaced,
    QuoteEntry,
    QuotesReplaced,
    RejectCode,
)
from processors.markets.exchange.order import NO_TERMS, Order, session_of
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.placing import (
    entry_price,
    expiry,
    first_part,
    is_parked,
)
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import (
    OrderTerms,
    OrderType,
    Phase,
    Side,
    TimeInForce,
)
from processors.markets.exchange.trading import meet_book, taker_of

GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
CONTRADICTORY: Final = RejectCode.CONTRADICTORY


def replace(
    state: Exchange, book: OrderBook, order: Order, command: ReplaceOrder, at: int
) -> Sequence[Event]:
    """An open order's new price, quantity, and terms."""
    special = order.special
    order_type = OrderType.LIMIT if order.price else OrderType.MARKET
    time_in_force, terms = GOOD_TILL_CANCELLED, NO_TERMS
    if special is not None:
        order_type, time_in_force, terms = special.order_type, special.time_in_force, special.terms
    asked = Asked(
        order.order_id,
        order.account_id,
        order_type,
        command.time_in_force or time_in_force,
        order.post_only,
        command.price,
        command.quantity,
        command.terms or terms,
        order,
    )
    rejected = _check_replacement(state, book, order, asked, command.account_id, at)
    if rejected is not None:
        return (rejected,)
    keeps_place = _keeps_place(order, asked, time_in_force, terms)
    parked = special is not None and bool(special.waits)
    price = command.price
    if not keeps_place:
        parked = is_parked(book.market.phase, asked)
        if not parked and book.market.phase is Phase.CONTINUOUS:
            entry = entry_price(book, asked, order.side)
            if isinstance(entry, OrderRejected):
                return (entry,)
            price = entry
    displayed = 0
    if asked.terms.display_quantity:
        displayed = first_part(book, asked)
        if keeps_place and special is not None:
            displayed = min(special.displayed, command.quantity)
    replaced = OrderReplaced(
        instrument=command.instrument,
        order_id=order.order_id,
        price=price,
        quantity=command.quantity,
        kept_priority=keeps_place,
        time_in_force=asked.time_in_force if asked.time_in_force != time_in_force else None,
        terms=asked.terms if asked.terms != terms else None,
        parked=parked,
        displayed=displayed,
        expires_at_ms=expiry(state, book, asked, at),
    )
    if keeps_place or parked or not book.market.trades_at_once:
        return (replaced,)
    taker = taker_of(order)
    taker.quantity, taker.price = command.quantity, price
    terms = asked.terms
    met = meet_book(
        book, taker, at, asked.time_in_force, terms.minimum_quantity, terms.all_or_none
    )
    return [replaced, *met]


def _keeps_place(
    order: Order, asked: Asked, time_in_force: TimeInForce, terms: OrderTerms
) -> bool:
    special = order.special
    before = order.price if special is None or special.terms.peg is None else special.limit
    for_one_auction = time_in_force in FOR_ONE_AUCTION or asked.time_in_force in FOR_ONE_AUCTION
    return (
        asked.price == before
        and asked.quantity <= order.quantity
        and (asked.terms == terms or _but_for_expiry(asked.terms) == _but_for_expiry(terms))
        and (asked.time_in_force is time_in_force or not for_one_auction)
    )


def _but_for_expiry(terms: OrderTerms) -> dict[str, object]:
    """The terms without those that only say how long."""
    fields = {name: getattr(terms, name) for name in terms.__struct_fields__}
    del fields["expires_on"], fields["expires_at_ms"]
    return fields


def _check_replacement(
    state: Exchange,
    book: OrderBook,
    order: Order,
    asked: Asked,
    account_id: int,
    at: int,
) -> OrderRejected | None:
    instrument = book.instrument
    if account_id not in (0, order.account_id):
        return reject_not_owner(instrument.name, order.order_id, account_id)
    fault: Fault | None = None
    if order.special is not None and order.special.is_quote:
        fault = CONTRADICTORY, "order_id", "a quote is replaced by a mass quote"
    else:
        rejected = check_quantity(instrument, asked.quantity, order.order_id, account_id)
        rejected = rejected or _check_new_price(book, asked, account_id)
        if rejected is not None:
            return rejected
        if asked.time_in_force in NEVER_RESTS:
            fault = (
                CONTRADICTORY,
                "time_in_force",
                "an open order cannot become one that never rests",
            )
        elif order.post_only and asked.time_in_force in FOR_ONE_AUCTION:
            reason = "a post-only order is for continuous trading, and cannot be for an auction"
            fault = CONTRADICTORY, "post_only", reason
    if fault is None:
        fault = (
            check_conditions(book, state.calendar_of(book), asked, at)
            or check_phase(book, asked)
            or state.guard.check_limits(
                book,
                order.account_id,
                order.side,
                asked.quantity,
                asked.price,
                asked.order_type,
                asked.terms.peg is not None,
                at,
                order,
            )
        )
    if fault is None:
        return None
    return reject(instrument.name, *fault, order.order_id, order.account_id)


def _check_new_price(book: OrderBook, asked: Asked, account_id: int) -> OrderRejected | None:
    has_price = asked.replaced is not None and asked.replaced.price > 0
    if asked.order_type is not OrderType.LIMIT and not has_price:
        if not asked.price:
            return None
        reason = f"a {asked.order_type.value} order has no price, and this one has {asked.price}"
        return reject(
            book.instrument.name, CONTRADICTORY, "price", reason, asked.order_id, account_id
        )
    if not asked.price and asked.terms.peg is not None:
        return None
    return check_price(book.instrument, asked.price, asked.order_id, account_id)


def cancellations(book: OrderBook, orders: Iterable[Order], reason: CancelReason) -> list[Event]:
    return [
        OrderCancelled(
            instrument=book.instrument.name,
            order_id=order.order_id,
            quantity=order.quantity,
            reason=reason,
        )
        for order in orders
    ]


def mass_cancel(book: OrderBook, command: MassCancel) -> list[Event]:
    """Those of an account, a session, a side."""
    if command.account_id:
        orders = book.orders_of(command.account_id)
    elif command.session_id:
        orders = book.orders_of_session(command.session_id)
    else:
        orders = book.all_orders()
    session_id, side = command.session_id, command.side
    return cancellations(
        book,
        [
            order
            for order in orders
            if (side is None or order.side is side)
            and (not session_id or session_of(order) == session_id)
        ],
        CancelReason.MASS_CANCEL,
    )


def mass_quote(state: Exchange, book: OrderBook, command: MassQuote, at: int) -> Sequence[Event]:
    """All the quotes of an account in the place of its old ones."""
    entries = _entries(command)
    rejected = _check_quotes(state, book, command, at)
    if rejected is not None:
        return (rejected,)
    old = book.market.quotes.get(command.account_id, {})
    kept: dict[int, QuoteEntry] = {}
    for entry in entries:
        order = old.get(entry.order_id)
        if order is not None and entry.price == order.price and entry.quantity <= order.quantity:
            kept[entry.order_id] = entry
    withdrawn = [order for order in by_time(book, old) if order.order_id not in kept]
    events = cancellations(book, withdrawn, CancelReason.QUOTE_REPLACED)
    events += [
        OrderReplaced(
            instrument=command.instrument,
            order_id=order_id,
            price=entry.price,
            quantity=entry.quantity,
            kept_priority=True,
        )
        for order_id, entry in kept.items()
        if entry.quantity < old[order_id].quantity
    ]
    events.append(
        QuotesReplaced(
            instrument=command.instrument,
            account_id=command.account_id,
            entering=tuple(entry for entry in entries if entry.order_id not in kept),
            session_id=command.session_id,
            self_trade_prevention=command.self_trade_prevention,
        )
    )
    return events


def by_time(book: OrderBook, quotes: dict[int, Order]) -> list[Order]:
    """Quotes in the order of time, out of all that their account has open."""
    if not quotes:
        return []
    account_id = next(iter(quotes.values())).account_id
    return [order for order in book.orders_of(account_id) if order.order_id in quotes]


def _entries(command: MassQuote) -> list[QuoteEntry]:
    """Both sides of each quote that has a quantity."""
    return [entry for quote in command.quotes for entry in _sides(quote)]


def _sides(quote: Quote) -> list[QuoteEntry]:
    bid = QuoteEntry(
        order_id=quote.bid_order_id,
        side=Side.BUY,
        price=quote.bid_price,
        quantity=quote.bid_quantity,
    )
    offer = QuoteEntry(
        order_id=quote.offer_order_id,
        side=Side.SELL,
        price=quote.offer_price,
        quantity=quote.offer_quantity,
    )
    return [entry for entry in (bid, offer) if entry.quantity]


def _check_quotes(
    state: Exchange,
    book: OrderBook,
    command: MassQuote,
    at: int,
) -> OrderRejected | None:
    name, account_id = book.instrument.name, command.account_id
    fault: Fault | None = None
    if not book.market.lets_orders_in:
        reason = f"in phase {book.market.phase.value} no quotes are taken"
        fault = RejectCode.WRONG_PHASE, "instrument", reason
    fault = fault or state.guard.check_sender(book, account_id, command.session_id)
    protection = book.market.protections.get(account_id)
    if fault is None and protection is not None and protection.tripped:
        reason = "quote protection withdrew the account's quotes; set it again to go on"
        fault = RejectCode.QUOTES_STOPPED, "account_id", reason
    if fault is not None:
        return reject(name, *fault, 0, account_id)
    met: dict[int, None] = {}
    for quote in command.quotes:
        entries = _sides(quote)
        rejected = (
            _check_quote(book, quote, entries, account_id)
            or _check_quote_ids(book, account_id, entries, met)
            or _check_quote_limits(state, book, account_id, entries, at)
        )
        if rejected is not None:
            return rejected
    return None


def _check_quote(
    book: OrderBook, quote: Quote, entries: list[QuoteEntry], account_id: int
) -> OrderRejected | None:
    for entry in entries:
        rejected = check_quantity(book.instrument, entry.quantity, entry.order_id, account_id)
        rejected = rejected or check_price(
            book.instrument, entry.price, entry.order_id, account_id
        )
        if rejected is not None:
            rejected.field = "quotes"
            return rejected
    if len(entries) == 2 and quote.bid_price >= quote.offer_price:
        reason = f"the bid {quote.bid_price} is not below the offer {quote.offer_price}"
        name, order_id = book.instrument.name, quote.bid_order_id
        return reject(name, CONTRADICTORY, "quotes", reason, order_id, account_id)
    return None


def _check_quote_ids(
    book: OrderBook, account_id: int, entries: list[QuoteEntry], met: dict[int, None]
) -> OrderRejected | None:
    """`met`: the ids of the quotes before; those of this one are added."""
    own = book.market.quotes.get(account_id, {})
    for entry in entries:
        order = book.find(entry.order_id)
        taken = order is not None and (entry.order_id not in own or order.side is not entry.side)
        if taken or entry.order_id in met:
            return reject(
                book.instrument.name,
                RejectCode.DUPLICATE_ORDER,
                "quotes",
                f"order {entry.order_id} is open already, or twice in this command",
                entry.order_id,
                account_id,
            )
        met[entry.order_id] = None
    return None


def _check_quote_limits(
    state: Exchange, book: OrderBook, account_id: int, entries: list[QuoteEntry], at: int
) -> OrderRejected | None:
    own = book.market.quotes.get(account_id, {})
    for entry in entries:
        fault = state.guard.check_limits(
            book,
            account_id,
            entry.side,
            entry.quantity,
            entry.price,
            OrderType.LIMIT,
            False,
            at,
            own.get(entry.order_id),
        )
        if fault is not None:
            code, _field, reason = fault
            return reject(book.instrument.name, code, "quotes", reason, entry.order_id, account_id)
    return None
