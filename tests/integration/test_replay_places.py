"""Places, past read models and steps on a cluster are those of the same history in memory: offsets
of events have holes there, which those of commands do not."""

from itertools import islice

from log.backends.memory import MemoryLog
from log.interface import Log
from processors.core.registry import load_system
from projections.core.read_models import read_models
from replay.events import RecordedEvents
from replay.places import find_place
from replay.query_at import query_at
from replay.state import END, At, state_at
from replay.stepping import Stepper
from tests.replay.recording import PARKING, UNREADABLE, append, run
from tests.samples.parking import SYSTEM, flow

COMMANDS = 60


def record(log: Log) -> None:
    commands = list(islice(flow(5), COMMANDS - 1))
    append(log, *commands[:20], UNREADABLE, *commands[20:])
    run(log, max_bytes=1)


def test_a_cluster_is_walked_as_memory_is(kafka_log: Log) -> None:
    with MemoryLog() as memory:
        record(memory)
        record(kafka_log)
        models = read_models(load_system("tests.samples.parking"))
        events = RecordedEvents(kafka_log, PARKING, 0)
        commands = kafka_log.partition(SYSTEM.commands_topic, 0)
        steppers = Stepper(memory, PARKING, 0), Stepper(kafka_log, PARKING, 0)
        for offset in (0, 1, 19, 20, 21, 45, COMMANDS - 1, 44, 3):
            at = At(command_offset=offset)
            place, state = find_place(events, commands, at), state_at(memory, PARKING, 0, at)
            assert (place.command_offset, place.at) == (offset, state.at)
            one, other = (stepper.at(offset) for stepper in steppers)
            assert (other.digest, other.differences, other.rendering) == (
                one.digest,
                one.differences,
                one.rendering,
            )
            values = [[event.value for event in step.events] for step in (one, other)]
            assert values[0] == values[1]
        assert steppers[0].last == steppers[1].last == COMMANDS - 1
        middle = At(time_ms=state_at(memory, PARKING, 0, At(command_offset=30)).at)
        for at in (middle, END):
            answers = [
                query_at(log, models, models.query("taken"), {}, at).result
                for log in (memory, kafka_log)
            ]
            assert answers[0] == answers[1]
        assert kafka_log.groups() == []
