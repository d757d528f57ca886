"""Live queries fanned out to 1,000 and 5,000 WebSockets, against a bare fan-out loop.

The same uvicorn with the same settings, the same messages, the same clients, in a process of their
own. First as fast as it goes; then paced, for how long a message takes from the read model to the
client, and what memory a connection takes.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from bench.harness import Options, Row, at_least, main, scratch_folder
from bench.http_load import server

CONNECTIONS = (1_000, 5_000)
PACE_MS = {1_000: 50, 5_000: 250}
"""Of a frame: 20,000 messages a second either way."""
REACH, REACH_KB = 0.8, 40.0
TICKS_S = os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    messages_per_s: float
    p99_ms: float
    kb: float
    """Of memory, a connection."""
    cpu_us: float
    """Of the server's time, a message."""


class Told(msgspec.Struct):
    messages: int
    seconds: float
    p99_ms: float


def memory_kb(process: int) -> float:
    text = Path(f"/proc/{process}/status").read_text()
    return float(text.partition("VmRSS:")[2].split()[0])


def cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def measured(side: str, connections: int, frame_ms: int, seconds: int, folder: Path) -> Measured:
    arguments = ["bench.websocket_sides", side, str(connections), str(frame_ms)]
    with server(arguments, folder) as url:
        place, served = urlsplit(url), int((folder / "pid").read_text())
        before_kb = memory_kb(served)
        load = [str(place.hostname), str(place.port), str(connections), str(seconds)]
        with subprocess.Popen(
            [sys.executable, "-m", "bench.websocket_load", *load], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            marks = []
            for line in process.stdout:
                if line.strip() not in (b"begun", b"ended"):
                    continue
                marks.append((cpu_s(served), memory_kb(served)))
                if len(marks) == 2:
                    break
            told = msgspec.json.decode(process.stdout.read(), type=Told)
    spent_s, grown_kb = marks[1][0] - marks[0][0], marks[1][1] - before_kb
    return Measured(
        told.messages / told.seconds,
        told.p99_ms,
        grown_kb / connections,
        spent_s / told.messages * 1e6,
    )


def run(options: Options) -> list[Row]:
    rows = []
    with scratch_folder() as scratch:
        folder = scratch.absolute()
        for connections in CONNECTIONS:
            fast: dict[str, list[Measured]] = {"gateway": [], "bare": []}
            paced: dict[str, list[Measured]] = {"gateway": [], "bare": []}
            for _ in range(options.rounds):
                for side in fast:
                    for frame_ms, found in ((0, fast), (PACE_MS[connections], paced)):
                        one = measured(side, connections, frame_ms, options.size, folder)
                        found[side].append(one)
            rows += rows_of(connections, fast, paced)
    return rows


def rows_of(
    connections: int, fast: dict[str, list[Measured]], paced: dict[str, list[Measured]]
) -> list[Row]:
    name = f"{connections:,} connections"
    rate = {side: max(each.messages_per_s for each in found) for side, found in fast.items()}
    cpu = {side: min(each.cpu_us for each in found) for side, found in fast.items()}
    p99 = {side: min(each.p99_ms for each in found) for side, found in paced.items()}
    kb = max(each.kb for each in paced["gateway"])
    return [
        at_least(name, rate["gateway"], "messages/s", rate["bare"], REACH),
        Row(name="... bare loop", value=rate["bare"], unit="messages/s"),
        Row(name="... CPU a message", value=cpu["gateway"], unit="us"),
        Row(name="... CPU a message, bare loop", value=cpu["bare"], unit="us"),
        Row(name="... p99 at 20,000 messages/s", value=p99["gateway"], unit="ms"),
        Row(name="... p99, bare loop", value=p99["bare"], unit="ms"),
        Row(
            name="... memory a connection",
            value=kb,
            unit="KB",
            reach=f"<= {REACH_KB:g} KB",
            met=kb <= REACH_KB,
        ),
        Row(
            name="... memory, bare loop",
            value=max(each.kb for each in paced["bare"]),
            unit="KB",
        ),
    ]


if __name__ == "__main__":
    main("websocket", run, size=4)
