"""The document as a page for people: no script, no network."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import msgspec

from gateway.http.listing import SCHEMA_PATH
from gateway.http.openapi.prose import as_html
from gateway.http.openapi.schemas import REF, Json, references

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d9dde3, #333a44);
  --soft: light-dark(#f5f6f8, #1b2027); --faint: light-dark(#59636e, #9aa4b0);
  --get: light-dark(#1a6b3c, #6cc491); --post: light-dark(#7a4a00, #e0b060);
  --link: light-dark(#0b5cad, #7ab7f5);
  font: 15px/1.55 system-ui, sans-serif; background: light-dark(#fff, #12161b);
  color: light-dark(#1c2128, #dfe5ec) }
* { box-sizing: border-box } body { margin: 0; display: grid; grid-template-columns: 15rem 1fr }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.2rem;
  border-right: 1px solid var(--line); background: var(--soft) }
nav a { display: block; padding: .15rem 0; text-decoration: none }
nav b { display: block; font-size: 1.15rem; margin-bottom: .6rem }
main { padding: 1.2rem 2rem 6rem; max-width: 64rem; min-width: 0 }
a { color: var(--link) } a:focus-visible, summary:focus-visible { outline: 2px solid var(--link) }
h1 { margin: 0 0 .4rem } h2 { margin: 3rem 0 .3rem; padding-top: 1rem;
  border-top: 1px solid var(--line) } h3 { margin: 1.4rem 0 .3rem; font-size: 1rem;
  color: var(--faint); font-weight: 600 } h4 { margin: 1rem 0 .2rem; font-size: .85rem;
  color: var(--faint); font-weight: 600 }
code, pre { font: 13px/1.5 ui-monospace, monospace }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; margin: .3rem 0;
  padding: .5rem .7rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 26rem;
  overflow: auto }
details { border-bottom: 1px solid var(--line) } details > div { padding: .1rem 0 1rem 1.1rem }
summary { cursor: pointer; padding: .35rem 0; overflow-wrap: anywhere }
summary:hover { background: var(--soft) } summary span { color: var(--faint) }
.get, .post, .patch, .delete, .head, .options { font: 600 11px ui-monospace, monospace;
  display: inline-block; width: 3.6rem } .get { color: var(--get) } .post { color: var(--post) }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid var(--line);
  padding: .25rem 1rem .25rem 0; vertical-align: top; overflow-wrap: anywhere }
td:first-child { width: 14rem } td p { margin: 0 } td p + p { margin-top: .4rem }
p { margin: .4rem 0 } small { color: var(--faint) }
@media (max-width: 50rem) { body { display: block } nav { position: static; height: auto;
  border: 0 } nav a { display: inline-block; margin-right: 1rem } main { padding: 1rem }
  td { display: block; border: 0; padding: 0 } td:first-child { width: auto; margin-top: .5rem;
  border-top: 1px solid var(--line); padding-top: .4rem } }
"""


def page_of(document: Json) -> str:
    """Systems, their operations with what goes in and out, and the types of all."""
    return Page(document).text()


