"""What the registry refuses."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest

from processors.core.reactor import Reactor
from processors.core.registry import Registry, UnknownSystem
from processors.core.system import System
from tests.samples.relay import FINISH, MIDDLE, START, Passed, on


def package(monkeypatch: pytest.MonkeyPatch, system: System) -> str:
    """A package that declares the system."""
    module = ModuleType(f"shop.{system.name}")
    module.SYSTEM = system  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for parent in ("shop", "shop.relay"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    return module.__name__


def test_two_systems_do_not_declare_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Reactor(name="again", source=START, target=MIDDLE, on={Passed: on})
    finish = replace(FINISH, reactors=(*FINISH.reactors, again))
    names = [package(monkeypatch, system) for system in (START, MIDDLE, finish)]
    with pytest.raises(UnknownSystem, match=r"relay.middle and relay.finish both declare"):
        Registry(names)


def test_one_system_may_declare_several_reactors_on_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Reactor(name="again", source=MIDDLE, on={Passed: on})
    finish = replace(FINISH, reactors=(*FINISH.reactors, again))
    names = [package(monkeypatch, system) for system in (START, MIDDLE, finish)]
    assert Registry(names).find("relay.finish").system is finish


def test_all_that_reactors_connect_is_found() -> None:
    assert FINISH.connected == (FINISH, MIDDLE, START)
    assert START.connected == (START,)
