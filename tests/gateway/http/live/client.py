"""A WebSocket client as a program would write one: it follows live queries by their messages."""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import jsonpatch
import msgspec
from websockets.sync.client import ClientConnection, connect

from tests.gateway.http.conftest import DEADLINE_S

Json = dict[str, Any]


class Followed(msgspec.Struct):
    """What a client knows of one subscription."""

    value: Any = None
    number: int = -1
    applied: dict[str, int] = {}
    kinds: list[str] = []


class Live:
    """One connection. Numbers without a gap are checked on the way."""

    def __init__(self, url: str, **options: Any) -> None:
        address = url.replace("http://", "ws://").rstrip("/") + "/api/live"
        self._connecting = connect(address, compression=None, **options)
        self.socket: ClientConnection
        self.followed: dict[str, Followed] = {}

    def __enter__(self) -> Self:
        self.socket = self._connecting.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connecting.__exit__(kind, error, trace)

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def subscribe(self, name: str, system: str, query: str, **arguments: Any) -> None:
        self.followed[name] = Followed()
        self.send(type="subscribe", id=name, system=system, query=query, arguments=arguments)

    def next(self) -> Json:
        """The next message, taken into account."""
        message: Json = json.loads(self.socket.recv(DEADLINE_S))
        kind = message["type"]
        if kind in ("snapshot", "delta"):
            followed = self.followed[message["id"]]
            assert message["number"] == followed.number + 1, message
            followed.number = message["number"]
            if kind == "snapshot":
                followed.value = message["value"]
            else:
                followed.value = jsonpatch.apply_patch(followed.value, message["changes"])
            assert all(message["applied"][each] >= mark for each, mark in followed.applied.items())
            followed.applied = message["applied"]
            followed.kinds.append(kind)
        return message

    def until(self, holds: Callable[[], bool]) -> None:
        """Take messages until something holds."""
        while not holds():
            self.next()

    def follow(self, name: str, system: str, query: str, **arguments: Any) -> Followed:
        """Subscribe, and have the first answer. Just started, a server may have a problem with
        read models that nobody has made yet."""
        self.subscribe(name, system, query, **arguments)
        self.until(lambda: self.followed[name].number >= 0)
        return self.followed[name]

    def until_value(self, name: str, value: Any) -> None:
        self.until(lambda: bool(self.followed[name].value == value))

    def ask(self, **message: Any) -> Json:
        """Send a message, and the one that answers it."""
        self.send(**message)
        wanted = message["id"]
        while True:
            answer = self.next()
            if answer["id"] == wanted and answer["type"] in ("answer", "problem"):
                return answer
