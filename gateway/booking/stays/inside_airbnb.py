"""Inside Airbnb's files of a city into commands that make the stays' calendars the recorded ones.

    listings file ──► what each listing is ─┬─► CreateListing  with the commonest price and lengths
    calendar file ──► its nights, in order ─┴─► SetNights      nights with others
                                                BlockNights    nights that are not available

A night that is not available may be booked or blocked, which the recording does not tell: all are
blocked. A listing is made on the first day of its calendar, at midnight; prices of a file are in
one currency. What goes beyond the rules' limits is cut to them, and a listing without any price is
left out: that is counted, by name, in the summary's remarks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from gateway.booking.stays.airbnb_files import (
    DAY_ZERO,
    CalendarFile,
    ListedUnit,
    ListingsFile,
    Night,
    Price,
)
from gateway.recording import (
    BadRecording,
    Recording,
    RecordingOptions,
    Summary,
    midnight_ms,
)
from log.envelope import Command
from processors.booking.stays.commands import (
    BlockNights,
    BookingMode,
    BookingTerms,
    CreateListing,
    NightRange,
    NightTerms,
    Place,
    PriceRules,
    SetNights,
    StayRules,
)
from processors.booking.stays.listing_checks import LISTED_MAX, NIGHTS_MAX, RANGES_MAX, TEXT_MAX

WINDOW_DAYS: Final = 365
"""How far ahead a calendar goes."""
DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
AS_RECORDED: Final = RecordingOptions()
NightKind = tuple[int, int, int]
"""Price, minimum and maximum nights."""


def inside_airbnb(path: Path, options: RecordingOptions = AS_RECORDED) -> Recording:
    """Open a listings file; the calendar file is the one beside it, named alike, with `calendar`
    in the place of `listings`. Raises BadRecording, here or from the rows."""
    name = path.name.replace("listings", "calendar")
    if name == path.name:
        raise BadRecording(
            path,
            0,
            "file",
            "there is no `listings` in its name, so that its calendar cannot be found",
            "give the listings file, with the calendar file beside it: listings.csv.gz and "
            "calendar.csv.gz",
        )
    summary = Summary()
    reader = _Reader(ListingsFile(path), CalendarFile(path.with_name(name)), options.zone, summary)
    return Recording(summary, reader.rows(), reader.fraction_done)


class _Reader:
    def __init__(
        self, listings: ListingsFile, calendar: CalendarFile, zone: str, summary: Summary
    ) -> None:
        self._listings = listings
        self._calendar = calendar
        self._zone = zone
        self._summary = summary
        self._last_day = 0

    def fraction_done(self) -> float:
        return (self._listings.fraction_done + 9 * self._calendar.fraction_done) / 10

    def rows(self) -> Iterator[tuple[int, int, list[Command]]]:
        units = self._units()
        done: set[str] = set()
        number = 0
        for listing, nights in self._calendar.calendars():
            first = nights[0]
            if listing in done:
                reason = f"the calendar of {listing} goes on after another's"
                raise self._calendar.bad(first.line, "listing_id", reason, "sort the file")
            unit = units.pop(listing, None)
            if unit is None:
                reason = f"listing {listing} is not in {self._listings.path.name}"
                advice = "give the two files of one city and day"
                raise self._calendar.bad(first.line, "listing_id", reason, advice)
            done.add(listing)
            self._summary.messages["nights"] += len(nights)
            number += 1
            yield self._row(number, unit, nights)
        for unit in units.values():
            self._summary.remarks["listings without a calendar"] += 1
            number += 1
            yield self._row(number, unit, [])

    def _units(self) -> dict[str, ListedUnit]:
        units: dict[str, ListedUnit] = {}
        for unit in self._listings.listings():
            if unit.listing in units:
                reason = f"listing {unit.listing} stands there twice"
                raise self._listings.bad(unit.line, "id", reason)
            units[unit.listing] = unit
            self._summary.messages["listings"] += 1
        return units

    def _row(
        self, number: int, unit: ListedUnit, nights: list[Night]
    ) -> tuple[int, int, list[Command]]:
        day = nights[0].night if nights else unit.seen
        # Time does not go back: a listing that was seen before others comes with them.
        self._last_day = day = max(day, self._last_day)
        at = midnight_ms(self._listings.path, date.fromordinal(day + DAY_ZERO), self._zone)
        offset_minutes = (day * DAY_MS - at) // MINUTE_MS
        return number, at, list(self._commands(unit, nights, offset_minutes))

    def _commands(
        self, unit: ListedUnit, nights: list[Night], offset_minutes: int
    ) -> Iterator[Command]:
        kinds = [self._kind(unit, night) for night in nights]
        usual = self._usual(unit, kinds)
        price, least, most = usual
        currency = next((each for _, each in (unit.price, *_prices(nights)) if each), "")
        if not price:
            self._summary.remarks["listings without a price, left out"] += 1
            return
        yield CreateListing(
            listing=unit.listing,
            host=unit.host,
            place=Place(
                latitude_microdegrees=unit.latitude_microdegrees,
                longitude_microdegrees=unit.longitude_microdegrees,
                city=unit.neighbourhood[:LISTED_MAX],
            ),
            capacity=max(unit.capacity, 1),
            currency=currency,
            prices=PriceRules(night_price=price),
            title=unit.title[:TEXT_MAX],
            room_type=unit.room_type,
            amenities=self._amenities(unit),
            rules=StayRules(minimum_nights=least, maximum_nights=most, window_days=WINDOW_DAYS),
            terms=BookingTerms(
                mode=BookingMode.INSTANT if unit.is_instant else BookingMode.REQUEST,
                utc_offset_minutes=offset_minutes,
            ),
        )
        yield from _set_nights(unit, nights, kinds, usual)
        taken = [night.night for night in nights if not night.is_available]
        for ranges in _ranges(taken):
            yield BlockNights(listing=unit.listing, host=unit.host, ranges=ranges)

    def _kind(self, unit: ListedUnit, night: Night) -> NightKind:
        lengths = self._lengths(night.minimum_nights, night.maximum_nights)
        return night.price.amount or unit.price.amount, *lengths

    def _usual(self, unit: ListedUnit, kinds: Sequence[NightKind]) -> NightKind:
        """The commonest; without a calendar, what the listing says."""
        if kinds:
            priced = [kind for kind in kinds if kind[0]]
            return Counter(priced or kinds).most_common(1)[0][0]
        return unit.price.amount, *self._lengths(unit.minimum_nights, unit.maximum_nights)

    def _lengths(self, least: int, most: int) -> tuple[int, int]:
        if most > NIGHTS_MAX or not 0 < least <= most:
            self._summary.remarks[f"lengths of stay brought within 1 to {NIGHTS_MAX} nights"] += 1
        least = min(max(least, 1), NIGHTS_MAX)
        return least, max(min(most, NIGHTS_MAX), least)

    def _amenities(self, unit: ListedUnit) -> tuple[str, ...]:
        amenities = tuple(each for each in unit.amenities if 0 < len(each) <= LISTED_MAX)
        if len(amenities) != len(unit.amenities) or len(amenities) > LISTED_MAX:
            self._summary.remarks["lists of amenities that were cut"] += 1
        return amenities[:LISTED_MAX]


def _prices(nights: Iterable[Night]) -> Iterator[Price]:
    return (night.price for night in nights)


def _set_nights(
    unit: ListedUnit, nights: Sequence[Night], kinds: Sequence[NightKind], usual: NightKind
) -> Iterator[SetNights]:
    """The nights that are not as usual, by what they are."""
    others: dict[NightKind, list[int]] = {}
    for night, kind in zip(nights, kinds, strict=True):
        if kind != usual:
            others.setdefault(kind, []).append(night.night)
    for (price, least, most), days in others.items():
        terms = NightTerms(
            price=price if price != usual[0] else 0,
            minimum_nights=least if least != usual[1] else 0,
            maximum_nights=most if most != usual[2] else 0,
        )
        for ranges in _ranges(days):
            yield SetNights(listing=unit.listing, host=unit.host, ranges=ranges, night_terms=terms)


def _ranges(days: Sequence[int]) -> Iterator[tuple[NightRange, ...]]:
    """Nights in order as ranges, so many as a command takes."""
    ranges: list[list[int]] = []
    for day in days:
        if ranges and ranges[-1][1] == day and day - ranges[-1][0] < NIGHTS_MAX:
            ranges[-1][1] = day + 1
        else:
            ranges.append([day, day + 1])
    found = [NightRange(first_night=first, end_night=end) for first, end in ranges]
    for start in range(0, len(found), RANGES_MAX):
        yield tuple(found[start : start + RANGES_MAX])
