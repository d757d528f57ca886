"""What holds of every state of the exchange between two commands, and before each follow-up of a
command too. For tests: walks everything, and builds afresh what the state keeps up to date.

Before a follow-up a book may be crossed by what is matched again (pegs, all-or-none orders); in an
auction it may be crossed by all. Once nothing is to follow, nothing may have been overlooked.
"""

from processors.markets.exchange.auction import CallBook, CallSide
from processors.markets.exchange.call_auction import call_book_of
from processors.markets.exchange.followups import has_followup
from processors.markets.exchange.invariants_of_waiting import check_notes, check_parked
from processors.markets.exchange.order import Level, Order, session_of
from processors.markets.exchange.order_book import BUY, BookSide, OrderBook
from processors.markets.exchange.state import EXPIRY, PHASE, Exchange
from processors.markets.exchange.terms import OrderType, Phase


def check(state: Exchange) -> None:
    """AssertionError, with the instrument, where the state is impossible."""
    for name, book in state.books.items():
        assert book.instrument.name == name, f"{name}: the book is of {book.instrument.name}"
        _check_not_crossed(book)
        resting = _check_side(book, book.bids) + _check_side(book, book.asks)
        assert resting == len(book.orders), f"{name}: {resting} rest of {len(book.orders)}"
        _check_groups(book)
        _check_standings(book)
        _check_call(book)
        _check_pace(state, book)
        check_parked(book)
        check_notes(book)
    _check_timers(state)
    if not has_followup(state):
        state.touched = dict.fromkeys(state.books)
        assert not has_followup(state), f"a follow-up was overlooked: {sorted(state.touched)}"


def _check_not_crossed(book: OrderBook) -> None:
    """By what is shown; in continuous trading alone: at last an order may be at the closing price
    while others, which do not trade there, are beyond it."""
    bid, ask = book.bids.best_displayed(), book.asks.best_displayed()
    assert book.market.phase is not Phase.CONTINUOUS or not bid or not ask or bid < ask, (
        f"{book.instrument.name} is crossed: {bid} bid, {ask} asked"
    )


def _check_side(book: OrderBook, book_side: BookSide) -> int:
    """Returns the orders seen on it."""
    name = book.instrument.name
    time = {order_id: number for number, order_id in enumerate(book.orders)}
    orders_seen = 0
    levels_seen = 0
    last_rank = None
    for level in book_side.best_to_worst():
        where = f"{name} at {level.price}"
        assert last_rank is None or level.rank < last_rank, f"{where}: prices out of order"
        assert book_side.levels.get(level.price) is level, f"{where}: a level that is not listed"
        times = [time[order.order_id] for order in level.queue()]
        assert times == sorted(times), f"{where}: the queue is not in order of time"
        orders = _check_level(level, where)
        for order in orders:
            assert (order.side is BUY) == (book_side is book.bids), f"{where}: on the wrong side"
            assert order.level is level, f"{where}: a stranger"
            assert (order.price or book_side.market_price) == level.price, f"{where}: a stranger"
            assert book.orders[order.order_id] is order, f"{where}: an order that is not listed"
            _check_order(book, order)
        last_rank = level.rank
        levels_seen += 1
        orders_seen += len(orders)
    assert levels_seen == len(book_side.levels), f"{name}: levels that the best does not lead to"
    return orders_seen


def _check_level(level: Level, where: str) -> list[Order]:
    """Returns its orders."""
    queue = list(level.queue())
    assert level.last is (queue[-1] if queue else None), f"{where}: the queue's end is wrong"
    dark = {} if level.dark is None else level.dark
    assert queue or dark, f"{where}: an empty level"
    assert level.dark is None or dark, f"{where}: its dark part is empty"
    unseen = [order for order in dark.values() if order.special and order.special.is_dark]
    total = sum(order.quantity for order in [*queue, *unseen])
    assert total == level.quantity, f"{where}: {total} there, {level.quantity} said"
    reserves = []
    parts = 0
    for order in queue:
        special = order.special
        assert special is None or not special.is_dark, f"{where}: order {order.order_id} is shown"
        if special is not None and special.terms.display_quantity:
            parts += 1
            if special.terms.reserve:
                reserves.append(order)
    assert parts == level.parts, f"{where}: {parts} show a part, {level.parts} said"
    expected = {order.order_id: order for order in [*unseen, *reserves]}
    assert dark == expected, f"{where}: unseen are {list(dark)}, not {list(expected)}"
    times = [order.special.time for order in dark.values() if order.special]
    assert times == sorted(times), f"{where}: what is unseen is not in order of time"
    return [*queue, *unseen]


