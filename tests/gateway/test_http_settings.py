"""`[http]`: what is taken, and what is said where something is wrong."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError, load_config
from gateway.http_settings import (
    HttpSettings,
    KeySettings,
    Limits,
    LiveLimits,
    digest_of,
    http_settings,
)

HOME = Path("/desk")
DIGEST = digest_of("refold_key")
KEY = {"sha256": DIGEST, "scopes": ["*"]}
JWT = {"jwks": "jwks.json", "issuer": "https://id.example.com", "audience": "refold"}


def settings(table: dict[str, Any], environment: dict[str, str] | None = None) -> HttpSettings:
    return http_settings(table, HOME, environment or {})


def test_flags_over_environment_over_file() -> None:
    table = {
        "port": 1,
        "host": "a",
        "limits": {"wait_s": 1.5, "streams_max": 7},
        "live": {"frame_ms": 20, "slow_s": 3},
    }
    environment = {
        "REFOLD_HTTP_PORT": "2",
        "REFOLD_HTTP_LIMITS_WAIT_S": "2",
        "REFOLD_HTTP_LIVE_FRAME_MS": "40",
    }
    flags = {"port": 3, "host": None, "limits.body_bytes": 9}
    found = http_settings(table, HOME, environment, flags)
    assert (found.host, found.port) == ("a", 3)
    assert found.limits == Limits(wait_s=2, streams_max=7, body_bytes=9)
    assert found.live == LiveLimits(frame_ms=40, slow_s=3)
    assert settings({}) == HttpSettings()


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    environment = {
        "REFOLD_HTTP_ORIGINS": "https://a.example.com, http://b.example.com:81",
        "REFOLD_HTTP_TRUSTED_PROXIES": "10.0.0.0/8,::1",
        "REFOLD_HTTP_INSECURE": "true",
        "REFOLD_HTTP_JWT_JWKS": "https://id.example.com/jwks.json",
        "REFOLD_HTTP_JWT_ISSUER": "https://id.example.com",
        "REFOLD_HTTP_JWT_AUDIENCE": "refold",
        "REFOLD_HTTP_JWT_ALGORITHMS": "ES256,EdDSA",
    }
    found = settings({}, environment)
    assert found.origins == ("https://a.example.com", "http://b.example.com:81")
    assert found.trusted_proxies == ("10.0.0.0/8", "::1")
    assert found.insecure
    assert found.jwt is not None
    assert found.jwt.algorithms == ("ES256", "EdDSA")


def test_a_key_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "desk.sha256").write_text(DIGEST + "\n")
    table = {
        "keys": {
            "desk": {"sha256": {"file": "desk.sha256"}, "scopes": ["*:read"]},
            "robot": {"sha256": {"env": "ROBOT"}, "scopes": ["markets.exchange:place_order"]},
        }
    }
    found = http_settings(table, tmp_path, {"ROBOT": digest_of("other")})
    assert found.keys == {
        "desk": KeySettings(sha256=DIGEST, scopes=("*:read",)),
        "robot": KeySettings(sha256=digest_of("other"), scopes=("markets.exchange:place_order",)),
    }
    assert found.has_authentication


def test_files_start_beside_refold_toml() -> None:
    found = settings({"jwt": JWT})
    assert found.jwt is not None
    assert found.jwt.jwks == "/desk/jwks.json"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"prot": 80}, "/desk/refold.toml: http: there is no setting 'prot': did you mean port?"),
    ({"port": 70000}, "/desk/refold.toml: http: port: Expected `int` <= 65535"),
    ({"port": "80"}, "port: Expected `int`, got `str`"),
    ({"host": ""}, "host is empty"),
    ({"limits": 5}, "there is no setting 'limits'"),
    ({"limits": {"wait_s": 0}}, "limits.wait_s: Expected `float` > 0"),
    ({"limits": {"streams": 5}}, "did you mean limits.streams_max?"),
    ({"limits": {"client_requests_per_s": -1}}, "Expected `float` >= 0"),
    ({"live": 5}, "there is no setting 'live'"),
    ({"live": {"frame_ms": 0}}, "/desk/refold.toml: http: live.frame_ms: Expected `int` >= 1"),
    ({"live": {"subscriptions": 5}}, "did you mean live.subscriptions_max?"),
    ({"live": {"slow_s": 0}}, "live.slow_s: Expected `float` > 0"),
    ({"origins": ["*"]}, "origins: '*' is none: write scheme, name and port alone"),
    ({"origins": ["https://a.example.com/"]}, "scheme, name and port alone"),
    ({"trusted_proxies": ["proxy"]}, "trusted_proxies: 'proxy'"),
    ({"trusted_proxies": ["10.0.0.1/8"]}, "give addresses (10.0.0.7) or networks"),
    ({"keys": 5}, "keys are tables"),
    ({"keys": {"Desk": KEY}}, "keys.Desk: a name has at most 64 of a-z"),
    ({"keys": {"desk": 5}}, "keys.desk: a key has `sha256` and `scopes`"),
    ({"keys": {"desk": {"sha256": DIGEST}}}, "a key has `sha256` and `scopes`"),
    ({"keys": {"desk": {**KEY, "scopes": []}}}, "scopes is empty"),
    ({"keys": {"desk": {**KEY, "scopes": "*"}}}, "Expected `array`, got `str`"),
    ({"keys": {"desk": {**KEY, "scopes": ["exchange"]}}}, "'exchange' is no scope: write SYSTEM"),
    ({"keys": {"desk": {**KEY, "scopes": ["exchange:read"]}}}, "is no scope"),
    ({"keys": {"desk": {**KEY, "sha256": "abc"}}}, "64 digits of 0-9 and a-f"),
    ({"keys": {"desk": {**KEY, "sha256": {"env": "NONE"}}}}, "the environment sets no NONE"),
    ({"keys": {"desk": {**KEY, "sha256": {"file": "none"}}}}, "cannot read /desk/none"),
    ({"keys": {"desk": KEY, "robot": KEY}}, "keys.robot: another name has the same key"),
    ({"jwt": {"issuer": "x", "audience": "y"}}, "jwt.jwks is missing"),
    ({"jwt": {"jwks": "x", "issuer": "y"}}, "jwt.audience is missing"),
    ({"jwt": {**JWT, "algorithms": ["HS256"]}}, "jwt.algorithms: Invalid enum value 'HS256'"),
    ({"jwt": {**JWT, "algorithms": ["none"]}}, "Invalid enum value 'none'"),
    ({"jwt": {**JWT, "algorithms": []}}, "jwt.algorithms is empty"),
    ({"jwt": {**JWT, "jwks": "http://id.example.com/jwks"}}, "keys are fetched by https"),
    ({"jwt": {**JWT, "jwks": "ftp://localhost/jwks"}}, "keys are fetched by https"),
]


@pytest.mark.parametrize(("table", "message"), WRONG)
def test_what_is_wrong_is_said(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(table)
    assert message in str(raised.value)


def test_a_key_that_stands_in_the_file_is_not_shown() -> None:
    with pytest.raises(ConfigError) as raised:
        settings({"keys": {"desk": {**KEY, "sha256": "refold_secret"}}})
    assert "sha256 is the key itself" in str(raised.value)
    assert "refold_secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("REFOLD_HTTP_PROT", "1", "REFOLD_HTTP_PROT, which is no setting: did you mean REFOLD"),
        ("REFOLD_HTTP_PORT", "x", "the environment variable REFOLD_HTTP_PORT: port: Expected"),
        ("REFOLD_HTTP_LIMITS_WAIT_S", "0", "limits.wait_s: Expected `float` > 0"),
        ("REFOLD_HTTP_LIVE_BUFFER_BYTES", "64k", "live.buffer_bytes: Expected `int`"),
        ("REFOLD_HTTP_LIVE_FRAME", "1", "did you mean REFOLD_HTTP_LIVE_FRAME_MS"),
    ],
)
def test_what_is_wrong_in_the_environment_is_said(variable: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings({}, {variable: text})
    assert message in str(raised.value)


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text(
        f'[http.keys.desk]\nsha256 = "{DIGEST}"\nscopes = ["*"]\n'
        '[http.jwt]\njwks = "https://user:hunter2@id.example.com/jwks.json"\n'
        'issuer = "https://id.example.com"\naudience = "refold"\n'
    )
    config = load_config(environment={"REFOLD_HTTP_PORT": "0"}, folder=tmp_path)
    found = http_settings(config.http, config.home, {})
    for shown in (repr(config), repr(found), str(found)):
        assert DIGEST not in shown
        assert "hunter2" not in shown


def test_other_commands_do_not_mind(tmp_path: Path) -> None:
    """What serves has its secrets; a worker with the same file need not."""
    (tmp_path / "refold.toml").write_text(
        '[http.keys.desk]\nsha256 = { env = "DESK" }\nscopes = ["*"]\n'
    )
    assert load_config(environment={}, folder=tmp_path).http
