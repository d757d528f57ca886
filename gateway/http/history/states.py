"""`GET .../history/partitions/<n>/state`: the state at a place, a part of it at a time.

A state is a tree: a list of rows, as its system writes it down, with objects and lists in them.
`path` is a JSON pointer into it; the answer has what stands there, a page of it, and of what is
large only how many there are, to be asked for by its own path.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from litestar import Response, get

from gateway.http.guard.authorization import needs
from gateway.http.history.answered import PARTITION, Http, arguments, encode, found, json
from gateway.http.history.past import Past
from gateway.http.history.places import place_in, whole_number
from gateway.http.problems import problem
from gateway.http.service import service_of
from processors.core.system import System
from replay.differences import plain
from replay.row_names import tag_of
from replay.state import Progress
from replay.stepping import Stepper

PAGE = 100
PAGE_MAX = 1000
WHOLE_BYTES = 2000
"""What is longer is told by its size."""
TEXT_LENGTH_MAX = 10_000


class StatePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the things at a path: itself, or how many it holds, where it is large."""

    name: str
    """The number of a row or an item, the name of a field."""
    path: str
    """To ask for it."""
    value: Any = msgspec.UNSET
    kind: str = ""
    """Of a row: its type. Of what is large: `object`, `list` or `text`."""
    count: int | None = None
    """How many fields, items or characters it holds, where it is not here."""


class StatePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what stands at a path of a state."""

    command_offset: int
    at_ms: int
    path: str
    count: int
    """Of all that stands there (of one kind, where one was asked for)."""
    begin: int
    """How many come before the first one here."""
    kinds: dict[str, int]
    """Of the whole state: how many rows there are of each type."""
    parts: list[StatePart]


@get(PARTITION + "/state", opt=needs("read"))
async def state(request: Http, family: str, system: str, partition: int) -> Response[bytes]:
    """The state `at` a place: what stands at `path`, `limit` of it after `begin`."""
    served = found(request, family, system, partition)
    given = arguments(request, ("at", "path", "kind", "begin", "limit"))
    at = place_in(given.get("at", ""))
    names = _names_in(given.get("path", ""))
    begin = whole_number(given, "begin", 0)
    limit = whole_number(given, "limit", PAGE, 1, PAGE_MAX)

    def look(stepper: Stepper, progress: Progress) -> StatePage:
        fold = stepper.fold_at(at, progress)
        rows = _Rows(served.system, fold.state, given.get("kind", ""))
        parts = rows.page(begin, limit) if not names else _page(rows, names, begin, limit)
        return StatePage(
            command_offset=fold.last_cause,
            at_ms=fold.at,
            path=given.get("path", ""),
            count=rows.count,
            begin=begin,
            kinds=rows.kinds,
            parts=parts,
        )

    past = service_of(request).part(Past)
    return json(await past.look(request, served, partition, look))


class _Rows:
    """The rows of a state, gone over once; those that are asked for are kept."""

    def __init__(self, system: System, state: Any, kind: str) -> None:
        self._rows: Iterable[Any] = system.decider.state_format.to_rows(state)
        self._kind = kind
        self.kinds: dict[str, int] = {}
        self.count = 0

    def page(self, begin: int, limit: int) -> list[StatePart]:
        chosen = self._chosen()
        shown = [
            _part_of(
                str(number),
                f"/{number}",
                plain(row),
                tag_of(type(row)),
            )
            for number, row in islice(chosen, begin, begin + limit)
        ]
        for _ in chosen:
            pass  # to count them
        return shown

    def row(self, name: str) -> Any:
        """One row, in JSON's types. Errors: ProblemFound (404)."""
        wanted = int(name) if name.isascii() and name.isdecimal() and len(name) < 19 else -1
        found: list[Any] = []
        for number, row in self._chosen():
            if number == wanted:
                found.append(plain(row))
        if not found:
            raise _nothing_at(name)
        return found[0]

    def _chosen(self) -> Iterator[tuple[int, Any]]:
        for number, row in enumerate(self._rows):
            kind = tag_of(type(row))
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if self._kind in ("", kind):
                self.count += 1
                yield number, row


def _page(rows: _Rows, names: list[str], begin: int, limit: int) -> list[StatePart]:
    """What stands within a row."""
    value = rows.row(names[0])
    for name in names[1:]:
        value = _within(value, name)
    path = "".join(f"/{_escaped(name)}" for name in names)
    if isinstance(value, dict):
        inner: list[tuple[str, Any]] = list(islice(value.items(), begin, begin + limit))
    elif isinstance(value, list):
        inner = [(str(at), each) for at, each in enumerate(value[begin : begin + limit], begin)]
    else:
        rows.count = 1
        text = value[:TEXT_LENGTH_MAX] if isinstance(value, str) else value
        return [StatePart(name=names[-1], path=path, value=text)]
    rows.count = len(value)
    return [_part_of(name, f"{path}/{_escaped(name)}", each) for name, each in inner]


def _within(value: Any, name: str) -> Any:
    if isinstance(value, dict) and name in value:
        return value[name]
    is_number = name.isascii() and name.isdecimal() and len(name) < 19
    if isinstance(value, list) and is_number and int(name) < len(value):
        return value[int(name)]
    raise _nothing_at(name)


def _part_of(name: str, path: str, value: Any, kind: str = "") -> StatePart:
    if len(encode(value)) <= WHOLE_BYTES:
        return StatePart(name=name, path=path, value=value, kind=kind)
    if isinstance(value, str):
        return StatePart(name=name, path=path, kind="text", count=len(value))
    shape = "object" if isinstance(value, dict) else "list"
    return StatePart(name=name, path=path, kind=kind or shape, count=len(value))


def _names_in(path: str) -> list[str]:
    """Of a JSON pointer (RFC 6901). Errors: ProblemFound (400)."""
    if not path:
        return []
    if not path.startswith("/"):
        raise problem(400, f"path={path[:80]!r} is no JSON pointer: it begins with a slash")
    return [name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/")]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _nothing_at(name: str) -> Exception:
    return problem(404, f"there is no {name[:80]!r} in this state", "no-such-path")
