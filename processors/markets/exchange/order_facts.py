"""`evolve` for what happens to orders: they come, wait, trade, change, and go.

Each fact is applied to the book, and what it sets off is noted (`Market.to_cancel`, `to_enter`,
`unseen_fills`): `followups` decides on that. Nothing is rejected here.
"""

from typing import Final

from processors.markets.exchange.draws import mix64
from processors.markets.exchange.events import (
    AuctionTraded,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderRefilled,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
)
from processors.markets.exchange.market import KEPT_TRADES
from processors.markets.exchange.order import (
    FOR_PARENT,
    FOR_STOP,
    Order,
    Special,
    new_order,
)
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.standings import (
    count_open,
    count_order,
    count_trade,
    count_volume,
)
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import OrderType, Phase, TimeInForce
from processors.markets.exchange.waiting import (
    note_entry,
    price_moved,
    unwait,
    wait,
    waiting_for,
    watch,
)

GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
IMMEDIATE_OR_CANCEL: Final = TimeInForce.IMMEDIATE_OR_CANCEL
FILL_OR_KILL: Final = TimeInForce.FILL_OR_KILL
MARKET_TO_LIMIT: Final = OrderType.MARKET_TO_LIMIT


def accepted(state: Exchange, event: OrderAccepted) -> None:
    book = state.books[event.instrument]
    if book.hooked:
        _note_arrival(state, book, event)
    time_in_force = event.time_in_force
    if time_in_force is IMMEDIATE_OR_CANCEL or time_in_force is FILL_OR_KILL:
        return  # they never rest, and are no part of the state: what they do to others is
    owner = event.account_id
    if event.group_id:
        owner = -event.group_id
    order = new_order(
        event.order_id,
        event.account_id,
        owner,
        event.side,
        event.price,
        event.quantity,
        event.post_only,
        event.self_trade_prevention,
    )
    if (
        time_in_force is GOOD_TILL_CANCELLED
        and event.terms is None
        and not event.session_id
        and event.order_type is not MARKET_TO_LIMIT
        and not event.is_quote
    ):
        if event.price or not book.fast or book.guarded:
            book.rest(order)  # else a market order, which is gone at once
    else:
        _accept_special(state, book, order, event)


def _note_arrival(state: Exchange, book: OrderBook, event: OrderAccepted) -> None:
    if book.guarded:
        count_order(state, book, event)
    if book.watched:
        state.touched[event.instrument] = None
    if book.call is not None:
        seed = book.market.call_seed
        book.market.call_seed = mix64(seed ^ event.order_id ^ event.quantity << 20)


def _accept_special(state: Exchange, book: OrderBook, order: Order, event: OrderAccepted) -> None:
    special = Special(event.order_type, event.time_in_force, event.terms)
    order.special = special
    special.expires_at_ms = event.expires_at_ms
    special.displayed = event.displayed
    special.session_id = event.session_id
    if special.terms.peg is not None:
        special.limit = event.price
    market = book.market
    if event.is_quote:
        special.is_quote = True
        market.quotes.setdefault(event.account_id, {})[event.order_id] = order
        market.to_enter.pop(event.order_id, None)
    _link(book, order, special)
    if event.parked:
        waits = FOR_PARENT if special.terms.parent_order_id >= 0 else waiting_for(special)
        wait(state, book, order, waits)
    else:
        _rest(state, book, order)
    state.set_expiry(book, order)


def _link(book: OrderBook, order: Order, special: Special) -> None:
    """Tie the order to the one that it names, and that to it."""
    terms = special.terms
    if terms.linked_order_id >= 0:
        other = book.find(terms.linked_order_id)
        if other is not None:
            special.linked = other.order_id
            _special_of(other).linked = order.order_id
    if terms.parent_order_id >= 0:
        parent = book.find(terms.parent_order_id)
        if parent is not None:
            of_parent = _special_of(parent)
            if not of_parent.children:
                of_parent.traded = 0
            of_parent.children += (order.order_id,)


def _special_of(order: Order) -> Special:
    if order.special is None:
        order_type = OrderType.LIMIT if order.price else OrderType.MARKET
        order.special = Special(order_type, GOOD_TILL_CANCELLED, None)
    return order.special


