"""What holds for every system, whatever its rules: determinism, recovery, exactly once, purity.

Each check decides a flow of the system in memory, once undisturbed and once in the way that it is
about, and compares the events to the byte and the states by digest.
"""

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from log.backends.memory import MemoryLog, MemoryPartition
from log.envelope import Command
from log.errors import LogStorageError
from log.interface import Partition, Writer, nothing
from log.record import BatchBuilder, Record
from processors.core.decider import digest
from processors.core.fold import new_fold
from processors.core.messages import CORE_EVENTS
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.task import Task
from processors.core.testing.purity import impurities
from processors.core.testing.subject import (
    EVERYTHING,
    ONE_COMMAND,
    Subject,
    assert_same,
    dead_letters,
    decide_all,
    decoded,
    digests,
    fingerprint,
    flow_records,
    json_config,
    memory_log,
    no_failed_timers,
    told,
)

SEED = 7
COMMANDS = 300
COMMANDS_TO_CRASH_AT = 60
SNAPSHOT_EVERY = 10
UNREADABLE = Record(b'{"type": "no_such_command.v1"}', b"unreadable", 0)


def check_hash_seed(subject: Subject) -> None:
    """Other hash seeds, in other processes, give the same events and states."""
    here = fingerprint(subject.package, SEED, COMMANDS)
    command = ["fingerprint", subject.package, str(SEED), str(COMMANDS)]
    arguments = [sys.executable, "-m", "processors.core.testing", *command]
    path = os.pathsep.join(entry or "." for entry in sys.path)
    running = {
        hash_seed: subprocess.Popen(
            arguments,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "2")
    }
    answers = {hash_seed: process.communicate()[0] for hash_seed, process in running.items()}
    for hash_seed, process in running.items():
        assert process.returncode == 0, f"{' '.join(arguments)} failed"
        assert answers[hash_seed].strip() == here, (
            f"with PYTHONHASHSEED={hash_seed} the same commands lead to other events or states: "
            "look for an iteration over a set, or hash()"
        )


