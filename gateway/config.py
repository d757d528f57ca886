"""Configuration: flags over environment (`REFOLD_*`) over `refold.toml`, read once per command.

`refold.toml` is looked for in the current folder and those above it. Its folder goes on the import
path, so that a user's own systems are found, and relative paths in it start there.
"""

import difflib
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

FILE_NAME = "refold.toml"
ENVIRONMENT_PREFIX = "REFOLD_"
TESTS_PREFIX = "REFOLD_TEST_"
"""What the project's own tests are told; no settings."""

Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class ConfigError(Exception):
    """A setting that is unknown or has a value that means nothing; the message says where."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. In the environment a name is `REFOLD_` and the name in capitals; a list is
    separated by commas there."""

    log: Path = Path(".refold")
    """The folder of the file log, of its snapshots and (by default) of its read models."""
    systems: tuple[str, ...] = ()
    """Packages of your own systems, such as "shop.orders"."""
    projections_url: str = ""
    """Where read models are kept, as an SQLAlchemy URL. Empty: SQLite in the log's folder."""
    durability: Literal[
        "loses_nothing",
        "loses_last_second_on_power_failure",
        "loses_unflushed_on_power_failure",
    ] = "loses_nothing"
    """For topics that are created from here on, where their system does not say."""
    snapshot_every_commands: Positive = 1_000_000
    snapshot_every_s: Seconds = 300.0


def load_config(
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Config:
    """The settings in force; ConfigError names the one that is wrong, and where it was set.

    `flags` holds what was given on the command line (None: not given). `environment` and `folder`
    are the process's own by default. Puts the folder of `refold.toml` on the import path.
    """
    environment = os.environ if environment is None else environment
    path = _find_file(folder or Path.cwd())
    settings: dict[str, Any] = {}
    if path is not None:
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        settings |= _checked(_read_file(path), str(path), strict=True)
        if "log" in settings:
            settings["log"] = path.parent / settings["log"]
    settings |= _from_environment(environment)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    settings |= _checked(given, "the command line", strict=False)
    return Config(**settings)


def nearest(asked: str, known: Iterable[str]) -> str:
    """The end of an error message: the closest known name, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(asked, names, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names) or 'none'}"


def _find_file(folder: Path) -> Path | None:
    folder = folder.resolve()
    for candidate in (folder, *folder.parents):
        path = candidate / FILE_NAME
        if path.is_file():
            return path
    return None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = {f"{ENVIRONMENT_PREFIX}{name.upper()}": name for name in Config.__struct_fields__}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith(TESTS_PREFIX):
            continue
        name = names.get(variable)
        if name is None:
            raise ConfigError(
                f"the environment sets {variable}, which is no setting: {nearest(variable, names)}"
            )
        value: Any = text
        if name == "systems":
            value = [part.strip() for part in text.split(",") if part.strip()]
        found |= _checked({name: value}, f"the environment variable {variable}", strict=False)
    return found


def _checked(settings: dict[str, Any], source: str, strict: bool) -> dict[str, Any]:
    """The settings with values of their own types; ConfigError says what `source` got wrong."""
    types = {field.name: field.type for field in msgspec.structs.fields(Config)}
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in types:
            raise ConfigError(f"{source}: there is no setting {name!r}: {nearest(name, types)}")
        if name in ("log", "projections_url") and value == "":
            raise ConfigError(f"{source}: {name} is empty: leave it out, or give one")
        try:
            checked[name] = msgspec.convert(
                value, types[name], strict=strict, dec_hook=lambda kind, raw: kind(raw)
            )
        except (msgspec.ValidationError, TypeError) as error:
            raise ConfigError(f"{source}: {name}: {error}") from error
    return checked
