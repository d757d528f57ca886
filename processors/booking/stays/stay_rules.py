"""Whether a stay may be, by the listing's rules: pure functions, for the decider and for read
models alike. That its nights are free is looked at elsewhere.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from processors.booking.stays.pricing import weekday_of
from processors.booking.stays.terms import RejectCode, StayRules

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class StayFault(NamedTuple):
    """Why a stay is not taken: a code, the command's field, a sentence."""

    code: RejectCode
    field: str
    reason: str


class Neighbour(NamedTuple):
    """What is taken next before or after a stay: the day on which the free nights begin or end,
    and whether by a booking, and not by a block of the host's."""

    day: int
    is_booking: bool


def fault_of_stay(
    rules: StayRules,
    arrival: int,
    departure: int,
    today: int,
    *,
    before: Neighbour | None = None,
    after: Neighbour | None = None,
    minimum_nights: int = 0,
    maximum_nights: int = 0,
    keeps_arrival: bool = False,
) -> StayFault | None:
    """What speaks against a stay whose nights are free, if anything. `minimum_nights` and
    `maximum_nights` are those that the host set for the arrival's night; 0: by the rules. A
    booking that is modified and `keeps_arrival` needs no notice."""
    nights = departure - arrival
    if not keeps_arrival and arrival < today + rules.notice_days:
        return _too_soon(rules, today)
    if departure > today + rules.window_days:
        reason = f"the departure may be {rules.window_days} days from today at most"
        return StayFault(RejectCode.TOO_FAR, "departure", reason)
    if rules.arrival_weekdays and weekday_of(arrival) not in rules.arrival_weekdays:
        reason = f"no stay begins on a {WEEKDAYS[weekday_of(arrival)]} here"
        return StayFault(RejectCode.ARRIVAL_WEEKDAY, "arrival", reason)
    if rules.departure_weekdays and weekday_of(departure) not in rules.departure_weekdays:
        reason = f"no stay ends on a {WEEKDAYS[weekday_of(departure)]} here"
        return StayFault(RejectCode.DEPARTURE_WEEKDAY, "departure", reason)
    most = maximum_nights or rules.maximum_nights
    if nights > most:
        reason = f"{nights} nights are more than the {most} that are taken here"
        return StayFault(RejectCode.TOO_LONG, "departure", reason)
    gap_before = None if before is None else _gap(rules, before, arrival - before.day)
    gap_after = None if after is None else _gap(rules, after, after.day - departure)
    least = minimum_nights or rules.minimum_nights
    if nights < least and not (rules.fills_gaps and gap_before == gap_after == 0):
        reason = f"{nights} nights are fewer than the {least} that are taken here"
        return StayFault(RejectCode.TOO_SHORT, "departure", reason)
    fault = None if gap_before is None else _fault_of_gap(rules, "arrival", gap_before)
    if fault is None and gap_after is not None:
        fault = _fault_of_gap(rules, "departure", gap_after)
    return fault


def _too_soon(rules: StayRules, today: int) -> StayFault:
    notice = rules.notice_days
    reason = f"the arrival may be day {today + notice} at the earliest ({notice} days' notice)"
    return StayFault(RejectCode.TOO_SOON, "arrival", reason)


def _gap(rules: StayRules, neighbour: Neighbour, nights: int) -> int:
    """The free nights between a stay and its neighbour, without those for preparation: below 0
    where there is no time for it."""
    return nights - rules.preparation_nights if neighbour.is_booking else nights


def _fault_of_gap(rules: StayRules, field: str, gap: int) -> StayFault | None:
    if gap < 0:
        reason = f"another booking is nearer than {rules.preparation_nights} nights"
        return StayFault(RejectCode.PREPARATION, field, reason)
    if 0 < gap < rules.gap_nights_min:
        reason = f"it would leave {gap} free nights, of fewer than {rules.gap_nights_min} no use"
        return StayFault(RejectCode.LEAVES_GAP, field, reason)
    return None


def names_weekdays(days: Sequence[int]) -> bool:
    """Whether all are days of the week, 0 is Monday."""
    return all(0 <= day < len(WEEKDAYS) for day in days)
