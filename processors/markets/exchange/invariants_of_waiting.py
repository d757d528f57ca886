"""What holds of orders that wait, parked, and of what is noted to happen: see `invariants`."""

from processors.markets.exchange.market import KEPT_TRADES, Market
from processors.markets.exchange.order import (
    FOR_AUCTION,
    FOR_CONTINUOUS,
    FOR_PARENT,
    FOR_PEG,
    FOR_STOP,
    ON_BOOK,
    TO_ENTER,
    Order,
    Special,
)
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.phases import AUCTION_OF
from processors.markets.exchange.terms import Phase
from processors.markets.exchange.triggers import TriggerIndex


def check_parked(book: OrderBook) -> None:
    """Each parked order is where what it waits for will find it, and nowhere else."""
    name = book.instrument.name
    stops: dict[str, dict[int, list[int]]] = {index: {} for index in _STOPS}
    for order_id, order in book.parked.items():
        where = f"{name}, order {order_id}"
        special = order.special
        assert order.order_id == order_id, f"{where}: parked under another id"
        assert order_id not in book.orders, f"{where}: on the book too"
        assert order.quantity > 0, f"{where}: quantity {order.quantity}"
        assert special is not None and special.waits != ON_BOOK, f"{where}: it waits for nothing"
        if special.waits == FOR_STOP:
            _check_stop(book, order, special, where)
            for index, price in _places(book, order, special):
                stops[index].setdefault(price, []).append(order_id)
        _check_waiting(book, order, special, where)
    for index in _STOPS:
        _check_index(getattr(book.market, index), stops[index], f"{name}, {index}")
    market = book.market
    above = min(market.stop_buys.trigger, market.trail_sells.trigger)
    below = max(market.stop_sells.trigger, market.trail_buys.trigger)
    assert (book.trigger_above, book.trigger_below) == (above, below), f"{name}: triggers"


_STOPS = ("stop_buys", "stop_sells", "trail_buys", "trail_sells")


def _check_stop(book: OrderBook, order: Order, special: Special, where: str) -> None:
    last, stop_price = book.last_price, special.stop_price
    highest = book.instrument.price_max  # a split may have left the last price above it
    triggered = min(last, highest) >= stop_price if order.side is BUY else last <= stop_price
    # A split may round the two to one price, and drops the trades that are kept: the next decides.
    traded = last > 0 and book.market.trades
    assert not (traded and triggered), f"{where}: {last} has triggered its stop at {stop_price}"


def _places(book: OrderBook, order: Order, special: Special) -> list[tuple[str, int]]:
    """In which indexes a waiting stop order is, and at which price."""
    is_buy = order.side is BUY
    places = [("stop_buys" if is_buy else "stop_sells", special.stop_price)]
    if special.trail:
        highest = book.instrument.price_max
        if is_buy and special.anchor >= 1:
            places.append(("trail_buys", min(special.anchor - 1, highest)))
        elif not is_buy and special.anchor < highest:
            places.append(("trail_sells", special.anchor + 1))
    return places


def _check_index(index: TriggerIndex, expected: dict[int, list[int]], where: str) -> None:
    kept = {price: sorted(level) for price, level in index._levels.items()}
    wanted = {price: sorted(order_ids) for price, order_ids in expected.items()}
    assert kept == wanted, f"{where}: {kept} wait there, not {wanted}"
    afresh = TriggerIndex(index.is_buy, index._index.last - 1)
    for price in wanted:
        afresh._index.add(price ^ index._flip)
    assert index._index._leaves == afresh._index._leaves, f"{where}: its prices are wrong"
    nearest = min(wanted, default=afresh.trigger)
    if not index.is_buy:
        nearest = max(wanted, default=afresh.trigger)
    assert index.trigger == nearest, f"{where}: {index.trigger} triggers, not {nearest}"


def _check_waiting(book: OrderBook, order: Order, special: Special, where: str) -> None:
    market, waits = book.market, special.waits
    noted = order.order_id in market.to_enter
    if waits == FOR_PARENT:
        parent = book.find(special.terms.parent_order_id)
        is_child = parent is not None and parent.special is not None
        assert noted or order.order_id in market.to_cancel or is_child, f"{where}: an orphan"
        return
    assert noted == (waits == TO_ENTER), f"{where}: it waits for {waits}, noted to enter: {noted}"
    if waits == FOR_AUCTION:
        auctions = AUCTION_OF.get(special.time_in_force, ())
        assert auctions, f"{where}: it waits for an auction, {special.time_in_force.value}"
        assert market.phase not in auctions, f"{where}: its auction began without it"
    elif waits == FOR_CONTINUOUS:
        assert special.terms.all_or_none, f"{where}: it waits for continuous trading"
        assert market.phase is not Phase.CONTINUOUS, f"{where}: it missed continuous trading"
    else:
        assert waits in (FOR_STOP, FOR_PEG, TO_ENTER), f"{where}: it waits for {waits}"


def check_notes(book: OrderBook) -> None:
    name, market = book.instrument.name, book.market
    for order_id, quote in market.to_enter.items():
        assert (quote is None) == (order_id in book.parked), f"{name}: {order_id} cannot enter"
    for order_id in market.to_cancel:
        assert book.find(order_id) is not None, f"{name}: {order_id}, to be cancelled, is gone"
    pegs = {
        order.order_id: order
        for order in book.all_orders()
        if order.special is not None
        and order.special.terms.peg is not None
        and order.special.waits != FOR_PARENT
    }
    assert market.pegs == pegs, f"{name}: pegs are {list(pegs)}, listed {list(market.pegs)}"
    for account_id in market.unseen_fills:
        protection = market.protections.get(account_id)
        assert protection is not None and not protection.tripped, f"{name}: fills of {account_id}"
    _check_links(book)
    _check_trades(market, name, book.trade_count)


def _check_links(book: OrderBook) -> None:
    for order in book.all_orders():
        special = order.special
        if special is not None and special.linked >= 0:
            other = book.find(special.linked)
            assert other is not None and other.special is not None, f"{order.order_id}: its link"
            assert other.special.linked == order.order_id, f"{order.order_id}: linked one way"


def _check_trades(market: Market, name: str, trade_count: int) -> None:
    assert len(market.trades) <= KEPT_TRADES, f"{name}: {len(market.trades)} trades are kept"
    for place, kept in enumerate(market.trades):
        if kept is not None:
            trade_id = kept.trade_id
            assert (trade_id - 1) % KEPT_TRADES == place, f"{name}: trade {trade_id} at {place}"
            assert trade_count - KEPT_TRADES < trade_id <= trade_count, f"{name}: {trade_id} kept"
