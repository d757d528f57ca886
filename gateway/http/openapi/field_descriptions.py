"""What the source says of the fields of a class: the string below each, as in

    price: int
    \"\"\"In the instrument's unit.\"\"\"

Python keeps the docstrings of classes and not those, so they are read from the module's source.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache


def field_descriptions(kind: type) -> Mapping[str, str]:
    """By field, those of the class and of its bases; of an enumeration, by member."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        found |= _of_module(each.__module__).get(each.__qualname__, {})
    return found


@cache
def _of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """By class; none where the source is not there."""
    try:
        source = inspect.getsource(sys.modules[name])
    except (KeyError, OSError, TypeError):
        return {}
    return {
        node.name: dict(_described(node))
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def _described(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, below in zip(node.body, node.body[1:], strict=False):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
