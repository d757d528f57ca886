"""Two values compared: a difference iff they are written differently, under a path that tells."""

from copy import deepcopy
from enum import Enum
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log.backends.memory import MemoryLog
from processors.core.decider import StateFormat, digest, whole_state
from processors.core.registry import Registry
from processors.core.testing.subject import decide_all, flow_records, memory_log
from replay.differences import ABSENT, FieldDifference, compare_states, compare_values
from tests.replay.recording import PARKING, append, run
from tests.samples.parking import flow
from tests.samples.parking.decider import Garage, Stay

Told = tuple[str, Any, Any]


def told(differences: Any) -> list[Told]:
    return [(each.path, each.left, each.right) for each in differences]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (1, 2, [("", 1, 2)]),
        (1, True, [("", 1, True)]),
        ([], {}, [("", [], {})]),
        ({"a": 1}, {"a": 1.0}, [("a", 1, 1.0)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("a.b[1]", 2, 3)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2, 3]}}, [("a.b[3]", ABSENT, 3)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        ({"a": ABSENT}, {}, [("a", ABSENT, ABSENT)]),
        ([1, 1, 2], [1, 2, 2], [("[1]", 1, 2)]),
        (
            [["x", 1], ["y", 2]],
            [["w", 0], ["x", 1], ["y", 3]],
            [("[y][1]", 2, 3), ("[w]", ABSENT, ["w", 0])],
        ),
        ([[1.5], [2.5]], [[1.5], [3.5]], [("[1][0]", 2.5, 3.5)]),
        (
            [["a", 1], ["b", 2], ["c", 3]],
            [["b", 2], ["c", 3], ["a", 4]],
            [("[a][1]", 1, 4), ("[a] (follows)", "(nothing)", "[c]")],
        ),
        (
            [["a"], ["b"], ["c"]],
            [["c"], ["b"], ["a"]],
            [("[a] (follows)", "(nothing)", "[b]"), ("[b] (follows)", "[a]", "[c]")],
        ),
    ],
)
def test_values(left: Any, right: Any, expected: list[Told]) -> None:
    found = told(compare_values(left, right))
    assert found == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)
encode = msgspec.json.Encoder(order="deterministic").encode


@given(left=JSON, right=JSON)
@settings(deadline=None)
def test_no_difference_iff_equal(left: Any, right: Any) -> None:
    assert list(compare_values(left, deepcopy(left))) == []
    assert (list(compare_values(left, right)) == []) == (encode(left) == encode(right))


@given(
    st.lists(st.lists(st.integers(0, 3) | st.sampled_from("ab"), max_size=3), max_size=6),
    st.data(),
)
@settings(deadline=None)
def test_a_list_in_another_order_differs(rows: list[Any], data: st.DataObject) -> None:
    other = data.draw(st.permutations(rows))
    assert bool(list(compare_values(rows, other))) == (rows != other)
    more = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
    assert bool(list(compare_values(rows, other + more))) == (rows != other + more)


class Side(Enum):
    BUY = "buy"
    SELL = "sell"


class Row(msgspec.Struct, array_like=True):
    """As the rows of the exchange."""


class Book(Row, tag="book"):
    name: str


class Phase(Row, tag="phase"):
    side: Side
    until: int


class Account(Row, tag="account"):
    number: int
    since: int


class Order(Row, tag="order"):
    order_id: int
    quantity: int
    terms: tuple[int, ...] = ()


ROWS: StateFormat[list[Any]] = StateFormat(
    row_type=Book | Phase | Account | Order, to_rows=iter, from_rows=list
)
LEFT = [
    Book("A"),
    Phase(Side.BUY, 9),
    Account(1, 5),
    Account(2, 5),
    Order(17, 100),
    Book("B"),
    Phase(Side.SELL, 9),
    Account(1, 5),
    Order(18, 50, (1, 2)),
]


def changed(at: int, *rows: Any) -> list[Any]:
    return [*LEFT[:at], *rows, *LEFT[at + 1 :]]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (changed(4, Order(17, 90)), [("order[17].quantity", 100, 90)]),
        (
            changed(8, Order(18, 50, (1, 3))),
            [("order[18].terms[1]", 2, 3)],
        ),
        (changed(6, Phase(Side.BUY, 9)), [("book[B].phase.side", "sell", "buy")]),
        (changed(7, Account(1, 6)), [("book[B].account[1].since", 5, 6)]),
        (
            changed(7, Account(1, 5), Account(3, 7)),
            [("book[B].account[3]", ABSENT, {"type": "account", "number": 3, "since": 7})],
        ),
        (
            changed(4),
            [
                (
                    "order[17]",
                    {"type": "order", "order_id": 17, "quantity": 100, "terms": []},
                    ABSENT,
                )
            ],
        ),
        (
            [*LEFT[:2], LEFT[3], LEFT[2], *LEFT[4:]],
            [("book[A].account[1] (follows)", "book[A].phase", "book[A].account[2]")],
        ),
    ],
)
def test_rows_have_names(right: list[Any], expected: list[Told]) -> None:
    assert told(compare_states(ROWS, LEFT, right)) == expected
    assert bool(expected) == (digest(ROWS, LEFT) != digest(ROWS, right))


def test_a_state_that_is_one_row() -> None:
    left, right = (Garage({"a": Stay("x", 1), "b": Stay("y", 2)}) for _ in range(2))
    right.stays["b"].until_ms = 3
    right.stays["c"] = Stay("z", 4)
    assert compare_states(whole_state(Garage), left, right) == [
        FieldDifference(path="stays.b.until_ms", left=2, right=3),
        FieldDifference(path="stays.c", left=ABSENT, right={"car": "z", "until_ms": 4}),
    ]


def test_states_of_one_garage_differ_iff_their_digests_do() -> None:
    state_format = PARKING.decider.state_format
    log = MemoryLog()
    states = []
    for at in range(0, 60, 6):
        append(log, *islice(flow(1), at, at + 6))
        chunks = [run(log).fold.state]
        states.append(deepcopy(chunks[0]))
    for left in states:
        for right in states:
            is_same = digest(state_format, left) == digest(state_format, right)
            assert (compare_states(state_format, left, right) == []) == is_same


@pytest.mark.parametrize("name", ["exchange", "feed", "hotels", "uploads"])
def test_states_of_a_system(name: str) -> None:
    """What stands in either state and not in the other is told, each row under its own path."""
    system = Registry().find(name).system
    state_format = system.decider.state_format
    records = list(flow_records(system, 3, 300))
    (one, *_), (other, *_) = (
        decide_all(memory_log(system, records[:count]), system) for count in (280, 300)
    )
    found = compare_states(state_format, one.state, other.state)
    paths = [each.path for each in found]
    assert len(paths) == len(set(paths))
    assert (found == []) == (digest(state_format, one.state) == digest(state_format, other.state))
    swapped = compare_states(state_format, other.state, one.state)
    moves = " (follows)"
    assert {
        (each.path, each.left, each.right)
        for each in map(_hashable, found)
        if moves not in each.path
    } == {
        (each.path, each.right, each.left)
        for each in map(_hashable, swapped)
        if moves not in each.path
    }
    assert compare_states(state_format, one.state, one.state) == []


def _hashable(each: FieldDifference) -> FieldDifference:
    left, right = (encode(value) for value in (each.left, each.right))
    return FieldDifference(path=each.path, left=left, right=right)
