"""A book as people draw it: bids on the left, asks on the right, from the highest price down.

ACME, 4 orders
    bid |  price | ask
        | 100.02 | 30 (2)
        | 100.01 | 5 (1)
 10 (1) | 100.00 |

In an auction, where bids and asks meet and some have no price:

ACME, 4 orders, opening auction: 20 at 100.00
    bid |  price | ask
        | market | 5 (1)
 20 (1) | 100.01 | 10 (1)
        | 100.00 | 30 (1)
"""

from itertools import islice

from processors.markets.exchange.call_auction import indication_of
from processors.markets.exchange.order import Level, Order
from processors.markets.exchange.order_book import BookSide, OrderBook
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import Phase


def render(state: Exchange, *, levels: int = 10, by_order: bool = False) -> str:
    """Every instrument's ladder, by name, to `levels` levels a side.

    A level shows what the market sees of it: the quantity, and how many orders make it up. Or,
    `by_order`, every order's quantity and id, first to trade first: `10#4 20#7`. `10+40#8` shows
    10 and has 40 behind, `(30)#9` shows nothing.
    """
    names = sorted(state.books)
    return "\n".join(render_book(state.books[name], levels, by_order) for name in names)


def overview(state: Exchange) -> str:
    """The ladder of the busiest instrument, an auction before all: eight levels a side."""
    books = state.books.values()
    shown = max(books, key=lambda book: (book.market.in_call, len(book.orders)), default=None)
    return "no instrument is listed" if shown is None else render_book(shown, levels=8)


def render_book(book: OrderBook, levels: int = 10, by_order: bool = False) -> str:
    bids = _shown(book.bids, levels, by_order)
    asks = _shown(book.asks, levels, by_order)
    decimals = book.instrument.price_decimals
    rows = [("bid", "price", "ask")]
    if 0 in bids or 0 in asks:
        rows.append((bids.pop(0, ""), "market", asks.pop(0, "")))
    for price in sorted({**bids, **asks}, reverse=True):
        rows.append((bids.get(price, ""), format_price(price, decimals), asks.get(price, "")))
    bid_width = max(len(bid) for bid, _, _ in rows)
    price_width = max(len(price) for _, price, _ in rows)
    drawn = [
        f"{bid:>{bid_width}} | {price:>{price_width}} | {ask}".rstrip() for bid, price, ask in rows
    ]
    return "\n".join([_headline(book), *drawn])


def format_price(price: int, decimals: int) -> str:
    """Exactly, with no float on the way: 5853300 at four decimals is 585.3300."""
    if not decimals:
        return str(price)
    whole, part = divmod(price, 10**decimals)
    return f"{whole}.{part:0{decimals}d}"


def _headline(book: OrderBook) -> str:
    """How many orders are on the book; the phase, if it is not continuous trading; and what the
    auction would give now."""
    count, phase = len(book.orders), book.market.phase
    headline = f"{book.instrument.name}, {count} order{'' if count == 1 else 's'}"
    if phase is not Phase.CONTINUOUS:
        headline += f", {phase.value.replace('_', ' ')}"
    if not book.market.in_call:
        return headline
    now = indication_of(book)
    price = format_price(now.price, book.instrument.price_decimals)
    return f"{headline}: {now.quantity} at {price}" if now.quantity else f"{headline}: no trade"


def _shown(book_side: BookSide, levels: int, by_order: bool) -> dict[int, str]:
    """By price, 0 for that of market orders, best first."""
    found = (level for level in book_side.best_to_worst() if by_order or level.first is not None)
    return {
        0 if level.price == book_side.market_price else level.price: _orders(level)
        if by_order
        else _sum(level)
        for level in islice(found, levels)
    }


def _sum(level: Level) -> str:
    displayed = [_displayed(order) for order in level.queue()]
    return f"{sum(displayed)} ({len(displayed)})"


def _displayed(order: Order) -> int:
    special = order.special
    if special is None or not special.terms.display_quantity:
        return order.quantity
    return special.displayed


def _orders(level: Level) -> str:
    return " ".join(f"{_quantity(order)}#{order.order_id}" for order in level.in_priority())


def _quantity(order: Order) -> str:
    special = order.special
    if special is not None and special.is_dark:
        return f"({order.quantity})"
    if special is not None and special.terms.display_quantity:
        return f"{special.displayed}+{order.quantity - special.displayed}"
    return str(order.quantity)
