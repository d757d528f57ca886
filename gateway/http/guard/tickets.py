"""Tickets: what a browser's `EventSource` and `WebSocket`, which cannot send a key, send in the
address instead. Each is good for one connection and a short time, so that no key is in an address.

They are kept by the one process that made them, in the order in which they end.
"""

import secrets
import time
from hashlib import sha256

from gateway.http.guard.admission import too_many
from gateway.http.guard.caller import Identity, unauthorized
from gateway.http.problems import problem

TICKETS_MAX = 10_000
ACTOR_TICKETS_MAX = 100


class Tickets:
    """Those that are out. Kept by digest, so that looking one up tells nothing by its time."""

    def __init__(self, ticket_s: float) -> None:
        self._ticket_s = ticket_s
        self._out: dict[bytes, tuple[Identity, float]] = {}
        self._of_actor: dict[str, int] = {}

    def new(self, identity: Identity) -> str:
        """Errors: ProblemFound (429, 503)."""
        self._forget()
        held = self._of_actor.get(identity.actor, 0)
        if held >= ACTOR_TICKETS_MAX:
            raise too_many(f"{held} tickets of yours are not used: use them", self._ticket_s)
        if len(self._out) >= TICKETS_MAX:
            raise problem(503, "too many tickets are out: come back later")
        ticket = secrets.token_urlsafe(32)
        self._out[_digest(ticket)] = (identity, time.monotonic() + self._ticket_s)
        self._of_actor[identity.actor] = held + 1
        return ticket

    def take(self, ticket: str) -> Identity:
        """Whose it is; it is used up. Errors: ProblemFound (401)."""
        self._forget()
        digest = _digest(ticket)
        if digest not in self._out:
            raise unauthorized("the ticket is used, or too old: ask for another")
        return self._drop(digest)

    def _forget(self) -> None:
        now_s = time.monotonic()
        while self._out:
            digest = next(iter(self._out))
            if self._out[digest][1] > now_s:
                return
            self._drop(digest)

    def _drop(self, digest: bytes) -> Identity:
        identity, _ = self._out.pop(digest)
        left = self._of_actor[identity.actor] - 1
        if left:
            self._of_actor[identity.actor] = left
        else:
            del self._of_actor[identity.actor]
        return identity


def _digest(ticket: str) -> bytes:
    return sha256(ticket.encode()).digest()
