"""The settings of effects, `[effects."<system>.<effect>"]` in refold.toml.

    [effects."booking.stays.payments"]
    url = "https://payments.example.com"
    token = { env = "PAYMENTS_TOKEN" }        # or { file = "/run/secrets/payments" }

Which names an effect has, it says itself (`Effect.settings`): it refuses others when it is opened.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from log.errors import InvalidConfig


def effect_settings(
    table: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The settings of each effect, with secrets fetched from where they are.

    `table` is `[effects]` of the refold.toml in `folder`, where relative files start. Errors:
    InvalidConfig, which names what is wrong and shows no value.
    """
    found: dict[str, dict[str, str]] = {}
    for effect, settings in table.items():
        if not isinstance(settings, Mapping) or "." not in effect:
            raise InvalidConfig(
                f'effects: {effect} is no effect: write [effects."<system>.<effect>"], with the '
                "quotes, and its settings below"
            )
        found[effect] = {
            name: _value(f'effects."{effect}".{name}', value, folder, environment)
            for name, value in settings.items()
        }
    return found


def _value(name: str, value: Any, folder: Path, environment: Mapping[str, str]) -> str:
    match value:
        case {"env": str(variable)}:
            if variable not in environment:
                raise InvalidConfig(f"{name}: the environment sets no {variable}")
            return environment[variable]
        case {"file": str(path)}:
            try:
                return (folder / path).read_text().rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is no text"
                raise InvalidConfig(f"{name}: cannot read {folder / path}: {reason}") from error
        case bool():
            return str(value).lower()
        case int() | float() | str():
            return str(value)
    raise InvalidConfig(
        f"{name}: a value is a text or a number, or says where it is: "
        '{ env = "NAME" } or { file = "PATH" }'
    )
