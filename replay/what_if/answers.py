"""The read models of two sides, built aside from their logs, and asked the same questions.

The read models are the installed ones, on both sides. Where they cannot follow a side (its rules
tell events that they do not know), or a question has no answer there, the comparison says so.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from log.codec import DECODE_ERRORS
from log.interface import Log
from processors.core.registry import Registered
from projections.core.errors import ProjectionError, QueryError
from projections.core.read_models import Query, ReadModels, read_models
from projections.core.store import Store
from projections.core.worker import Progress as WorkerProgress
from projections.core.worker import Worker
from replay.differences import FieldDifference, compare_values
from replay.state import Progress
from replay.what_if.errors import WhatIfFailed

MEMORY_EVENTS_MAX = 500_000
"""Read models of more events are kept in a file."""
SAMPLE_COMMANDS = 10_000
KEPT_DIFFERENCES = 1_000


class Asked(msgspec.Struct, kw_only=True):
    """A query with its arguments, as typed."""

    typed: str
    name: str
    arguments: dict[str, Any]


class Reply(msgspec.Struct, kw_only=True):
    """What a side replies: rows (one, none), or why there is no reply."""

    rows: list[dict[str, Any]] = []
    error: str = ""


class QueryComparison(msgspec.Struct, kw_only=True):
    """The replies of both sides, and the fields that differ: the first ones, and how many."""

    query: str
    before: Reply
    after: Reply
    differences: list[FieldDifference]
    differences_count: int


def parse_queries(models: ReadModels, texts: Sequence[str]) -> list[Asked]:
    """Queries as typed: `candles ACME`, `candles ACME interval=1h`. Errors: WhatIfFailed."""
    asked = []
    for text in texts:
        try:
            name, *arguments = shlex.split(text) or [""]
            query = models.query(name)
            parsed = query.parse(arguments)
        except (QueryError, ValueError) as error:
            raise WhatIfFailed(f"--query {text!r}: {error}") from error
        asked.append(Asked(typed=text, name=query.name, arguments=parsed))
    return asked


def default_queries(
    models: ReadModels,
    log: Log,
    changed: Sequence[Any] = (),
    queries: Iterable[Query] | None = None,
) -> list[Asked]:
    """These queries, or those that tell what happened best, as far as the commands give their
    arguments: of each field, its commonest value in `changed` (commands as JSON has them), else in
    the log."""
    counts: dict[str, Counter[Any]] = {}
    for command in changed:
        if isinstance(command, dict):
            _count(counts, command)
    values = {**_commonest(_counted(models, log)), **_commonest(counts)}
    asked = []
    for query in queries or models.demo_queries or models.queries.values():
        given = _given(query, values)
        if given is not None:
            typed = " ".join([query.name, *(shlex.quote(str(each)) for each in given.values())])
            asked.append(Asked(typed=typed, name=query.name, arguments=given))
    return asked


def _given(query: Query, values: dict[str, Any]) -> dict[str, Any] | None:
    given = {}
    for argument in query.arguments:
        if argument.is_required:
            if argument.name not in values:
                return None
            try:
                given[argument.name] = msgspec.convert(values[argument.name], argument.type)
            except msgspec.ValidationError:
                return None
    return given


def _commonest(counts: dict[str, Counter[Any]]) -> dict[str, Any]:
    return {name: counter.most_common(1)[0][0] for name, counter in counts.items()}


def _count(counts: dict[str, Counter[Any]], fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, int | str) and value not in ("", 0, -1):
            counts.setdefault(name, Counter())[value] += 1


def _counted(models: ReadModels, log: Log) -> dict[str, Counter[Any]]:
    """The values in the first commands of each partition."""
    system = models.system
    counts: dict[str, Counter[Any]] = {}
    config = log.topics()[system.commands_topic]
    decode = system.command_codec(config).decode
    for number in range(config.partitions):
        partition = log.partition(system.commands_topic, number)
        offset, left = partition.log_start, SAMPLE_COMMANDS // config.partitions
        while left > 0 and (batches := partition.read(offset)):
            offset = batches[-1].last_offset + 1
            for batch in batches:
                left -= batch.count
                for record in batch:
                    try:
                        command: Any = decode(record.value)  # type: ignore[arg-type]
                    except (*DECODE_ERRORS, TypeError):
                        continue
                    fields = command.__struct_fields__
                    _count(counts, {name: getattr(command, name) for name in fields})
    return counts


def replies(
    log: Log, registered: Registered, asked: Sequence[Asked], file: Path, progress: Progress
) -> list[Reply]:
    """What a side's log leads to: its read models are built, in memory or in a new file, and
    asked."""
    if not asked:
        return []
    models = read_models(registered)
    with _built(log, models, file, progress) as (store, failure):
        if failure:
            return [Reply(error=failure) for _ in asked]
        return [_reply(models, store, each) for each in asked]


@contextmanager
def _built(
    log: Log, models: ReadModels, file: Path, progress: Progress
) -> Iterator[tuple[Store, str]]:
    """The store, and why it is not whole, if so."""
    topic = models.system.events_topic
    numbers = range(log.topics()[topic].partitions)
    events = sum(log.partition(topic, number).high_watermark for number in numbers)
    in_memory = events <= MEMORY_EVENTS_MAX
    store = models.open_store("memory:" if in_memory else f"sqlite:///{file.absolute()}")

    def report(told: WorkerProgress) -> None:
        progress(told.done, told.total)

    failure = ""
    try:
        try:
            Worker(log, store).catch_up(report)
        except ProjectionError as error:
            failure = f"the installed read models cannot follow: {error}"
        yield store, failure
    finally:
        store.close()


def _reply(models: ReadModels, store: Store, asked: Asked) -> Reply:
    try:
        result = models.query(asked.name).run(store, asked.arguments)
    except QueryError as error:
        return Reply(error=str(error))
    told = msgspec.to_builtins(result)
    return Reply(rows=told if isinstance(told, list) else [] if told is None else [told])


def compare_replies(
    asked: Sequence[Asked], before: Sequence[Reply], after: Sequence[Reply]
) -> list[QueryComparison]:
    """What differs, question by question."""
    compared = []
    for each, one, other in zip(asked, before, after, strict=True):
        found: list[FieldDifference] = []
        count = 0
        if not (one.error or other.error):
            for difference in compare_values(one.rows, other.rows):
                count += 1
                if len(found) < KEPT_DIFFERENCES:
                    found.append(difference)
        compared.append(
            QueryComparison(
                query=each.typed,
                before=one,
                after=other,
                differences=found,
                differences_count=count,
            )
        )
    return compared
