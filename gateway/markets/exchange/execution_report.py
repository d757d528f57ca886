"""FIX 4.4 ExecutionReports as text: fields in, a message with its length and checksum out.

drop_copy ─► Order, its fields ─► simplefix ─► the file

Tags are those of FIX 4.4 (volume 4 and 6). What 4.4 has no value for takes that of a later
version: TimeInForce B, good for auction (5.0 SP2).
"""

from collections import Counter
from datetime import UTC, datetime
from typing import BinaryIO, Final

from simplefix import FixMessage

from gateway.markets.exchange.exporting import CannotExport
from processors.markets.exchange.events import OrderAccepted, RejectCode, Side
from processors.markets.exchange.terms import OrderTerms, OrderType, Peg, TimeInForce

Fields = list[tuple[int, int | str]]
"""Tags and values, in the order in which they are written."""

SENDER: Final = "REFOLD"
SOH: Final = b"\x01"
SIDES: Final = {Side.BUY: "1", Side.SELL: "2"}
UNDISCLOSED: Final = "7"
AVERAGE_DECIMALS: Final = 6
"""How many more than the price AvgPx has; rounded half up."""

TRADE: Final = "F"
CORRECTED: Final = "G"
BUSTED: Final = "H"
NEW: Final = "0"
CANCELED: Final = "4"
REPLACED: Final = "5"
REJECTED: Final = "8"
EXPIRED: Final = "C"
RESTATED: Final = "D"
EXEC_TYPES: Final = {
    TRADE: "trade",
    CORRECTED: "trade correct",
    BUSTED: "trade cancel",
    NEW: "new",
    CANCELED: "canceled",
    REPLACED: "replaced",
    REJECTED: "rejected",
    EXPIRED: "expired",
    RESTATED: "restated",
}
PARTIALLY_FILLED: Final = "1"
FILLED: Final = "2"

_TIMES: Final = {
    TimeInForce.DAY: "0",
    TimeInForce.GOOD_TILL_CANCELLED: "1",
    TimeInForce.AT_THE_OPENING: "2",
    TimeInForce.IMMEDIATE_OR_CANCEL: "3",
    TimeInForce.FILL_OR_KILL: "4",
    TimeInForce.GOOD_TILL_DATE: "6",
    TimeInForce.GOOD_TILL_TIME: "6",
    TimeInForce.AT_THE_CLOSE: "7",
    TimeInForce.GOOD_FOR_AUCTION: "B",
}
REJECT_REASONS: Final = {
    RejectCode.UNKNOWN_INSTRUMENT: "1",
    RejectCode.WRONG_PHASE: "2",
    RejectCode.QUANTITY_LIMIT: "3",
    RejectCode.ORDER_QUANTITY_LIMIT: "3",
    RejectCode.NOTIONAL_LIMIT: "3",
    RejectCode.OPEN_ORDERS_LIMIT: "3",
    RejectCode.ORDER_RATE_LIMIT: "3",
    RejectCode.POSITION_LIMIT: "3",
    RejectCode.UNKNOWN_LINK: "5",
    RejectCode.DUPLICATE_ORDER: "6",
    RejectCode.CONTRADICTORY: "11",
    RejectCode.OFF_LOT: "13",
    RejectCode.UNKNOWN_ACCOUNT: "15",
    RejectCode.ACCOUNT_STOPPED: "15",
}
OTHER_REASON: Final = "99"
NO_TERMS: Final = OrderTerms()


class Listed:
    """An instrument, as reports name it and its prices."""

    __slots__ = ("decimals", "symbol")

    def __init__(self, symbol: str, decimals: int) -> None:
        self.symbol = symbol
        self.decimals = decimals


