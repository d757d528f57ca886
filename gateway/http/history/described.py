"""This room's routes as OpenAPI path items. They are the same for every system."""

from collections.abc import Callable
from typing import Any

from gateway.http.history.alternatives import Alternative
from gateway.http.history.compared import Compared, QueryCompared
from gateway.http.history.moments import TEXT_LENGTH_MAX, FoundText, Moment
from gateway.http.history.places import OFFSET_MAX
from gateway.http.history.states import PAGE, PAGE_MAX, StatePage
from gateway.http.history.stories import KEY_LENGTH_MAX, LIMIT, LIMIT_MAX, SuggestedQuery
from gateway.http.history.timeline import BUCKETS, BUCKETS_MAX, Histories, Timeline
from gateway.http.history.what_ifs import WhatIfAsked
from gateway.http.openapi import Document, Json
from replay.history import History

TAG = "time machine"
TAGS = [
    {
        "name": TAG,
        "description": "What was, what led to it, and what would have been: of every system, on "
        "its own log, which is only read.",
    }
]
BASE = "/api/{family}/{system}/history"
PARTITION = BASE + "/partitions/{partition}"
PLACE = "A command's offset, a time such as `2024-05-01T09:30:00Z`, or `end`."
WHAT_IF = {
    "since": "0",
    "until": "100",
    "edits": [{"op": "remove", "partition": 0, "offset": 3}],
}


def paths(document: Document) -> Json:
    """Of all systems together."""
    return {
        path: {method: operation}
        for path, method, operation in [*_reading(document), _asking(document)]
    } | {f"{BASE}/what-if/{{name}}": _one_what_if(document)}


Reads = Callable[..., tuple[str, str, Json]]
"""Of a path, a name, a summary, the type of the answer, and parameters: the operation."""


def _reading(document: Document) -> list[tuple[str, str, Json]]:
    def reads(
        path: str, name: str, summary: str, answer: Any, *parameters: Json
    ) -> tuple[str, str, Json]:
        return path, "get", _operation(document, path, name, summary, answer, parameters)

    return [*_of_systems(reads), *_of_partitions(reads)]


def _of_systems(reads: Reads) -> list[tuple[str, str, Json]]:
    return [
        reads(BASE, "histories", "Where the histories of a system begin and end.", Histories),
        reads(
            f"{BASE}/timeline",
            "timeline",
            "How many commands and events came in each of so many stretches.",
            Timeline,
            _text("by", "", ["time", "command"], "time"),
            _number("partition", "Only this one. By command, it is 0 unless it is named.", None),
            _text("from", "Where it begins: a time, or an offset. The first of all."),
            _text("until", "Where it ends, which is in it. The last of all."),
            _number("buckets", "At most so many.", BUCKETS, 1, BUCKETS_MAX),
        ),
        reads(
            f"{BASE}/queries/{{query}}/compare",
            "compare_query",
            "What a query said at two places, and the fields that differ. Its own arguments stand "
            "beside these.",
            QueryCompared,
            _text("left", PLACE, default="end"),
            _text("right", PLACE, default="end"),
            _number("partition", "What offsets are of, where there are several.", None),
        ),
        reads(
            f"{BASE}/story",
            "story",
            "What led to a message and what it led to, across systems; or the life of a key.",
            History,
            {
                **_text(
                    "of",
                    "A place (`stays.commands/0@12`, `stays.events/0#7`), a key, or a field's "
                    "value (`order_id=17`).",
                ),
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
            },
            _number("limit", "At most so many messages.", LIMIT, 1, LIMIT_MAX),
        ),
        reads(
            f"{BASE}/questions",
            "questions",
            "The system's queries, with values for their arguments from its commands.",
            list[SuggestedQuery],
        ),
    ]


