"""The header `Range`, by RFC 9110."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.media.ranges import Span, Unsatisfiable, span_of


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", Span(0, 10)),
        ("bytes=90-", Span(90, 10)),
        ("bytes=90-900", Span(90, 10)),
        ("bytes=-10", Span(90, 10)),
        ("bytes=-900", Span(0, 100)),
        ("BYTES= 5-5 ", Span(5, 1)),
        ("", None),
        ("bytes=-", None),
        ("bytes=9-0", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-9", None),
        ("bytes=0x1-9", None),
        ("bytes=\u0661-\u0662", None),
    ],
)
def test_what_is_asked_for(header: str, expected: Span | None) -> None:
    assert span_of(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_what_is_not_there(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        span_of(header, size)


@given(st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}", fullmatch=True), st.integers(0, 10**12))
def test_a_range_is_always_within_the_file(header: str, size: int) -> None:
    try:
        span = span_of(header, size)
    except Unsatisfiable:
        return
    if span is not None:
        assert span.size > 0
        assert 0 <= span.first <= span.first + span.size <= size
