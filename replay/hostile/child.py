"""The process of one world: decides a recorded partition there, and tells how it came out.

A `Request` comes in on stdin; on stdout go lines of JSON, progress first and an `Answer` last.
What the rules print goes to stderr.
"""

import bisect
import hashlib
import locale
import os
import pickle
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from log.errors import LogError
from log.record import Batch
from processors.core.decider import Decider, digest
from processors.core.system import System
from processors.core.task import TaskFailed
from replay.hostile.lines import Entry, LineTrace, text_of
from replay.hostile.sources import Read, Watch, install
from replay.hostile.worlds import World
from replay.recorded import quiet_dead_letters
from replay.verify import Verification, Verifier
from replay.verify_parallel import Part, Source

DIGEST_VALUES_MAX = 10**9
SCATTERED_PER_SIZE = 200
SCATTERED_FIELDS = 24
STIRRED_EACH = 500
STIRRED_PER_SIZE = 8
REFILLED = 0.5


@dataclass(frozen=True)
class Request:
    """What to run, and what to look at."""

    source: Source
    part: Part
    world: World
    since: int = 0
    until: int | None = None
    """The last command to decide; None: all that were."""
    digests_after: Sequence[int] = ()
    """The commands after which to take a digest of the state, in order."""
    trace: range = range(0)
    """The commands to trace."""


class Answer(msgspec.Struct, kw_only=True, tag=True):
    """How it came out."""

    verification: Verification | None = None
    """None where the rules failed, or where the run was to end earlier."""
    failure: str = ""
    """What the rules raised: as they were loaded, or in `evolve`."""
    failed_at: int | None = None
    """The command at which they did."""
    error: str = ""
    """What else went wrong: the run says nothing of the rules."""
    digest: str = ""
    """Of the state at the end, where all was the same."""
    digests: dict[int, str] = {}
    """By the command that they are of the state after: dicts in their order."""
    reads: list[Read] = []
    entries: list[Entry] = []


class Progress(msgspec.Struct, tag=True):
    done: int
    total: int


class _Enough(BaseException):
    """The last command that was asked for is decided."""


