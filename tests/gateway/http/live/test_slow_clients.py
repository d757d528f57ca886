"""Clients that do not take what they are sent: nothing is kept for them, and nobody waits."""

import json
import select
from pathlib import Path
from typing import Any

import jsonpatch

from tests.gateway.http.conftest import DEADLINE_S, PARKING, Server, Servers
from tests.gateway.http.live.client import Json, Live
from tests.gateway.http.live.raw import TEXT, RawSocket, frame
from tests.gateway.http.live.test_live import PARKED, park

LARGE = "x" * 500_000
"""A car's name: with it an answer is larger than what a connection holds."""
SYSTEM_BYTES = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
"""So much the operating system may hold for a client."""
TURNS = SYSTEM_BYTES // len(LARGE) + 6
SUBSCRIBE = {
    "type": "subscribe",
    "id": "slow",
    "system": PARKED,
    "query": "who",
    "arguments": {"spot": "a"},
}


def limited(servers: Servers, slow_s: float) -> Server:
    """It tells each change at once, and has so much patience."""
    with (servers.folder / "refold.toml").open("a") as settings:
        settings.write(f"[http.live]\nframe_ms = 1\nslow_s = {slow_s}\n")
    return servers.start("parking")


def change_often(server: Server, quick: Live) -> None:
    """Each change is seen by a client that takes what it is sent."""
    for turn in range(TURNS):
        server.park("a", f"{turn}{LARGE}")
        quick.until(lambda: quick.followed["quick"].value is not None)
        server.client.post(f"{PARKING}/commands/leave_spot", json={"spot": "a"})
        quick.until_value("quick", None)


def test_a_slow_client_is_told_less_and_then_all(servers: Servers) -> None:
    """Given a client that does not read while much changes, when it reads, then numbers follow
    without a gap, many changes are left out, and it ends up with what is so now."""
    server = limited(servers, slow_s=60)
    with Live(server.url) as quick, RawSocket(server.url, receive_bytes=4096) as slow:
        quick.follow("quick", PARKED, "who", spot="a")
        slow.send(frame(TEXT, json.dumps(SUBSCRIBE).encode()))
        change_often(server, quick)
        server.park("a", "last")
        quick.until(lambda: quick.followed["quick"].value is not None)
        value: Any = None
        number = -1
        while value is None or value["car"] != "last":
            message = read_message(slow)
            number += 1
            assert message["number"] == number
            if message["type"] == "snapshot":
                value = message["value"]
            else:
                value = jsonpatch.apply_patch(value, message["changes"])
        assert message["type"] == "snapshot"
        assert number < quick.followed["quick"].number
        assert quick.followed["quick"].number >= 2 * TURNS


def test_who_takes_nothing_is_cut_off(servers: Servers) -> None:
    """And the others go on."""
    server = limited(servers, slow_s=0.2)
    with Live(server.url) as quick, RawSocket(server.url, receive_bytes=4096) as slow:
        quick.follow("quick", PARKED, "who", spot="a")
        slow.send(frame(TEXT, json.dumps(SUBSCRIBE).encode()))
        change_often(server, quick)
        poll = select.poll()
        poll.register(slow.socket, select.POLLHUP)
        assert poll.poll(DEADLINE_S * 1000)
        assert quick.ask(**park("b"))["status"] == 200
    assert server.end() == 0
    assert "Traceback" not in server.stderr.read_text()


def test_a_server_ends_though_a_client_takes_nothing(servers: Servers) -> None:
    server = limited(servers, slow_s=60)
    with Live(server.url) as quick, RawSocket(server.url, receive_bytes=4096) as slow:
        quick.follow("quick", PARKED, "who", spot="a")
        slow.send(frame(TEXT, json.dumps(SUBSCRIBE).encode()))
        change_often(server, quick)
        assert server.end() == 0
    assert "exceeded" not in server.stderr.read_text()


def read_message(raw: RawSocket) -> Json:
    head = read(raw, 2)
    assert head[0] & 15 == TEXT
    length = head[1]
    if length == 126:
        length = int.from_bytes(read(raw, 2), "big")
    elif length == 127:
        length = int.from_bytes(read(raw, 8), "big")
    message: Json = json.loads(read(raw, length))
    return message


def read(raw: RawSocket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        got = raw.socket.recv(length - len(data))
        assert got
        data += got
    return data
