"""The login of Faust's client, from the settings of refold's own."""

import ssl
from pathlib import Path

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from log.backends.kafka.location import parse_location
from log.errors import InvalidConfig
from processors.core.workers.faust_settings import client_settings, credentials_of

PASSWORD = {"sasl.password": "geheim"}


def test_without_a_login() -> None:
    settings = parse_location("kafka://one:1,other:2", {"client.id": "x"}).settings
    assert credentials_of(settings) is None
    assert client_settings(settings) == {
        "bootstrap_servers": ["one:1", "other:2"],
        "security_protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_by_password(mechanism: str) -> None:
    location = parse_location(f"kafka+sasl://me@host/prefix?sasl.mechanism={mechanism}", PASSWORD)
    credentials = credentials_of(location.settings)
    assert isinstance(credentials, SASLCredentials)
    assert "geheim" not in repr(credentials)
    told = client_settings(location.settings)
    assert told["security_protocol"] == "SASL_PLAINTEXT"
    assert told["sasl_mechanism"] == mechanism
    assert (told["sasl_plain_username"], told["sasl_plain_password"]) == ("me", "geheim")
    assert told["ssl_context"] is None


def test_by_tls() -> None:
    credentials = credentials_of(parse_location("kafka+ssl://host").settings)
    assert isinstance(credentials, SSLCredentials)
    assert credentials.context.check_hostname
    unchecked = parse_location(
        "kafka+sasl+ssl://me@host",
        {**PASSWORD, "enable.ssl.certificate.verification": "false"},
    )
    context = client_settings(unchecked.settings)["ssl_context"]
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
    unnamed = parse_location("kafka+ssl://host?ssl.endpoint.identification.algorithm=none")
    context = client_settings(unnamed.settings)["ssl_context"]
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"sasl.mechanism": "GSSAPI"}, "cannot log in with sasl.mechanism GSSAPI: choose one of"),
        ({"sasl.oauthbearer.config": "geheim"}, "cannot log in with sasl.oauthbearer.config"),
        ({"ssl.keystore.location": "geheim"}, "cannot log in with ssl.keystore.location"),
        ({"ssl.ca.location": "no-such-file"}, "ssl.key.location name cannot be used"),
    ],
)
def test_what_it_cannot_do_is_told(setting: dict[str, str], what: str, tmp_path: Path) -> None:
    location = parse_location("kafka+sasl+ssl://me@host", {**PASSWORD, **setting})
    with pytest.raises(InvalidConfig, match=what) as told:
        credentials_of(location.settings)
    assert "geheim" not in str(told.value)
