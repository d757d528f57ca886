"""The operations of one system: its commands, its queries, and its streams of events."""

from typing import TYPE_CHECKING, Any, Union

import msgspec

from gateway.http.answers import is_refusal
from gateway.http.catalogue import Accepts, Served
from gateway.http.commands import KEY_LENGTH_MAX, Pending
from gateway.http.openapi.examples import Examples
from gateway.http.openapi.parts import (
    described,
    in_content,
    in_json,
    in_path,
    problem_response,
)
from gateway.http.openapi.schemas import Json, pascal
from gateway.http.problems import Answer, CommandPlace, Problem, ProblemFound
from gateway.http.queries import Asking
from log.codec import tag_of
from processors.core.messages import CORE_EVENTS
from projections.core.read_models import Argument, Query

if TYPE_CHECKING:
    from gateway.http.openapi.document import Document

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Of your choosing. Sent again with it, a command is decided once, and the "
    "first answer comes again.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_LENGTH_MAX,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async`: answer 202 at once, with where the answer will be.",
    "schema": {"type": "string"},
}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` where this is the answer to an earlier sending.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
ASKING = {
    "min_sequence": "Wait until the event of this sequence, on this partition, is applied.",
    "partition": "Of `min_sequence`, or of `at` where that is a command's offset.",
    "page_size": "So many rows; the address of the next page is in the header `Link`.",
    "cursor": "From that address; it goes with `page_size`.",
    "at": "Ask the read models as they were: a command's offset (`1042`), a time "
    "(`2024-05-01T09:30:00Z`), or `end`.",
}
OF_ROWS = ("page_size", "cursor")
EVENT_ID = "[0-9]{1,18}"


class Operations:
    """Of one system."""

    def __init__(self, document: "Document", served: Served, examples: Examples) -> None:
        self._document = document
        self._served = served
        self._examples = examples
        self._name = served.system.name
        self._prefix = pascal(self._name)
        self._identifier = self._name.replace(".", "_")
        self._events = self._event_schema()
        self._answer = self._answer_schema()
        self._problem = self._problem_schema()
        self._answer_of_all = {"type": "array", "items": self._answer}

    def paths(self) -> Json:
        served = self._served
        found: Json = {}
        for command in served.accepts.values():
            found[f"{served.path}/commands/{command.name}"] = {"post": self._command(command)}
        found[f"{served.path}/partitions/{{partition}}/commands/{{offset}}"] = {
            "get": self._earlier_command()
        }
        for query in served.models.queries.values():
            found[f"{served.path}/queries/{query.name}"] = {"get": self._query(query)}
        found[f"{served.path}/partitions/{{partition}}/events"] = {
            "get": self._stream_of_partition()
        }
        found[f"{served.path}/events"] = {"get": self._stream_of_system()}
        return found

    # what answers are made of

    def _event_schema(self) -> Json:
        kinds: tuple[type[Any], ...] = (*self._served.system.events, *CORE_EVENTS)
        return self._document.schemas.add(
            f"{self._prefix}Event",
            {
                "description": f"An event of {self._name}: `type` says which.",
                **self._document.schema(Union[kinds]),  # noqa: UP007
            },
        )

    def _answer_schema(self) -> Json:
        schemas = self._document.schemas
        answer = schemas.resolved(self._document.schema(Answer))
        return schemas.add(
            f"{self._prefix}Answer",
            {
                **answer,
                "description": f"A command of {self._name}, and the events that it led to.",
                "properties": {
                    **answer["properties"],
                    "events": {"type": "array", "items": self._events},
                },
            },
        )

    def _problem_schema(self) -> Json:
        """A problem that knows the system's codes and events."""
        schemas = self._document.schemas
        problem = schemas.resolved(self._document.schema(Problem))
        properties = {
            **problem["properties"],
            "events": {"type": "array", "items": self._events},
            "answers": {
                "type": "array",
                "description": "Of a command for all partitions: what each answered.",
                "items": self._answer,
            },
            "command": self._document.schema(CommandPlace),
        }
        kinds = [kind for kind in self._served.system.events if is_refusal(kind)]
        if codes := self._codes(kinds):
            properties["code"] = {"type": "string", "enum": codes}
        return schemas.add(
            f"{self._prefix}Problem",
            {
                "type": "object",
                "description": f"The rules of {self._name} rejected a command, or could not "
                "decide it: problem details (RFC 9457), with its events.",
                "required": problem["required"],
                "properties": properties,
            },
        )

    def _codes(self, kinds: list[type[Any]]) -> list[str]:
        """All that the refusals of a system may have; none where one may be any text."""
        found: dict[str, None] = {}
        resolved = self._document.schemas.resolved
        for kind in kinds:
            fields = resolved(self._document.schema(kind))["properties"]
            code = fields.get("code", {"type": "null"})
            for each in map(resolved, code.get("anyOf", [code])):
                if each.get("type") != "null":
                    if "enum" not in each:
                        return []
                    found |= dict.fromkeys(each["enum"])
        return sorted(found)

    def _shape(self, command: Accepts) -> Json:
        """What accepts a command of this kind: one partition, all of them, or now this, now
        that."""
        example = self._examples.commands.get(command.name)
        reach = example.reach if example else set()
        if reach == {False}:
            return self._answer
        if reach == {True}:
            return self._answer_of_all
        return {"anyOf": [self._answer, self._answer_of_all]}

    # operations

    def _operation(self, identifier: str, text: str | None, name: str) -> Json:
        return {
            "operationId": f"{self._identifier}_{identifier}",
            "tags": [self._name],
            **described(text, name),
        }

    def _command(self, command: Accepts) -> Json:
        example = self._examples.commands.get(command.name)
        schema = self._document.schema(command.body)
        content: Json = {"schema": schema}
        if example:
            content["example"] = example.body
        return {
            **self._operation(f"send_{command.name}", command.kind.__doc__, command.name),
            "parameters": [KEY, PREFER],
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": {
                **self._decided(
                    self._shape(command),
                    msgspec.UNSET if example is None or not example.answer else example.answer,
                    msgspec.UNSET if example is None else example.rejection or msgspec.UNSET,
                ),
                **self._document.problems(404, 408, 413, 415, 504),
                "400": problem_response(
                    400, self._document.schema(Problem), _refused_body(command)
                ),
            },
        }

    def _decided(self, answer: Json, example: Any, rejection: Any) -> Json:
        pending = self._document.schema(Pending)
        pendings = {"anyOf": [pending, {"type": "array", "items": pending}]}
        location = {
            "Location": {
                "description": "Where the answer will be.",
                "schema": {"type": "string"},
            },
            "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
        }
        return {
            "200": {
                **in_json("Decided: its events, durable", answer, example),
                "headers": REPLAYED,
            },
            "202": {**in_json("Durable, and not decided yet", pendings), "headers": location},
            "409": {
                **problem_response(409, self._problem, rejection),
                "headers": REPLAYED,
            },
            "422": problem_response(422, self._problem),
            **self._document.problems(410),
        }

    def _earlier_command(self) -> Json:
        return {
            **self._operation("answer", "The answer to a command that was sent before.", ""),
            "parameters": [
                in_path("partition", "Of the commands."),
                in_path("offset", "The command's."),
            ],
            "responses": {
                **self._decided(self._answer, msgspec.UNSET, msgspec.UNSET),
                **self._document.problems(404),
            },
        }

    def _stream_of_partition(self) -> Json:
        example: Any = msgspec.UNSET
        if self._examples.event is not None:
            offset, event = self._examples.event
            example = _told(str(offset), event, event)
        return self._stream(
            "events",
            "The events of a partition as they happen, as server-sent events.\n\n`id` is the "
            f"offset, `event` the type, `data` the event ({self._prefix}Event) as JSON.",
            EVENT_ID,
            [in_path("partition", "Of the events.")],
            example,
        )

    def _stream_of_system(self) -> Json:
        return self._stream(
            "events_of_all",
            "The events of all partitions as they happen, as server-sent events.\n\nIn order "
            "within a partition; between partitions as they come. `id` is the next offset of "
            f"each, `data` has `partition`, `offset` and `event` ({self._prefix}Event).",
            rf"{EVENT_ID}(\.{EVENT_ID})*",
            [],
        )

    def _stream(
        self, name: str, about: str, place: str, path: list[Json], example: Any = msgspec.UNSET
    ) -> Json:
        last = {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Of the last event seen: go on behind it.",
            "schema": {"type": "string", "pattern": f"^{place}$"},
        }
        begin = {
            "name": "from",
            "in": "query",
            "description": "An id, `start` or `end`.",
            "schema": {
                "type": "string",
                "pattern": f"^(start|end|{place})$",
                "default": "start",
            },
        }
        kinds: tuple[type[Any], ...] = (*self._served.system.events, *CORE_EVENTS)
        tags = ", ".join(f"`{tag_of(kind)}`" for kind in kinds)
        return {
            **self._operation(name, f"{about}\n\nTypes: {tags}", ""),
            "parameters": [*path, begin, last],
            "responses": {
                "200": in_content(
                    "A stream without end", "text/event-stream", {"type": "string"}, example
                ),
                **self._document.problems(400, 404, 410),
            },
        }

    def _query(self, query: Query) -> Json:
        example = self._examples.queries.get(query.name)
        arguments = example.arguments if example else {}
        own = [self._argument(each, arguments) for each in query.arguments]
        taken = {each["name"] for each in own}
        known = {
            "name": "If-None-Match",
            "in": "header",
            "description": "The entity tag of the answer that is known.",
            "schema": {"type": "string"},
        }
        tag = {"ETag": {"description": "Of all that was applied.", "schema": {"type": "string"}}}
        link = {"Link": {"description": "The next page.", "schema": {"type": "string"}}}
        returned = Any if query.returns is None else query.returns
        answer = example.answer if example else msgspec.UNSET
        return {
            **self._operation(f"ask_{query.name}", query.description, query.name),
            "parameters": [*own, *self._asking(query, taken), known],
            "responses": {
                "200": {
                    **in_json("As of the entity tag", self._document.schema(returned), answer),
                    "headers": {**tag, **link} if query.lists else tag,
                },
                "304": {"description": "Nothing was applied since", "headers": tag},
                **self._document.problems(400, 404, 410, 504),
            },
        }

    def _asking(self, query: Query, taken: set[str]) -> list[Json]:
        """How any query may be asked."""
        found = []
        for each in msgspec.structs.fields(Asking):
            if each.name in taken or (each.name in OF_ROWS and not query.lists):
                continue
            found.append(
                {
                    "name": each.name,
                    "in": "query",
                    "description": ASKING[each.name],
                    "schema": self._document.schema(each.type),
                }
            )
        return found

    def _argument(self, argument: Argument, example: Json) -> Json:
        schema = dict(self._document.schema(argument.type))
        if not argument.is_required:
            schema["default"] = msgspec.to_builtins(argument.default)
        described = {"description": about} if (about := schema.pop("description", "")) else {}
        return {
            "name": argument.name,
            "in": "query",
            "required": argument.is_required,
            **described,
            "schema": schema,
            **({"example": example[argument.name]} if argument.name in example else {}),
        }


def _told(identifier: str, event: Any, data: Any) -> str:
    """As server-sent events are written."""
    text = msgspec.json.encode(data).decode()
    return f"id: {identifier}\nevent: {tag_of(type(event))}\ndata: {text}\n\n"


def _refused_body(command: Accepts) -> Any:
    """The problem of a body with a field too many, as it is answered."""
    try:
        command.command(b'{"no_such_field":1}', "")
    except ProblemFound as error:
        return msgspec.to_builtins(error.problem)
    return msgspec.UNSET