def _check_order(book: OrderBook, order: Order) -> None:
    terms, special = book.instrument, order.special
    where = f"{terms.name}, order {order.order_id}"
    assert 0 < order.quantity <= terms.quantity_max, f"{where}: quantity {order.quantity}"
    assert order.quantity % terms.lot_size == 0, f"{where}: quantity {order.quantity} is off lot"
    if not order.price:
        assert not book.market.trades_at_once, f"{where}: it rests without a price"
        return
    assert terms.price_min <= order.price <= terms.price_max, f"{where}: price {order.price}"
    if special is None:
        on_tick = True
    else:
        assert not special.waits, f"{where}: on the book, it waits for {special.waits}"
        if special.terms.display_quantity:
            shown = special.displayed
            assert 0 < shown <= order.quantity, f"{where}: {shown} shown of {order.quantity}"
        # Where a peg leads to, others may get too: those that take its price as their limit.
        on_tick = special.terms.peg is None and special.order_type is OrderType.LIMIT
    if on_tick:
        assert order.price % terms.tick_at(order.price) == 0, f"{where}: off tick: {order.price}"


def _check_groups(book: OrderBook) -> None:
    """The orders of an account, those of a session, and the quotes of an account are those."""
    by_account: dict[int, list[Order]] = {}
    by_session: dict[int, list[Order]] = {}
    quotes: dict[int, dict[int, Order]] = {}
    for order in book.all_orders():
        by_account.setdefault(order.account_id, []).append(order)
        if session_of(order):
            by_session.setdefault(session_of(order), []).append(order)
        if order.special is not None and order.special.is_quote:
            quotes.setdefault(order.account_id, {})[order.order_id] = order
    name = book.instrument.name
    assert by_account.keys() == book.newest_by_account.keys(), (
        f"{name}: accounts with orders differ from those listed"
    )
    for account_id, orders in by_account.items():
        assert book.orders_of(account_id) == orders, f"{name}: orders of account {account_id}"
    assert by_session.keys() == book.by_session.keys(), f"{name}: sessions with orders"
    for session_id, orders in by_session.items():
        assert book.orders_of_session(session_id) == orders, f"{name}: of session {session_id}"
    assert book.market.quotes == quotes, f"{name}: the quotes listed are not those open"


def _check_standings(book: OrderBook) -> None:
    for account_id, standing in book.market.standings.items():
        orders = book.orders_of(account_id)
        bought = sum(order.quantity for order in orders if order.side is BUY)
        sold = sum(order.quantity for order in orders if order.side is not BUY)
        counted = standing.open_orders, standing.open_buys, standing.open_sells
        assert counted == (len(orders), bought, sold), (
            f"{book.instrument.name}: account {account_id} has {len(orders)} open orders, to buy "
            f"{bought} and to sell {sold}; its standing says {counted}"
        )


def _check_call(book: OrderBook) -> None:
    name, call = book.instrument.name, book.call
    assert (call is not None) == book.market.in_call, f"{name}: a call book, or none"
    if call is not None:
        assert _content(call) == _content(call_book_of(book)), f"{name}: the call book is wrong"


def _content(call: CallBook) -> list[object]:
    """All that a call book keeps to itself."""
    limits = call._limits
    sides = [(side.total, side.market, side.by_limit, side.sums) for side in _sides(call)]
    return [sides, limits._leaves, limits._upper]


def _sides(call: CallBook) -> tuple[CallSide, CallSide]:
    return call._buys, call._sells


def _check_pace(state: Exchange, book: OrderBook) -> None:
    name, market = book.instrument.name, book.market
    active, shaped = {}, 0
    for order_id, order in book.orders.items():
        special = order.special
        if special is not None:
            shaped += special.is_dark or special.terms.display_quantity > 0
            if special.is_active_dark:
                active[order_id] = order
    assert book.shaped == shaped, f"{name}: {shaped} orders show a part or nothing"
    assert market.restless == active, f"{name}: restless are {list(market.restless)}"
    assert book.guarded == bool(state.guard.accounts), f"{name}: guarded"
    fast = book.fast
    book.set_pace()
    assert book.fast == fast, f"{name}: the short way is open: {fast}"
    watched = market.in_call or bool(market.pegs) or bool(active)
    assert book.watched == watched, f"{name}: watched: {book.watched}"


def _check_timers(state: Exchange) -> None:
    due = []
    for name, book in state.books.items():
        if book.market.due_ms:
            due.append((book.market.due_ms, PHASE, name, 0))
        for order in book.all_orders():
            if order.special is not None and order.special.expires_at_ms:
                due.append((order.special.expires_at_ms, EXPIRY, name, order.order_id))
    missing = sorted(set(due).difference(state.timers))
    assert not missing, f"no timer for {missing}"
    first = min(due)[0] if due else None
    assert state.timer_due == first, f"the next timer is said to be {state.timer_due}, not {first}"
