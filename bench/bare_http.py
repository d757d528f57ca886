"""The bare limit of the gateway: Litestar on the same server, with a constant answer, or a body
appended to a file with one flush for all who wait. `python -m bench.bare_http FILE CONSTANT`.
"""

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.datastructures import State

from gateway.http.server import listen


class Appending:
    """One thread: writes what has come meanwhile, flushes once, tells them all."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._loop = loop
        self._queue: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def append(self, body: bytes) -> asyncio.Future[None]:
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((body, done))
        return done

    def _run(self) -> None:
        while True:
            taken = [self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get())
            os.write(self._file, b"".join(body for body, _ in taken))
            os.fdatasync(self._file)
            self._loop.call_soon_threadsafe(_tell, [done for _, done in taken])


def _tell(waiting: Sequence[asyncio.Future[None]]) -> None:
    for done in waiting:
        if not done.done():
            done.set_result(None)


@post("/append", status_code=200)
async def append(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    body = await request.body()
    await state.appending.append(body)
    return Response(body, media_type=MediaType.JSON)


@get("/constant")
async def constant(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    return Response(state.constant, media_type=MediaType.JSON)


async def serve(path: Path, answer: bytes) -> None:
    listening = listen("127.0.0.1", 0)
    print(f"on http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
    state = State({"appending": Appending(path, asyncio.get_running_loop()), "constant": answer})
    app = Litestar([append, constant], state=state, openapi_config=None, logging_config=None)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off"
    )
    await uvicorn.Server(config).serve([listening])


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2].encode()))
