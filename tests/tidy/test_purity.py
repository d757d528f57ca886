"""The check of purity finds what it is to find, and nothing in what is pure.

That every registered system passes it is in `tests/test_every_system.py`.
"""

import time
from dataclasses import replace

import pytest

from processors.core.messages import Tick
from processors.core.reactor import Reactor
from processors.core.testing.purity import impurities, impurities_in, sources_of_rules
from tests.samples.parking import SYSTEM
from tests.samples.parking.events import CarParked

IMPURE = [
    ("import time", "rules may not import time"),
    ("from datetime import datetime", "rules may not import datetime"),
    ("def decide():\n    from random import random", "rules may not import random"),
    ("import os.path", "rules may not import os"),
    ("from pathlib import Path", "rules may not import pathlib"),
    ("import uuid as maths", "rules may not import uuid"),
    (
        "from processors.core.workers.running import Clock",
        "rules may not use processors.core.workers",
    ),
    ("from log.backends import wall_clock_ms", "rules may not use log.backends"),
    ("from . import other", "a relative import"),
    ("half = 0.5", "the float 0.5"),
    ("million = 1e6", "the float 1000000.0"),
    ("root = 1j", "the float 1j"),
    ("def mean(a, b): return (a + b) / 2", "true division"),
    ("def mean(a):\n    a /= 2", "true division"),
    ("def tenth(a): return a * 10 ** -1", "a negative power"),
    ("def ratio(a): return float(a)", "rules may not use float"),
    ("price: float", "rules may not use float"),
    ("import math\ndef root(a): return math.sqrt(a)", "math.sqrt gives a float"),
    ("from math import log", "math.log gives a float"),
    ("from operator import truediv", "truediv gives a float"),
    ("def shard(key): return hash(key) % 8", "rules may not use hash"),
    ("def same(a, b): return id(a) == id(b)", "rules may not use id"),
    ("orders.sort(key=id)", "rules may not use id"),
    ("def read(): return open('x').read()", "rules may not use open"),
    ("print('x')", "rules may not use print"),
    (
        "count = 0\ndef decide():\n    global count\n    count += 1",
        "a module variable that changes",
    ),
]

BY_SET_ORDER = [
    "for x in {1, 2}: pass",
    "for x in set(names): pass",
    "names = frozenset(given)\nlisted = [name for name in names]",
    "class Book:\n    ids: set[int]\ndef f(book):\n    for x in book.ids: pass",
    "class Book:\n    def __init__(self):\n        self.ids = set()\ndef f(b): return list(b.ids)",
    "def f(names: set[str]): return {name: 1 for name in names}",
    "def f(names: 'frozenset[str]'): return tuple(names)",
    "def f(names: set[str] | None): return next(iter(names))",
    "def f(names: set[str]): return ','.join(names)",
    "def f(names: set[str]): return names.pop()",
    "def f(names: set[str]): return [*names]",
    "def f(names: set[str]): yield from names",
    "def f(names: set[str]): first, second = names",
    "def f(names: set[str]): return sorted(names, key=len)",
    "def f(names: set[str]): return max(names, key=len)",
    "def f(names: set[str]): return list(enumerate(names))",
    "def f(names: set[str]): return dict.fromkeys(names)",
    "def f(names: set[str], rows): rows.extend(names)",
    "def f(a: dict[str, int], b): return list(a.keys() & b.keys())",
    "def f(a: dict[str, set[int]]):\n    for x in a['x']: pass",
    "def f(a: dict[str, set[int]]): return list(a.get('x'))",
    "def names() -> set[str]: ...\nfor name in names(): pass",
    "a = {1}\nb = a\nc = b | other\nfor x in c: pass",
    "def f(a: set[int]):\n    for x in a.copy(): pass",
    "def f(a: set[int], b):\n    for x in b if b else a: pass",
]

PURE = [
    "from math import isqrt\ndef root(a): return isqrt(a)",
    "def half(a): return a // 2",
    "from collections import OrderedDict",
    "import msgspec",
    "from log.envelope import Command",
    "for x in {'a': 1}: pass",
    "def f(names: set[str]): return sorted(names)",
    "def f(names: set[str]): return sum(len(name) for name in names)",
    "def f(names: set[str]): return any(name == 'x' for name in names)",
    "def f(names: set[str]): return {len(name) for name in names}",
    "def f(names: set[str]): return 'x' in names",
    "def f(rows: list[int]): return rows.pop()",
    "def f(a: dict[str, set[int]]):\n    for x in a: pass",
    "class Order:\n    id: int\ndef f(order): return order.id",
]


@pytest.mark.parametrize(("source", "what"), IMPURE)
def test_what_is_impure_is_found(source: str, what: str) -> None:
    found = impurities_in({"rules.py": source})
    assert any(what in impurity.what for impurity in found), found


@pytest.mark.parametrize("source", BY_SET_ORDER)
def test_the_order_of_a_set_is_found(source: str) -> None:
    found = impurities_in({"rules.py": source})
    assert any("the order of a set" in impurity.what for impurity in found), found


@pytest.mark.parametrize("source", PURE)
def test_what_is_pure_is_let_be(source: str) -> None:
    assert impurities_in({"rules.py": source}) == []


def test_a_set_of_another_module_is_known() -> None:
    state = "class Book:\n    ids: set[int]"
    rules = "def f(book):\n    for x in book.ids: pass"
    assert [str(found) for found in impurities_in({"state.py": state, "rules.py": rules})] == [
        "rules.py:2: the order of a set: sort it, or keep a dict"
    ]


def test_all_modules_of_the_rules_are_looked_at() -> None:
    assert list(sources_of_rules(SYSTEM)) == [
        "tests.samples.parking.commands",
        "tests.samples.parking.decider",
        "tests.samples.parking.events",
    ]


def test_reactors_are_looked_at_too() -> None:
    assert impurities(SYSTEM) == []
    reactor = Reactor(name="late", on={CarParked: read_the_clock})
    found = impurities(replace(SYSTEM, reactors=(reactor,)))
    assert any("rules may not import time" in impurity.what for impurity in found)


def read_the_clock(event: CarParked, at: int) -> list[Tick]:
    return [Tick()] * (time.time_ns() > at)
