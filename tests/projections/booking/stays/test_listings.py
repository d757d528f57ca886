"""All that a host says of a listing comes back as it was said."""

from typing import Any

import msgspec
import pytest

from processors.booking.stays.commands import (
    AddWish,
    BookingMode,
    BookingTerms,
    CancellationPolicy,
    ChangeListing,
    LastMinuteDiscount,
    LengthDiscount,
    Place,
    PriceRules,
    Season,
    StayRules,
)
from projections.core.errors import QueryError
from tests.projections.booking.stays.town import Town, listing

PLACE = Place(
    latitude_microdegrees=42_650_000, longitude_microdegrees=-73_750_000, city="Albany", country=""
)
PRICES = PriceRules(
    night_price=12_000,
    weekday_prices=(0, 0, 0, 0, 15_000, 15_000, 0),
    seasons=(Season(first_night=20_600, end_night=20_660, rate_ppm=1_300_000),),
    length_discounts=(LengthDiscount(nights=7, discount_ppm=100_000),),
    last_minute_discounts=(LastMinuteDiscount(days=2, discount_ppm=50_000),),
)
RULES = StayRules(
    minimum_nights=2,
    maximum_nights=30,
    notice_days=1,
    window_days=400,
    arrival_weekdays=(4, 5),
    departure_weekdays=(0,),
    preparation_nights=1,
    gap_nights_min=2,
    fills_gaps=True,
)
TERMS = BookingTerms(
    mode=BookingMode.REQUEST,
    cancellation=CancellationPolicy.STRICT,
    hold_ms=60_000,
    response_ms=3_600_000,
    utc_offset_minutes=-300,
    check_in_minute=960,
    check_out_minute=600,
)


def said_of(facts: Any, *parts: msgspec.Struct) -> dict[str, Any]:
    """What the facts say of the fields that these have, as these would say it."""
    told = msgspec.structs.asdict(facts)
    found = {name: told[name] for name in fields_of(*parts)}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
    }


def fields_of(*parts: msgspec.Struct) -> dict[str, Any]:
    return {name: value for part in parts for name, value in msgspec.structs.asdict(part).items()}


def test_a_listing_of_defaults_tells_them(town: Town) -> None:
    town.tell(listing("attic"))
    facts = town.ask("listing", "attic")
    defaults = PriceRules(night_price=10_000), StayRules(), BookingTerms()
    assert said_of(facts, *defaults, PLACE) == fields_of(*defaults, PLACE)
    assert (facts.listing, facts.host, facts.is_open) == ("attic", "host", True)
    assert (facts.room_type, facts.capacity, facts.currency) == ("entire home", 2, "USD")
    assert (facts.title, facts.amenities, facts.reviews, facts.wishes) == ("", [], 0, 0)


def test_a_listing_tells_all_that_its_host_said_last(town: Town) -> None:
    # given a listing of whose terms nothing is as usual
    parts = PRICES, RULES, TERMS
    town.tell(
        listing(
            "attic",
            title="The attic",
            amenities=("wifi", "Free  parking"),
            prices=PRICES,
            rules=RULES,
            terms=TERMS,
        )
    )
    facts = town.ask("listing", "attic")
    assert said_of(facts, *parts) == fields_of(*parts)
    assert (facts.title, facts.amenities) == ("The attic", ["Free parking", "wifi"])

    # when the host closes it and goes back to the defaults, and a guest wishes for it
    place = msgspec.structs.replace(PLACE, city="Troy", country="US")
    defaults = PriceRules(night_price=9_000), StayRules(), BookingTerms()
    town.tell(
        ChangeListing(
            listing="attic",
            host="host",
            place=place,
            capacity=3,
            title="The loft",
            prices=defaults[0],
            open=False,
        ),
        AddWish(listing="attic", guest="ann"),
    )

    # then that is what it tells
    facts = town.ask("listing", "attic")
    assert said_of(facts, *defaults, place) == fields_of(*defaults, place)
    assert (facts.title, facts.capacity, facts.is_open, facts.wishes) == ("The loft", 3, False, 1)
    assert (facts.host, facts.currency, facts.room_type) == ("host", "USD", "")


def test_what_it_tells_is_what_changes_it(town: Town) -> None:
    """A host who sends back what is told changes nothing."""
    town.tell(listing("attic", amenities=("wifi",), prices=PRICES, rules=RULES, terms=TERMS))
    facts = town.ask("listing", "attic")
    said = msgspec.to_builtins(facts)
    town.tell(
        msgspec.convert(
            said
            | {
                "place": said,
                "prices": said,
                "rules": said,
                "terms": said,
                "open": said["is_open"],
            },
            ChangeListing,
        )
    )
    assert town.ask("listing", "attic") == facts


def test_a_listing_that_there_is_not_is_a_clear_error(town: Town) -> None:
    town.tell(listing("attic"))
    with pytest.raises(QueryError, match="no listing 'atic': did you mean 'attic'"):
        town.ask("listing", "atic")
