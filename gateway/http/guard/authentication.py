"""Who calls: by a key (`Authorization: Bearer` or `X-API-Key`), a token, or a ticket.

Keys are known by their SHA-256 alone: they are long and random, so that a slow hash adds nothing.
"""

import hmac
from collections.abc import Mapping

from gateway.http.guard.caller import Identity, unauthorized
from gateway.http.guard.tickets import Tickets
from gateway.http.guard.tokens import Tokens
from gateway.http.service import Service
from gateway.http_settings import digest_of


class Authentication:
    """Tells callers by the settings; one a server (`Service.part`)."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self.is_required = settings.has_authentication
        self.ticket_s = settings.limits.ticket_s
        self.tickets = Tickets(self.ticket_s)
        self._keys = [
            (each.sha256, Identity(name, frozenset(each.scopes)))
            for name, each in settings.keys.items()
        ]
        self._tokens = Tokens(settings.jwt) if settings.jwt else None

    def close(self) -> None:
        if self._tokens:
            self._tokens.keys.close()

    async def identify(self, headers: Mapping[bytes, bytes], ticket: str) -> Identity:
        """Errors: ProblemFound (401, 503)."""
        if found := headers.get(b"authorization"):
            scheme, _, text = found.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise unauthorized("send Authorization: Bearer, and a key or token")
            return await self._of(text.strip())
        if found := headers.get(b"x-api-key"):
            return self._of_key(found.decode("latin-1").strip())
        if ticket:
            return self.tickets.take(ticket)
        raise unauthorized("no key and no token was sent: send Authorization: Bearer")

    async def _of(self, text: str) -> Identity:
        # a token is three parts between dots; keys have none
        if self._tokens is not None and text.count(".") == 2:
            return await self._tokens.identify(text)
        return self._of_key(text)

    def _of_key(self, key: str) -> Identity:
        """As long for every key, known or not."""
        digest = digest_of(key)
        found: Identity | None = None
        for known, identity in self._keys:
            if hmac.compare_digest(known, digest):
                found = identity
        if found is None:
            raise unauthorized("this key is not known", token=True)
        return found
