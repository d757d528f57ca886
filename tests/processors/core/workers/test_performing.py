"""Effects: what events ask of the outside is done, at least once, and the answer is a command."""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.errors import InvalidConfig
from log.interface import Log
from processors.core.appender import Appender
from processors.core.effect import Perform
from processors.core.system import System
from processors.core.task import TaskFailed
from processors.core.workers.embedded import Worker
from replay.verify import verify
from tests.samples.asking import (
    LIMITS,
    Answered,
    Ask,
    Asked,
    NotAnswered,
    Withdraw,
    Withdrawn,
    World,
    asking,
)

GROUP = "samples.asking.reactors"


def ask(log: Log, system: System, *questions: str) -> None:
    appender = Appender(log, system)
    for question in questions:
        appender.add(Ask(question=question))
    appender.flush()


def run(log: Log, system: System, **settings: Any) -> None:
    with Worker(log, [system], **settings) as worker:
        worker.run(until_idle=True)


def events_of(log: Log, system: System) -> list[Any]:
    found = []
    for number in range(system.partitions):
        partition = log.partition(system.events_topic, number)
        decode = system.event_codec(partition.config).decode
        for batch in partition.read(0, 1 << 30):
            found += [decode(record.value or b"") for record in batch]
    return [event for event in found if isinstance(event, OURS)]


OURS = (Asked, Answered, NotAnswered, Withdrawn)


def outcomes(log: Log, system: System) -> dict[str, str]:
    """What came of each question."""
    return {
        event.question: event.answer if isinstance(event, Answered) else event.reason
        for event in events_of(log, system)
        if isinstance(event, Answered | NotAnswered)
    }


def test_an_answer_comes_back_as_a_command() -> None:
    log, world = MemoryLog(), World()
    ask(log, asking(world), "a", "b")
    run(log, asking(world))
    assert outcomes(log, asking(world)) == {"a": "yes, a", "b": "yes, b"}
    assert world.opened == 0, "what was opened is closed"


def test_settings_reach_it_and_unknown_ones_are_refused() -> None:
    log, world = MemoryLog(), World()
    ask(log, asking(world), "a")
    with pytest.raises(InvalidConfig, match=r"sets 'greting', which is no setting.*greeting"):
        run(log, asking(world), settings={"samples.asking.ask": {"greting": "no"}})
    run(log, asking(world), settings={"samples.asking.ask": {"greeting": "no"}})
    assert outcomes(log, asking(world)) == {"a": "no, a"}


def test_it_is_tried_again_with_the_same_key_and_then_given_up() -> None:
    log, world = MemoryLog(), World()
    ask(log, asking(world), "twice bad", "broken", "never", "slow one")
    run(log, asking(world))
    assert outcomes(log, asking(world)) == {
        "twice bad": "yes, twice bad",
        "broken": "OSError: the line is cut",
        "never": "Refused: not that",
        "slow one": "TimeoutError: no answer within 0.2 s",
    }
    attempts = Counter(question for _, question, _ in world.calls)
    assert attempts == {"twice bad": 3, "broken": 3, "never": 1, "slow one": 3}
    keys = {(question, key) for key, question, _ in world.calls}
    assert len(keys) == len({key for _, key in keys}) == 4, "one key for each question"


def test_so_many_at_a_time_and_no_more() -> None:
    log, world = MemoryLog(), World()
    ask(log, asking(world), *map(str, range(60)))
    run(log, asking(world))
    assert world.at_once_most == LIMITS.at_once
    assert len(outcomes(log, asking(world))) == 60


def test_a_slow_one_does_not_hold_up_the_others() -> None:
    log, world = MemoryLog(), World()
    system = asking(world, msgspec.structs.replace(LIMITS, attempt_s=30.0))
    ask(log, system, "slow one", *map(str, range(20)))
    with Worker(log, [system]) as worker:
        deadline_s = time.monotonic() + 20
        while len(outcomes(log, system)) < 20 and time.monotonic() < deadline_s:
            for task in worker.tasks:
                task.step()
                worker._running.step_beside(task)
    assert len(outcomes(log, system)) == 20
    (place,) = [place for place in log.committed(GROUP) if log.committed(GROUP)[place] == 1]
    first = next(iter(log.partition(*place).read(1)[0]))
    assert b"slow one" in (first.value or b""), "the next worker begins with it again"


def test_while_the_outside_is_down_nobody_tries_but_one() -> None:
    log, world = MemoryLog(), World(is_down=True)
    limits = msgspec.structs.replace(
        LIMITS, attempts=100, breaker_failures=3, breaker_s=0.2, at_once=2
    )
    system = asking(world, limits)
    ask(log, system, *map(str, range(6)))
    with Worker(log, [system]) as worker:
        began_s = time.monotonic()
        while time.monotonic() - began_s < 0.7:
            for task in worker.tasks:
                task.step()
                worker._running.step_beside(task)
        tried = len(world.calls)
        assert 3 <= tried <= 3 + 2 + 4, "three, those that were under way, one in 0.2 s"
        world.is_down = False
        worker.run(until_idle=True)
    assert len(outcomes(log, system)) == 6


def test_what_a_dead_worker_did_not_finish_is_done_again_with_its_key() -> None:
    log, world = MemoryLog(), World()
    system = asking(world)
    ask(log, system, "a", "slow one")
    with Worker(log, [system]) as worker:
        while len(world.calls) < 2 or "a" not in outcomes(log, system):
            for task in worker.tasks:
                task.step()
                worker._running.step_beside(task)
    before = list(world.calls)
    run(log, system)
    again = world.calls[len(before) :]
    assert {question for _, question, _ in again} == {"slow one"}, "a was answered"
    assert {key for key, question, _ in before if question == "slow one"} == {again[0][0]}


def test_what_was_withdrawn_or_answered_is_not_asked() -> None:
    log, world = MemoryLog(), World()
    system = asking(world)
    ask(log, system, "a", "b")
    appender = Appender(log, system)
    appender.add(Withdraw(question="a"))
    appender.flush()
    run(log, system)
    assert [question for _, question, _ in world.calls] == ["b"]
    log.commit(GROUP, dict.fromkeys(log.committed(GROUP), 0))
    run(log, system)
    assert [question for _, question, _ in world.calls] == ["b"], "the state knows the answer"


def test_replay_asks_nothing() -> None:
    log, world = MemoryLog(), World()
    system = asking(world)
    ask(log, system, "a", "b")
    run(log, system)
    calls = len(world.calls)
    for number in range(system.partitions):
        assert verify(log, system, number).difference is None
    assert len(world.calls) == calls == 2


def test_a_failure_that_cannot_be_told_stops_the_worker() -> None:
    log, world = MemoryLog(), World()
    system = asking(world)
    system.effects[0].__dict__["failed"] = lambda event, reason: 1 // 0
    ask(log, system, "never")
    with pytest.raises(TaskFailed, match=r"samples.asking.ask: `failed` raised ZeroDivision"):
        run(log, system)


def test_what_cannot_be_opened_stops_the_worker_when_it_is_asked_for() -> None:
    log, world = MemoryLog(), World()
    system = asking(world)

    def nowhere(settings: Mapping[str, str]) -> AbstractAsyncContextManager[Perform]:
        raise FileNotFoundError("there is no program ffmpeg: install it")

    effect = replace(system.effects[0], open=nowhere)
    broken = replace(system, effects=(effect,))
    run(log, broken)
    ask(log, system, "a")
    with pytest.raises(TaskFailed, match=r"samples.asking.ask is asked for.*no program ffmpeg"):
        run(log, broken)
    run(log, system)
    assert outcomes(log, system) == {"a": "yes, a"}
