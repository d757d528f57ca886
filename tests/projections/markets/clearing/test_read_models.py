"""The read models of clearing: by example, and against the states that the rules came to."""

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from rich.console import Console

from log.backends.memory import MemoryLog
from log.record import Record
from processors.core.appender import Appender
from processors.core.fold import Fold
from processors.core.messages import Tick
from processors.core.registry import Registered
from processors.core.testing.subject import decide_all
from processors.markets.clearing import SYSTEM
from processors.markets.clearing.calendar import DAY_MS
from processors.markets.clearing.commands import (
    CancelOrder,
    CloseOrder,
    Deposit,
    OpenAccount,
    PlaceOrder,
    RecordFill,
    RegisterInstrument,
    ReplaceOrder,
    SetCalendar,
    Side,
)
from processors.markets.clearing.flow import flow
from processors.markets.clearing.order_ids import order_id_of
from processors.markets.clearing.state import Balance, Clearing
from projections.core.read_models import as_table, default_url, read_models
from projections.core.worker import Worker

MODELS = read_models(Registered(SYSTEM, "processors.markets.clearing"))
MONDAY = 19_723
NOON_MS = MONDAY * DAY_MS + 43_200_000
ANN, MAKER = 1, 2


class Office:
    """`decide` commands, then `ask` the read models."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.log = MemoryLog(clock=lambda: 0)
        self.appender = Appender(self.log, SYSTEM)
        url = "memory:" if kind == "memory" else default_url(folder, SYSTEM)
        self.store = MODELS.open_store(url)
        self.worker = Worker(self.log, self.store)

    def decide(self, *commands: Any, at_ms: int = NOON_MS) -> list[Fold[Any]]:
        return self.decide_timed((at_ms, command) for command in commands)

    def decide_timed(self, timed: Iterator[tuple[int, Any]]) -> list[Fold[Any]]:
        for at_ms, command in timed:
            self.appender.add(command, at_ms)
        self.appender.flush()
        folds = decide_all(self.log, SYSTEM)
        self.worker.catch_up()
        return folds

    def tick(self, at_ms: int) -> None:
        encode = SYSTEM.command_codec(self.log.topics()[SYSTEM.commands_topic]).encode
        for number in range(SYSTEM.partitions):
            commands = self.log.partition(SYSTEM.commands_topic, number)
            commands.append([Record(encode(Tick()), None, at_ms)])
        decide_all(self.log, SYSTEM)
        self.worker.catch_up()

    def ask(self, name: str, *arguments: str) -> Any:
        query = MODELS.query(name)
        return query.run(self.store, query.parse(arguments))

    def table(self, name: str, *arguments: str, show: str = "") -> str:
        columns, rows = as_table(self.ask(name, *arguments))
        shown = [columns.index(column) for column in show.split() or columns if rows]
        return "\n".join(
            " ".join("-" if row[number] is None else str(row[number]) for number in shown)
            for row in rows
        )


@pytest.fixture(params=["sqlite", "memory"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    opened = Office(request.param, tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def trading(office: Office) -> Office:
    """Ann has cash and stock; the maker sells her ten shares, which it does not have."""
    office.decide(
        SetCalendar(settles_at_ms=0),
        RegisterInstrument(instrument="ACME", currency="EUR", penalty_ppm=10_000),
        OpenAccount(account_id=ANN),
        OpenAccount(account_id=MAKER, may_sell_short=True),
        Deposit(account_id=ANN, asset="EUR", amount=5_000, reference="wire 8"),
        Deposit(account_id=ANN, asset="ACME", amount=50),
        order(ANN, 1, Side.BUY, 10, 100),
        order(MAKER, 1, Side.SELL, 10, 90),
        fill(ANN, 1, 10, 90, fee=2),
        fill(MAKER, 1, 10, 90),
        order(ANN, 2, Side.SELL, 20, 110),
        order(ANN, 3, Side.BUY, 5, 80),
        CancelOrder(instrument="ACME", order_id=order_id_of(ANN, 2)),
        ReplaceOrder(instrument="ACME", order_id=order_id_of(ANN, 3), price=81, quantity=5),
    )
    return office


def order(account_id: int, number: int, side: Side, quantity: int, price: int) -> PlaceOrder:
    return PlaceOrder(
        instrument="ACME",
        order_id=order_id_of(account_id, number),
        side=side,
        quantity=quantity,
        price=price,
    )


def fill(account_id: int, number: int, quantity: int, price: int, fee: int = 0) -> RecordFill:
    return RecordFill(
        instrument="ACME",
        order_id=order_id_of(account_id, number),
        quantity=quantity,
        price=price,
        fee=fee,
        trade_id=7,
    )


def lines(text: str) -> str:
    return dedent(text).strip()


def test_balances_and_positions(trading: Office) -> None:
    show = "asset settled due reserved available withdrawable"
    assert trading.table("balances", "1", show=show) == "EUR 5000 -902 805 3293 3293"
    assert trading.table("positions", "1", show=show) == "ACME 50 10 20 40 40"
    assert trading.table("positions", "2", show=show) == "ACME 0 -10 0 -10 0"


def test_open_reservations(trading: Office) -> None:
    show = "account_id side price quantity asset reserved held waits_for"
    assert trading.table("reservations", show=show) == lines("""
        1 sell 110 20 ACME 20 0 cancel
        1 buy 80 5 EUR 400 405 replacement
    """)
    close = CloseOrder(instrument="ACME", order_id=order_id_of(ANN, 2), reason="requested")
    trading.decide(close)
    assert trading.table("reservations", "1", show="side quantity") == "buy 5"
    assert trading.ask("reservations", "2") == []


def test_instructions_and_what_came_of_them(trading: Office) -> None:
    show = "account_id settlement_day quantity cash status trades lacks penalty decided_at_ms"
    assert trading.table("settlements", "due", show=show) == lines("""
        2 19724 -10 900 due 1  0 -
        1 19724 10 -902 due 1  0 -
    """)
    tuesday_ms = (MONDAY + 1) * DAY_MS
    trading.tick(tuesday_ms)
    assert trading.table("settlements", show=show) == (
        f"2 19724 -10 900 failed 1 ACME 9 {tuesday_ms}"
    )
    assert trading.table("instructions", "2", show="settlement_day cash status") == lines("""
        19724 900 failed
        19725 891 due
    """)
    assert trading.table("settlement_day", "19724", show="account_id status") == lines("""
        1 settled
        2 failed
    """)


def test_a_statement_has_every_leg_and_what_is_left(trading: Office) -> None:
    trading.tick((MONDAY + 1) * DAY_MS)
    show = "movement reference asset book amount balance"
    bought = f"order {order_id_of(ANN, 1)}, trade 7"
    assert trading.table("statement", "1", show=show) == lines(f"""
        deposited wire 8 EUR settled 5000 5000
        deposited  ACME settled 50 50
        order_filled {bought} ACME due 10 10
        order_filled {bought} EUR due -902 -902
        instruction_settled ACME, day 19724 ACME due -10 0
        instruction_settled ACME, day 19724 ACME settled 10 60
        instruction_settled ACME, day 19724 EUR due 902 0
        instruction_settled ACME, day 19724 EUR settled -902 4098
    """)
    later = trading.ask("statement", "1", str(NOON_MS + 1))
    assert {line.movement for line in later} == {"instruction_settled"}


def test_the_house(trading: Office) -> None:
    assert trading.table("house") == lines("""
        ACME clearing_house 0
        ACME custodian -50
        EUR clearing_house 0
        EUR custodian -5000
        EUR fees 2
    """)


def test_all_is_what_the_rules_came_to(office: Office) -> None:
    """Every balance, reservation, instruction and book, after a flow with all there is."""
    folds = office.decide_timed(islice(flow(4), 1_200))
    with office.store.reading() as reader:
        found = {
            table.name: list(reader.rows(table))
            for projection in MODELS.projections.values()
            for table in projection.tables
        }
    states = [fold.state for fold in folds]
    balances = {
        (row.account_id, row.asset): (row.settled, row.due, row.reserved)
        for row in found["balances"]
    }
    assert without_zeros(balances) == without_zeros(balances_of(states))
    reserved = {
        (row.order_id, row.instrument): (row.price, row.quantity, row.reserved, row.held)
        for row in found["reservations"]
    }
    assert reserved == reservations_of(states)
    due = {
        (row.settlement_day, row.account_id, row.instrument): (row.quantity, row.cash)
        for row in found["instructions"]
        if row.status == "due"
    }
    assert due == instructions_of(states)
    entries: dict[tuple[int, int, str], int] = {}
    for entry in found["ledger_entries"]:
        key = entry.partition, entry.sequence, entry.asset
        entries[key] = entries.get(key, 0) + entry.amount
    assert not any(entries.values())
    assert len(entries) > 500


def without_zeros(balances: dict[Any, tuple[int, int, int]]) -> dict[Any, tuple[int, int, int]]:
    return {key: numbers for key, numbers in balances.items() if any(numbers)}


def balances_of(states: list[Clearing]) -> dict[tuple[int, str], tuple[int, int, int]]:
    def numbers(balance: Balance) -> tuple[int, int, int]:
        return balance.settled, balance.due, balance.reserved

    cash = {
        (account_id, currency): numbers(balance)
        for state in states
        for account_id, account in state.accounts.items()
        for currency, balance in account.cash.items()
    }
    stock = {
        (account_id, name): numbers(balance)
        for state in states
        for name, instrument in state.instruments.items()
        for account_id, balance in instrument.holdings.items()
    }
    return {**cash, **stock}


def reservations_of(states: list[Clearing]) -> dict[tuple[int, str], tuple[int, int, int, int]]:
    return {
        (order.order_id, name): (
            order.price,
            order.quantity,
            order.quantity * order.unit,
            order.held,
        )
        for state in states
        for name, instrument in state.instruments.items()
        for order in instrument.orders.values()
    }


def instructions_of(states: list[Clearing]) -> dict[tuple[int, int, str], tuple[int, int]]:
    return {
        (day, account_id, name): (instruction.quantity, instruction.cash)
        for state in states
        for day, accounts in state.days.items()
        for account_id, instructions in accounts.items()
        for name, instruction in instructions.items()
    }


def test_what_is_drawn(trading: Office) -> None:
    trading.tick((MONDAY + 1) * DAY_MS)
    for name, argument, parts in (
        ("statement", "1", ("order filled", "+10", "4,098", "2024-01-02")),
        ("settlements", "failed", ("2024-01-02", "ACME", "-10", "failed")),
        ("balances", "1", ("EUR", "4,098", "withdrawable")),
    ):
        drawn = draw(name, trading.ask(name, argument))
        assert all(part in drawn for part in parts), drawn
        assert len(draw(name, []).splitlines()) == 1


def draw(name: str, result: Any) -> str:
    drawn = io.StringIO()
    rendering = MODELS.query(name).rendering
    assert rendering is not None
    Console(width=120, file=drawn).print(rendering(result))
    return drawn.getvalue()


def test_every_projection_goes_by_partition() -> None:
    assert {each.rows_of for each in MODELS.projections.values()} == {"partition"}
