"""Whole order flows, decided and written: the book that an independent reader makes of the ITCH
file is the one that the read models show, order by order in every queue.
"""

from io import BytesIO
from typing import Any

import pytest

from gateway.markets.exchange.exporting import EventSource, ExportOptions, Published
from gateway.markets.exchange.itch import write_itch
from log.backends.memory import MemoryLog
from processors.markets.exchange import SYSTEM
from projections.markets.exchange.instruments import INSTRUMENTS
from projections.markets.exchange.order_book import OPEN_ORDERS
from tests.gateway.markets.exchange.itch_reader import Book, messages
from tests.gateway.markets.exchange.published import Flow, decided, read_model
from tests.processors.markets.exchange.mixed_flow import mixed_flow

DAY_MS = 86_400_000


def itch(log: MemoryLog, start_ms: int, end_ms: int | None = None) -> list[Any]:
    options = ExportOptions(start_ms=start_ms, end_ms=end_ms)
    out = BytesIO()
    write_itch(EventSource(log, SYSTEM, options), out, options)
    return messages(out.getvalue())


def days_of(log: MemoryLog) -> list[int]:
    """Midnights, as milliseconds since 1970, of the days on which something happened."""
    events: list[Published] = list(EventSource(log, SYSTEM, ExportOptions()))
    assert events == sorted(events, key=lambda each: (each.at_ms, each.partition))
    return sorted({each.at_ms // DAY_MS * DAY_MS for each in events})


def displayed(log: MemoryLog) -> dict[tuple[str, str, int], list[int]]:
    """What the read model of open orders displays, by symbol, side and ITCH price."""
    found: dict[tuple[str, str, int], list[int]] = {}
    with read_model(log).reading() as reader:
        listed = {row.instrument: row for row in reader.rows(INSTRUMENTS)}
        rows = [row for row in reader.rows(OPEN_ORDERS) if row.displayed and row.price]
        for row in sorted(rows, key=lambda row: row.priority):
            instrument = listed[row.instrument]
            price = row.price * 10_000 // 10**instrument.price_decimals
            key = instrument.symbol or row.instrument, row.side[0].upper(), price
            found.setdefault(key, []).append(row.displayed)
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("flow", [mixed_flow, SYSTEM.flow], ids=["mixed", "day"])
def test_a_reader_rebuilds_the_book(flow: Flow, seed: int) -> None:
    log = decided(flow, seed)
    read = itch(log, start_ms=days_of(log)[-1])
    assert Book(read).queues() == displayed(log) != {}
    assert {each.message_type for each in read} >= {b"R", b"A", b"E", b"X", b"D", b"U"}


def test_each_day_begins_with_the_book_that_the_day_before_left() -> None:
    log = decided(mixed_flow, 3)
    days = days_of(log)
    left: dict[tuple[str, str, int], list[int]] = {}
    for day in days:
        read = itch(log, day, day + DAY_MS)
        first = next(n for n, each in enumerate(read) if each.timestamp > read[0].timestamp)
        book = Book(each for each in read[:first] if each.message_type in b"RA")
        assert day == days[0] or book.queues() == left
        left = Book(read).queues()
