"""What the rules know of hotels: rooms and nights, prices, bookings, and what is due when.

Hotels ─► Hotel ─┬─► RoomType   how many rooms, what is sold by night, which rooms are free now
                 ├─► Room       who is in it, nights out of order
                 ├─► RatePlan, Rates (prices and restrictions by night)
                 ├─► Booking ─► Stay (one room of it)
                 └─► Schedule   by day: who arrives, who leaves, who waits
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from sortedcontainers import SortedDict, SortedList

from processors.booking.hotels.terms import DAY_MS, CancellationStep, RoomRequest

StayKey = tuple[str, int]
"""A booking, and the number of one of its rooms."""
RoomRank = tuple[int, str]
"""Sorts names of rooms as people do: 9 before 10."""


def rank_of(room: str) -> RoomRank:
    return len(room), room


class Status(Enum):
    WAITING = "waiting"
    HELD = "held"
    OFFERED = "offered"
    """Held, for one who waited."""
    CONFIRMED = "confirmed"


@dataclass(slots=True)
class Terms:
    """What holds for the whole hotel; see `OpenHotel`."""

    name: str
    currency: str
    utc_offset_min: int
    day_ends_min: int
    hold_ms_max: int
    offer_ms: int
    waiting_max: int
    walk_percent: int


@dataclass(slots=True)
class RoomType:
    name: str
    guests_max: int = 0
    extra_rooms: int = 0
    extra_percent: int = 0
    rooms: int = 0
    overbooking: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By night, where it is not that of all nights: (extra rooms, extra percent)."""
    out_of_order: dict[int, int] = field(default_factory=dict)
    """By night, how many rooms are."""
    sold: dict[int, int] = field(default_factory=dict)
    """By night, how many rooms are booked, held or slept in."""
    free: "SortedList[RoomRank]" = field(default_factory=SortedList)
    """Rooms that nobody is in now."""

    def in_service(self, night: int) -> int:
        return self.rooms - self.out_of_order.get(night, 0)

    def capacity(self, night: int) -> int:
        """How many rooms may be sold: those in service, and the overbooking limit."""
        in_service = self.in_service(night)
        extra, percent = self.overbooking.get(night) or (self.extra_rooms, self.extra_percent)
        return in_service + extra + in_service * percent // 100

    def take(self, nights: range, count: int = 1) -> None:
        sold = self.sold
        for night in nights:
            sold[night] = sold.get(night, 0) + count

    def release(self, nights: range) -> None:
        sold = self.sold
        for night in nights:
            left = sold[night] - 1
            if left:
                sold[night] = left
            else:
                del sold[night]


@dataclass(slots=True)
class Room:
    name: str
    room_type: str
    occupant: StayKey | None = None
    out_of_order: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True)
class RatePlan:
    name: str
    refundable: bool
    minimum_nights: int
    maximum_nights: int
    cancellation: tuple[CancellationStep, ...]
    no_show_percent: int
    early_departure_percent: int
    suspended: bool


Restriction = tuple[bool, bool, bool, int]
"""Closed, closed to arrival, closed to departure, minimum nights."""


@dataclass(slots=True)
class Rates:
    """Of a rate plan and a room type, by night."""

    prices: dict[int, int] = field(default_factory=dict)
    restrictions: dict[int, Restriction] = field(default_factory=dict)


@dataclass(slots=True)
class Stay:
    """One room of a booking, until its guest has left for good."""

    room_type: str
    guests: int
    arrival: int
    departure: int
    prices: tuple[int, ...]
    room: str = ""
    """Empty: not arrived."""


@dataclass(slots=True)
class Booking:
    name: str
    guest: str
    rate_plan: str
    arrival: int
    departure: int
    status: Status
    requests: tuple[RoomRequest, ...] = ()
    """What is waited for; empty otherwise."""
    agreed_price: int | None = None
    loyalty: int = 0
    booked_at_ms: int = 0
    until_ms: int = 0
    """Of what is held."""
    rooms: int = 0
    """How many it has, or had: those that have left too."""
    stays: dict[int, Stay] = field(default_factory=dict)
    """By number; only those that have not left."""


