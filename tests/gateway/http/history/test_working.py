"""Looks into history are so many at once, and are given up when nobody waits for them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from litestar import Request

from gateway.http.history.working import Working
from gateway.http.problems import ProblemFound
from replay.state import Progress

DEADLINE_S = 20.0
Receive = Callable[[], Awaitable[Any]]


def request_of(receive: Receive) -> Request[Any, Any, Any]:
    scope: Any = {"type": "http", "headers": [], "path": "/", "query_string": b""}
    return Request(scope, receive=receive)


async def still_there() -> Any:
    await asyncio.Event().wait()


def test_more_than_so_many_are_refused() -> None:
    async def ask() -> None:
        working, go = Working(threads=1, waiting_max=2), threading.Event()

        def look(progress: Progress) -> bool:
            return go.wait(DEADLINE_S)

        asked = [asyncio.create_task(working.do(look)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ProblemFound) as refused:
            await working.do(look)
        assert refused.value.problem.status == 503
        assert refused.value.headers["Retry-After"]
        go.set()
        assert await asyncio.gather(*asked) == [True, True]
        assert await working.do(look)  # there is room again
        working.close()

    asyncio.run(ask())


def test_a_look_whose_client_is_gone_is_given_up() -> None:
    """It stops at its next sign of life; what waits behind it never begins."""

    async def ask() -> None:
        working, begun, left = Working(threads=1), threading.Event(), asyncio.Event()
        looked: list[str] = []

        def endless(progress: Progress) -> None:
            begun.set()
            while True:
                progress(0, 1)

        async def gone() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        first = asyncio.create_task(working.do(endless, request_of(gone)))
        behind = asyncio.create_task(
            working.do(lambda progress: looked.append("behind"), request_of(gone))
        )
        await asyncio.to_thread(begun.wait, DEADLINE_S)
        left.set()
        for task in (first, behind):
            with pytest.raises(ProblemFound):
                await asyncio.wait_for(task, DEADLINE_S)
        await working.do(lambda progress: looked.append("next"), request_of(still_there))
        assert looked == ["next"]
        working.close()

    asyncio.run(ask())


def test_what_fails_is_told_to_the_one_who_asked() -> None:
    async def ask() -> None:
        working = Working()

        def fail(progress: Progress) -> None:
            raise LookupError("nothing there")

        with pytest.raises(LookupError, match="nothing there"):
            await working.do(fail, request_of(still_there))
        working.close()

    asyncio.run(ask())


def test_the_end_of_the_server_ends_it() -> None:
    async def ask() -> None:
        working, begun = Working(), threading.Event()

        def endless(progress: Progress) -> None:
            begun.set()
            while True:
                progress(0, 1)

        looking = asyncio.create_task(working.do(endless))
        await asyncio.to_thread(begun.wait, DEADLINE_S)
        await asyncio.to_thread(working.close)
        with pytest.raises(ProblemFound):
            await looking

    asyncio.run(ask())
