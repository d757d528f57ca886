"""Named queries of the operator's: who may trade and how much, where accounts stand, and what the
surveillance has found. Times are milliseconds since 1970, UTC."""

from typing import Annotated, Literal

import msgspec

from projections.core.store import Reader
from projections.markets.exchange.accounts import (
    ACCOUNT_LIMITS,
    ACCOUNT_REGISTRY,
    ACCOUNTS,
    ACCOUNTS_OF_MEMBER,
    MEMBERS,
    SESSIONS,
    SESSIONS_OF_MEMBER,
    Account,
    AccountLimits,
    Member,
    TradingSession,
)
from projections.markets.exchange.alerts import ALERTS, BY_ACCOUNT, BY_KIND, Alert
from projections.markets.exchange.positions import (
    ACCOUNT_POSITIONS,
    POSITIONS,
    SPLITS,
    Position,
    Split,
    bring_up_to_date,
)
from projections.markets.exchange.surveillance import ORDERS_TO_TRADES, SURVEILLANCE

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
AlertKind = Literal["all", "order_to_trade", "layering", "wash_trade"]


class Holding(msgspec.Struct):
    instrument: str
    position: int
    """Above zero long, below zero short."""


class MessagesOfDay(msgspec.Struct):
    """`per_trade`: messages by trades, rounded half up; none where nothing traded."""

    day_start_ms: int
    instrument: str
    orders: int
    replaces: int
    cancels: int
    trades: int
    per_trade: int | None


def members(reader: Reader, limit: Count = 1_000) -> list[Member]:
    """The members, and how many open accounts and sessions each has."""
    return list(reader.rows(MEMBERS, limit=limit))


def accounts(reader: Reader, member_id: int | None = None, limit: Count = 1_000) -> list[Account]:
    """The accounts, of one member or of all: whether they are open, and stopped by the kill
    switch."""
    if member_id is None:
        return list(reader.rows(ACCOUNTS, limit=limit))
    return list(reader.rows(ACCOUNTS, member_id, by=ACCOUNTS_OF_MEMBER, limit=limit))


def sessions(
    reader: Reader, member_id: int | None = None, limit: Count = 1_000
) -> list[TradingSession]:
    """The sessions, of one member or of all, closed ones too."""
    if member_id is None:
        return list(reader.rows(SESSIONS, limit=limit))
    return list(reader.rows(SESSIONS, member_id, by=SESSIONS_OF_MEMBER, limit=limit))


def limits(reader: Reader, account_id: int) -> list[AccountLimits]:
    """What is checked before each order of an account: for all instruments (empty), and for those
    that have limits of their own. 0 is no limit."""
    return list(reader.rows(ACCOUNT_LIMITS, account_id))


def positions(
    reader: Reader, account_id: int, instrument: str | None = None, limit: Count = 1_000
) -> list[Holding]:
    """What an account bought less what it sold, in one instrument or in all, after busts,
    corrections and splits."""
    fixed = (account_id,) if instrument is None else (account_id, instrument)
    return [holding(reader, row) for row in reader.rows(POSITIONS, *fixed, limit=limit)]


def holding(reader: Reader, row: Position) -> Holding:
    """A position as it is now, after the splits that its row has not seen."""

    def split_of(number: int) -> Split | None:
        return reader.get(SPLITS, row.instrument, number)

    now = Position(row.account_id, row.instrument, row.position, row.splits)
    bring_up_to_date(now, split_of)
    return Holding(now.instrument, now.position)


def alerts(
    reader: Reader, kind: AlertKind = "all", limit: Count = 100, since_ms: int = 0
) -> list[Alert]:
    """What the surveillance has found, of one kind or of all, latest first. An alert is a reason
    to look, and no verdict."""
    if kind == "all":
        found = reader.rows(ALERTS, at_least=since_ms, descending=True, limit=limit)
    else:
        found = reader.rows(
            ALERTS, kind, by=BY_KIND, at_least=since_ms, descending=True, limit=limit
        )
    return list(found)


def account_alerts(
    reader: Reader, account_id: int, limit: Count = 100, since_ms: int = 0
) -> list[Alert]:
    """What the surveillance has found about an account, latest first."""
    found = reader.rows(
        ALERTS, account_id, by=BY_ACCOUNT, at_least=since_ms, descending=True, limit=limit
    )
    return list(found)


def order_to_trade(
    reader: Reader, account_id: int, limit: Count = 100, since_ms: int = 0
) -> list[MessagesOfDay]:
    """How many messages an account has sent, by day (UTC) and instrument, latest first, and how
    often it traded."""
    days = reader.rows(
        ORDERS_TO_TRADES, account_id, at_least=since_ms, descending=True, limit=limit
    )
    found = []
    for day in days:
        messages = day.orders + day.replaces + day.cancels
        per_trade = (2 * messages + day.trades) // (2 * day.trades) if day.trades else None
        found.append(
            MessagesOfDay(
                day.day_start_ms,
                day.instrument,
                day.orders,
                day.replaces,
                day.cancels,
                day.trades,
                per_trade,
            )
        )
    return found


PROJECTIONS = (ACCOUNT_REGISTRY, ACCOUNT_POSITIONS, SURVEILLANCE)
QUERIES = (
    members,
    accounts,
    sessions,
    limits,
    positions,
    alerts,
    account_alerts,
    order_to_trade,
)
