"""What the operator sets, and cash and stock that come in and go out."""

from collections.abc import Sequence

from log.envelope import Event
from processors.markets.clearing.calendar import fault_of_calendar
from processors.markets.clearing.checks import AMOUNT_MAX, PPM, reject
from processors.markets.clearing.commands import (
    Deposit,
    OpenAccount,
    RegisterInstrument,
    SetCalendar,
    Withdraw,
)
from processors.markets.clearing.events import (
    AccountOpened,
    CalendarSet,
    Deposited,
    InstrumentRegistered,
    RejectCode,
    RequestRejected,
    Withdrawn,
)
from processors.markets.clearing.state import Account, Balance, Clearing

MULTIPLIER_MAX = 1_000_000_000
NAME_LENGTH_MAX = 64


def set_calendar(command: SetCalendar) -> Sequence[Event]:
    fault = fault_of_calendar(command.weekdays, command.holidays, command.settles_at_ms)
    if fault is not None:
        return (reject(RejectCode.INVALID_VALUE, *fault),)
    return (
        CalendarSet(
            weekdays=command.weekdays,
            holidays=command.holidays,
            settles_at_ms=command.settles_at_ms,
        ),
    )


def register(state: Clearing, command: RegisterInstrument) -> Sequence[Event]:
    fault = _fault_of_instrument(state, command)
    if fault is not None:
        return (reject(*fault, instrument=command.instrument),)
    return (
        InstrumentRegistered(
            instrument=command.instrument,
            currency=command.currency,
            multiplier=command.multiplier,
            fee_ppm_max=command.fee_ppm_max,
            penalty_ppm=command.penalty_ppm,
        ),
    )


def _fault_of_instrument(
    state: Clearing, command: RegisterInstrument
) -> tuple[RejectCode, str, str] | None:
    name, currency = command.instrument, command.currency
    for field, asset in (("instrument", name), ("currency", currency)):
        if not 0 < len(asset) <= NAME_LENGTH_MAX:
            reason = f"must be from 1 to {NAME_LENGTH_MAX} characters"
            return RejectCode.INVALID_VALUE, field, reason
    for field, most in (
        ("multiplier", MULTIPLIER_MAX), ("fee_ppm_max", PPM), ("penalty_ppm", PPM),
    ):  # fmt: skip
        value, least = getattr(command, field), 1 if field == "multiplier" else 0
        if not least <= value <= most:
            return RejectCode.INVALID_VALUE, field, f"{value} is not from {least} to {most}"
    known = state.instruments.get(name)
    if known is None:
        if currency in state.instruments or name in state.books or name == currency:
            reason = "a name is of a currency or of an instrument, and cannot be of both"
            return RejectCode.CONTRADICTORY, "instrument", reason
    elif (known.currency, known.multiplier) != (currency, command.multiplier):
        reason = f"{name} is in {known.currency}, multiplier {known.multiplier}, and stays so"
        return RejectCode.CONTRADICTORY, "currency", reason
    return None


def open_account(command: OpenAccount) -> Sequence[Event]:
    return (AccountOpened(account_id=command.account_id, may_sell_short=command.may_sell_short),)


def deposit(state: Clearing, command: Deposit) -> Sequence[Event]:
    found = _find_account(state, command)
    if isinstance(found, RequestRejected):
        return (found,)
    return (
        Deposited(
            account_id=command.account_id,
            asset=command.asset,
            amount=command.amount,
            reference=command.reference,
        ),
    )


def withdraw(state: Clearing, command: Withdraw) -> Sequence[Event]:
    account = _find_account(state, command)
    if isinstance(account, RequestRejected):
        return (account,)
    asset = command.asset
    instrument = state.instruments.get(asset)
    balance: Balance | None
    if instrument is None:
        balance, code = account.cash.get(asset), RejectCode.INSUFFICIENT_CASH
    else:
        balance = instrument.holdings.get(command.account_id)
        code = RejectCode.INSUFFICIENT_STOCK
    free = 0 if balance is None else balance.withdrawable
    if command.amount > free:
        reason = f"{command.amount} is asked for, and {max(free, 0)} is settled and free"
        return (reject(code, "amount", reason, account_id=command.account_id),)
    return (
        Withdrawn(
            account_id=command.account_id,
            asset=asset,
            amount=command.amount,
            reference=command.reference,
        ),
    )


def _find_account(state: Clearing, command: Deposit | Withdraw) -> Account | RequestRejected:
    account = state.accounts.get(command.account_id)
    if account is None:
        reason = f"account {command.account_id} is not open"
        code = RejectCode.UNKNOWN_ACCOUNT
        return reject(code, "account_id", reason, account_id=command.account_id)
    if command.asset not in state.books:
        reason = f"{command.asset} is no instrument that is registered, nor the currency of one"
        code = RejectCode.UNKNOWN_ASSET
        return reject(code, "asset", reason, account_id=command.account_id)
    if not 0 < command.amount <= AMOUNT_MAX:
        reason = f"{command.amount} is not from 1 to {AMOUNT_MAX}"
        code = RejectCode.AMOUNT_LIMIT
        return reject(code, "amount", reason, account_id=command.account_id)
    return account
