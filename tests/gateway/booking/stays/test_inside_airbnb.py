"""Inside Airbnb's files become commands; what is wrong with them is named by line and field."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.booking.stays.inside_airbnb import inside_airbnb
from gateway.recording import BadRecording, RecordingOptions
from processors.booking.stays.commands import (
    BlockNights,
    BookingMode,
    CreateListing,
    NightRange,
    NightTerms,
    SetNights,
)

LISTING_COLUMNS = (
    "id,last_scraped,name,host_id,neighbourhood_cleansed,latitude,longitude,room_type,"
    "accommodates,amenities,price,minimum_nights,maximum_nights,instant_bookable"
)
LISTINGS = (
    LISTING_COLUMNS,
    '7,2024-11-05,"A ""cosy"" attic, with\na view",99,THIRD WARD,42.65789,-73.7537,Private room,4,'
    '"[""Wifi"", ""Caf\\u00e9""]","$1,070.00",2,1125,t',
    '8,2024-11-05,Barn,99,,42.6,-73.7,Entire home/apt,2,"[]",,1,30,f',
)
CALENDAR_COLUMNS = "listing_id,date,available,price,adjusted_price,minimum_nights,maximum_nights"
CALENDAR = (
    CALENDAR_COLUMNS,
    "7,2024-11-05,f,$70.00,,2,1125",
    "7,2024-11-07,f,$70.00,,2,1125",
    "7,2024-11-06,f,$70.00,,2,1125",
    "7,2024-11-08,t,$95.50,,5,1125",
    "7,2024-11-09,f,$70.00,,2,1125",
    "8,2024-11-05,t,,,1,30",
)
FIRST = 20_032
"""2024-11-05."""
DAY_MS = 86_400_000

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(listings: Any = LISTINGS, calendar: Any = CALENDAR, end: str = "\n") -> Path:
        for name, lines in (("listings", listings), ("calendar", calendar)):
            text = "".join(f"{line}{end}" for line in lines)
            (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
        return tmp_path / "listings.csv.gz"

    return write


def test_a_listing_and_its_nights_become_commands(written: Written) -> None:
    recording = inside_airbnb(written())
    (created_at, created), (_, priced), (_, blocked) = recording.commands()
    assert created_at == FIRST * DAY_MS
    assert isinstance(created, CreateListing)
    assert (created.listing, created.host, created.title) == (
        "7",
        "99",
        'A "cosy" attic, with\na view',
    )
    assert (created.place.latitude_microdegrees, created.place.longitude_microdegrees) == (
        42_657_890,
        -73_753_700,
    )
    assert (created.capacity, created.currency, created.room_type) == (4, "USD", "private room")
    assert (created.prices.night_price, created.amenities) == (7_000, ("Wifi", "Café"))
    assert (created.rules.minimum_nights, created.rules.maximum_nights) == (2, 1_100)
    assert created.terms.mode is BookingMode.INSTANT
    assert priced == SetNights(
        listing="7",
        host="99",
        ranges=(NightRange(first_night=FIRST + 3, end_night=FIRST + 4),),
        night_terms=NightTerms(price=9_550, minimum_nights=5),
    )
    assert blocked == BlockNights(
        listing="7",
        host="99",
        ranges=(
            NightRange(first_night=FIRST, end_night=FIRST + 3),
            NightRange(first_night=FIRST + 4, end_night=FIRST + 5),
        ),
    )
    assert recording.summary.messages == {"listings": 2, "nights": 6}
    assert recording.summary.remarks == {
        "lengths of stay brought within 1 to 1100 nights": 5,
        "listings without a price, left out": 1,
    }
    assert recording.fraction_done() == 1.0


def test_midnight_is_where_the_listings_are(written: Written) -> None:
    options = RecordingOptions(zone="America/New_York")
    at_ms, created = next(iter(inside_airbnb(written(), options).commands()))
    assert at_ms == FIRST * DAY_MS + 5 * 3_600_000
    assert isinstance(created, CreateListing) and created.terms.utc_offset_minutes == -300


def test_a_listing_without_a_calendar_is_as_it_says_itself(written: Written) -> None:
    recording = inside_airbnb(written(calendar=(*CALENDAR[:1], *CALENDAR[-1:])))
    (_, created), *others = recording.commands()
    assert isinstance(created, CreateListing) and not others
    assert (created.listing, created.prices.night_price) == ("7", 107_000)
    assert recording.summary.remarks["listings without a calendar"] == 1


def changed(lines: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(line.replace(old, new, 1) for line in lines)


@pytest.mark.parametrize(
    ("listings", "calendar", "says"),
    [
        (
            changed(LISTINGS, "42.65789", "north"),
            CALENDAR,
            "line 3: latitude: 'north' is no number",
        ),
        (
            changed(LISTINGS, "room_type,", "roomtype,"),
            CALENDAR,
            "line 1: columns: there is no col",
        ),
        (changed(LISTINGS, ',"[]",', ",[,"), CALENDAR, "line 4: amenities: no list of texts"),
        (changed(LISTINGS, ",f", ",no"), CALENDAR, "line 4: instant_bookable: 'no' is neither"),
        (changed(LISTINGS, "8,2024", "7,2024"), CALENDAR, "line 4: id: listing 7 stands there tw"),
        (changed(LISTINGS, ",30,f", ",30"), CALENDAR, "line 4: columns: there are more or fewer"),
        (LISTINGS, changed(CALENDAR, "-11-07", "-13-07"), "line 3: date: '2024-13-07' is no date"),
        (LISTINGS, changed(CALENDAR, "$95.50", "$95.505"), "line 5: price: '$95.505' is no price"),
        (LISTINGS, changed(CALENDAR, "$95.50", "¥95"), "line 5: price: '¥95' is no price like"),
        (
            LISTINGS,
            changed(CALENDAR, "5,1125", "-5,1125"),
            "line 5: minimum_nights: '-5' is not a",
        ),
        (
            LISTINGS,
            (*CALENDAR, CALENDAR[1]),
            "listing_id: the calendar of 7 goes on after another",
        ),
        (
            LISTINGS,
            changed(CALENDAR, "8,2024", "9,2024"),
            "line 7: listing_id: listing 9 is not in",
        ),
    ],
)
def test_what_is_wrong_is_named(written: Written, listings: Any, calendar: Any, says: str) -> None:
    with pytest.raises(BadRecording) as error:
        list(inside_airbnb(written(listings, calendar)).commands())
    assert says in str(error.value)


def test_files_that_are_cut_off_or_missing_are_named(written: Written, tmp_path: Path) -> None:
    path = written()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadRecording, match="gzip: the compressed data is cut off"):
        list(inside_airbnb(path).commands())
    (tmp_path / "calendar.csv.gz").unlink()
    with pytest.raises(BadRecording, match=r"calendar\.csv\.gz: file: No such file"):
        inside_airbnb(path)
    other = tmp_path / "albany.csv"
    other.write_text("")
    with pytest.raises(BadRecording, match="no `listings` in its name"):
        inside_airbnb(other)
    (tmp_path / "listings.csv").write_bytes(b"\xff\xfe")
    (tmp_path / "calendar.csv").write_text("")
    with pytest.raises(BadRecording, match=r"listings\.csv, line 1: columns"):
        list(inside_airbnb(tmp_path / "listings.csv").commands())
