"""`GET /api`, what is served, with links; `/schema/openapi.json`, the same for programs; and
`/schema`, a reference page for people, which needs no network and no script.
"""

from html import escape
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get

from gateway.http.catalogue import Served
from gateway.http.openapi import Document, Json
from gateway.http.service import service_of

SCHEMA_PATH = "/schema/openapi.json"


class Link(msgspec.Struct, frozen=True):
    name: str
    href: str
    about: str


class ListedSystem(msgspec.Struct, frozen=True):
    """What can be asked of one system."""

    name: str
    commands: list[Link]
    queries: list[Link]
    events: list[str]
    """Streams, one a partition."""


class Index(msgspec.Struct, frozen=True):
    systems: list[ListedSystem]
    schema: str = SCHEMA_PATH
    reference: str = "/schema"


@get("/api")
async def index(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What is served."""
    systems = [_listed(each) for each in service_of(request).systems]
    return Response(msgspec.json.encode(Index(systems)), media_type=MediaType.JSON)


def _listed(served: Served) -> ListedSystem:
    def first_line(text: str | None) -> str:
        return (text or "").strip().partition("\n")[0]

    return ListedSystem(
        served.system.name,
        [
            Link(each.name, f"{served.path}/commands/{each.name}", first_line(each.kind.__doc__))
            for each in served.accepts.values()
        ],
        [
            Link(each.name, f"{served.path}/queries/{each.name}", first_line(each.description))
            for each in served.models.queries.values()
        ],
        [f"{served.path}/partitions/{number}/events" for number in range(served.partitions)],
    )


@get(SCHEMA_PATH)
async def schema(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document."""
    body = msgspec.json.encode(await _document(request))
    return Response(body, media_type="application/vnd.oai.openapi+json")


@get("/schema")
async def reference(request: Request[Any, Any, Any]) -> Response[str]:
    """The reference page."""
    return Response(page_of(await _document(request)), media_type=MediaType.HTML)


async def _document(request: Request[Any, Any, Any]) -> Json:
    """Made when it is first asked for: that takes a moment."""
    state, service = request.app.state, service_of(request)
    if "document" not in state:
        state.document = await service.blocking(lambda: Document(service.catalogue).make())
    document: Json = state.document
    return document


STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .2rem 0 } pre { white-space: pre-wrap }
code { font-family: ui-monospace, monospace } table { border-collapse: collapse }
td, th { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0 }
"""


def page_of(document: Json) -> str:
    """The document as a page: systems, their operations, and what goes in."""
    schemas = document["components"]["schemas"]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>refold: reference</title>'
        f"<style>{STYLE}</style><h1>refold</h1><p>{escape(document['info']['description'])} "
        f'For programs: <a href="{SCHEMA_PATH}">OpenAPI 3.1</a>.</p>'
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    parts.append(_operation(method, path, operation, schemas))
    return "".join(parts)


def _operation(method: str, path: str, operation: Json, schemas: Json) -> str:
    rows = [
        (each["name"], each["in"], _kind(each["schema"]), each.get("required", False))
        for each in operation.get("parameters", [])
        if each["in"] != "header"
    ]
    if body := operation.get("requestBody"):
        shape = _resolved(body["content"]["application/json"]["schema"], schemas)
        required = shape.get("required", [])
        rows += [
            (name, "body", _kind(kind), name in required)
            for name, kind in shape.get("properties", {}).items()
        ]
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{where}<td>{escape(kind)}"
        f"<td>{'required' if needed else ''}"
        for name, where, kind, needed in rows
    )
    statuses = ", ".join(
        f"{status} {escape(answer['description'])}"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<details><summary><code>{method.upper()} {escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>"
        f"<pre>{escape(operation.get('description', ''))}</pre><table>{lines}</table>"
        f"<p>Answers: {statuses}</p></details>"
    )


def _resolved(schema: Json, schemas: Json) -> Json:
    found: Json = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _kind(schema: Json) -> str:
    """A type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items') or {})}"
    return str(schema.get("type", "any"))
