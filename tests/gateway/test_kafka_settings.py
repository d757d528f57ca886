"""`[kafka]` and `REFOLD_KAFKA_*`: names put together, secrets fetched; what is wrong is named, and
no secret shown."""

import tomllib
from pathlib import Path

import pytest

from gateway.kafka_settings import kafka_settings
from log.backends.kafka.client_settings import Secret
from log.errors import InvalidConfig


def read(text: str, folder: Path, **environment: str) -> dict[str, str]:
    return kafka_settings(tomllib.loads(text), folder, environment)


def test_a_table_of_librdkafkas_names(tmp_path: Path) -> None:
    text = """
        sasl.username = "ann"
        "client.id" = "x"
        linger.ms = 5
        socket.keepalive.enable = true
        sasl.oauthbearer.assertion.algorithm = "RS256"
        "sasl.oauthbearer.assertion.file" = "a"
    """
    assert read(text, tmp_path) == {
        "sasl.username": "ann",
        "client.id": "x",
        "linger.ms": "5",
        "socket.keepalive.enable": "true",
        "sasl.oauthbearer.assertion.algorithm": "RS256",
        "sasl.oauthbearer.assertion.file": "a",
    }


def test_a_value_may_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("one\ntwo\n")
    text = """
        sasl.password = { env = "KAFKA_PASSWORD" }
        ssl.key.pem = { file = "key" }
        "client.id" = { env = "HOST" }
    """
    settings = read(text, tmp_path, KAFKA_PASSWORD="geheim", HOST="x")
    assert settings == {"sasl.password": "geheim", "ssl.key.pem": "one\ntwo", "client.id": "x"}
    assert all(isinstance(value, Secret) for value in settings.values())


def test_the_environment_goes_before_the_table(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    settings = read(
        'client.id = "x"\nlinger.ms = 5',
        tmp_path,
        REFOLD_KAFKA_CLIENT_ID="y",
        REFOLD_KAFKA_LOG_LEVEL="7",
        REFOLD_KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "password"),
        REFOLD_KAFKA_SSL_KEY_PASSWORD="topf",
        REFOLD_KAFKA_SASL_OAUTHBEARER_ASSERTION_FILE="a",
        OTHER="z",
    )
    assert settings == {
        "client.id": "y",
        "linger.ms": "5",
        "log_level": "7",
        "sasl.password": "geheim",
        "ssl.key.password": "topf",
        "sasl.oauthbearer.assertion.file": "a",
    }
    secrets = [name for name, value in settings.items() if isinstance(value, Secret)]
    assert secrets == ["sasl.password", "ssl.key.password"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('sasl.password = "geheim"', "sasl.password is a secret, and does not stand here"),
        ("ssl.key.password = 12345", "REFOLD_KAFKA_SSL_KEY_PASSWORD_FILE"),
        ('sasl.password = { env = "NOT_SET" }', "the environment sets no NOT_SET"),
        ('sasl.password = { file = "nowhere" }', "nowhere: No such file"),
        ('sasl.password = { file = "odd" }', "odd: it is no text"),
        ("client.id = []", "client.id: a value is a text or a number"),
        ("client.id = { env = 5 }", "client.id: a value is a text or a number"),
        ('group.id = "x"', "group.id cannot be set: the setting `group` names it"),
    ],
)
def test_what_is_wrong_in_a_table(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "odd").write_bytes(b"\xff")
    with pytest.raises(InvalidConfig) as caught:
        read(text, tmp_path)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'refold.toml'}: kafka: ")
    assert "geheim" not in str(caught.value)
    assert "12345" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("REFOLD_KAFKA_SASL_PASSWORD_FILE", "sasl.password: cannot read /nowhere: No such file"),
        ("REFOLD_KAFKA_TRANSACTIONAL_ID", "transactional.id cannot be set: each partition has"),
        ("REFOLD_KAFKA_SESSION_TIMEOUT_MS", "the setting `session_timeout_s` is this"),
    ],
)
def test_what_is_wrong_in_the_environment(tmp_path: Path, variable: str, says: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        read("", tmp_path, **{variable: "/nowhere"})
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"the environment variable {variable}: ")


def test_a_secret_stands_in_the_environment_or_in_a_file_and_not_in_both(tmp_path: Path) -> None:
    name = "REFOLD_KAFKA_SASL_PASSWORD"
    with pytest.raises(InvalidConfig, match=f"{name} and {name}_FILE: leave one out"):
        read("", tmp_path, **{name: "geheim", f"{name}_FILE": "/nowhere"})
