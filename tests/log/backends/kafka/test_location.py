"""What a location means, and what is wrong with one; a password is never shown."""

import pytest

from log.backends.kafka.location import parse_location
from log.errors import InvalidConfig


@pytest.mark.parametrize(
    ("text", "servers", "prefix"),
    [
        ("kafka://localhost", "localhost:9092", ""),
        ("kafka://localhost:29092/", "localhost:29092", ""),
        ("kafka://a.b-c:1,10.0.0.2/demo2", "a.b-c:1,10.0.0.2:9092", "demo2."),
        ("kafka://a/demo2./", "a:9092", "demo2."),
        ("kafka://[::1],[2001:db8::2]:65535/x.y", "[::1]:9092,[2001:db8::2]:65535", "x.y."),
    ],
)
def test_servers_and_prefix(text: str, servers: str, prefix: str) -> None:
    location = parse_location(text)
    assert (",".join(location.servers), location.prefix) == (servers, prefix)
    assert location.settings == {"bootstrap.servers": servers, "security.protocol": "plaintext"}


@pytest.mark.parametrize(
    ("scheme", "protocol"),
    [
        ("kafka", "plaintext"),
        ("kafka+ssl", "ssl"),
        ("kafka+sasl", "sasl_plaintext"),
        ("kafka+sasl+ssl", "sasl_ssl"),
    ],
)
def test_the_scheme_says_how_to_connect(scheme: str, protocol: str) -> None:
    settings = parse_location(f"{scheme}://a").settings
    assert settings["security.protocol"] == protocol
    mechanism = "SCRAM-SHA-512" if "sasl" in scheme else None
    assert settings.get("sasl.mechanism") == mechanism


def test_without_a_word_in_the_scheme_the_settings_say_it() -> None:
    settings = parse_location("kafka://a", {"security.protocol": "SASL_SSL"}).settings
    assert settings["security.protocol"] == "sasl_ssl"
    assert settings["sasl.mechanism"] == "SCRAM-SHA-512"


def test_a_user_name_may_stand_in_it() -> None:
    location = parse_location("kafka+sasl+ssl://ann%40desk@a:1/x")
    assert (location.settings["sasl.username"], location.servers) == ("ann@desk", ("a:1",))


def test_what_stands_in_it_goes_before_the_settings() -> None:
    given = {"sasl.mechanisms": "GSSAPI", "client.id": "given", "linger.ms": "3"}
    text = "kafka+sasl://bob@a?sasl.mechanism=PLAIN&client.id=x%26y"
    assert parse_location(text, {**given, "sasl.username": "ann"}).settings == {
        "bootstrap.servers": "a:9092",
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "bob",
        "client.id": "x&y",
        "linger.ms": "3",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://a", "give a folder, or kafka://HOST:PORT"),
        ("kafka:/a", "give a folder, or kafka://HOST:PORT"),
        ("kafka+tls://a", "kafka+ssl://"),
        ("kafka://", "give a folder, or kafka://HOST:PORT"),
        ("kafka:///x", "server 1 of the location"),
        ("kafka://a,", "server 2 of the location"),
        ("kafka://a:0", "server 1 of the location"),
        ("kafka://a:65536", "server 1 of the location"),
        ("kafka://::1", "server 1 of the location"),
        ("kafka://a/b/c", "the prefix 'b/c' of the location"),
        ("kafka://a/.", "the prefix '.' of the location"),
        ("kafka://a/b c", "the prefix 'b c' of the location"),
        ("kafka://a?client.id", "is no list of settings"),
        ("kafka://ann@a", "write kafka+sasl+ssl://"),
        ("kafka://a?group.id=x", "group.id cannot be set: the setting `group` names it"),
        ("kafka://a?acks=1", "acks cannot be set: refold appends idempotently"),
        ("kafka://a?bootstrap.servers=b", "the location names the servers"),
        ("kafka+ssl://a?security.protocol=plaintext", "security.protocol=ssl"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_location(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "kafka+sasl://ann:geheim@a",
        "kafka+sasl://ann:geheim/x@a",
        "kafka+sasl://ann:geheim?x@a",
        "kafka+sasl://ann:geheim#x@a",
        "kafka+sasl://ann:@a?client.id=geheim",
        "kafka+sasl://ann@a?sasl.password=geheim",
        "kafka+ssl://a?ssl.key.pem=geheim",
        "kafka+ssl://a?sasl.oauthbearer.config=geheim",
        "kafka:ann:geheim@a",
        "postgresql://ann:geheim@a",
    ],
)
def test_a_secret_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_location(text)
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_refused_password_is_told_where_to_go() -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_location("kafka+sasl://ann:geheim@a")
    for place in ("REFOLD_KAFKA_SASL_PASSWORD,", "REFOLD_KAFKA_SASL_PASSWORD_FILE", "[kafka]"):
        assert place in str(caught.value)


def test_each_log_has_a_safe_name_of_its_own() -> None:
    texts = [
        "kafka://a:9092/x",
        "kafka://a:9092/y",
        "kafka://a_9092/x",
        "kafka://a/x.9092",
        "kafka://[::1]/x",
        f"kafka://{'a.example.com,' * 20}b",
        f"kafka://{'a.example.com,' * 20}c",
    ]
    names = [parse_location(text).safe_name for text in texts]
    assert len(set(names)) == len(texts)
    assert names[0].startswith("a_9092_x-")
    assert all(
        len(name) < 100 and name.replace("_", "").replace("-", "").replace(".", "").isalnum()
        for name in names
    )
    assert parse_location("kafka://b,a").safe_name == parse_location("kafka+ssl://a,b").safe_name
