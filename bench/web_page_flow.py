"""The commands of `bench.web_page`, from a process of their own onto a log that another serves.

python -m bench.web_page_flow LOG trades COUNT               so many trades, at once
python -m bench.web_page_flow LOG book FROM COUNT PER_SECOND one instrument's share of the
    exchange's seeded flow, from the command of a number on, at a steady rate; 0: at once
"""

import sys
import time
from collections.abc import Iterator
from itertools import islice

from bench.projection import pairs
from log.backends.file.log import FileLog
from log.envelope import Command
from processors.core.appender import Appender
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import ExchangeCommand
from processors.markets.exchange.flow import flow

INSTRUMENT = "ALDER"
SEED = 7
AT_ONCE = 5_000
STEP_S = 0.02


def commands(first: int, count: int) -> Iterator[ExchangeCommand]:
    """Those that change this one book: all of them are updates of what the page shows."""
    own = (
        command for _, command in flow(SEED) if getattr(command, "instrument", "") == INSTRUMENT
    )
    return islice(own, first, first + count)


def append(folder: str, left: Iterator[Command], per_second: int = 0) -> None:
    with FileLog(folder) as log:
        appender = Appender(log, SYSTEM)
        step = int(per_second * STEP_S) or AT_ONCE
        due_s = time.monotonic()
        while batch := list(islice(left, step)):
            for command in batch:
                appender.add(command)
            appender.flush()
            if per_second:
                due_s += STEP_S
                time.sleep(max(due_s - time.monotonic(), 0.0))


def main(folder: str, what: str, *given: str) -> None:
    numbers = [int(each) for each in given]
    if what == "trades":
        append(folder, pairs(2 * numbers[0] + 1))
    else:
        first, count, per_second = numbers
        append(folder, commands(first, count), per_second)


if __name__ == "__main__":
    main(*sys.argv[1:])
