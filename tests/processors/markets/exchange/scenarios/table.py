"""Worked examples of the exchange's rules as tables that a market's engineer reads without Python.

    scenario: an iceberg shows its next part at the back of the queue
    rule: Xetra market model, "iceberg orders": each part has a time stamp of its own
    10:00  #1 sell 100 @ 101 iceberg 20
           #2 sell 30 @ 101
           #3 buy 40 @ 101           -> 3x1 20@101; #1 shows 20; 3x2 20@101
    book:
           | 101 | 10#2 20+60#1

A line is a step: the moment (or none: that of the line before), a command, and behind `->` all
that came of it, in order. Trades are `taker x maker quantity@price` (in an auction `buyer x
seller`). What is not told there is that a command did what it says: an order that was accepted as
asked for, an account that was opened. A drawn book has bids | price | asks, each order as
`quantity#id`, the first to trade first; `20+60#1` shows 20 and has 60 behind, `(30)#4` shows
nothing; market orders stand at `mkt`. `parked:` are the orders that wait, in order of entry, stops
with their stop price.

Scenarios come from the modules beside this one. `language` reads their commands, `outcomes`
tells their events; here the real decider decides them, timers included, and what came of it is
brought into one form with what the table says, so that a test compares two texts.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from processors.core.decider import decode_state, encode_state
from processors.markets.exchange.commands import ListInstrument
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.order import Level, Order
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.state import Exchange
from tests.given_when_then import Scenario
from tests.processors.markets.exchange.scenarios.language import (
    ACME,
    Moment,
    as_command,
)
from tests.processors.markets.exchange.scenarios.outcomes import as_text

LISTING = ListInstrument(instrument=ACME, price_decimals=0, price_max=1_000_000)
"""What is listed where a scenario lists nothing itself."""


class WorkedExample(NamedTuple):
    name: str
    rules: list[str]
    lines: list[str]

    def play(self, restoring: bool = False) -> tuple[str, str]:
        """What came of it, and what was to come of it, as texts of one form; `restoring` the state
        from a snapshot before each step. ValueError, with the line, where the table cannot be
        read, or cites no rule."""
        if not self.rules:
            raise ValueError(f"{self.name}: cites no rule")
        return Run(self.lines, restoring).results()


def read(text: str) -> list[WorkedExample]:
    """The scenarios of a text, each from its line `scenario: name` to the next."""
    examples: list[WorkedExample] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("scenario:"):
            examples.append(WorkedExample(_after_colon(line), [], []))
        elif line.startswith("rule:"):
            examples[-1].rules.append(_after_colon(line))
        elif not line.startswith("note:"):
            examples[-1].lines.append(line)
    return examples


def name_of(example: WorkedExample) -> str:
    return example.name


class Run:
    """One scenario, played line by line: what it says came of it, and what did."""

    def __init__(self, lines: list[str], restoring: bool) -> None:
        self._lines = lines
        self._restoring = restoring
        self._moment = Moment()
        self._shown: set[str] = set()
        self._exchange: Scenario[Exchange] = Scenario(DECIDER, [])
        self._told: list[str] = []
        self._expected: list[str] = []
        if not any("list" in line.partition("->")[0].split() for line in lines):
            self._exchange.when(LISTING, self._moment.at_ms)

    def results(self) -> tuple[str, str]:
        """What came of it, and what was expected to, as texts of the same form."""
        number = 0
        while number < len(self._lines):
            line = self._lines[number]
            number += 1
            try:
                if line.startswith("show:"):
                    self._shown = set(_after_colon(line).split())
                elif line.startswith("book"):
                    number = self._compare_book(line, number)
                elif line.startswith("parked:"):
                    self._compare("parked: ", _parked(self._book()), _after_colon(line))
                elif line.startswith("->"):
                    self._expected += _outcomes(line[2:])
                else:
                    self._step(line)
            except ValueError as error:
                raise ValueError(f"{line}: {error}") from error
        return "\n".join(self._told), "\n".join(self._expected)

    def _step(self, line: str) -> None:
        asked, _arrow, outcome = line.partition("->")
        asked = self._moment.read(asked)
        command = as_command(asked, self._moment)
        if self._restoring:
            snapshot = encode_state(DECIDER.state_format, self._exchange.state)
            self._exchange.state = decode_state(DECIDER.state_format, snapshot)
        events = self._exchange.when(command, self._moment.at_ms)
        where = " ".join(line.partition("->")[0].split())
        self._told += [where, *self._told_of(events)]
        self._expected += [where, *_outcomes(outcome)]

    def _told_of(self, events: list[Any]) -> Iterator[str]:
        for event in events:
            for text in as_text(event, self._shown, self._moment):
                name = getattr(event, "instrument", "")
                yield f"  -> {name}: {text}" if name not in ("", ACME) else f"  -> {text}"

    def _compare_book(self, line: str, number: int) -> int:
        """The rows from this line on; returns the number of the line after them."""
        name, _colon, rest = line.removeprefix("book").partition(":")
        rows = []
        while number < len(self._lines) and "|" in self._lines[number]:
            rows.append(" | ".join(cell.strip() for cell in self._lines[number].split("|")))
            number += 1
        expected = rest.strip() or "\n".join(rows)
        self._compare("book:\n", _drawn(self._book(name.strip() or ACME)), expected)
        return number

    def _book(self, name: str = ACME) -> OrderBook:
        return self._exchange.state.books[name]

    def _compare(self, heading: str, told: str, expected: str) -> None:
        self._told.append(heading + told)
        self._expected.append(heading + expected)


def _after_colon(line: str) -> str:
    return " ".join(line.partition(":")[2].split())


def _outcomes(text: str) -> list[str]:
    return [f"  -> {' '.join(part.split())}" for part in text.split(";") if part.strip()]


def _drawn(book: OrderBook) -> str:
    sides: list[dict[int, Level]] = [{}, {}]
    for levels, side in zip(sides, (book.bids, book.asks), strict=True):
        for level in side.best_to_worst():
            levels[0 if level.price == side.market_price else level.price] = level
    bids, asks = sides
    prices = sorted({*bids, *asks}, key=lambda price: (price != 0, -price))
    rows = [
        f"{_orders(bids.get(price))} | {price or 'mkt'} | {_orders(asks.get(price))}"
        for price in prices
    ]
    return "\n".join(rows) or "empty"


def _orders(level: Level | None) -> str:
    return "" if level is None else " ".join(_drawn_order(order) for order in level.in_priority())


def _drawn_order(order: Order) -> str:
    special = order.special
    if special is not None and special.is_dark:
        return f"({order.quantity})#{order.order_id}"
    if special is not None and special.terms.display_quantity:
        behind = order.quantity - special.displayed
        return f"{special.displayed}+{behind}#{order.order_id}"
    return f"{order.quantity}#{order.order_id}"


def _parked(book: OrderBook) -> str:
    orders = []
    for order in book.parked.values():
        assert order.special is not None
        stop = f" stop {order.special.stop_price}" if order.special.stop_price else ""
        orders.append(f"{order.quantity}#{order.order_id}{stop}")
    return ", ".join(orders) or "none"
