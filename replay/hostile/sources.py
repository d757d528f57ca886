"""Stands in the place of clocks, random numbers, the environment and the like, in one process.

While the rules decide (or are loaded) each gives what the world says, and is noted: what was read,
by which line, at which command. All other code of the process gets what there really is. `install`
comes before the rules are imported, so that what they take by name is ours as well; it cannot be
undone, so the process is for this alone.
"""

import builtins
import ctypes
import datetime
import functools
import gc
import io
import locale
import os
import platform
import random
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import msgspec

from replay.hostile.lines import LineTrace, Place, followed_frames, place_of, text_of
from replay.hostile.worlds import World

READS_MAX = 20_000
ELSEWHERE_PID = 4711
HERE_PID = 1234
COMPILED = Place("(compiled code)", "", 0)

CLOCKS = (
    "time", "monotonic", "perf_counter", "process_time", "thread_time",
)  # fmt: skip
"""Of the module time; each also with `_ns`."""
NOW_BY_DEFAULT = {"localtime": 0, "gmtime": 0, "ctime": 0, "strftime": 1, "asctime": 0}
"""Functions of the module time that take the present where no moment is given; and before how many
arguments it stands."""
OF_RANDOM = (
    "random", "uniform", "triangular", "randint", "choice", "randrange", "sample", "shuffle",
    "choices", "normalvariate", "lognormvariate", "expovariate", "vonmisesvariate",
    "gammavariate", "gauss", "betavariate", "paretovariate", "weibullvariate", "getrandbits",
    "randbytes",
)  # fmt: skip
NOTED: tuple[tuple[Any, str, str], ...] = (
    (os, "getcwd", "working folder"),
    (os, "listdir", "working folder"),
    (os, "getlogin", "environment"),
    (os, "uname", "environment"),
    (os, "cpu_count", "environment"),
    (platform, "node", "environment"),
    (uuid, "uuid1", "nothing"),
    (uuid, "getnode", "nothing"),
    (locale, "localeconv", "locale"),
    (locale, "getlocale", "locale"),
    (locale, "setlocale", "locale"),
    (locale, "getpreferredencoding", "locale"),
    (socket, "getaddrinfo", "nothing"),
    (socket, "create_connection", "nothing"),
    (time, "mktime", "clock"),
)
"""What gives what there is, and is only noted: where, its name, and the kind of its source."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A source that the rules read."""

    source: str
    """`time.time`, `os.environ['HOME']`."""
    kind: str
    value: str
    command_offset: int | None
    """None: as the rules were loaded."""
    by: tuple[Place, ...]
    """The line that read it, then who called that function."""