class Page:
    def __init__(self, document: Json) -> None:
        self._document = document
        self._schemas: Json = document["components"]["schemas"]
        self._responses: Json = document["components"]["responses"]

    def text(self) -> str:
        info, tags = self._document["info"], self._document["tags"]
        links = "".join(
            f'<a href="#{escape(tag["name"])}">{escape(tag["name"])}</a>' for tag in tags
        )
        return "".join(
            (
                '<!doctype html><html lang="en"><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width">',
                f"<title>{escape(info['title'])}: reference</title><style>{STYLE}</style>",
                f'<nav aria-label="Systems"><b>{escape(info["title"])}</b>{links}'
                '<a href="#types">types</a></nav>',
                f"<main><h1>Reference</h1>{as_html(info['description'])}",
                f'<p>For programs: <a href="{SCHEMA_PATH}">OpenAPI 3.1</a>.</p>',
                *(part for tag in tags for part in self._tag(tag)),
                '<h2 id="types">Types</h2>',
                *(self._type(name, schema) for name, schema in self._schemas.items()),
                "</main></html>",
            )
        )

    def _tag(self, tag: Json) -> Iterator[str]:
        yield f'<h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2>'
        yield as_html(tag.get("description", ""))
        group = ""
        for path, operations in self._document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] not in operation.get("tags", ()):
                    continue
                if (named := _group(path)) != group:
                    group = named
                    yield f"<h3>{escape(group)}</h3>"
                yield self._operation(method, path, operation)

    def _operation(self, method: str, path: str, operation: Json) -> str:
        body = operation.get("requestBody")
        return "".join(
            (
                f'<details id="{escape(operation["operationId"])}"><summary>',
                f'<span class="{method}">{method.upper()}</span> <code>{escape(path)}</code> ',
                f"<span>{escape(operation['summary'])}</span></summary><div>",
                as_html(operation.get("description", "")),
                self._parameters(operation.get("parameters", [])),
                self._body(body) if body else "",
                self._answers(operation["responses"]),
                "</div></details>",
            )
        )

    def _parameters(self, parameters: list[Json]) -> str:
        rows = "".join(
            self._row(
                each["name"],
                f"{each['in']}, " + ("required, " if each.get("required") else ""),
                each["schema"],
                each.get("description", ""),
            )
            for each in parameters
        )
        return f"<h4>Parameters</h4><table>{rows}</table>" if rows else ""

    def _body(self, body: Json) -> str:
        parts = []
        for media_type, content in body["content"].items():
            parts.append(f"<h4>Body: <code>{escape(media_type)}</code></h4>")
            schema = content.get("schema", {})
            name = schema.get("$ref", "").removeprefix(REF)
            parts.append(self._fields(self._schemas.get(name, schema)))
            parts.append(_example(content))
        return "".join(parts)

    def _fields(self, schema: Json) -> str:
        required = schema.get("required", ())
        rows = "".join(
            self._row(
                name,
                "required, " if name in required else "",
                field,
                field.get("description", ""),
            )
            for name, field in schema.get("properties", {}).items()
        )
        return f"<table>{rows}</table>" if rows else ""

    def _row(self, name: str, traits: str, schema: Json, about: str) -> str:
        default = ""
        if "default" in schema:
            default = f", else <code>{escape(_json(schema['default']))}</code>"
        return (
            f"<tr><td><code>{escape(name)}</code><td><small>{traits}</small>{kind_of(schema)}"
            f"<small>{default}</small>{as_html(about)}"
        )

    def _answers(self, responses: Mapping[str, Json]) -> str:
        rows = []
        for status, response in sorted(responses.items()):
            if "$ref" in response:
                response = self._responses[response["$ref"].rpartition("/")[2]]
            parts = [escape(response["description"])]
            for media_type, content in response.get("content", {}).items():
                told = kind_of(content.get("schema", {}))
                parts.append(f" <small>{escape(media_type)}</small> {told}{_example(content)}")
            rows.append(f"<tr><td><code>{escape(status)}</code><td>{''.join(parts)}")
        return f"<h4>Answers</h4><table>{''.join(rows)}</table>"

    def _type(self, name: str, schema: Json) -> str:
        inside = self._fields(schema)
        if "properties" not in schema:
            inside = f"<p>{kind_of(schema)}</p>"
        uses = sorted(set(references(schema)) - {name})
        links = ", ".join(_link(each) for each in uses[:12])
        used = f"<p><small>Of: {links}</small></p>" if links and "properties" in schema else ""
        about = as_html(schema.get("description", ""))
        return (
            f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
            f"<div>{about}{inside}{used}</div></details>"
        )


def _group(path: str) -> str:
    for part in ("commands", "queries", "events"):
        if f"/{part}/" in path or path.endswith(f"/{part}"):
            return "events" if part == "events" else part
    return "more"


def kind_of(schema: Json) -> str:
    """A type in a word or two, with its range, as HTML."""
    match schema:
        case {"$ref": reference}:
            return _link(str(reference).removeprefix(REF))
        case {"const": value}:
            return f"<code>{escape(_json(value))}</code>"
        case {"enum": values}:
            return " or ".join(f"<code>{escape(_json(value))}</code>" for value in values)
        case {"anyOf": several} | {"oneOf": several}:
            return " or ".join(kind_of(each) for each in several)
        case {"type": "array"}:
            return f"list of {kind_of(schema.get('items') or {})}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {kind_of(values)}"
    kind = schema.get("type", "anything")
    return f"{escape(str(kind))}<small>{escape(_range(schema))}</small>"


def _range(schema: Json) -> str:
    """What is said of a value beside its type; 64 bits are understood."""
    low, high = schema.get("minimum"), schema.get("maximum")
    parts = []
    if low is not None and low > -(1 << 63):
        parts.append(f"from {low}")
    if high is not None and high < (1 << 63) - 1:
        parts.append(f"to {high}")
    if "exclusiveMinimum" in schema:
        parts.append(f"above {schema['exclusiveMinimum']}")
    if "exclusiveMaximum" in schema:
        parts.append(f"below {schema['exclusiveMaximum']}")
    if "minLength" in schema or "maxLength" in schema:
        low, high = schema.get("minLength", 0), schema.get("maxLength", "any")
        parts.append(f"of {low} to {high} characters")
    if "pattern" in schema:
        parts.append(f"like {schema['pattern']}")
    return f" {', '.join(parts)}" if parts else ""


def _link(name: str) -> str:
    return f'<a href="#{escape(name)}">{escape(name)}</a>'


def _example(content: Json) -> str:
    if "example" not in content:
        return ""
    example = content["example"]
    text = example if isinstance(example, str) else _pretty(example)
    return f"<pre>{escape(text)}</pre>"


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
