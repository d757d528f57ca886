"""A listing's calendar for people: a week a line, a sign a night.

loft-0: Loft 0, 2 bookings
           Mo  Tu  We  Th  Fr  Sa  Su
Jan  2026   5.  6B  7B  8B  9. 10# 11#
"""

from processors.booking.stays.pricing import DAYS_A_WEEK, weekday_of
from processors.booking.stays.state import BLOCK, Booking, Listing, Stage, Stays

WEEKS_SHOWN = 6
LISTINGS_SHOWN = 2
HEADER = " Mo  Tu  We  Th  Fr  Sa  Su"
SIGNS = {
    Stage.HELD: "?",
    Stage.AUTHORIZING: "?",
    Stage.REQUESTED: "r",
    Stage.CONFIRMED: "B",
    Stage.STAYING: "S",
}
LEGEND = "? held   r requested   B booked   S staying   # blocked   . open"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def overview(state: Stays) -> str:
    """The calendars of the listings with the most bookings on them, from their first night on."""
    busiest = sorted(state.listings.values(), key=lambda each: (-_held(each), each.listing))
    shown = [calendar(listing) for listing in busiest[:LISTINGS_SHOWN]]
    return "\n\n".join([*shown, LEGEND]) if shown else "no listings yet"


def _held(listing: Listing) -> int:
    return sum(holder != BLOCK for _first, _end, holder in listing.nights)


def calendar(listing: Listing, from_day: int | None = None, weeks: int = WEEKS_SHOWN) -> str:
    """Some weeks of a listing, each night with its sign, by default from the first night that is
    taken."""
    first_taken = next(iter(listing.nights), (listing.past_until, 0, ""))[0]
    day = first_taken if from_day is None else from_day
    monday = max(day - weekday_of(day), 0)
    bookings = len([each for each in listing.bookings.values() if each.held()])
    lines = [f"{listing.listing}: {listing.title or listing.place.city}, {bookings} bookings"]
    lines.append(f"{'':9}{HEADER}")
    for first in range(monday, monday + weeks * DAYS_A_WEEK, DAYS_A_WEEK):
        nights = "".join(_sign(listing, night) for night in range(first, first + DAYS_A_WEEK))
        year, month, _day = civil_date(first + DAYS_A_WEEK - 1)
        lines.append(f"{MONTHS[month - 1]}{year:5} {nights}")
    return "\n".join(lines)


def _sign(listing: Listing, night: int) -> str:
    holder = listing.nights.at(night)
    _year, _month, day = civil_date(night)
    if holder is None:
        sign = "."
    elif holder == BLOCK:
        sign = "#"
    else:
        sign = sign_of(listing.bookings[holder])
    return f"{day:3}{sign}"


def sign_of(booking: Booking) -> str:
    return SIGNS[booking.stage]


def civil_date(day: int) -> tuple[int, int, int]:
    """(year, month, day of the month) of a day since 1970-01-01, in the Gregorian calendar.

    Hinnant's `civil_from_days` (https://howardhinnant.github.io/date_algorithms.html): years begin
    in March, so that a leap day is a year's last; eras have 400 years of 146,097 days.
    """
    era, day_of_era = divmod(day + 719_468, 146_097)
    leap_days = day_of_era // 1_460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leap_days) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day_of_month = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return era * 400 + year_of_era + (month <= 2), month, day_of_month
