"""Whatever comes over a WebSocket: the server answers or closes, and goes on; its log is quiet."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.http.conftest import Server, servers_in
from tests.gateway.http.live.client import Live
from tests.gateway.http.live.raw import BINARY, CLOSE, PING, PONG, TEXT, RawSocket, frame

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(["samples.parking", "markets.exchange", "booking.stays", "no.such", ""])
QUERIES = st.sampled_from(
    ["taken", "who", "stays", "best", "book_by_price", "search", "trades", "no", ""]
)
COMMANDS = st.sampled_from(["park_car", "leave_spot", "place_order", "list_instrument", "no"])
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["subscribe", "unsubscribe", "command", "x"]) | VALUES,
        "id": st.sampled_from(["a", "b", "c"]) | VALUES,
        "system": NAMES | VALUES,
        "query": QUERIES | VALUES,
        "command": COMMANDS | VALUES,
        "arguments": VALUES
        | st.dictionaries(
            st.sampled_from(["spot", "instrument", "limit", "area", "since_ms", "now_ms"]), VALUES
        ),
        "body": VALUES
        | st.dictionaries(
            st.sampled_from(["spot", "car", "stay_ms", "instrument", "order_id", "side"]), VALUES
        ),
        "idempotency_key": st.text(max_size=4) | VALUES,
        "more": VALUES,
    },
)
WHOLE = st.one_of(
    st.builds(
        lambda name, system, query, arguments: {
            "type": "subscribe",
            "id": name,
            "system": system,
            "query": query,
            "arguments": arguments,
        },
        st.sampled_from("abc"),
        NAMES,
        QUERIES,
        st.dictionaries(st.sampled_from(["spot", "instrument", "limit", "area", "depth"]), VALUES),
    ),
    st.builds(
        lambda name, system, command, body: {
            "type": "command",
            "id": name,
            "system": system,
            "command": command,
            "body": body,
        },
        st.sampled_from("abc"),
        NAMES,
        COMMANDS,
        st.dictionaries(
            st.sampled_from(["spot", "car", "stay_ms", "instrument", "order_id"]), VALUES
        ),
    ),
)
TEXTS = (MESSAGES | WHOLE).map(json.dumps) | st.text(max_size=40)
FRAMES = st.builds(
    lambda opcode, data, fin, masked: frame(opcode, data, fin=fin, masked=masked),
    st.sampled_from([0, TEXT, BINARY, 3, CLOSE, PING, PONG, 15]),
    st.binary(max_size=200),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
)
FUZZED = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own: its log must stay quiet."""
    servers = servers_in(tmp_path_factory.mktemp("fuzzed"))
    server = servers.start("parking", "exchange", "stays")
    try:
        yield server
        errors: Path = server.stderr
        assert server.process.poll() is None, errors.read_text()
        assert server.end() == 0
        assert "Traceback" not in errors.read_text()
    finally:
        servers.close()


def is_well(live: Live) -> bool:
    """It answers still; what came before is passed over."""
    live.send(type="unsubscribe", id="are-you-well")
    while True:
        message: dict[str, Any] = json.loads(live.socket.recv(20))
        assert message["type"] in ("snapshot", "delta", "answer", "problem")
        told = message.get("problem") or (message["type"] == "answer" and message["body"]) or {}
        assert told.get("status") != 500, message if isinstance(told, dict) else None
        if message["id"] == "are-you-well":
            return bool(message["problem"]["status"] == 404)


@FUZZED
@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_any_text_is_answered(fuzzed: Server, texts: list[str]) -> None:
    with Live(fuzzed.url) as live:
        for text in texts:
            live.socket.send(text)
        assert is_well(live)


@FUZZED
@given(frames=st.lists(FRAMES | st.binary(max_size=100), min_size=1, max_size=12))
def test_any_frames_end_a_connection_at_worst(fuzzed: Server, frames: list[bytes]) -> None:
    with RawSocket(fuzzed.url) as raw:
        raw.send(*frames, frame(CLOSE, b"\x03\xe8"))
        raw.socket.shutdown(1)
        raw.frames()  # ends: the server does not leave it open
    with Live(fuzzed.url) as live:
        assert is_well(live)


ENDS = {  # what is sent, the code that it is closed with
    "binary": ([frame(BINARY, b"a")], 1003),
    "no UTF-8": ([frame(TEXT, b"\xff\xfe")], 1007),
    "no UTF-8, in pieces": ([frame(TEXT, b"\xe2", fin=False), frame(0, b"\xff")], 1007),
    "not masked": ([frame(TEXT, b"{}", masked=False)], 1002),
    "no such opcode": ([frame(3, b"")], 1002),
    "a piece of nothing": ([frame(0, b"a")], 1002),
    "a ping in pieces": ([frame(PING, b"a", fin=False)], 1002),
    "a ping that is too large": ([frame(PING, b"a" * 126)], 1002),
    "too large": ([frame(TEXT, b"a" * ((1 << 20) + 1))], 1009),
    "said to be huge": ([b"\x81\xff" + b"\x7f" * 8], 1009),
    "too large, in pieces": (
        [frame(TEXT, b"a", fin=False), *[frame(0, b"a" * 60_000, fin=False)] * 20],
        1009,
    ),
    "so many pieces": ([frame(TEXT, b"", fin=False), *[frame(0, b"", fin=False)] * 2000], 1009),
    "a close without sense": ([frame(CLOSE, b"\x00")], 1002),
    "a close": ([frame(CLOSE, b"\x03\xe8")], 1000),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_right_code(fuzzed: Server, name: str) -> None:
    frames, code = ENDS[name]
    with RawSocket(fuzzed.url) as raw:
        raw.send(*frames)
        assert raw.close_code() == code


HANDSHAKES = {  # headers, status
    "no version": ("Sec-WebSocket-Version: 7\r\n", b" 4"),
    "headers without end": ("".join(f"X-{number}: a\r\n" for number in range(300)), b" 4"),
    "a very long header": (f"X-Long: {'a' * 20_000}\r\n", b" 4"),
    "bytes": ("X-Bytes: \u00ff\u00fe\r\n", b" "),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_that_is_not_taken_is_answered(fuzzed: Server, name: str) -> None:
    more, status = HANDSHAKES[name]
    with RawSocket(fuzzed.url, more) as raw:
        assert status in raw.answer.split(b"\r\n")[0], raw.answer
    with Live(fuzzed.url) as live:
        assert is_well(live)
