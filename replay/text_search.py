"""Text looked for in a history: in the keys and values of commands, and in those of their events.

Batches are looked at as bytes, whole where they are not compressed, so that what does not hold the
text is not even taken apart.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from log.interface import Partition
from log.record import COMPRESSION_MASK, Batch, StoredRecord
from processors.core.messages import RulesAdopted
from replay.events import READ_BYTES, RecordedEvents
from replay.places import find_place
from replay.state import At, Progress


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A command or an event as it is on the log."""

    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    key: str | None
    type: str
    """Its tag; empty where the value does not decode."""
    value: Any
    """Its fields as a dict; where the value does not decode, its bytes as text."""


def told_record(record: StoredRecord, value_format: str) -> Told:
    """A record for people: also one that is no command or event."""
    library = msgspec.json if value_format == "json" else msgspec.msgpack
    content = record.value or b""
    try:
        value = library.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = content.decode(errors="backslashreplace")
    tag = value.get("type", "") if isinstance(value, dict) else ""
    return Told(
        offset=record.offset,
        timestamp=record.timestamp,
        key=None if record.key is None else record.key.decode(errors="backslashreplace"),
        type=str(tag),
        value=value,
    )


class TextSearch:
    """Looks for a text, in whatever case, as it stands on the log; `name=value` is also found
    where JSON has it (`"name":"value"`)."""

    def __init__(self, text: str, events: RecordedEvents, commands: Partition) -> None:
        self._events = events
        self._commands = commands
        forms = [text]
        name, equals, value = text.partition("=")
        if equals:
            forms += [f'"{name}":{value}', f'"{name}":"{value}']
        self._forms = [form.lower().encode() for form in forms]

    def after(self, offset: int, last: int, progress: Progress | None = None) -> int | None:
        """The first command after `offset`, up to `last`, that has it, or an event that has it."""
        by_command = self._in_commands(offset, last, progress)
        until = last if by_command is None else by_command
        by_event = self._in_events(offset, until, progress)
        return by_command if by_event is None else by_event

    def _in_commands(self, offset: int, last: int, progress: Progress | None) -> int | None:
        at = max(offset + 1, self._commands.log_start)
        while at <= last and (batches := self._commands.read(at, READ_BYTES)):
            for record in self._matching(batches):
                if record.offset > last:
                    return None
                return record.offset
            at = batches[-1].last_offset + 1
            if progress:
                progress(at, last + 1)
        return None

    def _in_events(self, offset: int, last: int, progress: Progress | None) -> int | None:
        events = self._events
        begin = find_place(events, self._commands, At(command_offset=offset)).events_end
        for batch in events.batches(begin):
            for record in self._matching([batch]):
                event = events.decode(record)
                cause = event.cause + (type(event) is RulesAdopted)
                if offset < cause:
                    return cause if cause <= last else None
            if progress:
                progress(batch.last_offset + 1, events.end)
            if events.up_to_command(batch, last) is not batch:
                return None
        return None

    def _matching(self, batches: list[Batch]) -> Iterator[StoredRecord]:
        for batch in batches:
            is_plain = not batch.attributes & COMPRESSION_MASK
            if is_plain and not self._has(batch.buffer):
                continue
            for record in batch:
                if self._has((record.key or b"") + b"\n" + (record.value or b"")):
                    yield record

    def _has(self, content: bytes) -> bool:
        lowered = content.lower()
        return any(form in lowered for form in self._forms)
