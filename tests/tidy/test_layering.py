"""Imports point one way: a table of who may import whom, held over the syntax tree."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("log", "processors", "projections", "replay", "gateway")
REACTORS_SEE = ("", ".commands", ".events", ".terms")
"""What a system's `reactors.py` may see of another system: the package declares it."""
SHARED = ("processors.media.blobs",)
"""What the systems of a family have in common, and is none itself."""


def imports_of(source: str) -> Iterator[str]:
    """Every module that a module imports, at its top or within a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else node.module


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def is_below(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def system_of(module: str) -> str:
    """`markets.exchange` of `processors.markets.exchange.decider`; empty for the core, and for
    what a family shares."""
    if any(is_below(module, shared) for shared in SHARED):
        return ""
    parts = module.split(".")[1:3]
    return ".".join(parts) if len(parts) == 2 and parts[0] != "core" else ""


def may_import(module: str, other: str) -> bool:
    """Whether `module` may import `other`, both of ours."""
    layer, other_layer = module.partition(".")[0], other.partition(".")[0]
    if layer in ("replay", "gateway"):
        return other_layer in PACKAGES and (layer, other_layer) != ("replay", "gateway")
    if layer == "log":
        return other_layer == "log"
    system, other_system = system_of(module), system_of(other)
    if layer == "processors":
        if other_layer == "processors" and other_system and other_system != system:
            may_see = REACTORS_SEE if module.endswith(".reactors") else (".events",)
            return bool(system) and other.removeprefix(f"processors.{other_system}") in may_see
        return other_layer in ("log", "processors")
    if other_layer == "processors" and other_system:
        return other.endswith(".events")
    if other_layer == "projections" and other_system:
        return other_system == system
    return other_layer in ("log", "processors", "projections")


def modules() -> dict[str, str]:
    """The source of each module of ours, by name."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path.read_text()
    return found


def test_imports_point_one_way() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, source in modules().items()
        for other in imports_of(source)
        if other.partition(".")[0] in (*PACKAGES, "tests", "bench")
        and not may_import(module, other)
    ]
    assert wrong == []


EXCHANGE = "processors.markets.exchange"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("log.record", "from processors.core.messages import Tick"),
        ("log.record", "def late():\n    import processors.core.task"),
        ("processors.core.task", f"from {EXCHANGE}.events import EVENTS"),
        ("processors.core.task", "import replay.verify"),
        (f"{EXCHANGE}.decider", "from projections.core import store"),
        ("processors.social.feed.decider", f"from {EXCHANGE} import decider"),
        ("processors.social.feed.decider", f"from {EXCHANGE}.decider import decide"),
        ("processors.media.blobs.folder", "from processors.media.uploads import decider"),
        ("processors.social.feed.decider", f"from {EXCHANGE}.commands import PlaceOrder"),
        ("processors.social.feed.reactors", f"from {EXCHANGE} import order_book"),
        ("projections.markets.exchange.candles", f"from {EXCHANGE}.commands import PlaceOrder"),
        ("projections.social.feed.posts", "from projections.markets.exchange import candles"),
        ("projections.core.store", "from gateway.config import Config"),
        ("replay.verify", "from gateway.config import Config"),
        ("gateway.config", "from tests.samples.parking import SYSTEM"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert not any(may_import(module, other) for other in imports_of(source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("processors.core.task", "from log.record import Record"),
        (f"{EXCHANGE}.decider", f"from {EXCHANGE}.order_book import OrderBook"),
        ("processors.social.feed.decider", f"from {EXCHANGE}.events import EVENTS"),
        ("projections.markets.exchange.candles", f"from {EXCHANGE}.events import EVENTS"),
        ("projections.markets.exchange.candles", "from projections.core import store"),
        ("processors.social.feed.reactors", f"from {EXCHANGE}.commands import PlaceOrder"),
        ("processors.social.feed.reactors", "from processors.markets import exchange"),
        ("processors.media.video.effects", "from processors.media.blobs import open_blobs"),
        ("replay.verify", "from processors.core.task import Task"),
        ("gateway.cli.replay", "from replay.verify import verify"),
    ],
)
def test_a_right_import_is_let_be(module: str, source: str) -> None:
    assert all(may_import(module, other) for other in imports_of(source))
