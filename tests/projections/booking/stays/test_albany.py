"""The Albany calendar of Inside Airbnb, through commands: availability as it was published."""

import csv
import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from gateway.booking.stays.inside_airbnb import inside_airbnb
from processors.booking.stays.events import RequestRejected
from projections.booking.stays.queries import Availability
from tests.projections.booking.stays.town import Town

DATA = Path(__file__).parents[4].parent / "shared" / "data" / "booking"
"""Not part of the project; the tests on it are skipped without it."""
LISTINGS_FILE = DATA / "airbnb_albany_listings.csv.gz"
CALENDAR_FILE = DATA / "airbnb_albany_calendar.csv.gz"
DAYS = (30, 60, 90, 365)
SAME_AT_LEAST = 420
"""Of 421: what was published of one listing does not go with its own calendar."""

pytestmark = pytest.mark.skipif(not LISTINGS_FILE.exists(), reason=f"there is no {DATA}")


@pytest.fixture(scope="module")
def albany(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('albany')}/stays.sqlite")
    town.append(inside_airbnb(LISTINGS_FILE).commands())
    town.decide()
    town.catch_up()
    yield town
    town.close()


def test_availability_is_as_published(albany: Town) -> None:
    assert not [event for event in albany.events() if isinstance(event, RequestRejected)]
    published = {row["id"]: [int(row[f"availability_{days}"]) for days in DAYS] for row in read()}
    same = 0
    for listing, first in first_days().items():
        found: Availability = albany.ask("availability", listing, first)
        counted = [getattr(found, f"availability_{days}") for days in DAYS]
        same += counted == published[listing]
    assert len(published) == 421
    assert same >= SAME_AT_LEAST


def test_prices_and_lengths_of_every_night_are_as_recorded(albany: Town) -> None:
    recorded: dict[str, list[tuple[str, bool, str, int, int]]] = {}
    with gzip.open(CALENDAR_FILE, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            lengths = int(row["minimum_nights"]), min(int(row["maximum_nights"]), 1_100)
            night = (row["date"], row["available"] == "t", row["price"], *lengths)
            recorded.setdefault(row["listing_id"], []).append(night)
    for listing in list(recorded)[::7]:
        nights = sorted(recorded[listing])
        found = albany.ask("calendar", listing, date.fromisoformat(nights[0][0]), len(nights))
        assert [
            (
                night.night.isoformat(),
                night.state == "free",
                f"${night.price // 100:,}.{night.price % 100:02}",
                night.minimum_nights,
                night.maximum_nights,
            )
            for night in found
        ] == nights


def read() -> list[dict[str, str]]:
    with gzip.open(LISTINGS_FILE, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def first_days() -> dict[str, date]:
    """Of each listing's calendar."""
    with gzip.open(CALENDAR_FILE, "rt", encoding="utf-8", newline="") as lines:
        found: dict[str, date] = {}
        for row in csv.DictReader(lines):
            day = date.fromisoformat(row["date"])
            found[row["listing_id"]] = min(day, found.get(row["listing_id"], day))
        return found
