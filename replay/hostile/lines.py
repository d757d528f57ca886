"""Which lines ran while a command was decided, with what values; and where two such traces part.

A tracer takes in the frames of the rules and of what they call, but for the standard library and
the core; entries come out, plain texts that two processes can compare. Values are told by what is
in them and never by where they are in memory: a set has no order here, a dict has.
"""

import enum
import functools
import sys
import sysconfig
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import msgspec

import log
import processors.core
import replay

ENTRIES_MAX = 50_000
VALUES_MAX = 300
"""Of one local variable, so many values are looked at: it may be the state."""
DEPTH_MAX = 60
TEXT_MAX = 300
INNER = (".<locals>.<listcomp>", ".<locals>.<genexpr>", ".<locals>.<dictcomp>",
         ".<locals>.<setcomp>", ".<locals>.<lambda>")  # fmt: skip


class Place(msgspec.Struct, frozen=True):
    """A line of a function."""

    function: str
    file: str
    line: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a trace."""

    event: str
    """call, line, return or exception; or the source that was read."""
    at: Place
    cause: Place
    """What ran just before: where the values come from."""
    by: tuple[Place, ...] = ()
    """Who called the function of `cause`, the nearest first. Only of what can be a finding."""
    values: dict[str, str]
    """Variables that are new or differ since the function's last line, as text."""


@functools.cache
def is_followed(file: str) -> bool:
    """Whether a source file is of the rules, or of a library that they use."""
    if file.startswith("<"):
        return False
    if "site-packages" in file or "dist-packages" in file:
        return True
    return not file.startswith(_own_and_standard())


@functools.cache
def _own_and_standard() -> tuple[str, ...]:
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    own = {path for package in (log, processors.core, replay) for path in package.__path__}
    own |= {str(Path(path).parent / "gateway") for path in replay.__path__}
    return tuple(f"{Path(path)}/" for path in standard | own)


def place_of(frame: FrameType) -> Place:
    code = frame.f_code
    return Place(function_name(code.co_qualname), code.co_filename, frame.f_lineno)


def function_name(qualname: str) -> str:
    """Of the function that a comprehension or a lambda stands in."""
    while (inner := next(filter(qualname.endswith, INNER), None)) is not None:
        qualname = qualname.removesuffix(inner)
    return qualname


