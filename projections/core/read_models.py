"""The read models of a system: its projections and its named queries, found by the registry.

The package of a system's projections declares `PROJECTIONS`, a tuple of `Projection`, and
`QUERIES`, a tuple of functions. A query's first parameter is a `Reader`; the others are its
arguments, annotated, and it returns a msgspec struct or a list of them. From these annotations the
command line (and later HTTP) parses arguments and prints results. `RENDERINGS`, by the name of a
query, are functions from its result to what rich prints in place of a table, on a terminal;
`DEMO_QUERIES` are those of the queries that tell what happened best, for the demo to show.
"""

import inspect
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from processors.core.registry import Registered
from processors.core.system import System
from projections.core.errors import QueryError, nearest
from projections.core.memory_store import MemoryStore
from projections.core.projection import Projection
from projections.core.store import Catalog, Reader, Store

REQUIRED: Any = inspect.Parameter.empty
LIMIT = "limit"
CLOCK = "now_ms"
"""The argument of queries that go by this machine's clock, unless they are told the time."""

Latest = Annotated[int, msgspec.Meta(ge=1, le=100_000, extra={"keeps": "latest"})]
"""The `limit` of a query that gives the latest rows, earliest first: a smaller one leaves out the
first of them, and of any other query the last."""


@dataclass(frozen=True)
class Argument:
    """One argument of a query. `default` is REQUIRED where it has none."""

    name: str
    type: Any
    default: Any = REQUIRED

    def parse(self, text: str) -> Any:
        try:
            return msgspec.convert(text, self.type, strict=False)
        except msgspec.ValidationError as error:
            raise QueryError(f"argument {self.name}={text!r}: {error}") from error

    @property
    def shown(self) -> str:
        """How a usage line shows it: `depth: int = 10`."""
        kind = _type_name(self.type)
        return f"{self.name}: {kind}" + ("" if self.is_required else f" = {self.default!r}")

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED


def _type_name(kind: Any) -> str:
    """`int` of `Annotated[int, ...]`, `buy | sell` of a Literal."""
    if typing.get_origin(kind) is typing.Annotated:
        return _type_name(typing.get_args(kind)[0])
    if typing.get_origin(kind) is typing.Literal:
        return " | ".join(typing.get_args(kind))
    return inspect.formatannotation(kind)


class Query:
    """A named question to a system's read models, and how rich draws its answer on a terminal
    (None: as a table of its rows)."""

    def __init__(
        self,
        function: Callable[..., Any],
        rendering: Callable[[Any], Any] | None = None,
    ) -> None:
        self.function = function
        self.rendering = rendering
        self.name = function.__name__
        self.description = inspect.getdoc(function) or ""
        hints = typing.get_type_hints(function, include_extras=True)
        self.returns = hints.pop("return", None)
        _reader, *parameters = inspect.signature(function).parameters.values()
        self.arguments = tuple(
            Argument(parameter.name, hints[parameter.name], parameter.default)
            for parameter in parameters
        )

    @property
    def lists(self) -> bool:
        """Whether it returns rows, any number of them."""
        return typing.get_origin(self.returns) is list

    @property
    def limit(self) -> Argument | None:
        """The argument that says how many rows, where it has one."""
        found = (each for each in self.arguments if each.name == LIMIT)
        return next(found, None) if self.lists else None

    @property
    def keeps_latest(self) -> bool:
        """Whether its limit leaves out the first rows, and not the last. See `Latest`."""
        return self.limit is not None and self.limit.type is Latest

    def reads_clock(self, given: Collection[str]) -> bool:
        """Whether its answer depends on when it is asked: its argument `now_ms` is left out."""
        return CLOCK not in given and any(each.name == CLOCK for each in self.arguments)

    @property
    def usage(self) -> str:
        return f"{self.name}({', '.join(argument.shown for argument in self.arguments)})"

    def parse(self, given: Sequence[str]) -> dict[str, Any]:
        """Arguments as typed by a person: in order, or as `name=value`. Errors: QueryError."""
        by_name = {argument.name: argument for argument in self.arguments}
        parsed: dict[str, Any] = {}
        for text in given:
            name, equals, value = text.partition("=")
            if not (equals and name.isidentifier()):
                value = text
                name = next((free for free in by_name if free not in parsed), "")
                if not name:
                    raise QueryError(f"{text!r} is one argument too many: {self.usage}")
            if name not in by_name:
                raise QueryError(
                    f"{self.usage} has no argument {name!r}: {nearest(name, by_name)}"
                )
            if name in parsed:
                raise QueryError(f"argument {name!r} is given twice: {self.usage}")
            parsed[name] = by_name[name].parse(value)
        missing = [each.name for each in self.arguments if each.is_required]
        missing = [name for name in missing if name not in parsed]
        if missing:
            raise QueryError(f"argument {missing[0]!r} is missing: {self.usage}")
        return parsed

    def run(self, store: Store, arguments: Mapping[str, Any]) -> Any:
        """Ask: all that it reads is as of one moment."""
        with store.reading() as reader:
            return self.function(reader, **arguments)


