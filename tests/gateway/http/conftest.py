"""A real server, `refold serve`, as a process on a log in a folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60.0
SERVE = "tests.gateway.http.held_server"
PARKING = "/api/samples/parking"


class Told(msgspec.Struct, frozen=True):
    """One server-sent event."""

    id: int
    event: str
    data: bytes


@dataclass
class Server:
    """One process. `client` speaks to it."""

    process: subprocess.Popen[bytes]
    stderr: Path
    client: httpx.Client

    @property
    def url(self) -> str:
        return str(self.client.base_url)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def park(
        self, spot: str, car: str = "x", key: str = "", stay_ms: int = 10**9
    ) -> httpx.Response:
        return self.client.post(
            f"{PARKING}/commands/park_car",
            json={"spot": spot, "car": car, "stay_ms": stay_ms},
            headers={"Idempotency-Key": key} if key else {},
        )

    def events(self, partition: int, count: int, after: int | None = None) -> list[Told]:
        """So many events of a stream, which is then left."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        found: list[Told] = []
        path = f"{PARKING}/partitions/{partition}/events"
        with self.client.stream("GET", path, headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            block: dict[str, str] = {}
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                block[name] = value
                if line == "":
                    if "id" in block:
                        told = Told(int(block["id"]), block["event"], block["data"].encode())
                        found.append(told)
                    block = {}
                    if len(found) >= count:
                        break
        return found


@dataclass
class Servers:
    """Starts servers on the log of `folder`."""

    folder: Path
    started: list[Server] = field(default_factory=list)

    def start(
        self,
        *arguments: str,
        held: str = "no",
        port: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> Server:
        """`held` says where the server is slow or stands still, see `held_server.py`; `port` is
        that of one that was killed, or any that is free; `settings` are `REFOLD_` variables."""
        stderr = self.folder / f"stderr-{len(self.started)}"
        with stderr.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", SERVE, held, *arguments, "--port", str(port)],
                cwd=self.folder,
                env={**_environment(), "PYTHONPATH": str(ROOT), **(settings or {})},
                stderr=errors,
            )
        client = httpx.Client(timeout=DEADLINE_S)
        self.started.append(Server(process, stderr, client))
        until(lambda: process.poll() is not None or b"/api; Ctrl-C" in stderr.read_bytes())
        text = stderr.read_text()
        address = re.search(r"on (http://\S+)/api", text)
        assert address, text
        client.base_url = httpx.URL(address[1])
        return self.started[-1]

    def close(self) -> None:
        for server in self.started:
            server.client.close()
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("REFOLD_")}


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a slow machine may take."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come about in time"
        time.sleep(0.01)


def servers_in(folder: Path) -> Servers:
    (folder / "refold.toml").write_text('systems = ["tests.samples.parking"]\n')
    return Servers(folder)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    servers = servers_in(tmp_path)
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that only ask it things. Each takes parking spots of its own."""
    servers = servers_in(tmp_path_factory.mktemp("served"))
    yield servers.start("parking", "exchange", "stays")
    servers.close()
