"""Patches of values: applied by another library, they give the value, and they are small."""

import json
from typing import Any

import jsonpatch
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.live.changes import changes_between

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text("ab~/", max_size=3), inner)
    ),
    max_leaves=30,
)
ROWS = st.lists(st.fixed_dictionaries({"id": st.integers(0, 12), "n": st.integers(0, 2)}))


def patch_of(before: Any, after: Any) -> list[dict[str, Any]]:
    encoded = [msgspec.json.encode(each) for each in (before, after)]
    patch: list[dict[str, Any]] = json.loads(
        msgspec.json.encode(list(changes_between(encoded[0], encoded[1])))
    )
    return patch


def applied(before: Any, patch: list[dict[str, Any]]) -> Any:
    return jsonpatch.apply_patch(before, patch)


def shown(value: Any) -> str:
    """As JSON has it: True is not 1, and the order of names says nothing."""
    return json.dumps(value, sort_keys=True)


@given(VALUES, VALUES)
def test_any_value_becomes_any_other(before: Any, after: Any) -> None:
    assert shown(applied(before, patch_of(before, after))) == shown(after)


@given(ROWS, ROWS)
def test_any_rows_become_any_others(before: Any, after: Any) -> None:
    patch = patch_of(before, after)
    assert shown(applied(before, patch)) == shown(after)
    assert len(patch) <= 2 * max(len(before), len(after))


@given(ROWS, st.randoms(use_true_random=False))
def test_rows_that_stay_are_left_alone(rows: list[Any], draw: Any) -> None:
    """Given rows that are all different, of which some go and one comes."""
    before = [dict(each, place=place) for place, each in enumerate(rows)]
    gone = {place for place in range(len(before)) if draw.random() < 0.3}
    after = [each for each in before if each["place"] not in gone]
    after.insert(draw.randrange(len(after) + 1), {"place": "new"})
    patch = patch_of(before, after)
    assert shown(applied(before, patch)) == shown(after)
    of_rows = [each["op"] for each in patch if each["path"].count("/") == 1]
    assert of_rows.count("remove") <= len(gone)
    assert of_rows.count("add") <= 1


TAPE = [{"trade": number, "price": 100 + number % 3} for number in range(20)]
MOVED = {**TAPE[2], "price": 7}
SMALL = {  # before, after, operations
    "a tape moves on": (TAPE[10:0:-1], TAPE[11:1:-1], ["add /0", "remove /10"]),
    "one field of a row": (TAPE[:3], [*TAPE[:2], MOVED], ["replace /2/price"]),
    "the first row goes": (TAPE[:3], TAPE[1:3], ["remove /0"]),
    "a row in the middle": (TAPE[:4], [*TAPE[:2], TAPE[9], *TAPE[2:4]], ["add /2"]),
    "nothing": (TAPE, TAPE, []),
    "another kind": (None, TAPE[0], ["replace "]),
    "from none to one": ([], TAPE[:1], ["add /0"]),
    "names with escapes": ({"a/b": 1, "~": 1}, {"a/b": 2}, ["remove /~0", "replace /a~1b"]),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_changes(name: str) -> None:
    before, after, wanted = SMALL[name]
    patch = patch_of(before, after)
    assert [f"{each['op']} {each['path']}" for each in patch] == wanted
    assert shown(applied(before, patch)) == shown(after)
