"""Where a log on Kafka is, as text and as what its clients need.

    kafka://[user@]host[:port][,host[:port]...][/prefix][?name=value&...]

`kafka+ssl://` is TLS, `kafka+sasl://` a login without TLS, `kafka+sasl+ssl://` a login over it.
The text comes from the command line, the environment or refold.toml, and leaves as a
`KafkaLocation`, from which `KafkaLog` is made. Nothing here connects to anything.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from log.backends.kafka.client_settings import check_names, is_secret, secret_goes
from log.backends.names import TOPIC_NAME
from log.errors import InvalidConfig

SCHEMES = {
    "kafka": "",
    "kafka+ssl": "ssl",
    "kafka+sasl": "sasl_plaintext",
    "kafka+sasl+ssl": "sasl_ssl",
}
"""By scheme, librdkafka's security.protocol. `kafka` leaves it to the settings."""
PORT = 9092
PORT_MAX = 65535
SERVER = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", re.ASCII)
MECHANISM = "SCRAM-SHA-512"
SAFE_NAME_LENGTH = 80


@dataclass(frozen=True)
class KafkaLocation:
    """A cluster, and the place of one log among its topics."""

    servers: tuple[str, ...]
    """`host:port` of each, to begin with: the cluster tells the others."""
    prefix: str
    """Before each topic, group and transactional id: empty, or ending with a dot."""
    settings: Mapping[str, str]
    """All that a client needs, by librdkafka's names; the servers are among them. A password is
    a `Secret`."""

    @property
    def safe_name(self) -> str:
        """Another one for each cluster and prefix, and fit for the name of a folder."""
        told = f"{','.join(sorted(self.servers))}/{self.prefix}"
        shown = re.sub(r"[^\w.-]+", "_", told, flags=re.ASCII).strip("_.")[:SAFE_NAME_LENGTH]
        return f"{shown}-{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"


def parse_location(text: str, settings: Mapping[str, str] | None = None) -> KafkaLocation:
    """The location that a text means, with these settings; those in the text go before them.

    Errors: InvalidConfig, which never shows what may be a password.
    """
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES or not rest:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise InvalidConfig(
            "this is no place of a log: give a folder, or kafka://HOST:PORT[,HOST:PORT...]"
            f"[/PREFIX] (known are {known})"
        )
    place, _, query = rest.partition("?")
    user, _, place = place.rpartition("@")
    if ":" in user:
        raise InvalidConfig(
            "there is a password in the location: leave it out (user@host), and "
            + secret_goes("sasl.password")
        )
    hosts, _, name = place.partition("/")
    servers = _servers(hosts)
    named = _query(query)
    if user:
        named["sasl.username"] = unquote(user)
    merged = {**_of_one_name(settings or {}), **named}
    check_names(merged)
    merged["security.protocol"] = protocol = _protocol(scheme, merged)
    if protocol.startswith("sasl"):
        merged.setdefault("sasl.mechanism", MECHANISM)
    elif user:
        raise InvalidConfig(
            "a user name in the location needs a login: write kafka+sasl+ssl:// (or kafka+sasl:// "
            "without TLS)"
        )
    merged["bootstrap.servers"] = ",".join(servers)
    return KafkaLocation(servers, _prefix(name), merged)


def _servers(text: str) -> tuple[str, ...]:
    """Errors tell the place of the wrong one, and not its text: that may be half a password."""
    servers = []
    for number, each in enumerate(text.split(","), 1):
        match = SERVER.fullmatch(each)
        port = int(match[2] or PORT) if match else 0
        if match is None or not 1 <= port <= PORT_MAX:
            raise InvalidConfig(
                f"server {number} of the location is no HOST or HOST:PORT (an IPv6 address stands "
                "in brackets: [::1]:9092)"
            )
        servers.append(f"{match[1]}:{port}")
    return tuple(servers)


def _prefix(name: str) -> str:
    given = name.removesuffix("/")
    bare = given.removesuffix(".")
    if given and not TOPIC_NAME.fullmatch(bare):
        raise InvalidConfig(
            f"the prefix {given!r} of the location is none: it is one name of the characters a-z "
            "A-Z 0-9 . _ - (a dot is put after it)"
        )
    return f"{bare}." if given else ""


def _query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise InvalidConfig(
            "what follows the ? of the location is no list of settings: name=value&name=value"
        ) from None
    for name, _ in pairs:
        if is_secret(name):
            raise InvalidConfig(
                f"there is a secret in the location, {name}: leave it out, and {secret_goes(name)}"
            )
    return _of_one_name(dict(pairs))


def _of_one_name(settings: Mapping[str, str]) -> dict[str, str]:
    """`sasl.mechanisms` is another name of `sasl.mechanism`."""
    return {
        "sasl.mechanism" if name == "sasl.mechanisms" else name: value
        for name, value in settings.items()
    }


def _protocol(scheme: str, settings: Mapping[str, str]) -> str:
    asked = SCHEMES[scheme]
    told = settings.get("security.protocol", "").lower()
    if asked and told and asked != told:
        raise InvalidConfig(
            f"{scheme}:// means security.protocol={asked}, and the setting says {told}: leave the "
            "setting out"
        )
    return asked or told or "plaintext"
