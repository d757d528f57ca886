"""A town of stays for tests: commands decided in memory, and the read models in a store."""

import dataclasses
from collections.abc import Iterable
from datetime import date
from typing import Any

from log.envelope import Command, Event
from log.record import Record
from processors.booking.stays import SYSTEM as STAYS
from processors.booking.stays.commands import (
    AnswerPayment,
    CreateListing,
    HoldNights,
    PayBooking,
    PaymentOutcome,
    Place,
    PriceRules,
)
from processors.booking.stays.events import PaymentRequested, RequestRejected
from processors.booking.stays.state import Listing, Stays
from processors.core.registry import Registered
from processors.core.task import Task
from processors.core.testing.subject import decoded, json_config, memory_log
from projections.booking.stays.days import date_of
from projections.core.read_models import read_models
from projections.core.store import Store
from projections.core.worker import Worker

SYSTEM = dataclasses.replace(STAYS, partitions=2, value_format="json")
MODELS = read_models(Registered(SYSTEM, "processors.booking.stays"))
DAY_MS = 86_400_000
TODAY = 20_500
"""2026-02-16, a Monday."""


def at(day: int, hour: int = 9) -> int:
    return day * DAY_MS + hour * 3_600_000


def day(number: int) -> date:
    return date_of(number)


class Town:
    def __init__(self, url: str) -> None:
        self.log = memory_log(SYSTEM)
        self.store: Store = MODELS.open_store(url)
        self.now_ms = at(TODAY)
        self._encode = SYSTEM.command_codec(json_config(SYSTEM)).encode
        self._tasks = [Task(self.log, SYSTEM, number) for number in range(SYSTEM.partitions)]

    def append(self, commands: Iterable[tuple[int, Command]]) -> None:
        """(when in ms, command), in order of time."""
        for at_ms, command in commands:
            key, partitions = SYSTEM.placed(command, SYSTEM.partitions)
            for number in partitions:
                record = Record(self._encode(command), key, at_ms)
                self.log.partition(SYSTEM.commands_topic, number).append([record])

    def decide(self) -> None:
        for task in self._tasks:
            while task.step():
                pass

    def tell(self, *commands: Command, now_ms: int | None = None) -> None:
        """At once, and then: the rules have decided, and the read models know. None of them may
        be rejected."""
        self.now_ms = now_ms or self.now_ms
        before = len(self.events())
        self.append((self.now_ms, command) for command in commands)
        self.decide()
        told = self.events()
        rejected = [event for event in told if isinstance(event, RequestRejected)]
        assert len(told) > before and not rejected, rejected
        self.catch_up()

    def catch_up(self) -> None:
        Worker(self.log, self.store).catch_up()

    def events(self) -> list[Event]:
        return [
            event
            for number in range(SYSTEM.partitions)
            for event in decoded(self.log, SYSTEM, number)
        ]

    def ask(self, query: str, *given: Any, **named: Any) -> Any:
        """A query by its name; what depends on the day goes by the town's time."""
        asked = MODELS.query(query)
        names = [argument.name for argument in asked.arguments]
        arguments = dict(zip(names, given, strict=False)) | named
        if "now_ms" in names:
            arguments.setdefault("now_ms", self.now_ms)
        return asked.run(self.store, arguments)

    def states(self) -> list[Stays]:
        """The rules' own, by partition."""
        return [task.fold.state for task in self._tasks]

    def state_of(self, listing: str) -> Stays:
        return next(state for state in self.states() if listing in state.listings)

    def listings(self) -> dict[str, Listing]:
        return {
            name: listing for state in self.states() for name, listing in state.listings.items()
        }

    def book(self, listing: str, booking: str, guest: str, arrival: int, departure: int) -> None:
        """Held, and paid: confirmed, or requested."""
        self.tell(
            HoldNights(
                listing=listing, booking=booking, guest=guest, arrival=arrival, departure=departure
            )
        )
        self.pay(listing, booking, guest)
        self.answer(booking)

    def pay(self, listing: str, booking: str, guest: str) -> None:
        self.tell(PayBooking(listing=listing, booking=booking, guest=guest, method="card"))

    def answer(self, booking: str, outcome: PaymentOutcome = PaymentOutcome.DONE) -> None:
        """The payment provider answers what it was asked last for a booking."""
        asked = [
            event
            for event in self.events()
            if isinstance(event, PaymentRequested) and event.booking == booking
        ][-1]
        self.tell(
            AnswerPayment(
                listing=asked.listing,
                booking=booking,
                payment=asked.payment,
                step=asked.step,
                outcome=outcome,
            )
        )

    def close(self) -> None:
        for task in self._tasks:
            task.close()
        self.store.close()


def listing(
    name: str,
    latitude: int = 42_650_000,
    longitude: int = -73_750_000,
    price: int = 10_000,
    capacity: int = 2,
    **others: Any,
) -> CreateListing:
    given: dict[str, Any] = {
        "host": "host",
        "currency": "USD",
        "room_type": "entire home",
        "prices": PriceRules(night_price=price),
        **others,
    }
    place = Place(latitude_microdegrees=latitude, longitude_microdegrees=longitude, city="Albany")
    return CreateListing(listing=name, place=place, capacity=capacity, **given)
