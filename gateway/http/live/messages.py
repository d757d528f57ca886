"""What goes over a WebSocket: JSON in text frames. See docs/http_live.md.

Encoded, a snapshot or a delta is a head, which is the subscription's (its id and number), and a
rest, which all who are subscribed to the same query share.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from websockets.frames import Frame, Opcode

from gateway.http.commands import KEY_LENGTH_MAX
from gateway.http.live.changes import Change
from gateway.http.problems import Problem

ID_LENGTH_MAX = 64

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_LENGTH_MAX)]
Key = Annotated[str, msgspec.Meta(max_length=KEY_LENGTH_MAX, pattern=r"^[ -~]*\Z")]
EMPTY = msgspec.Raw(b"{}")


class Subscribe(
    msgspec.Struct, tag="subscribe", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """Ask a query, now and again whenever its answer is another."""

    id: Id
    system: str
    query: str
    arguments: msgspec.Raw = EMPTY


class Unsubscribe(
    msgspec.Struct, tag="unsubscribe", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    id: Id


class Send(
    msgspec.Struct, tag="command", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """A command, as `POST .../commands/<name>` takes it."""

    id: Id
    system: str
    command: str
    body: msgspec.Raw = EMPTY
    idempotency_key: Key = ""


class Addressed(msgspec.Struct):
    """Of a message that does not fit, what can be told: whose it is."""

    id: Id = ""


Message = Subscribe | Unsubscribe | Send
decode_message = msgspec.json.Decoder(Message).decode
decode_addressed = msgspec.json.Decoder(Addressed).decode


class Answered(msgspec.Struct, tag="answer", tag_field="type", omit_defaults=True, kw_only=True):
    """Of a command: the status and the body that a POST would have."""

    id: str
    status: int
    body: Any
    repeated: bool = False
    """It is the answer to an earlier sending."""


class Told(msgspec.Struct, tag="problem", tag_field="type", kw_only=True):
    """What is wrong with a message, or became of a subscription. `id` is empty where the message
    had none."""

    id: str
    problem: Problem


def frame_of(text: bytes) -> bytes:
    """A whole text frame, ready for any number of connections."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def encoded(message: Answered | Told) -> bytes:
    return frame_of(msgspec.json.encode(message))


def snapshot_rest(applied: bytes, value: bytes) -> bytes:
    return b'"applied":%b,"value":%b}' % (applied, value)


def delta_rest(applied: bytes, changes: Sequence[Change]) -> bytes:
    return b'"applied":%b,"changes":%b}' % (applied, msgspec.json.encode(changes))


def framed(kind: bytes, subscription: str, number: int, rest: bytes) -> bytes:
    """`kind` is `snapshot` or `delta`."""
    head = b'{"type":"%b","id":%b,"number":%d,' % (kind, msgspec.json.encode(subscription), number)
    return frame_of(head + rest)


def encoded_marks(marks: Mapping[int, int]) -> bytes:
    """The next sequence of each partition."""
    return msgspec.json.encode({str(number): mark for number, mark in sorted(marks.items())})
