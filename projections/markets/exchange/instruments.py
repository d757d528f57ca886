"""The listed instruments: one row each, from `InstrumentListed`."""

import msgspec

from processors.markets.exchange.events import InstrumentListed
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class ListedInstrument(msgspec.Struct, gc=False):
    instrument: str
    price_decimals: int
    tick_size: int
    lot_size: int
    listed_at_ms: int


INSTRUMENTS = Table("instruments", ListedInstrument, key=("instrument",))


def fold(tables: Tables, events: Events) -> None:
    instruments = tables[INSTRUMENTS]
    for event, at_ms in events:
        instruments.put(
            ListedInstrument(
                event.instrument, event.price_decimals, event.tick_size, event.lot_size, at_ms
            )
        )


LISTED_INSTRUMENTS = Projection(
    name="listed_instruments", events=(InstrumentListed,), tables=(INSTRUMENTS,), fold=fold
)
