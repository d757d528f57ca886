"""A book as people draw it: bids on the left, asks on the right, the best prices in the middle.

ACME, 4 orders
    bid |  price | ask
        | 100.02 | 30 (2)
        | 100.01 | 5 (1)
 10 (1) | 100.00 |
"""

from processors.markets.exchange.decider import Exchange
from processors.markets.exchange.order_book import Level, OrderBook


def render(state: Exchange, *, levels: int = 10, by_order: bool = False) -> str:
    """Every instrument's ladder, by name, to `levels` levels a side.

    A level shows its quantity and how many orders make it up, or, `by_order`, each order's
    quantity and id from the front of the queue: `10#4 20#7`.
    """
    names = sorted(state.books)
    return "\n".join(render_book(state.books[name], levels, by_order) for name in names)


def overview(state: Exchange) -> str:
    """The ladder of the busiest instrument: eight levels a side."""
    books = state.books.values()
    busiest = max(books, key=lambda book: len(book.orders), default=None)
    return "no instrument is listed" if busiest is None else render_book(busiest, levels=8)


def render_book(book: OrderBook, levels: int = 10, by_order: bool = False) -> str:
    decimals = book.instrument.price_decimals
    show = _orders_shown if by_order else _sum_shown
    bids = [level for _, level in zip(range(levels), book.bids.best_to_worst(), strict=False)]
    asks = [level for _, level in zip(range(levels), book.asks.best_to_worst(), strict=False)]
    rows = [("bid", "price", "ask")]
    rows += [("", format_price(level.price, decimals), show(level)) for level in reversed(asks)]
    rows += [(show(level), format_price(level.price, decimals), "") for level in bids]
    bid_width = max(len(bid) for bid, _, _ in rows)
    price_width = max(len(price) for _, price, _ in rows)
    count = len(book.orders)
    lines = [f"{book.instrument.name}, {count} order{'' if count == 1 else 's'}"]
    lines += [
        f"{bid:>{bid_width}} | {price:>{price_width}} | {ask}".rstrip() for bid, price, ask in rows
    ]
    return "\n".join(lines)


def format_price(price: int, decimals: int) -> str:
    """Exactly, with no float on the way: 5853300 at four decimals is 585.3300."""
    if not decimals:
        return str(price)
    whole, part = divmod(price, 10**decimals)
    return f"{whole}.{part:0{decimals}d}"


def _sum_shown(level: Level) -> str:
    return f"{level.quantity} ({sum(1 for _ in level.queue())})"


def _orders_shown(level: Level) -> str:
    return " ".join(f"{order.quantity}#{order.order_id}" for order in level.queue())
