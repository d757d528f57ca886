"""What the rules read in texts: names, mentions, hashtags, and whether it was said before.

Characters are told by ranges of code points and not by Unicode's tables, which differ between
versions of Python: the same text gives the same tags for ever. A letter of a tag is one of
`a-z A-Z 0-9 _`, or any other from U+00C0 on that is no punctuation, symbol or emoji.
"""

import re
from typing import Final

from processors.social.feed.terms import PostKind

ACCOUNT: Final = re.compile(r"[a-z0-9_]{1,30}")
UNWRITTEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, but for the tab and the end of a line; halves of surrogate pairs."""
LETTER: Final = (
    "a-zA-Z0-9_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u2e80-\u2fef\u3005-\u3007"
    "\u3021-\ud7ff\uf900-\ufdff\ufe70-\ufefe\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc"
    "\U00010000-\U0001efff\U00020000-\U0003ffff"
)
MENTION: Final = re.compile(
    rf"@(?<![{LETTER}@/].)([a-zA-Z0-9_]{{1,30}})(?![{LETTER}@])", re.DOTALL
)
HASHTAG: Final = re.compile(rf"#(?<![{LETTER}#&/].)([{LETTER}]+)", re.DOTALL)
"""What may not stand before the sign is looked at behind it: to search for the sign is 15 times as
fast as to look at what is behind each character."""
DIGITS: Final = re.compile(r"[0-9]*")
SIGNATURES: Final = 2**61 - 1
"""A prime."""


def is_account(name: str) -> bool:
    return ACCOUNT.fullmatch(name) is not None


def is_written(text: str) -> bool:
    """Whether it holds nothing but what can be read."""
    return UNWRITTEN.search(text) is None


def mentions_in(text: str) -> tuple[str, ...]:
    """The accounts that it names (`@Ann` is `ann`), each once, in order. Not `x@y`, which is an
    address, nor `/@y`, which is part of one."""
    if "@" not in text:
        return ()
    return tuple(dict.fromkeys(name.lower() for name in MENTION.findall(text)))


def hashtags_in(text: str) -> tuple[str, ...]:
    """Its tags, in lower case and without `#`, each once, in order. One of digits alone is a
    number, and one within a word or an address is none."""
    if "#" not in text:
        return ()
    tags = dict.fromkeys(tag.lower() for tag in HASHTAG.findall(text))
    return tuple(tag for tag in tags if not DIGITS.fullmatch(tag))


def signature(
    kind: PostKind, parent_author: str, parent_id: int, text: str, media: tuple[str, ...]
) -> int:
    """A number from 1 up that two posts share if they say the same, and else hardly ever. To find
    another post with the same one is no great work, and does no harm: its own author may not post
    it right after."""
    said = "\n".join((kind.value, parent_author, str(parent_id), text, *media))
    return int.from_bytes(said.encode(), "big") % SIGNATURES + 1
