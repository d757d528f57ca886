"""Flags over environment over refold.toml; what is unknown or means nothing is refused by name."""

import sys
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, load_config


@pytest.fixture(autouse=True)
def _own_import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_defaults_where_nothing_is_set(tmp_path: Path) -> None:
    assert load_config({}, {}, tmp_path) == Config()


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text(
        'log = "a"\nsystems = ["shop.orders"]\nsnapshot_every_commands = 10\n'
    )
    assert load_config({}, {}, tmp_path).log == tmp_path / "a"
    environment = {"REFOLD_LOG": "b", "REFOLD_SNAPSHOT_EVERY_COMMANDS": "20", "HOME": "/"}
    config = load_config({"log": None}, environment, tmp_path)
    assert (config.log, config.snapshot_every_commands) == (Path("b"), 20)
    assert config.systems == ("shop.orders",)
    assert load_config({"log": "c"}, environment, tmp_path).log == Path("c")


def test_the_file_is_found_from_below_and_its_folder_is_importable(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text('log = "a"')
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    assert load_config({}, {}, below).log == tmp_path / "a"
    assert str(tmp_path) in sys.path


def test_a_list_in_the_environment_is_separated_by_commas(tmp_path: Path) -> None:
    config = load_config({}, {"REFOLD_SYSTEMS": "shop.orders, shop.bills"}, tmp_path)
    assert config.systems == ("shop.orders", "shop.bills")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('lgo = "a"', "no setting 'lgo': did you mean log?"),
        ("snapshot_every_commands = 0", "snapshot_every_commands: Expected `int` >= 1"),
        ('snapshot_every_commands = "5"', "snapshot_every_commands: Expected `int`, got `str`"),
        ('systems = "shop.orders"', "systems: Expected `array`, got `str`"),
        ('durability = "none"', "durability: Invalid enum value 'none'"),
        ("log = 5", "log:"),
        ('log = ""', "log is empty"),
        ("log = ", "Invalid value"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "refold.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config({}, {}, tmp_path)
    assert says in str(caught.value)
    assert str(tmp_path / "refold.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("REFOLD_LGO", "a", "REFOLD_LGO, which is no setting: did you mean REFOLD_LOG?"),
        ("REFOLD_SNAPSHOT_EVERY_S", "soon", "REFOLD_SNAPSHOT_EVERY_S: snapshot_every_s: "),
        ("REFOLD_LOG", "", "REFOLD_LOG: log is empty"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({}, {name: value}, tmp_path)
    assert says in str(caught.value)
