"""Settings of Kafka's client by librdkafka's own names: which are secret, which are refold's own,
and whether librdkafka takes them.

They come from a location's query, the environment and refold.toml, and go to every consumer,
producer and admin client.
"""

import ctypes
import difflib
import logging
import os
import re
import tempfile
from collections.abc import Iterable, Mapping

from log.errors import InvalidConfig

SECRET_NAME = re.compile(r"password|passphrase|secret|\.pem$|oauthbearer\.config$")
UNKNOWN_NAME = re.compile(r'No such configuration property: "(.*)"')
INCOMPLETE_LOGIN = "sasl.username and sasl.password must be set"

OWNED = {
    "bootstrap.servers metadata.broker.list": "the location names the servers",
    "enable.idempotence acks request.required.acks": (
        "refold appends idempotently, acknowledged by all replicas in sync: acknowledged means "
        "durable"
    ),
    "delivery.report.only.error produce.offset.report": "an append tells its offsets",
    "transactional.id": "each partition has its own, by which a successor fences it",
    "isolation.level": "readers see committed records, and no others",
    "partitioner": "a key has the same partition on every kind of log",
    "allow.auto.create.topics": "refold creates topics itself, with their settings",
    "group.id": "the setting `group` names it",
    "session.timeout.ms": "the setting `session_timeout_s` is this",
    "group.protocol group.remote.assignor partition.assignment.strategy": (
        "partitions move one by one (cooperative-sticky), so that the others go on"
    ),
    "enable.auto.commit auto.commit.enable auto.commit.interval.ms enable.auto.offset.store": (
        "the events say how far a partition is decided; committed offsets only show it"
    ),
    "auto.offset.reset enable.partition.eof": "each reader says itself where it begins and ends",
}
"""Names, and why they cannot be set."""
_WHY = {name: why for names, why in OWNED.items() for name in names.split()}


class Secret(str):
    """Text whose `repr`, and that of all that holds it, is `***`. Its `str` is the text: Kafka's
    client asks for that."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def is_secret(name: str) -> bool:
    """Whether the setting's value is for nobody to see."""
    return SECRET_NAME.search(name) is not None


def secret_goes(name: str) -> str:
    """Where the value of a secret setting belongs, for the end of an error message."""
    variable = f"REFOLD_KAFKA_{name.upper().replace('.', '_')}"
    return (
        f"put it in the environment as {variable}, in a file that {variable}_FILE names, or in "
        f'refold.toml under [kafka] as "{name}" = {{ env = "NAME" }} or {{ file = "PATH" }}'
    )


def check_names(names: Iterable[str]) -> None:
    """InvalidConfig for a setting that is refold's own, with the reason."""
    for name in names:
        if name in _WHY:
            raise InvalidConfig(f"the Kafka setting {name} cannot be set: {_WHY[name]}")


def check_settings(settings: Mapping[str, str]) -> None:
    """Ask librdkafka whether it takes these names and values; connects to nothing.

    Errors: InvalidConfig, with the nearest known name where there is none of a name.
    """
    from confluent_kafka import Consumer, KafkaException, Producer

    unheard = logging.getLogger("refold.kafka.settings")  # told only what a client polls for
    given = {name: value for name, value in settings.items() if name != "bootstrap.servers"}
    try:
        Producer({**given, "enable.idempotence": "true"}, logger=unheard)
        Consumer({**given, "group.id": "refold"}, logger=unheard).close()
    except KafkaException as error:
        raise InvalidConfig(_refusal(error.args[0].str(), given)) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidConfig(_refusal(str(error), given)) from None


def _refusal(reason: str, settings: Mapping[str, str]) -> str:
    unknown = UNKNOWN_NAME.search(reason)
    if unknown is not None:
        near = difflib.get_close_matches(unknown[1], known_names(), n=1)
        advice = f"did you mean {near[0]}?" if near else "librdkafka's CONFIGURATION.md lists them"
        return f"Kafka's client has no setting {unknown[1]!r}: {advice}"
    if INCOMPLETE_LOGIN in reason:
        missing = "sasl.username" if "sasl.username" not in settings else "sasl.password"
        where = (
            "put it in the location (user@host) or in refold.toml under [kafka]"
            if missing == "sasl.username"
            else secret_goes(missing)
        )
        return f"SASL needs {missing}: {where}"
    for value in settings.values():
        if isinstance(value, Secret) and value:
            reason = reason.replace(value, "***")
    return f"Kafka's client refuses the settings: {reason}"


def known_names() -> list[str]:
    """Every name that the librdkafka in use knows; none where it does not tell.

    It tells by printing its own documentation, a line a name, to a C file.
    """
    from confluent_kafka import cimpl

    try:
        client, system = ctypes.CDLL(cimpl.__file__), ctypes.CDLL(None)
        system.fdopen.restype = ctypes.c_void_p
        with tempfile.TemporaryFile() as file:
            stream = ctypes.c_void_p(system.fdopen(os.dup(file.fileno()), b"w"))
            client.rd_kafka_conf_properties_show(stream)
            system.fclose(stream)
            file.seek(0)
            first_words = (line.partition(b"|")[0].split() for line in file)
            return sorted({words[0].decode() for words in first_words if len(words) == 1})
    except (AttributeError, OSError):
        return []
