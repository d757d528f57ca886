"""The one order flow of the speed benchmarks: seeded commands on one instrument.

Half are new limit orders around a mid price that walks at random, two in five are cancels, one in
twenty is an immediate-or-cancel order, one in twenty a replace; some 1,000 orders rest. It is the
flow that exchange-core and the other peers are measured with.
"""

import random
from collections.abc import Iterator

from log.envelope import Command
from log.interface import Log
from processors.core.system import System
from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    PlaceOrder,
    ReplaceOrder,
    Side,
    TimeInForce,
)

INSTRUMENT = "PEER"
START_MS = 1_700_000_000_000
SIDES = (Side.BUY, Side.SELL)
BATCH = 5_000


def rows(count: int, seed: int = 7) -> Iterator[tuple[str, int, int, int, int, int]]:
    """(kind, order, account, side, price, quantity): P limit, I immediate-or-cancel, C cancel,
    M replace. Plain integers, as every peer reads them."""
    draw = random.Random(seed)
    mid = 100_000
    live: list[int] = []
    order = 0
    for _ in range(count):
        x = draw.random()
        if len(live) > 2000:
            x = 0.55 + x * 0.40
        mid += draw.choice((-1, 0, 0, 0, 1))
        if x < 0.50 or not live:
            order += 1
            side = draw.getrandbits(1)
            away = int(draw.expovariate(0.05)) - 2
            price = mid - away if side == 0 else mid + away
            account, quantity = draw.randrange(1000), draw.randrange(1, 100)
            live.append(order)
            yield "P", order, account, side, price, quantity
        elif x < 0.55:
            order += 1
            side = draw.getrandbits(1)
            account, price = draw.randrange(1000), mid + (3 if side == 0 else -3)
            yield "I", order, account, side, price, draw.randrange(1, 100)
        elif x < 0.95:
            at = draw.randrange(len(live))
            gone, live[at] = live[at], live[-1]
            live.pop()
            yield "C", gone, 0, 0, 0, 0
        else:
            moved = live[draw.randrange(len(live))]
            draw.getrandbits(1)
            price = mid + draw.randrange(-30, 30)
            yield "M", moved, 0, 0, price, draw.randrange(1, 100)


def commands(count: int, seed: int = 7) -> Iterator[Command]:
    """The flow as the exchange's commands, after the instrument's listing."""
    yield ListInstrument(instrument=INSTRUMENT)
    for kind, order, account, side, price, quantity in rows(count - 1, seed):
        if kind == "C":
            yield CancelOrder(instrument=INSTRUMENT, order_id=order)
        elif kind == "M":
            yield ReplaceOrder(
                instrument=INSTRUMENT, order_id=order, price=price, quantity=quantity
            )
        else:
            yield PlaceOrder(
                instrument=INSTRUMENT,
                order_id=order,
                account_id=account + 1,
                side=SIDES[side],
                price=price,
                quantity=quantity,
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL
                if kind == "I"
                else TimeInForce.GOOD_TILL_CANCELLED,
            )


def preload(log: Log, system: System, count: int, number: int = 0) -> None:
    """Put `count` commands of the flow onto a partition of the system's commands, durable."""
    partition = log.partition(system.commands_topic, number)
    encode = system.command_codec(partition.config).encode
    key = INSTRUMENT.encode()
    builder, size = partition.new_batch(), 0
    for at, command in enumerate(commands(count)):
        builder.append(size, START_MS + at // 100, key, encode(command), [])
        size += 1
        if size == BATCH:
            partition.append_batch(builder)
            builder, size = partition.new_batch(), 0
    if size:
        partition.append_batch(builder)
