"""What the naive exchange knows: all its instruments, and what they have in common."""

from dataclasses import dataclass, field

from processors.markets.exchange import events as e
from processors.markets.exchange.commands import FeeTier, HaltLevel
from tests.processors.markets.exchange.naive_market import NaiveMarket


@dataclass
class Account:
    group_id: int
    closed: bool = False
    killed: bool = False


@dataclass
class NaiveState:
    markets: dict[str, NaiveMarket] = field(default_factory=dict)
    calendars: dict[str, e.CalendarSet] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    limits: dict[tuple[str, int], e.AccountLimitsSet] = field(default_factory=dict)
    """By instrument (empty: all) and account."""
    sessions: dict[int, bool] = field(default_factory=dict)
    """The open ones: whether their end cancels."""
    fees: tuple[FeeTier, ...] = ()
    halt_reference: int = 0
    halt_levels: tuple[HaltLevel, ...] = ()
    halts_reached: int = 0
    clock: int = 0
    """Goes up by one whenever something is put in line."""

    def next_number(self) -> int:
        self.clock += 1
        return self.clock

    def fees_of(self, market: NaiveMarket) -> tuple[FeeTier, ...]:
        return self.fees if market.fees is None else market.fees

    def limits_of(self, market: NaiveMarket, account_id: int) -> e.AccountLimitsSet | None:
        """Those that hold: none of an account that is not open."""
        account = self.accounts.get(account_id)
        if account is None or account.closed:
            return None
        own = self.limits.get((market.name, account_id))
        return own or self.limits.get(("", account_id))
