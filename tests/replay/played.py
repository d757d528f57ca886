"""Histories of connected systems: played by a worker with reactors, and effects' simulators."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from log.interface import Log
from processors.core.appender import Appender
from processors.core.registry import Registry
from processors.core.system import System
from processors.core.workers.embedded import Worker
from processors.markets import clearing, exchange
from processors.markets.clearing.commands import (
    Deposit,
    OpenAccount,
    PlaceOrder,
    RegisterInstrument,
    SetCalendar,
    Side,
)
from processors.markets.clearing.order_ids import order_id_of
from processors.markets.exchange.commands import ListInstrument
from replay.causal_tree import walk
from replay.history import History

SELLER, BUYER = 1, 2
SALE, BID = order_id_of(SELLER, 1), order_id_of(BUYER, 7)
MARKET = (clearing.SYSTEM, exchange.SYSTEM)


def play(log: Log, systems: tuple[System, ...], commands: Iterable[tuple[int, Any]]) -> None:
    """Append the commands (with their times), each to the first system that takes its type, and
    run all systems until nothing is left to do."""
    appenders: dict[type[Any], Appender] = {}
    for system in systems:
        appender = Appender(log, system)
        for kind in system.commands:
            appenders.setdefault(kind, appender)
    for at, command in commands:
        appenders[type(command)].add(command, at)
    for appender in dict.fromkeys(appenders.values()):
        appender.flush()
    run(log, systems)


def run(log: Log, systems: tuple[System, ...]) -> None:
    with Worker(log, systems, clock=lambda: 0, simulated=True) as worker:
        worker.run(until_idle=True)


def play_demo(log: Log, name: str, count: int) -> tuple[System, ...]:
    """The demo's flow of a registered system; returns the systems that took part."""
    system = Registry().find(name).system
    flow = system.demo_flow or system.flow
    play(log, system.connected, islice(flow(1), count))
    return system.connected


def play_market(log: Log) -> Log:
    """One sells to another, through clearing and the exchange."""
    sale = PlaceOrder(instrument="ACME", order_id=SALE, side=Side.SELL, quantity=5, price=10)
    opening = [
        SetCalendar(settles_at_ms=0),
        RegisterInstrument(instrument="ACME", currency="EUR"),
        *(OpenAccount(account_id=each) for each in (SELLER, BUYER)),
        Deposit(account_id=SELLER, asset="ACME", amount=100),
        Deposit(account_id=BUYER, asset="EUR", amount=100),
        ListInstrument(instrument="ACME", tick_size=1),
    ]
    bid = PlaceOrder(instrument="ACME", order_id=BID, side=Side.BUY, quantity=3, price=10)
    play(log, MARKET, [*((1000, command) for command in opening), (2000, sale)])
    play(log, MARKET, [(3000, bid)])
    return log


def table(told: History) -> list[str]:
    """The tree in short: lines, a mark for what was looked for, system and type."""
    return [
        f"{lead}{'*' if each.matches else ''}{each.system.rpartition('.')[2]} {each.type}"
        + (f" +{each.events_left_out}" if each.events_left_out else "")
        for lead, each in walk(told.roots)
    ]