@dataclass(frozen=True)
class ReadModels:
    """What one system declares."""

    system: System
    projections: Mapping[str, Projection]
    queries: Mapping[str, Query]
    demo_queries: Sequence[Query] = ()
    """What the demo shows; where nothing is named, the first of all."""

    def projection(self, name: str) -> Projection:
        if name not in self.projections:
            hint = nearest(name, self.projections)
            raise QueryError(f"{self.system.name} has no projection {name!r}: {hint}")
        return self.projections[name]

    def query(self, name: str) -> Query:
        asked = name.replace("-", "_")
        if asked not in self.queries:
            hint = nearest(asked, self.queries)
            raise QueryError(f"{self.system.name} has no query {name!r}: {hint}")
        return self.queries[asked]

    def open_store(self, url: str, scope: str = "") -> Store:
        """A store by SQLAlchemy URL (`sqlite:////data/exchange.sqlite`), or `memory:`. `scope` is
        the log's, where a database may be shared by several."""
        catalog = Catalog(self.system, tuple(self.projections.values()), scope)
        if url == "memory:":
            return MemoryStore(catalog)
        # Here, because importing SQLAlchemy takes longer than most commands that need no store.
        from projections.core.sql_store import SqlStore

        return SqlStore(catalog, url)


def read_models(registered: Registered) -> ReadModels:
    """The declared projections and queries of a system; none where it has no such package."""
    module = registered.read_models_module()
    projections: tuple[Projection, ...] = getattr(module, "PROJECTIONS", ())
    renderings: dict[str, Callable[[Any], Any]] = getattr(module, "RENDERINGS", {})
    queries = [
        Query(function, renderings.get(function.__name__))
        for function in getattr(module, "QUERIES", ())
    ]
    by_name = {query.name: query for query in queries}
    for name in renderings:
        if name not in by_name:
            raise TypeError(f"{registered.system.name}: RENDERINGS names {name!r}, no query")
    named = [function.__name__ for function in getattr(module, "DEMO_QUERIES", ())]
    for name in named:
        if name not in by_name:
            raise TypeError(f"{registered.system.name}: DEMO_QUERIES holds {name!r}, no query")
    return ReadModels(
        registered.system,
        {projection.name: projection for projection in projections},
        by_name,
        [by_name[name] for name in named],
    )


def default_url(log_folder: Path, system: System) -> str:
    """Where a system's read models are kept by default: a SQLite file within the log's folder."""
    file = log_folder.absolute() / "projections" / f"{system.name}.sqlite"
    return f"sqlite:///{file}"


def as_table(result: Any) -> tuple[list[str], list[list[Any]]]:
    """A query's result as column names and rows, to print. A single struct is one row."""
    rows = [] if result is None else list(result) if isinstance(result, list) else [result]
    if not rows:
        return [], []
    names = list(rows[0].__struct_fields__)
    return names, [[getattr(row, name) for name in names] for row in rows]


__all__ = [
    "Argument",
    "Query",
    "ReadModels",
    "Reader",
    "as_table",
    "default_url",
    "read_models",
]
