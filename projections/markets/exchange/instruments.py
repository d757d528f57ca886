"""The instruments that are or were listed, the tick sizes of each, and the phase that it is in."""

from typing import Any

import msgspec

from processors.markets.exchange.events import (
    AuctionExtended,
    InstrumentDelisted,
    InstrumentListed,
    InstrumentSplit,
    Phase,
    PhaseChanged,
    ReferencePriceSet,
    ScheduleChanged,
    SymbolChanged,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables


class ListedInstrument(msgspec.Struct, gc=False):
    instrument: str
    price_decimals: int
    tick_size: int
    """Of the prices below the first tick band, or of all."""
    lot_size: int
    listed_at_ms: int
    symbol: str
    calendar: str
    """Empty: the phase changes by the operator's hand alone."""
    reference_price: int
    """What auctions are held against before the first trade; 0: none."""
    closing_price: int
    """Of the last trading day; 0: none yet."""
    bands: int
    """How many rows of `tick_bands` it has."""
    delisted_at_ms: int | None = None


class TickBandRow(msgspec.Struct, gc=False):
    """From this price on, and to the next band's, prices are multiples of `tick_size`."""

    instrument: str
    number: int
    price_from: int
    tick_size: int


class InstrumentPhase(msgspec.Struct, gc=False):
    """`until_ms`: when it ends by itself; `next_phase`: by the calendar, at `next_at_ms`."""

    instrument: str
    phase: str
    since_ms: int
    reason: str | None
    until_ms: int | None
    next_phase: str | None
    next_at_ms: int | None


INSTRUMENTS = Table("instruments", ListedInstrument, key=("instrument",))
TICK_BANDS = Table("tick_bands", TickBandRow, key=("instrument", "number"))
PHASES = Table("phases", InstrumentPhase, key=("instrument",))


def phase_when_listed(event: InstrumentListed) -> Phase:
    """An instrument with a calendar is closed until that opens it."""
    return Phase.CLOSED if event.calendar else Phase.CONTINUOUS


def fold(tables: Tables, events: Events) -> None:
    for event, at_ms in events:
        match event:
            case InstrumentListed():
                _list(tables, event, at_ms)
            case PhaseChanged():
                _change_phase(tables, event, at_ms)
            case ScheduleChanged() | AuctionExtended():
                _reschedule(tables[PHASES], event)
            case _:
                _change(tables, event, at_ms)


def _list(tables: Tables, event: InstrumentListed, at_ms: int) -> None:
    instrument, bands = event.instrument, tables[TICK_BANDS]
    before = tables[INSTRUMENTS].get(instrument)
    for number in range(len(event.tick_bands), before.bands if before else 0):
        bands.delete((instrument, number))
    for number, band in enumerate(event.tick_bands):
        bands.put(TickBandRow(instrument, number, band.price_from, band.tick_size))
    tables[INSTRUMENTS].put(
        ListedInstrument(
            instrument,
            event.price_decimals,
            event.tick_size,
            event.lot_size,
            at_ms,
            event.symbol or instrument,
            event.calendar,
            event.reference_price,
            0,
            len(event.tick_bands),
        )
    )
    phase = phase_when_listed(event).value
    tables[PHASES].put(InstrumentPhase(instrument, phase, at_ms, None, None, *_next_phase(event)))


def _change(tables: Tables, event: Any, at_ms: int) -> None:
    row = tables[INSTRUMENTS][event.instrument]
    match event:
        case InstrumentDelisted():
            row.delisted_at_ms = at_ms
            tables[PHASES].delete(event.instrument)
        case SymbolChanged(symbol=symbol):
            row.symbol = symbol
        case ReferencePriceSet(price=price):
            row.reference_price = price
        case InstrumentSplit(numerator=new, denominator=old):
            row.reference_price = row.reference_price * old // new
            row.closing_price = row.closing_price * old // new
    tables[INSTRUMENTS].put(row)


def _change_phase(tables: Tables, event: PhaseChanged, at_ms: int) -> None:
    tables[PHASES].put(
        InstrumentPhase(
            event.instrument,
            event.phase.value,
            at_ms,
            event.reason.value,
            event.until_ms or None,
            *_next_phase(event),
        )
    )
    if event.phase is Phase.CLOSED and event.price:
        row = tables[INSTRUMENTS][event.instrument]
        row.closing_price = row.reference_price = event.price
        tables[INSTRUMENTS].put(row)


def _reschedule(phases: Rows[InstrumentPhase], event: ScheduleChanged | AuctionExtended) -> None:
    row = phases[event.instrument]
    if isinstance(event, AuctionExtended):
        row.until_ms = event.until_ms
    else:
        row.next_phase, row.next_at_ms = _next_phase(event)
    phases.put(row)


def _next_phase(event: Any) -> tuple[str | None, int | None]:
    if event.next_phase is None:
        return None, None
    return event.next_phase.value, event.next_at_ms


LISTED_INSTRUMENTS = Projection(
    name="listed_instruments",
    events=(
        InstrumentListed,
        InstrumentDelisted,
        SymbolChanged,
        ReferencePriceSet,
        InstrumentSplit,
        PhaseChanged,
        ScheduleChanged,
        AuctionExtended,
    ),
    tables=(INSTRUMENTS, TICK_BANDS, PHASES),
    fold=fold,
    version=2,
    rows_of="partition",
)
