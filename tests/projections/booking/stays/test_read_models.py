"""All read models of the stays: on a flow, on every store, and what a terminal shows of them."""

import inspect
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from processors.booking.stays.commands import LengthDiscount, PriceRules
from projections.booking.stays import DEMO_QUERIES, PROJECTIONS, QUERIES, RENDERINGS
from projections.booking.stays.bookings import BOOKINGS
from projections.core.testing import check_read_models, rows
from tests.projections.booking.stays.town import SYSTEM, TODAY, Town, day, listing

COMMANDS = 600


def test_they_come_out_the_same_however_they_are_made() -> None:
    check_read_models("processors.booking.stays")


def test_every_projection_goes_by_partition() -> None:
    assert {projection.rows_of for projection in PROJECTIONS} == {"partition"}


def test_every_table_holds_something_of_the_flow() -> None:
    town = Town("memory:")
    town.append(islice(SYSTEM.flow(2), 2_000))
    town.decide()
    town.catch_up()
    assert all(rows(town.store).values())
    town.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_query_answers_the_same_on_every_store(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/stays.sqlite"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql_database")
    answers = answers_of("memory:")
    assert answers_of(url) == answers
    assert all(any(found) for found in answers.values())


def answers_of(url: str) -> dict[str, list[Any]]:
    """By query, for some guests, hosts, listings and bookings of the flow."""
    town = Town(url)
    commands = list(islice(SYSTEM.flow(2), COMMANDS))
    town.append(commands)
    town.decide()
    town.catch_up()
    town.now_ms = commands[-1][0]
    with town.store.reading() as reader:
        bookings = list(reader.rows(BOOKINGS))
    today = town.now_ms // 86_400_000
    answers: dict[str, list[Any]] = {function.__name__: [] for function in QUERIES}
    for row in bookings[:: len(bookings) // 12]:
        given: dict[str, Any] = msgspec.structs.asdict(row) | {
            "arrival": day(today + 9),
            "departure": day(today + 12),
            "day": day(row.arrival),
            "currency": row.currency,
        }
        for function in QUERIES:
            names = set(inspect.signature(function).parameters) & given.keys() - {"guests"}
            found = town.ask(function.__name__, **{name: given[name] for name in names})
            answers[function.__name__].append(msgspec.to_builtins(found))
    town.close()
    return answers


def test_what_the_demo_shows_needs_no_more_than_names() -> None:
    names = {"guest", "host", "listing"}
    for function in DEMO_QUERIES:
        _reader, *parameters = inspect.signature(function).parameters.values()
        required = {each.name for each in parameters if each.default is each.empty}
        assert required <= names


def test_a_calendar_a_listing_and_a_page_are_drawn() -> None:
    town = Town("memory:")
    discount = LengthDiscount(nights=7, discount_ppm=50_000)
    prices = PriceRules(night_price=10_000, length_discounts=(discount,))
    town.tell(
        listing("attic", title="The [attic]", amenities=("wifi",), prices=prices), listing("barn")
    )
    town.book("attic", "booking-7", "ann", TODAY + 1, TODAY + 3)
    console = Console(width=120, record=True, file=StringIO())
    console.print(RENDERINGS["calendar"](town.ask("calendar", "attic", day(TODAY + 1), days=9)))
    console.print(RENDERINGS["listing"](town.ask("listing", "attic")))
    console.print(RENDERINGS["search"](town.ask("search", limit=1)))
    drawn = console.export_text()
    assert "Mo" in drawn and "17 booking-7" in drawn and "19 10,000" in drawn
    assert "nights 7, discount_ppm 50,000" in drawn and "flexible" in drawn
    assert "The [attic]" in drawn and "2 listings" in drawn and "amenity: wifi 1" in drawn
    assert "next page: --after -4000/attic" in drawn
    town.close()
