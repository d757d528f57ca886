"""A seeded town of listings, its hosts and guests: holds that compete for the same nights,
payments, requests, changes, cancellations, stays, reviews.

    Random(seed) ─► what people do ─► StaysCommand ─► the rules, on a state of the flow's own
                        ▲                                   │ what follows from it, and when
                        └───────────────────────────────────┘

The flow decides its own commands, so its guests pay what is held and its hosts answer what they
are asked. `flow` plays the payment provider too: answers come late, twice, or not at all.
`demo_flow` leaves that to the effect. A seed gives the same commands on every machine.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from processors.booking.stays.commands import (
    AcceptBooking,
    AddWish,
    AnswerPayment,
    BlockNights,
    CancelBooking,
    ChangeListing,
    DeclineBooking,
    HoldNights,
    ModifyBooking,
    NightRange,
    NightTerms,
    PayBooking,
    PaymentOutcome,
    RemoveSearch,
    RemoveWish,
    RetryPayment,
    SaveSearch,
    SearchTerms,
    SetNights,
    UnblockNights,
    WriteReview,
)
from processors.booking.stays.decider import DECIDER
from processors.booking.stays.events import (
    BookingConfirmed,
    BookingRequested,
    ChangeRequested,
    NightsHeld,
    PaymentRequested,
    PaymentStuck,
    StayCompleted,
)
from processors.booking.stays.state import Stage, day_of
from processors.booking.stays.terms import PaymentOperation
from processors.booking.stays.town import GUESTS, listing_of_town
from processors.core.timers import decide_fully

START_MS: Final = 1_767_603_600_000
"""2026-01-05 09:00 UTC, a Monday."""
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
LISTINGS: Final = 8
DEMO_LISTINGS: Final = 150
METHODS: Final = (
    *("card_ok",) * 16,
    *("card_declined",) * 2,
    "card_unfunded",
    "card_stubborn",
    "card_flaky",
    "card_dead",
)
DEMO_METHODS: Final = (*("card_ok",) * 40, *("card_declined",) * 4, "card_unfunded", "card_flaky")
OPERATIONS_BACK: Final = (PaymentOperation.REFUND, PaymentOperation.REVERSE)

DECLINES: Final = {
    "card_declined": (PaymentOperation.AUTHORIZE,),
    "card_unfunded": (PaymentOperation.CAPTURE,),
    "card_stubborn": OPERATIONS_BACK,
}


def flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Any]]:
    """Endless (timestamp in ms since 1970, command), the same for the same seed."""
    yield from _Town(seed, start_ms, LISTINGS, step_ms=150 * MINUTE_MS).commands()


def demo_flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Any]]:
    """What hosts and guests do in a larger town; the payment effect answers for itself."""
    yield from _Town(
        seed,
        start_ms,
        DEMO_LISTINGS,
        step_ms=3 * MINUTE_MS,
        methods=DEMO_METHODS,
        with_answers=False,
    ).commands()


class _Town:
    """What is still to come stands in `coming`, as (when, number, command, whether it is told)."""

    def __init__(
        self,
        seed: int,
        start_ms: int,
        listings: int,
        *,
        step_ms: int,
        methods: tuple[str, ...] = METHODS,
        with_answers: bool = True,
    ) -> None:
        self.draw = Random(seed)
        self.state = DECIDER.initial()
        self.now = start_ms
        self.step_ms = step_ms
        self.methods = methods
        self.with_answers = with_answers
        self.made = 0
        self.coming: list[tuple[int, int, Any, bool]] = []
        self.names: list[str] = []
        for number in range(listings):
            created = listing_of_town(self.draw, number, patient=not with_answers)
            self.names.append(created.listing)
            self._soon(created, 1 + number)

    def commands(self) -> Iterator[tuple[int, Any]]:
        next_at = self.now + self.step_ms
        while True:
            if self.coming and self.coming[0][0] <= next_at:
                self.now, _number, command, is_told = heappop(self.coming)
            else:
                self.now, command, is_told = next_at, self._idea(), True
                next_at += 1 + self.draw.randrange(2 * self.step_ms)
            events, self.state = decide_fully(DECIDER, self.state, command, self.now)
            for event in events:
                self._follow(event)
            if is_told:
                yield self.now, command

    def _soon(self, command: Any, in_ms: int, *, is_told: bool = True) -> None:
        self.made += 1
        heappush(self.coming, (self.now + in_ms, self.made, command, is_told))

    def _chance(self, percent: int) -> bool:
        return self.draw.randrange(100) < percent

    def _guest(self) -> str:
        return GUESTS[self.draw.randrange(len(GUESTS))]

    def _idea(self) -> Any:
        """What somebody does of their own accord."""
        name = self.names[self.draw.randrange(len(self.names))]
        ideas = (
            *(self._hold,) * 14,
            self._block,
            self._unblock,
            self._set_nights,
            self._change_listing,
            self._wish,
            self._search,
        )
        return ideas[self.draw.randrange(len(ideas))](name)

    def _today(self, name: str) -> int:
        listing = self.state.listings.get(name)
        return self.now // (24 * HOUR_MS) if listing is None else day_of(listing.terms, self.now)

    def _nights(self, name: str) -> tuple[int, int]:
        """Soon, as a rule, so that guests meet; a few days, and now and then weeks."""
        arrival = self._today(name) + self.draw.choice((0, 1, 1, 2, 3, 4, 5, 7, 10, 20, 40))
        return arrival, arrival + self.draw.choice((1, 2, 2, 3, 3, 4, 5, 7, 14, 28))

    def _hold(self, name: str) -> HoldNights:
        arrival, departure = self._nights(name)
        self.made += 1
        return HoldNights(
            listing=name if not self._chance(1) else "nowhere",
            booking=f"b{self.made}" if not self._chance(2) else "b20",
            guest=self._guest(),
            arrival=arrival,
            departure=departure,
            guests=1 + self.draw.randrange(3),
            total_max=0 if self._chance(90) else 20_000,
        )

    def _range(self, name: str) -> tuple[NightRange, ...]:
        first = self._today(name) + self.draw.randrange(60)
        return (NightRange(first_night=first, end_night=first + 1 + self.draw.randrange(6)),)

    def _host(self, name: str) -> str:
        listing = self.state.listings.get(name)
        return "nobody" if listing is None or self._chance(2) else listing.host

    def _block(self, name: str) -> BlockNights:
        return BlockNights(listing=name, host=self._host(name), ranges=self._range(name))

    def _unblock(self, name: str) -> UnblockNights:
        return UnblockNights(listing=name, host=self._host(name), ranges=self._range(name))

    def _set_nights(self, name: str) -> SetNights:
        price = self.draw.choice((0, 9_900, 14_900, 25_000))
        terms = NightTerms(price=price, minimum_nights=self.draw.choice((0, 0, 2)))
        return SetNights(
            listing=name, host=self._host(name), ranges=self._range(name), night_terms=terms
        )

    def _change_listing(self, name: str) -> ChangeListing:
        again = listing_of_town(self.draw, self.names.index(name), patient=not self.with_answers)
        return ChangeListing(
            listing=name,
            host=self._host(name),
            place=again.place,
            capacity=again.capacity,
            prices=again.prices,
            title=again.title,
            room_type=again.room_type,
            amenities=again.amenities,
            rules=again.rules,
            terms=again.terms,
            open=self._chance(94) or not self.state.listings[name].open,
        )

    def _wish(self, name: str) -> AddWish | RemoveWish:
        kind = AddWish if self._chance(70) else RemoveWish
        return kind(listing=name, guest=self._guest())

    def _search(self, name: str) -> SaveSearch | RemoveSearch:
        guest, search = self._guest(), f"s{self.draw.randrange(3)}"
        if self.state.searches and self._chance(30):
            guest = next(iter(self.state.searches))
            return RemoveSearch(guest=guest, search=search)
        arrival, departure = self._nights(name)
        terms = SearchTerms(
            south_microdegrees=42_600_000,
            west_microdegrees=-73_900_000,
            north_microdegrees=42_600_000 + self.draw.randrange(200_000),
            east_microdegrees=-73_700_000,
            arrival=arrival,
            departure=departure,
            guests=1 + self.draw.randrange(4),
        )
        return SaveSearch(guest=guest, search=search, search_terms=terms)

    def _follow(self, event: Any) -> None:
        """Who does what because of it, and when."""
        match event:
            case NightsHeld():
                self._after_hold(event)
            case PaymentRequested():
                self._after_request(event)
            case BookingRequested() | ChangeRequested():
                self._after_question(event)
            case BookingConfirmed():
                self._after_confirmation(event)
            case StayCompleted():
                self._after_stay(event)
            case PaymentStuck(listing=listing, booking=booking, payment=payment):
                retry = RetryPayment(listing=listing, booking=booking, payment=payment)
                self._soon(retry, 2 * HOUR_MS)

    def _after_hold(self, event: NightsHeld) -> None:
        listing, booking, guest = event.listing, event.booking, event.guest
        method = self.methods[self.draw.randrange(len(self.methods))]
        wait_ms = self.draw.randrange(MINUTE_MS, 10 * MINUTE_MS)
        paid = PayBooking(listing=listing, booking=booking, guest=guest, method=method)
        if self._chance(88):
            self._soon(paid, wait_ms)
        elif self._chance(30):
            self._soon(CancelBooking(listing=listing, booking=booking, party_id=guest), wait_ms)
        elif self._chance(30):
            modified = self._modified(event)
            self._soon(modified, wait_ms)
            self._soon(paid, wait_ms + 30_000)

    def _modified(self, event: NightsHeld | BookingConfirmed) -> ModifyBooking:
        arrival = max(event.arrival + self.draw.randrange(-1, 3), 0)
        return ModifyBooking(
            listing=event.listing,
            booking=event.booking,
            guest=event.guest,
            arrival=arrival,
            departure=max(event.departure + self.draw.randrange(-1, 4), arrival + 1),
            guests=event.guests,
            method=self.methods[self.draw.randrange(len(self.methods))],
        )

    def _after_request(self, event: PaymentRequested) -> None:
        """What the provider says, by the method; sometimes after the hold ran out, and twice."""
        wait_ms = self.draw.randrange(300, 4_000)
        outcome = PaymentOutcome.DONE
        operation, method = event.operation, event.method
        if operation in DECLINES.get(method, ()):
            outcome = PaymentOutcome.DECLINED
        elif method == "card_dead":
            outcome, wait_ms = PaymentOutcome.FAILED, 40_000
        if operation in OPERATIONS_BACK and self._chance(60):
            outcome = PaymentOutcome.DONE
        answer = AnswerPayment(
            listing=event.listing,
            booking=event.booking,
            payment=event.payment,
            step=event.step,
            outcome=outcome,
            reason="" if outcome is PaymentOutcome.DONE else f"{method}: {outcome.value}",
        )
        if not self.with_answers:
            self._soon(answer, 0, is_told=False)
            return
        self._soon(answer, 20 * MINUTE_MS if self._chance(5) else wait_ms)
        if self._chance(8):
            self._soon(answer, wait_ms + 10_000)

    def _after_question(self, event: BookingRequested | ChangeRequested) -> None:
        listing, booking = event.listing, event.booking
        host = self.state.listings[listing].host
        wait_ms = self.draw.randrange(HOUR_MS, 8 * HOUR_MS)
        if self._chance(70):
            self._soon(AcceptBooking(listing=listing, booking=booking, host=host), wait_ms)
        elif self._chance(50):
            self._soon(DeclineBooking(listing=listing, booking=booking, host=host), wait_ms)

    def _after_confirmation(self, event: BookingConfirmed) -> None:
        listing, booking = event.listing, event.booking
        found = self.state.booking(listing, booking)
        if found is None or found.stage is not Stage.CONFIRMED:
            return
        until_check_in_ms = max(event.check_in_at_ms - self.now, HOUR_MS)
        nights_ms = (event.departure - event.arrival) * 24 * HOUR_MS
        if self._chance(50):
            self._soon(self._modified(event), self.draw.randrange(until_check_in_ms))
        if self._chance(15):
            party = event.guest if self._chance(85) else event.host
            wait_ms = self.draw.randrange(until_check_in_ms + nights_ms)
            self._soon(CancelBooking(listing=listing, booking=booking, party_id=party), wait_ms)

    def _after_stay(self, event: StayCompleted) -> None:
        booking = self.state.booking(event.listing, event.booking)
        if booking is None:
            return
        for party in (booking.guest, self.state.listings[event.listing].host):
            if self._chance(60):
                review = WriteReview(
                    listing=event.listing,
                    booking=event.booking,
                    party_id=party,
                    stars=self.draw.choice((5, 5, 5, 4, 4, 3, 1)),
                    text=self.draw.choice(("Lovely.", "As described.", "", "Noisy at night.")),
                )
                self._soon(review, self.draw.randrange(15 * 24 * HOUR_MS))
