"""Servers that ask who calls: keys, and an issuer of tokens with a key set of its own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.http_settings import digest_of
from tests.gateway.http.conftest import PARKING, Server, Servers, servers_in, until

KEYS = {
    "house": ("refold_house", ["*"]),
    "desk": ("refold_desk", ["samples.parking:park_car", "*:read"]),
    "reader": ("refold_reader", ["samples.parking:read"]),
    "operator": ("refold_operator", ["*:operate"]),
}
ISSUER = "https://id.example.com"
AUDIENCE = "refold"


def table_of_keys() -> str:
    lines = []
    for name, (key, scopes) in KEYS.items():
        digest = digest_of(key)
        lines.append(f'[http.keys.{name}]\nsha256 = "{digest}"\nscopes = {json.dumps(scopes)}\n')
    return "\n".join(lines)


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name][0]}"}


def started(servers: Servers, settings: str, *arguments: str, held: str = "no") -> Server:
    """A server with more in its refold.toml."""
    path = servers.folder / "refold.toml"
    path.write_text('systems = ["tests.samples.parking"]\n' + settings)
    return servers.start("parking", *arguments, held=held)


@pytest.fixture(scope="package")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with KEYS, for tests that only ask it things."""
    servers = servers_in(tmp_path_factory.mktemp("keyed"))
    server = started(servers, table_of_keys())
    taken = f"{PARKING}/queries/taken"
    until(lambda: server.client.get(taken, headers=bearer("reader")).status_code == 200)
    yield server
    servers.close()


class Issuer:
    """Serves its public keys, and signs tokens."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.hold = threading.Event()
        self.hold.set()
        self._private: dict[str, Any] = {}
        self._shown: list[dict[str, Any]] = []

    def add(self, name: str, algorithm: str = "RS256", show: bool = True) -> None:
        private: Any
        if algorithm.startswith("ES"):
            private = ec.generate_private_key(ec.SECP256R1())
        else:
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._private[name] = private
        of = jwt.get_algorithm_by_name(algorithm)
        public = json.loads(of.to_jwk(private.public_key()))
        if show:
            self._shown.append({**public, "kid": name, "alg": algorithm, "use": "sig"})

    def hide(self, name: str) -> None:
        self._shown = [each for each in self._shown if each["kid"] != name]

    def public(self, name: str) -> Any:
        return self._private[name].public_key()

    def text(self) -> str:
        return json.dumps({"keys": self._shown})

    def token(
        self, name: str, scope: Any = "*", algorithm: str = "RS256", **claims: Any
    ) -> dict[str, str]:
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "alice",
            "exp": int(time.time()) + 600,
            "scope": scope,
            **claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        return sent(jwt.encode(told, self._private[name], algorithm, headers={"kid": name}))


def sent(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def serving(issuer: Issuer) -> Iterator[str]:
    """The address of its key set."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            issuer.hold.wait(20)
            body = issuer.text().encode()
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        finally:
            issuer.hold.set()
            server.shutdown()
            thread.join()


def table_of_tokens(place: str | Path, more: str = "") -> str:
    return f"""
[http.jwt]
jwks = "{place}"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
{more}
"""
