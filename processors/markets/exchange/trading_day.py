"""A seeded flow of whole trading days, for the demo and for the tests that every system passes.

    calendar ─► phases' moments ─┐
    Random(seed) ─► 64 bits ─────┼─► (timestamp in ms, ExchangeCommand)
    flow.Market (the plain flow) ┤
    day_orders (all other orders)┘

On the first day the operator lists eight instruments, with a calendar, and opens accounts and
sessions. Every trading day has a pre-open, an opening auction, continuous trading (the plain flow;
one command in eight is an order of another kind, one in sixteen the quotes of a market maker), a
closing auction, trading at the closing price, and the close. Twice a day somebody's finger is too
fat: the price band stops the order, and a volatility auction finds the price again. The index
comes every five minutes, to every partition, so that no timer waits long; the last command of a
day is its closing value.

So that short runs see much, the calls before the opening are thin (200 commands bring the opening
auction of every instrument, 1,000 the first volatility auction): what is left of `day_commands`
follows the day's clock.

The flow hears nothing from the exchange: like a member without a connection it guesses what is
open, in which phase an instrument is, and what comes too late is rejected: a few in a hundred.

All draws and sums are integers, so a seed gives the same commands on every machine.
"""

from collections.abc import Callable, Iterator
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Final, NamedTuple

from processors.markets.exchange.calendar import TradingCalendar
from processors.markets.exchange.commands import (
    AuctionPrices,
    CloseSession,
    ExchangeCommand,
    FeeTier,
    HaltLevel,
    ListInstrument,
    MassQuote,
    OpenAccount,
    OpenSession,
    Phase,
    PlaceOrder,
    PublishIndex,
    SetAccountLimits,
    SetCalendar,
    SetFees,
    SetKillSwitch,
    SetMarketHalts,
    SetQuoteProtection,
    Side,
    TickBand,
    TimeInForce,
    TimetableStep,
    UtcOffset,
)
from processors.markets.exchange.day_orders import (
    auction_order,
    last_price_order,
    other_orders,
    quotes,
)
from processors.markets.exchange.flow import (
    BURSTS,
    BUY,
    DAY_LENGTH_MS,
    MARKETS,
    SELL,
    Market,
    due_ms,
)
from processors.markets.exchange.terms import PPM

START_MS: Final = 1_704_153_600_000
"""2024-01-02, midnight UTC: a Tuesday."""
DAY_COMMANDS: Final = 50_000
DAY_COMMANDS_MIN: Final = 1_000
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
SET_UP_MS: Final = MINUTE_MS
"""So long before the first pre-open the operator's commands come."""

_PHASES: Final = (
    (9 * HOUR_MS, Phase.PRE_OPEN),
    (9 * HOUR_MS + 20 * MINUTE_MS, Phase.OPENING_AUCTION),
    (9 * HOUR_MS + 30 * MINUTE_MS, Phase.CONTINUOUS),
    (16 * HOUR_MS, Phase.CLOSING_AUCTION),
    (16 * HOUR_MS + 5 * MINUTE_MS, Phase.TRADING_AT_LAST),
    (16 * HOUR_MS + 15 * MINUTE_MS, Phase.CLOSED),
)
CALENDAR: Final = SetCalendar(
    calendar="NEW YORK",
    holidays=(20240101, 20240115, 20240219, 20240329, 20240527, 20240619, 20240704, 20240902),
    steps=tuple(TimetableStep(at_ms=at_ms, phase=phase) for at_ms, phase in _PHASES),
    utc_offsets=(
        UtcOffset(offset_ms=-5 * HOUR_MS),
        UtcOffset(from_ms=1_710_054_000_000, offset_ms=-4 * HOUR_MS),
        UtcOffset(from_ms=1_730_613_600_000, offset_ms=-5 * HOUR_MS),
    ),
)
"""The exchange's clock is five hours behind UTC, from 2024-03-10 to 2024-11-03 four."""

