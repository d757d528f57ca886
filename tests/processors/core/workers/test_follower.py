"""A follower: where it begins again, after what went wrong."""

from collections.abc import Iterable
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.errors import LogUnavailable
from log.record import Record, StoredRecord
from processors.core.task import Task
from processors.core.workers import follower as followers
from processors.core.workers.follower import Follower
from tests.samples.parking import SYSTEM
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.events import CarParked


class Reacts:
    """A listener that makes something durable, and cannot at first."""

    kinds: Iterable[type[Any]] = (CarParked,)
    is_full = False
    unfinished = None

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.taken: list[int] = []
        self.durable: list[int] = []

    def take(self, event: Any, record: StoredRecord, at: int) -> None:
        self.taken.append(event.sequence)

    def settle(self) -> int:
        taken, self.taken = self.taken, []
        if taken and self.failures:
            self.failures -= 1
            raise LogUnavailable("not now")
        self.durable += taken
        return len(taken)

    def close(self) -> None: ...


class Asks(Reacts):
    """A listener that waits for the outside: for the latest event that it has taken."""

    def __init__(self) -> None:
        super().__init__(0)
        self.unfinished: int | None = None  # type: ignore[assignment]

    def take(self, event: Any, record: StoredRecord, at: int) -> None:
        self.unfinished = record.offset


def test_what_was_not_made_durable_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The read failed for one listener; the other waits for an answer to an event from beyond
    the place that is to be read again."""
    monkeypatch.setattr(followers, "COMMIT_IDLE_S", 0.0)
    log = MemoryLog(clock=lambda: 1)
    SYSTEM.ensure_topics(log)
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    cars = [ParkCar(spot=f"s{number}", car="red", stay_ms=9_000) for number in range(4)]
    log.partition(SYSTEM.commands_topic, 0).append([Record(encode(car), b"s") for car in cars])
    task = Task(log, SYSTEM, 0)
    task.step()

    reacts, asks = Reacts(failures=1), Asks()
    first = Follower(log, SYSTEM, SYSTEM, 0, [asks, reacts])
    with pytest.raises(LogUnavailable):
        first.step()
    first.close()
    assert log.committed(first.group).get((SYSTEM.events_topic, 0), 0) == 0

    second = Follower(log, SYSTEM, SYSTEM, 0, [Asks(), reacts])
    second.step()
    assert reacts.durable == [1, 2, 3, 4]
