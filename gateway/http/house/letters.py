"""Dead letters over HTTP: listed, one whole, and retried as `refold dead-letters retry` does it:
with the earlier waiting ones of its key, in order, each once."""

import re
from typing import Any

import msgspec

from gateway.http.catalogue import Served
from gateway.http.house.told import LetterPage, LetterWhole, Retried
from gateway.http.problems import problem
from log.codec import DECODE_ERRORS
from log.errors import PartitionFenced
from processors.core.dead_letters import DeadLetters, Letter, RetryRefused

PAGE = 50
PAGE_MAX = 500
INTEGERS = 1 << 63


def listed(served: Served, cursor: str, limit: int, waiting: bool) -> LetterPage:
    """By partition, and by offset within. Errors: ProblemFound."""
    number, offset = _place_of(cursor)
    found: list[Letter] = []
    for each in range(number, served.partitions):
        letters = DeadLetters(served.log, served.system, each).letters()
        found += [
            letter
            for letter in letters
            if (each, letter.offset) >= (number, offset)
            and not (waiting and letter.status == "retried")
        ]
        if len(found) > limit:
            break
    page, rest = found[:limit], found[limit:]
    return LetterPage(letters=page, next=f"{rest[0].partition}:{rest[0].offset}" if rest else None)


def whole(served: Served, number: int, offset: int) -> LetterWhole:
    """Errors: ProblemFound (404)."""
    letter = _find(served, number, offset)
    value = (letter.value or "").encode()
    codec = served.system.command_codec(
        served.log.partition(served.system.commands_topic, number).config
    )
    reason = ""
    try:
        codec.decode(value)
    except DECODE_ERRORS as error:
        reason = str(error)
    return LetterWhole(letter=letter, command=_json_of(value), decodes=not reason, problem=reason)


def retried(served: Served, number: int, offset: int) -> Retried:
    """Errors: ProblemFound (404, 409, 503)."""
    _find(served, number, offset)
    try:
        letters = DeadLetters(served.log, served.system, number).retry(offset)
    except RetryRefused as error:
        raise problem(409, str(error), "retried-already") from error
    except PartitionFenced as error:
        raise problem(503, "somebody else retries dead letters of this partition now") from error
    return Retried(retried=letters)


def _find(served: Served, number: int, offset: int) -> Letter:
    served.check_partition(number)
    try:
        return DeadLetters(served.log, served.system, number).find(offset)
    except RetryRefused as error:
        raise problem(404, str(error)) from error


def _place_of(cursor: str) -> tuple[int, int]:
    """Errors: ProblemFound (400)."""
    if not cursor:
        return 0, 0
    match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,19})", cursor)
    if match is None or int(match[2]) >= INTEGERS:
        raise problem(
            400, f"{cursor!r} is no PARTITION:OFFSET: take `next` of a page", "invalid-query"
        )
    return int(match[1]), int(match[2])


def _json_of(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
