"""Double entry, held over thousands of orders: clearing and the exchange in memory, with the
reactors between them, accounts on four partitions.

At every event: its legs sum to zero by asset. After every request: nothing is used twice. Every
now and then: the state is what the legs add up to, and the clearing houses come to zero.
"""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.core.timers import decide_fully
from processors.markets.clearing.calendar import DAY_MS
from processors.markets.clearing.commands import (
    CancelOrder,
    Deposit,
    OpenAccount,
    OrderType,
    PlaceOrder,
    RegisterInstrument,
    ReplaceOrder,
    SelfTradePrevention,
    SetCalendar,
    Side,
    TimeInForce,
    Withdraw,
)
from processors.markets.clearing.connected import Connected
from processors.markets.clearing.decider import DECIDER
from processors.markets.clearing.flow import flow
from processors.markets.clearing.invariants import check
from processors.markets.clearing.order_ids import order_id_of
from processors.markets.clearing.reactors import bust, listing, split_on_exchange
from processors.markets.clearing.state import Clearing
from projections.markets.clearing.legs import HOUSE, Leg, legs

PARTITIONS = 4
INSTRUMENTS = {"ACME": "EUR", "BOLT": "EUR", "COIL": "USD"}
DEPOSITS = {"EUR": 400_000, "USD": 900_000, "ACME": 300, "BOLT": 300, "COIL": 300}
"""At most, of each asset."""
TICK_SIZE = 10
FEE_PPM_MAX = 2_500
ACCOUNTS = range(1, 13)
SHORT_SELLER = 1
START_MS = 1_704_182_400_000
ORDERS = 1_500
"""An example; there are several."""
Book = tuple[int, str, str]


class Bookkeeper:
    """Adds up the legs of all events, by partition."""

    def __init__(self) -> None:
        self.books: list[Counter[Book]] = [Counter() for _ in range(PARTITIONS)]
        self.events: Counter[str] = Counter()

    def enter(self, number: int, command: Any, events: list[Any]) -> None:
        for event in events:
            moved = legs(event)
            self.events[type(event).__name__] += 1
            assert sums(moved) == {}, event
            for leg in moved:
                self.books[number][leg.account_id, leg.book, leg.asset] += leg.amount

    def agrees(self, states: list[Clearing]) -> None:
        """With the states: every book of every account, and of the house."""
        for books, state in zip(self.books, states, strict=True):
            assert {book: amount for book, amount in books.items() if amount} == of_state(state)


