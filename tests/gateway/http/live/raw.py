"""A WebSocket by hand, for what no library would send."""

import os
import socket
import struct
from types import TracebackType
from typing import Self

from tests.gateway.http.conftest import DEADLINE_S

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HANDSHAKE = (
    "GET /api/live HTTP/1.1\r\nHost: {host}:{port}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
)


def frame(opcode: int, data: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    mask = os.urandom(4) if masked else b""
    head = bytes([(0x80 if fin else 0) | opcode])
    bit, length = 0x80 if masked else 0, len(data)
    if length < 126:
        head += bytes([bit | length])
    elif length < 1 << 16:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    coded = bytes(each ^ mask[at % 4] for at, each in enumerate(data)) if masked else data
    return head + mask + coded


class RawSocket:
    """A connection that is a WebSocket, unless `more` headers are not taken."""

    def __init__(self, url: str, more: str = "", receive_bytes: int = 0) -> None:
        host, _, port = url.rstrip("/").rpartition("://")[2].partition(":")
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((host, int(port)))
        self.socket.sendall(HANDSHAKE.format(host=host, port=port, more=more).encode())
        self.answer = b""
        while not self.answer.endswith(b"\r\n\r\n"):
            got = self.socket.recv(1)
            if not got:
                break
            self.answer += got

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, *frames: bytes) -> bool:
        """False where the server has gone."""
        try:
            self.socket.sendall(b"".join(frames))
        except OSError:
            return False
        return True

    def frames(self) -> list[tuple[int, bytes]]:
        """Opcode and data of each, until the server ends the connection."""
        data = b""
        try:
            while got := self.socket.recv(1 << 16):
                data += got
        except ConnectionError:
            pass
        found = []
        while len(data) >= 2:
            opcode, length, at = data[0] & 15, data[1], 2
            if length == 126:
                length, at = int.from_bytes(data[2:4], "big"), 4
            elif length == 127:
                length, at = int.from_bytes(data[2:10], "big"), 10
            found.append((opcode, data[at : at + length]))
            data = data[at + length :]
        return found

    def close_code(self) -> int | None:
        """What the server closes with; None where it just goes."""
        for opcode, data in self.frames():
            if opcode == CLOSE:
                return int.from_bytes(data[:2], "big")
        return None