def _of_partitions(reads: Reads) -> list[tuple[str, str, Json]]:
    return [
        reads(
            f"{PARTITION}/moment",
            "moment",
            "A command, its events, and the state as they left it.",
            Moment,
            _text("at", PLACE, default="end"),
            _number("by", "So many commands from there.", 0, -OFFSET_MAX),
            _flag("changes", "With what the command changed in the state, which takes longer."),
        ),
        reads(
            f"{PARTITION}/find",
            "find",
            "The next command that has a text, or an event of which has it.",
            FoundText,
            {
                **_text("text", "In any case; `name=value` finds a field's value."),
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX},
            },
            _number("after", "The offset to begin behind.", -1, -1),
        ),
        reads(
            f"{PARTITION}/state",
            "state",
            "The state at a place, a part of it at a time.",
            StatePage,
            _text("at", PLACE, default="end"),
            _text("path", "A JSON pointer into it (RFC 6901)."),
            _text("kind", "Only rows of this type."),
            _number("begin", "Leave out so many.", 0),
            _number("limit", "At most so many.", PAGE, 1, PAGE_MAX),
        ),
        reads(
            f"{PARTITION}/compare",
            "compare",
            "The fields in which the states at two places differ.",
            Compared,
            _text("left", PLACE, default="end"),
            _text("right", PLACE, default="end"),
        ),
    ]


def _asking(document: Document) -> tuple[str, str, Json]:
    path = f"{BASE}/what-if"
    operation = {
        **_operation(
            document,
            path,
            "ask_what_if",
            "Play recorded commands again with some edited: in the background.",
            Alternative,
            (),
            status=202,
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": document.schema(WhatIfAsked), "example": WHAT_IF}
            },
        },
    }
    operation["responses"] |= document.problems(403, 413, 415, 422)
    return path, "post", operation


def _one_what_if(document: Document) -> Json:
    path = f"{BASE}/what-if/{{name}}"
    return {
        "get": _operation(
            document, path, "find_what_if", "How far a what-if is, and its result.", Alternative
        ),
        "delete": _operation(
            document, path, "end_what_if", "End a what-if; forget one that is done.", Alternative
        ),
    }


def _operation(
    document: Document,
    path: str,
    name: str,
    summary: str,
    answer: Any,
    parameters: tuple[Json, ...] = (),
    status: int = 200,
) -> Json:
    told: Json = {
        "description": summary,
        "content": {"application/json": {"schema": document.schema(answer)}},
    }
    return {
        "operationId": f"history.{name}",
        "tags": [TAG],
        "summary": summary,
        "parameters": [*_in_path(document, path), *parameters],
        "responses": {str(status): told, **document.problems(400, 404, 410, 421, 503)},
    }


def _in_path(document: Document, path: str) -> list[Json]:
    names = sorted(each.system.name.split(".") for each in document.systems)
    kinds: dict[str, Json] = {
        "family": {"type": "string", "enum": sorted({family for family, _ in names})},
        "system": {"type": "string", "enum": sorted({system for _, system in names})},
        "partition": {"type": "integer", "minimum": 0},
        "query": {"type": "string"},
        "name": {"type": "string"},
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in kinds.items()
        if f"{{{name}}}" in path
    ]


def _text(
    name: str, about: str, values: list[str] | None = None, default: str | None = None
) -> Json:
    schema: Json = {"type": "string"}
    if values is not None:
        schema["enum"] = values
    return _given(name, about, schema, default)


def _number(
    name: str, about: str, default: int | None, least: int = 0, most: int = OFFSET_MAX
) -> Json:
    return _given(name, about, {"type": "integer", "minimum": least, "maximum": most}, default)


def _flag(name: str, about: str) -> Json:
    return _given(name, about, {"type": "boolean"}, default=True)


def _given(name: str, about: str, schema: Json, default: Any) -> Json:
    if default is not None:
        schema = {**schema, "default": default}
    return {
        "name": name,
        "in": "query",
        **({"description": about} if about else {}),
        "schema": schema,
    }
