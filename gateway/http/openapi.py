"""The OpenAPI 3.1 document of what is served, made from the registry: msgspec writes the schemas
(which are JSON Schema 2020-12, as OpenAPI 3.1 wants them), docstrings are the descriptions.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.http.answers import is_refusal
from gateway.http.catalogue import Accepts, Catalogue, Served
from gateway.http.commands import KEY_LENGTH_MAX, Pending
from gateway.http.problems import MEDIA_TYPE, Answer, CommandPlace, Problem
from log.codec import tag_of
from processors.core.messages import CORE_EVENTS
from projections.core.read_models import Argument, Query

REF = "#/components/schemas/{name}"

Json = dict[str, Any]


class Document:
    """Makes the document of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._systems = list(catalogue.systems.values())
        kinds: dict[Any, None] = {}
        for served in self._systems:
            kinds |= dict.fromkeys(each.body for each in served.accepts.values())
            kinds |= dict.fromkeys((*served.system.events, *CORE_EVENTS))
            for query in served.models.queries.values():
                kinds[_returned(query)] = None
                kinds |= dict.fromkeys(each.type for each in query.arguments)
        kinds |= dict.fromkeys((Problem, Answer, CommandPlace, Pending))
        schemas, self._components = msgspec.json.schema_components(list(kinds), ref_template=REF)
        self._schema = dict(zip(kinds, schemas, strict=True))

    def make(self) -> Json:
        paths: Json = {}
        for served in self._systems:
            for command in served.accepts.values():
                path = f"{served.path}/commands/{command.name}"
                paths[path] = {"post": self._command(served, command)}
            for query in served.models.queries.values():
                paths[f"{served.path}/queries/{query.name}"] = {"get": self._query(served, query)}
            paths[f"{served.path}/partitions/{{partition}}/commands/{{offset}}"] = {
                "get": self._earlier_command(served)
            }
            paths[f"{served.path}/partitions/{{partition}}/events"] = {"get": self._events(served)}
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "refold",
                "version": "1",
                "description": "Commands, queries and events of every system that is served.",
            },
            "tags": [
                {"name": each.system.name, "description": _about(each)} for each in self._systems
            ],
            "paths": paths,
            "components": {"schemas": {**self._components, **self._answers()}},
        }

    def _answers(self) -> Json:
        """By system, the answer to a command: which of its events it may hold."""
        found: Json = {}
        for served in self._systems:
            kinds: tuple[type[Any], ...] = (*served.system.events, *CORE_EVENTS)
            events = [self._schema[kind] for kind in kinds if not is_refusal(kind)]
            answer = {
                "type": "object",
                "description": f"A command of {served.system.name}, and what it led to.",
                "required": ["command", "events"],
                "properties": {
                    "command": self._schema[CommandPlace],
                    "events": {"type": "array", "items": {"anyOf": events}},
                },
            }
            found[_answer_name(served)] = answer
        return found

    def _answer_schema(self, served: Served) -> Json:
        one = {"$ref": REF.format(name=_answer_name(served))}
        return {"anyOf": [one, {"type": "array", "items": one}]}

    def _command(self, served: Served, command: Accepts) -> Json:
        key = {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Of your choosing; sent again with it, a command is decided once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
        }
        prefer = {
            "name": "Prefer",
            "in": "header",
            "description": "`respond-async`: answer 202 at once, with where the answer will be.",
            "schema": {"type": "string"},
        }
        return {
            "operationId": f"{served.system.name}.{command.name}",
            "tags": [served.system.name],
            **_described(command.kind.__doc__, command.name),
            "parameters": [key, prefer],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": self._schema[command.body]}},
            },
            "responses": {
                **self._command_responses(served),
                **self._problems(400, 404, 408, 413, 415, 421, 503, 504),
            },
        }

    def _command_responses(self, served: Served) -> Json:
        pending = self._schema[Pending]
        pendings = {"anyOf": [pending, {"type": "array", "items": pending}]}
        return {
            "200": _json("Decided: its events, durable", self._answer_schema(served)),
            "202": _json("Durable, and not decided yet", pendings),
            **self._problems(409, 410, 422),
        }

    def _earlier_command(self, served: Served) -> Json:
        return {
            "operationId": f"{served.system.name}.command",
            "tags": [served.system.name],
            "summary": "The answer to a command that was sent before.",
            "parameters": [_in_path("partition"), _in_path("offset")],
            "responses": {
                **self._command_responses(served),
                **self._problems(404, 421, 503),
            },
        }

    def _events(self, served: Served) -> Json:
        last = {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The offset of the last event seen: go on behind it.",
            "schema": {"type": "string"},
        }
        begin = {
            "name": "from",
            "in": "query",
            "description": "An offset, `start` or `end`.",
            "schema": {"type": "string", "default": "start"},
        }
        kinds: tuple[type[Any], ...] = (*served.system.events, *CORE_EVENTS)
        tags = [tag_of(kind) for kind in kinds]
        return {
            "operationId": f"{served.system.name}.events",
            "tags": [served.system.name],
            "summary": "The events of a partition, as server-sent events.",
            "description": "id: the offset; event: the type; data: the event as JSON.\n\n"
            f"Types: {', '.join(tags)}",
            "parameters": [_in_path("partition"), begin, last],
            "responses": {
                "200": {
                    "description": "A stream without end",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                **self._problems(400, 404, 410, 421, 503),
            },
        }

    def _query(self, served: Served, query: Query) -> Json:
        own = [self._argument(each) for each in query.arguments]
        taken = {each["name"] for each in own}
        waiting = [
            {
                "name": name,
                "in": "query",
                "description": "Wait until the event of this sequence, on this partition, is "
                "applied: both, or none.",
                "schema": {"type": "integer", "minimum": 0},
            }
            for name in ("min_sequence", "partition")
            if name not in taken
        ]
        known = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
        return {
            "operationId": f"{served.system.name}.{query.name}_query",
            "tags": [served.system.name],
            **_described(query.description, query.name),
            "parameters": [*own, *waiting, known],
            "responses": {
                "200": {
                    **_json("As of the entity tag", self._schema[_returned(query)]),
                    "headers": {"ETag": {"schema": {"type": "string"}}},
                },
                "304": {"description": "Nothing was applied since"},
                **self._problems(400, 404, 421, 503, 504),
            },
        }

    def _argument(self, argument: Argument) -> Json:
        schema = dict(self._schema[argument.type])
        if not argument.is_required:
            schema["default"] = msgspec.to_builtins(argument.default)
        return {
            "name": argument.name,
            "in": "query",
            "required": argument.is_required,
            "schema": schema,
        }

    def _problems(self, *statuses: int) -> Json:
        schema = self._schema[Problem]
        return {
            str(status): {
                "description": PROBLEMS[status],
                "content": {MEDIA_TYPE: {"schema": schema}},
            }
            for status in statuses
        }


PROBLEMS: Mapping[int, str] = {
    400: "The request does not fit: `detail` says where",
    404: "There is no such thing",
    408: "The body did not come in time",
    409: "Rejected by the rules: `code`, `field` and `detail` say why",
    410: "No longer kept",
    413: "Too large",
    415: "Not JSON",
    421: "This server goes by other names",
    422: "It could not be decided, or its key was used for another command",
    503: "Busy, or the log is away: `Retry-After` says when to come back",
    504: "Not decided, or not applied, in time",
}


def _returned(query: Query) -> Any:
    return Any if query.returns is None else query.returns


def _answer_name(served: Served) -> str:
    return f"{served.system.name}.Answer"


def _about(served: Served) -> str:
    module = inspect.getmodule(served.system.decider.decide)
    package = served.registered.package
    found = __import__(package, fromlist=["SYSTEM"]).__doc__ or (module and module.__doc__) or ""
    return inspect.cleandoc(found).partition("\n\n")[0]


def _described(text: str | None, name: str) -> Json:
    """Summary and description of a docstring."""
    about = inspect.cleandoc(text or "").strip() or name.replace("_", " ")
    return {"summary": about.partition("\n")[0], "description": about}


def _json(description: str, schema: Any) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _in_path(name: str) -> Json:
    schema = {"type": "integer", "minimum": 0}
    return {"name": name, "in": "path", "required": True, "schema": schema}
