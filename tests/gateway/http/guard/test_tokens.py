"""JSON Web Tokens of an issuer whose key set is served over HTTP, or lies in a file."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.gateway.http.conftest import PARKING, Server, Servers, servers_in, until
from tests.gateway.http.guard.conftest import (
    ISSUER,
    Issuer,
    bearer,
    sent,
    serving,
    started,
    table_of_keys,
    table_of_tokens,
)

TAKEN = f"{PARKING}/queries/taken"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    issuer = Issuer()
    issuer.add("first")
    issuer.add("curve", "ES256")
    return issuer


@pytest.fixture(scope="module")
def trusting(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes tokens of `issuer`, and keys as well."""
    servers = servers_in(tmp_path_factory.mktemp("trusting"))
    with serving(issuer) as place:
        server = started(servers, table_of_tokens(place) + table_of_keys())
        until(lambda: asked(server, bearer("reader"), TAKEN).status_code == 200)
        yield server
        servers.close()


def asked(server: Server, headers: dict[str, str], path: str = "/api") -> httpx.Response:
    return server.client.get(path, headers=headers)


def refused(server: Server, headers: dict[str, str], reason: str) -> None:
    answer = asked(server, headers)
    assert (answer.status_code, reason in answer.json()["detail"]) == (401, True), answer.text
    assert answer.headers["www-authenticate"] == 'Bearer realm="refold", error="invalid_token"'


def test_tokens_are_taken_and_name_the_actor(trusting: Server, issuer: Issuer) -> None:
    for headers in (issuer.token("first"), issuer.token("curve", algorithm="ES256")):
        assert asked(trusting, headers).status_code == 200
    body = {"spot": "token", "car": "x", "stay_ms": 10**9}
    path = f"{PARKING}/commands/park_car"
    answer = trusting.client.post(path, json=body, headers=issuer.token("first"))
    place = answer.json()["command"]
    told = asked(
        trusting,
        issuer.token("first"),
        f"{PARKING}/partitions/{place['partition']}/commands/{place['offset']}",
    )
    assert told.json()["actor"] == f"{ISSUER}#alice"
    assert asked(trusting, bearer("reader")).status_code == 200


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("*", 200),
        ("openid samples.parking:read email", 200),
        (["*:read"], 200),
        ("samples.parking:park_car", 403),
        ("", 403),
        (None, 403),
        (5, 403),
        ({"*": 1}, 403),
        ([["*"]], 403),
    ],
)
def test_scopes_of_a_token(trusting: Server, issuer: Issuer, scope: Any, status: int) -> None:
    assert asked(trusting, issuer.token("first", scope), TAKEN).status_code == status


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, 'missing the "exp" claim'),
        ({"nbf": 4102444800}, "not yet valid"),
        ({"aud": "other"}, "Audience"),
        ({"aud": None}, 'missing the "aud" claim'),
        ({"iss": "https://evil.example.com"}, "issuer"),
        ({"sub": None}, 'missing the "sub" claim'),
        ({"sub": ""}, "no name"),
        ({"sub": 7}, "Subject"),
        ({"sub": "a\nb"}, "no name"),
        ({"sub": "a" * 256}, "no name"),
    ],
)
def test_claims_that_do_not_hold(
    trusting: Server, issuer: Issuer, claims: dict[str, Any], reason: str
) -> None:
    refused(trusting, issuer.token("first", **claims), reason)


def test_a_clock_that_differs_a_little(trusting: Server, issuer: Issuer) -> None:
    headers = issuer.token("first", exp=int(time.time()) - 10)
    assert asked(trusting, headers).status_code == 200


