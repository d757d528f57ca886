"""The clients of `bench.websocket`: `python -m bench.websocket_load HOST PORT COUNT SECONDS`.

Connects, subscribes, and takes what comes: counts messages, and, on some connections, how long ago
each was made. Prints one JSON object.
"""

import json
import re
import resource
import select
import socket
import sys
import time
from typing import NamedTuple

HANDSHAKE = (
    b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
SUBSCRIBE = b'{"type":"subscribe","id":"book","system":"markets.exchange","query":"book"}'
FRAME = b"\x81" + bytes([0x80 | len(SUBSCRIBE)]) + bytes(4) + SUBSCRIBE
AT = re.compile(rb'/at_us","value":(\d+)')
SAMPLED = 20
"""One connection in so many is looked into."""
WARM_UP_S = 1.0
BUFFER_BYTES = 1 << 18


class Taken(NamedTuple):
    messages: int
    seconds: float
    p99_ms: float


def connected(host: str, port: int, connections: int) -> list[socket.socket]:
    found = []
    for _ in range(connections):
        client = socket.create_connection((host, port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(HANDSHAKE)
        found.append(client)
    for client in found:
        told = b""
        while not told.endswith(b"\r\n\r\n"):
            told += client.recv(1)
        assert b" 101 " in told, told
        client.sendall(FRAME)
        client.setblocking(False)
    return found


class Counting:
    """Messages of all connections, by the lengths of their frames."""

    def __init__(self, clients: list[socket.socket]) -> None:
        self._clients = {client.fileno(): client for client in clients}
        self._sampled = {client.fileno() for client in clients[::SAMPLED]}
        self._rest = dict.fromkeys(self._clients, b"")
        self._skip = dict.fromkeys(self._clients, 0)
        self._poll = select.epoll()
        for number in self._clients:
            self._poll.register(number, select.EPOLLIN)
        self.messages = 0
        self.delays_us: list[int] = []

    def take(self, until_s: float) -> None:
        while (left_s := until_s - time.monotonic()) > 0:
            for number, _ in self._poll.poll(left_s):
                data = self._clients[number].recv(BUFFER_BYTES)
                assert data, "the server closed a connection"
                self._count(number, data)
                if number in self._sampled:
                    now_us = time.monotonic_ns() // 1000
                    self.delays_us += [now_us - int(at) for at in AT.findall(data)]

    def _count(self, number: int, data: bytes) -> None:
        """What is left of a header stays in `_rest`, of a frame's text in `_skip`."""
        if self._rest[number]:
            data, self._rest[number] = self._rest[number] + data, b""
        at, end = self._skip[number], len(data)
        while at < end:
            if end - at < 4:
                self._rest[number] = data[at:]
                at = end
                break
            length = data[at + 1]
            if length < 126:
                at += 2 + length
            elif length == 126:
                at += 4 + (data[at + 2] << 8 | data[at + 3])
            else:
                raise ValueError("a frame of 64 KiB or more")
            self.messages += 1
        self._skip[number] = at - end


def main(host: str, port: int, connections: int, seconds: float) -> Taken:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
    )
    clients = connected(host, port, connections)
    print("connected", flush=True)
    counting = Counting(clients)
    while not counting.delays_us:
        counting.take(time.monotonic() + 0.1)
    counting.take(time.monotonic() + WARM_UP_S)
    print("begun", flush=True)
    counting.messages, counting.delays_us = 0, []
    began_s = time.monotonic()
    counting.take(began_s + seconds)
    spent_s = time.monotonic() - began_s
    print("ended", flush=True)
    delays = sorted(counting.delays_us)
    return Taken(counting.messages, spent_s, delays[len(delays) * 99 // 100] / 1000)


if __name__ == "__main__":
    taken = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(taken._asdict()), flush=True)
