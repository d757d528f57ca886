"""Bookings of real hotels, as published, into commands that live them again in time order.

The format is that of `hotel_bookings.csv` (Antonio, de Almeida, Nunes: "Hotel booking demand
datasets", Data in Brief 22, 2019): a line a booking of one room, with a header, in any order.

    the arrival less lead_time   BookRooms
    Canceled                     CancelBooking, on the day of reservation_status_date
    No-Show                      ReportNoShow, on the arrival day
    Check-Out                    CheckIn on the arrival day, in a room of assigned_room_type, and
                                 CheckOut on reservation_status_date

*Rooms.* The file does not say how many there are. So each type gets as many as guests were in at
one time, and an overbooking limit of what more was sold, at the worst, in any night: bookings that
were cancelled later, and did not come, count there until then.

*Prices.* `adr`, the average price of a night, is what each night was agreed at, in cents (EUR, the
hotels' currency, which the file does not say). A rate plan stands for each `deposit_type`: what
cancelling cost is not known but for `Non Refund`, which pays all.

*Names and times.* A booking is `line-7` of its line in the file, its guest `guest-7`. The file
knows days only: guests leave at 11:00, book at 12:00, cancel at 13:00, arrive at 15:00, are given
up at 23:00; who leaves on the day of arrival does so at 20:00. All in UTC.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Final, NamedTuple

from gateway.recording import (
    BadRecording,
    LineReader,
    Recording,
    RecordingOptions,
    Summary,
)
from log.envelope import Command
from processors.booking.hotels.commands import (
    AddRooms,
    BookRooms,
    CancelBooking,
    CheckIn,
    CheckOut,
    ExtendStay,
    OpenHotel,
    ReportNoShow,
    RoomRequest,
    SetRatePlan,
    SetRoomType,
)
from processors.booking.hotels.terms import DAY_MS, HORIZON_NIGHTS, STAY_NIGHTS_MAX

HOUR_MS: Final = 3_600_000
COLUMNS: Final = (
    "hotel",
    "is_canceled",
    "lead_time",
    "arrival_date_year",
    "arrival_date_month",
    "arrival_date_day_of_month",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "children",
    "babies",
    "reserved_room_type",
    "assigned_room_type",
    "deposit_type",
    "adr",
    "reservation_status",
    "reservation_status_date",
)
"""Those that are used; there may be others, in any order."""
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
STATUSES: Final = ("Check-Out", "Canceled", "No-Show")
PLANS: Final = {"No Deposit": True, "Refundable": True, "Non Refund": False}
"""By deposit type, whether money comes back."""
UNKNOWN: Final = ("", "NA", "NULL")
PRICE_MAX: Final = 10**12
GUESTS_MAX: Final = 10_000
ROOMS_A_COMMAND: Final = 500
ADVICE: Final = "correct the line or get the file again"
EXTEND, LEAVE, BOOK, CANCEL, ARRIVE, LEAVE_LATE, GIVE_UP = 10, 11, 12, 13, 15, 20, 23
"""Hours of the day: what happens on one day does so in this order."""


class Line(NamedTuple):
    """A booking. Days since 1970-01-01, the price in cents."""

    number: int
    hotel: str
    booked: int
    arrival: int
    nights: int
    guests: int
    reserved: str
    assigned: str
    plan: str
    price: int
    status: str
    ended: int
    """The day on which it was cancelled, not shown, or left."""


class Step(NamedTuple):
    """What happens to a booking at a time: sorts as it happens."""

    day: int
    hour: int
    number: int
    line: Line


def hotel_bookings(
    path: Path,
    options: RecordingOptions = RecordingOptions(),  # noqa: B008
) -> Recording:
    """Open a file. Raises BadRecording, here or from the rows: before the first command, as the
    whole file must be read to sort it by time."""
    if options != RecordingOptions():
        raise BadRecording(
            path,
            0,
            "options",
            "bookings have no instrument, day, zone or order book to choose",
            "leave these options away",
        )
    file = BookingFile(path)
    summary = Summary()
    progress = _Progress()
    rows = _rows(file, summary, progress)
    return Recording(summary, rows, lambda: (file.fraction_done + progress.fraction) / 2)


@dataclass
class _Progress:
    fraction: float = 0.0


def _rows(
    file: "BookingFile", summary: Summary, progress: _Progress
) -> Iterator[tuple[int, int, list[Command]]]:
    steps: list[Step] = []
    hotels: dict[str, _Sizes] = {}
    for line in file.lines(summary):
        summary.messages[line.status] += 1
        if line.hotel not in hotels:
            hotels[line.hotel] = _Sizes()
        hotels[line.hotel].guests(line)
        steps.extend(_steps(line))
    if not steps:
        raise BadRecording(file.path, 0, "rows", "there is no booking in it", "get the file again")
    steps.sort()
    for step in steps:
        hotels[step.line.hotel].count(step)
    opened_ms = steps[0].day * DAY_MS
    for name in sorted(hotels):
        yield 1, opened_ms, list(_opening(name, hotels[name]))
    for number, step in enumerate(steps, 1):
        progress.fraction = number / len(steps)
        yield step.number, step.day * DAY_MS + step.hour * HOUR_MS, [_command(step)]


def _steps(line: Line) -> Iterator[Step]:
    number = line.number
    yield Step(line.booked, BOOK, number, line)
    if line.status == "Canceled":
        yield Step(line.ended, CANCEL, number, line)
    elif line.status == "No-Show":
        yield Step(line.arrival, GIVE_UP, number, line)
    else:
        departure = line.arrival + line.nights
        yield Step(line.arrival, ARRIVE, number, line)
        if line.ended > departure:
            yield Step(departure, EXTEND if line.nights else LEAVE_LATE - 1, number, line)
        yield Step(line.ended, LEAVE if line.ended > line.arrival else LEAVE_LATE, number, line)


def _command(step: Step) -> Command:
    line = step.line
    hotel, booking = line.hotel, f"line-{line.number}"
    if step.hour == BOOK:
        return BookRooms(
            hotel=hotel,
            booking=booking,
            guest=f"guest-{line.number}",
            rate_plan=line.plan,
            arrival=line.arrival,
            departure=line.arrival + line.nights,
            rooms=(RoomRequest(room_type=line.reserved, guests=line.guests),),
            agreed_price=line.price,
        )
    if step.hour == CANCEL:
        return CancelBooking(hotel=hotel, booking=booking)
    if step.hour == GIVE_UP:
        return ReportNoShow(hotel=hotel, booking=booking)
    if step.hour == ARRIVE:
        return CheckIn(hotel=hotel, booking=booking, assigned_type=line.assigned)
    if step.hour in (EXTEND, LEAVE_LATE - 1):
        return ExtendStay(hotel=hotel, booking=booking, departure=line.ended)
    return CheckOut(hotel=hotel, booking=booking)


@dataclass
class _Sizes:
    """What the bookings of a hotel need, by room type."""

    guests_max: Counter[str] = field(default_factory=Counter)
    in_house: Counter[str] = field(default_factory=Counter)
    in_house_max: Counter[str] = field(default_factory=Counter)
    sold: Counter[tuple[str, int]] = field(default_factory=Counter)
    sold_max: Counter[str] = field(default_factory=Counter)

    def guests(self, line: Line) -> None:
        for room_type in (line.reserved, line.assigned):
            self.guests_max[room_type] = max(self.guests_max[room_type], line.guests)

    def count(self, step: Step) -> None:
        """Steps come in the order of time."""
        line, departure = step.line, step.line.arrival + step.line.nights
        nights = range(line.arrival, departure)
        if step.hour == BOOK:
            self._sell(line.reserved, nights)
        elif step.hour in (CANCEL, GIVE_UP):
            self._free(line.reserved, nights)
        elif step.hour == ARRIVE:
            self._free(line.reserved, nights)
            self._sell(line.assigned, nights)
            self.in_house[line.assigned] += 1
            most = max(self.in_house_max[line.assigned], self.in_house[line.assigned])
            self.in_house_max[line.assigned] = most
        elif step.hour in (LEAVE, LEAVE_LATE):
            self._free(line.assigned, range(line.ended, max(departure, line.ended)))
            self.in_house[line.assigned] -= 1
        else:
            self._sell(line.assigned, range(departure, line.ended))

    def _sell(self, room_type: str, nights: Iterable[int]) -> None:
        for night in nights:
            self.sold[room_type, night] += 1
            if self.sold[room_type, night] > self.sold_max[room_type]:
                self.sold_max[room_type] = self.sold[room_type, night]

    def _free(self, room_type: str, nights: Iterable[int]) -> None:
        for night in nights:
            self.sold[room_type, night] -= 1


def _opening(hotel: str, sizes: _Sizes) -> Iterator[Command]:
    yield OpenHotel(hotel=hotel, name=hotel, currency="EUR")
    for plan, refundable in PLANS.items():
        yield SetRatePlan(
            hotel=hotel,
            rate_plan=plan,
            refundable=refundable,
            minimum_nights=0,
            no_show_percent=0,
        )
    for room_type in sorted(sizes.guests_max):
        rooms, sold = sizes.in_house_max[room_type], sizes.sold_max[room_type]
        yield SetRoomType(
            hotel=hotel,
            room_type=room_type,
            guests_max=sizes.guests_max[room_type],
            extra_rooms=max(sold - rooms, 0),
        )
        names = tuple(f"{room_type}{number}" for number in range(1, rooms + 1))
        for at in range(0, rooms, ROOMS_A_COMMAND):
            yield AddRooms(
                hotel=hotel, room_type=room_type, names=names[at : at + ROOMS_A_COMMAND]
            )


class BookingFile(LineReader):
    def __init__(self, path: Path) -> None:
        self._places: dict[str, int] = {}
        self._width = 0
        super().__init__(path, self._wrong_columns)

    def _wrong_columns(self, fields: list[str]) -> str | None:
        """The first line is the header, which says where each column stands."""
        if not self._places:
            missing = [name for name in COLUMNS if name not in fields]
            if missing:
                return f"the header has no column {', '.join(missing)}"
            self._places = {name: fields.index(name) for name in COLUMNS}
            self._width = len(fields)
        if len(fields) != self._width:
            return f"the header has {self._width} columns, and this line has {len(fields)}"
        return None

    def lines(self, summary: Summary) -> Iterator[Line]:
        for number, fields in self:
            yield self._line(number, fields, summary)

    def _line(self, number: int, fields: list[str], summary: Summary) -> Line:
        row = _Row(self, number, {name: fields[at] for name, at in self._places.items()})
        arrival = row.arrival()
        lead_days = row.whole("lead_time", HORIZON_NIGHTS)
        nights = row.whole("stays_in_weekend_nights", STAY_NIGHTS_MAX)
        nights += row.whole("stays_in_week_nights", STAY_NIGHTS_MAX)
        if nights > STAY_NIGHTS_MAX or lead_days + nights > HORIZON_NIGHTS:
            raise row.bad(
                "lead_time",
                f"{nights} nights, {lead_days} days ahead: hotels take bookings of at most "
                f"{STAY_NIGHTS_MAX} nights, which end within {HORIZON_NIGHTS} days",
            )
        status = row.status()
        booked = arrival - lead_days
        ended = _plausible(
            status, booked, arrival, row.day("reservation_status_date"), summary.remarks
        )
        if ended - arrival > STAY_NIGHTS_MAX:
            raise row.bad(
                "reservation_status_date", f"more than {STAY_NIGHTS_MAX} nights after the arrival"
            )
        return Line(
            number,
            row.name("hotel"),
            booked,
            arrival,
            nights,
            row.guests(summary.remarks),
            row.name("reserved_room_type"),
            row.name("assigned_room_type"),
            row.plan(),
            row.price(summary.remarks),
            status,
            ended,
        )


def _plausible(status: str, booked: int, arrival: int, ended: int, remarks: Counter[str]) -> int:
    """The day of the end, where it can have been; else the nearest such, with a remark."""
    if status == "Check-Out":
        possible = max(ended, arrival)
    elif status == "No-Show":
        possible = arrival
    else:
        possible = min(max(ended, booked), arrival)
    if possible != ended:
        remarks[f"{status} on a day on which it cannot have been: taken as the nearest"] += 1
    return possible


class _Row:
    """One line's values by column. What cannot be read is raised as BadRecording."""

    def __init__(self, file: BookingFile, number: int, values: dict[str, str]) -> None:
        self._file = file
        self._number = number
        self._values = values

    def bad(self, column: str, reason: str) -> BadRecording:
        return BadRecording(self._file.path, self._number, column, reason, ADVICE)

    def name(self, column: str) -> str:
        text = self._values[column].strip()
        if text in UNKNOWN:
            raise self.bad(column, f"{text!r} is no name")
        return text

    def whole(self, column: str, maximum: int, unknown: int | None = None) -> int:
        text = self._values[column].strip()
        if unknown is not None and text in UNKNOWN:
            return unknown
        digits = text.removesuffix(".0")
        if not (digits.isdecimal() and digits.isascii()) or int(digits) > maximum:
            raise self.bad(column, f"{text!r} is not a whole number from 0 to {maximum}")
        return int(digits)

    def arrival(self) -> int:
        text = self.name("arrival_date_month")
        if text not in MONTHS:
            raise self.bad("arrival_date_month", f"{text!r} is not the English name of a month")
        year, day = self.whole("arrival_date_year", 9999), "arrival_date_day_of_month"
        return self._date(day, year, MONTHS.index(text) + 1, self.whole(day, 31))

    def day(self, column: str) -> int:
        """As 7/31/2015 or 2015-07-31."""
        text = self.name(column)
        parts = text.split("-") if "-" in text else text.split("/")
        if len(parts) != 3 or not all(part.isdecimal() and part.isascii() for part in parts):
            raise self.bad(column, f"{text!r} is not a day like 7/31/2015 or 2015-07-31")
        first, second, third = map(int, parts)
        if "-" in text:
            return self._date(column, first, second, third)
        return self._date(column, third, first, second)

    def _date(self, column: str, year: int, month: int, day: int) -> int:
        try:
            found = date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
        except ValueError:
            found = -1
        if not HORIZON_NIGHTS <= found <= 99_000:
            raise self.bad(column, f"there is no day {year}-{month}-{day} that hotels can book")
        return found

    def status(self) -> str:
        status = self.name("reservation_status")
        if status not in STATUSES:
            raise self.bad("reservation_status", f"{status!r} is none of {', '.join(STATUSES)}")
        if self.whole("is_canceled", 1) != (status != "Check-Out"):
            raise self.bad(
                "is_canceled", f"{self._values['is_canceled']} contradicts the status, {status}"
            )
        return status

    def plan(self) -> str:
        plan = self.name("deposit_type")
        if plan not in PLANS:
            raise self.bad("deposit_type", f"{plan!r} is none of {', '.join(PLANS)}")
        return plan

    def guests(self, remarks: Counter[str]) -> int:
        parts = [self.whole(it, GUESTS_MAX // 3, 0) for it in ("adults", "children", "babies")]
        if not sum(parts):
            remarks["no guests, adults or children: taken as one"] += 1
        return max(sum(parts), 1)

    def price(self, remarks: Counter[str]) -> int:
        """In cents."""
        text = self.name("adr")
        try:
            cents = Decimal(text).scaleb(2)
            if not cents.is_finite() or abs(cents) > PRICE_MAX:
                raise InvalidOperation
        except InvalidOperation:
            raise self.bad("adr", f"{text!r} is not a price of a night") from None
        whole = cents.quantize(Decimal(1), ROUND_HALF_UP)
        if whole != cents:
            remarks["a price with parts of a cent: rounded"] += 1
        if whole < 0:
            remarks["a price below 0: taken as 0"] += 1
        return max(int(whole), 0)
