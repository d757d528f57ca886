"""Lists of posts as text, against plain lists."""

from hypothesis import given
from hypothesis import strategies as some

from projections.social.feed.post_lists import (
    author_of,
    below,
    extended,
    line_of,
    merged,
    newest,
    post_of,
    text_of,
)

LINE = some.builds(line_of, some.integers(0, 30), some.sampled_from(["a", "b", "c_1"]))
LINES = some.sets(LINE, max_size=20).map(sorted)
MOST = some.integers(1, 12)


def test_a_line() -> None:
    line = line_of(1_341_100_972_000, "bob_2")
    assert line == "0000001341100972000bob_2"
    assert (post_of(line), author_of(line)) == (("bob_2", 1_341_100_972_000), "bob_2")
    assert post_of(line_of(2**63 - 1, "a")) == ("a", 2**63 - 1)
    assert line_of(9, "z") < line_of(10, "a") < line_of(10, "a_") < line_of(10, "b")


@given(LINES, LINES, MOST)
def test_extended(old: list[str], new: list[str], most: int) -> None:
    old = old[-most:]
    new = [line for line in new if line not in old] or [line_of(99, "a")]
    expected = sorted([*old, *new])[-most:]
    assert extended(text_of(old), len(old), new, most) == (text_of(expected), len(expected))


@given(some.lists(LINES, max_size=5), MOST)
def test_merged_and_newest(lists: list[list[str]], most: int) -> None:
    expected = sorted({line for lines in lists for line in lines})[-most:]
    texts = [text_of(lines) for lines in lists]
    assert merged(texts, most) == expected
    assert newest(texts, most) == expected[::-1]


@given(LINES, LINE, MOST)
def test_below(lines: list[str], place: str, count: int) -> None:
    expected = [line for line in lines if line < place][::-1][:count]
    assert below(lines, place, count) == expected
