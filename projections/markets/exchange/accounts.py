"""Who may trade: accounts, members and sessions, the limits and the kill switch of each account.

A command that concerns them goes to every partition, and so do its events. Rows are made of those
of the first partition alone, so that each has one writer and no partition that lags takes it back.
Limits for one instrument are on that instrument's partition.
"""

from typing import Any, Final

import msgspec

from processors.markets.exchange.events import (
    AccountClosed,
    AccountLimitsSet,
    AccountOpened,
    KillSwitchSet,
    SessionClosed,
    SessionOpened,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

FIRST_PARTITION: Final = 0


class Account(msgspec.Struct, gc=False):
    account_id: int
    member_id: int = 0
    group_id: int = 0
    """0: none."""
    is_open: bool = False
    is_stopped: bool = False
    """By the kill switch."""
    opened_at_ms: int | None = None
    """None: never, where the kill switch was set for it all the same."""


class Member(msgspec.Struct, gc=False):
    member_id: int
    open_accounts: int = 0
    open_sessions: int = 0


class TradingSession(msgspec.Struct, gc=False):
    session_id: int
    member_id: int
    cancel_on_disconnect: bool
    opened_at_ms: int
    closed_at_ms: int | None = None
    """None: it is open."""


class AccountLimits(msgspec.Struct, gc=False):
    """What is checked before each order; 0: no limit. The instrument is empty where the limits are
    for all that have none of their own."""

    account_id: int
    instrument: str
    order_quantity_max: int
    order_notional_max: int
    open_orders_max: int
    orders_per_second_max: int
    collar_ppm: int
    position_max: int


ACCOUNTS_OF_MEMBER = ("member_id", "account_id")
SESSIONS_OF_MEMBER = ("member_id", "session_id")
ACCOUNTS = Table("accounts", Account, key=("account_id",), indexes=(ACCOUNTS_OF_MEMBER,))
MEMBERS = Table("members", Member, key=("member_id",))
SESSIONS = Table("sessions", TradingSession, key=("session_id",), indexes=(SESSIONS_OF_MEMBER,))
ACCOUNT_LIMITS = Table("account_limits", AccountLimits, key=("account_id", "instrument"))


class _Registry:
    __slots__ = ("accounts", "limits", "members", "sessions")

    def __init__(self, tables: Tables) -> None:
        self.accounts = tables[ACCOUNTS]
        self.members = tables[MEMBERS]
        self.sessions = tables[SESSIONS]
        self.limits = tables[ACCOUNT_LIMITS]

    def apply(self, event: Any, at_ms: int) -> None:
        kind = type(event)
        if kind is SessionOpened:
            self.open_session(event, at_ms)
        elif kind is SessionClosed:
            session = self.sessions[event.session_id]
            session.closed_at_ms = at_ms
            self.sessions.put(session)
            self.count(session.member_id, 0, -1)
        else:
            self.change_account(event, at_ms)

    def change_account(
        self, event: AccountOpened | AccountClosed | KillSwitchSet, at_ms: int
    ) -> None:
        account = self.accounts.get(event.account_id) or Account(event.account_id)
        if account.is_open:
            self.count(account.member_id, -1, 0)
        if isinstance(event, AccountOpened):
            if not account.is_open:
                account.is_open, account.opened_at_ms = True, at_ms
            account.member_id, account.group_id = event.member_id, event.group_id
        elif isinstance(event, AccountClosed):
            account.is_open = False
        else:
            account.is_stopped = event.engaged
        if account.is_open:
            self.count(account.member_id, 1, 0)
        self.accounts.put(account)

    def open_session(self, event: SessionOpened, at_ms: int) -> None:
        before = self.sessions.get(event.session_id)
        if before is not None and before.closed_at_ms is None:
            self.count(before.member_id, 0, -1)
        cancels = event.cancel_on_disconnect
        self.sessions.put(TradingSession(event.session_id, event.member_id, cancels, at_ms))
        self.count(event.member_id, 0, 1)

    def count(self, member_id: int, accounts: int, sessions: int) -> None:
        member = self.members.get(member_id) or Member(member_id)
        member.open_accounts += accounts
        member.open_sessions += sessions
        self.members.put(member)

    def set_limits(self, event: AccountLimitsSet) -> None:
        self.limits.put(
            AccountLimits(
                event.account_id,
                event.instrument,
                event.order_quantity_max,
                event.order_notional_max,
                event.open_orders_max,
                event.orders_per_second_max,
                event.collar_ppm,
                event.position_max,
            )
        )


def fold(tables: Tables, events: Events) -> None:
    registry = _Registry(tables)
    is_first = events.partition == FIRST_PARTITION
    for event, at_ms in events:
        if type(event) is AccountLimitsSet:
            if event.instrument or is_first:
                registry.set_limits(event)
        elif is_first:
            registry.apply(event, at_ms)


ACCOUNT_REGISTRY = Projection(
    name="account_registry",
    events=(
        AccountOpened,
        AccountClosed,
        KillSwitchSet,
        SessionOpened,
        SessionClosed,
        AccountLimitsSet,
    ),
    tables=(ACCOUNTS, MEMBERS, SESSIONS, ACCOUNT_LIMITS),
    fold=fold,
    rows_of="partition",
)
