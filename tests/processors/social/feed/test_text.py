"""What is read in texts."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.social.feed.terms import PostKind
from processors.social.feed.text import (
    LETTER,
    hashtags_in,
    is_account,
    is_written,
    mentions_in,
    signature,
)


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@ann", ("ann",)),
        ("hi @Ann, (@bo_1)! @ann", ("ann", "bo_1")),
        ("mail ann@example.org", ()),
        ("https://example.org/@ann", ()),
        ("@@ann", ()),
        ("@ann@example.org", ()),
        ("@" + "x" * 31, ()),
        ("@ann's @bo. @cem", ("ann", "bo", "cem")),
        ("é@ann", ()),
        ("@anné", ()),
        ("@", ()),
    ],
)
def test_mentions(text: str, mentions: tuple[str, ...]) -> None:
    assert mentions_in(text) == mentions


@pytest.mark.parametrize(
    ("text", "hashtags"),
    [
        ("#Rain and #rain", ("rain",)),
        ("#a1, #1a #_x", ("a1", "1a", "_x")),
        ("#2026 #1", ()),
        ("a#b x/#c &#39; ##d", ()),
        ("#a#b #ab#cd", ("a", "ab")),
        ("#Füße #ÉTÉ #日本語 #Привет", ("füße", "été", "日本語", "привет")),
        ("#c++ #rock&roll #💥 #x💥", ("c", "rock", "x")),
        ("# #", ()),
        ("#stop。#go", ("stop", "go")),
    ],
)
def test_hashtags(text: str, hashtags: tuple[str, ...]) -> None:
    assert hashtags_in(text) == hashtags


def test_letters_of_tags_are_letters() -> None:
    """The ranges agree with Unicode's tables for what people write: each letter is one, and no
    punctuation, symbol or space is (but for marks and signs among the scripts' own letters)."""
    letter = re.compile(f"[{LETTER}]")
    common = (*range(0x00C0, 0x0530), *range(0x3041, 0x3097), *range(0x4E00, 0xA000))
    for code in (*common, *range(0xAC00, 0xD7A4)):
        if unicodedata.category(chr(code))[0] == "L":
            assert letter.match(chr(code)), hex(code)
    for code in (*range(0xC0), *range(0x2000, 0x2C00), *range(0x1F000, 0x1FB00)):
        if unicodedata.category(chr(code))[0] in "PSZ" and code != 0x5F:
            assert not letter.match(chr(code)), hex(code)


@given(st.text(alphabet="@#aB1_é /.&💥", max_size=30))
def test_whatever_is_found_is_a_name_or_a_tag(text: str) -> None:
    mentions, hashtags = mentions_in(text), hashtags_in(text)
    assert all(is_account(name) and f"@{name}" in text.lower() for name in mentions)
    assert all(tag and not tag.isdecimal() and f"#{tag}" in text.lower() for tag in hashtags)
    for found in (mentions, hashtags):
        assert len(found) == len(set(found))


@pytest.mark.parametrize("text", ["", "two\nlines", "a\ttab", "مرحبا", "💥", "e\u0301"])
def test_what_can_be_read_is_written(text: str) -> None:
    assert is_written(text)


@pytest.mark.parametrize("text", ["\x00", "a\r\n", "\x7f", "\x9b", "\ud83d"])
def test_what_cannot_is_not(text: str) -> None:
    assert not is_written(text)


def test_a_signature_tells_posts_apart() -> None:
    said = (PostKind.REPLY, "ann", 7, "yes", ("x",))
    assert signature(*said) == signature(*said) > 0
    others = {
        signature(PostKind.QUOTE, *said[1:]),
        signature(said[0], "bo", *said[2:]),
        signature(*said[:2], 8, *said[3:]),
        signature(*said[:3], "no", said[4]),
        signature(*said[:4], ()),
        signature(*said[:4], ("x", "x")),
    }
    assert len(others) == 6 and signature(*said) not in others