class _Run:
    """One run over the partition."""

    def __init__(self, request: Request, watch: Watch) -> None:
        self.request = request
        self.watch = watch
        self.state: Any = None
        self.digests: dict[int, str] = {}
        self.trace = LineTrace()
        self.scatter: _Scatter | None = None
        self._due = list(request.digests_after)
        self._offsets: list[int] = []
        self._next = 0

    def prepare(self, system: System) -> System:
        """The system, with its rules watched."""
        around, decider = self.watch.around, system.decider
        evolve = around(decider.evolve)

        def evolve_and_keep(state: Any, event: Any) -> Any:
            self.state = evolve(state, event)
            return self.state

        next_due = decider.next_due
        watched: Decider[Any] = replace(
            decider,
            initial=around(decider.initial),
            decide=around(decider.decide),
            evolve=evolve_and_keep,
            next_due=None if next_due is None else around(next_due),
        )
        return replace(system, decider=watched)

    def attach(self, verifier: Verifier) -> None:
        """See which command is decided: as it is decoded."""
        commands, codec, task = (
            verifier.replay.commands,
            verifier.task.command_codec,
            verifier.task,
        )
        read, decode = commands.read, self.watch.around(codec.decode)

        def read_and_note(offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
            batches = read(offset, max_bytes)
            self._offsets = [record.offset for batch in batches for record in batch]
            self._next, self.state = 0, task.fold.state
            return batches

        def note_and_decode(value: bytes) -> Any:
            self._begin(self._offsets[self._next])
            self._next += 1
            return decode(value)

        commands.read = read_and_note  # type: ignore[method-assign]
        codec.decode = note_and_decode

    def _begin(self, offset: int) -> None:
        """The command at an offset is decided from here on."""
        request, watch = self.request, self.watch
        if watch.trace is not None:
            self.end_trace()
        self.take_digests(bisect.bisect_left(self._due, offset))
        if request.until is not None and offset > request.until:
            raise _Enough
        if self.scatter is not None:
            self.scatter.stir()
        watch.command_offset = offset
        if offset in request.trace:
            watch.trace = self.trace
            self.trace.start()

    def end_trace(self) -> None:
        self.trace.stop()
        self.watch.trace = None

    def take_digests(self, count: int) -> None:
        """Of the state as it is: after the first so many of the commands that are due."""
        if not count:
            return
        text = text_of(self.state, DIGEST_VALUES_MAX)
        hashed = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
        self.digests.update(dict.fromkeys(self._due[:count], hashed))
        del self._due[:count]


def answer(request: Request, send: Any) -> Answer:
    """Run. Errors of the rules are in the answer."""
    world, watch = request.world, Watch()
    if world.has_locale:
        locale.setlocale(locale.LC_ALL, "")
    install(watch, world)
    run = _Run(request, watch)
    name, number = request.part
    with request.source() as recorded, quiet_dead_letters():
        try:
            with watch.rules_run():
                system = run.prepare(recorded.find(name))
        except Exception as error:
            return Answer(failure=f"as it was loaded: {error!r}", reads=watch.reads)
        snapshots = recorded.snapshots(system, number) if recorded.snapshots else None
        run.scatter = _Scatter() if world.is_scattered else None
        verifier = Verifier(recorded.log, system, number)
        run.attach(verifier)
        if world.has_other_folder:
            os.chdir(tempfile.gettempdir())
        found = Answer()
        try:
            found.verification = verifier.run(request.since, snapshots, send)
        except _Enough:
            pass
        except TaskFailed as error:
            found.failure, found.failed_at = repr(error.__cause__), watch.command_offset
        finally:
            run.end_trace()
        run.take_digests(len(request.digests_after))
        if found.verification is not None and found.verification.difference is None:
            found.digest = digest(system.decider.state_format, verifier.task.fold.state)
    found.digests, found.reads, found.entries = run.digests, watch.reads, run.trace.entries
    return found


class _Scatter:
    """Keeps many small objects, and lets some go now and then: so the next ones come to lie in no
    order. msgspec keeps freed structs for itself, by their size, and Python tuples."""

    def __init__(self) -> None:
        self._draw = random.Random(1)
        self._makers: list[Callable[[], Any]] = [partial(bytes, 16 * size) for size in range(16)]
        for fields in range(SCATTERED_FIELDS):
            values = [None] * fields
            for tracked in (True, False):
                names = [f"field_{number}" for number in range(fields)]
                filler = msgspec.defstruct("Filler", names, gc=tracked)
                self._makers.append(partial(filler, *values))
            self._makers.append(partial(tuple, values))
        self._kept = [[make() for _ in range(SCATTERED_PER_SIZE)] for make in self._makers]
        self._stirred = 0

    def stir(self) -> None:
        """As a command begins: each of the first ones, then few."""
        self._stirred += 1
        if self._stirred > STIRRED_EACH and self._stirred % STIRRED_EACH:
            return
        draw = self._draw.random
        for make, kept in zip(self._makers, self._kept, strict=True):
            for _ in range(STIRRED_PER_SIZE):
                at = int(draw() * SCATTERED_PER_SIZE)
                kept[at] = None
            for at, held in enumerate(kept):
                if held is None and draw() < REFILLED:
                    kept[at] = make()


def main() -> None:
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    encode = msgspec.json.Encoder().encode

    def send(done: int, total: int) -> None:
        out.write(encode(Progress(done, total)) + b"\n")
        out.flush()

    request: Request = pickle.load(sys.stdin.buffer)
    try:
        told = answer(request, send)
    except (LogError, OSError) as error:
        told = Answer(error=f"{type(error).__name__}: {error}")
    with suppress(BrokenPipeError):
        out.write(encode(told) + b"\n")
        out.flush()