class Watch:
    """What the sources go by: whether the rules run, and for which command."""

    def __init__(self) -> None:
        self.command_offset: int | None = None
        self.reads: list[Read] = []
        self.trace: LineTrace | None = None
        """While a command is traced."""
        self._runs = False
        self._thread = threading.get_ident()

    @contextmanager
    def rules_run(self) -> Iterator[None]:
        before, self._runs = self._runs, True
        try:
            yield
        finally:
            self._runs = before

    def around(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """The rule, watched while it runs."""

        def watched(*arguments: Any) -> Any:
            before, self._runs = self._runs, True
            try:
                return rule(*arguments)
            finally:
                self._runs = before

        return watched

    @property
    def is_on(self) -> bool:
        return self._runs and threading.get_ident() == self._thread

    def note(self, source: str, kind: str, value: Any) -> None:
        """Called by what stands in a source's place."""
        caller = sys._getframe(2)
        before, self._runs = self._runs, False  # what follows is not the rules'
        try:
            self._note(source, kind, text_of(value), caller)
        finally:
            self._runs = before

    def _note(self, source: str, kind: str, text: str, caller: FrameType) -> None:
        by = tuple(place_of(frame) for frame in followed_frames(caller))
        if not by:
            if self.command_offset is None:
                return  # a library of the core, as it is loaded
            by = (COMPILED,)
        if len(self.reads) < READS_MAX:
            self.reads.append(
                Read(
                    source=source,
                    kind=kind,
                    value=text,
                    command_offset=self.command_offset,
                    by=by,
                )
            )
        if self.trace is not None:
            self.trace.read(source, text, by)


Instead = Callable[..., Any]


def install(watch: Watch, world: World) -> None:
    """Put the world's sources in the place of this process's."""

    def put(owner: Any, name: str, kind: str, instead: Instead | None = None) -> None:
        original = getattr(owner, name)
        give = instead or original
        source = f"{getattr(owner, '__name__', owner)}.{name}"

        @functools.wraps(original)
        def watched(*arguments: Any, **named: Any) -> Any:
            if not watch.is_on:
                return original(*arguments, **named)
            value = give(*arguments, **named)
            watch.note(source, kind, value)
            return value

        setattr(owner, name, watched)

    for owner, name, kind in NOTED:
        put(owner, name, kind)
    _install_clocks(put, watch, world)
    _install_random(put, watch, world)
    _install_environment(put, watch, world)
    _install_files(watch)


Put = Callable[..., None]


def _install_clocks(put: Put, watch: Watch, world: World) -> None:
    looks = 0

    def now_ns(*clock: int) -> int:
        nonlocal looks
        looks += 1
        return world.clock_ns + looks * world.clock_step_ns

    def now_s(*clock: int) -> float:
        return now_ns() / 1e9

    for name in (*CLOCKS, "clock_gettime"):
        put(time, name, "clock", now_s)
        put(time, f"{name}_ns", "clock", now_ns)
    for name, before in NOW_BY_DEFAULT.items():
        original = getattr(time, name)
        moment = time.localtime if name in ("strftime", "asctime") else None

        def instead(
            *arguments: Any,
            original: Instead = original,
            moment: Instead | None = moment,
            before: int = before,
        ) -> Any:
            if len(arguments) <= before:
                arguments += (now_s() if moment is None else moment(now_s()),)
            return original(*arguments)

        put(time, name, "clock", instead)
    _install_datetime(watch, now_s)


def _install_datetime(watch: Watch, now_s: Callable[[], float]) -> None:
    """`now` and `utcnow` of the type itself: it is written in C, and others hold it by identity.
    `today` asks time.time."""
    kind = datetime.datetime
    originals = kind.now, kind.utcnow

    def now(cls: Any, tz: datetime.tzinfo | None = None) -> Any:
        if not watch.is_on:
            return originals[0](tz)
        value = cls.fromtimestamp(now_s(), tz)
        watch.note("datetime.now", "clock", value.isoformat())
        return value

    def utcnow(cls: Any) -> Any:
        if not watch.is_on:
            return originals[1]()
        value = cls.fromtimestamp(now_s(), datetime.UTC).replace(tzinfo=None)
        watch.note("datetime.utcnow", "clock", value.isoformat())
        return value

    (methods,) = gc.get_referents(vars(kind))  # what the read-only view is of
    methods["now"], methods["utcnow"] = classmethod(now), classmethod(utcnow)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _install_random(put: Put, watch: Watch, world: World) -> None:
    drawn = random.Random(world.random_seed)
    seeds = random.Random(world.random_seed)
    chance = random.Random(world.random_seed)
    original_seed = random.Random.seed

    def chance_bytes(count: int, flags: int = 0) -> bytes:
        return chance.randbytes(count)

    def seed(generator: Any, a: Any = None, version: int = 2) -> None:
        if a is None and watch.is_on:
            a = seeds.getrandbits(64)
            watch.note("random.Random", "random", a)
        original_seed(generator, a, version)

    for name in OF_RANDOM:
        put(random, name, "random", getattr(drawn, name))
    put(os, "urandom", "random", chance_bytes)
    put(os, "getrandom", "random", chance_bytes)
    put(random, "_urandom", "random", chance_bytes)  # of SystemRandom, and so of secrets
    setattr(random.Random, "seed", seed)  # noqa: B010 (mypy: its signature is another)

    def seed_drawn(*arguments: Any, **named: Any) -> None:
        if watch.is_on:
            drawn.seed(*arguments, **named)
        else:
            random._inst.seed(*arguments, **named)

    random.seed = seed_drawn


def _install_environment(put: Put, watch: Watch, world: World) -> None:
    variables: Any = type(os.environ)
    original = variables.__getitem__

    def getitem(environment: Any, name: Any) -> Any:
        if not watch.is_on or not isinstance(name, str):
            return original(environment, name)
        value = None
        try:
            value = original(environment, name)
        except KeyError:
            if not world.is_elsewhere:
                raise
        finally:
            if world.is_elsewhere:
                value = f"{value or ''}1"
            watch.note(f"os.environ[{name!r}]", "environment", value)
        return value

    variables.__getitem__ = getitem
    number, host = (ELSEWHERE_PID, "elsewhere") if world.is_elsewhere else (HERE_PID, "here")
    put(os, "getpid", "environment", lambda: number)
    put(os, "getppid", "environment", lambda: number - 1)
    put(socket, "gethostname", "environment", lambda: host)


def _install_files(watch: Watch) -> None:
    original = builtins.open

    @functools.wraps(original)
    def opened(file: Any, *arguments: Any, **named: Any) -> Any:
        if watch.is_on:
            where = file if isinstance(file, int) else os.path.abspath(os.fspath(file))
            watch.note("open", "working folder", where)
        return original(file, *arguments, **named)

    builtins.open = opened
    io.open = opened
