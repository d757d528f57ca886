"""A seeded order flow that looks like a market's: plain orders alone, in continuous trading, for
benchmarks and tests, and as the greater part of `trading_day`.

    Random(seed) ─► 64 random bits a command ─► a market (of eight) ─► ExchangeCommand
                                                  └── a light book, to name orders that are open

Arrivals come in bursts that trades prolong (self-exciting), thick at the open and at the close.
Most orders are cancelled, many at once and some after hours; sizes and distances from the best
price have fat tails; prices drift with momentum, and trades follow them. The light book is the
flow's own guess of what the exchange holds (it knows no self-trade prevention): it needs no answer
from there, and few of its cancels come too late.

All draws and sums are integers, so a seed gives the same commands on every machine.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from processors.markets.exchange.commands import (
    CancelOrder,
    ExchangeCommand,
    ListInstrument,
    MassCancel,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

DAY_START_MS: Final = 1_704_205_800_000
"""2024-01-02 14:30 UTC, when New York opens."""
DAY_COMMANDS: Final = 200_000
DAY_LENGTH_MS: Final = 23_400_000
DAY_MS: Final = 86_400_000

BUY: Final = Side.BUY
SELL: Final = Side.SELL
NO_PREVENTION: Final = SelfTradePrevention.NONE
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED

MARKETS: Final = (
    # name, tick size, lot size, first price in ticks, open orders to have, share of 64 bursts
    ("ALDER", 100, 1, 25_000, 900, 20),
    ("BIRCH", 100, 1, 4_250, 700, 14),
    ("CEDAR", 1, 100, 8_500, 400, 8),
    ("ELM", 500, 1, 29_000, 400, 7),
    ("FIR", 25, 10, 3_950, 300, 5),
    ("HAZEL", 100, 100, 12_000, 300, 5),
    ("LARCH", 10_000, 1, 52_000, 250, 3),
    ("ROWAN", 100, 1, 990, 150, 2),
)
_HALF_HOURS: Final = (18, 12, 9, 7, 6, 5, 5, 5, 5, 6, 7, 9, 16)
"""Each half hour's share of a day's commands."""
BURSTS: Final = (1,) * 10 + (2,) * 6 + (3,) * 4 + (4, 4, 5, 6, 7, 8, 10, 13, 17, 25, 40, 80)
"""Commands in a burst, before trades prolong it."""
_OFFSETS: Final = (
    (0,) * 18 + (1,) * 12 + (2,) * 8 + (3,) * 6 + (4,) * 4 + (5, 5, 6, 7, 8, 10, 12, 15)
    + (19, 24, 32, 45, 70, 120, 250, 700)
)  # fmt: skip
"""Ticks behind the price that an order would have at the front."""
_LOTS: Final = (
    (100,) * 26 + (200,) * 9 + (300,) * 5 + (50,) * 4 + (10,) * 4 + (1, 7, 25, 33, 75, 150, 400)
    + (500,) * 4 + (1_000,) * 3 + (0, 0)
)  # fmt: skip
"""Sizes in lots; 0 stands for the tail: 2,000 doubled for each coin that falls so, up to 8."""
_RECENCIES: Final = (1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 7, 10, 14, 20, 30, 60)
"""How far from the newest the order stands that a quick cancel means."""
_PREVENTIONS: Final = (
    SelfTradePrevention.CANCEL_NEWEST,
    SelfTradePrevention.CANCEL_OLDEST,
    SelfTradePrevention.CANCEL_BOTH,
    SelfTradePrevention.DECREMENT_AND_CANCEL,
    *(NO_PREVENTION,) * 60,
)
"""The mode that account n + 1 trades in. Accounts 1 to 8 quote most of what rests."""


def flow(
    seed: int, day_commands: int = DAY_COMMANDS, start_ms: int = DAY_START_MS
) -> Iterator[tuple[int, ExchangeCommand]]:
    """Endless (timestamp in ms since 1970, command), the same for the same arguments.

    Trading days of 6.5 hours follow one another from `start_ms`, each of `day_commands` commands.
    """
    bits = Random(seed).getrandbits
    order_ids = iter(range(1, 1 << 53))
    markets = [Market(*terms[:5], order_ids) for terms in MARKETS]
    by_share = [m for m, terms in zip(markets, MARKETS, strict=True) for _ in range(terms[5])]
    for market in markets:
        yield start_ms, market.listing()
    number = len(markets)
    at = start_ms
    left_in_burst = 0
    while True:
        r = bits(64)
        if left_in_burst:
            left_in_burst -= 1
            at += r & 3
        else:
            market = by_share[r & 63]
            left_in_burst = BURSTS[r >> 6 & 31] - 1
            at = max(at, start_ms + due_ms(number, day_commands))
        yield at, market.next_command(r >> 11)
        number += 1
        if market.traded:
            market.traded = False
            left_in_burst += r & 3


def due_ms(number: int, day_commands: int) -> int:
    """When the command of this number is due, counted from the first day's begin."""
    day, number = divmod(number, day_commands)
    step_ms = DAY_LENGTH_MS // len(_HALF_HOURS)
    left = number * sum(_HALF_HOURS)
    due_ms = day * DAY_MS
    for share in _HALF_HOURS:
        width = share * day_commands
        if left < width:
            return due_ms + left * step_ms // width
        left -= width
        due_ms += step_ms
    raise AssertionError("the half hours' shares add up to the day")


