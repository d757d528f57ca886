"""What is registered is described from its declarations alone."""

from typing import Annotated, Literal

import msgspec
import pytest

from gateway.cli.systems import type_text
from processors.markets.exchange.commands import Side
from tests.gateway.cli.conftest import Cli


class Point(msgspec.Struct, tag="point"):
    x: int


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (int, "integer"),
        (Annotated[int, msgspec.Meta(ge=1)], "integer >= 1"),
        (Annotated[int, msgspec.Meta(gt=1)], "integer >= 2"),
        (Annotated[int, msgspec.Meta(ge=-(2**63))], "integer"),
        (str | None, "text | null"),
        (bool, "true | false"),
        (Side, '"buy" | "sell"'),
        (Literal["a", 2], '2 | "a"'),
        (dict[str, list[float]], "object of list of number"),
        (tuple[int, str], "[integer, text]"),
        (Point, '{type: "point", x: integer}'),
        (bytes, "bytes"),
    ],
)
def test_types_are_told_in_words(kind: object, expected: str) -> None:
    assert type_text(msgspec.inspect.type_info(kind)) == expected


def test_all_systems_are_listed(cli: Cli) -> None:
    listed = {each["name"]: each for each in cli("systems", "--json").json}
    assert {"markets.clearing", "markets.exchange", "samples.parking"} < set(listed)
    assert listed["samples.parking"]["partitions"] == 2
    shown = cli("systems").stdout
    assert "park_car.v1, leave_spot.v1" in shown
    assert "book_by_price" in shown


def test_one_system_is_told_in_full(cli: Cli) -> None:
    told = cli("systems", "exchange", "--json").json
    (listing,) = [each for each in told["commands"] if each["name"] == "list_instrument.v1"]
    assert listing["about"].startswith("The operator lists an instrument.")
    fields = {each["name"]: each for each in listing["fields"]}
    assert fields["instrument"]["required"]
    assert fields["tick_size"] == {
        "name": "tick_size",
        "type": "integer",
        "required": False,
        "default": 1,
        "about": "Prices are multiples of it.",
    }
    assert "origin_topic" not in fields
    shown = cli("systems", "parking").stdout
    assert "garage" not in shown  # the package's words, not those of the rules
    assert "Parking spots with meters" in shown


def test_the_example_that_is_shown_can_be_appended(cli: Cli) -> None:
    for system in ("exchange", "parking"):
        line = cli("systems", system).stdout.splitlines()[-1]
        example = line.split("'")[1]
        assert cli("append", system, stdin=example).exit_code == 0


def test_an_unknown_system_names_the_nearest(cli: Cli) -> None:
    ended = cli("systems", "exchagne")
    assert (ended.exit_code, "did you mean exchange?" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("package", "content", "says"),
    [
        ("nosuch.shop", None, "cannot import the system 'nosuch.shop'"),
        ("broken.shop", "SYSTEM = 1 / 0\n", "ZeroDivisionError"),
        ("broken.shop", "import nosuch_module\n", "nosuch_module"),
        ("broken.shop", "SYSTEM = 5\n", "declares no system"),
    ],
)
def test_a_package_that_is_no_system_is_one_clear_line(
    cli: Cli, package: str, content: str | None, says: str
) -> None:
    (cli.folder / "refold.toml").write_text(f'systems = ["{package}"]\n')
    if content is not None:
        folder = cli.folder / "broken" / "shop"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(content)
    ended = cli.run("systems")
    assert (ended.exit_code, says in ended.stderr, ended.stderr.count("\n")) == (2, True, 1), ended


def test_a_reader_that_goes_away_ends_it_quietly(cli: Cli) -> None:
    process = cli.start("systems", "exchange")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (141, "")


def test_what_a_system_is_connected_with_is_told(cli: Cli) -> None:
    told = cli("systems", "clearing", "--json").json
    assert {(each["source"], each["target"]) for each in told["reactors"]} == {
        ("markets.clearing", "markets.exchange"),
        ("markets.exchange", "markets.clearing"),
    }
    assert "markets.clearing -> markets.exchange, on" in cli("systems", "clearing").stdout
    (payments,) = cli("systems", "stays", "--json").json["effects"]
    assert payments["name"] == "booking.stays.payments"
    assert payments["settings"].keys() == {"url"}
    assert "settings: url = http://" in cli("systems", "stays").stdout
