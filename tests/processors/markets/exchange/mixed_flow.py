"""A seeded flow for tests: every command, order type, time in force and term, phases by two
calendars and by the operator, limits, fees, quotes, splits; on four instruments with narrow price
ranges, few accounts and some mistakes, so that everything meets. It goes to `test_against_naive`.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from processors.core.messages import Tick
from processors.markets.exchange import commands as c
from processors.markets.exchange.commands import Phase, PlaceOrder
from tests.processors.markets.exchange import mixed_orders
from tests.processors.markets.exchange.mixed_orders import Sheet, pick

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
BEGIN_MS = 20_528 * DAY_MS + 6 * HOUR_MS
"""Monday 2026-03-16, six o'clock, UTC."""
AT_ONCE = (c.TimeInForce.IMMEDIATE_OR_CANCEL, c.TimeInForce.FILL_OR_KILL)
SUNDAY = 3
"""Of days since 1970, modulo 7."""
CALLS: dict[str, Any] = {
    "volatility_call_ms": 240_000,
    "random_end_ms": 30_000,
    "extension_ms": 60_000,
}
CENTRE = mixed_orders.CENTRE


def steps(*times: tuple[float, Phase]) -> tuple[c.TimetableStep, ...]:
    return tuple(c.TimetableStep(at_ms=int(hour * HOUR_MS), phase=phase) for hour, phase in times)


CALENDARS = (
    c.SetCalendar(
        calendar="EAST",
        holidays=(20260318, 20260403, 20260406, 20260501),
        half_days=(20260320, 20260402, 20260430),
        steps=steps(
            (8, Phase.PRE_OPEN),
            (8.5, Phase.OPENING_AUCTION),
            (9, Phase.CONTINUOUS),
            (11, Phase.CLOSING_AUCTION),
            (11.25, Phase.TRADING_AT_LAST),
            (11.5, Phase.CLOSED),
        ),
        half_day_steps=steps(
            (8.25, Phase.OPENING_AUCTION), (8.75, Phase.CONTINUOUS), (10.5, Phase.CLOSED)
        ),
        utc_offsets=(
            c.UtcOffset(from_ms=0, offset_ms=HOUR_MS),
            c.UtcOffset(from_ms=20_541 * DAY_MS + HOUR_MS, offset_ms=2 * HOUR_MS),
        ),
    ),
    c.SetCalendar(
        calendar="WEST",
        weekdays=(0, 1, 2, 4, 5),
        half_days=(20260317, 20260324),
        steps=steps(
            (2.25, Phase.OPENING_AUCTION),
            (2.5, Phase.CONTINUOUS),
            (3.5, Phase.PRE_OPEN),
            (3.75, Phase.CONTINUOUS),
            (5, Phase.CLOSING_AUCTION),
            (5.5, Phase.CLOSED),
        ),
        half_day_steps=steps((2.5, Phase.CONTINUOUS), (4, Phase.CLOSED)),
        utc_offsets=(c.UtcOffset(from_ms=0, offset_ms=-5 * HOUR_MS),),
    ),
)
LISTINGS = (
    c.ListInstrument(
        instrument="ACME",
        calendar="EAST",
        quantity_max=1_000,
        price_max=10_000,
        reference_price=100,
        static_band_ppm=60_000,
        dynamic_band_ppm=30_000,
        **CALLS,
    ),
    c.ListInstrument(
        instrument="BOLT",
        calendar="WEST",
        tick_size=5,
        lot_size=10,
        price_min=5,
        price_max=700,
        tick_bands=(c.TickBand(price_from=510, tick_size=10),),
        dynamic_band_ppm=50_000,
        volatility_call_ms=120_000,
        extension_ms=30_000,
        auction_prices=c.AuctionPrices.ALL,
        symbol="B",
    ),
    c.ListInstrument(
        instrument="COIL",
        tick_size=100,
        price_min=100,
        price_decimals=2,
        static_band_ppm=50_000,
        volatility_call_ms=180_000,
        random_end_ms=60_000,
        members_only=True,
    ),
    c.ListInstrument(instrument="DUST", reference_price=98),
)
SHEETS = (("ACME", 1, 1), ("BOLT", 5, 10), ("COIL", 100, 1), ("DUST", 1, 1))
TIERS = (
    c.FeeTier(maker_ppm=-200, taker_ppm=3_000, auction_ppm=1_000),
    c.FeeTier(notional_from=50_000, maker_ppm=-1_500, taker_ppm=2_000),
    c.FeeTier(notional_from=200_000, maker_ppm=-3_333, taker_ppm=1_234, auction_ppm=77),
)
MEMBERS = (1, 2, 3, 4, 5)
"""Of six accounts that send orders these are opened; 1 and 2 are of one group."""


