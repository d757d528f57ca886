"""Brokers that ask who is there: by password, with rights for each user, and by TLS.

`Broker`, which asks nothing, is in `kafka_tools.py`. Settings are librdkafka's.
"""

import subprocess
from pathlib import Path

from tests.integration.kafka_tools import Broker, KafkaTools

__all__ = ["Broker", "SecuredBroker", "TlsBroker"]

MECHANISM = "SCRAM-SHA-512"
PASSWORDS = {"admin": "password-of-admin", "guest": "password-of-guest"}
STORE_PASSWORD = "password-of-store"


class SecuredBroker(Broker):
    """SASL without TLS. The user `admin` may do all, `guest` nothing that no ACL allows."""

    def __init__(self, tools: KafkaTools, folder: Path) -> None:
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        login = f"listener.name.client.{MECHANISM.lower()}.sasl.jaas.config"
        super().__init__(
            tools,
            folder,
            protocol="SASL_PLAINTEXT",
            properties={
                "sasl.enabled.mechanisms": MECHANISM,
                login: f"{module} required;",
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # The broker itself comes by the inner listener, which asks nobody's name.
                "super.users": "User:admin;User:ANONYMOUS",
            },
            format_options=[
                option
                for user, password in PASSWORDS.items()
                for option in ("--add-scram", f"{MECHANISM}=[name={user},password={password}]")
            ],
        )

    def settings(self, user: str, password: str | None = None) -> dict[str, str]:
        """To come as `user`, with the right password where none is given."""
        return {
            "bootstrap.servers": self.address,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": MECHANISM,
            "sasl.username": user,
            "sasl.password": PASSWORDS[user] if password is None else password,
        }


class TlsBroker(Broker):
    """TLS, with a certificate that the broker has signed itself."""

    def __init__(self, tools: KafkaTools, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        store, self.certificate = folder / "broker.p12", folder / "broker.pem"
        _keytool(
            store,
            *("-genkeypair", "-keyalg", "EC", "-validity", "30", "-dname", "CN=127.0.0.1"),
            *("-ext", "san=ip:127.0.0.1", "-ext", "bc:c"),
        )
        _keytool(store, "-exportcert", "-rfc", "-file", str(self.certificate))
        super().__init__(
            tools,
            folder,
            protocol="SSL",
            properties={
                "ssl.keystore.location": str(store),
                "ssl.keystore.type": "PKCS12",
                "ssl.keystore.password": STORE_PASSWORD,
            },
        )

    def settings(self) -> dict[str, str]:
        return {
            "bootstrap.servers": self.address,
            "security.protocol": "SSL",
            "ssl.ca.location": str(self.certificate),
        }


def _keytool(store: Path, verb: str, *options: str) -> None:
    """Java's own tool, over one store of keys."""
    kept = ("-alias", "broker", "-storetype", "PKCS12", "-keystore", str(store))
    done = subprocess.run(
        ["keytool", verb, *kept, "-storepass", STORE_PASSWORD, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
