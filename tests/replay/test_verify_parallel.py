"""Partitions verified in several processes: the same results, one progress, and what ends it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import active_children
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.errors import UnknownTopic
from log.record import Record
from processors.core.system import System
from processors.core.task import Task
from replay.verify import Verification
from replay.verify_parallel import ProcessDied, Recorded, verify_all
from tests.samples.parking import SYSTEM, flow

PARTS = [(SYSTEM.name, 0), (SYSTEM.name, 1)]
COMMANDS = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The garage's two partitions, decided."""
    with FileLog(tmp_path / "log") as log:
        SYSTEM.ensure_topics(log)
        codec = SYSTEM.command_codec(log.partition(SYSTEM.commands_topic, 0).config)
        for number in range(2):
            records = [
                Record(codec.encode(each), b"x", at)
                for at, each in islice(flow(number), COMMANDS * (number + 1))
            ]
            log.partition(SYSTEM.commands_topic, number).append(records)
            task = Task(log, SYSTEM, number)
            while task.step(2000):
                pass
            task.close()
    return tmp_path / "log"


@contextmanager
def recorded(folder: Path) -> Iterator[Recorded]:
    with FileLog(folder) as log:
        yield Recorded(log, _find)


@contextmanager
def dies_in_a_child(folder: Path, parent: int) -> Iterator[Recorded]:
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    with recorded(folder) as opened:
        yield opened


@contextmanager
def fails_in_a_child(folder: Path, parent: int) -> Iterator[Recorded]:
    if os.getpid() != parent:
        raise UnknownTopic("there is none in the child")
    with recorded(folder) as opened:
        yield opened


def _find(name: str) -> System:
    assert name == SYSTEM.name
    return SYSTEM


def test_as_in_one_process(folder: Path) -> None:
    told: dict[int, list[tuple[int, int]]] = {1: [], 2: []}
    found: dict[int, list[Verification]] = {}
    for processes, seen in told.items():
        found[processes] = verify_all(
            partial(recorded, folder),
            PARTS,
            processes=processes,
            progress=lambda *at, seen=seen: seen.append(at),
        )
    assert found[1] == found[2]
    assert [each.commands_compared for each in found[2]] == [COMMANDS, 2 * COMMANDS]
    assert not any(each.difference for each in found[2])
    for seen in told.values():
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert seen[-1][0] == seen[-1][1] > 3 * COMMANDS
    assert active_children() == []


def test_results_stand_in_the_order_asked_for(folder: Path) -> None:
    found = verify_all(partial(recorded, folder), PARTS[::-1], processes=2, since=100)
    assert [each.partition for each in found] == [1, 0]
    assert [each.commands_before for each in found] == [100, 100]


def test_a_killed_process_is_told(folder: Path) -> None:
    source = partial(dies_in_a_child, folder, os.getpid())
    with pytest.raises(ProcessDied, match=r"partition [01] of samples.parking was killed by SIGK"):
        verify_all(source, PARTS, processes=2)
    assert active_children() == []


def test_what_a_process_raises_is_raised(folder: Path) -> None:
    source = partial(fails_in_a_child, folder, os.getpid())
    with pytest.raises(UnknownTopic, match="there is none in the child"):
        verify_all(source, PARTS, processes=2)
    assert active_children() == []


def test_an_interrupt_ends_all(folder: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    started_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        verify_all(partial(recorded, folder), PARTS, processes=2, progress=interrupt)
    assert active_children() == []
    assert time.monotonic() - started_s < 60
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
