"""The texts that stand behind an arrow in the scenario tables: what an event says to an engineer.

Events that only confirm what the command says have none. `show: fees indications` in a scenario
brings the fees of trades, and the indications of auctions, which most scenarios are not about.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from processors.markets.exchange import events as e
from processors.markets.exchange.terms import OrderType
from tests.processors.markets.exchange.scenarios.language import Moment


def as_text(event: Any, shown: set[str], moment: Moment) -> Iterator[str]:
    """What an event says, if anything."""
    if isinstance(event, e.OrderTraded):
        fees = f", fees {event.taker_fee} x {event.maker_fee}" if "fees" in shown else ""
        yield (
            f"{event.taker_order_id}x{event.maker_order_id} {event.quantity}@{event.price}{fees}"
        )
    elif isinstance(event, e.AuctionTraded):
        fees = f", fees {event.buy_fee} x {event.sell_fee}" if "fees" in shown else ""
        yield f"{event.buy_order_id}x{event.sell_order_id} {event.quantity}@{event.price}{fees}"
    elif isinstance(event, e.AuctionIndicated):
        if "indications" in shown:
            yield f"indicated {_auction(event)}"
    elif isinstance(event, e.PhaseChanged):
        yield _phase(event, moment)
    elif isinstance(event, e.AuctionExtended):
        yield f"extended until {moment.told(event.until_ms)} by {event.reason.value}"
    elif type(event) in _TEXTS:
        text = _TEXTS[type(event)](event)
        if text:
            yield text


def _auction(event: e.AuctionIndicated | e.AuctionEnded) -> str:
    if not event.quantity:
        return "no trade"
    over = ""
    if event.surplus_side is not None:
        over = f" with {event.surplus} more to {event.surplus_side.value}"
    return f"{event.quantity}@{event.price}{over}"


def _phase(event: e.PhaseChanged, moment: Moment) -> str:
    price = f" at {event.price}" if event.price else ""
    until = f" until {moment.told(event.until_ms)}" if event.until_ms else ""
    return f"{event.phase.value}{until} by {event.reason.value}{price}"


def _accepted(event: e.OrderAccepted) -> str:
    """Where it is not simply the order that was asked for."""
    number = f"#{event.order_id}"
    if event.parked:
        return f"{number} waits"
    repriced = event.terms is not None and event.terms.reprice
    priced = event.price and event.order_type is OrderType.MARKET_TO_LIMIT
    return f"{number} at {event.price}" if priced or repriced else ""


def _quotes_stopped(event: e.QuoteTradesCounted) -> str:
    counted = f"{event.quantity} in {event.trades}"
    return f"quotes of {event.account_id} stopped after {counted}" if event.tripped else ""


_TEXTS: Final[dict[type[Any], Callable[[Any], str]]] = {
    e.OrderAccepted: _accepted,
    e.OrderRejected: lambda event: f"rejected {event.code.value} {event.field}",
    e.OrderCancelled: lambda event: (
        f"#{event.order_id} cancelled {event.quantity} {event.reason.value}"
    ),
    e.OrderEntered: lambda event: (
        f"#{event.order_id} enters {event.quantity}@{event.price or 'market'}"
    ),
    e.OrderActivated: lambda event: f"#{event.order_id} active {event.quantity}",
    e.OrderRefilled: lambda event: f"#{event.order_id} shows {event.displayed}",
    e.OrderRepriced: lambda event: f"#{event.order_id} moves to {event.price}",
    e.OrderParked: lambda event: f"#{event.order_id} parked",
    e.OrderDecremented: lambda event: f"#{event.order_id} loses {event.quantity}",
    e.OrderReplaced: lambda event: (
        f"#{event.order_id} keeps its place" if event.kept_priority else ""
    ),
    e.OrderAdjusted: lambda event: (
        f"#{event.order_id} is {event.quantity}@{event.price or 'market'}"
    ),
    e.AuctionEnded: lambda event: f"auction {_auction(event)}",
    e.QuoteTradesCounted: _quotes_stopped,
    e.TradeBusted: lambda event: f"trade {event.trade_id} busted",
    e.TradeCorrected: lambda event: f"trade {event.trade_id} is {event.quantity}@{event.price}",
    e.InstrumentDelisted: lambda event: "delisted",
    e.SymbolChanged: lambda event: f"symbol {event.symbol}",
    e.IndexPublished: lambda event: f"levels reached {event.levels_reached}",
}
