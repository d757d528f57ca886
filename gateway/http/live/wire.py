"""uvicorn's WebSocket connection, with what a fan-out needs: a frame that was made once is written
as it is to many, and whoever writes sees at once whether the client takes what it is sent.

Bounded in what it holds, whatever the client does: messages in many pieces, pings that are not
listened to, a close that is never answered.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

EXTENSION = "refold.wire"
"""Where it is, in the extensions of an ASGI scope."""
PIECES_MAX = 1024
"""Of one message."""
ENDING_S = 5.0
"""For a client to take what it was sent last, and to close."""

REFUSAL = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Wire(WebSocketsSansIOProtocol):
    """One connection. `attend` before anything is written."""

    _on_room: Callable[[], object]
    _slow_s: float
    _slow: asyncio.TimerHandle | None = None
    _ending: asyncio.TimerHandle | None = None
    _left_bytes = 0
    """What the client had to take when that was last looked at."""
    _pong = b""
    is_attended = False

    def attend(self, buffer_bytes: int, slow_s: float, on_room: Callable[[], object]) -> None:
        """From now on the application ends the connection, also where the server ends. `on_room`
        is called when there is room again."""
        self.transport.set_write_buffer_limits(buffer_bytes)
        self._slow_s, self._on_room = slow_s, on_room
        self.is_attended = True

    @property
    def is_open(self) -> bool:
        return self.handshake_complete and not self.close_sent and not self.transport.is_closing()

    @property
    def has_room(self) -> bool:
        return self.writable.is_set() and self.is_open

    async def room(self) -> None:
        """Until there is room, or the connection is gone."""
        await self.writable.wait()

    def write(self, frame: bytes) -> None:
        """A whole frame. What is written where there is no room is held until there is."""
        if self.is_open:
            self.transport.write(frame)

    def end(self, code: int, reason: str) -> None:
        """Close; a client that does not answer is cut off."""
        if not self.is_open:
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.read_paused = False
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(ENDING_S, self._cut)

    def leave(self) -> None:
        """The application is done with it: what the client does not take soon is dropped."""
        if self._ending is None and not self.disconnected:
            self._ending = self.loop.call_later(ENDING_S, self._cut)

    def _cut(self) -> None:
        """Also what the system still holds for the client is dropped."""
        connection = self.transport.get_extra_info("socket")
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # What uvicorn and the transport call

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._slow, self._ending):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            # uvicorn would leave it open, and say nothing
            self.handshake_complete = self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()) or REFUSAL)
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            extensions = cast(dict[str, Any], self.scope["extensions"])
            extensions[EXTENSION] = self

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= PIECES_MAX:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {PIECES_MAX} pieces")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._fail(CloseCode.INVALID_DATA, "text is UTF-8")
                return
        super().send_receive_event_to_app()

    def _fail(self, code: CloseCode, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)
        else:
            self._pong = pong  # the last alone, as RFC 6455 has it (5.5.3)

    def keepalive_timeout(self) -> None:
        if not self.writable.is_set():  # the ping may wait behind what is to be taken
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1011})

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.is_attended:
            self._left_bytes = self.transport.get_write_buffer_size()
            self._slow = self.loop.call_later(self._slow_s, self._look)

    def _look(self) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes >= self._left_bytes:
            self.end(CloseCode.TRY_AGAIN_LATER, f"nothing was taken for {self._slow_s:g} s")
            return
        self._left_bytes = left_bytes
        self._slow = self.loop.call_later(self._slow_s, self._look)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        if self._pong and not self.close_sent:
            self.transport.write(self._pong)
        self._pong = b""
        if self.is_attended:
            self._on_room()

    def shutdown(self) -> None:
        if not self.is_attended:
            super().shutdown()
