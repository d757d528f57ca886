"""Commands and events as a causal tree, drawn: as text for a terminal or a pipe, and as Mermaid.

Messages come from `history.py`, each with the place of what it came from; `grow` makes a tree of
them. A command's children are its events; an event's children are the commands of other systems
that carry it as their origin.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Literal

import msgspec

from replay.state import EPOCH

FIELD_LENGTH_MAX = 40
FIELDS_LENGTH_MAX = 160
LABEL_FIELDS_LENGTH_MAX = 60
"""Of a box in a chart: its fields are there to tell it from others."""
_MERMAID_ESCAPES = {ord(sign): f"#{ord(sign)};" for sign in '"#&<>`\\{}[]()|;%'}


class Message(msgspec.Struct, kw_only=True):
    """A command or an event on the log, and what it led to."""

    place: str
    """`topic/partition@offset` of a command, `topic/partition#sequence` of an event: the places
    that are the same on every log that holds this history."""
    kind: Literal["command", "event"]
    system: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    type: str
    """Its tag; `(unreadable)` for a command that is none."""
    key: str | None
    fields: dict[str, Any]
    """As they were written down, without the envelope; what is left out is at its default."""
    matches: bool = False
    """Whether it was looked for itself, and is not only cause or consequence."""
    came_from: str | None = None
    """The place of an event's command, or of a command's origin; None: from outside."""
    cause_count: int = 1
    """Of an event: how many events its command led to."""
    events_left_out: int = 0
    """Of a command: its events that are not among `children`, as nobody looked for them."""
    children: "list[Message]" = []


def grow(found: Iterable[Message]) -> list[Message]:
    """The roots, by time, each with its children: events in order, commands by time."""
    messages = {message.place: message for message in found}
    roots: list[Message] = []
    for message in sorted(messages.values(), key=_in_order):
        parent = messages.get(message.came_from or "")
        (roots if parent is None else parent.children).append(message)
        if parent is not None and parent.kind == "command":
            parent.events_left_out = message.cause_count - len(parent.children)
    return roots


def _in_order(message: Message) -> tuple[int, bool, str, int, int]:
    is_event = message.kind == "event"
    return message.timestamp, is_event, message.topic, message.partition, message.offset


def walk(roots: Iterable[Message], guide: str = "") -> Iterator[tuple[str, Message]]:
    """Every message, parents first, with the lines that lead to it: `│  ├─ `."""
    stack = [("", "", root) for root in reversed(list(roots))]
    while stack:
        lead, below, message = stack.pop()
        yield lead, message
        last = len(message.children) - 1
        for at in range(last, -1, -1):
            own, under = ("└─ ", "   ") if at == last else ("├─ ", "│  ")
            stack.append((below + own, below + under, message.children[at]))


def text_lines(roots: Iterable[Message]) -> Iterator[str]:
    """A line a message: time, place, and (in the tree) type and fields. `*` before the type: it
    was looked for itself."""
    listed = list(walk(roots))
    width = max((len(message.place) for _, message in listed), default=0)
    for lead, message in listed:
        parts = [f"{'*' if message.matches else ''}{message.type}"]
        parts.append(fields_text(message.fields, FIELDS_LENGTH_MAX))
        if message.events_left_out:
            parts.append(f"(+{message.events_left_out} more)")
        if not lead and message.came_from is not None:
            parts.append(f"(from {message.came_from}, which is not here)")
        text = "  ".join(filter(None, parts))
        line = f"{_time_text(message.timestamp)}  {message.place:{width}}  {lead}{text}"
        yield _printable(line)


def fields_text(fields: dict[str, Any], length_max: int) -> str:
    """`name=value` of each, shortly; control characters escaped."""
    shown: list[str] = []
    length = 0
    for name, value in fields.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        text = f"{name}={_cut(_printable(text), FIELD_LENGTH_MAX)}"
        length += len(text) + 1
        if shown and length > length_max:
            shown.append("…")
            break
        shown.append(text)
    return " ".join(shown)


def mermaid(roots: Iterable[Message]) -> str:
    """A flowchart: commands as boxes, events as rounded ones; what was looked for has a thick
    edge. A thick arrow leads from one system to another."""
    lines = ["flowchart TD"]
    ids: dict[str, str] = {}
    for number, (lead, message) in enumerate(walk(roots)):
        ids[message.place] = f"m{number}"
        left, right = ("[", "]") if message.kind == "command" else ("(", ")")
        style = ":::sought" if message.matches else ""
        lines.append(f'    m{number}{left}"{_label(message)}"{right}{style}')
        if message.came_from is None:
            continue
        if not lead:
            lines.append(f'    from{number}["{_escaped(message.came_from)}"]')
            lines.append(f"    from{number} -.-> m{number}")
            continue
        arrow = "==>" if message.kind == "command" else "-->"
        lines.append(f"    {ids[message.came_from]} {arrow} m{number}")
    lines.append("    classDef sought stroke-width:3px")
    return "\n".join(lines)


def _label(message: Message) -> str:
    parts = [message.type, message.place, _time_text(message.timestamp)]
    parts.append(fields_text(message.fields, LABEL_FIELDS_LENGTH_MAX))
    if message.events_left_out:
        parts.append(f"+{message.events_left_out} more")
    return "<br/>".join(_escaped(part) for part in parts if part)


def _escaped(text: str) -> str:
    """For within the quotes of a label: Mermaid's own codes for all that means something to it."""
    return _printable(text).translate(_MERMAID_ESCAPES)


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _time_text(timestamp_ms: int) -> str:
    moment = EPOCH + timedelta(milliseconds=timestamp_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp_ms % 1000:03}Z"
