"""A seeded flow for tests: every command, order type, time in force and self-trade mode, on three
instruments with narrow price ranges, few accounts and some mistakes, so that everything meets.
"""

import random
from collections.abc import Iterator
from typing import Any

from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    MassCancel,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

LISTINGS = (
    ListInstrument(instrument="ACME", price_max=10_000, quantity_max=1_000),
    ListInstrument(instrument="BOLT", tick_size=5, lot_size=10, price_min=5, price_max=700),
    ListInstrument(instrument="COIL", tick_size=100, price_decimals=2),
)
STEP = {"ACME": (1, 1), "BOLT": (5, 10), "COIL": (100, 1)}
SIDES = tuple(Side)
FORCES = (TimeInForce.GOOD_TILL_CANCELLED,) * 8 + tuple(TimeInForce)
PREVENTIONS = (SelfTradePrevention.NONE, *SelfTradePrevention)


def mixed_flow(seed: int) -> Iterator[Any]:
    """Endless."""
    draw = random.Random(seed)
    yield from LISTINGS
    order_id = 0
    while True:
        instrument = draw.choice(("ACME", "BOLT", "COIL"))
        kind = draw.random()
        recent = max(1, order_id - draw.randrange(100))
        if kind < 0.55:
            order_id += 1
            yield place(draw, instrument, order_id if draw.random() > 0.02 else recent)
        elif kind < 0.80:
            owner = draw.choice((0, 0, 0, 1))
            yield CancelOrder(instrument=instrument, order_id=recent, account_id=owner)
        elif kind < 0.98:
            price, quantity = price_and_quantity(draw, instrument)
            yield ReplaceOrder(
                instrument=instrument,
                order_id=recent,
                price=price,
                quantity=quantity,
                account_id=draw.choice((0, 0, 0, 1)),
            )
        elif kind < 0.995:
            side = draw.choice((None, *SIDES))
            yield MassCancel(instrument=instrument, account_id=draw.randint(1, 4), side=side)
        elif kind < 0.998:
            yield CancelOrder(instrument="NONE", order_id=recent)
        else:
            yield draw.choice(LISTINGS)


def place(draw: random.Random, instrument: str, order_id: int) -> PlaceOrder:
    price, quantity = price_and_quantity(draw, instrument)
    market = draw.random() < 0.06
    return PlaceOrder(
        instrument=instrument,
        order_id=order_id,
        account_id=draw.randint(1, 4),
        side=draw.choice(SIDES),
        quantity=quantity,
        price=0 if market and draw.random() < 0.95 else price,
        order_type=OrderType.MARKET if market else OrderType.LIMIT,
        time_in_force=draw.choice(FORCES),
        post_only=draw.random() < 0.1,
        self_trade_prevention=draw.choice(PREVENTIONS),
    )


def price_and_quantity(draw: random.Random, instrument: str) -> tuple[int, int]:
    tick, lot = STEP[instrument]
    price = tick * (100 + draw.randrange(-8, 9))
    quantity = lot * draw.randint(1, 20)
    if draw.random() < 0.01:
        price = draw.choice((price + 1, 0, -tick, 10**12 + tick))
    if draw.random() < 0.01:
        quantity = draw.choice((quantity + 1, 0, -lot, 10**9 + lot))
    return price, quantity
