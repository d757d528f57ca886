"""A plain value of a type: what an example needs where the flow holds no such command."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.http.openapi.schemas import Json, Schemas

TEXT = "example"
DEPTH = 8


class Plain:
    """By the schemas of a document."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._text = TEXT

    def compose(self, kind: Any, values: Mapping[str, Any], text: str = TEXT) -> Any:
        """Of a type: what it needs, from `values` by the names of fields where they fit, and else
        the least, and the text. None where that does not make one."""
        self._text = text
        try:
            return msgspec.convert(self._made(self._schemas.of(kind), values, DEPTH), kind)
        except (ValueError, TypeError):
            return None

    def _made(self, schema: Json, values: Mapping[str, Any], depth: int) -> Any:
        schema = self._schemas.resolved(schema)
        if depth == 0:
            return None
        match schema:
            case {"const": value} | {"default": value} | {"enum": [value, *_]}:
                return value
            case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
                return self._made(first, values, depth - 1)
            case {"type": "object"}:
                properties = schema.get("properties", {})
                return {
                    name: values[name]
                    if _fits(values.get(name), self._schemas.resolved(properties[name]))
                    else self._made(properties[name], values, depth - 1)
                    for name in schema.get("required", [])
                }
            case {"type": "array", "prefixItems": parts}:
                return [self._made(each, values, depth - 1) for each in parts]
            case {"type": "array"}:
                count = schema.get("minItems", 0)
                return [self._made(schema["items"], values, depth - 1)] * count
            case {"type": "integer"}:
                least = schema.get("minimum", 0)
                return least if least > 0 else schema.get("exclusiveMinimum", -1) + 1
            case {"type": "number"}:
                return max(schema.get("minimum", 0), 0)
            case {"type": "boolean"}:
                return False
            case {"type": "string", "format": "date"}:
                return "2024-01-01"
            case {"type": "string"}:
                return self._text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
        return None


def _fits(value: Any, schema: Json) -> bool:
    """Whether it is of the kind; msgspec has the last word."""
    kinds = {"string": str, "integer": int, "boolean": bool}
    if "enum" in schema:
        return value in schema["enum"]
    return type(value) is kinds.get(schema.get("type", ""))
