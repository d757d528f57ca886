"""librdkafka takes the settings or says why not; secrets reach it, and nobody else."""

import pickle
import traceback

import pytest
from confluent_kafka import KafkaException, Producer

from log.backends.kafka.client_settings import (
    OWNED,
    Secret,
    check_names,
    check_settings,
    is_secret,
    known_names,
)
from log.backends.kafka.location import parse_location
from log.errors import InvalidConfig

LOGIN = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "ann"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"bootstrap.servers": "nowhere.invalid:9092", "security.protocol": "plaintext"},
        {**LOGIN, "sasl.password": Secret("geheim")},
        {"client.id": "x", "max.poll.interval.ms": "60000", "compression.level": "3"},
    ],
)
def test_what_librdkafka_takes(settings: dict[str, str]) -> None:
    check_settings(settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sasl.usrname": "x"}, "no setting 'sasl.usrname': did you mean sasl.username?"),
        ({"zzzz": "x"}, "no setting 'zzzz': librdkafka's CONFIGURATION.md lists them"),
        ({"linger.ms": "soon"}, "Invalid value for configuration property"),
        ({"retries": "0"}, "enable.idempotence"),
        ({"max.poll.interval.ms": "1"}, "max.poll.interval.ms"),
        ({"error_cb": "print"}, "expected error_cb property as a callable"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/nowhere"}, "ssl.ca.location"),
        (LOGIN, "SASL needs sasl.password: put it in the environment as REFOLD_KAFKA_SASL_PASSW"),
        (
            {**LOGIN, "sasl.mechanism": "SESAME-1", "sasl.password": Secret("SESAME")},
            "Unsupported SASL mechanism: ***-1",
        ),
    ],
)
def test_what_it_does_not_take(settings: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        check_settings(settings)
    assert says in str(caught.value)


def test_a_missing_user_name_is_told_where_to_go() -> None:
    with pytest.raises(InvalidConfig) as caught:
        check_settings({"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"})
    assert "SASL needs sasl.username: put it in the location (user@host)" in str(caught.value)


def test_what_is_refolds_own_is_known_to_librdkafka() -> None:
    owned = {name for names in OWNED for name in names.split()}
    assert owned <= set(known_names())
    for name in owned:
        with pytest.raises(InvalidConfig):
            check_names([name])


def test_which_names_are_secret() -> None:
    assert [name for name in known_names() if is_secret(name)] == [
        "https.ca.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.password",
        "ssl.ca.pem",
        "ssl.certificate.pem",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
    ]


def test_a_secret_does_not_show_where_it_is_held() -> None:
    secret = Secret("geheim")
    location = parse_location("kafka+sasl://ann@a", {"sasl.password": secret})
    shown = [repr(secret), f"{secret!r}", str(location), f"{location}", str(location.settings)]
    assert "geheim" not in " ".join(shown)
    assert location.settings["sasl.password"] == "geheim"
    try:
        raise KeyError(secret, location)
    except KeyError as error:
        assert "geheim" not in "".join(traceback.format_exception(error))


def test_a_secret_reaches_the_client_as_it_is() -> None:
    secret = pickle.loads(pickle.dumps(Secret("SASL")))
    assert (repr(secret), str(secret), secret.encode()) == ("'***'", "SASL", b"SASL")
    with pytest.raises(KafkaException, match='Invalid value "SASL" for'):
        Producer({"security.protocol": secret})
