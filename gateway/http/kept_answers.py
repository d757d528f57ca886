"""Answers of queries, kept until the read models move: at most one look a moment says whether they
have, so that the same question many times over costs neither a thread nor the database.

Used in the event loop alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from gateway.http.applied import Applied
from gateway.http.ready import Ready

BYTES_MAX = 32 << 20
ANSWER_BYTES_MAX = 1 << 20

Question = tuple[str, bytes]
"""The name of a query, and the query string."""


class Answered:
    """What a query said, and the entity tag of what it stands on; empty where it reads the clock.
    `following` is the cursor of the next page."""

    def __init__(self, tag: str, body: bytes, following: str = "") -> None:
        self.tag = tag
        self.size = len(body)
        self.following = following
        headers = [(b"cache-control", b"no-cache")]
        if tag:
            headers.append((b"etag", tag.encode()))
        self.whole = Ready(body, headers=headers)
        self.not_modified = Ready(b"", status=304, headers=headers)


class KeptAnswers:
    """Of one system."""

    def __init__(self, applied: Applied) -> None:
        self._applied = applied
        self._looking: asyncio.Task[str] | None = None
        self._tag = ""
        self._kept: dict[Question, Answered] = {}
        self._asking: dict[tuple[str, Question], asyncio.Task[Answered]] = {}
        self._bytes = 0

    async def tag(self, look: Callable[[], Awaitable[str]]) -> str:
        """The entity tag of now; those who ask in the same moment share a `look`."""
        tag = self._applied.recent_tag()
        if tag is None:
            if self._looking is None:
                self._looking = asyncio.ensure_future(self._look(look))
            tag = await asyncio.shield(self._looking)
        if tag != self._tag:
            self._tag, self._kept, self._bytes = tag, {}, 0
        return tag

    async def _look(self, look: Callable[[], Awaitable[str]]) -> str:
        try:
            return await look()
        finally:
            self._looking = None

    def find(self, question: Question) -> Answered | None:
        """As of the tag that was last asked for."""
        return self._kept.get(question)

    async def ask(
        self, question: Question, ask: Callable[[], Coroutine[Any, Any, Answered]]
    ) -> Answered:
        """Those who ask the same in the same moment share an answer, which is kept."""
        key = self._tag, question
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(key, ask))
        return await asyncio.shield(asking)

    async def _ask(
        self, key: tuple[str, Question], ask: Callable[[], Coroutine[Any, Any, Answered]]
    ) -> Answered:
        try:
            answered = await ask()
        finally:
            del self._asking[key]
        self._keep(key[1], answered)
        return answered

    def _keep(self, question: Question, answered: Answered) -> None:
        size = answered.size + len(question[1])
        if answered.tag != self._tag or size > ANSWER_BYTES_MAX:
            return
        if self._bytes + size > BYTES_MAX:
            self._kept, self._bytes = {}, 0
        self._kept[question] = answered
        self._bytes += size