def _rest(state: Exchange, book: OrderBook, order: Order) -> None:
    book.rest(order)
    special = order.special
    if special is not None and special.is_active_dark:
        book.market.restless[order.order_id] = order
        watch(state, book)


def _off_book(state: Exchange, book: OrderBook, order: Order) -> None:
    """An order leaves its place, parked or not."""
    special = order.special
    if special is None:
        book.remove(order)
    elif special.waits:
        unwait(book, order)
    else:
        book.remove(order)
        if book.market.restless.pop(order.order_id, None) is not None:
            watch(state, book)


def entered(state: Exchange, event: OrderEntered) -> None:
    book = state.books[event.instrument]
    order = book.parked[event.order_id]
    special = order.special
    assert special is not None
    was_stop = waiting_for(special) == FOR_STOP
    unwait(book, order)
    order.price = event.price
    if event.quantity != order.quantity:
        count_open(state, book, order, event.quantity - order.quantity, 0)
        order.quantity = event.quantity
    special.displayed = event.displayed
    special.stop_price = 0
    if was_stop and special.linked >= 0:
        _note_linked(state, book, special)
    _rest(state, book, order)
    state.touched[event.instrument] = None


def activated(state: Exchange, event: OrderActivated) -> None:
    book = state.books[event.instrument]
    order = book.parked[event.order_id]
    special = order.special
    assert special is not None
    if event.quantity != order.quantity:
        count_open(state, book, order, event.quantity - order.quantity, 0)
        order.quantity = event.quantity
    unwait(book, order)
    wait(state, book, order, waiting_for(special))


def repriced(state: Exchange, event: OrderRepriced) -> None:
    book = state.books[event.instrument]
    order = book.orders[event.order_id]
    book.remove(order)
    order.price = event.price
    book.rest(order)
    watch(state, book)


def parked(state: Exchange, event: OrderParked) -> None:
    book = state.books[event.instrument]
    order = book.orders[event.order_id]
    special = order.special
    assert special is not None
    _off_book(state, book, order)
    if special.terms.peg is not None:
        order.price = special.limit
    book.park(order, waiting_for(special))
    if book.market.phase is Phase.CONTINUOUS and special.terms.all_or_none:
        note_entry(state, book, order)
    state.touched[event.instrument] = None


def refilled(state: Exchange, event: OrderRefilled) -> None:
    book = state.books[event.instrument]
    book.refill(book.orders[event.order_id], event.displayed)


def traded(state: Exchange, event: OrderTraded) -> None:
    book = state.books[event.instrument]
    quantity, price = event.quantity, event.price
    orders = book.orders
    maker = orders[event.maker_order_id]
    taker = orders.get(event.taker_order_id)
    if book.hooked:
        _count_taking(state, book, event, maker, taker)
    if maker.special is None:
        book.reduce(maker, quantity)
    else:
        _reduce_special(state, book, maker, maker.special, quantity)
    if taker is not None:
        if taker.special is None:
            book.reduce(taker, quantity)
        else:
            displayed = taker.special.displayed  # it takes with what it does not show, too
            _reduce_special(state, book, taker, taker.special, quantity)
            taker.special.displayed = min(displayed, taker.quantity)
    book.last_price = price
    book.trade_count = trade_id = event.trade_id
    market = book.market
    trades = market.trades
    if len(trades) == KEPT_TRADES and trade_id:
        trades[(trade_id - 1) % KEPT_TRADES] = event
    else:
        market.keep_trade(trade_id, event)
    if market.fees is not None:
        count_volume(market, event.taker_account_id, price * quantity)
        count_volume(market, event.maker_account_id, price * quantity)
    if price >= book.trigger_above or price <= book.trigger_below:
        price_moved(state, book, price)


def _count_taking(
    state: Exchange, book: OrderBook, event: OrderTraded, maker: Order, taker: Order | None
) -> None:
    """What a trade, not applied yet, does to the standings of open accounts."""
    if book.watched:
        state.touched[event.instrument] = None
    if not book.guarded:
        return
    bought = event.quantity if event.taker_side is BUY else -event.quantity
    count_trade(state, book, event.taker_account_id, bought)
    count_trade(state, book, event.maker_account_id, -bought)
    for order in (maker, taker):
        if order is not None:
            filled = -1 if order.quantity == event.quantity else 0
            count_open(state, book, order, -event.quantity, filled)


