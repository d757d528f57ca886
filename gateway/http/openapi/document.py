"""The OpenAPI 3.1 document of what is served: made from the registry, and from what other rooms of
the gateway say of their routes.

A room that has routes of its own describes them in `gateway/http/<room>/described.py`, with
`paths(document) -> Json`, its path items; `document.schema` and `document.problems` give what they
refer to.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.http.catalogue import Catalogue, Served
from gateway.http.openapi.examples import examples_of
from gateway.http.openapi.parts import ANY_REQUEST, problem_response
from gateway.http.openapi.plain import Plain
from gateway.http.openapi.schemas import Json, Schemas, mended, pascal
from gateway.http.openapi.systems import Operations
from gateway.http.problems import Problem

TICKETS = ("ticket",)
"""Ways to say who calls that are not for every request."""
ABOUT = """\
Commands, queries and events of every system that is served.

A command is sent with POST; the answer comes when its events are durable. All errors are problem
details (RFC 9457). Examples are from the beginning of each system's own flow, decided anew.\
"""


class Document:
    """Makes the document of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        packages: dict[str, str] = {}
        sources: dict[type, type] = {}
        for served in self.systems:
            sources |= {each.body: each.kind for each in served.accepts.values()}
            for package in _packages(served):
                packages[package] = pascal(served.system.name)
        self.schemas = Schemas(packages, sources)
        self._responses: Json = {}

    @property
    def systems(self) -> Sequence[Served]:
        return list(self.catalogue.systems.values())

    def schema(self, kind: Any) -> Json:
        """Of any type that msgspec encodes; structs and enumerations become components."""
        return self.schemas.of(kind)

    def problems(self, *statuses: int) -> Json:
        """Responses of these statuses, without more to be said of them."""
        found = {}
        for status in sorted(statuses):
            name = f"Problem{status}"
            if name not in self._responses:
                self._responses[name] = problem_response(status, self.schema(Problem))
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return found

    def make(self, rooms: Iterable[Any] = ()) -> Json:
        """The whole; `rooms` are the modules that describe more."""
        paths: Json = {}
        plain = Plain(self.schemas)
        for served in self.systems:
            examples = examples_of(served, plain.compose)
            paths |= Operations(self, served, examples).paths()
        tags: list[Json] = [
            {"name": each.system.name, "description": _about(each)} for each in self.systems
        ]
        security: Json = {}
        for room in rooms:
            more = mended(room.paths(self), {})
            if both := paths.keys() & more.keys():
                raise ValueError(f"{room.__name__} describes {sorted(both)} once more")
            paths |= more
            tags += getattr(room, "TAGS", [])
            security |= getattr(room, "SECURITY", {})
        for operation in _operations(paths):
            operation["responses"] = {
                **self.problems(*ANY_REQUEST),
                **operation["responses"],
            }
        known = {each["name"] for each in tags}
        tags += [{"name": name} for name in _tags(paths) if name not in known]
        self.schemas.require(_requests(paths))
        components: Json = {
            "schemas": dict(sorted(self.schemas.components.items())),
            "responses": dict(sorted(self._responses.items())),
        }
        if security:
            components["securitySchemes"] = security
        asked: list[Json] = [{}, *({name: []} for name in security if name not in TICKETS)]
        return {
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
            "info": {
                "title": "refold",
                "version": "1",
                "description": ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/", "description": "Where this document came from."}],
            "security": asked if security else [],
            "tags": tags,
            "paths": paths,
            "components": components,
        }


def _packages(served: Served) -> list[str]:
    """Where the system's structs stand, and those of its read models."""
    module = served.registered.read_models_module()
    return [served.registered.package, *([module.__name__] if module else [])]


def _about(served: Served) -> str:
    """The first paragraph of its package's docstring."""
    package = __import__(served.registered.package, fromlist=["SYSTEM"])
    return inspect.cleandoc(package.__doc__ or "").partition("\n\n")[0]


def _tags(paths: Mapping[str, Mapping[str, Json]]) -> list[str]:
    return list(
        dict.fromkeys(name for each in _operations(paths) for name in each.get("tags", ()))
    )


def _operations(paths: Mapping[str, Mapping[str, Json]]) -> list[Json]:
    return [operation for methods in paths.values() for operation in methods.values()]


def _requests(paths: Mapping[str, Mapping[str, Json]]) -> list[Json]:
    return [
        part
        for operation in _operations(paths)
        for part in (operation.get("requestBody", {}), *operation.get("parameters", []))
    ]
