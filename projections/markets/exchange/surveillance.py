"""The surveillance: three rules over every order and trade, whose alerts are for a person to read.

orders ─┬─► watched_orders ─┬─► order_to_trade   per day, instrument and account ─┐
        │                   └─► seen_sides       layering, see `layering` ────────┼─► alerts
trades ─┴─► watched_accounts ──► wash trades ─────────────────────────────────────┘

*Order to trade*: an account's messages in an instrument on a UTC day are its orders and quotes,
its replaces and its cancels; its trades are its orders' executions, in full or in part (two,
where it trades with itself). With the message that makes them at least MESSAGES_MIN, and more than
MESSAGES_PER_TRADE_MAX for each trade, there is an alert, one a day. Messages are what RTS 9 counts
(Delegated Regulation (EU) 2017/566, article 1: submission, modification and cancellation, but not
the cancels that follow from an auction, a lost connection or a kill switch); a quote that takes
another's place is one, and so not its withdrawal as well. Rejected messages are not counted, as
they do not say in all cases whose they are.

*Wash trades*: the buyer and the seller of a trade are the same account, or accounts of the same
group, or of the same member, as they are when it trades (0 is no group and no member). Each trade
is an alert for both accounts; one, where they are one. "No change in beneficial interests or
market risk": Delegated Regulation (EU) 2016/522, Annex II, section 1, point 3(a). A member's two
clients may meet by chance; the evidence says which of the three it is.

A trade that is busted later still counts: what was sent was sent. Every partition has every
account, as of its own time.
"""

from typing import Any, Final

import msgspec

