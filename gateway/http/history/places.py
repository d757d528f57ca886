"""Places in history, as requests name them: `1042` (a command's offset), `2024-05-01T09:30:00Z`
(all up to that time), or `end`. What is no place, or none that is there, is a problem.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.http.problems import problem
from log.errors import OffsetOutOfRange
from processors.core.fold import SequenceGap
from replay.state import END, At, parse_at

OFFSET_MAX = 1 << 62
EARLIEST_MS = -62_135_596_800_000
"""The year 1."""


def place_in(text: str, name: str = "at") -> At:
    """Errors: ProblemFound (400)."""
    if text in ("", "end"):
        return END
    try:
        at = parse_at(text)
        if at.command_offset is None or (text.isascii() and at.command_offset < OFFSET_MAX):
            return at
    except (ValueError, OverflowError):
        pass
    raise problem(
        400,
        f"{name}={text[:80]!r} is no place: give a command offset (1042), a time "
        "(2024-05-01T09:30:00Z), or `end`",
        "no-such-place",
    )


def whole_number(
    given: Mapping[str, str], name: str, default: int, least: int = 0, most: int = OFFSET_MAX
) -> int:
    """One of a request's numbers. Errors: ProblemFound (400)."""
    text = given.get(name, str(default))
    digits = text.removeprefix("-")
    if text.isascii() and digits.isdecimal() and len(digits) < 20 and least <= int(text) <= most:
        return int(text)
    upper = f" to {most}" if most < OFFSET_MAX else " or more"
    raise problem(400, f"{name}={text[:80]!r} is no whole number of {least}{upper}")


@contextmanager
def placed() -> Iterator[None]:
    """What history does not hold is a problem of the one who asks: 404."""
    try:
        yield
    except OffsetOutOfRange as error:
        raise problem(404, str(error), "no-such-place") from error
    except SequenceGap as error:
        raise problem(410, f"history has a gap here: {error}", "damaged-history") from error
