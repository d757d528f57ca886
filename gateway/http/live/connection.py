"""One WebSocket: messages of the client in, to commands and live queries; answers out.

Nothing is kept for a client that does not take what it is sent: its subscriptions are behind, and
get the whole answer of their live query once there is room; its messages are not read meanwhile.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from websockets.frames import CloseCode

from gateway.http.catalogue import BODY_ERRORS, Served
from gateway.http.commands import decide
from gateway.http.guard.caller import Caller
from gateway.http.live.live_queries import LiveQueries
from gateway.http.live.live_query import Asked, LiveQuery
from gateway.http.live.messages import (
    Answered,
    Send,
    Subscribe,
    Told,
    Unsubscribe,
    decode_addressed,
    decode_message,
    encoded,
)
from gateway.http.live.wire import Wire
from gateway.http.problems import Problem, ProblemFound, body_problem, problem
from log.errors import LogError

logger = logging.getLogger("refold.http")

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class Subscription:
    """Of a connection, to one live query. `version` is the answer that the client has."""

    __slots__ = ("_connection", "asked", "id", "number", "query", "version")

    def __init__(self, connection: "Connection", subscription_id: str) -> None:
        self._connection = connection
        self.id = subscription_id
        self.asked: Asked | None = None
        self.query: LiveQuery | None = None
        self.number = 0
        self.version = 0

    def tell(self) -> None:
        query, wire = self.query, self._connection.wire
        if query is None or self.version == query.version or not wire.has_room:
            return
        wire.write(query.frame(self.id, self.number, self.version))
        self.number += 1
        self.version = query.version

    def tell_problem(self, found: Problem, is_over: bool) -> None:
        self._connection.tell_problem(self.id, found)
        if is_over:
            self._connection.unsubscribe(self.id)


class Connection:
    """Runs until the client goes, or is sent away, or the server ends."""

    def __init__(self, queries: LiveQueries, wire: Wire, caller: Caller) -> None:
        self.wire = wire
        self._caller = caller
        self._queries = queries
        self._subscriptions: dict[str, Subscription] = {}
        self._commands: set[asyncio.Task[None]] = set()
        self._is_ending = False
        wire.attend(queries.limits.buffer_bytes, queries.limits.slow_s, self._catch_up)

    async def run(self, receive: Receive) -> None:
        self._queries.connections.add(self)
        try:
            if self._queries.service.closing.is_set():
                self.end()
            while True:
                await self.wire.room()
                message = await receive()
                if message["type"] != "websocket.receive":
                    return
                self._take(message)
        finally:
            self._queries.connections.discard(self)
            for name in list(self._subscriptions):
                self.unsubscribe(name)
            for task in self._commands:
                task.cancel()
            self.wire.leave()

    def end(self) -> None:
        """The server ends: what was accepted is answered first."""
        self._is_ending = True
        if not self._commands:
            self.wire.end(CloseCode.SERVICE_RESTART, "the server ends, or starts again")

    def unsubscribe(self, name: str) -> bool:
        subscription = self._subscriptions.pop(name, None)
        if subscription is None:
            return False
        subscription.query = None
        if subscription.asked is not None:
            self._queries.unsubscribe(subscription.asked, subscription)
        return True

    def tell_problem(self, name: str, found: Problem) -> None:
        self.wire.write(encoded(Told(id=name, problem=found)))

    def _catch_up(self) -> None:
        for subscription in self._subscriptions.values():
            if not self.wire.has_room:
                return
            subscription.tell()

    def _take(self, message: Mapping[str, Any]) -> None:
        text = message.get("text")
        if text is None:
            self.wire.end(CloseCode.UNSUPPORTED_DATA, "messages are JSON, in text frames")
            return
        try:
            taken = decode_message(text)
        except BODY_ERRORS as error:
            self.tell_problem(_id_of(text), body_problem(error).problem)
            return
        try:
            match taken:
                case Subscribe():
                    self._subscribe(taken)
                case Unsubscribe():
                    if not self.unsubscribe(taken.id):
                        raise problem(404, f"there is no subscription {taken.id!r}")
                case Send():
                    self._send(taken)
        except ProblemFound as found:
            self.tell_problem(taken.id, found.problem)

    def _served(self, name: str) -> Served:
        family, _, system = name.partition(".")
        return self._queries.service.catalogue.find(family, system)

    def _subscribe(self, wanted: Subscribe) -> None:
        """One of the same id takes the place of the one before."""
        served = self._served(wanted.system)
        self._caller.check(served.system.name, "read")
        self.unsubscribe(wanted.id)
        if len(self._subscriptions) >= self._queries.limits.subscriptions_max:
            count = len(self._subscriptions)
            raise problem(429, f"this connection has {count} subscriptions: give one up first")
        subscription = Subscription(self, wanted.id)
        asked, live = self._queries.subscribe(
            served, wanted.query, bytes(wanted.arguments), subscription
        )
        subscription.asked, subscription.query = asked, live
        self._subscriptions[wanted.id] = subscription
        if live.problem is not None:
            self.tell_problem(wanted.id, live.problem)
        subscription.tell()

    def _send(self, command: Send) -> None:
        if self._is_ending:
            raise problem(503, "the server ends: send it again to the next one")
        if len(self._commands) >= self._queries.limits.commands_max:
            count = len(self._commands)
            raise problem(429, f"{count} commands of this connection are under way: await answers")
        task = asyncio.create_task(self._command(command))
        self._commands.add(task)
        task.add_done_callback(self._is_answered)

    def _is_answered(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        if self._is_ending:
            self.end()

    async def _command(self, command: Send) -> None:
        answered = await self._answer(command)
        await self.wire.room()
        self.wire.write(encoded(answered))

    async def _answer(self, command: Send) -> Answered:
        """As the POST would have it."""
        service, caller = self._queries.service, self._caller
        try:
            served = self._served(command.system)
            with caller.request():
                caller.check(served.system.name, command.command)
                accepts = served.find(command.command)
                given = accepts.command(bytes(command.body), command.idempotency_key)
                reply, _ = await decide(service, served, given, True, caller.actor)
        except ProblemFound as found:
            told = found.problem
        except LogError as error:
            logger.error("command %s: %s", command.command, error)
            told = problem(503, "the log refuses, or does not answer").problem
        except Exception as error:
            logger.error("command %s", command.command, exc_info=error)
            text = "this is a mistake of the server, and in its log"
            told = problem(500, text).problem
        else:
            return Answered(
                id=command.id, status=reply.status, body=reply.body, repeated=reply.repeated
            )
        if told.path:
            told.path = "$.body" + told.path.removeprefix("$")
        return Answered(id=command.id, status=told.status, body=told)


def _id_of(text: str) -> str:
    """Of a message that does not fit, where it can be told."""
    try:
        return decode_addressed(text).id
    except BODY_ERRORS:
        return ""
