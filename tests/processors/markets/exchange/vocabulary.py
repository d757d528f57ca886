"""Short words for the exchange's tests: commands and events on one instrument, and books as text.

Account 1 by default: `buy(7, 10, 100)` is order 7, a bid for 10 at 100.
"""

from typing import Any

from processors.markets.exchange.commands import (
    CancelOrder,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    CancelReason,
    InstrumentListed,
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderReplaced,
    OrderTraded,
)
from processors.markets.exchange.ladder import render
from processors.markets.exchange.state import Exchange
from tests.given_when_then import Scenario

ACME = "ACME"
IOC = TimeInForce.IMMEDIATE_OR_CANCEL
FOK = TimeInForce.FILL_OR_KILL
LISTED = InstrumentListed(
    instrument=ACME,
    price_decimals=0,
    tick_size=1,
    lot_size=1,
    price_min=1,
    price_max=1000,
    quantity_max=1000,
)


def buy(order_id: int, quantity: int, price: int = 0, account: int = 1, **more: Any) -> PlaceOrder:
    return _order(Side.BUY, order_id, quantity, price, account, more)


def sell(
    order_id: int, quantity: int, price: int = 0, account: int = 1, **more: Any
) -> PlaceOrder:
    return _order(Side.SELL, order_id, quantity, price, account, more)


def _order(
    side: Side, order_id: int, quantity: int, price: int, account: int, more: dict[str, Any]
) -> PlaceOrder:
    return PlaceOrder(
        instrument=ACME,
        order_id=order_id,
        account_id=account,
        side=side,
        quantity=quantity,
        price=price,
        **more,
    )


def market(order: PlaceOrder) -> PlaceOrder:
    order.order_type = OrderType.MARKET
    return order


def preventing(order: PlaceOrder, mode: SelfTradePrevention) -> PlaceOrder:
    order.self_trade_prevention = mode
    return order


def cancel(order_id: int, account: int = 0) -> CancelOrder:
    return CancelOrder(instrument=ACME, order_id=order_id, account_id=account)


def replace(order_id: int, quantity: int, price: int, account: int = 0) -> ReplaceOrder:
    return ReplaceOrder(
        instrument=ACME, order_id=order_id, price=price, quantity=quantity, account_id=account
    )


def accepted(order: PlaceOrder) -> OrderAccepted:
    return OrderAccepted(
        instrument=ACME,
        order_id=order.order_id,
        account_id=order.account_id,
        side=order.side,
        quantity=order.quantity,
        price=order.price,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        self_trade_prevention=order.self_trade_prevention,
    )


def replaced(order_id: int, quantity: int, price: int, kept: bool = False) -> OrderReplaced:
    return OrderReplaced(
        instrument=ACME, order_id=order_id, price=price, quantity=quantity, kept_priority=kept
    )


def cancelled(
    order_id: int, quantity: int, reason: CancelReason = CancelReason.REQUESTED
) -> OrderCancelled:
    return OrderCancelled(instrument=ACME, order_id=order_id, quantity=quantity, reason=reason)


def decremented(order_id: int, quantity: int) -> OrderDecremented:
    return OrderDecremented(instrument=ACME, order_id=order_id, quantity=quantity)


def given(*orders: PlaceOrder) -> Scenario[Exchange]:
    """ACME, on whose book these orders came to rest."""
    return Scenario(DECIDER, [LISTED, *map(accepted, orders)])


def trades(events: list[Any]) -> list[str]:
    """As text, `taker x maker: quantity @ price`; whatever else happened is left out."""
    return [
        f"{event.taker_order_id} x {event.maker_order_id}: {event.quantity} @ {event.price}"
        for event in events
        if isinstance(event, OrderTraded)
    ]


def book(scenario: Scenario[Exchange]) -> list[tuple[str, ...]]:
    """ACME's book, each order as `quantity#id`, to compare with a `table`."""
    _count, _names, *rows = render(scenario.state, by_order=True).splitlines()
    return table("\n".join(rows))


def table(drawn: str) -> list[tuple[str, ...]]:
    """A drawn book, `bids | price | asks` from the highest price down."""
    return [tuple(cell.strip() for cell in row.split("|")) for row in drawn.strip().splitlines()]