class Order:
    """One order over its life: what was asked, what traded, and what is left."""

    __slots__ = (
        "account_id", "cumulative", "expires_at_ms", "leaves", "listed", "notional", "number",
        "order_id", "order_type", "post_only", "price", "quantity", "side", "status", "terms",
        "time_in_force",
    )  # fmt: skip

    def __init__(self, listed: Listed, number: str, event: OrderAccepted) -> None:
        self.listed = listed
        self.number = number
        """Its OrderID, which is never used again, as the id that its sender chose may be."""
        self.order_id = event.order_id
        self.account_id = event.account_id
        self.side = SIDES[event.side]
        self.order_type = event.order_type
        self.time_in_force = event.time_in_force
        self.post_only = event.post_only
        self.price = event.price
        self.terms = event.terms or NO_TERMS
        self.expires_at_ms = event.expires_at_ms
        self.leaves = event.quantity
        self.quantity = event.quantity
        """OrderQty: CumQty and LeavesQty, as long as it is open."""
        self.cumulative = 0
        self.notional = 0
        """Of what traded: prices times quantities."""
        self.status = NEW

    def trade(self, quantity: int, price: int) -> None:
        """It traded so much of what it had left."""
        self.leaves -= quantity
        self.count(quantity, quantity * price)

    def count(self, quantity: int, notional: int) -> None:
        """What has traded in all is so much more (or, after a bust or a correction, less)."""
        self.cumulative += quantity
        self.notional += notional
        if self.status in (NEW, PARTIALLY_FILLED):
            self.stand(self.leaves)
        elif self.status == FILLED and self.cumulative < self.quantity:
            self.status = CANCELED  # what was taken back is not open again

    def stand(self, leaves: int) -> None:
        """So much is left of it, and it is open if that is anything."""
        self.leaves = leaves
        self.quantity = self.cumulative + leaves
        if leaves:
            self.status = PARTIALLY_FILLED if self.cumulative else NEW
        else:
            self.status = FILLED

    def end(self, status: str) -> None:
        self.leaves = 0
        self.status = status

    def fields(self) -> Fields:
        """What every report of the order says of it."""
        listed = self.listed
        fields: Fields = [
            (39, self.status),
            (1, self.account_id),
            (55, listed.symbol),
            (54, self.side),
            (38, self.quantity),
            (40, self._type()),
        ]
        if self.price:
            fields.append((44, decimal(self.price, listed.decimals)))
        fields += self._terms_fields()
        fields += [
            (59, _TIMES[self.time_in_force]),
            *self._expiry_fields(),
            (151, self.leaves),
            (14, self.cumulative),
            (6, self._average()),
        ]
        return fields

    def _type(self) -> str:
        terms = self.terms
        if terms.peg is not None:
            return "P"
        stops = bool(terms.stop_price or terms.trail_amount or terms.trail_ticks)
        if self.order_type is OrderType.LIMIT:
            return "4" if stops else "2"
        if self.order_type is OrderType.MARKET:
            return "3" if stops else "1"
        return "K"

    def _terms_fields(self) -> Fields:
        terms, decimals = self.terms, self.listed.decimals
        fields: Fields = []
        if terms.stop_price:
            fields.append((99, decimal(terms.stop_price, decimals)))
        instructions = self._instructions()
        if instructions:
            fields.append((18, instructions))
        if terms.minimum_quantity:
            fields.append((110, terms.minimum_quantity))
        if terms.hidden or terms.display_quantity:
            fields.append((111, terms.display_quantity))
        offset = terms.peg_offset or terms.trail_amount
        if offset:
            fields.append((211, decimal(offset, decimals)))
        return fields

    def _instructions(self) -> str:
        """ExecInst, its values with a space between."""
        terms = self.terms
        same_side = Peg.BEST_BID if self.side == "1" else Peg.BEST_OFFER
        peg = None
        if terms.peg is not None:
            peg = "M" if terms.peg is Peg.MIDPOINT else "R" if terms.peg is same_side else "P"
        given = {
            "6": self.post_only,
            "G": terms.all_or_none,
            "a": bool(terms.trail_amount or terms.trail_ticks),
            peg: peg is not None,
        }
        return " ".join(value for value, holds in given.items() if holds and value)

    def _expiry_fields(self) -> Fields:
        if self.time_in_force is TimeInForce.GOOD_TILL_DATE and self.terms.expires_on:
            return [(432, self.terms.expires_on)]
        if self.time_in_force is TimeInForce.GOOD_TILL_TIME and self.expires_at_ms:
            return [(126, utc_timestamp(self.expires_at_ms))]
        return []

    def _average(self) -> str:
        decimals = self.listed.decimals + AVERAGE_DECIMALS
        if not self.cumulative:
            return "0"
        scaled = 2 * self.notional * 10**AVERAGE_DECIMALS + self.cumulative
        text = decimal(scaled // (2 * self.cumulative), decimals)
        return text.rstrip("0").rstrip(".")


class ReportFile:
    """Writes ExecutionReports, numbered from 1; `counts` says how many of each type."""

    def __init__(self, out: BinaryIO, target: str, readable: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._out = out
        self._target = target
        self._readable = readable
        self._number = 0

    def write(self, at_ms: int, exec_type: str, exec_id: str, fields: Fields) -> None:
        self._number += 1
        sent = utc_timestamp(at_ms)
        message = FixMessage()
        for tag, value in (
            *((8, "FIX.4.4"), (35, "8"), (49, SENDER), (56, self._target)),
            *((34, self._number), (52, sent), (17, exec_id), (150, exec_type)),
            *fields,
            (60, sent),
        ):
            message.append_pair(tag, value)
        text: bytes = message.encode()
        self._out.write(text.replace(SOH, b"|") + b"\n" if self._readable else text)
        self.counts[EXEC_TYPES[exec_type]] += 1


def decimal(number: int, decimals: int) -> str:
    """An integer of so many implied decimals, exactly."""
    whole, fraction = divmod(abs(number), 10**decimals)
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{fraction:0{decimals}}" if decimals else f"{sign}{whole}"


def utc_timestamp(at_ms: int) -> str:
    """UTCTimestamp, to the millisecond."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y%m%d-%H:%M:%S}.{at_ms % 1000:03}"


def plain(text: str) -> str:
    """Text for people: what FIX's ASCII does not have as a question mark."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def symbol_of(text: str) -> str:
    """A symbol as it is; CannotExport where FIX's ASCII does not have it."""
    if plain(text) != text:
        raise CannotExport(
            f"the symbol {text!r} is not printable ASCII, as FIX needs it: give the instrument "
            "another with change_symbol.v1, or leave it out with --instrument"
        )
    return text
