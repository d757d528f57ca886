"""The messages of Nasdaq TotalView-ITCH 5.0, as bytes, framed as in Nasdaq's sample files.

A message is preceded by its length in two bytes, and begins with its type, the stock locate code,
a tracking number (here always 0) and the time in nanoseconds since midnight in six bytes. All
numbers are unsigned and big-endian; text is ASCII, padded with spaces on the right; a price has
four implied decimals and is at most 200,000.0000 (3, Data Types). Lengths are in bytes, without
the frame; the sections are those of the specification.
"""

from struct import Struct
from typing import Final

PRICE_MAX: Final = 2_000_000_000
"""200,000.0000: section 3."""
SHARES_MAX: Final = 2**32 - 1
SYMBOL_LENGTH: Final = 8
LOCATE_MAX: Final = 2**16 - 1
LEVEL_MAX: Final = 2**64 - 1

SYSTEM_EVENT: Final = b"S"  # 4.1
STOCK_DIRECTORY: Final = b"R"  # 4.2.1
TRADING_ACTION: Final = b"H"  # 4.2.2
SHORT_SALE_RESTRICTION: Final = b"Y"  # 4.2.3
DECLINE_LEVELS: Final = b"V"  # 4.2.5.1
DECLINE_STATUS: Final = b"W"  # 4.2.5.2
ADD: Final = b"A"  # 4.3.1
EXECUTED: Final = b"E"  # 4.4.1
EXECUTED_WITH_PRICE: Final = b"C"  # 4.4.2
CANCEL: Final = b"X"  # 4.4.3
DELETE: Final = b"D"  # 4.4.4
REPLACE: Final = b"U"  # 4.4.5
TRADE: Final = b"P"  # 4.5.1
CROSS_TRADE: Final = b"Q"  # 4.5.2
BROKEN_TRADE: Final = b"B"  # 4.5.3
IMBALANCE: Final = b"I"  # 4.6

_FIELDS: Final = {
    SYSTEM_EVENT: "c",  # event: 12 bytes in all
    STOCK_DIRECTORY: "8sccIcc2scccccIc",  # stock ... round lot ...: 39
    TRADING_ACTION: "8scc4s",  # stock, state, reserved, reason: 25
    SHORT_SALE_RESTRICTION: "8sc",  # stock, action: 20
    DECLINE_LEVELS: "QQQ",  # three index values of eight decimals: 35
    DECLINE_STATUS: "c",  # level: 12
    ADD: "QcI8sI",  # reference, side, shares, stock, price: 36
    EXECUTED: "QIQ",  # reference, shares, match number: 31
    EXECUTED_WITH_PRICE: "QIQcI",  # reference, shares, match number, printable, price: 36
    CANCEL: "QI",  # reference, shares: 23
    DELETE: "Q",  # reference: 19
    REPLACE: "QQII",  # reference, new reference, shares, price: 35
    TRADE: "QcI8sIQ",  # reference, side, shares, stock, price, match number: 44
    CROSS_TRADE: "Q8sIQc",  # shares, stock, price, match number, cross: 40
    BROKEN_TRADE: "Q",  # match number: 19
    IMBALANCE: "QQc8sIIIcc",  # paired, imbalance, side, stock, far, near, reference ...: 50
}
_LAYOUTS: Final = {kind: Struct(">HcHHHI" + fields) for kind, fields in _FIELDS.items()}


class Unrepresentable(ValueError):
    """A value that ITCH has no room for; the message says which, and the limit."""


def encode(kind: bytes, locate: int, at_ns: int, *fields: int | bytes) -> bytes:
    """One framed message. `fields` are those after the timestamp, checked beforehand."""
    layout = _LAYOUTS[kind]
    return layout.pack(layout.size - 2, kind, locate, 0, at_ns >> 32, at_ns & 0xFFFFFFFF, *fields)


def price_field(price: int, decimals: int) -> int:
    """A price of so many decimals with ITCH's four. Unrepresentable where that is not exact."""
    unit: int = 10**decimals
    field, rest = divmod(price * 10_000, unit)
    if rest or not 0 <= field <= PRICE_MAX:
        raise Unrepresentable(
            f"the price {price} at {decimals} decimals is not one of ITCH's, which have 4 "
            "decimals and go from 0 to 200,000.0000"
        )
    return field


def shares_field(quantity: int) -> int:
    """A quantity of at most 32 bits, else Unrepresentable."""
    if quantity > SHARES_MAX:
        raise Unrepresentable(f"the quantity {quantity} is more than ITCH's {SHARES_MAX}")
    return quantity


def symbol_field(symbol: str) -> bytes:
    """A symbol padded to eight characters, else Unrepresentable."""
    if not (0 < len(symbol) <= SYMBOL_LENGTH and symbol.isascii() and symbol.isprintable()):
        raise Unrepresentable(
            f"the symbol {symbol!r} is not 1 to {SYMBOL_LENGTH} ASCII characters: give the "
            "instrument one with change_symbol.v1 or when it is listed"
        )
    return symbol.encode().ljust(SYMBOL_LENGTH)


def level_field(level: int) -> int:
    """An index value with eight implied decimals, else Unrepresentable."""
    if not 0 <= level <= LEVEL_MAX:
        raise Unrepresentable(f"the index level {level} (at 8 decimals) does not fit 64 bits")
    return level
