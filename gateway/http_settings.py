"""The settings of the HTTP server: `[http]` in refold.toml, `REFOLD_HTTP_*` in the environment.

    [http]
    host = "0.0.0.0"
    origins = ["https://desk.example.com"]

    [http.limits]
    client_requests_per_s = 200                    # REFOLD_HTTP_LIMITS_CLIENT_REQUESTS_PER_S

    [http.live]
    frame_ms = 100                                 # REFOLD_HTTP_LIVE_FRAME_MS

    [http.keys.desk]
    sha256 = "9f86d081..."                         # or { env = "NAME" } or { file = "PATH" }
    scopes = ["markets.exchange:place_order", "*:read"]

    [http.jwt]
    jwks = "https://id.example.com/jwks.json"      # or a file
    issuer = "https://id.example.com"
    audience = "refold"

Flags go over the environment, and that over refold.toml. Looked at only by what serves.
"""

import hashlib
import ipaddress
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from gateway.config import FILE_NAME, HTTP_PREFIX, ConfigError, Port, Positive, Seconds, nearest
from gateway.setting_values import value_of
from log.errors import InvalidConfig

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Asymmetric, all of them: whoever can check a token cannot make one."""

KEY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
KEY_PREFIX = "refold_"
DIGEST = re.compile(r"[0-9a-f]{64}")
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
SCOPE = re.compile(r"\*|([a-z0-9_]+\.[a-z0-9_]+|\*):([a-z0-9_]+|\*)")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one server takes on, in all and from one client: an actor, or else an address."""

    body_bytes: Positive = 1 << 20
    """Of a command's JSON."""
    bodies_bytes: Positive = 64 << 20
    """Of all such bodies under way."""
    headers_bytes: Positive = 1 << 16
    """Of a request's line and headers."""
    waiting_max: Positive = 1024
    """Requests under way."""
    streams_max: Positive = 1024
    """Server-sent events and WebSockets."""
    connections_max: Positive = 10_000
    client_requests_max: Positive = 512
    client_streams_max: Positive = 512
    client_connections_max: Positive = 1024
    client_requests_per_s: NotNegative = 0.0
    """0: as many as it likes."""
    client_burst: Positive = 100
    """So many at once above that, after a rest."""
    clients_max: Positive = 10_000
    """Clients that are kept count of."""
    wait_s: Seconds = 10.0
    """For a decision or a read model."""
    headers_s: Seconds = 10.0
    """For the whole of a request's line and headers."""
    body_s: Seconds = 10.0
    """For a body; one that is larger than this many seconds of `body_bytes_per_s` has longer."""
    body_bytes_per_s: Positive = 1024
    idle_s: Seconds = 15.0
    """For the next request on a connection."""
    unread_s: Seconds = 60.0
    """A client that takes nothing of what it is sent for so long is cut off."""
    heartbeat_s: Seconds = 15.0
    ticket_s: Seconds = 30.0
    """For a ticket to be used."""


class LiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a WebSocket, and all of them together, may take. A connection holds at most
    `buffer_bytes`, one message above that, and the answers to `commands_max` commands."""

    frame_ms: Positive = 50
    """A live query is asked again at most so often."""
    subscriptions_max: Positive = 64
    """Of a connection."""
    commands_max: Positive = 64
    """Under way on a connection."""
    queries_max: Positive = 4096
    """Different live queries, of all connections."""
    queries_at_once: Positive = 2
    """That are asked in the same moment: the others wait, so that requests are not held up."""
    value_bytes: Positive = 1 << 20
    """Of one answer to a live query, as JSON."""
    buffer_bytes: Positive = 1 << 16
    """A client that has so much to take still gets nothing more until it does."""
    slow_s: Seconds = 10.0
    """Whoever takes nothing for so long is cut off."""


class KeySettings(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is let in, known by its digest alone."""

    sha256: str
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"KeySettings(sha256='***', scopes={self.scopes!r})"


class JwtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens are taken."""

    jwks: str
    """Where the issuer's public keys are: a URL, or a file."""
    issuer: str
    audience: str
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")
    leeway_s: NotNegative = 30.0
    """For clocks that differ."""
    scope_claim: str = "scope"
    """A text with spaces between scopes, or a list of them."""
    refresh_s: Seconds = 300.0
    """Keys are fetched anew after so long."""
    retry_s: Seconds = 10.0
    """And not more often than this, whatever tokens name."""
    keep_s: Seconds = 3600.0
    """Where they cannot be fetched, those at hand serve for so long."""

    def __repr__(self) -> str:
        return f"JwtSettings(issuer={self.issuer!r}, audience={self.audience!r}, jwks='***')"


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All of `[http]`."""

    host: str = "127.0.0.1"
    port: Port = 8080
    insecure: bool = False
    """Whether anybody who reaches another address than loopback is let in."""
    hosts: tuple[str, ...] = ()
    """Names that the server answers to, beside those of loopback where it listens there. Empty:
    elsewhere it answers to all."""
    origins: tuple[str, ...] = ()
    """Of web pages elsewhere that may call."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` is believed."""
    what_if_rules: bool = False
    """Whether a what-if may run modules and git revisions that a request names."""
    limits: Limits = Limits()
    live: LiveLimits = LiveLimits()
    keys: Mapping[str, KeySettings] = {}
    jwt: JwtSettings | None = None

    @property
    def has_authentication(self) -> bool:
        return bool(self.keys) or self.jwt is not None


