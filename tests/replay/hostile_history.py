"""Histories of the planted systems and of others, as a process of a hostile world opens them."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from log.backends.file import FileLog
from log.record import Record
from processors.core.registry import Registry
from processors.core.system import System
from processors.core.task import Task
from replay.verify_parallel import Recorded

COMMANDS = 40


def find(name: str) -> System:
    """Imported as late as a registry does."""
    if name.startswith("planted."):
        from tests.replay.planted import SYSTEMS

        return SYSTEMS[name.partition(".")[2]]
    return Registry(["tests.samples.parking"]).find(name).system


def record(folder: Path, name: str, commands: int = COMMANDS) -> None:
    """Commands of a system on its partition 0, decided in this process."""
    system = find(name)
    with FileLog(folder) as log:
        system.ensure_topics(log)
        partition = log.partition(system.commands_topic, 0)
        codec = system.command_codec(partition.config)
        flow = islice(system.flow(1), commands)
        partition.append([Record(codec.encode(each), b"x", at) for at, each in flow])
        task = Task(log, system, 0)
        while task.step():
            pass
        task.close()


@contextmanager
def recorded(folder: Path) -> Iterator[Recorded]:
    with FileLog(folder) as log:
        yield Recorded(log, find)