@dataclass(slots=True)
class Day:
    """What a day still has to bring."""

    arrivals: dict[StayKey, None] = field(default_factory=dict)
    departures: dict[StayKey, None] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)


class Schedule:
    """Days on which somebody arrives, leaves, or waits to arrive; no others."""

    __slots__ = ("days",)

    def __init__(self) -> None:
        self.days: SortedDict[int, Day] = SortedDict()

    def on(self, day: int) -> Day:
        found = self.days.get(day)
        if found is None:
            found = self.days[day] = Day()
        return found

    def tidy(self, day: int) -> None:
        """Forget the day where nothing is left of it."""
        found = self.days[day]
        if not (found.arrivals or found.departures or found.waiting):
            del self.days[day]

    def first(self) -> int | None:
        return self.days.peekitem(0)[0] if self.days else None


class Hotel:
    __slots__ = (
        "bookings",
        "ended",
        "first_open_day",
        "in_house",
        "name",
        "plans",
        "rates",
        "room_types",
        "rooms",
        "rooms_out_of_order",
        "schedule",
        "terms",
        "waiting",
    )

    def __init__(self, name: str, terms: Terms, first_open_day: int) -> None:
        self.name = name
        self.terms = terms
        self.first_open_day = first_open_day
        """Nights before it are over: nothing is kept of them."""
        self.room_types: dict[str, RoomType] = {}
        self.rooms: dict[str, Room] = {}
        self.rooms_out_of_order: dict[str, None] = {}
        """Those with nights to come in which they are."""
        self.plans: dict[str, RatePlan] = {}
        self.rates: dict[tuple[str, str], Rates] = {}
        self.bookings: dict[str, Booking] = {}
        self.ended: dict[str, None] = {}
        """Names of bookings that are over, so that none is used again."""
        self.waiting: dict[str, None] = {}
        """First come first."""
        self.schedule = Schedule()
        self.in_house = 0

    @property
    def day_offset_ms(self) -> int:
        """What the hotel's days are ahead of UTC's."""
        return (self.terms.utc_offset_min - self.terms.day_ends_min) * 60_000

    def today(self, at: int) -> int:
        return max((at + self.day_offset_ms) // DAY_MS, self.first_open_day)

    def start_ms(self, day: int) -> int:
        """When the day begins, in ms since 1970; the day before ends then."""
        return day * DAY_MS - self.day_offset_ms

    def day_to_end(self) -> int | None:
        """Each day ends while somebody is in the house; else those on which something is due."""
        return self.first_open_day if self.in_house else self.schedule.first()

    def open_nights(self, stay: Stay) -> range:
        return range(max(stay.arrival, self.first_open_day), stay.departure)


def drop_before(nights: dict[int, object], first: int, day: int) -> None:
    """Forget the nights from `first` to before `day`; there are none before `first`."""
    if day - first < len(nights):
        for night in range(first, day):
            nights.pop(night, None)
    else:
        for night in [night for night in nights if night < day]:
            del nights[night]


class Alarms:
    """When what is due, by name: a booking of a hotel, or the hotel's day (no booking)."""

    __slots__ = ("_due", "_queue")

    def __init__(self) -> None:
        self._due: dict[tuple[str, str], int] = {}
        self._queue: SortedList[tuple[int, str, str]] = SortedList()

    def set(self, hotel: str, booking: str, due_ms: int | None) -> None:
        """None: nothing is due."""
        name = hotel, booking
        before = self._due.get(name)
        if before == due_ms:
            return
        if before is not None:
            self._queue.remove((before, *name))
            del self._due[name]
        if due_ms is not None:
            self._due[name] = due_ms
            self._queue.add((due_ms, *name))

    def first(self) -> tuple[int, str, str] | None:
        """(due in ms since 1970, hotel, booking)"""
        return self._queue[0] if self._queue else None

    def all(self) -> Iterable[tuple[int, str, str]]:
        return iter(self._queue)


class Hotels:
    """The state of a partition."""

    __slots__ = ("alarms", "hotels", "offers")

    def __init__(self) -> None:
        self.hotels: dict[str, Hotel] = {}
        self.alarms = Alarms()
        self.offers: dict[str, str] = {}
        """By hotel, the first booking on its waiting list that can be had now. Served within the
        command that made it so: between two commands there are none."""
