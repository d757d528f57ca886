"""An open order, and what an order that is more than a plain one carries besides (`Special`)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from processors.markets.exchange.draws import part_size
from processors.markets.exchange.terms import (
    OrderTerms,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

if TYPE_CHECKING:
    from processors.markets.exchange.order_book import BookSide

BUY: Final = Side.BUY

ON_BOOK: Final = 0
FOR_STOP: Final = 1
FOR_PARENT: Final = 2
FOR_AUCTION: Final = 3
FOR_PEG: Final = 4
FOR_CONTINUOUS: Final = 5
"""An all-or-none order, while there is an auction."""
TO_ENTER: Final = 6
"""What a parked order waits for."""


class Order:
    """An open order. `quantity` is what is still open of it, and is never 0 while it rests.

    Made by `new_order`; the links are set when it takes its place, by `OrderBook.rest`. (No
    `__init__`: CPython would take twice as long to make one.)
    """

    __slots__ = (
        "account_id",
        "ahead",
        "behind",
        "level",
        "newer",
        "older",
        "order_id",
        "owner",
        "post_only",
        "price",
        "quantity",
        "self_trade_prevention",
        "side",
        "special",
    )

    order_id: int
    account_id: int
    owner: int
    """Whom it never trades with, where that is asked for: its account, or minus its group."""
    side: Side
    price: int
    """0: a market order."""
    quantity: int
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    special: "Special | None"
    level: "Level"
    ahead: "Order | None"
    """Its neighbours in the level's queue."""
    behind: "Order | None"
    older: "Order | None"
    """Its neighbours among the account's orders."""
    newer: "Order | None"


def new_order(
    order_id: int,
    account_id: int,
    owner: int,
    side: Side,
    price: int,
    quantity: int,
    post_only: bool,
    self_trade_prevention: SelfTradePrevention,
) -> Order:
    order = Order()
    order.order_id = order_id
    order.account_id = account_id
    order.owner = owner
    order.side = side
    order.price = price
    order.quantity = quantity
    order.post_only = post_only
    order.self_trade_prevention = self_trade_prevention
    order.special = None
    return order


class Special:
    """What makes an order more than a plain one: its terms, and what has become of them."""

    __slots__ = (
        "activated_quantity",
        "anchor",
        "children",
        "displayed",
        "expires_at_ms",
        "is_quote",
        "limit",
        "linked",
        "order_type",
        "parts",
        "session_id",
        "stop_price",
        "terms",
        "time",
        "time_in_force",
        "traded",
        "trail",
        "waits",
    )

    order_type: OrderType
    time_in_force: TimeInForce
    terms: OrderTerms
    is_quote: bool
    session_id: int
    expires_at_ms: int
    displayed: int
    """Of an iceberg or a reserve order: what is shown of it now."""
    parts: int
    """... and how many times it was filled up again."""
    time: int
    """Of an order with something dark: its number in the order of placing such on the book."""
    limit: int
    """Of a pegged order: its limit; 0 none. Its `price` is where it stands."""
    stop_price: int
    """Where it is triggered, as a trailing stop has moved it; 0: it is no stop (any more)."""
    trail: int
    """Its distance; 0: it does not trail."""
    anchor: int
    """The trade that it has followed to."""
    linked: int
    """The order that is cancelled with it; -1 none."""
    children: tuple[int, ...]
    traded: int
    """Of a parent: what has traded since its first child."""
    activated_quantity: int
    """Of a child whose parent has traded: how much of it enters."""
    waits: int
    """What it waits for, parked; ON_BOOK: nothing."""

    def __init__(
        self, order_type: OrderType, time_in_force: TimeInForce, terms: OrderTerms | None
    ) -> None:
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.terms = NO_TERMS if terms is None else terms
        self.is_quote = False
        self.session_id = 0
        self.expires_at_ms = 0
        self.displayed = 0
        self.parts = 0
        self.time = 0
        self.limit = 0
        self.stop_price = 0
        self.trail = 0
        self.anchor = 0
        self.linked = -1
        self.children = ()
        self.traded = 0
        self.activated_quantity = 0
        self.waits = ON_BOOK

    @property
    def is_dark(self) -> bool:
        """Nothing of it is shown."""
        terms = self.terms
        return terms.hidden or terms.all_or_none or terms.peg is not None

    @property
    def is_active_dark(self) -> bool:
        """It may come to trade without a new order: it is matched again as the book moves."""
        return self.terms.all_or_none or self.terms.peg is not None

    def next_part(self, order: Order, left: int, lot_size: int) -> int:
        """How much is shown next, of what is left."""
        return part_to_show(order.order_id, self.terms, self.parts + 1, left, lot_size)


NO_TERMS: Final = OrderTerms()


def part_to_show(order_id: int, terms: OrderTerms, part: int, left: int, lot_size: int) -> int:
    """How much of an iceberg or reserve order its part of this number shows. 0: it is neither, and
    shows all or nothing."""
    if not terms.display_quantity:
        return 0
    size = part_size(order_id, part, terms.display_quantity, terms.display_range, lot_size)
    return size if size < left else left


def session_of(order: Order) -> int:
    """The session that sent it; 0: none."""
    return 0 if order.special is None else order.special.session_id


class Level:
    """The orders at one price: a queue from `first` to `last`, and the sum of their quantities.
    Made by `BookSide.open_level`, without `__init__` as an order is."""

    __slots__ = ("book_side", "dark", "first", "last", "parts", "price", "quantity", "rank")

    book_side: "BookSide"
    price: int
    """Where it stands; that of market orders is beyond all others (`BookSide.market_price`)."""
    rank: int
    quantity: int
    """Open in all, shown or not."""
    first: Order | None
    last: Order | None
    parts: int
    """How many orders of the queue show but a part."""
    dark: dict[int, Order] | None
    """What trades after all that is shown: orders that show nothing, and those with a reserve, by
    id, first placed first."""

    def append(self, order: Order) -> None:
        """To the back of the queue."""
        order.behind = None
        order.ahead = last = self.last
        self.last = order
        if last is None:
            self.first = order
        else:
            last.behind = order

    def take_out(self, order: Order) -> None:
        """Out of the queue; links of an emptied level go too, or order and level would keep each
        other alive: the task runs with the garbage collector off."""
        ahead = order.ahead
        behind = order.behind
        if behind is None:
            self.last = ahead
        else:
            behind.ahead = ahead
        if ahead is None:
            self.first = behind
        else:
            ahead.behind = behind

    def queue(self) -> Iterator[Order]:
        """Its displayed orders, first to trade first."""
        order = self.first
        while order is not None:
            yield order
            order = order.behind

    def in_priority(self) -> Iterator[Order]:
        """All its orders as an auction takes them: what is shown by time, then what is not."""
        yield from self.queue()
        if self.dark is not None:
            for order in self.dark.values():
                special = order.special
                if special is None or special.is_dark:
                    yield order
