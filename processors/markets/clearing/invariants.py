"""What always holds of clearing, at every event: the suite asks for it."""

from collections import Counter

from processors.markets.clearing.state import Clearing


def check(state: Clearing) -> None:
    """AssertionError with what is wrong."""
    _check_ledger(state)
    _check_reservations(state)
    _check_instructions(state)


def _check_ledger(state: Clearing) -> None:
    """By asset, accounts and the house sum to zero; nobody's settled balance is below zero."""
    totals: Counter[str] = Counter()
    for account in state.accounts.values():
        for currency, cash in account.cash.items():
            totals[currency] += cash.settled + cash.due
            assert cash.settled >= 0, f"account {account.account_id} has {cash.settled} {currency}"
    for name, instrument in state.instruments.items():
        for account_id, holding in instrument.holdings.items():
            totals[name] += holding.settled + holding.due
            assert holding.settled >= 0, f"account {account_id} has {holding.settled} {name}"
    for asset, books in state.books.items():
        assert totals[asset] + books.total == 0, f"{asset}: accounts and the house sum to not zero"
    assert not totals.keys() - state.books.keys(), "an asset has no house"


def _check_reservations(state: Clearing) -> None:
    """What is reserved in an account is what its open orders say."""
    reserved: Counter[int] = Counter()
    balances = {}
    for name, instrument in state.instruments.items():
        for account_id, holding in instrument.holdings.items():
            balances[id(holding)] = f"{name} of account {account_id}", holding
        for order in instrument.orders.values():
            assert order.quantity >= 0, f"order {order.order_id} has {order.quantity} open"
            reserved[id(order.reserved_in)] += order.quantity * order.unit + order.held
    for account in state.accounts.values():
        for currency, cash in account.cash.items():
            balances[id(cash)] = f"{currency} of account {account.account_id}", cash
    for key, (what, balance) in balances.items():
        assert balance.reserved == reserved[key], (
            f"{what}: {balance.reserved} is reserved, and the open orders need {reserved[key]}"
        )
    assert not reserved.keys() - balances.keys(), "an order reserves in no balance"


def _check_instructions(state: Clearing) -> None:
    """What is due in an account is what its instructions say, and the next settlement is known."""
    due: Counter[tuple[int, str]] = Counter()
    for day, accounts in state.days.items():
        assert accounts, f"nothing is due on day {day}, which is kept"
        for account_id, instructions in accounts.items():
            assert instructions, f"account {account_id} has nothing due on day {day}"
            for name, instruction in instructions.items():
                due[account_id, name] += instruction.quantity
                due[account_id, state.instruments[name].currency] += instruction.cash
    for name, instrument in state.instruments.items():
        for account_id, holding in instrument.holdings.items():
            assert holding.due == due[account_id, name], f"{name} of account {account_id}: due"
    for account_id, account in state.accounts.items():
        for currency, cash in account.cash.items():
            assert cash.due == due[account_id, currency], f"{currency} of {account_id}: due"
    first = min(state.days, default=None)
    expected = None if first is None else state.calendar.settles_at(first)
    assert state.settlement_due == expected, "the next settlement is not the earliest"