def digest_of(key: str) -> str:
    """What stands in the settings of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def http_settings(
    table: Mapping[str, Any],
    home: Path,
    environment: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
) -> HttpSettings:
    """The settings in force. `table` is `[http]` of the refold.toml in `home`; `flags` holds what
    was given on the command line, by names such as `limits.wait_s` (None: not given).

    Errors: ConfigError, which says what is wrong, where it was set, and what is allowed.
    """
    file = f"{home / FILE_NAME}: http"
    if not isinstance(keys := table.get("keys", {}), Mapping):
        raise ConfigError(f"{file}: keys are tables: write [http.keys.NAME]")
    found: dict[str, Any] = {}
    for name, value in _flat({name: each for name, each in table.items() if name != "keys"}):
        found[name] = _checked(name, value, file, strict=True)
    found |= _from_environment(environment)
    for name, value in (flags or {}).items():
        if value is not None:
            found[name] = _checked(name, value, "the command line: http", strict=False)
    return HttpSettings(
        **{name: value for name, value in found.items() if "." not in name},
        limits=Limits(**_under("limits.", found)),
        live=LiveLimits(**_under("live.", found)),
        keys=_keys(keys, file, home, environment),
        jwt=_jwt(_under("jwt.", found), file, home),
    )


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _under(above: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix(above): value for name, value in found.items() if name.startswith(above)
    }


def _named() -> Iterator[tuple[str, Any]]:
    tables: dict[str, type[msgspec.Struct]] = {
        "": HttpSettings,
        "limits.": Limits,
        "live.": LiveLimits,
        "jwt.": JwtSettings,
    }
    for above, kind in tables.items():
        for field in msgspec.structs.fields(kind):
            if above or field.name not in ("limits", "live", "keys", "jwt"):
                yield f"{above}{field.name}", field.type


KINDS = dict(_named())
"""Settings by name, such as `port` and `limits.wait_s`."""


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {HTTP_PREFIX + name.upper().replace(".", "_"): name for name in KINDS}
    found: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(HTTP_PREFIX):
            continue
        if variable not in names:
            raise ConfigError(
                f"the environment sets {variable}, which is no setting: {nearest(variable, names)}"
            )
        name = names[variable]
        value: Any = text
        if typing.get_origin(KINDS[name]) is tuple:
            value = [part.strip() for part in text.split(",") if part.strip()]
        source = f"the environment variable {variable}"
        found[name] = _checked(name, value, source, strict=False)
    return found


def _checked(name: str, value: Any, source: str, strict: bool) -> Any:
    if name not in KINDS:
        raise ConfigError(f"{source}: there is no setting {name!r}: {nearest(name, KINDS)}")
    try:
        checked = msgspec.convert(value, KINDS[name], strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {name}: {error}") from error
    if checked in ("", ()) and name not in ("origins", "hosts", "trusted_proxies"):
        raise ConfigError(f"{source}: {name} is empty: leave it out, or give one")
    if name == "trusted_proxies":
        _check_networks(checked, source)
    if name == "origins":
        _check_origins(checked, source)
    return checked


def _check_networks(networks: tuple[str, ...], source: str) -> None:
    for each in networks:
        try:
            ipaddress.ip_network(each)
        except ValueError as error:
            raise ConfigError(
                f"{source}: trusted_proxies: {error}: give addresses (10.0.0.7) or networks "
                "(10.0.0.0/8)"
            ) from error


def _check_origins(origins: tuple[str, ...], source: str) -> None:
    for each in origins:
        if not ORIGIN.fullmatch(each):
            raise ConfigError(
                f"{source}: origins: {each!r} is none: write scheme, name and port alone, in "
                "lower case, such as https://desk.example.com"
            )


def _keys(
    table: Mapping[str, Any], file: str, home: Path, environment: Mapping[str, str]
) -> dict[str, KeySettings]:
    found: dict[str, KeySettings] = {}
    for name, settings in table.items():
        source = f"{file}: keys.{name}"
        if not KEY_NAME.fullmatch(name):
            raise ConfigError(
                f"{source}: a name has at most 64 of a-z, 0-9, dot, underscore and hyphen"
            )
        if not isinstance(settings, Mapping) or settings.keys() != {"sha256", "scopes"}:
            raise ConfigError(f"{source}: a key has `sha256` and `scopes`, and no more")
        try:
            digest = value_of("sha256", settings["sha256"], home, environment).strip()
            scopes = msgspec.convert(settings["scopes"], tuple[str, ...])
        except (InvalidConfig, msgspec.ValidationError) as error:
            raise ConfigError(f"{source}: {error}") from error
        _check_digest(digest, source)
        check_scopes(scopes, source)
        if any(each.sha256 == digest for each in found.values()):
            raise ConfigError(f"{source}: another name has the same key: make one for each")
        found[name] = KeySettings(sha256=digest, scopes=scopes)
    return found


def _check_digest(digest: str, source: str) -> None:
    if digest.startswith(KEY_PREFIX):
        raise ConfigError(
            f"{source}: sha256 is the key itself, which does not stand here: "
            "`refold http key` prints what does"
        )
    if not DIGEST.fullmatch(digest):
        raise ConfigError(f"{source}: sha256 is the SHA-256 of the key, 64 digits of 0-9 and a-f")


def check_scopes(scopes: tuple[str, ...], source: str) -> None:
    """Errors: ConfigError."""
    if not scopes:
        raise ConfigError(f'{source}: scopes is empty: such as ["*:read"], or ["*"] for all')
    for each in scopes:
        if not SCOPE.fullmatch(each):
            raise ConfigError(
                f"{source}: {each!r} is no scope: write SYSTEM:COMMAND "
                "(markets.exchange:place_order), SYSTEM:*, *:read, *:operate or *"
            )


def _jwt(settings: dict[str, Any], file: str, home: Path) -> JwtSettings | None:
    if not settings:
        return None
    for name in ("jwks", "issuer", "audience"):
        if name not in settings:
            raise ConfigError(f"{file}: jwt.{name} is missing: tokens are not taken without it")
    place = settings["jwks"]
    if "://" not in place:
        settings["jwks"] = str(home / place)
    else:
        split = urlsplit(place)
        here = split.hostname in ("localhost", "127.0.0.1", "::1")
        if split.scheme != "https" and not (split.scheme == "http" and here):
            raise ConfigError(
                f"{file}: jwt.jwks: keys are fetched by https (by http from this machine alone)"
            )
    return JwtSettings(**settings)
