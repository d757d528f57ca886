"""Reads ITCH files with an independent library, and rebuilds the book by the specification alone.

bytes ─► itch (the package itchfeed) ─► messages ─► lines for people, or Book
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from itch.parser import MessageParser

SEQUENCED = 1 << 47
"""The bit of a match number's part that says that it holds a sequence, and no trade id."""


def messages(data: bytes) -> list[Any]:
    found = list(MessageParser().parse_file(BytesIO(data)))
    assert sum(2 + message.message_size for message in found) == len(data)
    return found


class Book:
    """Readers' side of section 4.3 and 4.4: shares and price by reference, queues by time."""

    def __init__(self, messages: Iterable[Any]) -> None:
        self.orders: dict[int, list[Any]] = {}
        """By reference, oldest first: stock locate, side, price, shares."""
        self.symbols: dict[int, str] = {}
        """By stock locate, as they are now."""
        for message in messages:
            self.apply(message)

    def apply(self, message: Any) -> None:
        kind = message.message_type
        if kind == b"R":
            self.symbols[message.stock_locate] = text(message.stock)
        elif kind in b"AF":
            assert text(message.stock) == self.symbols[message.stock_locate]
            assert message.order_reference_number not in self.orders
            side = message.buy_sell_indicator.decode()
            order = [message.stock_locate, side, message.price, message.shares]
            self.orders[message.order_reference_number] = order
        elif kind in b"EC":
            self._reduce(message.order_reference_number, message.executed_shares)
        elif kind == b"X":
            self._reduce(message.order_reference_number, message.cancelled_shares)
        elif kind == b"D":
            del self.orders[message.order_reference_number]
        elif kind == b"U":
            locate, side, _, _ = self.orders.pop(message.order_reference_number)
            assert locate == message.stock_locate
            order = [locate, side, message.price, message.shares]
            self.orders[message.new_order_reference_number] = order

    def _reduce(self, reference: int, shares: int) -> None:
        order = self.orders[reference]
        assert 0 < shares <= order[3]
        order[3] -= shares
        if not order[3]:
            del self.orders[reference]

    def queues(self) -> dict[tuple[str, str, int], list[int]]:
        """Shares of each order at a symbol, side and price, first in time first."""
        found: dict[tuple[str, str, int], list[int]] = {}
        for locate, side, price, shares in self.orders.values():
            found.setdefault((self.symbols[locate], side, price), []).append(shares)
        return found


def text(field: bytes) -> str:
    return field.decode().rstrip()


def trade_name(number: int) -> str:
    """`3` for trade 3, `#7` for the event of sequence 7."""
    part = number & ((1 << 48) - 1)
    return f"#{part - SEQUENCED}" if part & SEQUENCED else str(part)


def money(price: int) -> str:
    return f"{price // 10_000}.{price % 10_000:04}"


def line(message: Any) -> str:
    """A message as a line: its type, then what it says."""
    m = message
    kind = m.message_type.decode()
    reference = getattr(m, "order_reference_number", 0)
    match kind:
        case "S":
            shown = [m.event_code.decode()]
        case "R":
            shown = [m.stock_locate, text(m.stock), f"lot={m.round_lot_size}"]
        case "Y":
            shown = [text(m.stock), m.reg_sho_action.decode()]
        case "H":
            shown = [text(m.stock), m.trading_state.decode(), text(m.reason)]
        case "V":
            shown = [m.level1_price, m.level2_price, m.level3_price]
        case "W":
            shown = [m.breached_level.decode()]
        case "A":
            shown = [reference, m.buy_sell_indicator.decode(), m.shares, money(m.price)]
        case "E":
            shown = [reference, m.executed_shares, f"match={number(m)}"]
        case "C":
            printed = m.printable.decode()
            shown = [reference, m.executed_shares, money(m.execution_price)]
            shown += [f"match={number(m)}", f"printed={printed}"]
        case "X":
            shown = [reference, m.cancelled_shares]
        case "D":
            shown = [reference]
        case "U":
            shown = [reference, m.new_order_reference_number, m.shares, money(m.price)]
        case "P":
            shown = [m.shares, money(m.price), f"match={number(m)}"]
        case "Q":
            shown = [m.shares, money(m.cross_price), m.cross_type.decode(), f"match={number(m)}"]
        case "B":
            shown = [f"match={number(m)}"]
        case "I":
            side, cross = m.imbalance_direction.decode(), m.cross_type.decode()
            shown = [m.paired_shares, m.imbalance_shares, side, money(m.near_price), cross]
        case _:
            raise AssertionError(kind)
    return " ".join([kind, *map(str, shown)]).rstrip()


def number(message: Any) -> str:
    return trade_name(message.match_number)
