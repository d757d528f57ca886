"""Values of settings in the tables of refold.toml: as they stand, or from where they are kept.

url = "https://payments.example.com"
token = { env = "PAYMENTS_TOKEN" }        # or { file = "/run/secrets/payments" }
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from log.errors import InvalidConfig


def value_of(name: str, value: Any, folder: Path, environment: Mapping[str, str]) -> str:
    """The setting's value as text; relative files start in `folder`.

    Errors: InvalidConfig, which names the setting and shows no value.
    """
    match value:
        case {"env": str(variable)}:
            if variable not in environment:
                raise InvalidConfig(f"{name}: the environment sets no {variable}")
            return environment[variable]
        case {"file": str(path)}:
            return content_of(name, folder / path)
        case bool():
            return str(value).lower()
        case int() | float() | str():
            return str(value)
    raise InvalidConfig(
        f"{name}: a value is a text or a number, or says where it is: "
        '{ env = "NAME" } or { file = "PATH" }'
    )


def content_of(name: str, path: Path) -> str:
    """What a file holds, without the end of its last line."""
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidConfig(f"{name}: cannot read {path}: {reason}") from error