class _Order:
    __slots__ = ("account_id", "buys", "order_id", "price", "quantity")

    def __init__(
        self, order_id: int, account_id: int, buys: bool, price: int, quantity: int
    ) -> None:
        self.order_id = order_id
        self.account_id = account_id
        self.buys = buys
        self.price = price
        self.quantity = quantity


class Market:
    """One instrument: where its price goes, and what should be open. Prices are in ticks.

    The methods that write a command take 53 random bits, `r`, and each reads its own of them.
    """

    __slots__ = (
        "asks", "best_ask", "best_bid", "bids", "fair", "first_price", "lot_size", "name",
        "open_target", "order_ids", "orders", "tick_size", "traded", "trend",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        tick_size: int,
        lot_size: int,
        first_price: int,
        open_target: int,
        order_ids: Iterator[int],
    ) -> None:
        self.name = name
        self.tick_size = tick_size
        self.lot_size = lot_size
        self.first_price = first_price
        self.open_target = open_target
        self.order_ids = order_ids
        self.fair = first_price
        self.trend = 1
        self.bids: dict[int, dict[int, _Order]] = {}
        self.asks: dict[int, dict[int, _Order]] = {}
        self.best_bid = first_price
        self.best_ask = first_price
        """Of no meaning while the side is empty."""
        self.orders: list[_Order] = []
        """By time; orders that traded away stay in it, with quantity 0, until they are drawn."""
        self.traded = False

    def listing(self) -> ListInstrument:
        return ListInstrument(
            instrument=self.name,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            price_max=self.first_price * self.tick_size * 10,
            quantity_max=1_000_000 * self.lot_size,
        )

    def next_command(self, r: int) -> ExchangeCommand:
        if not r & 31:
            self._drift(r)
        action = r >> 5 & 255
        open_orders = len(self.orders)
        if action < 70 or open_orders < 32:
            return self.rest(r)
        if action < 122:
            return self.rest(r) if open_orders < self.open_target else self.cancel(r)
        if action < 222:
            return self.cancel(r)
        if action < 236:
            return self._replace(r)
        if action < 255:
            return self._take(r)
        return self._invalid(r) if r >> 50 else self._mass_cancel(r)

    def _drift(self, r: int) -> None:
        """A step of the fair price; one in sixteen turns it round, and so does twice or half of
        the first price."""
        fair = self.fair
        if not r >> 49 or not self.first_price < 2 * fair + self.trend < 4 * self.first_price:
            self.trend = -self.trend
        self.fair = fair + self.trend

    def rest(self, r: int) -> PlaceOrder:
        """A limit order that should rest."""
        buys = bool(r >> 13 & 1)
        account_id = 1 + (r >> 14 & (7 if r >> 20 & 1 else 63))
        order = _Order(
            next(self.order_ids),
            account_id,
            buys,
            self.resting_price(r, buys),
            self.draw_quantity(r),
        )
        self.orders.append(order)
        self._enter(order)
        return PlaceOrder(
            instrument=self.name,
            order_id=order.order_id,
            account_id=account_id,
            side=BUY if buys else SELL,
            quantity=order.quantity,
            price=order.price * self.tick_size,
            post_only=not r >> 21 & 7,
            self_trade_prevention=_PREVENTIONS[account_id - 1],
        )

    def resting_price(self, r: int, buys: bool) -> int:
        offset = _OFFSETS[r >> 24 & 63]
        if buys:
            price = self.fair - offset
            if self.asks and price >= self.best_ask:
                price = self.best_ask - 1 - (offset >> 2)
        else:
            price = self.fair + 1 + offset
            if self.bids and price <= self.best_bid:
                price = self.best_bid + 1 + (offset >> 2)
        return price if price > 0 else 1

    def draw_quantity(self, r: int) -> int:
        lots = _LOTS[r >> 30 & 63]
        if not lots:
            coins = r >> 36 & 255 | 256
            lots = 2_000 << ((coins & -coins).bit_length() - 1)
        return lots * self.lot_size

    def cancel(self, r: int) -> ExchangeCommand:
        order = self._draw_open(r)
        if order is None:
            return self.rest(r)
        self._leave(order)
        return CancelOrder(
            instrument=self.name, order_id=order.order_id, account_id=order.account_id
        )

    def _draw_open(self, r: int) -> _Order | None:
        """An open order, taken off `orders`: a recent one three times of four."""
        orders = self.orders
        pick = r >> 36 & 0xFFFF
        while orders:
            count = len(orders)
            if pick & 3:
                index = max(count - _RECENCIES[pick >> 2 & 15], 0)
            else:
                index = (pick >> 2) % count
            order = orders.pop(index)
            if order.quantity:
                return order
        return None

    def _replace(self, r: int) -> ExchangeCommand:
        """A smaller quantity in place, or another price."""
        order = self._draw_open(r)
        if order is None:
            return self.rest(r)
        lot_size = self.lot_size
        if r >> 13 & 1 and order.quantity > lot_size:
            order.quantity = (order.quantity // lot_size + 1) // 2 * lot_size
        else:
            self._leave(order)
            order.price = self.resting_price(r, order.buys)
            self._enter(order)
        self.orders.append(order)
        return ReplaceOrder(
            instrument=self.name,
            order_id=order.order_id,
            price=order.price * self.tick_size,
            quantity=order.quantity,
            account_id=order.account_id,
        )

    def _take(self, r: int) -> PlaceOrder:
        """An order that should trade, on the side that the fair price asks for."""
        if self.fair >= self.best_ask:
            buys = True
        elif self.fair < self.best_bid:
            buys = False
        else:
            buys = (self.trend > 0) == bool(r >> 20 & 3)
        if not (self.asks if buys else self.bids):
            return self.rest(r)
        self.traded = True
        account_id = 1 + (r >> 14 & 63)
        order = PlaceOrder(
            instrument=self.name,
            order_id=next(self.order_ids),
            account_id=account_id,
            side=BUY if buys else SELL,
            quantity=self.draw_quantity(r),
            price=self.best_ask if buys else self.best_bid,
            self_trade_prevention=_PREVENTIONS[account_id - 1],
        )
        self._take_as(r >> 24 & 15, order, buys)
        order.price *= self.tick_size
        return order

    def _take_as(self, kind: int, order: PlaceOrder, buys: bool) -> None:
        """Make it one of the kinds of orders that trade, and let it trade in the light book."""
        if kind < 4:
            order.order_type = OrderType.MARKET
            order.price = 0
            self.trade(buys, order.quantity, 1 << 40 if buys else 0)
        elif kind < 6:
            order.time_in_force = TimeInForce.FILL_OR_KILL
            level = self.asks[self.best_ask] if buys else self.bids[self.best_bid]
            if order.quantity <= sum([maker.quantity for maker in level.values()]):
                self.trade(buys, order.quantity, order.price)
        else:
            deeper = 4 if kind == 15 else kind & 1
            limit = order.price + deeper if buys else max(order.price - deeper, 1)
            order.price = limit
            left = self.trade(buys, order.quantity, limit)
            if kind < 11:
                order.time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
            elif left:
                rest = _Order(order.order_id, order.account_id, buys, limit, left)
                self.orders.append(rest)
                self._enter(rest)

    def trade(self, buys: bool, quantity: int, limit: int) -> int:
        """Take from the light book, best and oldest first, up to `limit`; returns what is left."""
        makers = self.asks if buys else self.bids
        while quantity and makers:
            best = self.best_ask if buys else self.best_bid
            if (best > limit) if buys else (best < limit):
                break
            maker = next(iter(makers[best].values()))
            if maker.quantity > quantity:
                maker.quantity -= quantity
                return 0
            quantity -= maker.quantity
            self._leave(maker)
            maker.quantity = 0
        return quantity

    def _enter(self, order: _Order) -> None:
        price = order.price
        if order.buys:
            levels = self.bids
            if not levels or price > self.best_bid:
                self.best_bid = price
        else:
            levels = self.asks
            if not levels or price < self.best_ask:
                self.best_ask = price
        level = levels.get(price)
        if level is None:
            levels[price] = {order.order_id: order}
        else:
            level[order.order_id] = order

    def _leave(self, order: _Order) -> None:
        price = order.price
        levels = self.bids if order.buys else self.asks
        level = levels[price]
        del level[order.order_id]
        if level:
            return
        del levels[price]
        if not levels:
            return
        # All that is left is worse than the best was, so the next best is found by walking away.
        if order.buys:
            if price == self.best_bid:
                while price not in levels:
                    price -= 1
                self.best_bid = price
        elif price == self.best_ask:
            while price not in levels:
                price += 1
            self.best_ask = price

    def _mass_cancel(self, r: int) -> MassCancel:
        account_id = 1 + (r >> 14 & 63)
        side = (None, BUY, SELL, None)[r >> 20 & 3]
        kept = []
        for order in self.orders:
            if not order.quantity:
                continue
            if order.account_id == account_id and side in (None, BUY if order.buys else SELL):
                self._leave(order)
            else:
                kept.append(order)
        self.orders = kept
        return MassCancel(instrument=self.name, account_id=account_id, side=side)

    def _invalid(self, r: int) -> ExchangeCommand:
        """What the exchange must reject: no such order, another's order, no price, no quantity."""
        kind = r >> 24 & 3
        if kind == 0:
            return CancelOrder(instrument=self.name, order_id=(1 << 53) + (r >> 30), account_id=1)
        if kind == 1:
            order_id = self.orders[-1].order_id
            return CancelOrder(instrument=self.name, order_id=order_id, account_id=65)
        return PlaceOrder(
            instrument=self.name,
            order_id=next(self.order_ids),
            account_id=1 + (r >> 14 & 63),
            side=BUY,
            quantity=100 * self.lot_size if kind == 2 else 0,
            price=0 if kind == 2 else self.fair * self.tick_size,
        )
