"""The orders of the mixed flow: seeded, of every type, time in force and combination of terms,
with some mistakes. They come from nowhere but the seed, and go to `mixed_flow`.
"""

import datetime
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from processors.markets.exchange.commands import (
    MassQuote,
    OrderTerms,
    OrderType,
    PlaceOrder,
    Quote,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.exchange.terms import Peg

SIDES = tuple(Side)
FORCES = (TimeInForce.GOOD_TILL_CANCELLED,) * 8 + (TimeInForce.DAY,) * 12 + tuple(TimeInForce) * 2
PREVENTIONS = (SelfTradePrevention.NONE,) * 4 + tuple(SelfTradePrevention)
CENTRE = 100
"""Prices are about so many ticks."""


@dataclass
class Sheet:
    """What the flow remembers of an instrument."""

    name: str
    tick: int
    lot: int
    recent: list[tuple[int, int]] = field(default_factory=list)
    """The last orders' ids and accounts."""
    placed: int = 0


def pick(draw: random.Random, likely: dict[Any, int]) -> Any:
    """One of the keys, as likely as they say."""
    return draw.choices(tuple(likely), tuple(likely.values()))[0]


def recent_order(draw: random.Random, sheet: Sheet, account_id: int = 0, number: int = 100) -> int:
    """An order that may be open, of the account (0: any); or else an id that never was. `number`:
    of how many."""
    ids = [each for each, owner in sheet.recent if account_id in (0, owner)]
    return draw.choice(ids[-number:]) if ids else 10**8


def draw_quantity(draw: random.Random, sheet: Sheet) -> int:
    quantity = sheet.lot * pick(draw, {draw.randint(1, 8): 8, draw.randint(5, 30): 3})
    if draw.random() < 0.006:
        quantity = draw.choice((quantity + 1, 0, -sheet.lot, 10**9 + sheet.lot))
    return int(quantity)


def draw_price(draw: random.Random, sheet: Sheet, side: Side) -> int:
    """Mostly a little behind the centre, sometimes through it, now and then far off."""
    ticks = pick(draw, {draw.randint(0, 4): 60, draw.randint(-3, 3): 50, draw.randint(-9, 9): 5})
    price = sheet.tick * (CENTRE + (-ticks if side is Side.BUY else ticks))
    if draw.random() < 0.006:
        price = draw.choice((price + 1, 0, -sheet.tick, 10**12 + sheet.tick))
    return int(price)


def date_number(at_ms: int, days: int) -> int:
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=at_ms // 86_400_000 + days)
    return day.year * 10_000 + day.month * 100 + day.day


def place(
    draw: random.Random, sheet: Sheet, order_id: int, account_id: int, at: int
) -> PlaceOrder:
    side = draw.choice(SIDES)
    order_type = pick(
        draw, {OrderType.LIMIT: 84, OrderType.MARKET: 8, OrderType.MARKET_TO_LIMIT: 8}
    )
    force = draw.choice(FORCES)
    priced = order_type is OrderType.LIMIT or draw.random() < 0.02
    quantity = draw_quantity(draw, sheet)
    post_only = draw.random() < 0.1
    terms = draw_terms(draw, sheet, quantity, account_id)
    if draw.random() < 0.85:
        order_type, force, post_only = made_fitting(draw, terms, order_type, force, post_only)
        priced = order_type is OrderType.LIMIT
    if "peg" in terms and draw.random() < 0.7:
        priced = False
    terms |= expiry(draw, force, at)
    if post_only and draw.random() < 0.4:
        terms["reprice"] = True
    return PlaceOrder(
        instrument=sheet.name,
        order_id=order_id,
        account_id=account_id,
        side=side,
        quantity=quantity,
        price=draw_price(draw, sheet, side) if priced else 0,
        order_type=order_type,
        time_in_force=force,
        post_only=post_only,
        self_trade_prevention=draw.choice(PREVENTIONS),
        session_id=pick(draw, {0: 90, 11: 6, 12: 6, 99: 1}),
        terms=OrderTerms(**terms) if terms else None,
    )


def made_fitting(
    draw: random.Random,
    terms: dict[str, Any],
    order_type: OrderType,
    force: TimeInForce,
    post_only: bool,
) -> tuple[OrderType, TimeInForce, bool]:
    """Takes away most of what contradicts the terms."""
    has = set(terms)
    at_once = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
    is_stop = has & {"stop_price", "trail_amount", "trail_ticks"}
    if is_stop and order_type is OrderType.MARKET_TO_LIMIT:
        order_type = OrderType.MARKET
    if has & {"display_quantity", "hidden", "peg", "all_or_none"}:
        order_type = OrderType.LIMIT
    if post_only and not has & {"stop_price", "peg", "minimum_quantity", "all_or_none"}:
        return OrderType.LIMIT, draw.choice((TimeInForce.GOOD_TILL_CANCELLED, force)), True
    if has - {"minimum_quantity"} and force in at_once:
        force = TimeInForce.DAY
    if has & {"peg", "all_or_none"} or is_stop:
        force = draw.choice((TimeInForce.DAY, TimeInForce.GOOD_TILL_TIME))
    if "parent_order_id" in has:
        terms.pop("minimum_quantity", None)
    return order_type, force, False


def expiry(draw: random.Random, force: TimeInForce, at: int) -> dict[str, int]:
    """What the time in force asks for, and now and then what it does not."""
    terms: dict[str, int] = {}
    if (force is TimeInForce.GOOD_TILL_DATE) != (draw.random() < 0.01):
        number = date_number(at, pick(draw, {0: 5, 1: 3, 2: 2, 9: 2, -1: 1, -3: 1}))
        terms["expires_on"] = pick(draw, {number: 19, 20_260_231: 1})
    if (force is TimeInForce.GOOD_TILL_TIME) != (draw.random() < 0.01):
        later = pick(draw, {draw.randint(1, 5_000): 5, draw.randint(1, 900_000): 5, -5: 1, 0: 1})
        terms["expires_at_ms"] = at + later
    return terms


def draw_terms(
    draw: random.Random, sheet: Sheet, quantity: int, account_id: int
) -> dict[str, Any]:
    """One kind of terms or none; now and then two, or anything at all."""
    chance = draw.random()
    if chance < 0.45:
        return {}
    if chance < 0.47:
        return wild_terms(draw, sheet)
    terms = one_kind(draw, sheet, quantity, account_id)
    if chance > 0.85:
        terms |= one_kind(draw, sheet, quantity, account_id)
    if chance > 0.985:
        terms |= one_kind(draw, sheet, quantity, account_id)
    return terms


def one_kind(draw: random.Random, sheet: Sheet, quantity: int, account_id: int) -> dict[str, Any]:
    tick, lot = sheet.tick, sheet.lot
    few_lots = lot * draw.randint(1, 4)
    kinds: dict[str, tuple[int, dict[str, Any]]] = {
        "stop": (12, {"stop_price": tick * (CENTRE + draw.randint(-6, 6))}),
        "trail": (3, {"trail_amount": draw.randint(1, 5 * tick)}),
        "ticks": (3, {"trail_ticks": draw.randint(1, 4)}),
        "iceberg": (10, {"display_quantity": few_lots}),
        "range": (5, {"display_quantity": few_lots, "display_range": draw.randrange(4) * lot}),
        "reserve": (7, {"display_quantity": few_lots, "reserve": True}),
        "hidden": (6, {"hidden": True}),
        "peg": (9, {"peg": draw.choice(tuple(Peg)), "peg_offset": draw.randint(-2, 2) * tick}),
        "least": (6, {"minimum_quantity": lot * draw.randint(1, max(1, quantity // lot))}),
        "all": (8, {"all_or_none": True}),
        "linked": (12, {"linked_order_id": recent_order(draw, sheet, account_id, 6)}),
        "child": (18, {"parent_order_id": recent_order(draw, sheet, account_id, 6)}),
    }
    kind = pick(draw, {name: likely for name, (likely, _) in kinds.items()})
    return dict(kinds[kind][1])


def wild_terms(draw: random.Random, sheet: Sheet) -> dict[str, Any]:
    """Any fields with any numbers."""
    numbers = (1, sheet.lot, 2 * sheet.lot, sheet.tick * CENTRE, 10**13)
    wild: dict[str, Any] = {}
    for name in draw.sample(OrderTerms.__struct_fields__, draw.randint(1, 3)):
        if isinstance(getattr(OrderTerms(), name), bool):
            wild[name] = True
        elif name == "peg":
            wild[name] = Peg.MIDPOINT
        else:
            wild[name] = draw.choice(numbers)
    if "stop_price" in wild and draw.random() < 0.3:
        wild["stop_price"] = -sheet.tick
    return wild


def replace(draw: random.Random, sheet: Sheet, placed: PlaceOrder | None, at: int) -> ReplaceOrder:
    """Of an order that was placed some time ago, if that is known; often with little changed."""
    if placed is None:
        placed = place(draw, sheet, recent_order(draw, sheet), 1, at)
    price, quantity = placed.price, placed.quantity
    force, terms = None, None
    if draw.random() < 0.5 and (price or draw.random() < 0.1):
        price = draw_price(draw, sheet, placed.side)
    if draw.random() < 0.6:
        quantity = draw_quantity(draw, sheet)
    if draw.random() < 0.1:
        force = draw.choice(FORCES)
    if draw.random() < 0.15 or force is not None:
        changed = expiry(draw, force or placed.time_in_force, at)
        if draw.random() < 0.5:
            changed |= one_kind(draw, sheet, quantity, placed.account_id)
        base = {"expires_on": 0, "expires_at_ms": 0} | changed
        terms = msgspec.structs.replace(placed.terms or OrderTerms(), **base)
    return ReplaceOrder(
        instrument=sheet.name,
        order_id=placed.order_id,
        price=price,
        quantity=quantity,
        account_id=pick(draw, {0: 60, placed.account_id: 20, 1: 2}),
        time_in_force=force,
        terms=terms,
    )


def mass_quote(draw: random.Random, sheet: Sheet, account_id: int, order_id: int) -> MassQuote:
    """Ids from a few that the account uses again and again, and now and then one that may be of
    an open order."""
    quotes = []
    for number in range(pick(draw, {0: 1, 1: 5, 2: 4, 3: 2})):
        first = 10**9 + 1_000 * account_id + 2 * number
        ids = [first, first + 1]
        if draw.random() < 0.03:
            ids[draw.randrange(2)] = draw.choice((ids[0], order_id, recent_order(draw, sheet)))
        quotes.append(
            Quote(
                bid_order_id=ids[0],
                offer_order_id=ids[1],
                bid_price=draw_price(draw, sheet, Side.BUY) - sheet.tick,
                offer_price=draw_price(draw, sheet, Side.SELL) + sheet.tick,
                bid_quantity=draw_quantity(draw, sheet) if draw.random() < 0.9 else 0,
                offer_quantity=draw_quantity(draw, sheet) if draw.random() < 0.9 else 0,
            )
        )
    return MassQuote(
        instrument=sheet.name,
        account_id=account_id,
        quotes=tuple(quotes),
        session_id=pick(draw, {0: 90, 11: 5, 99: 1}),
        self_trade_prevention=draw.choice(PREVENTIONS),
    )
