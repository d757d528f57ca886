"""Who holds which night, and what a booking has paid, from the events alone: the oracle of the
tests that nobody is ever booked twice. It knows none of the rules' own state.

`take` raises AssertionError at the event that breaks it.
"""

from typing import Any

from processors.booking.stays.events import (
    BookingCancelled,
    BookingModified,
    BookingReleased,
    ChangeHeld,
    ChangeReleased,
    NightsBlocked,
    NightsHeld,
    NightsUnblocked,
    PaymentAnswered,
    PaymentOperation,
    PaymentOutcome,
    StayCompleted,
)

BLOCK = "(blocked)"


class Holders:
    """At most one holder a night a unit, at every event."""

    def __init__(self) -> None:
        self.nights: dict[tuple[str, int], str] = {}
        self.own: dict[tuple[str, str], range] = {}
        self.held_times = 0
        self.money: dict[str, int] = {}
        """Captured, less what was given back, by payment: `<listing>/<number>`."""

    def take(self, event: Any) -> None:
        match event:
            case NightsHeld():
                self.held_times += 1
                self._hold(event, event.arrival, event.departure)
                self.own[event.listing, event.booking] = range(event.arrival, event.departure)
            case ChangeHeld():
                self._hold(event, event.arrival, event.departure)
            case ChangeReleased():
                kept = self.own[event.listing, event.booking]
                self._free(event, range(event.arrival, event.departure), kept)
            case BookingModified():
                nights = range(event.arrival, event.departure)
                self._free(event, range(event.old_arrival, event.old_departure), nights)
                self._hold(event, event.arrival, event.departure)
                self.own[event.listing, event.booking] = nights
            case BookingReleased():
                self._free(event, range(event.arrival, event.departure))
            case BookingCancelled():
                self._free(event, range(event.free_from, event.departure))
                self.own[event.listing, event.booking] = range(event.arrival, event.free_from)
            case StayCompleted():
                self._free(event, self.own[event.listing, event.booking])
            case NightsBlocked() | NightsUnblocked():
                self._block(event)
            case PaymentAnswered(outcome=PaymentOutcome.DONE):
                self._pay(event)

    def _hold(self, event: Any, arrival: int, departure: int) -> None:
        for night in range(arrival, departure):
            holder = self.nights.setdefault((event.listing, night), event.booking)
            assert holder == event.booking, f"night {night} is {holder}'s: {event}"

    def _free(self, event: Any, nights: range, kept: range = range(0)) -> None:
        for night in nights:
            if night not in kept:
                holder = self.nights.pop((event.listing, night), None)
                assert holder == event.booking, f"night {night} was {holder}'s: {event}"

    def _block(self, event: NightsBlocked | NightsUnblocked) -> None:
        for each in event.ranges:
            for night in range(each.first_night, each.end_night):
                holder = self.nights.get((event.listing, night), BLOCK)
                if isinstance(event, NightsBlocked):
                    assert holder == BLOCK, f"night {night} is {holder}'s: {event}"
                    self.nights[event.listing, night] = BLOCK
                elif holder == BLOCK:
                    self.nights.pop((event.listing, night), None)

    def _pay(self, event: PaymentAnswered) -> None:
        payment = f"{event.listing}/{event.payment}"
        if event.operation is PaymentOperation.CAPTURE:
            assert payment not in self.money, f"taken twice: {event}"
            self.money[payment] = event.amount
        elif event.operation is PaymentOperation.REFUND:
            self.money[payment] -= event.amount
            assert self.money[payment] >= 0, f"more is given back than was taken: {event}"
        elif event.operation is PaymentOperation.REVERSE:
            assert self.money.pop(payment, 0) == event.amount, f"another amount: {event}"
