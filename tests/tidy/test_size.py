"""How long files, functions and lines may be, how modules are called, and that each says what it
is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("log", "processors", "projections", "replay", "gateway", "bench", "tests")
MODULE_LINES, FUNCTION_LINES, LINE_WIDTH = 600, 70, 99
SAYS_NOTHING = ("utils", "util", "helpers", "helper", "manager", "common", "misc")


def untidy(path: str, source: str) -> Iterator[str]:
    """What is wrong with one module, a line for each."""
    name = Path(path).stem
    lines = source.splitlines()
    if len(lines) >= MODULE_LINES:
        yield f"{path}: {len(lines)} lines; a module has fewer than {MODULE_LINES}"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_WIDTH:
            yield f"{path}:{number}: {len(line)} characters; a line has at most {LINE_WIDTH}"
    if any(word in SAYS_NOTHING for word in name.split("_")):
        yield f"{path}: the name says nothing of what is in it"
    tree = ast.parse(source)
    if not ast.get_docstring(tree) and not (name == "__init__" and not tree.body):
        yield f"{path}: a module begins with what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size >= FUNCTION_LINES:
                yield (
                    f"{path}:{node.lineno}: {node.name} has {size} lines; a function has fewer "
                    f"than {FUNCTION_LINES}"
                )


def test_every_module_is_tidy() -> None:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 50
    found = [
        line for path in paths for line in untidy(str(path.relative_to(ROOT)), path.read_text())
    ]
    assert found == [], "\n".join(found)


LONG = "x = 1\n"


@pytest.mark.parametrize(
    ("path", "source", "what"),
    [
        ("log/big.py", '"""Big."""\n' + LONG * MODULE_LINES, "601 lines"),
        ("log/wide.py", f'"""Wide."""\nx = "{"x" * 100}"\n', "106 characters"),
        ("log/path_utils.py", '"""Paths."""\n', "says nothing"),
        ("log/manager.py", '"""Manages."""\n', "says nothing"),
        ("log/silent.py", "x = 1\n", "begins with what it is"),
        ("log/__init__.py", "x = 1\n", "begins with what it is"),
        ("log/f.py", '"""F."""\ndef f():\n' + f"    {LONG}" * 80, "f has 81 lines"),
    ],
)
def test_what_is_untidy_is_found(path: str, source: str, what: str) -> None:
    assert any(what in line for line in untidy(path, source))


def test_an_empty_init_needs_no_docstring() -> None:
    assert list(untidy("log/__init__.py", "")) == []
