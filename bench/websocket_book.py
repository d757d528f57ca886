"""An order book that changes 5,000 times a second, followed by one live query.

`refold serve` decides the order flow as it comes, at that rate, keeps the read models up to date,
and tells one client of its book, conflated to frames, all in one process. Held means: what the
client sees moves on at the rate at which commands come. It says how far behind it was at the end.
"""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import msgspec
from websockets.sync.client import connect

from bench.harness import Options, Row, main, scratch_folder
from bench.http_load import server
from bench.order_flow import INSTRUMENT, commands
from log.backends import wall_clock_ms
from log.backends.file import FileLog
from log.envelope import Command
from processors.core.system import place_of
from processors.markets.exchange import SYSTEM

RATE = 5_000
BATCH = 50
HELD = 0.98
"""Of the rate."""
QUIET_S = 5.0
"""Nothing came for so long: that was all."""


class Told(msgspec.Struct):
    """Of a snapshot, a delta, or a problem."""

    type: str
    applied: dict[str, int] = {}


class Seen:
    """What came, and when: the next sequence of the book's partition."""

    def __init__(self, url: str, number: int) -> None:
        self.frames: list[tuple[float, int]] = []
        self._address = url.replace("http://", "ws://") + "/api/live"
        self._number = str(number)
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def _follow(self) -> None:
        wanted = {
            "type": "subscribe",
            "id": "book",
            "system": SYSTEM.name,
            "query": "book_by_price",
            "arguments": {"instrument": INSTRUMENT},
        }
        with connect(self._address, compression=None) as socket:
            socket.send(msgspec.json.encode(wanted).decode())
            while True:
                try:
                    told = msgspec.json.decode(socket.recv(QUIET_S), type=Told)
                except TimeoutError:
                    return
                if told.type == "problem":
                    raise RuntimeError("there is no book")
                self.frames.append((time.monotonic(), told.applied[self._number]))


def append(log: FileLog, flow: Iterator[Command], number: int, count: int) -> None:
    partition = log.partition(SYSTEM.commands_topic, number)
    encode = SYSTEM.command_codec(partition.config).encode
    builder, now_ms = partition.new_batch(), wall_clock_ms()
    for delta, command in enumerate(islice(flow, count)):
        builder.append(delta, now_ms, INSTRUMENT.encode(), encode(command), [])
    partition.append_batch(builder)


def listed(url: str, log: FileLog, flow: Iterator[Command], number: int) -> None:
    """The first command of the flow is decided, and the read models know."""
    append(log, flow, number, 1)
    asked = f"{url}/api/{SYSTEM.name.replace('.', '/')}/queries/best?instrument={INSTRUMENT}"
    while httpx.get(asked).status_code != 200:
        time.sleep(0.1)


def measured(folder: Path, seconds: int) -> list[Row]:
    flow = commands(RATE * (seconds + 1))
    serve = ["gateway.cli.main", "serve", "exchange", "--port", "0", "--log", "log"]
    with server(serve, folder) as url, FileLog(folder / "log") as log:
        _, (number,) = place_of(INSTRUMENT, SYSTEM.ensure_topics(log))
        listed(url, log, flow, number)
        seen = Seen(url, number)
        began_s = time.monotonic()
        for batch in range(RATE * seconds // BATCH):
            append(log, flow, number, BATCH)
            time.sleep(max(began_s + batch * BATCH / RATE - time.monotonic(), 0))
        ended_s = time.monotonic()
        seen.wait()
    half = [frame for frame in seen.frames if began_s + 1 < frame[0] <= ended_s]
    spent_s, moved = half[-1][0] - half[0][0], half[-1][1] - half[0][1]
    came = RATE * seconds / (ended_s - began_s)
    return [
        Row(
            name="book updates that one live query follows",
            value=moved / spent_s,
            unit="/s",
            ratio=moved / spent_s / RATE,
            reach=f">= {HELD:g} x {RATE:,}",
            met=moved / spent_s >= HELD * RATE,
        ),
        Row(name="... commands that came", value=came, unit="/s"),
        Row(name="... frames", value=(len(half) - 1) / spent_s, unit="/s"),
        Row(
            name="... behind, once the last command had come",
            value=(seen.frames[-1][0] - ended_s) * 1000,
            unit="ms",
        ),
    ]


def run(options: Options) -> list[Row]:
    with scratch_folder() as folder:
        return measured(folder.absolute(), options.size)


if __name__ == "__main__":
    main("websocket_book", run, size=10)
