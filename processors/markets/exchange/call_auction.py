"""The end of a call: who trades with whom at the auction's one price, and what that leaves.

`auction` finds the price; here the book is walked in the order in which orders are served: market
orders, then by price, what is shown before what is not, then by time (Xetra market model, "auction
price determination"; Euronext trading manual, "matching of orders, call phase").
"""

from collections.abc import Iterator

from log.envelope import Event
from processors.markets.exchange.accounts import fee
from processors.markets.exchange.auction import CallBook, Indication, allocate
from processors.markets.exchange.events import AuctionEnded, AuctionTraded, OrderRefilled
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import BUY, BookSide, OrderBook
from processors.markets.exchange.terms import Phase


def indication_of(book: OrderBook) -> Indication:
    """What the auction would give now. Costs nothing that grows with the book in a call phase,
    when the book keeps `call` up to date; elsewhere the book."""
    call = book.call or call_book_of(book)
    reference = book.last_price or book.market.reference_price
    return call.indication(reference)


def call_book_of(book: OrderBook) -> CallBook:
    """By price, as there are fewer prices than orders: a change of phase waits for it."""
    quantities: dict[tuple[bool, int], int] = {}
    for order in book.orders.values():
        place = order.side is BUY, order.price
        quantities[place] = quantities.get(place, 0) + order.quantity
    call = CallBook(book.instrument)
    for (is_buy, price), quantity in quantities.items():
        call.add(is_buy, price, quantity)
    return call


class Uncross:
    """The result of an auction: what trades, and what is left of each order."""

    __slots__ = ("_book", "_indication", "_pairs", "_refilled", "_traded", "price", "quantity")

    price: int
    quantity: int
    _book: OrderBook
    _indication: Indication
    _pairs: list[tuple[Order, Order, int]]
    _traded: dict[int, int]
    _refilled: dict[int, int]
    """Icebergs and reserve orders of which all that was shown has traded: what they show now."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._indication = indication = indication_of(book)
        self.price, self.quantity = indication.price, indication.quantity
        self._pairs = allocate(
            _in_priority(book.bids), _in_priority(book.asks), indication.quantity
        )
        self._traded = {}
        for buy, sell, quantity in self._pairs:
            for order in (buy, sell):
                self._traded[order.order_id] = self._traded.get(order.order_id, 0) + quantity
        self._refilled = self._find_refilled()

    def left_of(self, order: Order) -> int:
        """What the auction leaves of an order."""
        return order.quantity - self._traded.get(order.order_id, 0)

    def told(self, phase: Phase) -> Iterator[Event]:
        """The auction as events."""
        indication = self._indication
        yield AuctionEnded(
            instrument=self._book.instrument.name,
            phase=phase,
            price=self.price,
            quantity=self.quantity,
            surplus=indication.surplus,
            surplus_side=indication.surplus_side,
        )
        trade_id = self._book.trade_count
        for buy, sell, quantity in self._pairs:
            trade_id += 1
            yield self._trade(trade_id, buy, sell, quantity)
        for order_id, displayed in self._refilled.items():
            yield OrderRefilled(
                instrument=self._book.instrument.name, order_id=order_id, displayed=displayed
            )

    def _trade(self, trade_id: int, buy: Order, sell: Order, quantity: int) -> AuctionTraded:
        traded = AuctionTraded(
            instrument=self._book.instrument.name,
            buy_order_id=buy.order_id,
            sell_order_id=sell.order_id,
            buy_account_id=buy.account_id,
            sell_account_id=sell.account_id,
            price=self.price,
            quantity=quantity,
            trade_id=trade_id,
        )
        market = self._book.market
        if market.fees is not None:
            volumes = market.volumes
            tier = market.fees.tier_of(volumes.get(buy.account_id, 0))
            traded.buy_fee = fee(self.price, quantity, tier.auction_ppm)
            tier = market.fees.tier_of(volumes.get(sell.account_id, 0))
            traded.sell_fee = fee(self.price, quantity, tier.auction_ppm)
        return traded

    def _find_refilled(self) -> dict[int, int]:
        """The buys first, then the sells, as they traded."""
        refilled: dict[int, int] = {}
        buys = [buy for buy, _sell, _quantity in self._pairs]
        for order in (*buys, *(sell for _buy, sell, _quantity in self._pairs)):
            left, special = self.left_of(order), order.special
            if not left or special is None or not special.terms.display_quantity:
                continue
            if special.displayed + left <= order.quantity:
                displayed = special.next_part(order, left, self._book.instrument.lot_size)
                refilled[order.order_id] = displayed
        return refilled

    def by_time(self) -> dict[int, Order]:
        """The orders on the book by id, in the order of time that the auction leaves."""
        orders = dict(self._book.orders)
        for order_id in self._refilled:
            orders[order_id] = orders.pop(order_id)
        return orders


def market_orders_would_remain(book: OrderBook) -> bool:
    """Whether the auction would leave something of an order without a price."""
    call = book.call
    return call is not None and call.market_orders_remain(indication_of(book))


def _in_priority(book_side: BookSide) -> Iterator[tuple[Order, int]]:
    for level in book_side.best_to_worst():
        for order in level.in_priority():
            yield order, order.quantity
