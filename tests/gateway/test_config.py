"""Flags over environment over refold.toml; what is unknown or means nothing is refused by name."""

import subprocess
import sys
import traceback
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
    assert load_config({}, {}, tmp_path).log == str(tmp_path / "a")
    environment = {"REFOLD_LOG": "b", "REFOLD_SNAPSHOT_EVERY_COMMANDS": "20", "HOME": "/"}
    config = load_config({"log": None}, environment, tmp_path)
    assert (config.log, config.snapshot_every_commands) == ("b", 20)
    assert config.systems == ("shop.orders",)
    assert load_config({"log": "c"}, environment, tmp_path).log == "c"


def test_the_file_is_found_from_below_and_its_folder_is_importable(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text('log = "a"')
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    assert load_config({}, {}, below).log_folder == tmp_path / "a"
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
        ("log = 5", "log: Expected `str`, got `int`"),
        ('group = ""', "group is empty"),
        ("health_port = 65536", "health_port: Expected `int` <= 65535"),
        ('standby = "yes"', "standby: Expected `bool`, got `str`"),
        ("kafka = 5", "kafka: Expected `object`, got `int`"),
        ('log = "kafka://a:b"', "log: server 1 of the location"),
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
        ("REFOLD_KAFKA", "x", "REFOLD_KAFKA, which is no setting: did you mean REFOLD_"),
        ("REFOLD_LOG", "kafka://a/b/c", "the environment: log: the prefix 'b/c'"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({}, {name: value}, tmp_path)
    assert says in str(caught.value)


def test_a_folder_is_for_all_that_is_kept_beside_it(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text('log = "a"\nsnapshots = "b"\n')
    config = load_config({}, {}, tmp_path)
    assert (config.log_folder, config.local_folder) == (tmp_path / "a", tmp_path / "a")
    assert config.snapshots == str(tmp_path / "b")
    url = load_config({}, {"REFOLD_SNAPSHOTS": "sqlite:///x"}, tmp_path)
    assert url.snapshots == "sqlite:///x"


def test_on_kafka_there_is_no_folder_of_the_log_but_a_local_one(tmp_path: Path) -> None:
    texts = ["kafka://a,b/x", "kafka://b:9092,a/x.", "kafka://a,b/y"]
    one, same, other = (load_config({"log": text}, {}, tmp_path) for text in texts)
    assert one.log_folder is None
    assert one.local_folder == same.local_folder != other.local_folder
    assert one.local_folder.parent == Path(".refold")
    (tmp_path / "refold.toml").write_text('log = "kafka://a,b/x"')
    (tmp_path / "deep").mkdir()
    config = load_config({}, {}, tmp_path / "deep")
    assert config.log == "kafka://a,b/x"
    assert config.local_folder == tmp_path / one.local_folder


def test_the_settings_of_a_location_are_all_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text(
        'log = "kafka+sasl://ann@a/x?client.id=url"\n'
        "[kafka]\n"
        'client.id = "file"\n'
        "linger.ms = 3\n"
        'sasl.password = { env = "PASSWORD" }\n'
    )
    environment = {"PASSWORD": "geheim", "REFOLD_KAFKA_LINGER_MS": "4"}
    config = load_config({}, environment, tmp_path)
    assert config.kafka_location.settings == {
        "bootstrap.servers": "a:9092",
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ann",
        "sasl.password": "geheim",
        "client.id": "url",
        "linger.ms": "4",
    }
    assert config.kafka_location.prefix == "x."
    assert "geheim" not in repr(config)


def test_a_log_in_a_folder_needs_nothing_of_kafka(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text('[kafka]\n"sasl.password" = { env = "NOT_SET" }\n')
    environment = {"REFOLD_KAFKA_SSL_KEY_PASSWORD_FILE": "/nowhere"}
    assert load_config({"log": "a"}, environment, tmp_path).kafka == {}
    code = (
        "import sys; sys.modules['confluent_kafka'] = None\n"
        "from gateway.config import load_config; load_config({'log': sys.argv[1]})"
    )
    here = Path(__file__).parents[2]
    for log, says in (("a", ""), ("kafka://a", "pip install 'refold[kafka]'")):
        command = [sys.executable, "-c", code, log]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (says == "")
        assert says in done.stderr


def test_a_url_does_not_show_its_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://ann:geheim@a/b?password=geheim"
    config = load_config({"projections_url": url, "snapshots": url}, {}, tmp_path)
    assert "geheim" not in repr(config)
    assert "projections_url='postgresql+psycopg://***'" in repr(config)


@pytest.mark.parametrize("set_by", ["file", "environment", "flag"])
def test_a_password_in_a_location_is_refused_and_not_shown(tmp_path: Path, set_by: str) -> None:
    log = "kafka+sasl://ann:geheim@a"
    if set_by == "file":
        (tmp_path / "refold.toml").write_text(f'log = "{log}"')
    flags = {"log": log if set_by == "flag" else None}
    environment = {"REFOLD_LOG": log} if set_by == "environment" else {}
    with pytest.raises(ConfigError) as caught:
        load_config(flags, environment, tmp_path)
    assert "REFOLD_KAFKA_SASL_PASSWORD" in str(caught.value)
    assert "geheim" not in "".join(traceback.format_exception(caught.value))
