"""Rows have names that tell them apart, and that are the same on both sides for the same row."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from replay.row_names import RowNames, shown_name, written_list, written_rows


class Row(msgspec.Struct, array_like=True):
    """As those of a state."""


class Author(Row, tag="author"):
    name: str


class Post(Row, tag="post"):
    number: int


class Likes(Row, tag="likes"):
    names: list[str]


class Total(Row, tag="total"):
    count: float


class Account(Row, tag="account"):
    number: int


class Standing(Row, tag="standing"):
    account: int
    limit: int
    position: int


ROWS = Author | Post | Likes | Total | Account | Standing


def names(*sides: Sequence[Any]) -> list[list[str]]:
    left, right = (written_rows(ROWS, side) for side in sides)
    found = RowNames(left, right)
    return [
        [shown_name(found.name(side, at), inside=False) for at in range(len(rows))]
        for side, rows in enumerate((left, right))
    ]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([], [], [[], []]),
        ([Total(0.5)], [Total(1.5)], [["total"], ["total"]]),
        ([Author("ann")], [Author("bo")], [["author[ann]"], ["author[bo]"]]),
        ([Total(1), Total(2)], [Total(2)], [["total[#0]", "total[#1]"], ["total[#0]"]]),
        (
            [Author("ann"), Post(1), Author("bo"), Post(1)],
            [Author("bo"), Post(1)],
            [
                ["author[ann]", "author[ann].post", "author[bo]", "author[bo].post"],
                ["author[bo]", "author[bo].post"],
            ],
        ),
        (
            [Author("ann"), Post(1), Likes(["x"]), Post(2), Likes([]), Author("bo"), Post(1)],
            [Author("bo"), Post(1), Likes(["x"])],
            [
                [
                    "author[ann]",
                    "author[ann].post[1]",
                    "author[ann].post[1].likes",
                    "author[ann].post[2]",
                    "author[ann].post[2].likes",
                    "author[bo]",
                    "author[bo].post[1]",
                ],
                ["author[bo]", "author[bo].post[1]", "author[bo].post[1].likes"],
            ],
        ),
    ],
)
def test_names(left: list[Any], right: list[Any], expected: list[list[str]]) -> None:
    assert names(left, right) == expected


def test_the_rows_before_that_are_nearest_name_those_behind_them() -> None:
    """And not others that happen to tell them apart."""
    side = [
        *(Account(1), Author("ann"), Total(0.5), Post(1)),
        *(Account(2), Post(2), Author("bo"), Total(0.5), Post(1)),
    ]
    left, _ = names(side, side)
    assert [name for name in left if name.endswith("total")] == [
        "author[ann].total",
        "author[bo].total",
    ]


def test_a_value_that_changes_is_in_no_name_where_there_is_another() -> None:
    """Two leading values do not tell these apart; the third is no part of what they are."""
    before = [Author("ann"), Standing(1, 9, 5), Author("bo"), Standing(1, 9, 7)]
    after = [Author("ann"), Standing(1, 9, 5), Author("bo"), Standing(1, 9, 8)]
    assert names(before, before)[0][3] == "author[bo].standing"
    assert names(before, after)[1][3] == "author[bo].standing"


def test_rows_are_kept_apart_from_the_state() -> None:
    likes = Likes(["x"])
    written = written_rows(Likes, [likes])
    likes.names.append("y")
    assert written.value(0) == Likes(["x"])
    assert written.encoded == [b'["likes",["x"]]']


def test_a_list_of_json() -> None:
    rows = written_list([["a", 1], ["b", 2]]), written_list([["b", 2]])
    found = RowNames(*rows)
    assert [[shown_name(name, inside=True) for name in side] for side in found.of("")] == [
        ["[a]", "[b]"],
        ["[b]"],
    ]