_PRE_OPEN_COMMANDS: Final = 30
_OPENING_COMMANDS: Final = 100
_CLOSING_SHARE: Final = 20
"""One in so many of a day's commands comes in the closing auction,"""
_LAST_SHARE: Final = 128
"""and one in so many at the closing price."""
RANDOM_END_MS: Final = 15 * SECOND_MS
STATIC_BAND_PPM: Final = 100_000
DYNAMIC_BAND_PPM: Final = 30_000
_THIN: Final = "ROWAN"
"""Its volatility auctions are short, and it has one just after the opening."""
_BUSY: Final = "ALDER"
"""It has one in the morning."""
_VOLATILITY_CALL_MS: Final = 5 * MINUTE_MS
_THIN_CALL_MS: Final = 40 * SECOND_MS

_MEMBER_ACCOUNTS: Final = 8
FAT_ACCOUNT: Final = 100
MAKERS: Final = (101, 102)
"""Accounts of market makers; each has a session of the same number."""
_QUOTED: Final = 4
"""So many instruments, the busiest, are quoted by both market makers."""


def trading_days(
    seed: int, day_commands: int = DAY_COMMANDS, start_ms: int = START_MS
) -> Iterator[tuple[int, ExchangeCommand]]:
    """Endless (timestamp in ms since 1970, command), the same for the same arguments.

    The trading days that begin after `start_ms` follow one another, each of `day_commands`
    commands (ValueError where these are less than 1,000), the last of them after the close.
    """
    if day_commands < DAY_COMMANDS_MIN:
        raise ValueError(
            f"day_commands is {day_commands}: a day with all its phases takes at least "
            f"{DAY_COMMANDS_MIN}"
        )
    return _TradingDays(seed, day_commands).commands(start_ms)


class _Span(NamedTuple):
    """A part of the day with commands of its own kind, evenly spread but in continuous trading."""

    phase: Phase
    begin_ms: int
    end_ms: int
    first: int
    """The number, within the day, of its first command."""
    commands: int

    def due_ms(self, number: int) -> int:
        number -= self.first
        length_ms = self.end_ms - self.begin_ms
        if self.phase is Phase.CONTINUOUS:
            return self.begin_ms + due_ms(number, self.commands) * length_ms // DAY_LENGTH_MS
        return self.begin_ms + number * length_ms // self.commands


