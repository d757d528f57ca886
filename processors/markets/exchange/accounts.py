"""Members' accounts as the exchange sees them: sessions, the limits checked before each order,
what counts against them, fees, and the protection of quotes. Changed by `evolve` alone.

Limits follow the controls before trade that RTS 6 (Commission Delegated Regulation (EU) 2017/589),
article 15, and SEC rule 15c3-5 ask for.
"""

from processors.markets.exchange.terms import PPM, FeeTier


class Account:
    __slots__ = ("account_id", "group_id", "is_closed", "is_killed", "member_id")

    account_id: int
    member_id: int
    group_id: int
    is_closed: bool
    is_killed: bool

    def __init__(self, account_id: int, member_id: int, group_id: int) -> None:
        self.account_id = account_id
        self.member_id = member_id
        self.group_id = group_id
        self.is_closed = False
        self.is_killed = False


class Session:
    __slots__ = ("cancel_on_disconnect", "member_id")

    member_id: int
    cancel_on_disconnect: bool

    def __init__(self, member_id: int, cancel_on_disconnect: bool) -> None:
        self.member_id = member_id
        self.cancel_on_disconnect = cancel_on_disconnect


class Limits:
    """0: no limit."""

    __slots__ = (
        "collar_ppm",
        "open_orders_max",
        "order_notional_max",
        "order_quantity_max",
        "orders_per_second_max",
        "position_max",
    )

    order_quantity_max: int
    order_notional_max: int
    open_orders_max: int
    orders_per_second_max: int
    collar_ppm: int
    position_max: int

    def __init__(
        self,
        order_quantity_max: int,
        order_notional_max: int,
        open_orders_max: int,
        orders_per_second_max: int,
        collar_ppm: int,
        position_max: int,
    ) -> None:
        self.order_quantity_max = order_quantity_max
        self.order_notional_max = order_notional_max
        self.open_orders_max = open_orders_max
        self.orders_per_second_max = orders_per_second_max
        self.collar_ppm = collar_ppm
        self.position_max = position_max


class Standing:
    """An account in one instrument: what its limits are held against."""

    __slots__ = (
        "open_buys",
        "open_orders",
        "open_sells",
        "orders_in_second",
        "position",
        "second",
        "since",
    )

    since: int
    """The trade after which its trades count."""
    position: int
    open_buys: int
    """Quantity."""
    open_sells: int
    open_orders: int
    second: int
    """Since 1970: the second that `orders_in_second` counts accepted orders in."""
    orders_in_second: int

    def __init__(self, since: int) -> None:
        self.since = since
        self.position = 0
        self.open_buys = 0
        self.open_sells = 0
        self.open_orders = 0
        self.second = 0
        self.orders_in_second = 0

    def count_open(self, is_buy: bool, quantity: int, orders: int) -> None:
        """More (or, below zero, fewer) open orders, and quantity in them."""
        self.open_orders += orders
        if is_buy:
            self.open_buys += quantity
        else:
            self.open_sells += quantity

    def count_order(self, at_ms: int) -> None:
        second = at_ms // 1000
        if second != self.second:
            self.second = second
            self.orders_in_second = 0
        self.orders_in_second += 1


class Fees:
    """A fee schedule: tiers, ascending by what an account must have traded."""

    __slots__ = ("tiers",)

    tiers: tuple[FeeTier, ...]

    def __init__(self, tiers: tuple[FeeTier, ...]) -> None:
        self.tiers = tiers

    def tier_of(self, volume: int) -> FeeTier:
        """The last tier reached, by the notional traded in the period."""
        reached = self.tiers[0]
        for tier in self.tiers:
            if tier.notional_from <= volume:
                reached = tier
        return reached


def fee(price: int, quantity: int, ppm: int) -> int:
    """In price units, rounded half up (towards plus infinity, rebates too)."""
    return (price * quantity * ppm + PPM // 2) // PPM


class Protection:
    """A market maker's quote protection, and what its quotes traded in the window so far."""

    __slots__ = (
        "quantity",
        "quantity_max",
        "trades",
        "trades_max",
        "tripped",
        "window_ms",
        "window_start_ms",
    )

    window_ms: int
    quantity_max: int
    trades_max: int
    window_start_ms: int
    quantity: int
    trades: int
    tripped: bool

    def __init__(self, window_ms: int, quantity_max: int, trades_max: int) -> None:
        self.window_ms = window_ms
        self.quantity_max = quantity_max
        self.trades_max = trades_max
        self.window_start_ms = 0
        self.quantity = 0
        self.trades = 0
        self.tripped = False
