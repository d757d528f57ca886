"""What clearing holds on one partition: accounts with their cash, instruments with who holds them
and with their open orders, what is due on which day, and the house's side of every movement.

    Clearing ─┬─ accounts ── cash, a Balance a currency
              ├─ instruments ─┬─ holdings, a Balance an account
              │               └─ orders, the open ones by id
              ├─ days ── by settlement day, account and instrument: an Instruction
              └─ books ── the house's side, by asset
"""

import msgspec

from processors.markets.clearing.calendar import Calendar, default_calendar


class Balance:
    """Of one asset, in one account. What may be reserved or withdrawn is `available`: what is
    there, and what trades will bring, less what they will take and what is reserved."""

    __slots__ = ("due", "reserved", "settled")

    settled: int
    due: int
    """Of trades that are not settled; below zero: to be given."""
    reserved: int

    def __init__(self, settled: int = 0, due: int = 0, reserved: int = 0) -> None:
        self.settled = settled
        self.due = due
        self.reserved = reserved

    @property
    def available(self) -> int:
        return self.settled + self.due - self.reserved

    @property
    def withdrawable(self) -> int:
        return min(self.settled, self.available)


class Books:
    """The house's side of one asset: what left these came into accounts."""

    __slots__ = ("clearing_house", "custodian", "fees", "issuer")

    custodian: int
    """Deposits and withdrawals: the bank, the depository."""
    clearing_house: int
    """The other side of every trade. Over all partitions it comes to zero."""
    fees: int
    """The exchange's fees, and penalties."""
    issuer: int
    """Splits."""

    def __init__(
        self, custodian: int = 0, clearing_house: int = 0, fees: int = 0, issuer: int = 0
    ) -> None:
        self.custodian = custodian
        self.clearing_house = clearing_house
        self.fees = fees
        self.issuer = issuer

    @property
    def total(self) -> int:
        return self.custodian + self.clearing_house + self.fees + self.issuer


class Account:
    __slots__ = ("account_id", "cash", "may_sell_short")

    account_id: int
    may_sell_short: bool
    cash: dict[str, Balance]

    def __init__(self, account_id: int, may_sell_short: bool) -> None:
        self.account_id = account_id
        self.may_sell_short = may_sell_short
        self.cash = {}

    def cash_in(self, currency: str) -> Balance:
        """Its cash in a currency, from nothing where it had none."""
        balance = self.cash.get(currency)
        if balance is None:
            balance = self.cash[currency] = Balance()
        return balance


class Order(msgspec.Struct, gc=False):
    """An open order: `unit` of its asset is reserved a share, and `held` beside, for what it may
    become: by its replacement, by a split."""

    order_id: int
    is_buy: bool
    price: int
    quantity: int
    unit: int
    cash: Balance
    holding: Balance
    held: int = 0
    replacing: bool = False
    """Whether a replacement is waited for."""

    @property
    def reserved_in(self) -> Balance:
        return self.cash if self.is_buy else self.holding


class Instrument:
    __slots__ = (
        "books", "cash_books", "currency", "fee_ppm_max", "holdings", "last_price", "multiplier",
        "name", "orders", "penalty_ppm",
    )  # fmt: skip

    name: str
    currency: str
    multiplier: int
    fee_ppm_max: int
    penalty_ppm: int
    last_price: int
    """Of the last trade here; 0: none yet."""
    holdings: dict[int, Balance]
    orders: dict[int, Order]
    books: Books
    cash_books: Books
    """Those of its currency."""

    def __init__(self, name: str, currency: str, books: Books, cash_books: Books) -> None:
        self.name = name
        self.currency = currency
        self.multiplier = 1
        self.fee_ppm_max = 0
        self.penalty_ppm = 0
        self.last_price = 0
        self.holdings = {}
        self.orders = {}
        self.books = books
        self.cash_books = cash_books

    def holding_of(self, account_id: int) -> Balance:
        """What an account has of it, from nothing where it had none."""
        holding = self.holdings.get(account_id)
        if holding is None:
            holding = self.holdings[account_id] = Balance()
        return holding


class Instruction:
    """What an account is to receive (above zero) and to give of an instrument and its currency on
    a settlement day, net of all its trades."""

    __slots__ = ("cash", "quantity")

    quantity: int
    cash: int

    def __init__(self, quantity: int = 0, cash: int = 0) -> None:
        self.quantity = quantity
        self.cash = cash


class Clearing:
    __slots__ = ("accounts", "books", "calendar", "days", "instruments", "settlement_due")

    calendar: Calendar
    accounts: dict[int, Account]
    instruments: dict[str, Instrument]
    books: dict[str, Books]
    days: dict[int, dict[int, dict[str, Instruction]]]
    settlement_due: int | None
    """When the earliest day settles: milliseconds since 1970."""

    def __init__(self) -> None:
        self.calendar = default_calendar()
        self.accounts = {}
        self.instruments = {}
        self.books = {}
        self.days = {}
        self.settlement_due = None

    def books_of(self, asset: str) -> Books:
        books = self.books.get(asset)
        if books is None:
            books = self.books[asset] = Books()
        return books

    def balance_of(self, account: Account, asset: str) -> Balance:
        """What an account has of an asset, from nothing where it had none."""
        instrument = self.instruments.get(asset)
        if instrument is None:
            return account.cash_in(asset)
        return instrument.holding_of(account.account_id)

    def instruction(self, day: int, account_id: int, instrument: str) -> Instruction:
        """What is due, from nothing where nothing was."""
        of_day = self.days.get(day)
        if of_day is None:
            of_day = self.days[day] = {}
            self.find_next_settlement()
        of_account = of_day.get(account_id)
        if of_account is None:
            of_account = of_day[account_id] = {}
        found = of_account.get(instrument)
        if found is None:
            found = of_account[instrument] = Instruction()
        return found

    def drop_instruction(self, day: int, account_id: int, instrument: str) -> None:
        of_day = self.days[day]
        of_account = of_day[account_id]
        del of_account[instrument]
        if not of_account:
            del of_day[account_id]
            if not of_day:
                del self.days[day]
                self.find_next_settlement()

    def find_next_settlement(self) -> None:
        self.settlement_due = self.calendar.settles_at(min(self.days)) if self.days else None
