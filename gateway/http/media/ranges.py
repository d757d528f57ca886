"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

import re
from typing import NamedTuple

RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


class Span(NamedTuple):
    """So many bytes from `first` on."""

    first: int
    size: int


class Unsatisfiable(Exception):
    """The file has none of these bytes."""


def span_of(header: str, size: int) -> Span | None:
    """The range that is asked for, of a file of `size` bytes. None: all of it, as also where the
    header makes no sense, or asks for several ranges (a server may answer those with the whole).
    Errors: Unsatisfiable."""
    found = RANGE.fullmatch(header)
    if found is None or found[0].strip().endswith("=-"):
        return None
    first, last = found[1], found[2]
    if not first:
        begin, end = max(size - int(last), 0), size
    else:
        begin, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < begin:
            return None
    if begin >= size:
        raise Unsatisfiable
    return Span(begin, end - begin)
