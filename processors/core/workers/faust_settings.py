"""How Faust's client finds the cluster and logs in, from the settings of refold's own client.

Comes in by librdkafka's names (`log/backends/kafka/client_settings.py`), and leaves as Faust's
credentials, and as aiokafka's own settings. Only what a login needs is translated: how the other
client is tuned is its own affair.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from log.errors import InvalidConfig

PASSWORD_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
KNOWN = frozenset(
    {
        "security.protocol",
        "sasl.mechanism",
        "sasl.username",
        "sasl.password",
        "ssl.ca.location",
        "ssl.ca.pem",
        "ssl.certificate.location",
        "ssl.key.location",
        "ssl.key.password",
        "ssl.endpoint.identification.algorithm",
        "enable.ssl.certificate.verification",
    }
)


def credentials_of(settings: Mapping[str, str]) -> Credentials | None:
    """None where the cluster asks nobody who he is.

    Errors: InvalidConfig where Faust's client cannot do what a setting says; without its value.
    """
    for name in settings:
        if name.startswith(("sasl.", "ssl.")) and name not in KNOWN:
            raise InvalidConfig(
                f"a Faust worker cannot log in with {name}: it knows {', '.join(sorted(KNOWN))}; "
                "`refold run` takes all settings"
            )
    protocol = settings.get("security.protocol", "plaintext").lower()
    context = _context(settings) if protocol.endswith("ssl") else None
    if not protocol.startswith("sasl"):
        return None if context is None else SSLCredentials(context)
    mechanism = settings.get("sasl.mechanism", "")
    if mechanism not in PASSWORD_MECHANISMS:
        raise InvalidConfig(
            f"a Faust worker cannot log in with sasl.mechanism {mechanism}: choose one of "
            f"{', '.join(PASSWORD_MECHANISMS)}, or use `refold run`"
        )
    return SASLCredentials(
        username=settings.get("sasl.username"),
        password=settings.get("sasl.password"),
        mechanism=mechanism,
        ssl_context=context,
    )


def client_settings(settings: Mapping[str, str]) -> dict[str, Any]:
    """What aiokafka's clients are made with: where the cluster is, and how to log in."""
    servers = settings["bootstrap.servers"].split(",")
    return {
        "bootstrap_servers": servers,
        **credentials_to_aiokafka_auth(credentials_of(settings)),
    }


def _context(settings: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=settings.get("ssl.ca.location"), cadata=settings.get("ssl.ca.pem")
        )
        certificate = settings.get("ssl.certificate.location")
        if certificate is not None:
            key, password = settings.get("ssl.key.location"), settings.get("ssl.key.password", "")
            context.load_cert_chain(certificate, key, password)
    except (OSError, ValueError) as error:
        raise InvalidConfig(
            f"the certificates that ssl.ca.location (ssl.ca.pem), ssl.certificate.location and "
            f"ssl.key.location name cannot be used: {error}"
        ) from error
    if settings.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if settings.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
