"""The call auctions: the calls that are on, with their latest indication, and those that are over.

PhaseChanged into a call ─► auction_calls ─► AuctionIndicated, AuctionExtended: the same row
                                          └► AuctionEnded, or another phase: into auction_history

A call that another phase follows with no auction (a halt, another call) was broken off. The result
is what the auction came to: a trade of it that is busted later is told by the statistics.
"""

from typing import Final

import msgspec

from processors.markets.exchange.events import (
    AuctionEnded,
    AuctionExtended,
    AuctionIndicated,
    InstrumentDelisted,
    Phase,
    PhaseChanged,
    Side,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

CALL_PHASES: Final = (Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION)


class Call(msgspec.Struct, gc=False):
    """A call that is on. `price`, `quantity`, `surplus` are what the auction would give if it
    ended now; a price of 0: no trade."""

    instrument: str
    phase: str
    began_sequence: int
    began_at_ms: int
    reason: str
    """Why the phase began."""
    until_ms: int
    """When it ends by itself; 0: by the timetable, or the operator."""
    extensions: str = ""
    """The reasons for which it was extended so far."""
    indicated_at_ms: int | None = None
    price: int = 0
    quantity: int = 0
    surplus: int = 0
    surplus_side: str | None = None


class Auction(msgspec.Struct, gc=False):
    """An auction that is over; `indicated_...` is the last indication of its call."""

    instrument: str
    began_sequence: int
    phase: str
    began_at_ms: int
    ended_at_ms: int
    reason: str | None
    """Why the phase began; None: there was no call, the book was uncrossed at once."""
    extensions: str
    indicated_price: int
    indicated_quantity: int
    outcome: str
    """`traded`, `no_trade` or `broken_off`."""
    price: int = 0
    quantity: int = 0
    surplus: int = 0
    surplus_side: str | None = None


AUCTION_CALLS = Table("auction_calls", Call, key=("instrument",))
AUCTION_HISTORY = Table("auction_history", Auction, key=("instrument", "began_sequence"))


class _Auctions:
    __slots__ = ("append", "calls")

    def __init__(self, tables: Tables) -> None:
        self.calls = tables[AUCTION_CALLS]
        self.append = tables[AUCTION_HISTORY].append

    def change_phase(self, event: PhaseChanged, at_ms: int) -> None:
        self.break_off(event.instrument, at_ms)
        if event.phase in CALL_PHASES:
            self.calls.put(
                Call(
                    event.instrument,
                    event.phase.value,
                    event.sequence,
                    at_ms,
                    event.reason.value,
                    event.until_ms,
                )
            )

    def break_off(self, instrument: str, at_ms: int) -> None:
        """End the call that is on, if there is one."""
        call = self.calls.get(instrument)
        if call is not None:
            self.append(_over(call, at_ms, "broken_off"))
            self.calls.delete(instrument)

    def indicate(self, event: AuctionIndicated, at_ms: int) -> None:
        call = self.calls[event.instrument]
        call.indicated_at_ms = at_ms
        call.price, call.quantity = event.price, event.quantity
        call.surplus, call.surplus_side = event.surplus, _name(event.surplus_side)
        self.calls.put(call)

    def extend(self, event: AuctionExtended) -> None:
        call = self.calls[event.instrument]
        call.until_ms = event.until_ms
        call.extensions += f"{',' if call.extensions else ''}{event.reason.value}"
        self.calls.put(call)

    def end(self, event: AuctionEnded, at_ms: int) -> None:
        outcome = "traded" if event.quantity else "no_trade"
        call = self.calls.get(event.instrument)
        if call is None:
            phase, sequence = event.phase.value, event.sequence
            auction = Auction(
                event.instrument, sequence, phase, at_ms, at_ms, None, "", 0, 0, outcome
            )
        else:
            auction = _over(call, at_ms, outcome)
            self.calls.delete(event.instrument)
        auction.price, auction.quantity = event.price, event.quantity
        auction.surplus, auction.surplus_side = event.surplus, _name(event.surplus_side)
        self.append(auction)


def _over(call: Call, at_ms: int, outcome: str) -> Auction:
    return Auction(
        call.instrument,
        call.began_sequence,
        call.phase,
        call.began_at_ms,
        at_ms,
        call.reason,
        call.extensions,
        call.price,
        call.quantity,
        outcome,
    )


def _name(side: Side | None) -> str | None:
    return None if side is None else side.value


def fold(tables: Tables, events: Events) -> None:
    auctions = _Auctions(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is AuctionIndicated:
            auctions.indicate(event, at_ms)
        elif kind is PhaseChanged:
            auctions.change_phase(event, at_ms)
        elif kind is AuctionEnded:
            auctions.end(event, at_ms)
        elif kind is AuctionExtended:
            auctions.extend(event)
        else:
            auctions.break_off(event.instrument, at_ms)


CALL_AUCTIONS = Projection(
    name="call_auctions",
    events=(PhaseChanged, AuctionIndicated, AuctionExtended, AuctionEnded, InstrumentDelisted),
    tables=(AUCTION_CALLS, AUCTION_HISTORY),
    fold=fold,
    rows_of="partition",
)
