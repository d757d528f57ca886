"""The skeleton works as written: its own tests pass, and every command takes it."""

import subprocess
import sys

import pytest

from tests.gateway.cli.conftest import DEADLINE_S, ROOT, Cli, Ended


def pytest_in(cli: Cli) -> Ended:
    """Its tests, as its author runs them."""
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=cli.folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S * 2,
        check=False,
    )
    return Ended(process.returncode, process.stdout, process.stderr)


def test_what_is_written_works(cli: Cli) -> None:
    (cli.folder / "refold.toml").unlink()
    written = cli.run("new", "shop/orders", "--json").json
    assert written["system"] == "shop.orders"
    assert all((cli.folder / path).exists() for path in written["written"])
    tested = pytest_in(cli)
    assert tested.exit_code == 0, tested.stdout
    assert " passed" in tested.stdout

    lines = (
        '{"type":"add.v1","item":"nut","quantity":3}\n{"type":"take.v1","item":"nut","quantity":1}'
    )
    assert cli.run("append", "orders", stdin=lines).exit_code == 0
    assert cli.run("run", "orders", "--until-idle").exit_code == 0
    (row,) = cli.run("query", "orders", "stock", "--json").json
    assert (row["item"], row["quantity"]) == ("nut", 2)
    demo = cli.run("demo", "orders", "--commands", "500", "--json")
    assert (demo.exit_code, demo.json["same"]) == (0, True), demo


def test_a_second_system_of_the_family_stands_beside_the_first(cli: Cli) -> None:
    assert cli("new", "shop/orders").exit_code == 0
    ended = cli("new", "shop.bills")
    assert (ended.exit_code, '`systems` names "shop.bills"' in ended.stderr) == (0, True)
    assert (cli.folder / "shop" / "bills" / "decider.py").exists()


def test_nothing_is_overwritten(cli: Cli) -> None:
    assert cli("new", "shop/orders").exit_code == 0
    rules = cli.folder / "shop" / "orders" / "decider.py"
    rules.write_text("my rules")
    ended = cli("new", "shop/orders")
    assert (ended.exit_code, "exists already: nothing was written" in ended.stderr) == (2, True)
    assert rules.read_text() == "my rules"


@pytest.mark.parametrize(
    "name", ["shop", "Shop/orders", "shop/1", "shop/class", "../x", "a/b/c", ""]
)
def test_a_name_that_no_package_can_have_is_refused(cli: Cli, name: str) -> None:
    ended = cli("new", name)
    assert (ended.exit_code, "is no name for a system" in ended.stderr) == (2, True)
    assert [path.name for path in cli.folder.iterdir()] == ["refold.toml"]


@pytest.mark.parametrize("family", ["json", "log", "msgspec", "sys", "tests"])
def test_a_family_that_would_hide_another_package_is_refused(cli: Cli, family: str) -> None:
    ended = cli("new", f"{family}/orders")
    assert (ended.exit_code, "choose another family" in ended.stderr) == (2, True)