from processors.markets.exchange.events import (
    AccountOpened,
    AuctionTraded,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
    Side,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.markets.exchange.alerts import ALERTS, ORDER_TO_TRADE, WASH_TRADE, Alert
from projections.markets.exchange.layering import (
    OWN_CANCELS,
    SEEN_PRICES,
    SEEN_SIDES,
    Layering,
)
from projections.markets.exchange.watched_orders import (
    WATCHED_ORDERS,
    Moved,
    WatchedOrder,
    accepted,
    change,
)

DAY_MS: Final = 86_400_000
MESSAGES_MIN: Final = 1_000
MESSAGES_PER_TRADE_MAX: Final = 100


class WatchedAccount(msgspec.Struct, gc=False):
    """As the partition knows it: its accounts may be ahead of another's, or behind."""

    partition: int
    account_id: int
    member_id: int
    group_id: int


class OrderToTrade(msgspec.Struct, gc=False):
    """What an account has sent in an instrument on a UTC day, and how often it traded."""

    account_id: int
    day_start_ms: int
    instrument: str
    orders: int = 0
    replaces: int = 0
    cancels: int = 0
    trades: int = 0
    has_alert: bool = False


WATCHED_ACCOUNTS = Table("watched_accounts", WatchedAccount, key=("partition", "account_id"))
ORDERS_TO_TRADES = Table(
    "order_to_trade", OrderToTrade, key=("account_id", "day_start_ms", "instrument")
)


class _Surveillance:
    __slots__ = ("accounts", "alert", "counts", "layering", "orders", "partition")

    def __init__(self, tables: Tables, partition: int) -> None:
        self.partition = partition
        self.orders = tables[WATCHED_ORDERS]
        self.accounts = tables[WATCHED_ACCOUNTS]
        self.counts = tables[ORDERS_TO_TRADES]
        self.alert = tables[ALERTS].append
        self.layering = Layering(tables)

    def accept(self, event: OrderAccepted, at_ms: int) -> None:
        order = accepted(event)
        self.orders.insert(order)
        self.layering.show(order)
        count = self.count(order.account_id, order.instrument, at_ms)
        count.orders += 1
        self.check_messages(count, event, at_ms)

    def move(self, event: Moved, at_ms: int) -> None:
        order = self.orders[event.instrument, event.order_id]
        self.layering.hide(order)
        change(order, event)
        self.layering.show(order)
        self.orders.put(order)
        if isinstance(event, OrderReplaced):
            count = self.count(order.account_id, order.instrument, at_ms)
            count.replaces += 1
            self.check_messages(count, event, at_ms)

    def cancel(self, event: OrderCancelled, at_ms: int) -> None:
        key = event.instrument, event.order_id
        order = self.orders[key]
        self.layering.cancel(order, event, at_ms)
        self.remove(order)
        if event.reason in OWN_CANCELS:
            count = self.count(order.account_id, order.instrument, at_ms)
            count.cancels += 1
            self.check_messages(count, event, at_ms)

    def remove(self, order: WatchedOrder) -> None:
        self.layering.hide(order)
        self.orders.delete((order.instrument, order.order_id))

    def reduce(self, instrument: str, order_id: int, quantity: int) -> None:
        order = self.orders[instrument, order_id]
        if quantity == order.quantity:
            self.remove(order)
        else:
            order.quantity -= quantity
            self.orders.put(order)

    def trade(
        self,
        event: OrderTraded | AuctionTraded,
        at_ms: int,
        buyer: tuple[int, int],
        seller: tuple[int, int],
    ) -> None:
        """The buyer and the seller are an account and its order each."""
        for account_id, order_id in (buyer, seller):
            self.count(account_id, event.instrument, at_ms).trades += 1
            self.reduce(event.instrument, order_id, event.quantity)
        self.layering.trade(event, at_ms, *buyer, "buy")
        self.layering.trade(event, at_ms, *seller, "sell")
        what = self.in_common(buyer[0], seller[0])
        if what:
            evidence = (
                f"trade {event.trade_id}: order {buyer[1]} of account {buyer[0]} bought "
                f"{event.quantity} @ {event.price} from order {seller[1]} of account "
                f"{seller[0]}; {what}"
            )
            for account_id in dict.fromkeys((buyer[0], seller[0])):
                self.alert(
                    Alert(
                        at_ms, event.instrument, event.sequence, WASH_TRADE, account_id, evidence
                    )
                )

    def in_common(self, buyer: int, seller: int) -> str:
        """What makes two accounts one; empty: nothing does."""
        if buyer == seller:
            return "the same account"
        one = self.accounts.get((self.partition, buyer))
        other = self.accounts.get((self.partition, seller))
        if one is None or other is None:
            return ""
        if one.group_id and one.group_id == other.group_id:
            return f"the same group {one.group_id}"
        if one.member_id and one.member_id == other.member_id:
            return f"the same member {one.member_id}"
        return ""

    def count(self, account_id: int, instrument: str, at_ms: int) -> OrderToTrade:
        """The counts of the day, about to change."""
        key = account_id, at_ms - at_ms % DAY_MS, instrument
        count = self.counts.get(key) or OrderToTrade(*key)
        self.counts.put(count)
        return count

    def check_messages(self, count: OrderToTrade, event: Any, at_ms: int) -> None:
        messages = count.orders + count.replaces + count.cancels
        if (
            count.has_alert
            or messages < MESSAGES_MIN
            or messages <= MESSAGES_PER_TRADE_MAX * count.trades
        ):
            return
        count.has_alert = True
        evidence = (
            f"{messages} messages ({count.orders} orders, {count.replaces} replaces, "
            f"{count.cancels} cancels) for {count.trades} trades since the day began; the last "
            f"was about order {event.order_id}"
        )
        self.alert(
            Alert(
                at_ms,
                count.instrument,
                event.sequence,
                ORDER_TO_TRADE,
                count.account_id,
                evidence,
            )
        )


def fold(tables: Tables, events: Events) -> None:
    watch = _Surveillance(tables, events.partition)
    for event, at_ms in events:
        kind = type(event)
        if kind is OrderAccepted:
            watch.accept(event, at_ms)
        elif kind is OrderTraded:
            taker = event.taker_account_id, event.taker_order_id
            maker = event.maker_account_id, event.maker_order_id
            is_buy = event.taker_side is Side.BUY
            watch.trade(event, at_ms, *((taker, maker) if is_buy else (maker, taker)))
        elif kind is OrderCancelled:
            watch.cancel(event, at_ms)
        elif kind is AuctionTraded:
            buyer = event.buy_account_id, event.buy_order_id
            seller = event.sell_account_id, event.sell_order_id
            watch.trade(event, at_ms, buyer, seller)
        elif kind is OrderDecremented:
            watch.reduce(event.instrument, event.order_id, event.quantity)
        elif kind is AccountOpened:
            watch.accounts.put(
                WatchedAccount(events.partition, event.account_id, event.member_id, event.group_id)
            )
        else:
            watch.move(event, at_ms)


SURVEILLANCE = Projection(
    name="surveillance",
    events=(
        OrderAccepted,
        OrderTraded,
        OrderCancelled,
        OrderReplaced,
        OrderDecremented,
        AuctionTraded,
        OrderActivated,
        OrderEntered,
        OrderRepriced,
        OrderParked,
        OrderAdjusted,
        AccountOpened,
    ),
    tables=(
        WATCHED_ORDERS,
        WATCHED_ACCOUNTS,
        SEEN_PRICES,
        SEEN_SIDES,
        ORDERS_TO_TRADES,
        ALERTS,
    ),
    fold=fold,
    rows_of="partition",
)
