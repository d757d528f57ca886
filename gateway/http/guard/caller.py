"""Who calls: the actor, what it may do, and its share of the server.

Made by the gate for each request; handlers ask `caller_of`.
"""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Any

from litestar.connection import ASGIConnection

from gateway.http.guard.admission import Admission
from gateway.http.problems import ProblemFound, problem

STATE = "caller"
"""Where it is, in the state of an ASGI scope."""
ALL = frozenset({"*"})
REALM = 'Bearer realm="refold"'


class Identity:
    """An actor and its scopes: of a key, or of a token."""

    __slots__ = ("actor", "scopes")

    def __init__(self, actor: str, scopes: Set[str]) -> None:
        self.actor = actor
        """Empty where authentication is off."""
        self.scopes = scopes

    def may(self, system: str, action: str) -> bool:
        """`action` is a command, `read` or `operate`; `system` is `*` for the whole house."""
        scopes = self.scopes
        return (
            "*" in scopes
            or f"{system}:{action}" in scopes
            or f"*:{action}" in scopes
            or f"{system}:*" in scopes
            or "*:*" in scopes
        )


ANYBODY = Identity("", ALL)
"""Where authentication is off."""


class Caller:
    """One identity, counted as one client."""

    __slots__ = ("_admission", "client", "identity")

    def __init__(self, identity: Identity, client: str, admission: Admission) -> None:
        self.identity = identity
        self.client = client
        self._admission = admission

    @property
    def actor(self) -> str:
        """What the log says of who sent a command; empty where authentication is off."""
        return self.identity.actor

    def check(self, system: str, action: str) -> None:
        """Errors: ProblemFound (403), which names the scope that is wanted."""
        if not self.identity.may(system, action):
            raise forbidden(f"{system}:{action}")

    @contextmanager
    def request(self) -> Iterator[None]:
        """Within, one more request of this client is under way: for messages of a WebSocket.
        Errors: ProblemFound (429, 503)."""
        client = self._admission.enter(self.client)
        try:
            yield
        finally:
            self._admission.leave(client)


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Of any request or WebSocket that came through the gate. Errors: ProblemFound (401)."""
    found = connection.scope["state"].get(STATE)
    if not isinstance(found, Caller):
        raise unauthorized("no key and no token was sent")
    return found


def unauthorized(detail: str, token: bool = False) -> ProblemFound:
    """401, with how to identify oneself."""
    found = problem(401, detail)
    found.headers["WWW-Authenticate"] = f'{REALM}, error="invalid_token"' if token else REALM
    return found


def forbidden(scope: str) -> ProblemFound:
    """403, with the scope that is wanted."""
    found = problem(403, f"this needs the scope {scope}, and the key or token has it not")
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
    found.headers["WWW-Authenticate"] = challenge
    return found
