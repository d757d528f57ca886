"""Whether rules are pure, read off their syntax trees: the modules of the decider, and what they
import of the same project.

What may be imported is a short list; what may not be used are clocks, random, environment, files,
floats and true division, `hash` and `id`, module variables that change, and the order of a set
(as far as names and annotations tell what is a set).
"""

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processors.core.system import System
from processors.core.testing.set_order import SetNames, set_orders

ALLOWED_MODULES = frozenset(
    {
        "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "enum", "functools",
        "heapq", "itertools", "math", "msgspec", "mypy_extensions", "operator", "re",
        "sortedcontainers", "string", "types", "typing",
    }
)  # fmt: skip
ALLOWED_OF_CORE = frozenset(
    {
        "log.envelope",
        "processors.core.decider",
        "processors.core.messages",
        "processors.core.reactor",
    }
)
"""The vocabulary of rules. The rest of the core reads clocks and files."""
ALLOWED_OF_MATH = frozenset({"ceil", "comb", "gcd", "isqrt", "lcm", "perm", "prod"})
FORBIDDEN_NAMES = frozenset(
    {
        "__import__", "breakpoint", "complex", "eval", "exec", "float", "globals", "hash", "id",
        "input", "open", "print",
    }
)  # fmt: skip
FORBIDDEN_ATTRIBUTES = frozenset({"itruediv", "truediv"})


@dataclass(frozen=True)
class Impurity:
    """One place in one file."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def impurities(system: System) -> list[Impurity]:
    """Every impure place in the system's rules and reactors."""
    paths = {*sources_of_rules(system).values(), *_reactor_sources(system)}
    sources = {str(path): path.read_text() for path in sorted(paths)}
    return impurities_in(sources, roots_of(system))


def impurities_in(sources: dict[str, str], roots: Iterable[str] = ()) -> list[Impurity]:
    """Every impure place in some modules, given as path and source text. `roots` are the packages
    that they may import further modules from: those must be among the sources."""
    trees = {path: ast.parse(text) for path, text in sources.items()}
    names = SetNames(trees.values())
    return [
        Impurity(path, line, what)
        for path, tree in trees.items()
        for line, what in sorted(
            {*_impure_places(tree, frozenset(roots)), *set_orders(tree, names)}
        )
    ]


def sources_of_rules(system: System) -> dict[str, Path]:
    """The modules that the system's rules are in and those of the same project that they import,
    by name. The core and libraries are not among them."""
    roots = roots_of(system)
    waiting = list(_modules_of(system))
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        if module in found or module.partition(".")[0] not in roots or _is_core(module):
            continue
        found[module] = source_of(module)
        for _, name in _imports(ast.parse(found[module].read_text())):
            waiting.append(name)
    if not found:
        raise AssertionError(f"{system.name}: no module of its rules was found")
    return dict(sorted(found.items()))


def _reactor_sources(system: System) -> Iterator[Path]:
    """The modules that its reactors are in, without what they import: the systems on both sides
    are looked at themselves."""
    for reactor in system.reactors:
        for react in reactor.on.values():
            module = getattr(getattr(react, "func", react), "__module__", None)
            if module is not None:
                yield source_of(module)


def roots_of(system: System) -> frozenset[str]:
    """The top packages that the rules stand in."""
    modules = [module for module in _modules_of(system) if not _is_core(module)]
    return frozenset(module.partition(".")[0] for module in modules) - {"builtins"}


def source_of(module: str) -> Path:
    """A module's Python source, whether it is compiled or not."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise AssertionError(f"there is no source of the module {module}")
    path = Path(spec.origin)
    return path if path.suffix == ".py" else path.with_name(path.name.partition(".")[0] + ".py")


def _modules_of(system: System) -> Iterator[str]:
    decider, state_format = system.decider, system.decider.state_format
    rules: tuple[Any, ...] = (
        decider.initial,
        decider.decide,
        decider.evolve,
        decider.next_due,
        state_format.to_rows,
        state_format.from_rows,
        *system.commands,
        *system.events,
        *system.upcasters.values(),
    )
    for rule in rules:
        module = getattr(getattr(rule, "func", rule), "__module__", None)  # `func`: of a partial
        if module is not None:
            yield module


def _is_core(module: str) -> bool:
    return module.startswith(("log.", "processors.core."))


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The modules that a module imports, with the line. Relative imports are not used here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if _is_module(inner) else node.module


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is a module, no package
        return False


def _impure_places(tree: ast.Module, roots: frozenset[str]) -> Iterator[tuple[int, str]]:
    for line, module in _imports(tree):
        root = module.partition(".")[0]
        if _is_core(module):
            if module not in ALLOWED_OF_CORE:
                yield line, f"rules may not use {module} of the core"
        elif root not in ALLOWED_MODULES and root not in roots:
            yield line, f"rules may not import {module}"
    for node in ast.walk(tree):
        what = _impurity_of(node)
        if what is not None:
            yield node.lineno, what  # type: ignore[attr-defined]


def _impurity_of(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=float() | complex()):
            return f"the float {node.value!r}"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "true division gives a float: use //"
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            return "a negative power is a float"
        case ast.Name(id=name, ctx=ast.Load()) if name in FORBIDDEN_NAMES:
            return f"rules may not use {name}"
        case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in ALLOWED_OF_MATH:
            return f"math.{name} gives a float"
        case ast.Attribute(attr=name) if name in FORBIDDEN_ATTRIBUTES:
            return f"{name} gives a float"
        case ast.ImportFrom(module="math", names=names):
            for alias in names:
                if alias.name not in ALLOWED_OF_MATH:
                    return f"math.{alias.name} gives a float"
        case ast.ImportFrom(module="operator", names=names):
            for alias in names:
                if alias.name in FORBIDDEN_ATTRIBUTES:
                    return f"{alias.name} gives a float"
        case ast.ImportFrom(level=level) if level:
            return "a relative import: name the module in full"
        case ast.Global(names=variables):
            return f"a module variable that changes ({', '.join(variables)}): it is no state"
    return None