def auction_traded(state: Exchange, event: AuctionTraded) -> None:
    book = state.books[event.instrument]
    quantity, price = event.quantity, event.price
    market = book.market
    if book.guarded:
        count_trade(state, book, event.buy_account_id, quantity)
        count_trade(state, book, event.sell_account_id, -quantity)
    for order_id in (event.buy_order_id, event.sell_order_id):
        order = book.orders[order_id]
        if book.guarded:
            gone = -1 if order.quantity == quantity else 0
            count_open(state, book, order, -quantity, gone)
        if order.special is None:
            book.reduce(order, quantity)
        else:
            _reduce_special(state, book, order, order.special, quantity)
    book.last_price = price
    book.trade_count = event.trade_id
    market.keep_trade(event.trade_id, event)
    market.static_reference = price
    if market.phase is Phase.CLOSING_AUCTION:
        market.closing_auction_price = price
    if market.fees is not None:
        count_volume(market, event.buy_account_id, price * quantity)
        count_volume(market, event.sell_account_id, price * quantity)
    if price >= book.trigger_above or price <= book.trigger_below:
        price_moved(state, book, price)


def _reduce_special(
    state: Exchange, book: OrderBook, order: Order, special: Special, quantity: int
) -> None:
    """What a trade takes off an order with more to it."""
    special.traded += quantity
    if special.terms.display_quantity:
        special.displayed = max(special.displayed - quantity, 0)
    if special.linked >= 0:
        _note_linked(state, book, special)
    if special.is_quote:
        _note_fill(state, book, order, quantity)
    if quantity < order.quantity:
        book.reduce(order, quantity)
    else:
        book.remove(order)
        gone(state, book, order, special, is_filled=True)


def _note_linked(state: Exchange, book: OrderBook, special: Special) -> None:
    """The other of a pair is to be cancelled."""
    other = book.find(special.linked)
    special.linked = -1
    if other is not None and other.special is not None:
        other.special.linked = -1
        book.market.to_cancel[other.order_id] = None
        state.touched[book.instrument.name] = None


def _note_fill(state: Exchange, book: OrderBook, order: Order, quantity: int) -> None:
    protection = book.market.protections.get(order.account_id)
    if protection is None or protection.tripped:
        return
    fills = book.market.unseen_fills.setdefault(order.account_id, [0, 0])
    fills[0] += quantity
    fills[1] += 1
    state.touched[book.instrument.name] = None


def gone(
    state: Exchange, book: OrderBook, order: Order, special: Special, is_filled: bool = False
) -> None:
    """An order with more to it has left for good: what hangs on it."""
    market, order_id = book.market, order.order_id
    market.to_cancel.pop(order_id, None)
    market.pegs.pop(order_id, None)
    market.restless.pop(order_id, None)
    if book.watched:
        watch(state, book)
    if special.is_quote:
        quotes = market.quotes[order.account_id]
        del quotes[order_id]
        if not quotes:
            del market.quotes[order.account_id]
    if special.linked >= 0:
        _note_linked(state, book, special)
    for child_id in special.children:
        child = book.parked.get(child_id)
        of_child = None if child is None else child.special
        if child is None or of_child is None or of_child.terms.parent_order_id != order_id:
            continue  # the id is that of another order by now
        traded = child.quantity if is_filled else special.traded
        _release(state, book, child, of_child, traded)
    if special.expires_at_ms:
        state.forget_expiry()


def _release(
    state: Exchange, book: OrderBook, child: Order, special: Special, traded: int
) -> None:
    """A child whose parent has left: it enters, with no more than that traded, or goes too."""
    if special.waits != FOR_PARENT or child.order_id in book.market.to_enter:
        return
    quantity = min(child.quantity, traded - traded % book.instrument.lot_size)
    if quantity:
        special.activated_quantity = quantity
        note_entry(state, book, child)
    else:
        book.market.to_cancel[child.order_id] = None
        state.touched[book.instrument.name] = None


