"""Configuration: flags over environment (`REFOLD_*`) over `refold.toml`, read once per command.

`refold.toml` is looked for in the current folder and those above it. Its folder goes on the import
path, so that a user's own systems are found, and relative paths in it start there. The settings of
Kafka's client are read in `kafka_settings.py`, those of the HTTP server in `http_settings.py`.
"""

import difflib
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from gateway.effect_settings import effect_settings
from log.errors import InvalidConfig

if TYPE_CHECKING:
    from log.backends.kafka.location import KafkaLocation

FILE_NAME = "refold.toml"
ENVIRONMENT_PREFIX = "REFOLD_"
KAFKA_PREFIX = "REFOLD_KAFKA_"
HTTP_PREFIX = "REFOLD_HTTP_"
TESTS_PREFIX = "REFOLD_TEST_"
"""What the project's own tests are told; no settings."""
DEFAULT_FOLDER = ".refold"
PLACES = ("log", "projections_url", "snapshots", "group")
"""Settings that cannot be empty."""
TABLES = ("kafka", "effects", "http")
"""Settings that are tables in refold.toml."""
MAY_HOLD_PASSWORDS = ("projections_url", "snapshots")

Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
GroupName = Annotated[str, msgspec.Meta(max_length=80)]


class ConfigError(Exception):
    """A setting that is unknown or has a value that means nothing; the message says where."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. In the environment a name is `REFOLD_` and the name in capitals; a list is
    separated by commas there."""

    log: str = DEFAULT_FOLDER
    """The folder of the file log, of its snapshots and (by default) of its read models; or a log
    on a Kafka cluster, `kafka://host:port/prefix`."""
    kafka: Mapping[str, str] = {}
    """Settings of Kafka's client by librdkafka's names; empty where the log is a folder. Secrets
    do not show."""
    effects: Mapping[str, Mapping[str, str]] = {}
    """Settings of effects, by `<system>.<effect>`. Values do not show."""
    http: Mapping[str, Any] = {}
    """`[http]` as it stands; `http_settings.py` reads it where it serves. Values do not show."""
    group: GroupName = "refold"
    """The consumer group of workers on Kafka."""
    systems: tuple[str, ...] = ()
    """Packages of your own systems, such as "shop.orders"."""
    projections_url: str = ""
    """Where read models are kept, as an SQLAlchemy URL. Empty: SQLite in the local folder."""
    snapshots: str = ""
    """Where snapshots are kept, a folder or an SQLAlchemy URL. Empty: in the local folder."""
    durability: Literal[
        "loses_nothing",
        "loses_last_second_on_power_failure",
        "loses_unflushed_on_power_failure",
    ] = "loses_nothing"
    """For topics that are created from here on, where their system does not say."""
    snapshot_every_commands: Positive = 1_000_000
    snapshot_every_s: Seconds = 300.0
    session_timeout_s: Seconds = 10.0
    """A worker on Kafka that is silent for so long has its partitions taken over."""
    standby: bool = False
    """Whether a worker on Kafka follows partitions of others, to take over at once."""
    health_port: Port = 0
    """Where a worker answers probes and shows its metrics, by HTTP; 0: nowhere."""
    log_format: Literal["text", "json"] = "text"
    tracing_endpoint: str = ""
    """Where traces go, as an OTLP URL. Empty: nowhere."""
    home: Path = Path()
    """The folder of refold.toml, else the current one. No setting."""

    def __repr__(self) -> str:
        """Of URLs that may hold a password, the scheme only."""
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        for name in MAY_HOLD_PASSWORDS:
            scheme, found, _ = told[name].partition("://")
            told[name] = f"{scheme}://***" if found else scheme
        told["effects"] = dict.fromkeys(self.effects, "***")
        told["http"] = dict.fromkeys(self.http, "***")
        return f"Config({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    @property
    def log_folder(self) -> Path | None:
        """The folder of the file log; None where the log is on Kafka."""
        return None if is_url(self.log) else Path(self.log)

    @property
    def kafka_location(self) -> "KafkaLocation":
        """Where on Kafka the log is, with all of the client's settings. InvalidConfig."""
        from log.backends.kafka.location import parse_location

        return parse_location(self.log, self.kafka)

    @property
    def local_folder(self) -> Path:
        """What this machine keeps beside the log, and can make again from it: snapshots, read
        models, locks. The log's own folder, or one for its cluster and prefix."""
        # A file log may be made in the same folder later: names with a dot are no part of it.
        return self.log_folder or (
            self.home / DEFAULT_FOLDER / f".kafka-{self.kafka_location.safe_name}"
        )


SETTINGS = {
    field.name: field.type for field in msgspec.structs.fields(Config) if field.name != "home"
}


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
    layers: dict[str, dict[str, Any]] = {}
    if path is not None:
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        layers[str(path)] = _from_file(path)
    layers["the environment"] = _from_environment(environment)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers["the command line"] = _checked(given, "the command line", strict=False)
    settings = {name: value for layer in layers.values() for name, value in layer.items()}
    table, home = settings.pop("kafka", {}), path.parent if path else Path()
    try:
        effects = effect_settings(settings.pop("effects", {}), home, environment)
    except InvalidConfig as error:
        raise ConfigError(f"{path}: {error}") from error
    config = Config(**settings, effects=effects, home=home)
    if config.log_folder is not None:
        return config
    (*_, source) = (name for name, layer in layers.items() if "log" in layer)
    return _on_kafka(config, source, table, environment)


def _on_kafka(
    config: Config, source: str, table: Mapping[str, Any], environment: Mapping[str, str]
) -> Config:
    """With the settings of Kafka's client, checked as far as they can be without it."""
    with needs_kafka():
        from gateway.kafka_settings import kafka_settings

    try:
        config = msgspec.structs.replace(
            config, kafka=kafka_settings(table, config.home, environment)
        )
    except InvalidConfig as error:
        raise ConfigError(str(error)) from error
    try:
        config.kafka_location  # noqa: B018
    except InvalidConfig as error:
        raise ConfigError(f"{source}: log: {error}") from error
    return config


@contextmanager
def needs_kafka() -> Iterator[None]:
    """Around an import: ConfigError where Kafka's client is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "confluent_kafka":
            raise
        raise ConfigError(
            "the log is on Kafka, and the package confluent-kafka is not installed: "
            "pip install 'refold[kafka]'"
        ) from error


def is_url(place: str) -> bool:
    """Whether a place is no folder. `kafka:` is a URL whatever follows, so that a slip is told."""
    return "://" in place or place.startswith("kafka:")


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


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    settings = _checked(found, str(path), strict=True)
    for name in ("log", "snapshots"):
        if name in settings and not is_url(settings[name]):
            settings[name] = str(path.parent / settings[name])
    return settings


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": name for name in SETTINGS if name not in TABLES
    }
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith(
            (TESTS_PREFIX, KAFKA_PREFIX, HTTP_PREFIX)
        ):
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
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ConfigError(f"{source}: there is no setting {name!r}: {nearest(name, SETTINGS)}")
        if name in PLACES and value == "":
            raise ConfigError(f"{source}: {name} is empty: leave it out, or give one")
        kind = Mapping[str, Any] if name in TABLES else SETTINGS[name]
        try:
            checked[name] = msgspec.convert(value, kind, strict=strict)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{source}: {name}: {error}") from error
    return checked
