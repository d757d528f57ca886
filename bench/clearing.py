"""What it costs to clear: orders through reserve, match and settle, beside the exchange alone.

    clearing.commands ─► clearing ─► exchange.commands ─► the exchange ─┐     } one process, one
            ▲                                                           │     } partition each,
            └──────────────── fills, cancels, refusals ◄────────────────┘     } durable
                       exchange.commands ─► the exchange                        beside it

Both get the same flow (`order_flow`: new orders, cancels, immediate-or-cancel orders, replaces) of
a thousand accounts in one instrument. Clearing reserves for each order, books each side of each
trade, releases what is cancelled, and in the end settles the day, an instruction an account. A
command counts once, as it was asked for, however many it led to.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.order_flow import INSTRUMENT, SIDES, START_MS, commands, rows
from log.backends.file import FileLog
from log.interface import Log, Partition
from log.record import BatchBuilder
from processors.core.appender import Appender
from processors.core.system import System
from processors.core.workers.embedded import Worker
from processors.markets import clearing, exchange
from processors.markets.clearing.commands import (
    CancelOrder,
    Deposit,
    OpenAccount,
    PlaceOrder,
    RegisterInstrument,
    ReplaceOrder,
    SetCalendar,
    TimeInForce,
)
from processors.markets.clearing.order_ids import order_id_of
from processors.markets.exchange.commands import ListInstrument

ACCOUNTS = 1_000
CASH = 10**14
SHARES = 10**8
CURRENCY = "EUR"
NEXT_DAY_MS = START_MS + 5 * 86_400_000
"""After the settlement of all that is traded in the flow, whatever the weekday."""
AT_A_TIME = 1_000
"""So many commands come in before each round of the worker: what they lead to comes back before
the next ones, so that few cancels reach the exchange too late."""
REACH = 0.25

CLEARING: System = replace(clearing.SYSTEM, partitions=1)
EXCHANGE: System = replace(exchange.SYSTEM, partitions=1)


def setting_up() -> Iterator[Any]:
    """Of clearing: nobody lacks anything."""
    yield SetCalendar(settles_at_ms=0)
    yield RegisterInstrument(instrument=INSTRUMENT, currency=CURRENCY)
    for account_id in range(1, ACCOUNTS + 1):
        yield OpenAccount(account_id=account_id)
        yield Deposit(account_id=account_id, asset=CURRENCY, amount=CASH)
        yield Deposit(account_id=account_id, asset=INSTRUMENT, amount=SHARES)


def requests(count: int) -> Iterator[Any]:
    """The flow as commands of clearing; who cancels is who placed."""
    owners: dict[int, int] = {}
    for kind, number, account, side, price, quantity in rows(count - 1):
        if kind in "PI":
            owners[number] = account + 1
        order_id = order_id_of(owners[number], number)
        if kind == "C":
            yield CancelOrder(instrument=INSTRUMENT, order_id=order_id)
        elif kind == "M":
            yield ReplaceOrder(
                instrument=INSTRUMENT, order_id=order_id, price=price, quantity=quantity
            )
        else:
            order = PlaceOrder(
                instrument=INSTRUMENT,
                order_id=order_id,
                side=SIDES[side],
                price=price,
                quantity=quantity,
            )
            if kind == "I":
                order.time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
            yield order


def append(log: Log, system: System, flow: Iterator[Any], at_ms: int = START_MS) -> None:
    appender = Appender(log, system)
    for command in flow:
        appender.add(command, at_ms)
    appender.flush()


def open_worker(log: Log, systems: list[System]) -> Worker:
    """Its clock stands, so that time passes with the commands alone."""
    return Worker(log, systems, clock=lambda: START_MS)


def decide(worker: Worker, requested: Partition, lots: list[BatchBuilder]) -> None:
    """Decide what comes in, one lot a round, and all that it leads to."""
    waiting = iter(lots)

    def feed(_count: int) -> None:
        lot = next(waiting, None)
        if lot is not None:
            requested.append_batch(lot)

    feed(0)
    worker.run(until_idle=True, decided=feed)
    if next(waiting, None) is not None or any(task.lag for task in worker.tasks):
        raise RuntimeError("the worker stopped before all was decided")


def encoded(partition: Partition, system: System, flow: Iterator[Any]) -> Iterator[BatchBuilder]:
    """The flow as batches to append, AT_A_TIME each."""
    encode, number = system.command_codec(partition.config).encode, 0
    while lot := list(islice(flow, AT_A_TIME)):
        batch = partition.new_batch()
        for delta, command in enumerate(lot):
            key = (system.key(command) or "").encode()
            batch.append(delta, START_MS + number // 100, key, encode(command), [])
            number += 1
        yield batch


def run_cleared(folder: Path, count: int) -> float:
    """Seconds through clearing and the exchange, and back."""
    with FileLog(folder) as log:
        append(log, EXCHANGE, iter([ListInstrument(instrument=INSTRUMENT)]))
        append(log, CLEARING, setting_up())
        with open_worker(log, [CLEARING, EXCHANGE]) as worker:
            worker.run(until_idle=True)
            requested = log.partition(CLEARING.commands_topic, 0)
            lots = list(encoded(requested, CLEARING, requests(count)))

            def clear() -> None:
                decide(worker, requested, lots)
                end = [Deposit(account_id=1, asset=CURRENCY, amount=1)]
                append(log, CLEARING, iter(end), NEXT_DAY_MS)
                worker.run(until_idle=True)

            return timed(clear)


def run_alone(folder: Path, count: int) -> float:
    """Seconds of the same orders on the exchange."""
    with FileLog(folder) as log, open_worker(log, [EXCHANGE]) as worker:
        requested = log.partition(EXCHANGE.commands_topic, 0)
        lots = list(encoded(requested, EXCHANGE, commands(count)))
        return timed(lambda: decide(worker, requested, lots))


def measure(options: Options) -> list[Row]:
    def cleared() -> float:
        with scratch_folder() as folder:
            return run_cleared(folder, options.size)

    def alone() -> float:
        with scratch_folder() as folder:
            return run_alone(folder, options.size)

    best = best_of({"cleared": cleared, "alone": alone}, options.rounds)
    rate = {name: options.size / seconds for name, seconds in best.items()}
    return [
        at_least("cleared", rate["cleared"], "commands/s", rate["alone"], REACH),
        Row(name="exchange alone", value=rate["alone"], unit="commands/s"),
    ]


if __name__ == "__main__":
    main("clearing", measure, size=100_000)
