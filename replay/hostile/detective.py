"""Runs recorded commands in the plain world and in hostile ones, and names the line that differs.

Where a world comes out otherwise, the first command is found after which the two states differ, or
at which the events do, by digests of the state at ever closer places; then the deciding of that
command is traced in both worlds. Told is the first source that gave another value, where the kind
of the world has such sources; else the line after which the two traces part.
"""

import linecache
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from replay.hostile import child
from replay.hostile.child import Answer, Request
from replay.hostile.lines import ENTRIES_MAX, Place, parting
from replay.hostile.sources import COMPILED, Read
from replay.hostile.worlds import KINDS, PLAIN, World, other_worlds
from replay.state import Progress
from replay.verify import Difference
from replay.verify_parallel import Part, Source

DIGESTS_A_ROUND = 16
TRACED_COMMANDS = 32
"""Where the traces of one command are the same."""
KINDS_OF_SOURCES = {
    "time zone": {"clock"},
    "locale": {"locale", "clock"},
    "clock": {"clock"},
    "random": {"random"},
    "environment": {"environment"},
    "working folder": {"working folder"},
}
"""Of each kind of world, the kinds of sources that give other values there. Of any kind do those
in the plain world, run again; a restart has none, and a hash seed none that is a call."""

CHILD = f"from {child.__name__} import main; main()"


class RunFailed(Exception):
    """A run ended without an answer; the message says in which world, and why."""


class WorldRun(msgspec.Struct, frozen=True, kw_only=True):
    """How one world came out."""

    world: str
    kind: str
    same: bool
    """As the plain run; of the plain run itself: as recorded."""
    difference: Difference | None = None
    """To what is recorded."""
    failure: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What made one world come out otherwise."""

    kind: str
    """hash seed, time zone, locale, clock, random, environment, working folder, memory, restart;
    nothing: two plain runs differ."""
    world: str
    source: str = ""
    """What was read, as `time.time`; empty where it is no call that can be watched."""
    function: str = ""
    """Empty: no line was found that differs; `note` says more."""
    file: str = ""
    line: int = 0
    text: str = ""
    """The line itself."""
    by: list[Place] = []
    """Who called that function, the nearest first."""
    command_offset: int | None
    """The command during which the line ran; None: it ran as the rules were loaded."""
    plain: str = ""
    other: str = ""
    """What each side has."""
    differs_at: int | None = None
    """The first command whose events differ; None: only the state does."""
    note: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One partition, under hostile conditions."""

    system: str
    partition: int
    commands: int
    """Decided in each world; in the one of a restart, half of them."""
    runs: list[WorldRun]
    """The plain one first."""
    findings: list[Finding]
    left_out: list[str]
    """Worlds that could not be made here, and why."""

    @property
    def same(self) -> bool:
        return all(run.same for run in self.runs)


def examine(
    source: Source,
    part: Part,
    *,
    since: int = 0,
    kinds: Collection[str] = KINDS,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Decide a partition in every world (of some kinds), from the command `since` on, `processes`
    at once.

    `source` must hold places that mean the same in another working folder. `progress` gets the
    events of all worlds together. Errors: RunFailed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="refold-hostile-") as folder,
        _Runner(source, part, processes or os.cpu_count() or 1) as runner,
    ):
        runner.follow(progress, 1)
        first = Request(source, part, PLAIN, since)
        (plain,) = runner.run([first])
        if plain.verification is not None and not plain.verification.commands_compared:
            kinds = ()  # nothing was decided
        others, left_out = other_worlds(Path(folder), kinds)
        runner.follow(progress, 1 + len(others))
        middle = _middle(plain, since)
        if middle == since and any(world.restarts for world in others):
            others = [world for world in others if not world.restarts]
            left_out.append("restart: the history to compare is too short")
        requests = [
            Request(source, part, world, middle if world.restarts else since) for world in others
        ]
        answers = runner.run(requests)
        runner.follow(None, 0)
        runs = [_run_of(PLAIN, plain, _is_as_recorded(plain))]
        guilty: dict[str, tuple[Request, Answer]] = {}
        for request, answer in zip(requests, answers, strict=True):
            same = _outcome(answer) == _outcome(plain)
            runs.append(_run_of(request.world, answer, same))
            if not same:
                guilty.setdefault(request.world.kind, (request, answer))
        if PLAIN.kind in guilty:  # then every world differs, and not by what is its own
            guilty = {PLAIN.kind: guilty[PLAIN.kind]}
        findings = [
            _Case(runner, (first, request), (plain, answer)).finding()
            for request, answer in guilty.values()
        ]
    return Report(
        system=part[0],
        partition=part[1],
        commands=plain.verification.commands_compared if plain.verification else 0,
        runs=runs,
        findings=findings,
        left_out=left_out,
    )