def cancelled(state: Exchange, event: OrderCancelled) -> None:
    book = state.books[event.instrument]
    order = book.orders.get(event.order_id)
    if order is None:
        order = book.parked.get(event.order_id)
        if order is None:
            return  # it never rested
    if book.hooked:
        if book.guarded:
            count_open(state, book, order, -order.quantity, -1)
        if book.watched:
            state.touched[event.instrument] = None
    special = order.special
    if special is None:
        book.remove(order)
    else:
        _off_book(state, book, order)
        gone(state, book, order, special)


def decremented(state: Exchange, event: OrderDecremented) -> None:
    book = state.books[event.instrument]
    order = book.orders.get(event.order_id)
    if order is None:
        return  # a taker that never rests
    if book.guarded:
        count_open(state, book, order, -event.quantity, 0)
    book.reduce(order, event.quantity)
    if order.special is not None:
        order.special.displayed = min(order.special.displayed, order.quantity)
    if book.watched:
        state.touched[event.instrument] = None


def replaced(state: Exchange, event: OrderReplaced) -> None:
    book = state.books[event.instrument]
    order = book.orders.get(event.order_id) or book.parked[event.order_id]
    if book.guarded:
        count_open(state, book, order, event.quantity - order.quantity, 0)
    if event.time_in_force is not None or event.terms is not None:
        _special_of(order)
    special = order.special
    if special is None:
        _replace_plain(book, order, event)
    else:
        _replace_special(state, book, order, special, event)
    if book.watched:
        state.touched[event.instrument] = None


def _replace_plain(book: OrderBook, order: Order, event: OrderReplaced) -> None:
    if event.kept_priority:
        if order.quantity != event.quantity:
            book.reduce(order, order.quantity - event.quantity)
        return
    book.remove(order)
    order.price = event.price
    order.quantity = event.quantity
    book.rest(order)


def _replace_special(
    state: Exchange, book: OrderBook, order: Order, special: Special, event: OrderReplaced
) -> None:
    if event.kept_priority:
        if order.quantity != event.quantity:
            if special.waits:
                order.quantity = event.quantity
            else:
                book.reduce(order, order.quantity - event.quantity)
    else:
        waits = special.waits
        # A child whose parent has left already, and that no phase has let in since.
        is_released = waits == FOR_PARENT and order.order_id in book.market.to_enter
        _off_book(state, book, order)
        book.market.pegs.pop(order.order_id, None)
        order.price = event.price
        order.quantity = event.quantity
    if event.time_in_force is not None:
        special.time_in_force = event.time_in_force
    if event.terms is not None:
        special.terms = event.terms
    special.displayed = event.displayed
    if special.terms.peg is not None:
        special.limit = event.price
    if not event.kept_priority:
        special.stop_price = 0
        special.parts = 0
        if event.parked:
            wait(state, book, order, waits if waits == FOR_PARENT else waiting_for(special))
        else:
            _rest(state, book, order)
        if is_released:
            note_entry(state, book, order)
        watch(state, book)
    if special.expires_at_ms != event.expires_at_ms:
        special.expires_at_ms = event.expires_at_ms
        state.set_expiry(book, order)  # of an open order: it is in its place again
        state.drop_overtaken_timers()


def adjusted(state: Exchange, event: OrderAdjusted) -> None:
    """In new shares. Orders come in the order of time, so that taking each out and putting it in
    again leaves those of one price as they were. What waits goes on so: see `split_special`."""
    book = state.books[event.instrument]
    order = book.orders.get(event.order_id) or book.parked[event.order_id]
    count_open(state, book, order, event.quantity - order.quantity, 0)
    special = order.special
    waits = special is not None and special.waits
    if not waits:
        _off_book(state, book, order)
    order.quantity = event.quantity
    order.price = event.price
    if special is not None:
        if event.terms is not None:
            special.terms = event.terms
        if special.terms.peg is not None:
            special.limit = event.price
        special.displayed = event.displayed
    if not waits:
        time = 0 if special is None else special.time
        _rest(state, book, order)
        if special is not None and time:
            book.keep_dark_time(order, special, time)
