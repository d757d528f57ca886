"""The settings of effects, `[effects."<system>.<effect>"]` in refold.toml.

    [effects."booking.stays.payments"]
    url = "https://payments.example.com"
    token = { env = "PAYMENTS_TOKEN" }        # or { file = "/run/secrets/payments" }

Which names an effect has, it says itself (`Effect.settings`): it refuses others when it is opened.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.setting_values import value_of
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
            name: value_of(f'effects."{effect}".{name}', value, folder, environment)
            for name, value in settings.items()
        }
    return found
