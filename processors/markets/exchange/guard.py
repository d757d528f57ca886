"""The checks before trade that look at who sends an order: account, session, and its limits.

RTS 6 (Commission Delegated Regulation (EU) 2017/589), article 15: price collars, maximum order
values and volumes, maximum messages; article 12: the kill switch. Limits are held against one
instrument at a time, so that they are the same however instruments are spread over partitions.
"""

from processors.markets.exchange.accounts import Account, Limits, Session, Standing
from processors.markets.exchange.commands import PlaceOrder
from processors.markets.exchange.conditions import Fault
from processors.markets.exchange.events import RejectCode
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.terms import PPM, OrderType, Side


class Guard:
    """Who may trade on this partition: the accounts and sessions that the operator opened."""

    __slots__ = ("accounts", "limits", "sessions")

    accounts: dict[int, Account]
    sessions: dict[int, Session]
    limits: dict[int, Limits]
    """By account, for every instrument that has none of its own."""

    def __init__(self) -> None:
        self.accounts = {}
        self.sessions = {}
        self.limits = {}

    def check_sender(self, book: OrderBook, account_id: int, session_id: int) -> Fault | None:
        account = self.accounts.get(account_id)
        if account is None:
            if book.instrument.members_only:
                reason = (
                    f"account {account_id} is not open, and {book.instrument.name} is for members"
                )
                return RejectCode.UNKNOWN_ACCOUNT, "account_id", reason
        elif account.is_closed:
            return RejectCode.ACCOUNT_STOPPED, "account_id", f"account {account_id} is closed"
        elif account.is_killed:
            reason = f"the kill switch of account {account_id} is engaged"
            return RejectCode.ACCOUNT_STOPPED, "account_id", reason
        if session_id and session_id not in self.sessions:
            reason = f"session {session_id} is not open"
            return RejectCode.UNKNOWN_SESSION, "session_id", reason
        return None

    def limits_of(self, book: OrderBook, account_id: int) -> Limits | None:
        return book.market.limits.get(account_id) or self.limits.get(account_id)

    def group_of(self, account_id: int) -> int:
        account = self.accounts.get(account_id)
        return 0 if account is None else account.group_id

    def counts_rate_at(self, book: OrderBook, account_id: int, at: int) -> int:
        """The time to count an order at, where the account's order rate is limited; else 0."""
        limits = self.limits_of(book, account_id)
        return at if limits is not None and limits.orders_per_second_max > 0 else 0

    def check_new_order(self, book: OrderBook, order: PlaceOrder, at: int) -> Fault | None:
        """Who sends a new order, and whether that account's limits let it."""
        is_pegged = order.terms is not None and order.terms.peg is not None
        return self.check_sender(book, order.account_id, order.session_id) or self.check_limits(
            book,
            order.account_id,
            order.side,
            order.quantity,
            order.price,
            order.order_type,
            is_pegged,
            at,
            None,
        )

    def standing_of(self, book: OrderBook, account_id: int) -> Standing | None:
        """Where an open account stands in an instrument, counted afresh where nothing was counted
        so far; None where it is not open."""
        standing = book.market.standings.get(account_id)
        if standing is None and account_id in self.accounts:
            standing = Standing(book.trade_count)
            for order in book.orders_of(account_id):
                standing.count_open(order.side is BUY, order.quantity, 1)
        return standing

    def check_limits(
        self,
        book: OrderBook,
        account_id: int,
        side: Side,
        quantity: int,
        price: int,
        order_type: OrderType,
        is_pegged: bool,
        at: int,
        replaced: Order | None,
    ) -> Fault | None:
        """An order, or what an open one is replaced with, against its account's limits."""
        limits = self.limits_of(book, account_id)
        standing = self.standing_of(book, account_id)
        if limits is None or standing is None:
            return None
        most = limits.order_quantity_max
        if most and quantity > most:
            reason = f"{quantity} is more than the account's limit of {most} an order"
            return RejectCode.ORDER_QUANTITY_LIMIT, "quantity", reason
        most = limits.order_notional_max
        notional = (price or book.last_price or book.market.reference_price) * quantity
        if most and notional > most:
            reason = f"price times quantity is {notional}, the account's limit {most} an order"
            return RejectCode.NOTIONAL_LIMIT, "quantity", reason
        if replaced is None:
            most = limits.open_orders_max
            if most and standing.open_orders >= most:
                reason = f"the account has {standing.open_orders} open orders, its limit"
                return RejectCode.OPEN_ORDERS_LIMIT, "account_id", reason
            most = limits.orders_per_second_max
            if most and standing.second == at // 1000 and standing.orders_in_second >= most:
                reason = f"the account has sent {most} orders in this second, its limit"
                return RejectCode.ORDER_RATE_LIMIT, "account_id", reason
        fault = None
        if limits.collar_ppm and order_type is OrderType.LIMIT and not is_pegged:
            fault = _check_collar(book.last_price, limits.collar_ppm, side, price)
        if fault is None and limits.position_max:
            open_quantity = standing.open_buys if side is BUY else standing.open_sells
            if replaced is not None:
                open_quantity -= replaced.quantity
            held = standing.position if side is BUY else -standing.position
            if held + open_quantity + quantity > limits.position_max:
                reason = (
                    f"with it, and all open orders of its side, the position could be "
                    f"{held + open_quantity + quantity}; the limit is {limits.position_max}"
                )
                return RejectCode.POSITION_LIMIT, "quantity", reason
        return fault


def _check_collar(last_price: int, collar_ppm: int, side: Side, price: int) -> Fault | None:
    distance = last_price * collar_ppm // PPM
    edge = last_price + distance if side is BUY else last_price - distance
    if not last_price or (price <= edge if side is BUY else price >= edge):
        return None
    reason = f"{price} is beyond {edge}, the account's collar around the last price {last_price}"
    return RejectCode.PRICE_COLLAR, "price", reason
