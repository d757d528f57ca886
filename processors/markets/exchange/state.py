"""The exchange's state on one partition: the books of its instruments, and what holds for all.

Timers: the calendar's steps and the ends of phases, by book; the expiries of orders, in one heap.
`touched` names the books where something that happened may call for a follow-up.
"""

from heapq import heapify, heappop, heappush
from typing import Final

from processors.markets.exchange.accounts import Fees
from processors.markets.exchange.calendar import UTC_DAYS, TradingCalendar
from processors.markets.exchange.events import CalendarSet
from processors.markets.exchange.guard import Guard
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.terms import HaltLevel

EXPIRY: Final = 0
PHASE: Final = 1
TIMERS_KEPT: Final = 1_000
"""So many overtaken timers are no reason to clean up."""


class Exchange:
    """Timers stand in one heap, as (when, EXPIRY or PHASE, instrument, order id): expiries go
    first, then instruments by name. Those that were overtaken leave it when they come up."""

    __slots__ = (
        "books",
        "calendars",
        "fees",
        "guard",
        "halt_levels",
        "halt_levels_reached",
        "halt_reference",
        "overtaken",
        "timer_due",
        "timers",
        "touched",
    )

    books: dict[str, OrderBook]
    calendars: dict[str, TradingCalendar]
    guard: Guard
    fees: Fees | None
    """For every instrument that has none of its own."""
    halt_reference: int
    halt_levels: tuple[HaltLevel, ...]
    halt_levels_reached: int
    timers: list[tuple[int, int, str, int]]
    overtaken: int
    """How many timers of orders that are gone may still stand there."""
    timer_due: int | None
    """When the first timer fires; None where there is none."""
    touched: dict[str, None]
    """The books where something that happened may call for a follow-up."""

    def __init__(self) -> None:
        self.books = {}
        self.calendars = {}
        self.guard = Guard()
        self.fees = None
        self.halt_reference = 0
        self.halt_levels = ()
        self.halt_levels_reached = 0
        self.timers = []
        self.overtaken = 0
        self.timer_due = None
        self.touched = {}

    def calendar_of(self, book: OrderBook) -> TradingCalendar:
        return self.calendars.get(book.instrument.calendar, UTC_DAYS)

    def set_expiry(self, book: OrderBook, order: Order) -> None:
        special = order.special
        if special is not None and special.expires_at_ms:
            timer = special.expires_at_ms, EXPIRY, book.instrument.name, order.order_id
            heappush(self.timers, timer)
            self.drop_overtaken_timers()

    def set_phase_timer(self, book: OrderBook) -> None:
        due = book.market.due_ms
        if due:
            heappush(self.timers, (due, PHASE, book.instrument.name, 0))
        self.drop_overtaken_timers()

    def forget_expiry(self) -> None:
        """An order that would have expired is gone: its timer too, at the latest when half of the
        timers are such."""
        self.overtaken += 1
        if self.overtaken > TIMERS_KEPT and self.overtaken > len(self.timers) // 2:
            self.timers = [timer for timer in self.timers if self._stands(timer)]
            heapify(self.timers)
            self.overtaken = 0
        self.drop_overtaken_timers()

    def drop_overtaken_timers(self) -> None:
        timers = self.timers
        while timers and not self._stands(timers[0]):
            heappop(timers)
        self.timer_due = timers[0][0] if timers else None

    def _stands(self, timer: tuple[int, int, str, int]) -> bool:
        when, kind, instrument, order_id = timer
        book = self.books.get(instrument)
        if book is None:
            return False
        if kind == PHASE:
            return book.market.due_ms == when
        order = book.find(order_id)
        return (
            order is not None and order.special is not None and order.special.expires_at_ms == when
        )


def calendar_of(told: CalendarSet) -> TradingCalendar:
    return TradingCalendar(
        told.calendar,
        told.weekdays,
        told.holidays,
        told.half_days,
        told.steps,
        told.half_day_steps,
        told.utc_offsets,
    )
