"""Texts of values that are the same in every process, and where two traces part."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec
import pytest

from replay.hostile.lines import Entry, LineTrace, function_name, is_followed, parting, text_of
from tests.replay.planted.messages import Say


class Colour(Enum):
    RED = 1


@dataclass
class Point:
    x: int
    tags: set[str]


class Slotted:
    __slots__ = ("a", "missing")

    def __init__(self) -> None:
        self.a = [1]


def loop() -> list[Any]:
    around: list[Any] = []
    around.append(around)
    return around


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1.5, "1.5"),
        ({"b": 1, "a": (2, "x")}, "{'b': 1, 'a': tuple(2, 'x')}"),
        ({"c", "a", "b"}, "{'a', 'b', 'c'}"),
        (deque([b"x"]), "deque(b'x')"),
        (Point(1, {"q", "p"}), "Point(x=1, tags={'p', 'q'})"),
        (Slotted(), "Slotted(a=list(1))"),
        (Colour.RED, "<Colour.RED: 1>"),
        (iter([1]), "list_iterator()"),
        (text_of, "text_of"),
        (object(), "object()"),
        (list(range(1000)), "list(" + ", ".join(map(str, range(299))) + ", ...)"),
    ],
)
def test_text(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_text_of_structs_and_of_what_holds_itself() -> None:
    assert text_of(Say(words="a", amount=1)).endswith("words='a', amount=1)")
    assert text_of(loop()).count("list(") == 61


def test_what_is_followed() -> None:
    followed = {
        __file__: True,
        msgspec.__file__: True,  # a library
        json.__file__: False,
        text_of.__code__.co_filename: False,  # ours
        "<string>": False,
    }
    assert {file: is_followed(file) for file in followed} == followed


def test_names_of_functions() -> None:
    assert function_name("decide.<locals>.<listcomp>.<locals>.<lambda>") == "decide"
    assert function_name("decide.<locals>.inner") == "decide.<locals>.inner"


def traced(function: Callable[..., Any], *arguments: Any) -> list[Entry]:
    trace = LineTrace()
    trace.start()
    try:
        function(*arguments)
    except ZeroDivisionError:
        pass
    finally:
        trace.stop()
    return trace.entries


def chosen(draw: Callable[[], int]) -> int:
    number = draw()
    if number > 5:
        return 1
    return 0


def divided(draw: Callable[[], int]) -> int:
    total = 0
    total += 10 // draw()
    return total


def summed(draw: Callable[[], int]) -> int:
    return sum(draw() for _ in range(2))


@pytest.mark.parametrize(
    ("function", "line", "one", "other"),
    [
        (chosen, 1, "number = 1", "number = 7"),
        (divided, 2, "total = 10", "total = 1"),
        (summed, 1, "returns 1", "returns 7"),
    ],
)
def test_where_two_traces_part(
    function: Callable[..., Any], line: int, one: str, other: str
) -> None:
    """Builtins give the values, so that no line of theirs is traced."""
    draws = ([0].__len__, [0, 0, 0, 0, 0, 0, 0].__len__)
    parted = parting(*(traced(function, draw) for draw in draws))
    assert parted is not None
    entry, *texts = parted
    assert entry.cause.function == function.__qualname__
    assert entry.cause.line == function.__code__.co_firstlineno + line
    assert texts == [one, other]


def test_an_exception_parts_them() -> None:
    parted = parting(*(traced(divided, draw) for draw in ([0].__len__, [].__len__)))
    assert parted is not None
    entry, one, other = parted
    assert entry.cause.line == divided.__code__.co_firstlineno + 2
    assert one.startswith("line at line") and other.startswith("exception at line")


def test_equal_traces_do_not_part() -> None:
    traces = [traced(chosen, [0].__len__) for _ in range(2)]
    assert parting(*traces) is None
    assert [entry.event for entry in traces[0]] == ["call", "line", "line", "line", "return"]
    longer = parting(traces[0], traces[0][:-1])
    assert longer is not None and longer[2] == "ended"
