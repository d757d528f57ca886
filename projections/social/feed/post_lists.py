"""Lists of posts as text, oldest first: a line a post, its id in 19 digits and its author.

    0000001341100972000bob

Lines sort as posts do by time (`post_id` first), so that lists merge as text, a line is a place to
read on from, and any tool can read a list in a database. A list holds ids alone: what is shown of
a post is looked up when it is shown.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

LENGTH: Final = 400
"""Of a list, at most: the newest posts."""
DIGITS: Final = 19
"""Of any integer that fits 64 bits."""


def line_of(post_id: int, author: str) -> str:
    return f"{post_id:0{DIGITS}}{author}"


def post_of(line: str) -> tuple[str, int]:
    """(author, post id): the key of the post."""
    return line[DIGITS:], int(line[:DIGITS])


def author_of(line: str) -> str:
    return line[DIGITS:]


def text_of(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return text + "\n" if text else ""


def extended(text: str, length: int, new: list[str], most: int) -> tuple[str, int]:
    """A list of `length` lines with the `new` ones (sorted, none in it yet), of which the newest
    `most` stay; and how many it has then.

    New lines nearly always come behind all others: what is older is not taken apart.
    """
    end, first = len(text), new[0]
    while end:
        start = text.rfind("\n", 0, end - 1) + 1
        if text[start : end - 1] < first:
            break
        end = start
    newer = text[end:]
    if newer:
        new = sorted([*newer.splitlines(), *new])
    length += len(new) - newer.count("\n")
    text = text[:end] + text_of(new)
    if length > most:
        text, length = text.split("\n", length - most)[-1], most
    return text, length


def merged(lists: Iterable[str], most: int) -> list[str]:
    """The newest lines of all lists, each once, oldest first."""
    kept: list[str] = []
    oldest = ""
    for text in lists:
        lines = text.splitlines()
        if not lines or lines[-1] < oldest:
            continue
        kept += lines[bisect_right(lines, oldest) :]
        if len(kept) >= 2 * most:
            kept = sorted(set(kept))[-most:]
            oldest = kept[0] if len(kept) == most else ""
    return sorted(set(kept))[-most:]


def newest(lists: Iterable[str], count: int) -> list[str]:
    """The newest lines of all lists, each once, newest first."""
    found: set[str] = set()
    for text in lists:
        lines = text.rsplit("\n", count + 1)
        lines.pop()
        found.update(lines[-count:])
    return sorted(found, reverse=True)[:count]


def below(lines: list[str], place: str, count: int) -> list[str]:
    """Of lines, oldest first: the newest that are older than a place, newest first."""
    end = bisect_left(lines, place)
    return lines[max(end - count, 0) : end][::-1]
