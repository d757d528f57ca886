"""Reading published bookings: what each becomes, what rooms they need, every complaint; and the
119,390 real ones, lived again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.booking.hotels.hotel_bookings import COLUMNS, hotel_bookings
from gateway.booking.hotels.importers import IMPORTERS
from gateway.recording import BadRecording, RecordingOptions
from log.backends.memory import MemoryLog
from log.record import Record
from processors.booking.hotels import SYSTEM
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
from processors.booking.hotels.decider import DECIDER
from processors.booking.hotels.events import RequestRejected
from processors.booking.hotels.invariants import check
from processors.core.testing.subject import decide_all
from processors.core.timers import decide_fully
from processors.core.workers.running import quiet_collector
from projections.booking.hotels import queries
from projections.booking.hotels.house import HOUSE
from projections.core.memory_store import MemoryStore
from projections.core.store import Catalog
from projections.core.worker import Worker

REAL_FILE = Path(__file__).parents[4].parent / "shared/data/booking/hotel_bookings.csv.gz"
"""Not part of the project; the test on it is skipped without it."""
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
JULY_1 = 16_617
"""2015-07-01 in days since 1970."""
USUAL = {
    "hotel": "Inn",
    "is_canceled": "0",
    "lead_time": "2",
    "arrival_date_year": "2015",
    "arrival_date_month": "July",
    "arrival_date_day_of_month": "3",
    "stays_in_weekend_nights": "1",
    "stays_in_week_nights": "1",
    "adults": "2",
    "children": "0",
    "babies": "0",
    "reserved_room_type": "A",
    "assigned_room_type": "A",
    "deposit_type": "No Deposit",
    "adr": "75.5",
    "reservation_status": "Check-Out",
    "reservation_status_date": "7/5/2015",
}
CANCELLED = {"is_canceled": "1", "reservation_status": "Canceled"}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*rows: dict[str, str], header: tuple[str, ...] = ("country", *COLUMNS)) -> Path:
        path = tmp_path / "bookings.csv"
        lines = [",".join(header)]
        for row in rows:
            values = {"country": "PRT", **USUAL, **row}
            lines.append(",".join(values[name] for name in header))
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def lived(path: Path) -> list[tuple[int, int, Any]]:
    """(days after the first of July 2015, hour, command), without the opening."""
    opening = OpenHotel | SetRatePlan | SetRoomType | AddRooms
    return [
        (at // DAY_MS - JULY_1, at % DAY_MS // HOUR_MS, command)
        for at, command in hotel_bookings(path).commands()
        if not isinstance(command, opening)
    ]


def test_each_status_becomes_its_commands(write: Write) -> None:
    path = write(
        {},
        {**CANCELLED, "reservation_status_date": "7/2/2015"},
        {**CANCELLED, "reservation_status": "No-Show", "reservation_status_date": "7/3/2015"},
    )
    (_, _, booked), *_rest = found = lived(path)
    assert booked == BookRooms(
        hotel="Inn",
        booking="line-2",
        guest="guest-2",
        rate_plan="No Deposit",
        arrival=JULY_1 + 2,
        departure=JULY_1 + 4,
        rooms=(RoomRequest(room_type="A", guests=2),),
        agreed_price=75_50,
    )
    assert [(day, hour, type(command), command.booking) for day, hour, command in found] == [
        (0, 12, BookRooms, "line-2"),
        (0, 12, BookRooms, "line-3"),
        (0, 12, BookRooms, "line-4"),
        (1, 13, CancelBooking, "line-3"),
        (2, 15, CheckIn, "line-2"),
        (2, 23, ReportNoShow, "line-4"),
        (4, 11, CheckOut, "line-2"),
    ]


def test_early_late_and_day_guests(write: Write) -> None:
    path = write(
        {"reservation_status_date": "2015-07-04"},
        {"reservation_status_date": "2015-07-06", "assigned_room_type": "B"},
        {
            "stays_in_weekend_nights": "0",
            "stays_in_week_nights": "0.0",
            "reservation_status_date": "7/3/2015",
        },
        {
            "stays_in_weekend_nights": "0",
            "stays_in_week_nights": "0",
            "reservation_status_date": "7/4/2015",
        },
    )
    found = [(day, hour, type(command)) for day, hour, command in lived(path)][4:]
    assert found == [
        (2, 15, CheckIn),
        (2, 15, CheckIn),
        (2, 15, CheckIn),
        (2, 15, CheckIn),
        (2, 19, ExtendStay),
        (2, 20, CheckOut),
        (3, 11, CheckOut),
        (3, 11, CheckOut),
        (4, 10, ExtendStay),
        (5, 11, CheckOut),
    ]


def test_rooms_are_what_the_bookings_need(write: Write) -> None:
    """Two were in A at one time, and three booked: one of these came in B."""
    no_show = {
        **CANCELLED,
        "reservation_status": "No-Show",
        "reservation_status_date": "7/3/2015",
    }
    path = write({}, {"adults": "4"}, {"assigned_room_type": "B"}, {**no_show, "hotel": "Spa"})
    commands = [command for _, command in hotel_bookings(path).commands()]
    assert [command for command in commands if isinstance(command, SetRoomType | AddRooms)] == [
        SetRoomType(hotel="Inn", room_type="A", guests_max=4, extra_rooms=1),
        AddRooms(hotel="Inn", room_type="A", names=("A1", "A2")),
        SetRoomType(hotel="Inn", room_type="B", guests_max=2),
        AddRooms(hotel="Inn", room_type="B", names=("B1",)),
        SetRoomType(hotel="Spa", room_type="A", guests_max=2, extra_rooms=1),
    ]


def test_nothing_of_it_is_rejected(write: Write) -> None:
    path = write(
        *({"adults": str(1 + it % 3)} for it in range(5)),
        *({**CANCELLED, "reservation_status_date": "7/1/2015"} for _ in range(3)),
        {"assigned_room_type": "B", "deposit_type": "Non Refund"},
        {"reservation_status_date": "7/9/2015"},
        {
            "stays_in_weekend_nights": "0",
            "stays_in_week_nights": "0",
            "reservation_status_date": "7/4/2015",
        },
    )
    state = DECIDER.initial()
    for at, command in hotel_bookings(path).commands():
        events, state = decide_fully(DECIDER, state, command, at)
        assert not any(isinstance(event, RequestRejected) for event in events), events
        check(state)
    assert len(state.hotels["Inn"].ended) == 11


def test_what_is_odd_is_counted(write: Write) -> None:
    path = write(
        {"adults": "0", "children": "NA", "adr": "-6.38"},
        {**CANCELLED, "reservation_status_date": "6/1/2015", "adr": "75.505"},
        {**CANCELLED, "reservation_status": "No-Show", "reservation_status_date": "6/1/2015"},
    )
    recording = hotel_bookings(path)
    prices = [c.agreed_price for _, c in recording.commands() if isinstance(c, BookRooms)]
    assert prices == [0, 75_51, 75_50]
    assert recording.summary.remarks == {
        "no guests, adults or children: taken as one": 1,
        "a price below 0: taken as 0": 1,
        "a price with parts of a cent: rounded": 1,
        "Canceled on a day on which it cannot have been: taken as the nearest": 1,
        "No-Show on a day on which it cannot have been: taken as the nearest": 1,
    }
    assert recording.summary.messages == {"Check-Out": 1, "Canceled": 1, "No-Show": 1}
    assert recording.fraction_done() == 1.0


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("hotel", "", "'' is no name"),
        ("is_canceled", "1", "1 contradicts the status, Check-Out"),
        ("is_canceled", "2", "'2' is not a whole number from 0 to 1"),
        ("lead_time", "-3", "'-3' is not a whole number from 0"),
        ("lead_time", "1099", "end within 1100 days"),
        ("arrival_date_month", "Juli", "'Juli' is not the English name of a month"),
        ("arrival_date_day_of_month", "32", "'32' is not a whole number from 0 to 31"),
        ("arrival_date_day_of_month", "0", "there is no day 2015-7-0"),
        ("stays_in_week_nights", "1.5", "'1.5' is not a whole number"),
        ("stays_in_week_nights", "365", "hotels take bookings of at most 365 nights"),
        ("adults", "two", "'two' is not a whole number"),
        ("reserved_room_type", "NULL", "'NULL' is no name"),
        ("deposit_type", "Half", "'Half' is none of No Deposit, Refundable, Non Refund"),
        ("adr", "cheap", "'cheap' is not a price"),
        ("adr", "NaN", "'NaN' is not a price"),
        ("adr", "1E+99", "'1E+99' is not a price"),
        ("reservation_status", "Gone", "'Gone' is none of Check-Out, Canceled, No-Show"),
        ("reservation_status_date", "2/30/2016", "there is no day 2016-2-30"),
        ("reservation_status_date", "tomorrow", "is not a day like 7/31/2015 or 2015-07-31"),
        ("reservation_status_date", "7/5/2019", "more than 365 nights after the arrival"),
    ],
)
def test_a_bad_line_is_named_by_number_and_column(
    write: Write, column: str, value: str, reason: str
) -> None:
    path = write({}, {column: value}, {})
    with pytest.raises(BadRecording) as caught:
        list(hotel_bookings(path).commands())
    error = caught.value
    if column == "stays_in_week_nights" and value == "365":
        column = "lead_time"
    assert (error.path, error.line, error.field) == (path, 3, column)
    assert reason in error.reason
    assert error.advice


def test_a_bad_file(write: Write, tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="there is no booking in it"):
        list(hotel_bookings(write()).commands())
    with pytest.raises(BadRecording, match="line 1: columns: the header has no column adr"):
        list(hotel_bookings(write({}, header=COLUMNS[:14] + COLUMNS[15:])).commands())
    path = write({})
    path.write_text(path.read_text() + "Inn,0\n")
    with pytest.raises(BadRecording, match="line 3: columns: the header has 18 columns, and this"):
        list(hotel_bookings(path).commands())
    with pytest.raises(BadRecording, match="options: bookings have no instrument"):
        hotel_bookings(path, RecordingOptions(instrument="X"))
    with pytest.raises(BadRecording, match="check the path"):
        hotel_bookings(tmp_path / "none.csv")


def test_the_importer_is_listed(write: Write) -> None:
    importer = IMPORTERS["hotel-bookings"]
    assert importer.system == SYSTEM.name
    assert len(list(importer.open(write({}), RecordingOptions()).commands())) > 5


def test_the_real_bookings_give_the_published_totals() -> None:
    if not REAL_FILE.exists():
        pytest.skip(f"the bookings {REAL_FILE} are not here")
    with quiet_collector():
        _live_the_real_bookings()


def _live_the_real_bookings() -> None:
    log = MemoryLog()
    partitions = SYSTEM.ensure_topics(log)
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    recording = hotel_bookings(REAL_FILE)
    records: dict[int, list[Record]] = {}
    for at, command in recording.commands():
        key, (number,) = SYSTEM.placed(command, partitions)
        records.setdefault(number, []).append(Record(encode(command), key, at))
    for number, mine in records.items():
        log.partition(SYSTEM.commands_topic, number).append(mine)
    del records
    folds = decide_all(log, SYSTEM, 1 << 22)
    for fold in folds:
        check(fold.state)

    store = MemoryStore(Catalog(SYSTEM, (HOUSE,)))
    store.batch_bytes = 1 << 23
    Worker(log, store).catch_up()
    with store.reading() as reader:
        found = {(it.hotel, it.status): it.rooms for it in queries.outcomes(reader) if it.rooms}
        occupancy = queries.occupancy(reader, "City Hotel", JULY_1, 400)
    cancelled = {
        hotel: found[hotel, "cancelled"] + found[hotel, "no_show"]
        for hotel in ("City Hotel", "Resort Hotel")
    }
    assert cancelled == {"City Hotel": 33_102, "Resort Hotel": 11_122}
    assert found["City Hotel", "checked_out"] == 79_330 - 33_102
    assert found["Resort Hotel", "checked_out"] == 40_060 - 11_122
    by_status = {
        status: sum(rooms for (_, each), rooms in found.items() if each == status)
        for _, status in found
    }
    assert by_status == {"checked_out": 75_166, "cancelled": 43_017, "no_show": 1_207}
    assert recording.summary.messages == {
        "Check-Out": 75_166,
        "Canceled": 43_017,
        "No-Show": 1_207,
    }
    assert all(night.sold <= night.rooms for night in occupancy)
