"""The servers of `bench.websocket`: `python -m bench.websocket_sides SIDE CONNECTIONS FRAME_MS`.

Both stand on uvicorn with the same settings and send the same messages, a book of ten levels that
changes a little each time, once so many clients are there. `gateway` is refold's `/api/live`: its
read model stands in memory, and has moved whenever it is looked at; from there on everything is as
it is served. `bare` is what one would write by hand: for each client, `await send(text)`.
"""

import asyncio
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from gateway.http.app import make_app
from gateway.http.catalogue import Catalogue, Served
from gateway.http.live.changes import changes_between
from gateway.http.live.live_queries import LiveQueries
from gateway.http.live.messages import delta_rest, encoded_marks
from gateway.http.live.wire import Wire
from gateway.http.server import listen
from gateway.http.service import Service
from gateway.http_settings import HttpSettings, Limits, LiveLimits
from log.backends.memory import MemoryLog
from processors.core.registry import Registered
from processors.markets.exchange import SYSTEM
from projections.core.read_models import Query, ReadModels
from projections.core.store import Catalog, Reader, Status, Watermark
from projections.markets.exchange import PROJECTIONS
from projections.markets.exchange.queries import DepthRow

LEVELS = 10
BOOKS = 1_000
SETTINGS: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "lifespan": "off",
    "ws_per_message_deflate": False,
    "ws_ping_interval": None,  # the clients would have to answer
}


class Book(msgspec.Struct):
    at_us: int
    """When it was read, for those who measure how long it takes to them."""
    rows: list[DepthRow]


def books() -> list[list[DepthRow]]:
    """One after another differs in one or two levels."""
    draw = random.Random(7)
    quantities = [[draw.randrange(1, 1000) for _ in range(LEVELS)] for _ in range(2)]
    found = []
    for _ in range(BOOKS):
        for _ in range(2):
            quantities[draw.randrange(2)][draw.randrange(LEVELS)] = draw.randrange(1, 1000)
        found.append(
            [
                DepthRow(
                    at, 3, quantities[0][at], 100_000 - at, 100_001 + at, quantities[1][at], 4
                )
                for at in range(LEVELS)
            ]
        )
    return found


def now_us() -> int:
    return time.monotonic_ns() // 1000


class Moving:
    """A store whose one read model has moved whenever it is looked at, once it `has_begun`."""

    batch_bytes = cached_rows_limit = 0

    def __init__(self) -> None:
        self.catalog = Catalog(SYSTEM, PROJECTIONS)
        self.has_begun = False
        self._looks = 1
        self._books = books()

    def statuses(self) -> dict[str, Status]:
        self._looks += self.has_begun
        return {"books": Status(1, 1, True, {0: Watermark(self._looks, self._looks)})}

    @contextmanager
    def reading(self) -> Iterator["Moving"]:
        yield self

    def book(self) -> Book:
        return Book(now_us() if self.has_begun else 0, self._books[self._looks % BOOKS])


def book(reader: Reader) -> Book:
    """The book as it is now."""
    assert isinstance(reader, Moving)
    return reader.book()


async def gateway(connections: int, frame_ms: int) -> None:
    store: Any = Moving()
    log = MemoryLog()
    SYSTEM.ensure_topics(log)
    models = ReadModels(SYSTEM, {PROJECTIONS[0].name: PROJECTIONS[0]}, {"book": Query(book)})
    served = Served(Registered(SYSTEM, "processors.markets.exchange"), log, models, store)
    many = connections + 100
    limits = Limits(streams_max=many, client_streams_max=many, connections_max=many)
    settings = HttpSettings(limits=limits, live=LiveLimits(frame_ms=frame_ms))
    service = Service(Catalogue([served]), settings)
    live = service.part(LiveQueries)

    async def begin() -> None:
        while live.subscriptions < connections:
            await asyncio.sleep(0.1)
        store.has_begun = True

    app: Any = make_app(service)
    await _serve(uvicorn.Config(app, ws=Wire, ws_max_size=1 << 20, **SETTINGS), begin())


async def bare(connections: int, frame_ms: int) -> None:
    sends: dict[Any, None] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()  # what it subscribes to
        sends[send] = None
        while (await receive())["type"] == "websocket.receive":
            pass
        del sends[send]

    async def fan_out() -> None:
        while len(sends) < connections:
            await asyncio.sleep(0.1)
        frame_s = frame_ms / 1000
        for text in texts():
            began_s = time.monotonic()
            for send in list(sends):
                if send in sends:
                    await send({"type": "websocket.send", "text": text})
            await asyncio.sleep(max(frame_s - (time.monotonic() - began_s), 0))

    config = uvicorn.Config(app, ws="websockets-sansio", ws_max_size=1 << 20, **SETTINGS)
    await _serve(config, fan_out())


def texts() -> Iterator[str]:
    """The messages of the gateway, without end."""
    marker = 10**9  # as many digits as there are
    values = [msgspec.json.encode(Book(marker + at % 2, rows)) for at, rows in enumerate(books())]
    pairs = zip(values[-1:] + values, values, strict=False)
    changes = [list(changes_between(before, after)) for before, after in pairs]
    numbers = iter(range(1, 1 << 62))
    for number, found in zip(numbers, cycle(changes), strict=False):
        at = msgspec.structs.replace(found[0], value=msgspec.Raw(b"%d" % now_us()))
        rest = delta_rest(encoded_marks({0: number}), [at, *found[1:]])
        yield f'{{"type":"delta","id":"book","number":{number},{rest.decode()}'


async def _serve(config: uvicorn.Config, beside: Any) -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
    )
    Path("pid").write_text(str(os.getpid()))
    listening = listen("127.0.0.1", 0)
    print(f"on http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
    task = asyncio.create_task(beside)
    await uvicorn.Server(config).serve([listening])
    task.cancel()


if __name__ == "__main__":
    side = {"gateway": gateway, "bare": bare}[sys.argv[1]]
    asyncio.run(side(int(sys.argv[2]), int(sys.argv[3])))