def _middle(plain: Answer, since: int) -> int:
    """Where a restart is to be: half way to the end, or to the first difference."""
    verification = plain.verification
    if verification is None:
        return (since + (plain.failed_at or since)) // 2
    begin = max(since, verification.commands_before)
    end = begin + verification.commands_compared
    if verification.difference is not None:
        end = verification.difference.command_offset
    return max((begin + end) // 2, since)


def _outcome(answer: Answer) -> tuple[Any, ...]:
    difference = answer.verification.difference if answer.verification else None
    return difference, answer.failure, answer.failed_at, answer.digest


def _is_as_recorded(plain: Answer) -> bool:
    return plain.verification is not None and plain.verification.difference is None


def _run_of(world: World, answer: Answer, same: bool) -> WorldRun:
    difference = answer.verification.difference if answer.verification else None
    return WorldRun(
        world=world.name,
        kind=world.kind,
        same=same,
        difference=difference,
        failure=answer.failure,
    )


class _Case:
    """The plain run, and that of a world that came out otherwise."""

    def __init__(
        self, runner: "_Runner", pair: tuple[Request, Request], answers: tuple[Answer, Answer]
    ) -> None:
        self.runner = runner
        self.world = pair[1].world
        self.pair = pair
        self.answers = answers
        places = [place for each in self.answers if (place := _differs_at(each)) is not None]
        self.differs_at = min(places, default=None)

    def finding(self) -> Finding:
        if any(each.failure and each.failed_at is None for each in self.answers):
            return self._as_loaded()
        offset = self._first_command()
        found = Finding(
            kind=self.world.kind,
            world=self.world.name,
            command_offset=offset,
            differs_at=self.differs_at,
            note="all lines of this command ran alike: the source is in compiled code, or the "
            f"command has more than {ENTRIES_MAX:,} steps",
        )
        for commands in (1, TRACED_COMMANDS):  # tracing, too, moves things in memory
            traced = self.runner.run(
                [
                    _again(
                        request,
                        until=offset + commands - 1,
                        trace=range(offset, offset + commands),
                    )
                    for request in self.pair
                ]
            )
            if (reads := self._first_reads(traced, offset)) is not None:
                return self._of_reads(*reads)
            plain, other = (answer.entries for answer in traced)
            if (parted := parting(plain, other)) is not None:
                entry, *texts = parted
                return self._found((entry.cause, *entry.by), "", offset, *texts)
        return found

    def _first_command(self) -> int:
        """The first after which the states differ; else the first whose events do."""
        begin = max(request.since for request in self.pair)
        last = self.differs_at
        if last is None:
            verification = self.answers[0].verification
            assert verification is not None
            last = verification.commands_before + verification.commands_compared - 1
        same, differs = begin - 1, last
        while differs - same > 1:
            step = max((differs - same) // DIGESTS_A_ROUND, 1)
            places = list(range(same + step, differs, step))
            one, other = (
                answer.digests
                for answer in self.runner.run(
                    [_again(each, until=differs, digests_after=places) for each in self.pair]
                )
            )
            found = next((place for place in places if one.get(place) != other.get(place)), None)
            if found is None:
                same = places[-1]
                if step == 1:
                    break
            else:
                differs = found
                same = max((place for place in places if place < found), default=same)
        return differs

    def _first_reads(self, traced: Sequence[Answer], until: int) -> tuple[Read, Read] | None:
        """The first source of the world's kind that gave another value."""
        kinds = KINDS_OF_SOURCES.get(self.world.kind)
        if kinds is None and self.world.kind != PLAIN.kind:
            return None
        one, other = (
            [
                read
                for read in answer.reads
                if (kinds is None or read.kind in kinds) and (read.command_offset or 0) <= until
            ]
            for answer in traced
        )
        pairs = zip(one, other, strict=False)
        return next((pair for pair in pairs if pair[0] != pair[1]), None)

    def _of_reads(self, plain: Read, other: Read) -> Finding:
        return self._found(plain.by, plain.source, plain.command_offset, plain.value, other.value)

    def _as_loaded(self) -> Finding:
        plain, other = (each.failure for each in self.answers)
        return Finding(
            kind=self.world.kind,
            world=self.world.name,
            command_offset=None,
            plain=plain,
            other=other,
            note="the rules cannot be loaded in one of the worlds",
        )

    def _found(
        self, by: Sequence[Place], source: str, offset: int | None, plain: str, other: str
    ) -> Finding:
        place = by[0]
        return Finding(
            kind=self.world.kind,
            world=self.world.name,
            source=source,
            function=place.function,
            file=place.file,
            line=place.line,
            text=linecache.getline(place.file, place.line).strip(),
            by=list(by[1:]),
            command_offset=offset,
            plain=plain,
            other=other,
            differs_at=self.differs_at,
            note="the rules are compiled: run them as Python to see the line"
            if place == COMPILED
            else "",
        )


def _differs_at(answer: Answer) -> int | None:
    if answer.verification is not None and answer.verification.difference is not None:
        return answer.verification.difference.command_offset
    return answer.failed_at


def _again(request: Request, **more: Any) -> Request:
    return Request(request.source, request.part, request.world, request.since, **more)


class _Runner:
    """Runs requests, each in a process of its own, so many at once; within a `with`."""

    def __init__(self, source: Source, part: Part, processes: int) -> None:
        self._pool = ThreadPoolExecutor(processes)
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._progress: Progress | None = None
        self._done: dict[str, int] = {}
        self._runs = 0

    def __enter__(self) -> "_Runner":
        return self

    def __exit__(self, *failure: object) -> None:
        with self._lock:
            self._ended = True
            for process in self._processes:
                process.kill()  # it writes nothing
        self._pool.shutdown(cancel_futures=True)

    def follow(self, progress: Progress | None, runs: int) -> None:
        """Tell the progress of so many runs together."""
        self._progress, self._runs = progress, runs

    def run(self, requests: Sequence[Request]) -> list[Answer]:
        """Their answers, in the order of the requests."""
        return list(self._pool.map(self._run, requests))

    def _run(self, request: Request) -> Answer:
        with tempfile.TemporaryFile() as said:
            process = self._start(request.world, said)
            try:
                answer = self._talk(process, request)
            except BrokenPipeError:
                answer = None
            finally:
                process.wait()
                with self._lock:
                    self._processes.discard(process)
            if answer is not None and not answer.error:
                return answer
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
        why = (
            answer.error
            if answer
            else f"it ended with {process.returncode}, and said "
            + (lines[-1] if lines else "nothing")
        )
        name, number = request.part
        raise RunFailed(f"partition {number} of {name}, world {request.world.name!r}: {why}")

    def _start(self, world: World, said: Any) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(os.path.abspath(each) for each in sys.path)
        environment = {**os.environ, "PYTHONPATH": path, **world.environment}
        with self._lock:
            if self._ended:
                raise RunFailed("ended")
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                process_group=0,  # Ctrl-C is this process's, which ends them
            )
            self._processes.add(process)
        return process

    def _talk(self, process: subprocess.Popen[bytes], request: Request) -> Answer | None:
        decode = msgspec.json.Decoder(child.Progress | Answer).decode
        assert process.stdin is not None and process.stdout is not None
        with process.stdin, process.stdout:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            process.stdin.close()
            for line in process.stdout:
                told = decode(line)
                if isinstance(told, Answer):
                    return told
                self._tell(request.world.name, told.done, told.total)
        return None

    def _tell(self, world: str, done: int, total: int) -> None:
        with self._lock:
            self._done[world] = done
            if self._progress is not None:
                self._progress(sum(self._done.values()), total * self._runs)
