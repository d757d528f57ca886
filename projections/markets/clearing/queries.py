"""The named queries of clearing: `refold query clearing NAME ...`. Amounts are integers, as on the
log; times are milliseconds since 1970, days days since then, UTC."""

from typing import Annotated, Literal

import msgspec

from projections.core.store import Reader
from projections.markets.clearing.balances import (
    BALANCES,
    CASH,
    RESERVATIONS,
    STOCK,
    Balance,
    Reservation,
)
from projections.markets.clearing.instructions import (
    BY_STATUS,
    INSTRUCTIONS,
    OF_DAY,
    Instruction,
)
from projections.markets.clearing.ledger import (
    BOOK_BALANCES,
    ENTRIES,
    OF_ACCOUNT,
    Entry,
)
from projections.markets.clearing.legs import HOUSE

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Status = Literal["due", "settled", "failed"]


class Held(msgspec.Struct):
    """What an account has of one asset: `available` may be reserved, `withdrawable` may go out."""

    asset: str
    settled: int
    due: int
    reserved: int
    available: int
    withdrawable: int


class HouseBook(msgspec.Struct):
    """A book of the house, over all partitions."""

    asset: str
    book: str
    balance: int


class Line(msgspec.Struct):
    """One line of a statement."""

    at_ms: int
    movement: str
    reference: str
    asset: str
    book: str
    amount: int
    balance: int


def balances(reader: Reader, account_id: int) -> list[Held]:
    """The cash of an account, by currency."""
    return [_held(row) for row in reader.rows(BALANCES, account_id, CASH)]


def positions(reader: Reader, account_id: int) -> list[Held]:
    """The stock of an account, by instrument."""
    return [_held(row) for row in reader.rows(BALANCES, account_id, STOCK)]


def _held(row: Balance) -> Held:
    available = row.settled + row.due - row.reserved
    withdrawable = max(min(row.settled, available), 0)
    return Held(row.asset, row.settled, row.due, row.reserved, available, withdrawable)


def reservations(
    reader: Reader, account_id: int | None = None, limit: Count = 1_000
) -> list[Reservation]:
    """The open orders, of an account or of all, and what is reserved for each."""
    fixed = () if account_id is None else (account_id,)
    return list(reader.rows(RESERVATIONS, *fixed, limit=limit))


def statement(
    reader: Reader,
    account_id: int,
    since_ms: int = 0,
    before_ms: int | None = None,
    limit: Count = 1_000,
) -> list[Line]:
    """All that moved on an account, earliest first, with what each book had after it."""
    entries = reader.rows(
        ENTRIES, account_id, by=OF_ACCOUNT, at_least=since_ms, below=before_ms, limit=limit
    )
    return [
        Line(
            entry.at_ms,
            entry.movement,
            entry.reference,
            entry.asset,
            entry.book,
            entry.amount,
            entry.balance,
        )
        for entry in entries
    ]


def ledger(
    reader: Reader, partition: int, since_sequence: int = 0, limit: Count = 100
) -> list[Entry]:
    """The entries of a partition, all legs of each, earliest first."""
    return list(reader.rows(ENTRIES, partition, at_least=since_sequence, limit=limit))


def house(reader: Reader) -> list[HouseBook]:
    """The house's books. Those of the clearing house are zero where nothing is on its way."""
    totals: dict[tuple[str, str], int] = {}
    for row in reader.rows(BOOK_BALANCES, HOUSE):
        key = row.asset, row.book
        totals[key] = totals.get(key, 0) + row.balance
    return [HouseBook(asset, book, totals[asset, book]) for asset, book in sorted(totals)]


def instructions(
    reader: Reader, account_id: int, instrument: str | None = None, limit: Count = 1_000
) -> list[Instruction]:
    """The settlement instructions of an account, in one instrument or in all, earliest first."""
    fixed = (account_id,) if instrument is None else (account_id, instrument)
    return list(reader.rows(INSTRUCTIONS, *fixed, limit=limit))


def settlement_day(reader: Reader, day: int, limit: Count = 1_000) -> list[Instruction]:
    """All instructions of a settlement day, by account."""
    return list(reader.rows(INSTRUCTIONS, day, by=OF_DAY, limit=limit))


def settlements(
    reader: Reader, status: Status = "failed", since_day: int = 0, limit: Count = 100
) -> list[Instruction]:
    """The instructions that failed, or are due, or settled, latest first."""
    found = reader.rows(
        INSTRUCTIONS, status, by=BY_STATUS, at_least=since_day, descending=True, limit=limit
    )
    return list(found)


QUERIES = (
    balances,
    positions,
    reservations,
    statement,
    instructions,
    settlements,
    settlement_day,
    house,
    ledger,
)
