"""The exchange's state as rows: canonical, complete, and streamed."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, get_args

import msgspec
import pytest

from processors.core.decider import decode_state, digest, encode_state, fold
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.markets.exchange import invariants
from processors.markets.exchange.accounts import Account, Limits, Protection, Session, Standing
from processors.markets.exchange.calendar import TradingCalendar
from processors.markets.exchange.commands import (
    BustTrade,
    ChangePhase,
    CorrectTrade,
    ListInstrument,
    OpenAccount,
    OpenSession,
    OrderTerms,
    Phase,
    SelfTradePrevention,
    SetAccountLimits,
    Side,
)
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    OrderActivated,
    OrderEntered,
    OrderRepriced,
    TradeBusted,
)
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.market import Market, Trade
from processors.markets.exchange.order import Order, Special
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.row_types import (
    AccountRow,
    CalendarRow,
    ExchangeRow,
    InstrumentRow,
    LimitsRow,
    MarketRow,
    NotesRow,
    OrderRow,
    ProtectionRow,
    SessionRow,
    SpecialRow,
    StandingRow,
    TradeRow,
)
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.state_rows import StateRow
from processors.markets.exchange.terms import Peg
from tests.given_when_then import Scenario
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.processors.markets.exchange.vocabulary import (
    ACME,
    book,
    buy,
    cancel,
    given,
    preventing,
    replace,
    sell,
    table,
    trades,
)

FORMAT = DECIDER.state_format


def written(state: Exchange) -> list[bytes]:
    return list(encode_state(FORMAT, state))


def read_again(exchange: Scenario[Exchange]) -> Scenario[Exchange]:
    restored = Scenario(DECIDER, [])
    restored.state = decode_state(FORMAT, written(exchange.state))
    invariants.check(restored.state)
    return restored


def test_rows_are_instruments_with_their_orders_in_order_of_time() -> None:
    exchange = given(
        buy(1, 10, 100),
        preventing(sell(2, 5, 105, account=2), SelfTradePrevention.CANCEL_BOTH),
        buy(3, 7, 100, post_only=True),
    )
    exchange.when(replace(1, 11, 100))
    whole, instrument, market, *orders = FORMAT.to_rows(exchange.state)
    none = SelfTradePrevention.NONE
    assert [type(row) for row in (whole, instrument, market)] == [
        ExchangeRow,
        InstrumentRow,
        MarketRow,
    ]
    assert orders == [
        OrderRow(2, 2, 0, Side.SELL, 105, 5, False, SelfTradePrevention.CANCEL_BOTH),
        OrderRow(3, 1, 0, Side.BUY, 100, 7, True, none),
        OrderRow(1, 1, 0, Side.BUY, 100, 11, False, none),
    ]
    assert msgspec.json.encode(orders[0]) == b'["order",2,2,0,"sell",105,5,false,"cancel_both"]'


def test_equal_books_have_equal_digests_however_they_came_about() -> None:
    straight = given(buy(2, 10, 100), buy(1, 4, 100))
    winding = given(buy(1, 10, 90), buy(9, 5, 95))
    for command in (buy(2, 30, 100), replace(2, 10, 100), cancel(9), replace(1, 4, 100)):
        winding.when(command)
    assert digest(FORMAT, straight.state) == digest(FORMAT, winding.state)
    straight.when(cancel(2))
    assert digest(FORMAT, straight.state) != digest(FORMAT, winding.state)


def test_what_is_looked_up_stands_by_name_or_number_whichever_came_first() -> None:
    commands: list[Any] = []
    for number, name in enumerate(("ACME", "BOLT", "COIL"), 1):
        commands.append(ListInstrument(instrument=name))
        commands.append(OpenAccount(account_id=number, member_id=1))
        commands.append(OpenSession(session_id=number, member_id=1))
    limits = [SetAccountLimits(account_id=number, open_orders_max=9) for number in (1, 2, 3)]
    limits += [
        SetAccountLimits(instrument="ACME", account_id=number, open_orders_max=5)
        for number in (1, 2, 3)
    ]
    forth, back = Scenario(DECIDER, []), Scenario(DECIDER, [])
    for command in (*commands, *limits):
        forth.when(command)
    for command in (*reversed(commands), *reversed(limits)):
        back.when(command)
    assert written(forth.state) == written(back.state)


def test_what_a_reserve_order_hides_keeps_its_place_among_the_hidden() -> None:
    """Order 1 shows its second part, behind order 3; what it hides stands before order 2."""
    exchange = given()
    exchange.when(sell(1, 50, 101, terms=OrderTerms(display_quantity=10, reserve=True)))
    exchange.when(sell(2, 20, 101, terms=OrderTerms(hidden=True)))
    exchange.when(sell(3, 10, 101))
    exchange.when(buy(4, 10, 101, account=2))
    restored = read_again(exchange)
    for each in (exchange, restored):
        assert book(each) == table("| 101 | 10#3 10+30#1 (20)#2")
        assert trades(each.when(buy(5, 60, 101, account=2))) == [
            "5 x 3: 10 @ 101",
            "5 x 1: 10 @ 101",
            "5 x 1: 30 @ 101",
            "5 x 2: 10 @ 101",
        ]


def test_pegs_go_on_in_order_of_entry_not_of_place() -> None:
    """Peg 2 came first, but was the last to be placed: it moved when 3 was at its limit."""
    exchange = given(buy(1, 10, 99))
    exchange.when(buy(2, 5, terms=OrderTerms(peg=Peg.BEST_BID, peg_offset=-2)))
    exchange.when(buy(3, 5, 99, terms=OrderTerms(peg=Peg.BEST_BID)))
    exchange.when(replace(1, 10, 100))
    assert list(exchange.state.books[ACME].orders) == [3, 1, 2]
    restored = read_again(exchange)
    for each in (exchange, restored):
        _replaced, *moved = each.when(replace(1, 10, 98))
        assert moved == [
            OrderRepriced(instrument=ACME, order_id=2, price=96),
            OrderRepriced(instrument=ACME, order_id=3, price=98),
        ]


def test_what_is_noted_to_enter_enters_when_trading_goes_on() -> None:
    """The parent of order 3 is filled in trading at last, which lets nothing in."""
    exchange = given(sell(1, 10, 100, account=2))
    exchange.when(buy(7, 4, 100))
    exchange.when(buy(3, 6, 95, account=2, terms=OrderTerms(parent_order_id=1)))
    exchange.when(ChangePhase(instrument=ACME, phase=Phase.TRADING_AT_LAST))
    exchange.when(buy(8, 6, 100))
    restored = read_again(exchange)
    for each in (exchange, restored):
        _changed, *entered = each.when(ChangePhase(instrument=ACME, phase=Phase.CONTINUOUS))
        assert entered == [
            OrderActivated(instrument=ACME, order_id=3, quantity=6),
            OrderEntered(instrument=ACME, order_id=3, price=95, quantity=6),
        ]


@pytest.mark.parametrize("corrected", [False, True])
def test_trades_of_before_can_be_taken_back(corrected: bool) -> None:
    exchange = given(sell(1, 10, 100, account=2))
    exchange.when(buy(7, 4, 100))
    if corrected:
        exchange.when(CorrectTrade(instrument=ACME, trade_id=1, price=99, quantity=3))
    (busted,) = read_again(exchange).when(BustTrade(instrument=ACME, trade_id=1))
    assert busted == TradeBusted(
        instrument=ACME,
        trade_id=1,
        price=99 if corrected else 100,
        quantity=3 if corrected else 4,
        buy_order_id=7,
        sell_order_id=1,
        buy_account_id=1,
        sell_account_id=2,
    )


def test_a_restored_exchange_goes_on_as_the_one_that_was_written() -> None:
    """Over and over, in every phase and with every kind of row."""
    kinds: set[type] = set()
    state = restored = DECIDER.initial()
    for number, (at, command) in enumerate(islice(mixed_flow(seed=11), 30_000)):
        events, state = decide_fully(DECIDER, state, command, at)
        again, restored = decide_fully(DECIDER, restored, command, at)
        assert msgspec.json.encode(again) == msgspec.json.encode(events)
        if number % 200 == 0:
            assert written(restored) == written(state)
            invariants.check(restored)
            kinds.update(map(type, FORMAT.to_rows(state)))
            restored = decode_state(FORMAT, written(state))
    assert digest(FORMAT, restored) == digest(FORMAT, state)
    assert kinds == set(get_args(StateRow)), "the flow left something out"


def test_a_state_can_be_written_between_the_steps_of_a_command() -> None:
    """Where orders and quotes are noted to enter, orders to be cancelled, and trades of quotes are
    not counted yet."""
    noted: set[str] = set()
    for state, at in steps_of_a_flow(seed=12, count=3_000):
        rows = list(FORMAT.to_rows(state))
        for row in rows:
            if isinstance(row, NotesRow):
                noted.update(name for name in NotesRow.__struct_fields__ if getattr(row, name))
                noted.update(type(note).__name__ for note in row.to_enter)
        restored = decode_state(FORMAT, written(state))
        assert list(FORMAT.to_rows(restored)) == rows
        assert DECIDER.decide(restored, Tick(), at) == DECIDER.decide(state, Tick(), at)
    assert noted == {*NotesRow.__struct_fields__, "int", "QuoteNoteRow"}


def steps_of_a_flow(seed: int, count: int) -> Iterator[tuple[Exchange, int]]:
    """The state before each follow-up of a flow's commands, and the time."""
    state = DECIDER.initial()
    assert DECIDER.next_due is not None
    for at, command in islice(mixed_flow(seed), count):
        _events, state = decide_fully(DECIDER, state, Tick(), at)
        state = fold(DECIDER, DECIDER.decide(state, command, at), state)
        while (due := DECIDER.next_due(state)) is not None and due <= at:
            yield state, at
            state = fold(DECIDER, DECIDER.decide(state, Tick(), at), state)


