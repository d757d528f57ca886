"""Spans of nights against a plain dict of nights."""

from hypothesis import given
from hypothesis import strategies as st

from processors.booking.stays.spans import Spans

NIGHTS = range(30)
RANGES = st.tuples(st.integers(0, 25), st.integers(1, 6))
STEPS = st.lists(
    st.tuples(st.sampled_from(("set", "clear", "past")), RANGES, st.sampled_from("abc"))
)


@given(STEPS)
def test_spans_are_a_dict_of_nights(steps: list[tuple[str, tuple[int, int], str]]) -> None:
    spans: Spans[str] = Spans()
    nights: dict[int, str] = {}
    for kind, (first, length), value in steps:
        end = first + length
        if kind == "set":
            spans.set(first, end, value)
            nights.update(dict.fromkeys(range(first, end), value))
        elif kind == "clear":
            spans.clear(first, end)
            for night in range(first, end):
                nights.pop(night, None)
        else:
            kept = next((s for s, e, v in spans if e > first or v != value), None)
            spans.drop_past(first, value)
            for night in [each for each in nights if kept is None or each < kept]:
                del nights[night]
        told = {night: holder for s, e, holder in spans for night in range(s, e)}
        assert told == nights
        assert list(told) == sorted(told)
        _check_questions(spans, nights, first, end)


def _check_questions(spans: Spans[str], nights: dict[int, str], first: int, end: int) -> None:
    inside = {night: nights[night] for night in range(first, end) if night in nights}
    last = spans.taken_within(first, end)
    assert (last and last[2]) == next(reversed(inside.values()), None)
    assert (spans.stranger_within(first, end) is None) == (not inside)
    stranger = spans.stranger_within(first, end, "a")
    assert (stranger and stranger[2]) == next((v for v in inside.values() if v != "a"), None)
    cut = spans.within(first, end)
    assert {night: v for s, e, v in cut for night in range(s, e)} == inside
    assert [spans.at(night) for night in NIGHTS] == [nights.get(night) for night in NIGHTS]


def test_neighbours_are_those_of_others() -> None:
    spans: Spans[str] = Spans()
    spans.set(2, 4, "a")
    spans.set(6, 8, "own")
    spans.set(8, 9, "b")
    assert spans.before(6) == (4, "a")
    assert spans.before(8) == (8, "own")
    assert spans.before(8, "own") == (4, "a")
    assert spans.before(2) is None
    assert spans.after(4) == (6, "own")
    assert spans.after(5, "own") == (8, "b")
    assert spans.after(9) is None


def test_what_is_past_is_forgotten_up_to_what_must_stay() -> None:
    spans: Spans[str] = Spans()
    for first, value in enumerate("aaba"):
        spans.set(first, first + 1, value)
    spans.drop_past(4, "a")
    assert list(spans) == [(2, 3, "b"), (3, 4, "a")]
    spans.drop_past(3)
    assert list(spans) == [(3, 4, "a")]
