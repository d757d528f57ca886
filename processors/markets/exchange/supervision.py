"""What the operator does for all instruments of a partition: calendars, accounts, sessions,
limits, fees, the kill switch, and halts by the index. (Most such commands go to every partition.)
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from log.envelope import Event
from processors.markets.exchange.admission import reject
from processors.markets.exchange.calendar import check_calendar
from processors.markets.exchange.changing import cancellations
from processors.markets.exchange.commands import (
    CloseAccount,
    CloseSession,
    OpenAccount,
    OpenSession,
    PublishIndex,
    SetAccountLimits,
    SetCalendar,
    SetFees,
    SetKillSwitch,
    SetMarketHalts,
    SetQuoteProtection,
)
from processors.markets.exchange.events import (
    AccountClosed,
    AccountLimitsSet,
    AccountOpened,
    CalendarSet,
    CancelReason,
    FeesSet,
    IndexPublished,
    KillSwitchSet,
    MarketHaltsSet,
    PhaseReason,
    QuoteProtectionSet,
    RejectCode,
    SessionClosed,
    SessionOpened,
)
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.phases import change_phase, schedule_after
from processors.markets.exchange.state import Exchange, calendar_of
from processors.markets.exchange.terms import PPM, FeeTier, HaltLevel, Phase

TIERS_MAX: Final = 100


def by_name(state: Exchange) -> Iterable[OrderBook]:
    return [state.books[name] for name in sorted(state.books)]


def set_calendar(state: Exchange, command: SetCalendar, at: int) -> Sequence[Event]:
    fault = check_calendar(command)
    if fault is not None:
        return (reject("", RejectCode.INVALID_VALUE, fault[0], fault[1]),)
    calendar = CalendarSet(
        calendar=command.calendar,
        weekdays=command.weekdays,
        holidays=command.holidays,
        half_days=command.half_days,
        steps=command.steps,
        half_day_steps=command.half_day_steps,
        utc_offsets=command.utc_offsets,
    )
    renewed = calendar_of(calendar)
    events: list[Event] = [calendar]
    for book in by_name(state):
        if book.instrument.calendar == command.calendar:
            events.append(schedule_after(renewed, book, at))
    return events


def open_account(state: Exchange, command: OpenAccount, at: int) -> Sequence[Event]:
    opened = AccountOpened(
        account_id=command.account_id, member_id=command.member_id, group_id=command.group_id
    )
    return (opened,)


def _unknown_account(account_id: int) -> Event:
    reason = f"account {account_id} is not open"
    return reject("", RejectCode.UNKNOWN_ACCOUNT, "account_id", reason, 0, account_id)


def _orders_gone(state: Exchange, account_id: int) -> list[Event]:
    gone: list[Event] = []
    for book in by_name(state):
        orders = book.orders_of(account_id)
        gone += cancellations(book, orders, CancelReason.ACCOUNT_STOPPED)
    return gone


def close_account(state: Exchange, command: CloseAccount, at: int) -> Sequence[Event]:
    account = state.guard.accounts.get(command.account_id)
    if account is None or account.is_closed:
        return (_unknown_account(command.account_id),)
    closed = AccountClosed(account_id=command.account_id)
    return [closed, *_orders_gone(state, command.account_id)]


def set_kill_switch(state: Exchange, command: SetKillSwitch, at: int) -> Sequence[Event]:
    if command.account_id not in state.guard.accounts:
        return (_unknown_account(command.account_id),)
    events: list[Event] = [KillSwitchSet(account_id=command.account_id, engaged=command.engaged)]
    return events + _orders_gone(state, command.account_id) if command.engaged else events


def set_account_limits(state: Exchange, command: SetAccountLimits, at: int) -> Sequence[Event]:
    if command.account_id not in state.guard.accounts:
        rejected = _unknown_account(command.account_id)
        rejected.instrument = command.instrument  # type: ignore[attr-defined]
        return (rejected,)
    limits = AccountLimitsSet(
        instrument=command.instrument,
        account_id=command.account_id,
        order_quantity_max=command.order_quantity_max,
        order_notional_max=command.order_notional_max,
        open_orders_max=command.open_orders_max,
        orders_per_second_max=command.orders_per_second_max,
        collar_ppm=command.collar_ppm,
        position_max=command.position_max,
    )
    return (limits,)


def open_session(state: Exchange, command: OpenSession, at: int) -> Sequence[Event]:
    opened = SessionOpened(
        session_id=command.session_id,
        member_id=command.member_id,
        cancel_on_disconnect=command.cancel_on_disconnect,
    )
    return (opened,)


def close_session(state: Exchange, command: CloseSession, at: int) -> Sequence[Event]:
    session = state.guard.sessions.get(command.session_id)
    if session is None:
        reason = f"session {command.session_id} is not open"
        return (reject("", RejectCode.UNKNOWN_SESSION, "session_id", reason),)
    events: list[Event] = [SessionClosed(session_id=command.session_id)]
    if session.cancel_on_disconnect:
        for book in by_name(state):
            orders = book.orders_of_session(command.session_id)
            events += cancellations(book, orders, CancelReason.DISCONNECTED)
    return events


def set_fees(state: Exchange, command: SetFees, at: int) -> Sequence[Event]:
    fault = _fault_of_tiers(command.tiers)
    if fault:
        return (reject(command.instrument, RejectCode.INVALID_VALUE, "tiers", fault),)
    return (FeesSet(instrument=command.instrument, tiers=command.tiers),)


def _fault_of_tiers(tiers: tuple[FeeTier, ...]) -> str:
    if len(tiers) > TIERS_MAX:
        return f"must be at most {TIERS_MAX}"
    if tiers and tiers[0].notional_from:
        return "the first tier must be for every account: notional_from 0"
    for lower, higher in pairwise(tiers):
        if higher.notional_from <= lower.notional_from:
            return "must ascend by notional_from"
    for tier in tiers:
        for ppm in (tier.maker_ppm, tier.taker_ppm, tier.auction_ppm):
            if abs(ppm) > PPM:
                return f"rates must be from -{PPM} to {PPM} parts per million"
    return ""


def set_quote_protection(state: Exchange, command: SetQuoteProtection, at: int) -> Sequence[Event]:
    protection = QuoteProtectionSet(
        instrument=command.instrument,
        account_id=command.account_id,
        window_ms=command.window_ms,
        quantity_max=command.quantity_max,
        trades_max=command.trades_max,
    )
    return (protection,)


def set_market_halts(state: Exchange, command: SetMarketHalts, at: int) -> Sequence[Event]:
    fault = _fault_of_levels(command.reference, command.levels)
    if fault is not None:
        return (reject("", RejectCode.INVALID_VALUE, fault[0], fault[1]),)
    return (MarketHaltsSet(reference=command.reference, levels=command.levels),)


def _fault_of_levels(reference: int, levels: tuple[HaltLevel, ...]) -> tuple[str, str] | None:
    if not reference:
        return "reference", "must be at least 1"
    last = 0
    for level in levels:
        if not last < level.fall_ppm < PPM:
            return "levels", f"falls must ascend, between 0 and {PPM} parts per million"
        last = level.fall_ppm
    return None


def publish_index(state: Exchange, command: PublishIndex, at: int) -> Sequence[Event]:
    """The index's fall below its reference, against the levels: a level halts the market once (as
    the market-wide circuit breakers of NYSE rule 7.12 do)."""
    reached = state.halt_levels_reached
    if state.halt_reference:
        fall_ppm = (state.halt_reference - command.value) * PPM // state.halt_reference
        levels = [level for level in state.halt_levels if fall_ppm >= level.fall_ppm]
        reached = max(reached, len(levels))
    events: list[Event] = [IndexPublished(value=command.value, levels_reached=reached)]
    if reached > state.halt_levels_reached:
        halt_ms = state.halt_levels[reached - 1].halt_ms
        until_ms = at + halt_ms if halt_ms else 0
        for book in by_name(state):
            if book.market.phase not in (Phase.HALT, Phase.CLOSED):
                events += change_phase(
                    state, book, Phase.HALT, PhaseReason.MARKET_HALT, at, until_ms
                )
    return events


SUPERVISION: Final[dict[type[Any], Callable[[Exchange, Any, int], Sequence[Event]]]] = {
    SetCalendar: set_calendar,
    OpenAccount: open_account,
    CloseAccount: close_account,
    SetKillSwitch: set_kill_switch,
    SetAccountLimits: set_account_limits,
    OpenSession: open_session,
    CloseSession: close_session,
    SetFees: set_fees,
    SetQuoteProtection: set_quote_protection,
    SetMarketHalts: set_market_halts,
    PublishIndex: publish_index,
}
"""By kind of command, what it leads to."""
