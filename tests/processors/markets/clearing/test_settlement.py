"""Settlement on the next business day: net, shares against cash, and what fails."""

from processors.core.messages import Tick
from processors.markets.clearing.calendar import Calendar
from processors.markets.clearing.commands import AdjustTrade, SetCalendar, Withdraw
from processors.markets.clearing.events import InstructionFailed, InstructionSettled
from tests.processors.markets.clearing.vocabulary import (
    ANN,
    BOB,
    CASH,
    MAKER,
    MONDAY,
    SHARES,
    Desk,
    at,
    buy,
    fill,
    of,
    sell,
)

TUESDAY, WEDNESDAY, FRIDAY = MONDAY + 1, MONDAY + 2, MONDAY + 4


def test_business_days() -> None:
    calendar = Calendar((0, 1, 2, 3, 4), (MONDAY + 7,), 1_000)
    assert calendar.settlement_day(at(MONDAY)) == TUESDAY
    assert calendar.settlement_day(at(FRIDAY)) == MONDAY + 8
    assert calendar.settlement_day(at(FRIDAY + 1)) == MONDAY + 8
    assert calendar.settles_at(1) == 86_401_000


def test_what_is_due_is_settled_on_its_day() -> None:
    desk = Desk(buy(10, 100), fill(10, 100))
    assert desk.state.settlement_due == TUESDAY * 86_400_000
    assert desk.when(Tick(), at(TUESDAY)) == [
        InstructionSettled(
            account_id=ANN,
            instrument="ACME",
            settlement_day=TUESDAY,
            quantity=10,
            cash=-1_000,
            currency="EUR",
        )
    ]
    assert (desk.cash(), desk.stock()) == ((CASH - 1_000, 0, 0), (SHARES + 10, 0, 0))
    assert desk.state.settlement_due is None


def test_a_days_trades_are_net_by_account_and_instrument() -> None:
    desk = Desk(buy(10, 100), fill(10, 100), sell(4, 110, number=2), fill(4, 110, number=2))
    (event,) = desk.when(Tick(), at(TUESDAY))
    assert (event.quantity, event.cash) == (6, -560)


def test_what_brings_cash_settles_before_what_costs_it() -> None:
    desk = Desk(sell(SHARES, 100), fill(SHARES, 100))
    register = desk.state.instruments["ACME"]
    assert register.holdings[ANN].due == -SHARES
    desk.when(sell(SHARES, 100, account_id=BOB))
    desk.when(fill(SHARES, 100, account_id=BOB))
    desk.when(buy(200, 100, number=2))  # with what the sale brings
    desk.when(fill(200, 100, number=2))
    settled = desk.when(Tick(), at(TUESDAY))
    assert [type(event) for event in settled] == [InstructionSettled, InstructionSettled]
    assert desk.cash() == (0, 0, 0)


def test_stock_that_is_not_there_fails_and_is_tried_again_with_a_penalty() -> None:
    desk = Desk(sell(10, 100, account_id=MAKER))
    desk.when(fill(10, 100, account_id=MAKER))
    desk.when(buy(10, 100))
    desk.when(fill(10, 100))
    failed, settled = desk.when(Tick(), at(TUESDAY))
    assert failed == InstructionFailed(
        account_id=MAKER,
        instrument="ACME",
        settlement_day=TUESDAY,
        quantity=-10,
        cash=1_000,
        currency="EUR",
        lacks="ACME",
        penalty=10,
        retry_day=WEDNESDAY,
    )
    assert type(settled) is InstructionSettled  # the buyer has its shares all the same
    assert desk.stock() == (SHARES + 10, 0, 0)
    assert (desk.cash(MAKER), desk.stock(MAKER)) == ((CASH, 990, 0), (0, -10, 0))
    assert desk.state.books["EUR"].fees == 10
    # It buys them back on Tuesday; on Wednesday both net to nothing, and the penalty is paid.
    desk.when(buy(10, 90, account_id=MAKER, number=2))
    desk.when(fill(10, 90, account_id=MAKER, number=2))
    (event,) = desk.when(Tick(), at(WEDNESDAY))
    assert (event.quantity, event.cash) == (0, 90)
    assert (desk.cash(MAKER), desk.stock(MAKER)) == ((CASH + 90, 0, 0), (0, 0, 0))


def test_settled_stock_exceeds_what_came_in_by_what_has_failed() -> None:
    desk = Desk(sell(10, 100, account_id=MAKER))
    desk.when(fill(10, 100, account_id=MAKER))
    desk.when(buy(10, 100))
    desk.when(fill(10, 100))
    desk.when(Tick(), at(TUESDAY))
    holdings = desk.state.instruments["ACME"].holdings.values()
    assert sum(holding.settled for holding in holdings) == 2 * SHARES + 10
    assert sum(holding.due for holding in holdings) == -10


def test_cash_that_is_not_there_fails_too() -> None:
    desk = Desk(buy(100, 100), fill(100, 100))
    # A correction takes the account beyond what it has.
    desk.when(AdjustTrade(**of(), trade_id=1, quantity=0, notional=-500))
    (failed,) = desk.when(Tick(), at(TUESDAY))
    assert (failed.lacks, failed.penalty, failed.retry_day) == ("EUR", 105, WEDNESDAY)
    assert desk.cash() == (CASH, -10_605, 0)


def test_a_fail_on_friday_is_tried_again_on_monday() -> None:
    desk = Desk(sell(10, 100, account_id=MAKER))
    desk.when(fill(10, 100, account_id=MAKER), at(FRIDAY - 1))
    (failed,) = desk.when(Tick(), at(FRIDAY))
    assert failed.retry_day == MONDAY + 7


def test_a_process_that_comes_late_settles_each_day_at_its_time() -> None:
    desk = Desk(sell(10, 100, account_id=MAKER))
    desk.when(fill(10, 100, account_id=MAKER))
    events = desk.when(Tick(), at(MONDAY + 7))
    assert [event.settlement_day for event in events] == [TUESDAY, 19_725, 19_726, FRIDAY, 19_730]
    assert {type(event) for event in events} == {InstructionFailed}


def test_the_calendar_moves_the_next_settlement() -> None:
    desk = Desk(buy(10, 100), fill(10, 100))
    desk.when(SetCalendar(settles_at_ms=18 * 3_600_000))
    assert desk.when(Tick(), at(TUESDAY)) == []
    assert len(desk.when(Tick(), at(TUESDAY) + 6 * 3_600_000)) == 1


def test_proceeds_are_withdrawn_once_they_are_settled() -> None:
    desk = Desk(sell(10, 100), fill(10, 100))
    withdraw = Withdraw(account_id=ANN, asset="EUR", amount=CASH + 1_000)
    assert desk.rejected(withdraw) == ("insufficient_cash", "amount")
    desk.when(Tick(), at(TUESDAY))
    desk.when(withdraw)
    assert desk.cash() == (0, 0, 0)
