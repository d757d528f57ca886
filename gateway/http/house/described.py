"""This room's routes as OpenAPI path items."""

from typing import Any

from gateway.http.house.letters import PAGE, PAGE_MAX
from gateway.http.house.told import FlowTold, HouseTold, LetterPage, LetterWhole, Retried
from gateway.http.openapi import Document, Json
from gateway.http.openapi.parts import in_json

TAG = "house"
TAGS = [
    {
        "name": TAG,
        "description": "All systems together: topics, rates, lag, dead letters, the flow between "
        "them.",
    }
]
LETTERS = "/api/house/systems/{family}/{system}/dead-letters"


def paths(document: Document) -> Json:
    """Of all systems together."""
    letter = LETTERS + "/{partition}/{offset}"
    return {
        "/api/house": {
            "get": _operation(
                document,
                "look",
                "All systems as they are now.",
                "Sampled once a second for all who look.",
                HouseTold,
                (503,),
            )
        },
        "/api/house/flow": {
            "get": _operation(
                document,
                "flow",
                "How commands and events go through the systems.",
                "From the registry. `/api/house` tells the rates on the edges.",
                FlowTold,
            )
        },
        LETTERS: {
            "get": _operation(
                document,
                "dead_letters",
                "A page of a system's dead letters, by partition and offset.",
                "Commands that could not be decided, with what was wrong with them.",
                LetterPage,
                (404, 503),
                [*_system(document), *_paging()],
            )
        },
        letter: {
            "get": _operation(
                document,
                "dead_letter",
                "One dead letter, whole.",
                "By the place of its command; `command` is its value, where that is JSON.",
                LetterWhole,
                (404, 503),
                _place(document),
            )
        },
        f"{letter}/retry": {
            "post": {
                **_operation(
                    document,
                    "retry_dead_letter",
                    "Append its command again.",
                    "With the earlier waiting letters of its key, in order. A letter is retried "
                    "once; a retry that fails again is a new letter.",
                    Retried,
                    (404, 409, 413, 415, 503),
                    _place(document),
                ),
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "additionalProperties": False},
                            "example": {},
                        }
                    },
                },
            }
        },
    }


def _operation(
    document: Document,
    name: str,
    summary: str,
    description: str,
    answer: type[Any],
    statuses: tuple[int, ...] = (),
    parameters: list[Json] | None = None,
) -> Json:
    return {
        "operationId": f"{TAG}.{name}",
        "tags": [TAG],
        "summary": summary,
        "description": description,
        "parameters": parameters or [],
        "responses": {
            "200": in_json(summary, document.schema(answer)),
            **document.problems(400, *statuses),
        },
    }


def _paging() -> list[Json]:
    return [
        {
            "name": "cursor",
            "in": "query",
            "description": "`next` of the page before.",
            "schema": {"type": "string", "pattern": "^[0-9]{1,9}:[0-9]{1,18}$"},
        },
        {
            "name": "limit",
            "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE},
        },
        {
            "name": "waiting",
            "in": "query",
            "description": "Leave out those that were retried.",
            "schema": {"type": "boolean", "default": False},
        },
    ]


def _place(document: Document) -> list[Json]:
    return [*_system(document), *map(_number, ("partition", "offset"))]


def _number(name: str) -> Json:
    schema = {"type": "integer", "minimum": 0}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _system(document: Document) -> list[Json]:
    names = sorted(each.system.name.split(".") for each in document.systems)
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": sorted({each[part] for each in names})},
        }
        for part, name in enumerate(("family", "system"))
    ]
