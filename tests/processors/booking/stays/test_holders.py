"""Never doubly booked: whatever hosts, guests, the provider and time do to a few nights of one
unit, there is at most one holder a night, at every event, by an oracle that sees events alone."""

from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    AcceptBooking,
    AnswerPayment,
    BlockNights,
    BookingMode,
    BookingTerms,
    CancelBooking,
    CancellationPolicy,
    DeclineBooking,
    HoldNights,
    ModifyBooking,
    NightRange,
    PayBooking,
    PaymentOutcome,
    RetryPayment,
    StayRules,
    UnblockNights,
)
from processors.booking.stays.state import BLOCK, Stays
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from tests.processors.booking.stays import holders
from tests.processors.booking.stays.holders import Holders
from tests.processors.booking.stays.scenes import DAY, GUEST, HOST, LOFT, at, loft

STEPS_MS = (0, 1, 60_000, 600_000, 900_000, 3_600_000, 43_200_000, 86_400_000, 259_200_000)
BOOKINGS = st.sampled_from(("a", "b", "c", "d", "e"))
NAMES = {"listing": st.just(LOFT), "booking": BOOKINGS}
GUESTS = {**NAMES, "guest": st.just(GUEST)}
HOSTS = {**NAMES, "host": st.just(HOST)}
PAYMENTS = {**NAMES, "payment": st.integers(1, 6)}
ARRIVALS = st.integers(DAY, DAY + 12)


@st.composite
def nights(draw: st.DrawFn) -> tuple[int, int]:
    arrival = draw(ARRIVALS)
    return arrival, arrival + draw(st.integers(1, 4))


def held(kind: Any) -> st.SearchStrategy[Any]:
    method = {"method": st.just("card")} if kind is ModifyBooking else {}
    return st.builds(
        lambda span, **fields: kind(arrival=span[0], departure=span[1], **fields),
        nights(),
        **GUESTS,
        **method,
    )


def ranged(kind: Any) -> st.SearchStrategy[Any]:
    spans = st.lists(nights(), min_size=1, max_size=2)
    return spans.map(
        lambda found: kind(
            listing=LOFT,
            host=HOST,
            ranges=tuple(NightRange(first_night=one, end_night=two) for one, two in found),
        )
    )


COMMANDS = st.one_of(
    held(HoldNights),
    held(HoldNights),
    held(ModifyBooking),
    st.builds(PayBooking, **GUESTS, method=st.just("card")),
    st.builds(
        AnswerPayment,
        **PAYMENTS,
        step=st.integers(1, 3),
        outcome=st.sampled_from(PaymentOutcome),
    ),
    st.builds(AnswerPayment, **PAYMENTS, step=st.just(1), outcome=st.just(PaymentOutcome.DONE)),
    st.builds(AcceptBooking, **HOSTS),
    st.builds(DeclineBooking, **HOSTS),
    st.builds(CancelBooking, **NAMES, party_id=st.sampled_from((GUEST, HOST))),
    st.builds(RetryPayment, **PAYMENTS),
    ranged(BlockNights),
    ranged(UnblockNights),
    st.just(Tick()),
)
TERMS = st.builds(
    BookingTerms,
    mode=st.sampled_from(BookingMode),
    cancellation=st.sampled_from(CancellationPolicy),
)
RULES = st.builds(
    StayRules, preparation_nights=st.integers(0, 1), gap_nights_min=st.integers(0, 2)
)


def check_same(state: Stays, oracle: Holders) -> None:
    """The rules' calendar is the oracle's."""
    told = {
        (name, night): holders.BLOCK if holder == BLOCK else holder
        for name, listing in state.listings.items()
        for first, end, holder in listing.nights
        for night in range(first, end)
    }
    past = {name: listing.past_until for name, listing in state.listings.items()}
    open_nights = {
        place: holder
        for place, holder in oracle.nights.items()
        if holder != holders.BLOCK or place[1] >= past[place[0]] or place in told
    }
    assert told == open_nights


@settings(max_examples=150, deadline=None)
@given(TERMS, RULES, st.lists(st.tuples(st.sampled_from(STEPS_MS), COMMANDS), max_size=40))
def test_a_night_has_one_holder_at_every_event(
    terms: BookingTerms, rules: StayRules, steps: list[tuple[int, Any]]
) -> None:
    decider, oracle = SYSTEM.decider, Holders()
    _, state = decide_fully(decider, decider.initial(), loft(terms=terms, rules=rules), at(0))
    now = at(0)
    for step_ms, command in steps:
        now += step_ms
        events, state = decide_fully(decider, state, command, now)
        for event in events:
            oracle.take(event)
        check_same(state, oracle)
        assert SYSTEM.invariant is not None
        SYSTEM.invariant(state)


def test_a_town_for_months() -> None:
    """The flow: every rule at once, thousands of commands, many of them after the same nights."""
    decider, oracle = SYSTEM.decider, Holders()
    state = decider.initial()
    for number, (now, command) in enumerate(islice(SYSTEM.flow(5), 4_000)):
        events, state = decide_fully(decider, state, command, now)
        for event in events:
            oracle.take(event)
        if number % 20 == 0:
            check_same(state, oracle)
    assert oracle.held_times > 300
    assert sum(oracle.money.values()) > 0
