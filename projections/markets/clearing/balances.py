"""What each account has: cash and stock that are settled, due and reserved, and the open orders
that reserve them."""

from typing import Any, Final

import msgspec

from processors.markets.clearing.events import (
    CancelRequested,
    InstrumentRegistered,
    OrderAmended,
    OrderFilled,
    OrderReleased,
    OrderReserved,
    ReplacementRefused,
    ReplacementReserved,
    Side,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.markets.clearing.legs import HOUSE, MOVEMENTS, SETTLED, legs

CASH: Final = "cash"
STOCK: Final = "stock"


class Balance(msgspec.Struct, gc=False):
    """Of cash or of stock, in the currency's unit or in shares."""

    account_id: int
    kind: str
    asset: str
    settled: int = 0
    due: int = 0
    """Of trades that are not settled; below zero: to be given."""
    reserved: int = 0


class Reservation(msgspec.Struct, gc=False):
    """An open order, and what stands behind it."""

    account_id: int
    order_id: int
    instrument: str
    side: str
    price: int
    quantity: int
    asset: str
    reserved: int
    at_ms: int
    held: int = 0
    """For what it may become, beside that: by its replacement, by a split."""
    waits_for: str = ""
    """`replacement`, `cancel`: what the exchange was asked last, and has not answered."""


class ClearedInstrument(msgspec.Struct, gc=False):
    partition: int
    instrument: str
    currency: str


BALANCES = Table("balances", Balance, key=("account_id", "kind", "asset"))
RESERVATIONS = Table("reservations", Reservation, key=("account_id", "order_id", "instrument"))
CLEARED_INSTRUMENTS = Table(
    "cleared_instruments", ClearedInstrument, key=("partition", "instrument")
)


class _Accounts:
    __slots__ = ("balances", "instruments", "partition", "reservations")

    def __init__(self, tables: Tables, partition: int) -> None:
        self.balances = tables[BALANCES]
        self.reservations = tables[RESERVATIONS]
        self.instruments = tables[CLEARED_INSTRUMENTS]
        self.partition = partition

    def balance(self, account_id: int, asset: str) -> Balance:
        is_stock = self.instruments.get((self.partition, asset)) is not None
        key = account_id, STOCK if is_stock else CASH, asset
        return self.balances.get(key) or Balance(*key)

    def move(self, event: Any) -> None:
        for leg in legs(event):
            if leg.account_id != HOUSE:
                balance = self.balance(leg.account_id, leg.asset)
                if leg.book == SETTLED:
                    balance.settled += leg.amount
                else:
                    balance.due += leg.amount
                self.balances.put(balance)

    def reserve(self, event: OrderReserved, at_ms: int) -> None:
        row = Reservation(
            event.order_id >> 32,
            event.order_id,
            event.instrument,
            "buy" if event.side is Side.BUY else "sell",
            event.price,
            event.quantity,
            event.asset,
            event.reserved,
            at_ms,
        )
        self.reservations.insert(row)
        self.add_reserved(row, event.reserved)

    def add_reserved(self, row: Reservation, amount: int) -> None:
        balance = self.balance(row.account_id, row.asset)
        balance.reserved += amount
        self.balances.put(balance)

    def change(self, event: Any) -> None:
        """What happens to an open order."""
        row = self.reservations[event.order_id >> 32, event.order_id, event.instrument]
        kind, before = type(event), row.reserved + row.held
        if kind is OrderFilled or kind is OrderReleased:
            self.add_reserved(row, -event.released)
            if not event.left:
                self.reservations.delete((row.account_id, row.order_id, row.instrument))
                return
            row.quantity = event.left
            row.reserved -= event.released
        elif kind is OrderAmended:
            row.price, row.quantity = event.price, event.quantity
            row.reserved, row.held = event.reserved, event.held
            if event.replaced:
                row.waits_for = ""
            self.add_reserved(row, row.reserved + row.held - before)
        elif kind is ReplacementReserved:
            row.held, row.waits_for = event.held, "replacement"
            self.add_reserved(row, event.held)
        elif kind is ReplacementRefused:
            row.held, row.waits_for = 0, ""
            self.add_reserved(row, -event.released)
        else:
            row.waits_for = "cancel"
        self.reservations.put(row)


CHANGES: Final = (
    CancelRequested, OrderAmended, OrderFilled, OrderReleased, ReplacementRefused,
    ReplacementReserved,
)  # fmt: skip


def fold(tables: Tables, events: Events) -> None:
    accounts = _Accounts(tables, events.partition)
    for event, at_ms in events:
        kind = type(event)
        if kind is InstrumentRegistered:
            row = ClearedInstrument(events.partition, event.instrument, event.currency)
            accounts.instruments.put(row)
        elif kind is OrderReserved:
            accounts.reserve(event, at_ms)
        else:
            if kind in CHANGES:
                accounts.change(event)
            accounts.move(event)


ACCOUNT_BALANCES = Projection(
    name="account_balances",
    events=tuple(dict.fromkeys((InstrumentRegistered, OrderReserved, *CHANGES, *MOVEMENTS))),
    tables=(BALANCES, RESERVATIONS, CLEARED_INSTRUMENTS),
    fold=fold,
    rows_of="partition",
)
