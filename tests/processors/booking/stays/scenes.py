"""What the tests of the stays begin with: a loft, its rules, and bookings on their way.

Day 0 of the tests is Thursday, 2026-01-01 (day 20,454); the loft's clock is UTC, check-in is at
15:00, check-out at 11:00. A night costs 100.00.
"""

from typing import Any, Final

from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    AnswerPayment,
    BookingMode,
    BookingTerms,
    CancellationPolicy,
    CreateListing,
    HoldNights,
    PayBooking,
    PaymentOutcome,
    Place,
    PriceRules,
    StayRules,
)
from processors.booking.stays.events import PaymentRequested, RejectCode, RequestRejected
from processors.booking.stays.state import Booking, Stays
from tests.given_when_then import Scenario, given

DAY: Final = 20_454
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
NIGHT: Final = 10_000
LOFT: Final = "loft"
HOST: Final = "hugo"
GUEST: Final = "gwen"
DONE: Final = PaymentOutcome.DONE
DECLINED: Final = PaymentOutcome.DECLINED
FAILED: Final = PaymentOutcome.FAILED

Scene = Scenario[Stays]


def at(day: int, hour: int = 12, minute: int = 0) -> int:
    """A time so many days after day 0."""
    return (DAY + day) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS


def loft(**changes: Any) -> CreateListing:
    listing = CreateListing(
        listing=LOFT,
        host=HOST,
        place=Place(latitude_microdegrees=42_650_000, longitude_microdegrees=-73_750_000),
        capacity=4,
        currency="EUR",
        prices=PriceRules(night_price=NIGHT),
    )
    for name, value in changes.items():
        setattr(listing, name, value)
    return listing


def offered(
    rules: StayRules | None = None,
    prices: PriceRules | None = None,
    *,
    request: bool = False,
    cancellation: CancellationPolicy = CancellationPolicy.FLEXIBLE,
) -> Scene:
    """The loft, on day 0 at noon."""
    scene = given(SYSTEM.decider)
    mode = BookingMode.REQUEST if request else BookingMode.INSTANT
    listing = loft(
        rules=rules or StayRules(),
        prices=prices or PriceRules(night_price=NIGHT),
        terms=BookingTerms(mode=mode, cancellation=cancellation),
    )
    scene.when(listing, at(0))
    return scene


def hold(booking: str, arrival: int, departure: int, **changes: Any) -> HoldNights:
    """Days after day 0."""
    command = HoldNights(
        listing=LOFT,
        booking=booking,
        guest=GUEST,
        arrival=DAY + arrival,
        departure=DAY + departure,
    )
    for name, value in changes.items():
        setattr(command, name, value)
    return command


def pay(booking: str = "b", method: str = "card_ok") -> PayBooking:
    return PayBooking(listing=LOFT, booking=booking, guest=GUEST, method=method)


def answer(request: PaymentRequested, outcome: PaymentOutcome = DONE) -> AnswerPayment:
    return AnswerPayment(
        listing=request.listing,
        booking=request.booking,
        payment=request.payment,
        step=request.step,
        outcome=outcome,
    )


def requests(events: list[Any]) -> list[PaymentRequested]:
    return [event for event in events if isinstance(event, PaymentRequested)]


def booked(scene: Scene, arrival: int, departure: int, booking: str = "b", now: int = 0) -> Scene:
    """A booking whose payment is authorized: confirmed, or, of a listing that asks, requested."""
    now = now or at(0)
    scene.when(hold(booking, arrival, departure), now)
    [asked] = requests(scene.when(pay(booking), now))
    scene.when(answer(asked), now)
    return scene


def booking_of(scene: Scene, booking: str = "b") -> Booking:
    found = scene.state.booking(LOFT, booking)
    assert found is not None, f"there is no booking {booking}"
    return found


def taken(scene: Scene) -> list[tuple[int, int, str]]:
    """The loft's spans of nights, in days after day 0."""
    nights = scene.state.listings[LOFT].nights
    return [(first - DAY, end - DAY, holder) for first, end, holder in nights]


def rejected(events: list[Any]) -> RejectCode:
    [rejection] = events
    assert isinstance(rejection, RequestRejected), rejection
    assert rejection.reason
    assert rejection.field
    return rejection.code


def kinds(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]
