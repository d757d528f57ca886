"""How the commands of a LOBSTER recording come about: a look ahead, then row by row.

    (message, row of the orderbook) ──► LookAhead       what the whole recording tells
                                   └──► Reconstruction ─► RecordedBook ─► commands

What is inferred, and why, stands in `lobster.py`. `remarks` counts each inference by name.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from gateway.markets.exchange.lobster_files import (
    DELETED,
    EXECUTED,
    EXECUTED_HIDDEN,
    PARTLY_CANCELLED,
    SUBMITTED,
    BookRow,
    Message,
)
from gateway.markets.exchange.recorded_book import (
    ANONYMOUS_ID_BASE,
    BUY,
    OPPOSITE,
    SELL,
    Queue,
    RecordedBook,
)
from gateway.recording import Summary
from processors.markets.exchange.commands import Side

CENT: Final = 100
"""At four decimals: the tick, unless some price is finer."""
NOWHERE: Final = BookRow(0, {}, {}, 0)


class DuplicateOrder(Exception):
    """A message submits an order under the id of one that is open."""

    def __init__(self, message: Message) -> None:
        self.message = message
        super().__init__(f"order {message.order_id} is submitted again while it is open")


class LookAhead:
    """What the whole recording tells before its first command is written."""

    def __init__(self, pairs: Iterable[tuple[Message, BookRow | None]]) -> None:
        self.taken: dict[int, int] = defaultdict(int)
        """Quantity that rows still to come take from each order, by id."""
        self.first_execution: dict[int, int] = {}
        """Row in which each order is first executed, by id."""
        self.last_touch: dict[int, int] = {}
        """Last row that touches each order, by id."""
        self.from_before: dict[int, tuple[Side, int]] = {}
        """Side and price of each order that is touched and was never submitted."""
        self.come_with_level: dict[tuple[int, Side, int], list[int]] = defaultdict(list)
        """Those of them that must stand at a level when it comes into sight: ids by (row, side,
        price)."""
        self.first_submitted_id: int | None = None
        self.tick_size = CENT

        left: dict[int, int] = {}
        in_sight_since: dict[Side, dict[int, int]] = {BUY: {}, SELL: {}}
        last = NOWHERE
        for number, (message, row) in enumerate(pairs):
            kind, order_id, side, price = (
                message.kind,
                message.order_id,
                message.side,
                message.price,
            )
            if kind == SUBMITTED:
                if left.get(order_id, 0) > 0:
                    raise DuplicateOrder(message)
                left[order_id] = message.size
                if self.first_submitted_id is None:
                    self.first_submitted_id = order_id
            elif kind < EXECUTED_HIDDEN:
                self.taken[order_id] += message.size
                self.last_touch[order_id] = number
                if kind == EXECUTED:
                    self.first_execution.setdefault(order_id, number)
                if order_id in left:
                    left[order_id] = 0 if kind == DELETED else left[order_id] - message.size
                elif order_id not in self.from_before:
                    self.from_before[order_id] = (side, price)
                    since = in_sight_since[side].get(price, number)
                    self.come_with_level[since, side, price].append(order_id)
            if kind < EXECUTED_HIDDEN and price % CENT:
                self.tick_size = 1
            if row is not None:
                for side in (BUY, SELL):
                    self._watch(number, last.shown(side), row.shown(side), in_sight_since[side])
                last = row

    def _watch(
        self, number: int, before: dict[int, int], shown: dict[int, int], since: dict[int, int]
    ) -> None:
        if shown is before or shown.keys() == before.keys():
            return
        for price in before.keys() - shown.keys():
            del since[price]
        for price in shown.keys() - before.keys():
            since[price] = number
            if price % CENT:
                self.tick_size = 1


class Reconstruction:
    """Goes through the messages and writes commands into the book; see the module."""

    def __init__(self, book: RecordedBook, ahead: LookAhead, summary: Summary) -> None:
        self._book = book
        self._ahead = ahead
        self._remarks = summary.remarks
        self._last = NOWHERE
        """The row before; NOWHERE at the start and after rows that no book could follow."""

    def advance(self, number: int, message: Message, row: BookRow | None) -> None:
        """Write the commands of one message; `row` is the book after it, `number` from 0."""
        book = self._book
        if number == 0:
            self._place_orders_from_before(row)
        if row is not None and row.crossed:
            self._remarks["rows whose recorded book is crossed"] += 1
        if message.order_id in book.held and message.kind <= EXECUTED:
            self._ahead.taken[message.order_id] -= message.size
            book.shrink_held(message.order_id, message.size)
            known = False
        elif row is None:
            self._prepare_blind(message)
            self._apply(message)
            known = False
        elif row.crossed:
            if message.kind <= EXECUTED:
                self._prepare_level(message, None)
            self._apply(message)
            known = False
        else:
            self._prepare(number, message, row)
            self._apply(message)
            known = message.kind != SUBMITTED or not _is_missing(row, message)
            if not known:
                self._remarks["orders submitted that the book does not show"] += 1
        if book.held:
            book.release_held()
        self._last = row if row is not None and known else NOWHERE

    def _place_orders_from_before(self, row: BookRow | None) -> None:
        """At the start: those that stand beyond what the first row shows, or all without one."""
        first_id = self._ahead.first_submitted_id
        for order_id, (side, price) in sorted(self._ahead.from_before.items()):
            if first_id is not None and order_id >= first_id:
                continue
            if row is None or not _within_reach(row, side, price):
                self._place_unsubmitted(order_id, side, price)

    def _place_unsubmitted(self, order_id: int, side: Side, price: int) -> None:
        self._remarks["orders named that were never submitted"] += 1
        self._book.place(order_id, side, price, self._ahead.taken[order_id])

    def _prepare(self, number: int, message: Message, row: BookRow) -> None:
        """Repair, before a message, what it brings into sight, so that the book after it is
        `row`. What was in sight already is as recorded, by the same argument one row earlier."""
        touched = message.price if message.kind <= EXECUTED else None
        for side in (BUY, SELL):
            shown, before = row.shown(side), self._last.shown(side)
            own_price = touched if side is message.side else None
            if shown is not before:
                self._repair_side(number, side, before, shown, row, own_price)
        if self._book.held:
            self._book.release_held()
        if touched is None:
            return
        shown_after = row.shown(message.side).get(touched)
        total = None
        if message.kind == SUBMITTED:
            if shown_after is not None:
                total = shown_after - message.size
        elif shown_after is not None:
            total = shown_after + message.size
        elif _within_reach(row, message.side, touched):
            total = message.size
        in_sight = touched in self._last.shown(message.side)
        names = self._ahead.come_with_level.get((number, message.side, touched), ())
        self._prepare_level(message, total, in_sight, names)

    def _repair_side(
        self,
        number: int,
        side: Side,
        before: dict[int, int],
        shown: dict[int, int],
        row: BookRow,
        own_price: int | None,
    ) -> None:
        for price, size in sorted(shown.items() - before.items()):
            if price != own_price:
                names = self._ahead.come_with_level.get((number, side, price), ())
                self._fit(side, price, size, names, in_sight=price in before)
        for price in sorted(before.keys() - shown.keys()):
            if price != own_price and _within_reach(row, side, price):
                self._clear(side, price, in_sight=True)
        worst_before = next(reversed(before)) if before else None
        worst = next(reversed(shown)) if shown and len(shown) == row.depth else None
        for price in self._book.sides[side].prices_between(worst_before, worst):
            if price != own_price and price not in shown:
                self._clear(side, price, in_sight=False)

    def _prepare_level(
        self,
        message: Message,
        total: int | None,
        in_sight: bool = False,
        names: Iterable[int] = (),
    ) -> None:
        """Before a message: its level holds `total` (None: unknown), the order that it touches is
        there, large enough, and first where it is executed."""
        book, kind, order_id = self._book, message.kind, message.order_id
        here = (message.side, message.price)
        if book.places.get(order_id, here) != here or (
            kind == SUBMITTED and order_id in book.places
        ):
            self._remarks["orders named at two prices, or before they were submitted"] += 1
            book.cancel(order_id)
        level = book.level(*here)
        if kind == SUBMITTED:
            if total is not None and total != (level.total if level is not None else 0):
                self._fit(message.side, message.price, total, names, in_sight)
            return
        if level is not None and total in (None, level.total):
            quantity = level.quantities.get(order_id, 0)
            enough = quantity == message.size or (kind != DELETED and quantity > message.size)
            if enough and (kind != EXECUTED or level.first_id == order_id):
                return
        names = dict.fromkeys((*names, order_id))
        self._fit(message.side, message.price, total, names, in_sight, message)

    def _fit(
        self,
        side: Side,
        price: int,
        total: int | None,
        names: Iterable[int],
        in_sight: bool,
        touched: Message | None = None,
    ) -> None:
        """Make a level hold `total`, with the orders `names` and what `touched` asks for."""
        level = self._book.level(side, price)
        queue: Queue = list(level.quantities.items()) if level is not None else []
        absent = [order_id for order_id in names if order_id not in self._book.places]
        for order_id in absent:
            self._remarks["orders named that were never submitted"] += 1
            behind = next(
                (i for i, (other, _) in enumerate(queue) if other > order_id), len(queue)
            )
            queue.insert(behind, (order_id, self._ahead.taken[order_id]))
        if not in_sight:
            queue = self._in_order_of_execution(queue)
        if touched is not None:
            queue = self._with_touched(queue, touched, known=total is None)
        if total is not None:
            missing = total - sum(quantity for _, quantity in queue)
            missing -= self._book.quantity_held(side, price)
            if in_sight and total != (level.total if level is not None else 0):
                self._remarks["levels in sight that changed with no message"] += 1
            if missing > 0:
                queue.append((self._book.new_anonymous_id(), missing))
                self._remarks["anonymous orders"] += 1
            elif missing < 0:
                queue = self._without(queue, -missing)
        self._book.arrange(side, price, queue)

    def _in_order_of_execution(self, queue: Queue) -> Queue:
        """The queue as later executions show it: an order that is executed stands before all that
        outlast this. Where one of those is never touched again it is not there at all."""
        executions, last_touch = self._ahead.first_execution, self._ahead.last_touch
        executed = [o for o, _ in queue if o in executions and self._ahead.taken[o]]
        ordered: Queue = []
        for order_id in sorted(executed, key=executions.__getitem__):
            index = next(i for i, (other, _) in enumerate(queue) if other == order_id)
            outlast = [o for o in queue[:index] if last_touch.get(o[0], -1) > executions[order_id]]
            ordered += [
                o
                for o in queue[:index]
                if self._ahead.taken[o[0]] and last_touch[o[0]] < executions[order_id]
            ]
            ordered.append(queue[index])
            queue = outlast + queue[index + 1 :]
        return ordered + queue

    def _with_touched(self, queue: Queue, touched: Message, known: bool) -> Queue:
        order_id = touched.order_id
        index = next(i for i, (other, _) in enumerate(queue) if other == order_id)
        quantity = queue[index][1]
        if quantity < touched.size or (touched.kind == DELETED and quantity != touched.size):
            self._remarks["orders whose quantity changed out of sight"] += 1
            quantity = touched.size
        if touched.kind != EXECUTED or index == 0:
            queue[index] = (order_id, quantity)
            return queue
        ahead = queue[:index]
        if known:  # nothing says that what no row names any more still stands
            gone = [other for other in ahead if not self._ahead.taken[other[0]]]
            self._remarks["orders that must have left out of sight"] += len(gone)
            ahead = [other for other in ahead if self._ahead.taken[other[0]]]
        if ahead:
            self._remarks["queues rearranged to execute the order named"] += 1
        return [(order_id, quantity), *ahead, *queue[index + 1 :]]

    def _without(self, queue: Queue, surplus: int) -> Queue:
        """Take `surplus` off a level: what no later row asks for, the anonymous first, then the
        latest."""
        taken = self._ahead.taken
        by_need = sorted(range(len(queue)), key=lambda i: (queue[i][0] < ANONYMOUS_ID_BASE, -i))
        left = [quantity for _, quantity in queue]
        for index in by_need:
            spare = min(surplus, left[index] - taken[queue[index][0]])
            if spare > 0:
                left[index] -= spare
                surplus -= spare
        if surplus:
            self._remarks["levels that show less than later rows take from them"] += 1
        return [(queue[i][0], quantity) for i, quantity in enumerate(left) if quantity]

    def _clear(self, side: Side, price: int, in_sight: bool) -> None:
        level = self._book.level(side, price)
        if level is None:
            return
        if in_sight:
            self._remarks["levels in sight that changed with no message"] += 1
        for order_id in list(level.quantities):
            self._leave(order_id)

    def _leave(self, order_id: int) -> None:
        self._remarks["orders that must have left out of sight"] += 1
        self._book.cancel(order_id)

    def _prepare_blind(self, message: Message) -> None:
        """As `_prepare`, without an orderbook row: what stands in the way, and is named by no
        later row, has left out of sight."""
        book, side, price = self._book, message.side, message.price
        if message.kind > EXECUTED:
            return
        if message.kind == SUBMITTED or message.order_id not in book.places:
            self._leave_if_unnamed(OPPOSITE[side], self._prices_crossed(side, price))
        if message.kind == EXECUTED:
            self._leave_if_unnamed(side, book.sides[side].prices_better_than(price))
        self._prepare_level(message, None)

    def _prices_crossed(self, side: Side, price: int) -> list[int]:
        other = self._book.sides[OPPOSITE[side]]
        return other.prices_between(None, price)

    def _leave_if_unnamed(self, side: Side, prices: list[int]) -> None:
        for price in prices:
            for order_id in list(self._book.sides[side].levels[price].quantities):
                if not self._ahead.taken[order_id]:
                    self._leave(order_id)

    def _apply(self, message: Message) -> None:
        """The message itself."""
        book, order_id, size = self._book, message.order_id, message.size
        if message.kind == SUBMITTED:
            book.place(order_id, message.side, message.price, size)
            return
        if message.kind > EXECUTED:
            return
        self._ahead.taken[order_id] -= size
        if order_id in book.held:
            book.shrink_held(order_id, size)
        elif message.kind == DELETED:
            book.cancel(order_id)
        elif message.kind == PARTLY_CANCELLED:
            book.shrink(order_id, size)
        elif book.is_next(order_id):
            book.execute(order_id, size)
        else:
            self._remarks["executions out of turn, written as cancels"] += 1
            book.shrink(order_id, size)


def _is_missing(row: BookRow, message: Message) -> bool:
    return message.price not in row.shown(message.side) and _within_reach(
        row, message.side, message.price
    )


def _within_reach(row: BookRow, side: Side, price: int) -> bool:
    """Whether a level at this price would be among those that the row shows."""
    shown = row.shown(side)
    if len(shown) < row.depth:
        return True
    worst = next(reversed(shown))
    return price >= worst if side is BUY else price <= worst
