"""The naive exchange's call auction: every price that it may have is tried."""

from dataclasses import dataclass
from typing import Any

from processors.markets.exchange.commands import AuctionPrices, Side
from processors.markets.exchange.events import AuctionTraded
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_market import NaiveMarket, NaiveOrder
from tests.processors.markets.exchange.naive_state import NaiveState


@dataclass
class Outcome:
    price: int = 0
    quantity: int = 0
    surplus: int = 0
    surplus_side: Side | None = None


def outcome(market: NaiveMarket) -> Outcome:
    """What the auction gives if it is held now."""
    price = auction_price(market)
    if not price:
        return Outcome()
    bought, sold = wanted(market, Side.BUY, price), wanted(market, Side.SELL, price)
    side = None
    if bought != sold:
        side = Side.BUY if bought > sold else Side.SELL
    return Outcome(price, min(bought, sold), abs(bought - sold), side)


def wanted(market: NaiveMarket, side: Side, price: int) -> int:
    """The quantity that a side would trade at a price."""
    return sum(
        order.quantity
        for order in market.orders
        if order.on_book and order.side is side and nm.reaches(side, order.book_price, price)
    )


def unpriced(market: NaiveMarket, side: Side) -> int:
    """The quantity of the market orders of a side."""
    return sum(
        order.quantity
        for order in market.orders
        if order.on_book and order.side is side and not order.book_price
    )


def auction_price(market: NaiveMarket) -> int:
    """0: nothing can trade."""
    reference = market.last_price or market.reference_price
    rounded = market.tick_down(reference)
    limits = {order.book_price for order in market.orders if order.on_book and order.book_price}
    if not limits:
        both = unpriced(market, Side.BUY) and unpriced(market, Side.SELL)
        return rounded if both else 0
    only_limits = market.listing.auction_prices is AuctionPrices.LIMITS
    tried = [
        (price, wanted(market, Side.BUY, price), wanted(market, Side.SELL, price))
        for price in (sorted(limits) if only_limits else prices_on_tick(market))
    ]
    most = max(min(bought, sold) for _, bought, sold in tried)
    if not most:
        return 0
    tried = [each for each in tried if min(each[1], each[2]) == most]
    least = min(abs(bought - sold) for _, bought, sold in tried)
    tried = [each for each in tried if abs(each[1] - each[2]) == least]
    buyers = [price for price, bought, sold in tried if bought > sold]
    sellers = [price for price, bought, sold in tried if bought < sold]
    if len(buyers) == len(tried):
        return max(buyers)
    if len(sellers) == len(tried):
        return min(sellers)
    left = [price for price, _, _ in tried]
    if only_limits and buyers:
        left = [max(buyers), min(sellers)]
    if not reference:
        return min(left)
    goal = reference if only_limits else rounded
    return min(left, key=lambda price: (abs(price - goal), -price))


def prices_on_tick(market: NaiveMarket) -> list[int]:
    """All that the instrument may trade at: list it with few, where auctions may have any."""
    prices = []
    price = market.tick_up(market.listing.price_min)
    while price <= market.listing.price_max:
        prices.append(price)
        price = market.tick_up(price + 1)
    return prices


def market_orders_remain(market: NaiveMarket, result: Outcome) -> bool:
    """Whether the auction would leave something of the market orders of either side."""
    return any(unpriced(market, side) > result.quantity for side in Side)


def auction_trades(state: NaiveState, market: NaiveMarket, result: Outcome) -> list[Any]:
    """Each trade, first to trade first."""
    if not result.quantity:
        return []
    sides = [queue(market, side, result.price) for side in (Side.BUY, Side.SELL)]
    left = {order: order.quantity for order in [*sides[0], *sides[1]]}
    trades: list[Any] = []
    to_trade = result.quantity
    while to_trade:
        buyer, seller = (next(o for o in side if left[o]) for side in sides)
        quantity = min(left[buyer], left[seller], to_trade)
        left[buyer] -= quantity
        left[seller] -= quantity
        to_trade -= quantity
        trade_id = market.trade_count + len(trades) + 1
        trades.append(pair(state, market, (buyer, seller), result.price, quantity, trade_id))
    return trades


def queue(market: NaiveMarket, side: Side, price: int) -> list[NaiveOrder]:
    """Those that reach the price: market orders, then by price, displayed before dark, by time."""
    found = [o for o in market.on_book(side) if nm.reaches(side, o.book_price, price)]

    def place_in_line(order: NaiveOrder) -> tuple[bool, int, bool, int]:
        worse = -order.book_price if side is Side.BUY else order.book_price
        return order.book_price > 0, worse, order.is_dark, order.queued

    return sorted(found, key=place_in_line)


def pair(
    state: NaiveState,
    market: NaiveMarket,
    both: tuple[NaiveOrder, NaiveOrder],
    price: int,
    quantity: int,
    trade_id: int,
) -> AuctionTraded:
    buyer, seller = both
    tiers = state.fees_of(market)
    buy_ppm, sell_ppm = (
        nm.fee_rates(tiers, market.notionals.get(order.account_id, 0)).auction_ppm
        for order in both
    )
    return AuctionTraded(
        instrument=market.name,
        buy_order_id=buyer.order_id,
        sell_order_id=seller.order_id,
        buy_account_id=buyer.account_id,
        sell_account_id=seller.account_id,
        price=price,
        quantity=quantity,
        trade_id=trade_id,
        buy_fee=nm.fee(price, quantity, buy_ppm),
        sell_fee=nm.fee(price, quantity, sell_ppm),
    )
