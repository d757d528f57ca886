"""Clearing as people look at it: what is there, due and reserved of each asset, and the house.

3 accounts, 2 open orders; next settlement: day 20778, 4 instructions
asset |  settled | due | reserved | custodian | clearing house | fees | issuer
ACME  |      100 |  10 |        5 |      -100 |            -10 |    0 |      0
EUR   | 50000000 | ...
"""

from processors.markets.clearing.state import Balance, Clearing

ASSETS_SHOWN = 16
HEADER = (
    "asset", "settled", "due", "reserved", "custodian", "clearing house", "fees", "issuer",
)  # fmt: skip


def overview(state: Clearing) -> str:
    """The first assets by name, a line each."""
    rows = [HEADER]
    for asset in sorted(state.books)[:ASSETS_SHOWN]:
        books, balances = state.books[asset], _balances(state, asset)
        numbers = (
            sum(balance.settled for balance in balances),
            sum(balance.due for balance in balances),
            sum(balance.reserved for balance in balances),
            books.custodian,
            books.clearing_house,
            books.fees,
            books.issuer,
        )
        rows.append((asset, *(f"{number:,}" for number in numbers)))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    drawn = [
        " | ".join(
            text.ljust(width) if number == 0 else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([_headline(state), *drawn])


def _balances(state: Clearing, asset: str) -> list[Balance]:
    instrument = state.instruments.get(asset)
    if instrument is not None:
        return list(instrument.holdings.values())
    accounts = state.accounts.values()
    return [account.cash[asset] for account in accounts if asset in account.cash]


def _headline(state: Clearing) -> str:
    orders = sum(len(instrument.orders) for instrument in state.instruments.values())
    headline = f"{len(state.accounts):,} accounts, {orders:,} open orders"
    if not state.days:
        return f"{headline}; nothing is due"
    day = min(state.days)
    due = sum(len(instructions) for instructions in state.days[day].values())
    return f"{headline}; next settlement: day {day}, {due:,} instructions"