WRITTEN: tuple[tuple[type, tuple[type, ...], set[str]], ...] = (
    (Exchange, (ExchangeRow,), {"books", "calendars", "guard", "fees"}),
    (TradingCalendar, (CalendarRow,), set()),
    (Account, (AccountRow,), set()),
    (Session, (SessionRow,), set()),
    (Limits, (LimitsRow,), set()),
    (Instrument, (InstrumentRow,), {"name"}),
    (OrderBook, (MarketRow,), {"instrument", "market", "orders", "parked"}),
    (
        Market,
        (MarketRow, NotesRow),
        {"fees", "limits", "standings", "volumes", "protections", "trades"},
    ),
    (Standing, (StandingRow,), set()),
    (Protection, (ProtectionRow,), set()),
    (Trade, (TradeRow,), set()),
    (Order, (OrderRow,), {"owner", "special"}),
    (Special, (SpecialRow,), set()),
)
"""What is in a row by its own name, and what in rows of its own or under another name."""
REBUILT: dict[type, set[str]] = {
    Exchange: {"timers", "timer_due", "touched", "overtaken"},
    Instrument: {"uniform_tick"},
    OrderBook: {
        *("bids", "asks", "newest_by_account", "by_session", "call", "shaped", "fast", "watched"),
        *("guarded", "hooked", "looked_after", "continuous", "trigger_above", "trigger_below"),
    },
    Market: {
        *("restless", "stop_buys", "stop_sells", "trail_buys", "trail_sells", "quotes"),
        "pegs_stand_by",
    },
    Order: {"level", "ahead", "behind", "older", "newer"},
}


@pytest.mark.parametrize(("kind", "rows", "elsewhere"), WRITTEN)
def test_nothing_that_is_state_is_left_out(
    kind: Any, rows: tuple[Any, ...], elsewhere: set[str]
) -> None:
    """Whoever adds an attribute must say here where it comes back from."""
    names = getattr(kind, "__mypyc_attrs__", None) or kind.__slots__
    attributes = {name for name in names if not name.startswith("_")}
    in_rows = {name for row in rows for name in row.__struct_fields__}
    assert attributes - in_rows == elsewhere | REBUILT.get(kind, set())


def test_an_order_without_an_instrument_is_an_error() -> None:
    row = OrderRow(1, 1, 0, Side.BUY, 100, 1, False, SelfTradePrevention.NONE)
    with pytest.raises(ValueError, match="row of kind 'order' stands before any instrument row"):
        FORMAT.from_rows(iter([row]))
