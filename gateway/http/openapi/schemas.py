"""The schemas of an OpenAPI document: msgspec writes them (JSON Schema 2020-12, as OpenAPI 3.1
wants it), and here they get what generators of clients need: names that no other system can take
(`MarketsExchangePlaceOrder`), descriptions of fields, patterns that every language reads, one
value as a constant, and which fields an answer always has.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.http.openapi.field_descriptions import field_descriptions
from log.envelope import Event

Json = dict[str, Any]

REF = "#/components/schemas/"
HOUSE = ("gateway", "log", "replay", "processors.core", "projections.core")
"""Their structs belong to no system, and have no prefix."""
OWN = ("Answer", "Event", "Problem")
"""What the gateway makes of each system; `add` takes them."""
FAMILIES = ("processors", "projections")
INTEGER = {"minimum": -(1 << 63), "maximum": (1 << 63) - 1}
"""Of integers that say nothing of themselves: what the log and databases hold."""


class Schemas:
    """Components, by name, as far as `of` was asked for them. `packages` are those of systems, by
    the prefix that their structs have; `sources` are structs that others were derived from, and
    have what the source says of their fields."""

    def __init__(
        self, packages: Mapping[str, str], sources: Mapping[type, type] | None = None
    ) -> None:
        self.components: Json = {}
        self._packages = packages
        self._sources = sources or {}
        self._names: dict[type, str] = {}
        self._taken: dict[str, object] = {
            prefix + own: "the gateway's" for prefix in packages.values() for own in OWN
        }

    def add(self, name: str, schema: Json) -> Json:
        """A component of one's own; returns the reference to it."""
        self.components[name] = schema
        return {"$ref": REF + name}

    def of(self, kind: Any) -> Json:
        """A reference to a struct's or an enumeration's component, made where it is not there
        yet; of another type, its schema."""
        if kind in self._names:
            return {"$ref": REF + self._names[kind]}
        named = list(dict.fromkeys(_named(msgspec.inspect.type_info(kind))))
        told, components = msgspec.json.schema_components([*named, kind], ref_template="{name}")
        names: dict[str, str] = {}
        for each, reference in zip(named, told, strict=False):
            names[reference["$ref"]] = self._name(each)
        for each, reference in zip(named, told, strict=False):
            name = self._names[each]
            if name not in self.components:
                written = mended(components[reference["$ref"]], names)
                self.components[name] = written
                _describe(written, each, self._sources.get(each, each))
        found: Json = mended(told[-1], names)
        return found

    def resolved(self, schema: Json) -> Json:
        """What a reference leads to."""
        found: Json = schema
        if "$ref" in schema:
            found = self.components[schema["$ref"].removeprefix(REF)]
        return found

    def require(self, requests: Iterable[Any]) -> None:
        """Say of structs that are answers alone which fields they always have: all, but where
        defaults are left out. `requests` are the schemas of what is sent in."""
        sent: set[str] = set()
        left = list(references(list(requests)))
        while left:
            if (name := left.pop()) not in sent:
                sent.add(name)
                left += references(self.components[name])
        for kind, name in self._names.items():
            if name in sent or not issubclass(kind, msgspec.Struct):
                continue
            schema = self.components[name]
            always = schema["required"]
            if not kind.__struct_config__.omit_defaults:
                always = list(schema["properties"])
            elif issubclass(kind, Event):
                always = ["sequence", *always]
            schema["required"] = list(dict.fromkeys(always))

    def _name(self, kind: type) -> str:
        """The struct's, behind that of its system; where the system has two of the name, behind
        that of its module as well."""
        if kind not in self._names:
            prefix, module = self._owner(kind.__module__)
            name = prefix + kind.__name__
            if name in self._taken:
                name = prefix + pascal(module.rpartition(".")[2]) + kind.__name__
            if name in self._taken:
                other = self._taken[name]
                raise TypeError(f"{kind} and {other} would have one name in OpenAPI: rename one")
            self._names[kind] = name
            self._taken[name] = kind
        return self._names[kind]

    def _owner(self, module: str) -> tuple[str, str]:
        """The prefix, and what is left of the module's name."""
        dotted = f"{module}."
        for package, prefix in self._packages.items():
            if dotted.startswith(f"{package}."):
                return prefix, dotted.removeprefix(f"{package}.").rstrip(".")
        if dotted.startswith(tuple(f"{each}." for each in HOUSE)):
            return "", module
        top, *parts = module.split(".")
        if top in FAMILIES and len(parts) >= 2:  # of a system that is not served
            return pascal(".".join(parts[:2])), ".".join(parts[2:])
        return "", module


