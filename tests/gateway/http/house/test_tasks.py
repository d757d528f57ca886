"""What is told of a task that runs in the server's own process."""

from itertools import islice

from gateway.http.house.sampling import task_told
from log.backends.memory import MemoryLog
from processors.core.appender import Appender
from processors.core.task import Task
from tests.samples.parking import SYSTEM


def test_a_task_tells_how_far_its_recovery_is() -> None:
    """Given history, when a task opens without recovering at once, then again recovered."""
    with MemoryLog() as log:
        appender = Appender(log, SYSTEM)
        for at_ms, command in islice(SYSTEM.flow(1), 500):
            appender.add(command, at_ms)
        appender.flush()
        first = Task(log, SYSTEM, 0)
        fresh = task_told(first)
        assert (fresh.state, fresh.recovery_end, fresh.latency_p99_us) == ("running", 0, 0)
        while first.step():
            pass
        assert task_told(first).rules_version == SYSTEM.rules_version
        assert task_told(first).latency_p99_us >= task_told(first).latency_p50_us > 0
        first.close()
        second = Task(log, SYSTEM, 0, at_once=False)
        begun = task_told(second)
        assert (begun.state, begun.recovered) == ("recovering", 0)
        assert begun.recovery_end == first.events.high_watermark > 0
        while second.recover_some():
            pass
        done = task_told(second)
        assert (done.state, done.recovered) == ("running", done.recovery_end)
        second.close()
