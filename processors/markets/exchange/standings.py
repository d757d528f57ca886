"""What accounts have open, hold and have traded in an instrument: kept up with each fact, for the
accounts that are open (`guard` holds their limits against it)."""

from processors.markets.exchange.accounts import Standing
from processors.markets.exchange.conditions import NEVER_RESTS
from processors.markets.exchange.events import OrderAccepted
from processors.markets.exchange.market import Market
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.state import Exchange


def count_order(state: Exchange, book: OrderBook, event: OrderAccepted) -> None:
    standing = standing_of(state, book, event.account_id)
    if standing is None:
        return
    if event.at_ms:
        standing.count_order(event.at_ms)
    if event.time_in_force not in NEVER_RESTS:
        standing.count_open(event.side is BUY, event.quantity, 1)


def standing_of(state: Exchange, book: OrderBook, account_id: int) -> Standing | None:
    """Where an open account stands in an instrument; None where it is not open."""
    standing = state.guard.standing_of(book, account_id)
    if standing is not None:
        book.market.standings[account_id] = standing
    return standing


def count_open(state: Exchange, book: OrderBook, order: Order, quantity: int, orders: int) -> None:
    standing = standing_of(state, book, order.account_id)
    if standing is not None:
        standing.count_open(order.side is BUY, quantity, orders)


def count_trade(state: Exchange, book: OrderBook, account_id: int, bought: int) -> None:
    standing = standing_of(state, book, account_id)
    if standing is not None:
        standing.position += bought


def count_volume(market: Market, account_id: int, notional: int) -> None:
    market.volumes[account_id] = market.volumes.get(account_id, 0) + notional
