"""Pages of a query's rows, for any query that returns a list, with a cursor between them.

A cursor names the last row given: by its digest, by that of its leading fields (which change less:
an order that is filled in part is still that order), and by how many rows stood before it. The
next page begins behind that row, wherever it stands by now, so that rows which come and go
elsewhere make no page skip or repeat one. Where the row itself is gone, the caller is told to
begin anew. Servers keep nothing between pages.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec

from gateway.http.problems import ProblemFound, problem
from projections.core.read_models import LIMIT, Query

Run = Callable[[Mapping[str, Any]], Any]
"""Asks a query with these arguments."""

PageSize = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
ROWS_MAX = 1_000_000
"""Rows up to the end of a page; behind them a query is to be narrowed."""
DIGEST_BYTES = 9
LEADING_FIELDS = 3


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """As it is written in an address."""

    asked: bytes
    """A digest of the query and its arguments."""
    given: int
    """How many rows stood before the end of the page, its own among them."""
    row: bytes
    lead: bytes


class Page(NamedTuple):
    rows: Sequence[Any]
    next: str
    """The cursor of the page behind it; empty on the last one."""


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Cursor)


def page_of(asked: Query, run: Run, arguments: Mapping[str, Any], size: int, cursor: str) -> Page:
    """Ask by `run`, and give so many rows behind the cursor's; from the beginning where it is
    empty. A `limit` among the arguments is of all pages together. Blocks. Errors: ProblemFound
    (400, 410)."""
    digest = _digest([asked.name, sorted(arguments.items())])
    behind = _parse(cursor, digest) if cursor else None
    limit = arguments.get(LIMIT, ROWS_MAX)
    wanted = (behind.given if behind else 0) + size + 1
    while True:
        rows, is_all = _rows(asked, run, arguments, min(wanted, limit))
        begin = 0 if behind is None else _behind(rows, behind)
        if is_all or wanted >= limit or (begin is not None and begin + size < len(rows)):
            break
        wanted *= 2  # rows were put before it
        if wanted > ROWS_MAX:
            raise problem(400, f"more than {ROWS_MAX} rows: narrow the query", "invalid-query")
    if begin is None:
        raise problem(410, "the row at the cursor is gone: begin without a cursor", "cursor-gone")
    found = rows[begin : begin + size]
    end = begin + len(found)
    following = _written(digest, end, found[-1]) if found and end < len(rows) else ""
    return Page(found[::-1] if asked.keeps_latest else found, following)


def _rows(
    asked: Query, run: Run, arguments: Mapping[str, Any], wanted: int
) -> tuple[Sequence[Any], bool]:
    """At least so many rows, where there are; and whether those are all. Latest ones first, where
    the query keeps those."""
    if asked.limit is None:
        return run(arguments), True
    rows = run({**arguments, LIMIT: wanted})
    return rows[::-1] if asked.keeps_latest else rows, len(rows) < wanted


def _behind(rows: Sequence[Any], cursor: Cursor) -> int | None:
    """Where to go on: behind the row that is closest to where it was, of those that are the same;
    else of those that begin alike."""
    for index in _outwards(cursor.given - 1, len(rows)):
        if _digest(rows[index]) == cursor.row:
            return index + 1
    for index in _outwards(cursor.given - 1, len(rows)):
        if _lead(rows[index]) == cursor.lead:
            return index + 1
    return None


def _outwards(middle: int, count: int) -> Iterator[int]:
    for distance in range(max(middle, count - middle) + 1):
        for index in {middle - distance: None, middle + distance: None}:
            if 0 <= index < count:
                yield index


def _digest(value: Any) -> bytes:
    return hashlib.blake2s(_encoder.encode(value), digest_size=DIGEST_BYTES).digest()


def _lead(row: Any) -> bytes:
    if isinstance(row, msgspec.Struct):
        return _digest([getattr(row, name) for name in row.__struct_fields__[:LEADING_FIELDS]])
    return _digest(row)


def _written(asked: bytes, given: int, last: Any) -> str:
    cursor = Cursor(asked, given, _digest(last), _lead(last))
    return base64.urlsafe_b64encode(_encoder.encode(cursor)).decode().rstrip("=")


def _parse(text: str, asked: bytes) -> Cursor:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        cursor = _decoder.decode(base64.urlsafe_b64decode(padded))
    except (ValueError, msgspec.DecodeError) as error:
        raise _no_cursor() from error
    if cursor.asked != asked or not 0 < cursor.given <= ROWS_MAX:
        raise _no_cursor()
    return cursor


def _no_cursor() -> ProblemFound:
    return problem(
        400,
        "this is no cursor of this query with these arguments: take the address in the Link "
        "header as it is, or begin without a cursor",
        "invalid-cursor",
    )
