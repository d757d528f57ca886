"""Who holds each night: one row a night of a listing, so that a second holder finds no room.

The key is the constraint: (listing, night). A fold that is told to give a night to one booking
while another has it stops the projection, with both their names; nothing is overwritten.
"""

import msgspec

from projections.core.errors import ProjectionError
from projections.core.projection import Table
from projections.core.rows import Rows


class DoublyBooked(ProjectionError):
    """A night was given to two bookings: the rules are broken, or the log is."""


class HeldNight(msgspec.Struct, gc=False):
    listing: str
    night: int
    booking: str
    by_change: bool = False
    """It is the booking's only while that is being changed."""


HELD_NIGHTS = Table("held_nights", HeldNight, key=("listing", "night"))


class HeldNights:
    """The nights of one listing, as a fold takes and frees them."""

    __slots__ = ("_listing", "_rows")

    def __init__(self, rows: Rows[HeldNight], listing: str) -> None:
        self._rows = rows
        self._listing = listing

    def hold(self, booking: str, first: int, end: int, by_change: bool = False) -> None:
        """All are the booking's; those that it has already stay as they are. Errors:
        DoublyBooked."""
        for night in range(first, end):
            held = self._rows.get((self._listing, night))
            if held is None:
                self._rows.insert(HeldNight(self._listing, night, booking, by_change))
            elif held.booking != booking:
                raise DoublyBooked(
                    f"night {night} of {self._listing!r} is held by {held.booking!r}, and was "
                    f"given to {booking!r} too: at most one booking may have it"
                )

    def free(self, booking: str, first: int, end: int) -> None:
        for night in range(first, end):
            if self._is_of(booking, night):
                self._rows.delete((self._listing, night))

    def free_change(self, booking: str, first: int, end: int) -> list[int]:
        """Those that it had by a change alone; returns them."""
        freed = [
            night
            for night in range(first, end)
            if self._is_of(booking, night) and self._rows[self._listing, night].by_change
        ]
        for night in freed:
            self._rows.delete((self._listing, night))
        return freed

    def settle_change(self, booking: str, first: int, end: int) -> None:
        """What it has of these nights is its own."""
        for night in range(first, end):
            held = self._rows.get((self._listing, night))
            if held is None or held.booking != booking:
                self.hold(booking, night, night + 1)
            elif held.by_change:
                held.by_change = False
                self._rows.put(held)

    def free_until(self, booking: str, end: int) -> int:
        """The nights up to `end - 1` that it has in a row; returns the first of them."""
        first = end
        while self._is_of(booking, first - 1):
            first -= 1
            self._rows.delete((self._listing, first))
        return first

    def _is_of(self, booking: str, night: int) -> bool:
        held = self._rows.get((self._listing, night))
        return held is not None and held.booking == booking
