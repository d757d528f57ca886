"""The exchange again, as simply as can be: orders and trades in plain lists, searched and sorted
each time, each event told and done in one go. Written from the rules; shares nothing with the real
one but the vocabulary. Slow, and easy to believe.

    naive_exchange   commands and timers, one after another      (from the flow, to the test)
    naive_orders, naive_operator        what each command does
    naive_checks     what an order is refused for
    naive_steps      what follows from what has happened; how an order meets the book
    naive_matching, naive_auction, naive_phases, naive_calendar
    naive_effects    what each event changes
    naive_market     what there is
"""

from typing import Any

from processors.core.messages import Tick
from processors.markets.exchange import commands as c
from processors.markets.exchange.events import CancelReason
from tests.processors.markets.exchange import naive_operator, naive_orders
from tests.processors.markets.exchange.naive_market import Refused as Refused
from tests.processors.markets.exchange.naive_phases import (
    Telling,
    due_times,
    end_phase,
    take_timetable_step,
)
from tests.processors.markets.exchange.naive_state import NaiveState
from tests.processors.markets.exchange.naive_steps import follow_up

RULES: dict[type, Any] = {
    c.ListInstrument: naive_operator.list_instrument,
    c.PlaceOrder: naive_orders.place,
    c.CancelOrder: naive_orders.cancel,
    c.ReplaceOrder: naive_orders.replace,
    c.MassCancel: naive_orders.mass_cancel,
    c.MassQuote: naive_orders.mass_quote,
    c.DelistInstrument: naive_operator.delist,
    c.ChangeSymbol: naive_operator.change_symbol,
    c.SplitInstrument: naive_operator.split,
    c.SetReferencePrice: naive_operator.set_reference_price,
    c.SetCalendar: naive_operator.set_calendar,
    c.ChangePhase: naive_operator.change_phase_by_hand,
    c.SetMarketHalts: naive_operator.set_market_halts,
    c.PublishIndex: naive_operator.publish_index,
    c.OpenAccount: naive_operator.open_account,
    c.CloseAccount: naive_operator.close_account,
    c.SetAccountLimits: naive_operator.set_account_limits,
    c.SetKillSwitch: naive_operator.set_kill_switch,
    c.OpenSession: naive_operator.open_session,
    c.CloseSession: naive_operator.close_session,
    c.SetFees: naive_operator.set_fees,
    c.SetQuoteProtection: naive_operator.set_quote_protection,
    c.BustTrade: naive_operator.bust_trade,
    c.CorrectTrade: naive_operator.correct_trade,
}


class NaiveExchange:
    """One partition that holds all instruments."""

    def __init__(self) -> None:
        self.state = NaiveState()
        self.now = 0
        """Of the last command or timer; it never goes back."""

    def do(self, command: Any, at: int) -> list[Any]:
        """The events of the timers that are due by `at` (ms since 1970), each at its own time, of
        the command, and of the timers that it made due; a rejection is `Refused`."""
        events = self.fire_timers(at)
        self.now = at
        if type(command) is Tick:
            return events
        telling = Telling(self.state, at)
        refused = RULES[type(command)](telling, command)
        if refused is not None:
            return [*events, refused]
        follow_up(telling)
        return events + telling.events + self.fire_timers(at)

    def fire_timers(self, at: int) -> list[Any]:
        events: list[Any] = []
        while fired := self.fire_next_timer(at):
            events += fired
        return events

    def fire_next_timer(self, at: int) -> list[Any]:
        """At one moment: orders that expire, by instrument and id; then phases by instrument,
        the timetable's step before the phase's own end. No events: none is due."""
        timers = []
        for market in self.state.markets.values():
            for order in market.orders:
                if order.expires_at_ms:
                    timers.append((order.expires_at_ms, 0, market.name, order.order_id))
            for number, due in enumerate(due_times(market)):
                if due:
                    timers.append((due, 1, market.name, number))
        due, kind, name, number = min(timers, default=(at + 1, 0, "", 0))
        if due > at:
            return []
        self.now = max(self.now, due)
        telling = Telling(self.state, self.now)
        market = self.state.markets[name]
        if kind == 0:
            expired = [order for order in market.orders if order.order_id == number]
            telling.cancel(market, expired, CancelReason.EXPIRED)
        elif number == 0:
            take_timetable_step(telling, market)
        else:
            end_phase(telling, market)
        follow_up(telling)
        return telling.events
