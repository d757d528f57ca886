"""The settings of Kafka's client as people give them: `[kafka]` in refold.toml, `REFOLD_KAFKA_*`
in the environment.

    [kafka]
    "client.id" = "desk-7"
    "sasl.password" = { env = "KAFKA_PASSWORD" }        # or { file = "/run/secrets/kafka" }

Names are librdkafka's own; in the environment in capitals, dots as underscores, and
`REFOLD_KAFKA_SASL_PASSWORD_FILE` names a file that holds the secret. Looked at only where the log
is on Kafka.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.config import FILE_NAME, KAFKA_PREFIX
from gateway.setting_values import content_of, value_of
from log.backends.kafka.client_settings import Secret, check_names, is_secret, secret_goes
from log.errors import InvalidConfig

FILE_SUFFIX = ".file"
UNDERSCORED = {"log.level": "log_level"}
"""The one name of librdkafka's that has an underscore itself."""


def kafka_settings(
    table: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """The settings by name, with secrets fetched from where they are; the environment goes first.

    `table` is `[kafka]` of the refold.toml in `folder`, where relative files start. Errors:
    InvalidConfig, which names what is wrong and shows no value.
    """
    settings: dict[str, str] = {}
    for name, value in _named(table):
        try:
            settings[name] = _of_table(name, value, folder, environment)
            check_names([name])
        except InvalidConfig as error:
            raise InvalidConfig(f"{folder / FILE_NAME}: kafka: {error}") from error
    for variable, name, value in _in_environment(environment):
        try:
            settings[name] = value if isinstance(value, str) else Secret(content_of(name, value))
            check_names([name])
        except InvalidConfig as error:
            raise InvalidConfig(f"the environment variable {variable}: {error}") from error
    return settings


def _named(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """TOML reads `sasl.username = "x"` as a table within a table: put names together again."""
    for key, value in table.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value.keys() not in ({"env"}, {"file"}):
            yield from _named(value, f"{name}.")
        else:
            yield name, value


def _of_table(name: str, value: Any, folder: Path, environment: Mapping[str, str]) -> str:
    if isinstance(value, bool | int | float | str) and is_secret(name):
        raise InvalidConfig(f"{name} is a secret, and does not stand here: {secret_goes(name)}")
    text = value_of(name, value, folder, environment)
    return Secret(text) if isinstance(value, dict) else text


def _in_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str | Path]]:
    """Variable, setting, and its value or the file that holds it."""
    found: dict[str, str] = {}
    for variable, text in environment.items():
        if not variable.startswith(KAFKA_PREFIX):
            continue
        name = variable.removeprefix(KAFKA_PREFIX).lower().replace("_", ".")
        name = UNDERSCORED.get(name, name)
        value: str | Path = text
        if is_secret(name.removesuffix(FILE_SUFFIX)):
            value = Path(text) if name.endswith(FILE_SUFFIX) else Secret(text)
            name = name.removesuffix(FILE_SUFFIX)
        if name in found:
            raise InvalidConfig(
                f"the environment sets {found[name]} and {variable}: leave one out"
            )
        found[name] = variable
        yield variable, name, value
