"""`refold log cut`: what it prints and leaves, and how it ends."""

import pytest

from tests.gateway.cli.conftest import Cli


@pytest.mark.parametrize(
    ("options", "compared"),
    [
        (("--until", "9"), 20),
        (("--since", "20", "--until", "29"), 20),
        (("--since", "2023-11-14T22:13:30Z", "--until", "2023-11-14T22:13:40Z"), None),
        (("--key", "spot-1", "--key", "spot-2"), None),
        (("--key", "spot-1", "--since", "20"), None),
        ((), 200),
    ],
)
def test_a_cut_verifies(history: Cli, options: tuple[str, ...], compared: int | None) -> None:
    done = history("log", "cut", "parking", "--out", "small", "--json", *options).json
    assert done["system"] == "samples.parking"
    told = history("replay", "verify", "parking", "--log", "small", "--json").json
    assert told["same"]
    found = sum(each["commands_compared"] for each in told["partitions"])
    assert found == sum(each["commands"] for each in done["partitions"]) > 0
    assert compared in (None, found)
    assert history("doctor", "--log", "small").exit_code == 0


def test_what_it_says(history: Cli) -> None:
    ended = history("log", "cut", "parking", "--out", "small", "--key", "spot-1")
    assert ended.exit_code == 0, ended.stderr
    assert "commands of samples.parking to small" in ended.stdout
    assert "note: decided again by rules 1, from nothing" in ended.stderr


def test_snapshots_kept_elsewhere(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFOLD_SNAPSHOTS", str(history.folder / "kept"))
    ended = history("log", "cut", "parking", "--out", "small", "--since", "20")
    assert ended.exit_code == 0
    assert "note: the state before is in small/snapshots" in ended.stderr
    assert not (history.folder / "kept").exists()
    monkeypatch.setenv("REFOLD_SNAPSHOTS", "small/snapshots")
    assert history("replay", "verify", "parking", "--log", "small").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("parking", "--out", "s", "--since", "soon"), "--since 'soon' is neither a command"),
        (("parking", "--out", "s", "--until", "x"), "--until 'x' is neither a command"),
        (("parking", "--out", "s", "--key", "none"), "no command there has the key none"),
        (("parking", "--out", "s", "--since", "9999"), "no command between these places: see"),
        (("parking", "--out", ".refold"), ".refold is there already"),
        (("parkng", "--out", "s"), "did you mean parking"),
        (("exchange", "--out", "s"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = history("log", "cut", *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr
    assert not (history.folder / "s").exists()