def mixed_flow(seed: int) -> Iterator[tuple[int, Any]]:
    """Commands, each with its time (ms since 1970, never going back). Endless."""
    return iter(MixedFlow(seed))


class MixedFlow:
    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.at = BEGIN_MS
        self.order_id = 0
        self.sheets = [Sheet(*row) for row in SHEETS]
        self.placed: dict[int, PlaceOrder] = {}
        self.agenda: list[tuple[int, Any]] = []
        """Commands that are to follow, by number: what is stopped is let go on."""
        self.number = 0

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        for command in (*CALENDARS, *LISTINGS, *(open_account(each) for each in MEMBERS)):
            yield self.at, command
        for session_id in (11, 12):
            yield self.at, c.OpenSession(session_id=session_id, member_id=1)
        kinds = tuple(KINDS)
        weights = tuple(KINDS.values())
        while True:
            self.number += 1
            self.pass_time()
            if self.agenda and self.agenda[0][0] <= self.number:
                yield self.at, self.agenda.pop(0)[1]
                continue
            (kind,) = self.draw.choices(kinds, weights)
            yield self.at, kind(self)

    def pass_time(self) -> None:
        chance = self.draw.random()
        if chance < 0.6:
            self.at += self.draw.randrange(5)
        elif chance < 0.9:
            self.at += self.draw.randrange(4_000)
        elif chance < 0.995:
            self.at += self.draw.randrange(MINUTE_MS)
        else:
            self.at += self.draw.randrange(8 * MINUTE_MS)
        while self.at % DAY_MS > 10.75 * HOUR_MS or self.at // DAY_MS % 7 == SUNDAY:
            # Nights and Sundays, of which there is little to tell.
            self.at = (self.at // DAY_MS + 1) * DAY_MS + 6 * HOUR_MS + self.draw.randrange(HOUR_MS)

    def later(self, command: Any, least: int = 20, most: int = 150) -> None:
        self.agenda.append((self.number + self.draw.randint(least, most), command))
        self.agenda.sort(key=lambda entry: entry[0])

    def sheet(self) -> Sheet:
        return self.draw.choice(self.sheets)

    def account(self) -> int:
        return int(pick(self.draw, {1: 4, 2: 4, 3: 4, 4: 4, 5: 4, 6: 2}))

    def place(self) -> Any:
        sheet, account_id = self.sheet(), self.account()
        self.order_id += 1
        order_id = self.order_id
        if self.draw.random() < 0.01:
            order_id = mixed_orders.recent_order(self.draw, sheet)
        order = mixed_orders.place(self.draw, sheet, order_id, account_id, self.at)
        sheet.placed += 1
        if order.time_in_force not in AT_ONCE:
            sheet.recent = [*sheet.recent[-24:], (order_id, account_id)]
        self.placed[order_id] = order
        self.placed.pop(order_id - 2_000, None)
        return order

    def cancel(self) -> Any:
        sheet = self.sheet()
        return c.CancelOrder(
            instrument=sheet.name if self.draw.random() > 0.005 else "NONE",
            order_id=mixed_orders.recent_order(self.draw, sheet),
            account_id=pick(self.draw, {0: 9, 1: 1}),
        )

    def replace(self) -> Any:
        sheet = self.sheet()
        placed = self.placed.get(mixed_orders.recent_order(self.draw, sheet))
        return mixed_orders.replace(self.draw, sheet, placed, self.at)

    def mass_cancel(self) -> Any:
        return c.MassCancel(
            instrument=pick(self.draw, {self.sheet().name: 20, "": 5, "NONE": 1}),
            account_id=pick(self.draw, {self.account(): 8, 0: 1}),
            side=pick(self.draw, {None: 2, c.Side.BUY: 1, c.Side.SELL: 1}),
            session_id=pick(self.draw, {0: 8, 11: 1}),
        )

    def mass_quote(self) -> Any:
        account_id = pick(self.draw, {4: 3, 5: 10, 6: 1})
        return mixed_orders.mass_quote(self.draw, self.sheet(), account_id, self.order_id)

    def change_phase(self) -> Any:
        instrument = pick(
            self.draw, {"DUST": 40, "COIL": 40, "BOLT": 8, "ACME": 8, "": 3, "NONE": 1}
        )
        phase = self.draw.choice(tuple(Phase))
        length_ms = self.draw.randrange(600_000)
        timed = phase is Phase.HALT or "AUCTION" in phase.name or self.draw.random() < 0.05
        if phase is not Phase.CONTINUOUS and instrument:
            back = c.ChangePhase(instrument=instrument, phase=Phase.CONTINUOUS)
            self.later(back, most=300)
        return c.ChangePhase(
            instrument=instrument,
            phase=phase,
            duration_ms=length_ms if timed and self.draw.random() < 0.7 else 0,
        )

    def set_market_halts(self) -> Any:
        levels = (
            c.HaltLevel(fall_ppm=70_000, halt_ms=self.draw.choice((60_000, 300_000))),
            c.HaltLevel(fall_ppm=130_000, halt_ms=400_000),
            c.HaltLevel(fall_ppm=200_000),
        )
        reference = pick(self.draw, {5_000: 9, 0: 1})
        return c.SetMarketHalts(reference=reference, levels=levels[: self.draw.randint(1, 3)])

    def publish_index(self) -> Any:
        least = pick(self.draw, {4_700: 20, 4_500: 4, 4_200: 2, 3_900: 1})
        return c.PublishIndex(value=least + self.draw.randrange(500))

    def set_calendar(self) -> Any:
        """The same again, or with a day that was not known to be a holiday."""
        calendar = self.draw.choice(CALENDARS)
        today = mixed_orders.date_number(self.at, self.draw.randint(0, 3))
        holidays = (*calendar.holidays, today) if self.draw.random() < 0.5 else calendar.holidays
        return c.SetCalendar(
            calendar=calendar.calendar,
            weekdays=calendar.weekdays,
            holidays=holidays,
            half_days=tuple(day for day in calendar.half_days if day not in holidays),
            steps=calendar.steps,
            half_day_steps=calendar.half_day_steps,
            utc_offsets=calendar.utc_offsets,
        )

    def list_instrument(self) -> Any:
        listing = self.draw.choice(LISTINGS)
        bad: dict[str, Any] = {"instrument": "NEW", "price_min": 1}
        wrong = self.draw.choice(
            (
                c.ListInstrument(tick_size=0, **bad),
                c.ListInstrument(lot_size=-1, **bad),
                c.ListInstrument(calendar="NONE", **bad),
            )
        )
        return listing if self.draw.random() < 0.3 else wrong

    def delist(self) -> Any:
        listing, sheet = self.draw.choice(tuple(zip(LISTINGS, self.sheets, strict=True)))
        sheet.placed = 0
        self.later(listing, 5, 20)
        return c.DelistInstrument(instrument=listing.instrument)

    def split(self) -> Any:
        numerator, denominator = self.draw.choice(
            ((2, 1), (1, 2), (3, 2), (2, 3), (1, 10), (10, 1), (0, 1), (1, 0))
        )
        name, halted = self.sheet().name, self.draw.random() < 0.7
        command = c.SplitInstrument(instrument=name, numerator=numerator, denominator=denominator)
        if not halted:
            return command
        self.agenda.insert(0, (0, command))
        return c.ChangePhase(instrument=name, phase=Phase.HALT, duration_ms=30_000)

    def set_reference_price(self) -> Any:
        sheet = self.sheet()
        price = sheet.tick * (CENTRE + self.draw.choice((-2, -2, 0, 0, 2, 2, -(10**9))))
        return c.SetReferencePrice(instrument=sheet.name, price=price)

    def change_symbol(self) -> Any:
        instrument = pick(self.draw, {self.sheet().name: 9, "NONE": 1})
        return c.ChangeSymbol(instrument=instrument, symbol=f"S{self.number}")

    def open_account(self) -> Any:
        return open_account(self.draw.choice(MEMBERS))

    def close_account(self) -> Any:
        account_id = self.draw.choice((*MEMBERS, 9))
        if account_id != 9:
            self.later(open_account(account_id))
        return c.CloseAccount(account_id=account_id)

    def set_kill_switch(self) -> Any:
        account_id = self.draw.choice((*MEMBERS, 9))
        self.later(c.SetKillSwitch(account_id=account_id, engaged=False))
        return c.SetKillSwitch(account_id=account_id, engaged=True)

    def set_limits(self) -> Any:
        """One or two limits of an account, for a while."""
        sheet, account_id = self.sheet(), pick(self.draw, {3: 5, 4: 5, 5: 3, 9: 1})
        instrument = pick(self.draw, {sheet.name: 9, "": 3, "NONE": 1})
        limits: dict[str, Any] = {
            "order_quantity_max": 6 * sheet.lot,
            "order_notional_max": 6 * CENTRE * sheet.tick * sheet.lot,
            "open_orders_max": self.draw.randint(1, 5),
            "orders_per_second_max": self.draw.randint(1, 2),
            "collar_ppm": 10_000,
            "position_max": self.draw.randint(5, 40) * sheet.lot,
        }
        names = self.draw.sample(tuple(limits), self.draw.randint(1, 2))
        if instrument != "NONE" and account_id != 9:
            none = c.SetAccountLimits(instrument=instrument, account_id=account_id)
            self.later(none, 100, 900)
        return c.SetAccountLimits(
            instrument=instrument,
            account_id=account_id,
            **{name: limits[name] for name in names},
        )

    def session(self) -> Any:
        session_id = self.draw.choice((11, 12, 13))
        cancels = self.draw.random() < 0.7
        opened = c.OpenSession(session_id=session_id, member_id=1, cancel_on_disconnect=cancels)
        self.later(opened, 10, 60)
        return c.CloseSession(session_id=session_id)

    def set_fees(self) -> Any:
        instrument = pick(self.draw, {self.sheet().name: 6, "": 6, "NONE": 1})
        tiers = self.draw.choice((TIERS, TIERS, TIERS, TIERS[:1], (), TIERS[1:], TIERS[::-1]))
        return c.SetFees(instrument=instrument, tiers=tiers)

    def set_quote_protection(self) -> Any:
        sheet = self.sheet()
        return c.SetQuoteProtection(
            instrument=pick(self.draw, {sheet.name: 15, "": 2, "NONE": 1}),
            account_id=pick(self.draw, {4: 3, 5: 10}),
            window_ms=self.draw.choice((1_000, 60_000, 600_000)),
            quantity_max=self.draw.choice((0, 10 * sheet.lot, 30 * sheet.lot)),
            trades_max=self.draw.choice((0, 2, 5)),
        )

    def trade_id(self, sheet: Sheet) -> int:
        """One of the last, if it was a usual day: so many trades come of so many orders."""
        return int(sheet.placed * self.draw.uniform(0.1, 0.2))

    def bust_trade(self) -> Any:
        sheet = self.sheet()
        return c.BustTrade(instrument=sheet.name, trade_id=self.trade_id(sheet))

    def correct_trade(self) -> Any:
        sheet, side = self.sheet(), self.draw.choice(mixed_orders.SIDES)
        return c.CorrectTrade(
            instrument=sheet.name,
            trade_id=self.trade_id(sheet),
            price=mixed_orders.draw_price(self.draw, sheet, side),
            quantity=sheet.lot * self.draw.randint(1, 3),
        )

    def tick(self) -> Any:
        return Tick()


def open_account(account_id: int) -> c.OpenAccount:
    return c.OpenAccount(
        account_id=account_id, member_id=1, group_id=7 if account_id in (1, 2) else 0
    )


KINDS: dict[Callable[[MixedFlow], Any], int] = {
    MixedFlow.place: 6_000,
    MixedFlow.cancel: 700,
    MixedFlow.replace: 1_200,
    MixedFlow.mass_cancel: 70,
    MixedFlow.mass_quote: 300,
    MixedFlow.change_phase: 40,
    MixedFlow.set_market_halts: 8,
    MixedFlow.publish_index: 16,
    MixedFlow.set_calendar: 3,
    MixedFlow.list_instrument: 8,
    MixedFlow.delist: 4,
    MixedFlow.split: 8,
    MixedFlow.set_reference_price: 6,
    MixedFlow.change_symbol: 6,
    MixedFlow.open_account: 6,
    MixedFlow.close_account: 4,
    MixedFlow.set_kill_switch: 5,
    MixedFlow.set_limits: 50,
    MixedFlow.session: 10,
    MixedFlow.set_fees: 10,
    MixedFlow.set_quote_protection: 60,
    MixedFlow.bust_trade: 20,
    MixedFlow.correct_trade: 20,
    MixedFlow.tick: 40,
}
