"""What rules get from elsewhere: a library that means well, and goes by more than it is given."""

import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from tests.replay.planted.messages import Say

_numbers = 0
rank: Callable[[object], int] = id


def stamped(command: Say, at: int) -> str:
    now = time.time()  # HERE: library_clock
    return f"{command.words} at {now:.3f}"


def receipt(command: Say, at: int, clock: Callable[[], float] = time.monotonic) -> str:
    return f"{command.words} #{clock():.3f}"  # HERE: default_argument


@functools.cache
def opened() -> str:
    return datetime.now().isoformat()  # HERE: cached


def since_opening(command: Say, at: int) -> str:
    return f"{command.words} since {opened()}"


def day(command: Say, at: int) -> str:
    moment = time.localtime(at // 1000)  # HERE: time_zone
    return f"{command.words} on {moment.tm_mday}"


def weekday(command: Say, at: int) -> str:
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{command.words} on {moment:%A}"  # HERE: weekday


def split(words: str) -> Iterable[str]:
    return set(words.split())


def numbered(command: Say, at: int) -> str:
    global _numbers
    _numbers += 1
    return f"{_numbers}: {command.words}"  # HERE: counter


def lucky(command: Say, at: int) -> str:
    draw = getattr(sys.modules["random"], "rand" + "int")
    return f"{command.words} {draw(1, 10**6)}"  # HERE: getattr_trick


def discounted(command: Say, at: int) -> str:
    discount = int(os.environ.get("DISCOUNT", "0"))  # HERE: environment
    return f"{command.amount - discount} for {command.words}"


def here(command: Say, at: int) -> str:
    return f"{command.words} in {os.getcwd()}"  # HERE: folder


def threaded(command: Say, at: int) -> str:
    return f"{command.words} by {threading.get_native_id()}"  # HERE: unrepeatable


def shelf(text: str) -> int:
    return hash(text) % 1000  # HERE: evolve_hash
