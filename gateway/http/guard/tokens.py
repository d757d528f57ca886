"""JSON Web Tokens of one issuer, checked with its public keys (JWKS) by PyJWT.

Keys are kept, and fetched anew in the background when they are old, or at once where a token names
one that is not known: at most so often, and one fetch for all who wait.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import jwt

from gateway.http.guard.caller import Identity, unauthorized
from gateway.http.problems import ProblemFound, problem
from gateway.http_settings import SCOPE, JwtSettings

logger = logging.getLogger("refold.http")

FETCH_S = 5.0
JWKS_BYTES = 1 << 20
TOKEN_BYTES = 1 << 14
SUBJECT_LENGTH_MAX = 255
UNREACHED = (
    *(OSError, httpx.HTTPError, httpx.InvalidURL),
    *(jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError),
)
"""What fetching keys comes to where they are away, or where what is there is no set of keys."""


class KeySet:
    """The issuer's public keys by their ids."""

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_s = -math.inf
        self._tried_s = -math.inf
        self._reached = False
        """Whether the last try was answered."""
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, name: str) -> jwt.PyJWK | None:
        """None where the issuer has no such key. Errors: ProblemFound (503)."""
        age_s = time.monotonic() - self._fetched_s
        if age_s > self._settings.keep_s:
            self._keys = {}
        if name not in self._keys:
            await self._fetch()
            if name not in self._keys and not self._reached:
                raise problem(503, "the keys that tokens are checked with are out of reach")
        elif age_s > self._settings.refresh_s:
            self._start()
        return self._keys.get(name)

    async def _fetch(self) -> None:
        """Wait for a fetch, where one is due or under way."""
        self._start()
        if self._fetching is not None:
            await asyncio.shield(self._fetching)

    def _start(self) -> None:
        now_s = time.monotonic()
        if self._fetching is None and now_s - self._tried_s >= self._settings.retry_s:
            self._tried_s = now_s
            self._reached = False
            self._fetching = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            text = await _content_of(self._settings.jwks)
            self._keys = _by_name(jwt.PyJWKSet.from_json(text).keys)
            self._fetched_s = time.monotonic()
            self._reached = True
        except UNREACHED as error:
            logger.warning("the keys of %s: %s", self._settings.issuer, error or type(error))
        finally:
            self._fetching = None

    def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()


async def _content_of(place: str) -> str:
    """Errors: OSError, httpx.HTTPError, ValueError."""
    if "://" not in place:
        return await asyncio.to_thread(Path(place).read_text)
    content = bytearray()
    async with (
        asyncio.timeout(FETCH_S),
        httpx.AsyncClient(timeout=FETCH_S, follow_redirects=False) as client,
        client.stream("GET", place) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"the answer is {answer.status_code}")
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > JWKS_BYTES:
                raise ValueError(f"the answer is larger than {JWKS_BYTES} bytes")
    return content.decode()


def _by_name(keys: Sequence[jwt.PyJWK]) -> dict[str, jwt.PyJWK]:
    """Those that sign. One without an id is for tokens that name none."""
    return {each.key_id or "": each for each in keys if each.public_key_use in (None, "sig")}


class Tokens:
    """Tells whose a token is."""

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self.keys = KeySet(settings)

    async def identify(self, token: str) -> Identity:
        """Errors: ProblemFound (401, 503)."""
        algorithms = self._settings.algorithms
        try:
            if len(token) > TOKEN_BYTES:
                raise jwt.InvalidTokenError("it is too long")
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in algorithms:
                raise jwt.InvalidAlgorithmError(
                    f"it is signed by {header.get('alg')}; taken are {', '.join(algorithms)}"
                )
            key = await self.keys.key(str(header.get("kid", "")))
            if key is None:
                raise jwt.InvalidTokenError("it is signed by a key that its issuer does not show")
            claims = jwt.decode(
                token,
                key,
                algorithms=list(algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_s,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _refused(error) from error
        return self._identity(claims)

    def _identity(self, claims: dict[str, Any]) -> Identity:
        subject, told = claims["sub"], claims.get(self._settings.scope_claim, "")
        if not 0 < len(subject) <= SUBJECT_LENGTH_MAX or not subject.isprintable():
            raise unauthorized("the token's `sub` is no name", token=True)
        scopes = told.split() if isinstance(told, str) else told if isinstance(told, list) else ()
        # others are for other services of the issuer
        own = frozenset(each for each in scopes if isinstance(each, str) and SCOPE.fullmatch(each))
        return Identity(f"{self._settings.issuer}#{subject}", own)


def _refused(error: Exception) -> ProblemFound:
    return unauthorized(f"the token is not taken: {error}", token=True)
