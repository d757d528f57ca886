"""`refold read`: the records of a topic, as lines for people or as JSON lines.

Partitions are merged by timestamp; within one, records keep their order.
"""

import base64
import heapq
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from gateway.actors import ACTOR_HEADER, actor_of
from gateway.cli.context import JsonOption, LogOption, find_topic, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import time_text
from gateway.json_lines import BadLine, time_ms
from log.interface import Log, Partition
from log.record import StoredRecord
from log.topic import TopicConfig

app = typer.Typer(add_completion=False)

READ_BYTES = 1 << 20
POLL_S = 0.02
JSON_LINE = msgspec.json.Encoder()


class Located(NamedTuple):
    """A record and its partition."""

    partition: int
    record: StoredRecord


@app.command()
def read(
    topic: Annotated[
        str,
        typer.Argument(help="A topic, or the end of its name: `exchange.events`."),
    ],
    partition: Annotated[int | None, typer.Option(help="Only this partition.")] = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="OFFSET|TIME|start|end|-N",
            help="Where to begin: an offset, a time (ISO 8601), or N before the end; on each "
            "partition.",
        ),
    ] = "start",
    end: Annotated[
        str,
        typer.Option("--to", metavar="OFFSET|TIME|end", help="Where to stop: before this one."),
    ] = "end",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is appended from now on.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many records.")] = None,
    keys: Annotated[bool, typer.Option(help="Show keys.")] = False,
    headers: Annotated[bool, typer.Option(help="Show headers.")] = False,
    actor: Annotated[
        str | None, typer.Option(help="Only commands of this one: a key's name, or a token's.")
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the records of a topic.

    A line is partition:offset, time and value, and who sent it, where that is known. With
    `--json` a line is an object with topic, partition, offset, timestamp (ms), key, value and
    headers; bytes that are no JSON are in `value_text`, or in `value_base64` where they are no
    text.

    Examples:

        refold read exchange.events --limit 10
        refold read exchange.events --from -5 --keys
        refold read exchange.commands --from 2024-05-01T09:30:00Z --to 2024-05-01T10:00:00Z
        refold read exchange.commands --actor desk
        refold read exchange.events --from end --follow --json | jq .value
    """
    if follow and end != "end":
        raise CommandFailed("--follow has no end: leave --to out")
    with load_context(log).open_log() as opened:
        name = find_topic(opened.topics(), topic)
        config = opened.topics()[name]
        records = located_records(opened, name, partition, start, end, follow)
        if actor is not None:
            records = (each for each in records if actor_of(each.record.headers) == actor)
        if limit is not None:
            records = islice(records, limit)
        if as_json:
            lines = (as_json_line(name, config, located) for located in records)
        else:
            lines = (as_line(config, located, keys, headers) for located in records)
        _print_lines(lines, flush=follow)


def located_records(
    log: Log, topic: str, number: int | None, start: str, end: str, follow: bool
) -> Iterator[Located]:
    """The records asked for, by timestamp over all partitions. CommandFailed for a bad place."""
    numbers = range(log.topics()[topic].partitions) if number is None else (number,)
    partitions = [log.partition(topic, each) for each in numbers]
    if start.isdecimal() and all(each.high_watermark < int(start) for each in partitions):
        ends = ", ".join(str(each.high_watermark) for each in partitions)
        raise CommandFailed(
            f"there is no offset {start} in {topic} yet: the partitions end at {ends}"
        )
    spans = [(each, place(each, start), place(each, end)) for each in partitions]
    yield from heapq.merge(
        *(records_between(each, first, last) for each, first, last in spans),
        key=lambda located: located.record.timestamp,
    )
    if follow:
        yield from _follow([(each, max(first, last)) for each, first, last in spans])


def place(partition: Partition, text: str) -> int:
    """The offset that a person means by `start`, `end`, `-10`, `1042` or a time.

    At least the log start: what is before that is deleted.
    """
    first, last = partition.log_start, partition.high_watermark
    if text == "start":
        return first
    if text == "end":
        return last
    if text.startswith("-") and text[1:].isdecimal():
        return max(last - int(text[1:]), first)
    if text.isdecimal():
        return max(int(text), first)
    try:
        timestamp = time_ms(text)
    except BadLine as error:
        raise CommandFailed(
            f"{text!r} is no place in a topic: give an offset (1042), a time "
            "(2024-05-01T09:30:00Z), start, end, or -N for N before the end"
        ) from error
    found = partition.offset_for_time(timestamp)
    return last if found is None else found


def records_between(partition: Partition, first: int, last: int) -> Iterator[Located]:
    """The records with first <= offset < last, as far as they are there."""
    offset, last = first, min(last, partition.high_watermark)
    while offset < last:
        for batch in partition.read(offset, READ_BYTES):
            for record in batch:
                if record.offset >= last:
                    return
                yield Located(partition.number, record)
            offset = batch.last_offset + 1


def _follow(places: list[tuple[Partition, int]]) -> Iterator[Located]:
    """What is appended from these places on, for ever."""
    while True:
        idle = True
        for index, (partition, offset) in enumerate(places):
            end = partition.high_watermark
            if end > offset:
                yield from records_between(partition, offset, end)
                places[index] = partition, end
                idle = False
        if idle and len(places) == 1:
            partition, offset = places[0]
            partition.wait(offset, 1.0)
        elif idle:
            time.sleep(POLL_S)


def _print_lines(lines: Iterable[bytes], flush: bool) -> None:
    write = sys.stdout.buffer.write
    for line in lines:
        write(line)
        if flush:
            sys.stdout.buffer.flush()


def as_line(config: TopicConfig, located: Located, keys: bool, headers: bool) -> bytes:
    """One line for people. Control characters are escaped, so that no record can redraw the
    terminal."""
    number, record = located
    parts = [f"{number}:{record.offset}", time_text(record.timestamp)]
    if keys:
        parts.append("-" if record.key is None else as_text(record.key))
    if headers:
        shown = (f"{name}={as_text(value or b'')}" for name, value in record.headers)
        parts.append(f"[{' '.join(shown)}]")
    elif actor := actor_of(record.headers):
        parts.append(f"[{ACTOR_HEADER}={as_text(actor.encode())}]")
    if record.value is None:
        parts.append("(tombstone)")
    elif config.value_format == "msgpack":
        parts.append(as_text(_json_of_msgpack(record.value) or record.value))
    else:
        parts.append(as_text(record.value))
    return "  ".join(parts).encode() + b"\n"


def as_text(value: bytes) -> str:
    """UTF-8 as it is; what is none, and what a terminal would obey, as \\x escapes."""
    text = value.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def as_json_line(topic: str, config: TopicConfig, located: Located) -> bytes:
    """One record as one line of JSON; a JSON value stands in it byte for byte."""
    number, record = located
    shown: dict[str, Any] = {
        "topic": topic,
        "partition": number,
        "offset": record.offset,
        "timestamp": record.timestamp,
        **_named("key", record.key),
    }
    raw = record.value
    if raw is not None and config.value_format == "msgpack":
        raw = _json_of_msgpack(raw) or raw
    json = None if raw is None else _as_json(raw)
    shown |= {"value": None} if raw is None else {"value": json} if json else _bare("value", raw)
    shown["headers"] = [{"name": name, **_named("value", value)} for name, value in record.headers]
    return JSON_LINE.encode(shown) + b"\n"


def _named(name: str, value: bytes | None) -> dict[str, str | None]:
    """Bytes under a name where they are text, else under `<name>_base64`."""
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def _bare(name: str, value: bytes) -> dict[str, str | None]:
    """Bytes that are no JSON."""
    try:
        return {f"{name}_text": value.decode()}
    except UnicodeDecodeError:
        return _named(name, value)


def _as_json(value: bytes) -> msgspec.Raw | None:
    """The value as it is, on one line, where it is JSON."""
    try:
        value.decode()
        raw = msgspec.json.decode(value, type=msgspec.Raw)
        if b"\n" in value or b"\r" in value:
            raw = msgspec.Raw(msgspec.json.format(value, indent=-1))
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    return raw


def _json_of_msgpack(value: bytes) -> bytes | None:
    try:
        return msgspec.json.encode(msgspec.msgpack.decode(value))
    except (msgspec.DecodeError, TypeError, RecursionError, UnicodeDecodeError):
        return None