def pascal(name: str) -> str:
    """`MarketsExchange` of `markets.exchange`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", name))


def _named(node: Any) -> Iterator[type]:
    """All structs and enumerations within a type, it first."""
    seen: set[type] = set()
    left = [node]
    while left:
        node = left.pop()
        if isinstance(node, msgspec.inspect.Type):
            kind = getattr(node, "cls", None)
            if kind is not None and not isinstance(node, msgspec.inspect.CustomType):
                if kind in seen:
                    continue
                seen.add(kind)
                yield kind
            left += [getattr(node, name) for name in reversed(node.__struct_fields__)]
        elif isinstance(node, msgspec.inspect.Field):
            left.append(node.type)
        elif isinstance(node, tuple):
            left += reversed(node)


def mended(schema: Any, names: Mapping[str, str]) -> Any:
    """As msgspec wrote it, and readable in any language. `names` are those of references that it
    did not know."""
    if isinstance(schema, list):
        return [mended(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made: Json = {}
    for name, value in schema.items():
        match name:
            case "title":  # generators take it for the name, and it is not the only one
                pass
            case "properties":  # their names are not ours
                made[name] = {field: mended(each, names) for field, each in value.items()}
            case "default" | "enum" | "const" | "required" | "example":
                made[name] = value
            case _:
                made[name] = mended(value, names)
    if isinstance(reference := made.get("$ref"), str) and reference in names:
        made["$ref"] = REF + names[reference]
    if "discriminator" in made and "anyOf" in made:
        mapping = made["discriminator"]["mapping"]
        made["discriminator"]["mapping"] = {tag: REF + names[n] for tag, n in mapping.items()}
        made["oneOf"] = made.pop("anyOf")
    if isinstance(pattern := made.get("pattern"), str):
        made["pattern"] = pattern.replace(r"\Z", "$").replace(r"\A", "^")
    if isinstance(values := made.get("enum"), list):
        made = _enumerated(made, values)
    if made.get("type") == "integer":
        made = {**INTEGER, **made, "format": "int64"}
    if made.get("type") == "array":
        if made.get("items") is False:  # `maxItems` says it, and more readers know that
            del made["items"]
        elif "prefixItems" not in made:
            made.setdefault("items", {})
    return made


def _enumerated(schema: Json, values: list[Any]) -> Json:
    kinds = {type(value) for value in values}
    if kinds == {str}:
        schema = {"type": "string", **schema}
    elif kinds == {int}:
        schema = {"type": "integer", **schema}
    if len(values) == 1:
        del schema["enum"]
        schema["const"] = values[0]
    return schema


def _describe(schema: Json, kind: type, source: type) -> None:
    """Docstrings, of the type and below its fields."""
    about = schema.pop("description", None) and inspect.getdoc(source)
    told = field_descriptions(source)
    if members := [name for name in told if "enum" in schema]:
        lines = [f"- `{_value(kind, name)}`: {told[name]}" for name in members]
        about = "\n\n".join([about or "", "\n".join(lines)]).strip()
    for name, field in schema.get("properties", {}).items():
        if name in told and "description" not in field:
            field["description"] = told[name]
    if about:
        schema["description"] = about


def _value(kind: Any, name: str) -> Any:
    return kind[name].value if name in kind.__members__ else name


def references(node: Any) -> Iterator[str]:
    """The names of all components that a part of the document leads to at once."""
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str) and reference.startswith(REF):
            yield reference.removeprefix(REF)
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)
