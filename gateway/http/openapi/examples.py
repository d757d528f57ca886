"""Examples that nobody made up: the beginning of a system's own flow is decided in memory, and
commands, their answers and rejections, and what queries say, are taken from there. They are the
same each time.

A command that the flow does not begin with is made of the flow's values, and sent behind it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from gateway.http.answers import reply_of
from gateway.http.catalogue import Accepts, Served
from gateway.http.openapi.schemas import Json
from gateway.http.problems import Answer, CommandPlace
from log.backends.memory import MemoryLog
from log.envelope import Command, Event
from log.interface import Log
from log.record import Record
from processors.core.system import System, place_of
from processors.core.task import Task
from projections.core.errors import QueryError
from projections.core.read_models import Query
from projections.core.store import Store
from projections.core.worker import Worker as ProjectionWorker

SEED = 1
COMMANDS = 1_500
ROWS = 3
"""Of an answer that is a list: enough to see what it is like."""
TRIES = 200
"""So many commands are looked at for arguments that lead to an answer with something in it."""

Compose = Callable[..., Any]
"""`compose(type, values, text)`: a value of a type, of values by the names of fields, and of a
text where they have none; None where it cannot be made."""
Values = dict[str, Counter[Any]]
"""How often fields, by name, have which value."""


@dataclass
class CommandExample:
    """One command as it was sent, and its answer; and another, that the rules rejected."""

    body: Json
    answer: Any = None
    rejection: Json | None = None
    reach: set[bool] = field(default_factory=set)
    """Of all of the kind that were accepted: whether every partition decided them."""


@dataclass
class QueryExample:
    arguments: Json
    answer: Any = msgspec.UNSET
    """UNSET where the query refuses these arguments."""


@dataclass
class Examples:
    """Of one system."""

    commands: dict[str, CommandExample] = field(default_factory=dict)
    queries: dict[str, QueryExample] = field(default_factory=dict)
    event: tuple[int, Event] | None = None
    """With its offset."""


def examples_of(served: Served, compose: Compose) -> Examples:
    """Of what is served under these names; the log that is served is not touched."""
    found = Examples()
    with MemoryLog(clock=lambda: 0) as log:
        day = _Day(served, log)
        for at, command in islice(served.system.flow(SEED), COMMANDS):
            day.send(at, command)
        day.decide()
        store = served.models.open_store("memory:")
        ProjectionWorker(log, store).catch_up()
        for query in served.models.queries.values():
            if (asked := _asked(query, store, day, compose)) is not None:
                found.queries[query.name] = asked
        day.compose_rest(compose)
        day.compose_emptiest(compose)
        day.decide()
        found.commands = day.examples()
        found.event = day.event
    return found


@dataclass(frozen=True)
class _Sent:
    command: Any
    places: list[CommandPlace]
    of_all: bool
    shown: bool
    """Whether it is good as an example."""


class _Day:
    """The flow's beginning, on a log of its own."""

    def __init__(self, served: Served, log: Log) -> None:
        self._served = served
        self._system: System = served.system
        self._log = log
        self._partitions = self._system.ensure_topics(log)
        config = log.partition(self._system.commands_topic, 0).config
        self._encode = self._system.command_codec(config).encode
        self._at = 0
        self._sent: list[_Sent] = []
        self._events: dict[CommandPlace, list[Event]] = {}
        self.event: tuple[int, Event] | None = None
        self._values: Values = {}
        """Of commands."""
        self._told: Values = {}
        """Of events."""

    def send(self, at: int, command: Any, shown: bool = True) -> None:
        value, key = self._encode(command), self._system.key(command)
        encoded, numbers = place_of(key, self._partitions)
        places = []
        for number in numbers:
            partition = self._log.partition(self._system.commands_topic, number)
            offsets = partition.append([Record(value, encoded, at)])
            places.append(CommandPlace(number, offsets[0]))
        self._sent.append(_Sent(command, places, key is None, shown))
        self._at = max(self._at, at)
        _count(self._values, self.fields(command))

    def fields(self, command: Any) -> Json:
        """Those that are the command's own and not left at their defaults."""
        return _own_fields(command, Command)

    def likely(self) -> Json:
        """Of each field, the commonest value: of commands, or where they have none, of events."""
        return {
            name: counter.most_common(1)[0][0]
            for values in (self._told, self._values)
            for name, counter in values.items()
        }

    def tries(self) -> Iterator[Json]:
        """Values that go together."""
        likely = self.likely()
        yield likely
        for sent in self._sent[:: max(len(self._sent) // TRIES, 1)]:
            yield {**likely, **self.fields(sent.command)}

    def compose_rest(self, compose: Compose) -> None:
        kinds = {type(sent.command) for sent in self._sent}
        likely = self.likely()
        for accepts in self._served.accepts.values():
            if accepts.kind not in kinds:
                self._compose(accepts, compose(accepts.body, likely), shown=True)

    def compose_emptiest(self, compose: Compose) -> None:
        """Of each kind, one that says next to nothing: does that go to all partitions?"""
        for accepts in self._served.accepts.values():
            self._compose(accepts, compose(accepts.body, {}, ""), shown=False)

    def _compose(self, accepts: Accepts, body: Any, shown: bool) -> None:
        if body is not None:
            own = {name: getattr(body, name) for name in body.__struct_fields__}
            self.send(self._at, accepts.kind(**own), shown)

    def decide(self) -> None:
        """All that waits."""
        for number in range(self._partitions):
            events = self._log.partition(self._system.events_topic, number)
            begin = events.high_watermark
            task = Task(self._log, self._system, number)
            while task.step():
                pass
            task.close()
            decode = self._system.event_codec(events.config).decode
            for batch in events.read(begin, 1 << 30):
                for record in batch:
                    event = decode(record.value or b"")
                    self._events.setdefault(CommandPlace(number, event.cause), []).append(event)
                    if self.event is None and event.cause >= 0:
                        self.event = record.offset, event
                    _count(self._told, _own_fields(event, Event))

    def examples(self) -> dict[str, CommandExample]:
        found: dict[str, CommandExample] = {}
        accepts_of = {each.kind: each for each in self._served.accepts.values()}
        by_worth = sorted(self._sent, key=lambda sent: bool(sent.command.origin_topic))
        for sent in by_worth:
            accepts = accepts_of.get(type(sent.command))
            if accepts is not None:
                self._note(found, accepts, sent)
        return found

    def _note(self, found: dict[str, CommandExample], accepts: Accepts, sent: _Sent) -> None:
        answers = [Answer(place, self._events.get(place, [])) for place in sent.places]
        if not all(answer.events for answer in answers):
            return
        reply = reply_of(answers, sent.of_all)
        body = self.fields(sent.command)
        known = found.setdefault(accepts.name, CommandExample(body))
        if reply.status == 200:
            known.reach.add(sent.of_all)
        if not sent.shown:
            return
        if reply.status == 200 and known.answer is None:
            known.body, known.answer = body, msgspec.to_builtins(reply.body)
        elif reply.status == 409 and known.rejection is None:
            known.rejection = msgspec.to_builtins(reply.body)


def _own_fields(message: Command | Event, envelope: type[Any]) -> Json:
    told: Json = msgspec.to_builtins(message)
    return {
        name: value
        for name, value in told.items()
        if name != "type" and name not in envelope.__struct_fields__
    }


def _count(values: Values, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, int | str):
            values.setdefault(name, Counter())[value] += 1


def _asked(query: Query, store: Store, day: _Day, compose: Compose) -> QueryExample | None:
    """A query with values of the flow, such that its answer holds something if that can be."""
    found: QueryExample | None = None
    needed = [argument for argument in query.arguments if argument.is_required]
    for values in day.tries():
        given = {}
        for argument in needed:
            if (value := _value(argument.name, argument.type, values, compose)) is not None:
                given[argument.name] = value
        try:
            answer = msgspec.to_builtins(query.run(store, given))
        except (TypeError, QueryError):
            found = found or QueryExample(msgspec.to_builtins(given))
            continue
        if isinstance(answer, list):
            answer = answer[:ROWS]
        if found is None or found.answer is msgspec.UNSET:
            found = QueryExample(msgspec.to_builtins(given), answer)
        if answer not in (None, [], {}):
            return QueryExample(msgspec.to_builtins(given), answer)
        if not given:
            break
    return found


def _value(name: str, kind: Any, values: Mapping[str, Any], compose: Compose) -> Any:
    try:
        return msgspec.convert(values[name], kind)
    except (KeyError, msgspec.ValidationError):
        return compose(kind, values)
