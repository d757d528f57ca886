"""A FIX 4.4 drop copy: ExecutionReports of an account, of a member, or of all, from the events.

    order_accepted      0 New, parked or not
    order_traded, auction_traded   F Trade: one of each side in scope, with fees
    order_replaced      5 Replaced: OrderQty is what traded before and what is open now
    order_cancelled     4 Canceled; C Expired where its time in force says so (not IOC and FOK,
                        whose end FIX calls canceled)
    order_decremented, order_activated with less   D Restated, 5: a part of the quantity declined
    order_repriced of a market-to-limit order      D Restated, 3: repriced
    order_adjusted      D Restated, 0: a split; CumQty is in new shares, AvgPx in their price (what
                        a split cancels ends in old ones)
    order_rejected      8 Rejected, of new orders
    trade_busted        H Trade Cancel, by ExecRefID
    trade_corrected     G Trade Correct, by ExecRefID

ClOrdID is the order's id, OrderID the place of its acceptance (partition-sequence), ExecID that of
the event, with B or S behind it where an event has two sides. All times are those of the records.

Of an `order_rejected` it is not known what was asked. It is taken for a new order's where no such
order is open, or it is rejected as a duplicate; its side is then "undisclosed" (7). Rejected
cancels and replaces change no order and are left out. So are a pegged order's moves and an
iceberg's refills.

A bust takes its quantity off CumQty. LeavesQty stays, since what was taken back is not open again:
OrderQty is less by it while the order is open, and a filled order is Canceled then.

Only open orders are kept, and those of trades that are taken back later, which a first pass finds.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final

from gateway.markets.exchange.execution_report import (
    BUSTED,
    CANCELED,
    CORRECTED,
    EXPIRED,
    NEW,
    NO_TERMS,
    OTHER_REASON,
    REJECT_REASONS,
    REJECTED,
    REPLACED,
    RESTATED,
    TRADE,
    UNDISCLOSED,
    Fields,
    Listed,
    Order,
    ReportFile,
    decimal,
    plain,
    symbol_of,
)
from gateway.markets.exchange.exporting import CannotExport, ExportOptions, Published, place_of
from processors.markets.exchange.events import (
    AccountOpened,
    AuctionTraded,
    CancelReason,
    InstrumentListed,
    InstrumentSplit,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderRejected,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
    RejectCode,
    Side,
    SymbolChanged,
    TradeBusted,
    TradeCorrected,
)
from processors.markets.exchange.terms import OrderType

_OF_STANDING_ORDERS: Final = (RejectCode.UNKNOWN_ORDER, RejectCode.NOT_THE_OWNER)
_EXPIRIES: Final = (CancelReason.EXPIRED, CancelReason.AUCTION_OVER)
_ADDED: Final[tuple[int, str]] = (851, "1")
_REMOVED: Final[tuple[int, str]] = (851, "2")
_CORPORATE_ACTION: Final = "0"
_REPRICING: Final = "3"
_PARTIAL_DECLINE: Final = "5"
_EXCHANGE_FEES: Final = "4"

Trade = tuple[str, int]
"""Instrument and trade id."""


def write_drop_copy(
    events: Iterable[Published], out: BinaryIO, options: ExportOptions
) -> Counter[str]:
    """Write the file; `events` are gone through twice. Returns how many reports of each type.
    Raises CannotExport."""
    if options.account_id is not None and options.member_id is not None:
        raise CannotExport("give --account or --member, not both")
    revised = {
        (event.instrument, event.trade_id)
        for _, _, event in events
        if isinstance(event, TradeBusted | TradeCorrected)
    }
    return _DropCopy(out, options, revised).write(events)


def _target(options: ExportOptions) -> str:
    if options.account_id is not None:
        return f"ACCOUNT-{options.account_id}"
    return "ALL" if options.member_id is None else f"MEMBER-{options.member_id}"


class _DropCopy:
    def __init__(self, out: BinaryIO, options: ExportOptions, revised: set[Trade]) -> None:
        self._file = ReportFile(out, _target(options), options.readable)
        self._options = options
        self._revised = revised
        self._at_ms = 0
        self._place = ""
        self._members: dict[int, int] = {}
        self._listed: dict[str, Listed] = {}
        self._orders: dict[str, dict[int, Order]] = {}
        """The open ones, by instrument and id."""
        self._kept: dict[Trade, dict[Side, tuple[Order, str]]] = {}
        """Of the trades that are revised: each side's order, and the ExecID of its last report."""
        self._split_ratio = 1, 1
        """New shares for old ones, in the split whose orders are being adjusted."""
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            AccountOpened: self._open_account,
            InstrumentListed: self._list,
            SymbolChanged: self._change_symbol,
            InstrumentSplit: self._split,
            OrderAccepted: self._accept,
            OrderActivated: self._activate,
            OrderEntered: self._enter,
            OrderTraded: self._trade,
            AuctionTraded: self._trade_in_auction,
            OrderReplaced: self._replace,
            OrderRepriced: self._reprice,
            OrderDecremented: self._decrement,
            OrderCancelled: self._cancel,
            OrderAdjusted: self._adjust,
            OrderRejected: self._reject,
            TradeBusted: self._bust,
            TradeCorrected: self._correct,
        }

    def write(self, events: Iterable[Published]) -> Counter[str]:
        for published in events:
            handler = self._handlers.get(type(published.event))
            if handler is not None:
                self._at_ms = published.at_ms
                self._place = f"{published.partition}-{published.event.sequence}"
                try:
                    handler(published.event)
                except CannotExport as error:
                    raise CannotExport(f"{place_of(published)}: {error}") from error
        return self._file.counts

    def _in_scope(self, account_id: int) -> bool:
        options = self._options
        if options.account_id is not None:
            return account_id == options.account_id
        return options.member_id in (None, self._members.get(account_id))

    def _open_account(self, event: AccountOpened) -> None:
        self._members[event.account_id] = event.member_id

    def _list(self, event: InstrumentListed) -> None:
        symbol = symbol_of(event.symbol or event.instrument)
        self._listed[event.instrument] = Listed(symbol, event.price_decimals)
        self._orders[event.instrument] = {}

    def _change_symbol(self, event: SymbolChanged) -> None:
        self._listed[event.instrument].symbol = symbol_of(event.symbol)

    def _split(self, event: InstrumentSplit) -> None:
        self._split_ratio = event.numerator, event.denominator

    def _accept(self, event: OrderAccepted) -> None:
        if self._in_scope(event.account_id):
            order = Order(self._listed[event.instrument], self._place, event)
            self._orders[event.instrument][event.order_id] = order
            self._report(order, NEW)

    def _activate(self, event: OrderActivated) -> None:
        order = self._orders[event.instrument].get(event.order_id)
        if order is not None and order.leaves != event.quantity:
            order.stand(event.quantity)
            self._report(order, RESTATED, (378, _PARTIAL_DECLINE))

    def _enter(self, event: OrderEntered) -> None:
        """Only a market-to-limit order has another price then."""
        self._set_limit(event.instrument, event.order_id, event.price)

    def _reprice(self, event: OrderRepriced) -> None:
        self._set_limit(event.instrument, event.order_id, event.price)

    def _set_limit(self, instrument: str, order_id: int, price: int) -> None:
        order = self._orders[instrument].get(order_id)
        if order is None or order.order_type is not OrderType.MARKET_TO_LIMIT:
            return
        if order.price != price:
            order.price = price
            self._report(order, RESTATED, (378, _REPRICING))

    def _trade(self, event: OrderTraded) -> None:
        taker, maker = event.taker_side, Side.SELL if event.taker_side is Side.BUY else Side.BUY
        for side, order_id, fee, liquidity in (
            (taker, event.taker_order_id, event.taker_fee, _REMOVED),
            (maker, event.maker_order_id, event.maker_fee, _ADDED),
        ):
            self._report_trade(event, side, order_id, fee, liquidity)

    def _trade_in_auction(self, event: AuctionTraded) -> None:
        self._report_trade(event, Side.BUY, event.buy_order_id, event.buy_fee)
        self._report_trade(event, Side.SELL, event.sell_order_id, event.sell_fee)

    def _report_trade(
        self,
        event: OrderTraded | AuctionTraded,
        side: Side,
        order_id: int,
        fee: int,
        *liquidity: tuple[int, str],
    ) -> None:
        orders = self._orders[event.instrument]
        order = orders.get(order_id)
        if order is None:
            return
        order.trade(event.quantity, event.price)
        exec_id = self._exec_id(side)
        trade = event.instrument, event.trade_id
        if trade in self._revised:
            self._kept.setdefault(trade, {})[side] = order, exec_id
        if not order.leaves:
            del orders[order_id]
        fields = _trade_fields(order, event, fee)
        self._report(order, TRADE, *fields, *liquidity, exec_id=exec_id)

    def _replace(self, event: OrderReplaced) -> None:
        order = self._orders[event.instrument].get(event.order_id)
        if order is None:
            return
        order.price = event.price
        if event.terms is not None:
            order.terms = event.terms
        if event.time_in_force is not None:
            order.time_in_force = event.time_in_force
        order.expires_at_ms = event.expires_at_ms
        order.stand(event.quantity)
        self._report(order, REPLACED, (41, order.order_id))

    def _decrement(self, event: OrderDecremented) -> None:
        order = self._orders[event.instrument].get(event.order_id)
        if order is not None:
            order.stand(order.leaves - event.quantity)
            self._report(order, RESTATED, (378, _PARTIAL_DECLINE), (58, "self_trade"))

    def _cancel(self, event: OrderCancelled) -> None:
        order = self._orders[event.instrument].pop(event.order_id, None)
        if order is not None:
            exec_type = EXPIRED if event.reason in _EXPIRIES else CANCELED
            order.end(exec_type)
            self._report(order, exec_type, (41, order.order_id), (58, event.reason.value))

    def _adjust(self, event: OrderAdjusted) -> None:
        order = self._orders[event.instrument].get(event.order_id)
        if order is not None:
            order.price = event.price
            order.terms = event.terms or NO_TERMS
            numerator, denominator = self._split_ratio
            order.cumulative = order.cumulative * numerator // denominator
            order.stand(event.quantity)
            self._report(order, RESTATED, (378, _CORPORATE_ACTION))

    def _reject(self, event: OrderRejected) -> None:
        code, account_id = event.code, event.account_id
        is_open = event.order_id in self._orders.get(event.instrument, {})
        if not event.order_id or not account_id or code in _OF_STANDING_ORDERS:
            return
        if (is_open and code is not RejectCode.DUPLICATE_ORDER) or not self._in_scope(account_id):
            return
        listed = self._listed.get(event.instrument)
        symbol = symbol_of(event.instrument) if listed is None else listed.symbol
        self._write(
            *(REJECTED, self._place, (37, "NONE"), (11, event.order_id), (39, REJECTED)),
            *((1, account_id), (55, symbol), (54, UNDISCLOSED), (151, 0), (14, 0), (6, 0)),
            *((103, REJECT_REASONS.get(code, OTHER_REASON)), (58, plain(event.reason))),
        )

    def _bust(self, event: TradeBusted) -> None:
        for side, (order, reference) in self._sides(event).items():
            order.count(-event.quantity, -event.quantity * event.price)
            self._revise(BUSTED, event, side, order, reference, 0)
        self._kept.pop((event.instrument, event.trade_id), None)

    def _correct(self, event: TradeCorrected) -> None:
        before = event.previous_quantity * event.previous_price
        for side, (order, reference) in self._sides(event).items():
            order.count(
                event.quantity - event.previous_quantity, event.quantity * event.price - before
            )
            fee = event.buy_fee if side is Side.BUY else event.sell_fee
            exec_id = self._revise(CORRECTED, event, side, order, reference, fee)
            self._kept[event.instrument, event.trade_id][side] = order, exec_id

    def _sides(self, event: TradeBusted | TradeCorrected) -> dict[Side, tuple[Order, str]]:
        return dict(self._kept.get((event.instrument, event.trade_id), {}))

    def _revise(
        self,
        exec_type: str,
        event: TradeBusted | TradeCorrected,
        side: Side,
        order: Order,
        reference: str,
        fee: int,
    ) -> str:
        exec_id = self._exec_id(side)
        fields = _trade_fields(order, event, fee)
        self._report(order, exec_type, (19, reference), *fields, exec_id=exec_id)
        return exec_id

    def _exec_id(self, side: Side) -> str:
        return f"{self._place}-{'B' if side is Side.BUY else 'S'}"

    def _report(
        self, order: Order, exec_type: str, *fields: tuple[int, int | str], exec_id: str = ""
    ) -> None:
        head = (37, order.number), (11, order.order_id)
        self._write(exec_type, exec_id or self._place, *head, *order.fields(), *fields)

    def _write(self, exec_type: str, exec_id: str, *fields: tuple[int, int | str]) -> None:
        if self._at_ms >= self._options.start_ms:
            self._file.write(self._at_ms, exec_type, exec_id, list(fields))


def _trade_fields(
    order: Order, event: OrderTraded | AuctionTraded | TradeBusted | TradeCorrected, fee: int
) -> Fields:
    """The trade, and the exchange's fee (a rebate: below zero), where there is one."""
    decimals = order.listed.decimals
    fields: Fields = [
        (32, event.quantity),
        (31, decimal(event.price, decimals)),
        (880, event.trade_id),
    ]
    if fee:
        fields += [(136, 1), (137, decimal(fee, decimals)), (139, _EXCHANGE_FEES)]
    return fields