def check_snapshot_and_tail(subject: Subject) -> None:
    """A state restored from a snapshot is the state, and decides on as it would have."""
    system = subject.system
    commands = list(flow_records(system, SEED, COMMANDS))
    whole = memory_log(system, commands)
    ends = digests(system, decide_all(whole, system))
    for cut in (1, COMMANDS // 3, COMMANDS - 1):
        log = memory_log(system, commands[:cut])
        with tempfile.TemporaryDirectory() as folder:
            for number, fold in enumerate(decide_all(log, system)):
                snapshots = SnapshotFolder(Path(folder), system, number)
                snapshots.save(fold)
                restored = snapshots.load(log.partition(system.events_topic, number))
                assert restored is not None, "the snapshot just taken is not usable"
                before, after = digests(system, (fold, restored))
                assert before == after, f"after {cut} commands: from_rows(to_rows(state)) differs"
            for partition, record in commands[cut:]:
                log.partition(system.commands_topic, partition).append([record])
            for number in range(system.partitions):
                task = Task(log, system, number, SnapshotFolder(Path(folder), system, number))
                while task.step():
                    pass
                task.close()
                end = digest(system.decider.state_format, task.fold.state)
                assert end == ends[number], f"snapshot at {cut} and tail end in another state"
        assert_same(told(log, system), told(whole, system), f"from a snapshot at {cut} on")
    for number, end in enumerate(ends):
        fold = new_fold(system.decider)
        events = whole.partition(system.events_topic, number)
        fold.advance(events, events.read(0, EVERYTHING), system.event_codec(events.config))
        assert digests(system, [fold]) == [end], "the fold of the events is not the task's state"


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


class CrashingLog:
    """A log on which every append of a task fails once before anything is written, and the events'
    once more when all is durable and nobody has been told yet."""

    def __init__(self, log: MemoryLog, system: System, crash: Callable[[], BaseException]) -> None:
        self._log = log
        self._crash = crash
        self._appends = 0
        self._dead_letters = [
            _CrashingDeadLetters(self._log.partition(system.dead_letters_topic, number), crash)
            for number in range(system.partitions)
        ]

    def partition(self, topic: str, number: int) -> Partition:
        dead_letters = self._dead_letters[number]
        return dead_letters if topic == dead_letters.topic else self._log.partition(topic, number)

    def open_writer(self, topic: str, number: int) -> Writer:
        return _CrashingWriter(self, self._log.open_writer(topic, number))

    def append(self, batch: BatchBuilder, writer: Writer) -> Sequence[int]:
        self._appends += 1
        if self._appends % 2 == 0:
            writer.append_batch(batch)
        raise self._crash()


class _CrashingWriter:
    def __init__(self, log: CrashingLog, writer: Writer) -> None:
        self._log = log
        self._writer = writer

    def new_batch(self) -> BatchBuilder:
        return self._writer.new_batch()

    def append_batch(
        self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing
    ) -> Sequence[int]:
        return self._log.append(batch, self._writer)

    def close(self) -> None:
        self._writer.close()


class _CrashingDeadLetters(MemoryPartition):
    def __init__(self, kept: MemoryPartition, crash: Callable[[], BaseException]) -> None:
        super().__init__(kept.topic, kept.number, kept.config, lambda: 0)
        self._kept = kept
        self._crash = crash
        self._appends = 0

    def append(self, records: Sequence[Record]) -> range:
        self._appends += 1
        if self._appends % 2:
            raise self._crash()
        return self._kept.append(records)


def check_crash_at_every_record(subject: Subject) -> None:
    """Crashes before and after every append, and resumed: nothing lost, nothing doubled.

    Once as a process that dies and is started again (with snapshots), once as an error of the
    log that the same task goes on after.
    """
    system = subject.system
    commands = list(flow_records(system, SEED, COMMANDS_TO_CRASH_AT))
    middle = len(commands) // 2
    commands.insert(middle, (commands[middle][0], UNREADABLE))
    whole = memory_log(system, commands)
    ends = digests(system, decide_all(whole, system))
    for crash in (Crash, lambda: LogStorageError("the disk is full")):
        log = memory_log(system, commands)
        crashing = CrashingLog(log, system, crash)
        with tempfile.TemporaryDirectory() as folder:
            for number in range(system.partitions):
                snapshots = SnapshotFolder(Path(folder), system, number)
                end = _decide_crashing(crashing, system, number, snapshots)
                assert end == ends[number], f"partition {number} ends in another state"
        assert_same(told(log, system), told(whole, system), "after crashes at every record")
        kept = list(dead_letters(log, system, commands[middle][0]))
        assert len(kept) == 1, f"one command is a dead letter, not {len(kept)}"


def _decide_crashing(
    log: CrashingLog, system: System, number: int, snapshots: SnapshotFolder
) -> str:
    """Decide all, through every crash; returns the digest of the end."""
    task = Task(log, system, number, snapshots)
    crashes = 0
    while True:
        try:
            if not task.step(ONE_COMMAND):
                break
        except Crash:
            task.close()  # a process that dies leaves its fence
            task = Task(log, system, number, snapshots)
        except LogStorageError:
            pass
        crashes += 1
        if crashes % SNAPSHOT_EVERY == 0:
            task.save_snapshot()
        assert crashes < 10 * COMMANDS_TO_CRASH_AT, "the task does not get on"
    task.close()
    return digest(system.decider.state_format, task.fold.state)


def check_delivered_twice(subject: Subject) -> None:
    """A command that another system's event led to counts once, however often it is delivered; so
    does an event that is on its topic twice."""
    system = subject.system
    codec = system.command_codec(json_config(system))
    once: list[tuple[int, Record]] = []
    for sequence, (partition, record) in enumerate(flow_records(system, SEED, COMMANDS)):
        command: Command = codec.decode(record.value or b"")
        command.origin_topic = "elsewhere.events"
        command.origin_sequence = sequence
        once.append((partition, Record(codec.encode(command), record.key, record.timestamp)))
    twice = [delivered for delivered in once for _ in range(2)] + once
    states, facts = [], []
    for commands in (once, twice):
        log = memory_log(system, commands)
        states.append(digests(system, decide_all(log, system)))
        facts.append(
            [
                [event for event in decoded(log, system, number) if type(event) not in CORE_EVENTS]
                for number in range(system.partitions)
            ]
        )
    for events in facts[0] + facts[1]:
        for event in events:
            event.sequence = event.cause = -1
    assert facts[0] == facts[1], "commands delivered twice led to other events"
    assert states[0] == states[1], "commands delivered twice led to another state"
    _check_events_told_twice(system, log, states[1])


def _check_events_told_twice(system: System, log: MemoryLog, ends: list[str]) -> None:
    for number, end in enumerate(ends):
        events = log.partition(system.events_topic, number)
        batches = events.read(0, EVERYTHING)
        fold = new_fold(system.decider)
        codec = system.event_codec(events.config)
        fold.advance(events, [again for batch in batches for again in (batch, batch)], codec)
        fold.advance(events, batches, codec)
        assert digests(system, [fold]) == [end], "events told twice fold to another state"
        cause = decoded(log, system, number)[-1].cause if batches else -1
        assert fold.last_cause == cause, "events told twice lose the place"


def check_decide_changes_nothing(subject: Subject) -> None:
    """`decide` leaves the state as it is and says the same when asked again; the system's stated
    invariant holds between any two commands."""
    system = subject.system
    decider, state_format = system.decider, system.decider.state_format
    wrong: list[str] = []  # what a decider raises, the task takes for a bad command

    def decide(state: Any, command: Any, at: int) -> Sequence[Any]:
        _check_invariant(system, state, wrong)
        before = digest(state_format, state)
        events = list(decider.decide(state, command, at))
        again = list(decider.decide(state, command, at))
        if digest(state_format, state) != before:
            wrong.append(f"decide changed the state on {command}")
        if msgspec.json.encode(events) != msgspec.json.encode(again):
            wrong.append(f"decide gives other events when asked again on {command}")
        return events

    watched = dataclasses.replace(system, decider=dataclasses.replace(decider, decide=decide))
    log = memory_log(system, flow_records(system, SEED, COMMANDS))
    with no_failed_timers():
        for fold in decide_all(log, watched):
            _check_invariant(system, fold.state, wrong)
        assert not wrong, wrong[0]  # before the timers that failed, maybe for that reason
    for number in range(system.partitions):
        dead = list(dead_letters(log, system, number))
        assert not dead, f"the flow has a command that cannot be decided: {dead[0].headers}"


def _check_invariant(system: System, state: Any, wrong: list[str]) -> None:
    try:
        if system.invariant is not None:
            system.invariant(state)
    except AssertionError as error:
        wrong.append(f"the invariant does not hold: {error}")


def check_purity(subject: Subject) -> None:
    """The rules read no clock, random, environment or file, and use no float and no order of sets:
    over the syntax tree of the decider and of what it imports."""
    found = [str(impurity) for impurity in impurities(subject.system)]
    assert not found, "\n".join(found)
