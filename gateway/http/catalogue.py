"""What is served, derived from the registry: systems, their commands and queries, by name.

A command's name is its tag without the version. Its body is its fields without the envelope.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from gateway.http.applied import Applied
from gateway.http.kept_answers import KeptAnswers
from gateway.http.problems import body_problem, problem
from log.codec import tag_of
from log.envelope import Command
from log.interface import Log
from processors.core.appender import RECORD_OVERHEAD_BYTES
from processors.core.registry import Registered
from processors.core.snapshots import OpenSnapshots
from processors.core.system import System
from projections.core.errors import nearest
from projections.core.read_models import ReadModels
from projections.core.store import Store

BODY_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

INTEGERS = 1 << 63
LONG = re.compile(rb"[0-9]{19}")


class Accepts:
    """One command of a system, as HTTP takes it. `kind` is the struct; `body` its fields alone."""

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind
        self.name = name_of(kind)
        self.body = body_of(kind)
        self._decode = msgspec.json.Decoder(self.body).decode

    def command(self, body: bytes, key: str) -> Any:
        """The command of a request. Errors: ProblemFound (400)."""
        try:
            fields = self._decode(body)
            _check_integers(body, fields)
            return self.kind(**msgspec.structs.asdict(fields), idempotency_key=key)
        except (*BODY_ERRORS, ValueError, TypeError) as error:
            raise body_problem(error) from error


def _check_integers(body: bytes, fields: Any) -> None:
    """ValueError, with the path, for one that databases do not take; not for what is ignored."""
    if not LONG.search(body):
        return
    left = [("$", msgspec.to_builtins(fields))]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{path}.{name}", each) for name, each in value.items()]
        elif isinstance(value, list):
            left += [(f"{path}[{index}]", each) for index, each in enumerate(value)]
        elif isinstance(value, int) and not -INTEGERS <= value < INTEGERS:
            raise ValueError(f"The integer has more than 64 bits - at `{path}`")


def name_of(kind: type[Any]) -> str:
    """`place_order` of the tag `place_order.v1`."""
    return tag_of(kind).partition(".")[0]


def body_of(kind: type[Any]) -> Any:
    """The struct of a command's own fields; what it does not know is an error."""
    fields: list[Any] = []
    for each in msgspec.structs.fields(kind):
        if each.name in Command.__struct_fields__:
            continue
        if each.required:
            fields.append((each.name, each.type))
        elif each.default is not msgspec.NODEFAULT:
            fields.append((each.name, each.type, each.default))
        else:
            made = msgspec.field(default_factory=each.default_factory)
            fields.append((each.name, each.type, made))
    return msgspec.defstruct(
        kind.__name__,
        fields,
        kw_only=True,
        forbid_unknown_fields=True,
        module=kind.__module__,
        namespace={"__doc__": kind.__doc__},
    )


@dataclass(frozen=True)
class Served:
    """One system, its log and its read models."""

    registered: Registered
    log: Log
    models: ReadModels
    store: Store
    snapshots: OpenSnapshots | None = None
    """Of partitions, where history may begin; None: there are none."""

    @property
    def system(self) -> System:
        return self.registered.system

    @property
    def path(self) -> str:
        return f"/api/{self.system.name.replace('.', '/')}"

    @cached_property
    def accepts(self) -> dict[str, Accepts]:
        """Commands by name; of several versions, the newest."""
        kinds = sorted(self.system.commands, key=lambda kind: _version_of(tag_of(kind)))
        return {each.name: each for each in map(Accepts, kinds)}

    @cached_property
    def applied(self) -> Applied:
        return Applied(self.store)

    @cached_property
    def answers(self) -> KeptAnswers:
        return KeptAnswers(self.applied)

    @cached_property
    def partitions(self) -> int:
        return self.system.ensure_topics(self.log)

    def find(self, name: str) -> Accepts:
        """Errors: ProblemFound (404)."""
        if name not in self.accepts:
            hint = nearest(name, self.accepts)
            raise problem(404, f"{self.system.name} has no command {name!r}: {hint}")
        return self.accepts[name]

    def check_partition(self, number: int) -> None:
        """Errors: ProblemFound (404)."""
        if not 0 <= number < self.partitions:
            name, last = self.system.name, self.partitions - 1
            raise problem(404, f"the partitions of {name} are 0 to {last}")

    @cached_property
    def encode(self) -> Any:
        return self.system.command_codec(self._commands_config).encode

    @property
    def _commands_config(self) -> Any:
        return self.log.partition(self.system.commands_topic, 0).config

    @cached_property
    def bytes_max(self) -> int:
        """Of a command's key and value together."""
        limit: int = self._commands_config.max_message_bytes
        return limit - RECORD_OVERHEAD_BYTES


def _version_of(tag: str) -> int:
    version = tag.rpartition(".v")[2]
    return int(version) if version.isdecimal() else 0


class Catalogue:
    """Everything that is served, by full name."""

    def __init__(self, systems: Iterable[Served]) -> None:
        self.systems = {each.system.name: each for each in systems}

    def find(self, family: str, system: str) -> Served:
        """Errors: ProblemFound (404)."""
        name = f"{family}.{system}"
        if name not in self.systems:
            raise problem(404, f"no system {name!r} is served: {nearest(name, self.systems)}")
        return self.systems[name]