def followed_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """From a frame outwards, those that are followed."""
    while frame is not None:
        if is_followed(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


class LineTrace:
    """Traces this thread between `start` and `stop`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._frames: dict[FrameType, tuple[Place, dict[str, str]]] = {}
        """Of each that runs: its last line, and its variables as they were there."""

    def start(self) -> None:
        sys.settrace(self._called)

    def stop(self) -> None:
        sys.settrace(None)

    def read(self, source: str, value: str, by: Sequence[Place]) -> None:
        """A source was read, by the first of these."""
        self._add(Entry(event=source, at=by[0], cause=by[0], by=tuple(by[1:]), values={"": value}))

    def _add(self, entry: Entry) -> None:
        if len(self.entries) < ENTRIES_MAX:
            self.entries.append(entry)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        # Whoever hashes for a dict goes by no order.
        if not is_followed(code.co_filename) or code.co_name == "__hash__":
            return None
        caller = next(followed_frames(frame.f_back), None)
        cause = place_of(frame if caller is None else caller)
        self._note("call", frame, cause)
        return self._ran

    def _ran(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            before, _ = self._frames.get(frame, (place_of(frame), {}))
            self._note("line", frame, before)
        elif event == "return":
            self._note("return", frame, place_of(frame), {"returns": text_of(argument)})
            self._frames.pop(frame, None)
        elif event == "exception":
            kind, error, _ = argument
            text = f"{kind.__name__}: {error}"
            self._note("exception", frame, place_of(frame), {"raises": text[:TEXT_MAX]})
        return self._ran

    def _note(
        self, event: str, frame: FrameType, cause: Place, values: dict[str, str] | None = None
    ) -> None:
        if len(self.entries) >= ENTRIES_MAX:
            return
        at = place_of(frame)
        if values is None:
            _, before = self._frames.get(frame, (at, {}))
            now = {name: text_of(value) for name, value in frame.f_locals.items()}
            values = {name: text for name, text in now.items() if before.get(name) != text}
            self._frames[frame] = at, now
        first = frame.f_back if event == "call" else frame
        by = tuple(place_of(each) for each in followed_frames(first))[1:]
        self._add(Entry(event=event, at=at, cause=cause, by=by, values=values))


def parting(one: Sequence[Entry], other: Sequence[Entry]) -> tuple[Entry, str, str] | None:
    """Where two traces part: the first entry that differs, and what each side has there."""
    for left, right in zip(one, other, strict=False):
        if left == right:
            continue
        if (left.event, left.at) != (right.event, right.at):
            return left, _went(left), _went(right)
        for name in {**left.values, **right.values}:
            texts = left.values.get(name, "unchanged"), right.values.get(name, "unchanged")
            if texts[0] != texts[1]:
                prefix = f"{name} " if name in ("returns", "raises") else f"{name} = "
                before = prefix if name else ""
                return left, before + texts[0], before + texts[1]
        return left, _went(left), _went(right)
    if len(one) == len(other):
        return None
    longer = max(one, other, key=len)
    entry = longer[min(len(one), len(other))]
    texts = (_went(entry), "ended") if longer is one else ("ended", _went(entry))
    return entry, *texts


def _went(entry: Entry) -> str:
    return f"{entry.event} at line {entry.at.line} of {entry.at.function}"


def text_of(value: Any, values_max: int = VALUES_MAX) -> str:
    """A value by what is in it: the same text for equal values in every process."""
    return _Describer(values_max).text(value, 0)


class _Describer:
    def __init__(self, values_max: int) -> None:
        self._left = values_max

    def text(self, value: Any, depth: int) -> str:
        self._left -= 1
        if self._left < 0 or depth > DEPTH_MAX:
            return "..."
        match value:
            case None | bool() | int() | float() | complex() | enum.Enum():
                return repr(value)
            case str() | bytes():
                return repr(value)
            case Mapping():
                items = value.items()
                inner = [
                    f"{self.text(key, depth + 1)}: {self.text(each, depth + 1)}"
                    for key, each in self._some(items)
                ]
                return f"{{{', '.join(inner)}}}"
            case set() | frozenset():
                # All of them: which are the first ones differs. Each has what is left for itself.
                left = max(self._left, 1)
                texts = sorted(_Describer(left).text(each, depth + 1) for each in value)
                self._left -= len(texts)
                return f"{{{', '.join(texts)}}}"
            case list() | tuple() | deque():
                inner = [self.text(each, depth + 1) for each in self._some(value)]
                return f"{type(value).__name__}({', '.join(inner)})"
        return self._of_object(value, depth)

    def _some(self, values: Any) -> Iterator[Any]:
        for each in values:
            yield each
            if self._left < 0:
                return

    def _of_object(self, value: Any, depth: int) -> str:
        kind = type(value)
        if isinstance(value, type | FunctionType | MethodType | ModuleType):
            name: str = getattr(value, "__qualname__", value.__name__)
            return name
        inner = [
            f"{name}={self.text(each, depth + 1)}" for name, each in self._some(_fields(value))
        ]
        return f"{kind.__name__}({', '.join(inner)})"


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that an object keeps; none of an object of C's that does not tell."""
    if isinstance(value, msgspec.Struct):
        names: Sequence[str] = value.__struct_fields__
    else:
        slots = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
        names = [
            name
            for declared in slots
            for name in ((declared,) if isinstance(declared, str) else declared)
            if not name.startswith("__")
        ]
        yield from getattr(value, "__dict__", {}).items()
    for name in names:
        try:
            yield name, getattr(value, name)
        except AttributeError:
            continue