def sums(moved: list[Leg]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for leg in moved:
        totals[leg.asset] += leg.amount
    return {asset: total for asset, total in totals.items() if total}


def of_state(state: Clearing) -> dict[Book, int]:
    found: dict[Book, int] = {}
    for name, instrument in state.instruments.items():
        for account_id, holding in instrument.holdings.items():
            found[account_id, "settled", name] = holding.settled
            found[account_id, "due", name] = holding.due
    for account_id, account in state.accounts.items():
        for currency, cash in account.cash.items():
            found[account_id, "settled", currency] = cash.settled
            found[account_id, "due", currency] = cash.due
    for asset, books in state.books.items():
        for book in ("custodian", "clearing_house", "fees", "issuer"):
            found[HOUSE, book, asset] = getattr(books, book)
    return {book: amount for book, amount in found.items() if amount}


class Market:
    """A drawn history, decided as it is drawn."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.keeper = Bookkeeper()
        self.both = Connected(PARTITIONS, self.keeper.enter)
        self.at = START_MS
        self.number = 0
        self.give(SetCalendar(settles_at_ms=0))
        for name, currency in INSTRUMENTS.items():
            for command in listing(name, TICK_SIZE, maker_ppm=-200, taker_ppm=FEE_PPM_MAX):
                self.give(command)
            self.give(
                RegisterInstrument(
                    instrument=name,
                    currency=currency,
                    fee_ppm_max=FEE_PPM_MAX,
                    multiplier=1 if currency == "EUR" else 3,
                )
            )
        for account_id in ACCOUNTS:
            short = account_id == SHORT_SELLER
            self.give(OpenAccount(account_id=account_id, may_sell_short=short))
            for asset, most in DEPOSITS.items():
                amount = self.draw.randrange(1, most)
                self.give(Deposit(account_id=account_id, asset=asset, amount=amount))

    def give(self, command: Any) -> None:
        self.both.give(command, self.at)

    def trade(self, orders: int, *, operator: bool) -> None:
        draw = self.draw
        for _ in range(orders):
            self.at += draw.randrange(120_000)
            if draw.random() < 0.004:
                self.at += draw.randrange(3) * DAY_MS
            if operator and draw.random() < 0.02:
                self._operate()
            self.give(self._request())
            self._check_accounts(strictly=not operator)

    def _operate(self) -> None:
        name = self.draw.choice(list(INSTRUMENTS))
        if self.draw.random() < 0.3:
            parts, of = self.draw.choice(((2, 1), (3, 2), (1, 2), (1, 7), (5, 1)))
            for command in split_on_exchange(name, parts, of):
                self.give(command)
        else:
            for command in bust(name, self.draw.randrange(1, 40)):
                self.give(command)

    def _request(self) -> Any:
        draw = self.draw
        account_id, name = draw.choice(ACCOUNTS), draw.choice(list(INSTRUMENTS))
        kind = draw.random()
        if kind < 0.25:
            open_orders = [
                order_id
                for state in self.both.clearing
                for order_id in state.instruments[name].orders
            ]
            if open_orders and kind < 0.15:
                return CancelOrder(instrument=name, order_id=draw.choice(open_orders))
            if open_orders:
                return ReplaceOrder(
                    instrument=name,
                    order_id=draw.choice(open_orders),
                    price=self._price(),
                    quantity=draw.randrange(1, 60),
                )
        if kind < 0.27:
            asset = draw.choice((name, INSTRUMENTS[name]))
            make = draw.choice((Deposit, Withdraw))
            return make(account_id=account_id, asset=asset, amount=draw.randrange(1, 300))
        return self._order(account_id, name)

    def _price(self) -> int:
        return 1_000 + TICK_SIZE * self.draw.randrange(-12, 13)

    def _order(self, account_id: int, name: str) -> PlaceOrder:
        draw = self.draw
        self.number += 1
        order = PlaceOrder(
            instrument=name,
            order_id=order_id_of(account_id, self.number),
            side=draw.choice((Side.BUY, Side.SELL)),
            quantity=draw.randrange(1, 60),
            price=self._price() + (draw.random() < 0.02),
            self_trade_prevention=draw.choice(list(SelfTradePrevention)),
        )
        kind = draw.random()
        if kind < 0.1:
            order.time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
        elif kind < 0.15:
            order.time_in_force = TimeInForce.DAY
        elif kind < 0.25:
            order.order_type = OrderType.MARKET
            order.price = order.price if order.side is Side.BUY else 0
        return order

    def _check_accounts(self, *, strictly: bool) -> None:
        """Nobody has less than nothing settled; and where no trade is taken back and nothing is
        split, nothing is reserved or owed that is not there or on its way."""
        for state in self.both.clearing:
            for account in state.accounts.values():
                for cash in account.cash.values():
                    assert cash.settled >= 0
                    short = account.account_id == SHORT_SELLER  # who pays penalties
                    assert cash.available >= 0 or short or not strictly
            for instrument in state.instruments.values():
                for account_id, holding in instrument.holdings.items():
                    assert holding.settled >= 0
                    assert holding.available >= 0 or account_id == SHORT_SELLER or not strictly

    def close(self) -> None:
        """Cancel all that is open; then nothing is reserved."""
        for state in list(self.both.clearing):
            for name, instrument in state.instruments.items():
                for order_id in list(instrument.orders):
                    self.give(CancelOrder(instrument=name, order_id=order_id))
        for state in self.both.clearing:
            for instrument in state.instruments.values():
                assert not instrument.orders
                assert not any(holding.reserved for holding in instrument.holdings.values())
            for account in state.accounts.values():
                assert not any(cash.reserved for cash in account.cash.values())

    def check(self) -> None:
        for state in self.both.clearing:
            check(state)
        self.keeper.agrees(self.both.clearing)
        for asset in (*INSTRUMENTS, *INSTRUMENTS.values()):
            houses = [state.books_of(asset).clearing_house for state in self.both.clearing]
            assert sum(houses) == 0, asset


@settings(max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.booleans())
def test_every_movement_sums_to_zero(seed: int, operator: bool) -> None:
    market = Market(seed)
    for _ in range(10):
        market.trade(ORDERS // 10, operator=operator)
        market.check()
    market.close()
    market.check()
    told = market.keeper.events
    assert told["OrderFilled"] > ORDERS // 5
    assert told["InstructionSettled"] > 10


def test_open_orders_are_those_of_the_exchange() -> None:
    """Price and open quantity of each, after splits, busts, replacements and all."""
    market = Market(7)
    for _ in range(10):
        market.trade(200, operator=True)
        cleared = {
            order_id: (order.quantity, order.price)
            for state in market.both.clearing
            for instrument in state.instruments.values()
            for order_id, order in instrument.orders.items()
        }
        traded = {
            order_id: (order.quantity, order.price)
            for book in market.both.exchange.books.values()
            for order_id, order in book.orders.items()
        }
        assert cleared == traded
        assert cleared


def test_the_flow_moves_nothing_that_does_not_sum_to_zero() -> None:
    keeper, state = Bookkeeper(), DECIDER.initial()
    for number, (at, command) in enumerate(flow(5)):
        events, state = decide_fully(DECIDER, state, command, at)
        keeper.enter(0, command, events)
        check(state)
        if number == 1_000:
            break
    assert {name for name, count in keeper.events.items() if count} >= {
        "OrderReserved", "OrderFilled", "OrderReleased", "OrderAmended", "TradeAdjusted",
        "ReplacementReserved", "ReplacementRefused", "CancelRequested", "HoldingSplit",
        "InstrumentSplit", "InstructionSettled", "InstructionFailed", "RequestRejected",
        "Deposited", "Withdrawn", "AccountOpened", "InstrumentRegistered", "CalendarSet",
    }  # fmt: skip
