"""A recording becomes commands; a bad line stops it, and what came before is durable."""

import pytest

from tests.gateway.cli.conftest import Cli

ARCA = "A,36000000,1,100.5,10,BID\nA,36000001,2,101.25,7,ASK\nA,36000002,3,100.25,5,BID\n"
CITY = (
    "id,last_scraped,name,host_id,neighbourhood_cleansed,latitude,longitude,room_type,"
    "accommodates,amenities,price,minimum_nights,maximum_nights,instant_bookable",
    "7,2024-11-05,Attic,9,Centre,42.65789,-73.7537,Private room,4,[],$70.00,1,30,t",
)
CALENDAR = (
    "listing_id,date,available,price,adjusted_price,minimum_nights,maximum_nights",
    "7,2024-11-05,f,$70.00,,1,30",
    "7,2024-11-06,t,$70.00,,1,30",
)
OPTIONS = ("--instrument", "XYZ", "--day", "2024-05-01")


def test_formats_are_listed(cli: Cli) -> None:
    listed = cli("import", "--json").json
    assert {each["format"] for each in listed} >= {"lobster", "arca"}
    assert "NYSE Arca" in cli("import").stdout


def test_a_recording_becomes_a_book(cli: Cli) -> None:
    (cli.folder / "arca.txt").write_text(ARCA)
    ended = cli("import", "arca", "arca.txt", *OPTIONS, "--json")
    assert (ended.exit_code, ended.json["error"]) == (0, None), ended
    assert ended.json["commands"] == {"ListInstrument": 1, "PlaceOrder": 3}
    assert ended.json["appended"] == 4
    assert cli("run", "exchange", "--until-idle").exit_code == 0
    rows = cli("query", "exchange", "book_by_price", "XYZ", "--json").json
    assert [(row["bid_quantity"], row["offer_quantity"]) for row in rows] == [(10, 7), (5, None)]


def test_a_city_becomes_calendars(cli: Cli) -> None:
    (cli.folder / "listings.csv").write_text("\n".join(CITY))
    (cli.folder / "calendar.csv").write_text("\n".join(CALENDAR))
    ended = cli("import", "inside-airbnb", "listings.csv", "--json")
    assert (ended.exit_code, ended.json["error"]) == (0, None), ended
    assert ended.json["commands"] == {"CreateListing": 1, "BlockNights": 1}
    assert cli("run", "stays", "--until-idle").exit_code == 0
    (free,) = cli("query", "stays", "availability", "7", "2024-11-05", "--json").json_lines
    assert (free["availability_30"], free["availability_365"]) == (29, 364)
    (found,) = cli("query", "stays", "search", "42.65,-73.75,2000", "--json").json["listings"]
    assert (found["listing"], found["price"], found["distance_m"]) == ("7", 7_000, 928)


def test_a_bad_line_is_named_and_what_came_before_is_durable(cli: Cli) -> None:
    (cli.folder / "arca.txt").write_text(f"{ARCA}A,36000003,4,cheap,5,BID\n")
    ended = cli("import", "arca", "arca.txt", *OPTIONS)
    assert ended.exit_code == 2
    assert "arca.txt, line 4: price" in ended.stderr
    durable = len(cli("read", "exchange.commands", "--json").json_lines)
    assert durable >= 3  # the last line before waits for what the next one says of it
    assert f"{durable} commands are durable" in ended.stdout
    assert f"The {durable} commands made so far are durable" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("acra", "arca.txt"), "did you mean arca?"),
        (("arca",), "name the file"),
        (("arca", "nosuch.txt", *OPTIONS), "nosuch.txt"),
        (("lobster", "nosuch.csv"), "nosuch.csv"),
    ],
)
def test_what_cannot_be_imported_is_said(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    ended = cli("import", *arguments)
    assert (ended.exit_code, says in ended.stderr) == (2, True), ended
    assert not cli.log.exists()
