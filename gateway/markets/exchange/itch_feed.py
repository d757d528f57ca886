"""The feed that an ITCH file holds: typed messages in, framed bytes out, from a moment on.

itch, itch_book ─► Feed ─► itch_messages ─► the file

Before `begin` nothing is written, and no value is checked: what happened until then shows only in
the book that the file begins with.
"""

from collections import Counter
from functools import cached_property
from typing import BinaryIO, Final

from gateway.markets.exchange.itch_messages import (
    ADD,
    BROKEN_TRADE,
    CANCEL,
    CROSS_TRADE,
    DECLINE_LEVELS,
    DECLINE_STATUS,
    DELETE,
    EXECUTED,
    EXECUTED_WITH_PRICE,
    IMBALANCE,
    REPLACE,
    SHORT_SALE_RESTRICTION,
    STOCK_DIRECTORY,
    SYSTEM_EVENT,
    TRADE,
    TRADING_ACTION,
    encode,
    level_field,
    price_field,
    shares_field,
    symbol_field,
)
from processors.markets.exchange.terms import Phase

NS_PER_MS: Final = 1_000_000
NO_REASON: Final = b"    "
NAMES: Final = {
    SYSTEM_EVENT: "S system event",
    STOCK_DIRECTORY: "R stock directory",
    TRADING_ACTION: "H trading action",
    SHORT_SALE_RESTRICTION: "Y short sale restriction",
    DECLINE_LEVELS: "V decline levels",
    DECLINE_STATUS: "W decline status",
    ADD: "A add",
    EXECUTED: "E executed",
    EXECUTED_WITH_PRICE: "C executed with price",
    CANCEL: "X cancel",
    DELETE: "D delete",
    REPLACE: "U replace",
    TRADE: "P trade",
    CROSS_TRADE: "Q cross trade",
    BROKEN_TRADE: "B broken trade",
    IMBALANCE: "I imbalance",
}


class Listed:
    """An instrument while it is listed. `locate` numbers the listings from 1."""

    def __init__(
        self, name: str, locate: int, symbol: str, decimals: int, lot: int, phase: Phase
    ) -> None:
        self.name = name
        self.locate = locate
        self.symbol = symbol
        self.decimals = decimals
        self.lot = lot
        self.phase = phase

    @cached_property
    def stock(self) -> bytes:
        return symbol_field(self.symbol)

    def rename(self, symbol: str) -> None:
        self.symbol = symbol
        self.__dict__.pop("stock", None)


class Feed:
    """Writes messages of the time `at_ms`, once begun; `counts` says how many of each type."""

    def __init__(self, out: BinaryIO) -> None:
        self.counts: Counter[str] = Counter()
        self.at_ms = 0
        self.began = False
        self._out = out
        self._midnight_ms = 0
        self._reference = 0

    def begin(self, midnight_ms: int) -> None:
        self._midnight_ms = midnight_ms
        self.began = True

    def new_reference(self) -> int:
        """Order reference numbers: 1, 2, 3 ... in the order in which orders got their place."""
        self._reference += 1
        return self._reference

    def _write(self, kind: bytes, locate: int, *fields: int | bytes) -> None:
        at_ns = (self.at_ms - self._midnight_ms) * NS_PER_MS
        self._out.write(encode(kind, locate, at_ns, *fields))
        self.counts[NAMES[kind]] += 1

    def system_event(self, event: bytes) -> None:
        if self.began:
            self._write(SYSTEM_EVENT, 0, event)

    def directory(self, listed: Listed) -> None:
        """Of the fields that only a US listing has, what says "not available", or no."""
        if self.began:
            lot = shares_field(listed.lot)
            self._write(
                STOCK_DIRECTORY,
                listed.locate,
                *(listed.stock, b" ", b" ", lot, b"N", b"C", b"Z ", b"P", b"N", b"N", b" ", b"N"),
                *(0, b"N"),
            )
            self._write(SHORT_SALE_RESTRICTION, listed.locate, listed.stock, b"0")

    def trading_action(self, listed: Listed, state: bytes, reason: bytes = NO_REASON) -> None:
        if self.began:
            self._write(TRADING_ACTION, listed.locate, listed.stock, state, b" ", reason)

    def decline_levels(self, levels: tuple[int, int, int]) -> None:
        if self.began:
            self._write(DECLINE_LEVELS, 0, *map(level_field, levels))

    def decline_status(self, level: bytes) -> None:
        if self.began:
            self._write(DECLINE_STATUS, 0, level)

    def add(self, listed: Listed, reference: int, side: bytes, shares: int, price: int) -> None:
        if self.began:
            field = price_field(price, listed.decimals)
            self._write(
                ADD, listed.locate, reference, side, shares_field(shares), listed.stock, field
            )

    def executed(self, listed: Listed, reference: int, shares: int, match: int) -> None:
        if self.began:
            self._write(EXECUTED, listed.locate, reference, shares_field(shares), match)

    def executed_with_price(
        self, listed: Listed, reference: int, shares: int, match: int, printable: bool, price: int
    ) -> None:
        if self.began:
            field = price_field(price, listed.decimals)
            flag = b"Y" if printable else b"N"
            self._write(
                *(EXECUTED_WITH_PRICE, listed.locate, reference),
                *(shares_field(shares), match, flag, field),
            )

    def cancel(self, listed: Listed, reference: int, shares: int) -> None:
        if self.began:
            self._write(CANCEL, listed.locate, reference, shares_field(shares))

    def delete(self, listed: Listed, reference: int) -> None:
        if self.began:
            self._write(DELETE, listed.locate, reference)

    def replace(self, listed: Listed, old: int, reference: int, shares: int, price: int) -> None:
        if self.began:
            field = price_field(price, listed.decimals)
            self._write(REPLACE, listed.locate, old, reference, shares_field(shares), field)

    def trade(self, listed: Listed, shares: int, price: int, match: int) -> None:
        """A match of an order that is not displayed: reference 0 and side B, as the specification
        has them for all since 2010 and 2014."""
        if self.began:
            field = price_field(price, listed.decimals)
            self._write(
                TRADE, listed.locate, 0, b"B", shares_field(shares), listed.stock, field, match
            )

    def cross(self, listed: Listed, shares: int, price: int, match: int, cross: bytes) -> None:
        if self.began:
            field = price_field(price, listed.decimals)
            self._write(CROSS_TRADE, listed.locate, shares, listed.stock, field, match, cross)

    def broken(self, listed: Listed, match: int) -> None:
        if self.began:
            self._write(BROKEN_TRADE, listed.locate, match)

    def imbalance(
        self, listed: Listed, paired: int, surplus: int, side: bytes, price: int, cross: bytes
    ) -> None:
        """There is one book, with all orders in it: the far price (of orders for the cross alone)
        and the near one (of all) are the same, and so is the price at which shares are counted."""
        if self.began:
            field = price_field(price, listed.decimals)
            variation = b"L" if price else b" "
            self._write(
                *(IMBALANCE, listed.locate, paired, surplus, side, listed.stock),
                *(field, field, field, cross, variation),
            )
