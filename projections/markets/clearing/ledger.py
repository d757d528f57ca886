"""The ledger: every movement as its legs, each with the balance of its book after it."""

from typing import Any

import msgspec

from log.codec import tag_of
from processors.markets.clearing.events import (
    Deposited,
    HoldingSplit,
    InstructionFailed,
    InstructionSettled,
    OrderFilled,
    TradeAdjusted,
    Withdrawn,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.markets.clearing.legs import MOVEMENTS, legs


class Entry(msgspec.Struct, gc=False):
    """One leg. Those of one `sequence` on a partition sum to zero by asset."""

    partition: int
    sequence: int
    leg: int
    at_ms: int
    account_id: int
    """0: the house of the partition."""
    book: str
    asset: str
    amount: int
    balance: int
    """Of this book after it."""
    movement: str
    """The event: `order_filled`, ..."""
    reference: str
    """The deposit's, or the order's id, or the instrument and the day."""


class BookBalance(msgspec.Struct, gc=False):
    account_id: int
    partition: int
    book: str
    asset: str
    balance: int = 0


OF_ACCOUNT = ("account_id", "at_ms", "partition", "sequence", "leg")
ENTRIES = Table(
    "ledger_entries", Entry, key=("partition", "sequence", "leg"), indexes=(OF_ACCOUNT,)
)
BOOK_BALANCES = Table(
    "book_balances", BookBalance, key=("account_id", "partition", "book", "asset")
)
MOVEMENT_NAMES = {kind: tag_of(kind).partition(".")[0] for kind in MOVEMENTS}


def fold(tables: Tables, events: Events) -> None:
    append, balances = tables[ENTRIES].append, tables[BOOK_BALANCES]
    partition = events.partition
    for event, at_ms in events:
        movement, reference = MOVEMENT_NAMES[type(event)], _reference(event)
        for number, (account_id, book, asset, amount) in enumerate(legs(event)):
            key = account_id, partition, book, asset
            row = balances.get(key) or BookBalance(*key)
            row.balance += amount
            balances.put(row)
            append(
                Entry(
                    partition,
                    event.sequence,
                    number,
                    at_ms,
                    account_id,
                    book,
                    asset,
                    amount,
                    row.balance,
                    movement,
                    reference,
                )
            )


def _reference(event: Any) -> str:
    match event:
        case OrderFilled() | TradeAdjusted():
            return f"order {event.order_id}, trade {event.trade_id}"
        case InstructionSettled() | InstructionFailed():
            return f"{event.instrument}, day {event.settlement_day}"
        case HoldingSplit():
            return event.instrument
        case Deposited() | Withdrawn():
            return event.reference
    raise AssertionError(f"{type(event).__name__} moves nothing")


LEDGER = Projection(
    name="ledger",
    events=MOVEMENTS,
    tables=(ENTRIES, BOOK_BALANCES),
    fold=fold,
    rows_of="partition",
)