class _TradingDays:
    __slots__ = (
        "agenda", "agenda_count", "at", "bits", "burst_market", "by_share", "calendar",
        "calls", "day_commands", "left_in_burst", "markets", "order_ids", "quote_ids",
    )  # fmt: skip

    def __init__(self, seed: int, day_commands: int) -> None:
        self.bits = Random(seed).getrandbits
        self.day_commands = day_commands
        self.at = 0
        self.order_ids = iter(range(1, 1 << 53))
        self.markets = [Market(*terms[:5], self.order_ids) for terms in MARKETS]
        self.by_share = [
            market
            for market, terms in zip(self.markets, MARKETS, strict=True)
            for _ in range(terms[5])
        ]
        self.calendar = TradingCalendar(
            CALENDAR.calendar,
            CALENDAR.weekdays,
            CALENDAR.holidays,
            CALENDAR.half_days,
            CALENDAR.steps,
            CALENDAR.half_day_steps,
            CALENDAR.utc_offsets,
        )
        self.agenda: list[tuple[int, int, ExchangeCommand | Callable[[], ExchangeCommand]]] = []
        """What is to come at which moment, and in which order."""
        self.agenda_count = 0
        self.calls: dict[str, int] = {}
        """Until when (ms) an instrument is in a volatility auction."""
        self.quote_ids = {
            (account_id, market.name): [next(self.order_ids) for _ in range(4)]
            for account_id in MAKERS
            for market in self.markets[:_QUOTED]
        }
        self.burst_market = self.markets[0]
        self.left_in_burst = 0

    def commands(self, start_ms: int) -> Iterator[tuple[int, ExchangeCommand]]:
        phases = self._next_day(start_ms + SET_UP_MS)
        done = 0
        for command in self._set_up():
            yield phases[Phase.PRE_OPEN] - SET_UP_MS, command
            done += 1
        while True:
            yield from self._day(phases, done)
            done = 0
            phases = self._next_day(self.at)

    def _next_day(self, after_ms: int) -> dict[Phase, int]:
        """The moments of the next trading day's phases."""
        moments: dict[Phase, int] = {}
        while Phase.CLOSED not in moments:
            step = self.calendar.next_step(after_ms)
            assert step is not None, "the calendar has a trading day within a week"
            phase, after_ms = step
            if moments or phase is Phase.PRE_OPEN:
                moments[phase] = after_ms
        return moments

    def _set_up(self) -> Iterator[ExchangeCommand]:
        """The operator's, before the first day."""
        yield CALENDAR
        for market in self.markets:
            yield _listing(market)
        for account_id in (*range(1, _MEMBER_ACCOUNTS + 1), FAT_ACCOUNT, *MAKERS):
            group_id = 1 if account_id in (1, 2) else 0
            yield OpenAccount(account_id=account_id, member_id=account_id, group_id=group_id)
        yield SetAccountLimits(
            account_id=5, order_quantity_max=100_000, orders_per_second_max=50, collar_ppm=50_000
        )
        yield SetAccountLimits(account_id=6, order_notional_max=10**13, open_orders_max=5_000)
        yield SetAccountLimits(instrument=_BUSY, account_id=7, position_max=2_000_000)
        yield SetFees(
            tiers=(
                FeeTier(maker_ppm=-20, taker_ppm=30, auction_ppm=10),
                FeeTier(notional_from=10**11, maker_ppm=-25, taker_ppm=28, auction_ppm=8),
            )
        )
        yield SetFees(instrument=_THIN, tiers=(FeeTier(taker_ppm=50, auction_ppm=20),))
        for account_id in MAKERS:
            yield OpenSession(session_id=account_id, member_id=account_id)

    def _day(self, phases: dict[Phase, int], done: int) -> Iterator[tuple[int, ExchangeCommand]]:
        """One trading day, of which `done` commands have come."""
        self._plan(phases)
        end_ms = phases[Phase.CLOSED] + MINUTE_MS
        for span in self._spans(phases, done):
            for number in range(span.first, span.first + span.commands):
                at_ms = self.at + (self.left_in_burst & 3)
                if not self.left_in_burst:
                    at_ms = max(at_ms, span.due_ms(number))
                if self.agenda and self.agenda[0][0] <= at_ms:
                    set_ms, _, command = heappop(self.agenda)
                    self.at = max(self.at, set_ms)
                    yield self.at, command() if callable(command) else command
                else:
                    self.at = at_ms
                    yield self.at, self._command(span.phase, number)
            self.left_in_burst = 0
        self.agenda.clear()
        self.at = end_ms
        yield self.at, self._index()

    def _spans(self, phases: dict[Phase, int], done: int) -> list[_Span]:
        """The day's commands but for its last, by phase. Where auctions may end later than due,
        the next commands wait."""
        closing = self.day_commands // _CLOSING_SHARE
        at_last = self.day_commands // _LAST_SHARE
        calls = _PRE_OPEN_COMMANDS + _OPENING_COMMANDS + closing + at_last
        counts = {
            Phase.PRE_OPEN: _PRE_OPEN_COMMANDS,
            Phase.OPENING_AUCTION: _OPENING_COMMANDS,
            Phase.CONTINUOUS: self.day_commands - 1 - done - calls,
            Phase.CLOSING_AUCTION: closing,
            Phase.TRADING_AT_LAST: at_last,
        }
        spans = []
        first = done
        ends_ms = iter([*phases.values()][1:])
        for phase, count in counts.items():
            begin_ms = phases[phase]
            if phase in (Phase.CONTINUOUS, Phase.TRADING_AT_LAST):
                begin_ms += MINUTE_MS
            spans.append(_Span(phase, begin_ms, next(ends_ms) - SECOND_MS, first, count))
            first += count
        return spans

    def _plan(self, phases: dict[Phase, int]) -> None:
        """What comes at set moments of the day."""
        pre_open, opens, at_last, closed = (
            phases[phase]
            for phase in (Phase.PRE_OPEN, Phase.CONTINUOUS, Phase.TRADING_AT_LAST, Phase.CLOSED)
        )
        self.calls.clear()
        self._at(pre_open, self._market_halts)
        for account_id in MAKERS:
            self._at(pre_open, _protection(account_id))
        for at_ms in range(opens, closed, 5 * MINUTE_MS):
            self._at(at_ms, self._index)
        for end_ms in (opens, at_last):  # when its auction is over, wherever its end is drawn
            self._at(end_ms + RANDOM_END_MS, self._index)
        by_name = {market.name: market for market in self.markets}
        self._plan_fat_finger(by_name[_THIN], opens + 75 * SECOND_MS, _THIN_CALL_MS)
        self._plan_fat_finger(by_name[_BUSY], opens + 30 * MINUTE_MS, _VOLATILITY_CALL_MS)
        maker = MAKERS[0]
        self._at(opens + 150 * MINUTE_MS, CloseSession(session_id=maker))
        self._at(
            opens + 150 * MINUTE_MS + 1,
            OpenSession(session_id=maker, member_id=maker),
        )

    def _at(self, at_ms: int, command: ExchangeCommand | Callable[[], ExchangeCommand]) -> None:
        heappush(self.agenda, (at_ms, self.agenda_count, command))
        self.agenda_count += 1

    def _plan_fat_finger(self, market: Market, at_ms: int, call_ms: int) -> None:
        """Somebody offers far from the market; somebody else buys all that there is up to there,
        with three zeros too many. Trading stops at the price band. In the call the risk desk pulls
        the kill switch, and those who know the price come: enough to sell for every stop that
        the rise has triggered."""
        step_ms = min(call_ms // 2, 30 * SECOND_MS)
        self._at(at_ms - 1, partial(self._far_offer, market))
        self._at(at_ms, partial(self._fat_order, market, at_ms + call_ms + RANDOM_END_MS))
        self._at(at_ms + step_ms, SetKillSwitch(account_id=FAT_ACCOUNT, engaged=True))
        for side in (SELL, BUY):
            self._at(at_ms + step_ms + SECOND_MS, partial(self._fair_order, market, side))
        self._at(
            at_ms + call_ms + MINUTE_MS,
            SetKillSwitch(account_id=FAT_ACCOUNT, engaged=False),
        )
        # Every partition is told the time when the call has ended, at the latest that it may.
        self._at(at_ms + call_ms + RANDOM_END_MS, self._index)

    def _far_offer(self, market: Market) -> PlaceOrder:
        return PlaceOrder(
            instrument=market.name,
            order_id=next(self.order_ids),
            account_id=_MEMBER_ACCOUNTS,
            side=SELL,
            quantity=100 * market.lot_size,
            price=market.best_ask * 107 // 100 * market.tick_size,
            time_in_force=TimeInForce.DAY,
        )

    def _fat_order(self, market: Market, until_ms: int) -> PlaceOrder:
        quantity = 900_000 * market.lot_size
        limit = market.best_ask * 109 // 100
        band = market.best_ask * DYNAMIC_BAND_PPM // PPM
        market.trade(True, quantity, market.best_ask + band)
        self.calls[market.name] = until_ms
        return PlaceOrder(
            instrument=market.name,
            order_id=next(self.order_ids),
            account_id=FAT_ACCOUNT,
            side=BUY,
            quantity=quantity,
            price=limit * market.tick_size,
            time_in_force=TimeInForce.DAY,
        )

    def _fair_order(self, market: Market, side: Side) -> PlaceOrder:
        lots = 100_000 if side is SELL else 1_000
        return PlaceOrder(
            instrument=market.name,
            order_id=next(self.order_ids),
            account_id=_MEMBER_ACCOUNTS if side is SELL else 1,
            side=side,
            quantity=lots * market.lot_size,
            price=(market.fair + (side is BUY)) * market.tick_size,
            time_in_force=TimeInForce.GOOD_FOR_AUCTION,
        )

    def _market_halts(self) -> SetMarketHalts:
        levels = (
            HaltLevel(fall_ppm=70_000, halt_ms=15 * MINUTE_MS),
            HaltLevel(fall_ppm=130_000, halt_ms=15 * MINUTE_MS),
            HaltLevel(fall_ppm=200_000),
        )
        return SetMarketHalts(reference=self._index().value, levels=levels)

    def _index(self) -> PublishIndex:
        """Each instrument counts the same: together 10,000 at the first."""
        parts = [market.fair * 10_000 // market.first_price for market in self.markets]
        return PublishIndex(value=sum(parts) // len(parts))

    def _command(self, phase: Phase, number: int) -> ExchangeCommand:
        r = self.bits(64)
        if phase is Phase.CONTINUOUS:
            return self._continuous(r)
        market = self.markets[number % len(self.markets)]
        if phase is Phase.TRADING_AT_LAST:
            return last_price_order(market, r)
        return self._call(market, r, phase, number // len(self.markets) & 3)

    def _call(self, market: Market, r: int, phase: Phase, turn: int) -> ExchangeCommand:
        """While orders are collected: in four turns one to buy and one to sell in the auction, and
        two of the plain flow's that rest."""
        if turn < 2:
            return auction_order(market, r, turn == 0, phase)
        if r & 7 == 0 and len(market.orders) > 16:
            return market.cancel(r >> 11)
        order = market.rest(r >> 11)
        order.post_only = False
        return order

    def _continuous(self, r: int) -> ExchangeCommand:
        if self.left_in_burst:
            self.left_in_burst -= 1
        else:
            self.burst_market = self.by_share[r & 63]
            self.left_in_burst = BURSTS[r >> 6 & 31] - 1
        market = self.burst_market
        until_ms = self.calls.get(market.name, 0)
        if until_ms > self.at:
            return self._call(market, r, Phase.VOLATILITY_AUCTION, self.bits(2))
        kind = self.bits(4)
        if kind == 0:
            return self._quote(r)
        if kind < 3 and len(market.orders) > 16:
            first, *rest = other_orders(market, r, self.at, self.calendar)
            for order in rest:
                self._at(self.at, order)
            return first
        command = market.next_command(r >> 11)
        if market.traded:
            market.traded = False
            self.left_in_burst += r & 3
        return command

    def _quote(self, r: int) -> MassQuote:
        account_id = MAKERS[r >> 7 & 1]
        market = self.markets[r % _QUOTED]
        return MassQuote(
            instrument=market.name,
            account_id=account_id,
            quotes=quotes(market, r, self.quote_ids[account_id, market.name]),
            session_id=account_id,
        )


def _protection(account_id: int) -> SetQuoteProtection:
    """Given again every morning: what tripped the day before may quote again."""
    return SetQuoteProtection(account_id=account_id, window_ms=SECOND_MS, trades_max=20)


def _listing(market: Market) -> ListInstrument:
    """As the plain flow lists it, and with all that a trading day needs."""
    listing = market.listing()
    listing.calendar = CALENDAR.calendar
    listing.reference_price = market.first_price * market.tick_size
    listing.static_band_ppm = STATIC_BAND_PPM
    listing.dynamic_band_ppm = DYNAMIC_BAND_PPM
    listing.volatility_call_ms = _VOLATILITY_CALL_MS
    listing.random_end_ms = RANDOM_END_MS
    listing.extension_ms = 20 * SECOND_MS
    if market.name == _THIN:
        # Half ticks for what costs less than half of the first price.
        whole = market.tick_size
        listing.tick_size = whole // 2
        listing.tick_bands = (
            TickBand(price_from=market.first_price // 2 * whole, tick_size=whole),
        )
        listing.volatility_call_ms = _THIN_CALL_MS
    if market.name == "HAZEL":
        listing.auction_prices = AuctionPrices.ALL
    return listing
