"""What rules of several kinds look at before anything happens, and how they say no."""

from typing import Final

from processors.markets.clearing.events import RejectCode, RequestRejected
from processors.markets.clearing.order_ids import account_of
from processors.markets.clearing.state import Clearing, Instrument, Order

PPM: Final = 1_000_000
"""What a rate in parts per million is out of."""
AMOUNT_MAX: Final = 10**15
"""Of one movement: sums of them fit 64 bits."""


def reject(
    code: RejectCode,
    field: str,
    reason: str,
    *,
    account_id: int = 0,
    instrument: str = "",
    order_id: int = 0,
) -> RequestRejected:
    return RequestRejected(
        code=code,
        field=field,
        reason=reason,
        account_id=account_id,
        instrument=instrument,
        order_id=order_id,
    )


def reject_order(
    code: RejectCode, field: str, reason: str, instrument: str, order_id: int
) -> RequestRejected:
    return reject(
        code,
        field,
        reason,
        account_id=account_of(order_id),
        instrument=instrument,
        order_id=order_id,
    )


def reject_parties(state: Clearing, name: str, order_id: int) -> RequestRejected:
    """Where there is no such instrument, or no such account as the order's id names."""
    if name not in state.instruments:
        reason = f"{name} is not registered with clearing"
        return reject_order(RejectCode.UNKNOWN_INSTRUMENT, "instrument", reason, name, order_id)
    reason = f"account {account_of(order_id)}, which the order's id names, is not open"
    return reject_order(RejectCode.UNKNOWN_ACCOUNT, "order_id", reason, name, order_id)


def find_order(
    state: Clearing, name: str, order_id: int
) -> tuple[Instrument, Order] | RequestRejected:
    """An open order and its instrument."""
    instrument = state.instruments.get(name)
    if instrument is not None:
        order = instrument.orders.get(order_id)
        if order is not None:
            return instrument, order
    return reject_unknown(name, order_id)


def reject_unknown(instrument: str, order_id: int) -> RequestRejected:
    reason = "no such order is open: it never was, or is filled or cancelled by now"
    return reject_order(RejectCode.UNKNOWN_ORDER, "order_id", reason, instrument, order_id)


def unit_of(instrument: Instrument, price: int) -> int:
    """What is reserved for each share of a buy: its price, and the most that the fee for it can
    be, each share's rounded up, so that it is enough however the order trades."""
    if instrument.fee_ppm_max:
        price += -(-price * instrument.fee_ppm_max // PPM)
    return price * instrument.multiplier
