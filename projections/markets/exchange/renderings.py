"""A book as a ladder and trades as a tape, drawn for a terminal: by query, what rich can print."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from projections.markets.exchange.queries import DepthRow
from projections.markets.exchange.trade_tape import Trade

BAR_WIDTH = 16
BID, OFFER, FAINT = "green", "red", "dim"
MARKET = 0
"""As a price: orders that have none."""


def ladder(rows: Sequence[DepthRow]) -> RenderableType:
    """A line a price, from the highest down, market orders on top; bids left, offers right."""
    if not rows:
        return Text("an empty book")
    bids = {row.bid_price: row for row in rows if row.bid_price is not None}
    offers = {row.offer_price: row for row in rows if row.offer_price is not None}
    quantities = [row.bid_quantity for row in rows] + [row.offer_quantity for row in rows]
    most = max(filter(None, quantities))
    table = _table()
    for header in ("orders", "bid", "", "price"):
        table.add_column(header, justify="right")
    table.add_column("")
    for header in ("offer", "orders"):
        table.add_column(header, justify="right")
    for price in sorted({*bids, *offers}, key=lambda price: price or float("inf"), reverse=True):
        bid, offer = bids.get(price), offers.get(price)
        bought = (bid.bid_orders, bid.bid_quantity) if bid else (None, None)
        sold = (offer.offer_quantity, offer.offer_orders) if offer else (None, None)
        table.add_row(
            _number(bought[0], FAINT),
            _number(bought[1], BID),
            _bar(bought[1], most, BID),
            "market" if price == MARKET else f"{price:,}",
            _bar(sold[0], most, OFFER),
            _number(sold[0], OFFER),
            _number(sold[1], FAINT),
        )
    return table


def tape(trades: Sequence[Trade]) -> RenderableType:
    """A line a trade, the latest first, with an arrow where its price is another than before."""
    if not trades:
        return Text("no trades")
    table = _table()
    table.add_column("time (UTC)", no_wrap=True)
    for header in ("trade", "price", "", "quantity"):
        table.add_column(header, justify="left" if not header else "right")
    for header in ("taker", "condition"):
        table.add_column(header)
    for trade, before in zip_longest(trades, trades[1:]):
        arrow, style = _tick(trade, before)
        table.add_row(
            _time(trade.at_ms),
            Text(str(trade.trade_id or "-"), style=FAINT),
            Text(f"{trade.price:,}", style="strike" if trade.busted else style),
            Text(arrow, style=style),
            f"{trade.quantity:,}",
            trade.taker_side or "-",
            _condition(trade),
        )
    return table


RENDERINGS: dict[str, Callable[[Any], RenderableType]] = {
    "best": lambda row: ladder([row] if row.bid_price or row.offer_price else []),
    "book_by_price": ladder,
    "trades": tape,
}


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold")


def _number(value: int | None, style: str) -> Text:
    return Text("" if value is None else f"{value:,}", style=style)


def _bar(quantity: int | None, most: int, style: str) -> Text:
    length = -(-BAR_WIDTH * quantity // most) if quantity else 0
    return Text("█" * length, style=style)


def _tick(trade: Trade, before: Trade | None) -> tuple[str, str]:
    if before is None or trade.price == before.price:
        return "", ""
    return ("▲", BID) if trade.price > before.price else ("▼", OFFER)


def _condition(trade: Trade) -> Text:
    text = Text(trade.condition.replace("_", " "), style=FAINT)
    for is_so, word in ((trade.corrected, "corrected"), (trade.busted, "busted")):
        if is_so:
            text.append(f" {word}", style="bold yellow")
    return text


def _time(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%m-%d %H:%M:%S}.{at_ms % 1000:03}"