def part(told: dict[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=")


def claims() -> dict[str, Any]:
    exp = int(time.time()) + 600
    return {"iss": ISSUER, "aud": "refold", "sub": "mallory", "exp": exp, "scope": "*"}


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_nobody_signed(trusting: Server, name: str) -> None:
    header = {"alg": name, "typ": "JWT", "kid": "first"}
    for signature in (b"", b"AAAA"):
        forged = b".".join([part(header), part(claims()), signature])
        refused(trusting, sent(forged.decode()), "signed by")


def test_a_token_signed_with_the_public_key_as_a_secret(trusting: Server, issuer: Issuer) -> None:
    secret = issuer.public("first").public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = part({"alg": "HS256", "typ": "JWT", "kid": "first"}) + b"." + part(claims())
    signature = base64.urlsafe_b64encode(hmac.new(secret, body, hashlib.sha256).digest())
    forged = (body + b"." + signature.rstrip(b"=")).decode()
    refused(trusting, sent(forged), "signed by HS256")


def test_a_key_that_comes_with_the_token_is_not_used(trusting: Server) -> None:
    mallory = Issuer()
    mallory.add("first")
    refused(trusting, mallory.token("first"), "Signature verification failed")
    header = {"kid": "first", "jwk": json.loads(mallory.text())["keys"][0]}
    header["jku"] = "http://127.0.0.1:1/jwks.json"
    forged = jwt.encode(claims(), mallory._private["first"], "RS256", headers=header)
    refused(trusting, sent(forged), "Signature verification failed")


@pytest.mark.parametrize("algorithm", ["PS256", "RS512"])
def test_only_the_algorithms_that_are_stated(
    trusting: Server, issuer: Issuer, algorithm: str
) -> None:
    forged = issuer.token("first", algorithm=algorithm)
    refused(trusting, forged, f"signed by {algorithm}; taken are RS256")


@pytest.mark.parametrize("token", ["a.b.c", "..", "e30.e30.", "é.é.é", "a." * 9000, "a.b.c.d"])
def test_what_is_no_token(trusting: Server, token: str) -> None:
    answer = trusting.client.get(TAKEN, headers={b"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401


def test_keys_that_are_rotated(servers: Servers) -> None:
    """A new key is found at its first token; what is not known is not asked for again and again;
    a key that is withdrawn is believed no more."""
    issuer = Issuer()
    issuer.add("old")
    more = "retry_s = 0.2\nrefresh_s = 0.5"
    with serving(issuer) as place:
        server = started(servers, table_of_tokens(place, more))
        assert asked(server, issuer.token("old")).status_code == 200
        issuer.add("new")
        until(lambda: asked(server, issuer.token("new")).status_code == 200)
        issuer.hide("old")
        until(lambda: asked(server, issuer.token("old")).status_code == 401)
        assert asked(server, issuer.token("new")).status_code == 200


def test_unknown_keys_are_asked_for_only_so_often(trusting: Server, issuer: Issuer) -> None:
    issuer.add("secret", show=False)
    assert asked(trusting, issuer.token("first")).status_code == 200
    before = issuer.asked
    for _ in range(20):
        assert asked(trusting, issuer.token("secret")).status_code == 401
    assert issuer.asked - before <= 2  # `retry_s` is 10 s


def test_keys_out_of_reach(servers: Servers) -> None:
    """503, whatever is wrong with the key set; tokens are taken once it is back."""
    issuer = Issuer()
    issuer.add("first")
    issuer.status = 500
    with serving(issuer) as place:
        server = started(servers, table_of_tokens(place, "retry_s = 0.05"))
        for _ in range(3):
            answer = asked(server, issuer.token("first"))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        issuer.status = 200
        until(lambda: asked(server, issuer.token("first")).status_code == 200)
        issuer.status = 500  # those at hand serve on
        assert asked(server, issuer.token("first")).status_code == 200
    server.end()
    nobody = started(servers, table_of_tokens(place) + table_of_keys())
    assert asked(nobody, issuer.token("first")).status_code == 503
    assert asked(nobody, bearer("reader")).status_code == 200


def test_a_slow_issuer_holds_up_nobody_else(servers: Servers) -> None:
    issuer = Issuer()
    issuer.add("first")
    issuer.hold.clear()
    with serving(issuer) as place:
        server = started(servers, table_of_tokens(place) + table_of_keys())
        answers: list[int] = []

        def ask() -> None:
            answers.append(httpx.get(f"{server.url}/api", headers=headers).status_code)

        headers = issuer.token("first")
        waiting = [threading.Thread(target=ask) for _ in range(5)]
        for each in waiting:
            each.start()
        until(lambda: issuer.asked == 1)
        assert asked(server, bearer("reader")).status_code == 200
        assert answers == []
        issuer.hold.set()
        for each in waiting:
            each.join()
        assert (answers, issuer.asked) == ([200] * 5, 1)


def test_a_key_set_in_a_file(servers: Servers) -> None:
    issuer = Issuer()
    issuer.add("first")
    (servers.folder / "jwks.json").write_text(issuer.text())
    server = started(servers, table_of_tokens("jwks.json"))
    assert asked(server, issuer.token("first")).status_code == 200


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 5}', '{"keys": [5]}', '{"keys": {}}'])
def test_a_file_that_is_no_key_set(servers: Servers, text: str) -> None:
    issuer = Issuer()
    issuer.add("first")
    (servers.folder / "jwks.json").write_text(text)
    server = started(servers, table_of_tokens("jwks.json"))
    assert asked(server, issuer.token("first")).status_code == 503
