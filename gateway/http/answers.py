"""What a command led to, as a caller is told: its events, a rejection, a dead letter.

Events come from `Decided` or, by cause, from the log, where they are at the time of their command
or behind; a `Reply` goes out. Systems name refusals by one rule: the tag of an event that says no
ends in `rejected` or `refused`, before its version.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.actors import actor_of
from gateway.http.catalogue import Served, name_of
from gateway.http.problems import Answer, CommandPlace, Problem, problem
from log.codec import DECODE_ERRORS
from log.envelope import Event
from log.errors import OffsetOutOfRange
from log.record import StoredRecord
from processors.core.causes import events_of
from processors.core.messages import CommandDeadLettered, CommandRepeated, RulesAdopted

LOOK_BYTES = 4096
"""A log on Kafka fetches no more for so little."""
LOOKS_MAX = 16
REFUSALS = ("rejected", "refused")


class Reply(NamedTuple):
    """Status, body, and whether it is the answer to an earlier sending of the command."""

    status: int
    body: Any
    repeated: bool = False


def is_refusal(kind: type[Any]) -> bool:
    """Whether events of this type say that a command was refused."""
    return name_of(kind).endswith(REFUSALS)


def reply_of(answers: Sequence[Answer], of_all: bool, repeated: bool = False) -> Reply:
    """A command's answers, one a partition; the worst of them decides."""
    for judge in (_dead_letter, _rejection):
        for answer in answers:
            for event in answer.events:
                if found := judge(event):
                    if of_all:
                        found.answers = list(answers)
                    else:
                        found.command, found.events = answer.command, answer.events
                    return Reply(found.status, found, repeated)
    return Reply(200, list(answers) if of_all else answers[0], repeated)


def _dead_letter(event: Event) -> Problem | None:
    if not isinstance(event, CommandDeadLettered):
        return None
    return Problem(
        type="urn:refold:problem:dead-lettered",
        title="The command could not be decided",
        status=422,
        detail=event.reason,
    )


def _rejection(event: Any) -> Problem | None:
    if not is_refusal(type(event)):
        return None
    told = msgspec.to_builtins(event)
    code = str(told.get("code", ""))
    return Problem(
        type="urn:refold:problem:rejected",
        title="The command was rejected",
        status=409,
        detail=str(told.get("reason", "") or code or name_of(type(event))),
        code=code,
        field=str(told.get("field", "")),
    )


class RecordedAnswers:
    """Answers of one system by the places of commands, from the log. Blocks: not for the event
    loop."""

    def __init__(self, served: Served) -> None:
        system, log = served.system, served.log
        self._name = system.name
        numbers = range(served.partitions)
        self._commands = [log.partition(system.commands_topic, number) for number in numbers]
        self._events = [log.partition(system.events_topic, number) for number in numbers]
        self._command_codec = system.command_codec(self._commands[0].config)
        self._event_codec = system.event_codec(self._events[0].config)

    def find(self, place: CommandPlace) -> tuple[Answer, bool] | None:
        """Of the command at a place; None where it is not decided yet. As `first`, where it is a
        repetition. Errors: ProblemFound (404, 410, 422)."""
        commands = self._commands[place.partition]
        if not 0 <= place.offset < commands.high_watermark:
            raise problem(404, f"{self._name} has no command at offset {place.offset} (yet)")
        if self.last_decided(place.partition)[0] < place.offset:
            return None
        events = self._told(place)
        return self.first(place, events, self._command(place))

    def actor(self, place: CommandPlace) -> str:
        """Who sent a command; empty where nobody is told. Errors: ProblemFound (410)."""
        return actor_of(self._record(place).headers)

    def first(self, place: CommandPlace, events: list[Event], command: Any) -> tuple[Answer, bool]:
        """The answer, and whether it is that of an earlier sending of the same command. Errors:
        ProblemFound (422) where that was another command, (410) where it is gone."""
        repeated = events[0]
        if not isinstance(repeated, CommandRepeated):
            return Answer(place, events), False
        first = CommandPlace(place.partition, repeated.first_cause)
        if self._command(first) != command:
            raise problem(
                422,
                "this key was used for another command: take a new key for each, and the same "
                "one only to send a command again",
                "key-reused",
                command=first,
            )
        return Answer(first, self._told(first)), True

    def _told(self, place: CommandPlace) -> list[Event]:
        """Looked for from the time of the command on; where that is too far off, everywhere."""
        events = self._events_behind(place)
        if not events:
            events = events_of(self._events[place.partition], self._event_codec, place.offset)
        if not events:
            raise problem(410, "the events of this command are no longer kept")
        return events

    def _events_behind(self, place: CommandPlace) -> list[Event]:
        """All events of a command, if they are among the first that are as late as it: events are
        of the time of their command, or later (law 6)."""
        partition = self._events[place.partition]
        offset = partition.offset_for_time(self._record(place).timestamp)
        found: dict[int, Event] = {}
        for _ in range(LOOKS_MAX):
            batches = [] if offset is None else partition.read(offset, LOOK_BYTES)
            for batch in batches:
                offset = batch.last_offset + 1
                for record in batch:
                    event = self._event_codec.decode(record.value or b"")
                    if event.cause == place.offset and type(event) is not RulesAdopted:
                        found.setdefault(event.cause_index, event)
                        if len(found) == event.cause_count:
                            return [found[index] for index in sorted(found)]
            if not batches:
                break
        return []

    def _command(self, place: CommandPlace) -> Any:
        """None for what is no command. Errors: ProblemFound (410)."""
        try:
            return self._command_codec.decode(self._record(place).value or b"")
        except DECODE_ERRORS:
            return None

    def _record(self, place: CommandPlace) -> StoredRecord:
        """Errors: ProblemFound (410)."""
        try:
            for batch in self._commands[place.partition].read(place.offset, 1):
                for record in batch:
                    if record.offset == place.offset:
                        return record
        except OffsetOutOfRange:
            pass
        raise problem(410, "the command is no longer kept", command=place)

    def last_decided(self, number: int) -> tuple[int, int]:
        """The cause and the sequence of the newest event; (-1, -1): there is none. On Kafka,
        offsets at the end may hold none."""
        events = self._events[number]
        start, end = events.log_start, events.high_watermark
        back = 1
        while start < end:
            begin = max(end - back, start)
            values = (record.value or b"" for record in self._records(number, begin, end))
            events_found = list(map(self._event_codec.decode, values))
            if events_found or begin == start:
                found = [(each.cause, each.sequence) for each in events_found]
                return max(found, default=(-1, -1))
            back *= 4
        return -1, -1

    def _records(self, number: int, begin: int, end: int) -> Iterator[StoredRecord]:
        while begin < end and (batches := self._events[number].read(begin, LOOK_BYTES)):
            begin = batches[-1].last_offset + 1
            for batch in batches:
                yield from batch
