"""What holds of every state of the exchange between two commands. For tests: walks everything."""

from processors.markets.exchange.decider import Exchange
from processors.markets.exchange.order_book import BookSide, Order, OrderBook


def check(state: Exchange) -> None:
    """AssertionError, with the instrument, where the state is impossible."""
    for name, book in state.books.items():
        assert book.instrument.name == name, f"{name}: the book is of {book.instrument.name}"
        assert book.taker is None, f"{name}: order {book.taker and book.taker.order_id} in mid-air"
        _check_not_crossed(book)
        resting = _check_side(book, book.bids) + _check_side(book, book.asks)
        assert resting == len(book.orders), f"{name}: {resting} rest of {len(book.orders)}"
        _check_accounts(book)


def _check_not_crossed(book: OrderBook) -> None:
    bid, ask = book.bids.best, book.asks.best
    assert bid is None or ask is None or bid.price < ask.price, (
        f"{book.instrument.name} is crossed: {bid and bid.price} bid, {ask and ask.price} asked"
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
        queue = list(level.queue())
        assert queue and level.last is queue[-1], f"{where}: the queue's end is wrong"
        total = sum(order.quantity for order in queue)
        assert total == level.quantity, f"{where}: {total} in the queue, {level.quantity} said"
        times = [time[order.order_id] for order in queue]
        assert times == sorted(times), f"{where}: the queue is not in order of time"
        for order in queue:
            assert order.level is level and order.price == level.price, f"{where}: a stranger"
            assert book.orders[order.order_id] is order, f"{where}: an order that is not listed"
            _check_order(book, order)
        last_rank = level.rank
        levels_seen += 1
        orders_seen += len(queue)
    assert levels_seen == len(book_side.levels), f"{name}: levels that the best does not lead to"
    return orders_seen


def _check_order(book: OrderBook, order: Order) -> None:
    terms = book.instrument
    where = f"{terms.name}, order {order.order_id}"
    assert 0 < order.quantity <= terms.quantity_max, f"{where}: quantity {order.quantity}"
    assert order.quantity % terms.lot_size == 0, f"{where}: quantity {order.quantity} is off lot"
    assert terms.price_min <= order.price <= terms.price_max, f"{where}: price {order.price}"
    assert order.price % terms.tick_size == 0, f"{where}: price {order.price} is off tick"


def _check_accounts(book: OrderBook) -> None:
    by_account: dict[int, list[int]] = {}
    for order in book.orders.values():
        by_account.setdefault(order.account_id, []).append(order.order_id)
    assert by_account.keys() == book.newest_by_account.keys(), (
        f"{book.instrument.name}: accounts with orders differ from those listed"
    )
    for account_id, order_ids in by_account.items():
        listed = [order.order_id for order in book.orders_of(account_id)]
        assert listed == order_ids, f"{book.instrument.name}: account {account_id} has {listed}"
