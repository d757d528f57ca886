"""The words of the scenario tables: a line becomes a command. `outcomes` tells what comes of it;
`table` says what a scenario looks like, and plays it.

    #7 buy 10 @ 100 day account 5      an order; `@ market`, `@ market-to-limit`, or no price
    change #7 to 8 @ 101               cancel #7; cancel all account 5 side buy
    quote account 5 #11 10@99 #12 10@101
    phase opening_auction for 5m       clock (time passes, nothing else)
    list ACME tick 5 dynamic 2% ...    and what else an operator does: `_OPERATIONS`

Prices and quantities are integers, as in the commands; 2% is 20,000 parts per million, 5m are
300,000 milliseconds; dates are numbers. Moments are UTC, from Monday 20261123, 10:00 on.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from processors.core.messages import Tick
from processors.markets.exchange import commands as c
from processors.markets.exchange.terms import AuctionPrices, OrderTerms, Peg, TickBand

ACME: Final = "ACME"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
TIMES_IN_FORCE: Final = {
    "ioc": c.TimeInForce.IMMEDIATE_OR_CANCEL,
    "fok": c.TimeInForce.FILL_OR_KILL,
    "day": c.TimeInForce.DAY,
    "at-the-opening": c.TimeInForce.AT_THE_OPENING,
    "at-the-close": c.TimeInForce.AT_THE_CLOSE,
    "for-auctions": c.TimeInForce.GOOD_FOR_AUCTION,
}
PREVENTIONS: Final = {
    "newest": c.SelfTradePrevention.CANCEL_NEWEST,
    "oldest": c.SelfTradePrevention.CANCEL_OLDEST,
    "both": c.SelfTradePrevention.CANCEL_BOTH,
    "decrement": c.SelfTradePrevention.DECREMENT_AND_CANCEL,
}
PEGS: Final = {"bid": Peg.BEST_BID, "offer": Peg.BEST_OFFER, "midpoint": Peg.MIDPOINT}


class Moment:
    """Where a scenario is in time. Moves where a line says so: `10:30`, `20261124 09:00`."""

    def __init__(self) -> None:
        self._at = datetime(2026, 11, 23, 10, tzinfo=UTC)

    @property
    def at_ms(self) -> int:
        return (self._at - EPOCH) // timedelta(milliseconds=1)

    def read(self, line: str) -> str:
        """Go to the moment that a line begins with, and return what comes after it."""
        words = line.split()
        if words[0].isdigit():
            date = datetime.strptime(words.pop(0), "%Y%m%d")
            self._at = self._at.replace(year=date.year, month=date.month, day=date.day)
        if words[0][0].isdigit():
            self._at = EPOCH + timedelta(milliseconds=self.of_day(words.pop(0)))
        return " ".join(words)

    def of_day(self, clock: str) -> int:
        """The moment, in milliseconds since 1970, of a time of the day that it is."""
        midnight_ms = self.at_ms - self.at_ms % 86_400_000
        return midnight_ms + clock_ms(clock)

    def told(self, at_ms: int) -> str:
        """A moment as a scenario has it: with its date where that is another one."""
        at = EPOCH + timedelta(milliseconds=at_ms)
        date = "" if at.date() == self._at.date() else f"{at:%Y%m%d} "
        milliseconds = f".{at_ms % 1000:03}" if at_ms % 1000 else ""
        seconds = f":{at:%S}{milliseconds}" if at.second or milliseconds else ""
        return f"{date}{at:%H:%M}{seconds}"


def clock_ms(clock: str) -> int:
    """Milliseconds since midnight: 17:30, 17:30:05, 17:30:05.250."""
    hours, minutes, *seconds = clock.split(":")
    return int(hours) * 3_600_000 + int(minutes) * 60_000 + int(Decimal(*seconds or "0") * 1000)


class Words:
    """What is still to be read of a line."""

    def __init__(self, line: str, moment: Moment) -> None:
        self.left = line.split()
        self.moment = moment

    def word(self) -> str:
        if not self.left:
            raise ValueError("a word is missing at its end")
        return self.left.pop(0)

    def skip(self, *words: str) -> bool:
        """Whether the line goes on with these; they are read then."""
        found = tuple(self.left[: len(words)]) == words
        if found:
            del self.left[: len(words)]
        return found

    def number(self) -> int:
        return int(self.word().replace(",", ""))

    def order_id(self) -> int:
        word = self.word()
        if not word.startswith("#"):
            raise ValueError(f"{word} is no order: those are #1, #2 ...")
        return int(word[1:])

    def quantity_at(self) -> tuple[int, int]:
        quantity, price = self.word().split("@")
        return int(quantity), int(price)

    def ppm(self) -> int:
        word = self.word()
        return int(Decimal(word.rstrip("%")) * 10_000) if word.endswith("%") else int(word)

    def duration_ms(self) -> int:
        word = self.word()
        digits = word.rstrip("hms")
        return int(digits) * UNITS_MS[word[len(digits) :]] if word != "0" else 0

    def settings(self, kinds: dict[str, tuple[str, Callable[["Words"], Any]]]) -> dict[str, Any]:
        """Pairs of a word and its value, to the end of the line: by field."""
        values = {}
        while self.left:
            word = self.word()
            if word not in kinds:
                raise ValueError(f"{word} is not one of {', '.join(kinds)}")
            field, read = kinds[word]
            values[field] = read(self)
        return values


def as_command(line: str, moment: Moment) -> Any:
    """The command of a line; ValueError where it is none."""
    words = Words(line, moment)
    if line.startswith("#"):
        return _order(words)
    word = words.word()
    if word not in _OPERATIONS:
        raise ValueError(f"{word} is not one of {', '.join(_OPERATIONS)}")
    command = _OPERATIONS[word](words)
    if words.left:
        raise ValueError(f"{' '.join(words.left)} is too much")
    return command


def _order(words: Words) -> c.PlaceOrder:
    order_id, side, quantity = words.order_id(), c.Side(words.word()), words.number()
    fields = _price(words)
    more, terms = _conditions(words)
    return c.PlaceOrder(
        **{"instrument": ACME, "account_id": 1, **fields, **more},
        order_id=order_id,
        side=side,
        quantity=quantity,
        terms=OrderTerms(**terms) if terms else None,
    )


def _price(words: Words) -> dict[str, Any]:
    if not words.skip("@"):
        return {}
    if words.skip("market"):
        return {"order_type": c.OrderType.MARKET}
    if words.skip("market-to-limit"):
        return {"order_type": c.OrderType.MARKET_TO_LIMIT}
    return {"price": words.number()}


def _change(words: Words) -> c.ReplaceOrder:
    order_id = words.order_id()
    words.skip("to")
    quantity = words.number()
    price = words.number() if words.skip("@") else 0
    more, terms = _conditions(words)
    return c.ReplaceOrder(
        **{"instrument": ACME, **more},
        order_id=order_id,
        quantity=quantity,
        price=price,
        terms=OrderTerms(**terms) if terms else None,
    )


def _conditions(words: Words) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands behind an order's price: fields of the command, and its terms."""
    fields: dict[str, Any] = {}
    terms: dict[str, Any] = {}
    while words.left:
        word = words.word()
        if word in TIMES_IN_FORCE:
            fields["time_in_force"] = TIMES_IN_FORCE[word]
        elif word == "until":
            _until(words, fields, terms)
        elif word == "post-only":
            fields["post_only"] = True
        elif word == "prevent":
            fields["self_trade_prevention"] = PREVENTIONS[words.word()]
        elif word == "on":
            fields["instrument"] = words.word()
        elif word in ("account", "session"):
            fields[f"{word}_id"] = words.number()
        elif word in ("one-cancels", "child-of"):
            link = "linked_order_id" if word == "one-cancels" else "parent_order_id"
            terms[link] = words.order_id()
        else:
            terms |= _term(word, words)
    return fields, terms


def _until(words: Words, fields: dict[str, Any], terms: dict[str, Any]) -> None:
    moment = words.word()
    if ":" in moment:
        fields["time_in_force"] = c.TimeInForce.GOOD_TILL_TIME
        terms["expires_at_ms"] = words.moment.of_day(moment)
    else:
        fields["time_in_force"] = c.TimeInForce.GOOD_TILL_DATE
        terms["expires_on"] = int(moment)


def _term(word: str, words: Words) -> dict[str, Any]:
    if word == "stop":
        return {"stop_price": words.number()}
    if word == "trail":
        amount = words.number()
        return {"trail_ticks" if words.skip("ticks") else "trail_amount": amount}
    if word == "iceberg":
        shown = {"display_quantity": words.number()}
        return shown | {"display_range": words.number()} if words.skip("range") else shown
    if word == "reserve":
        return {"display_quantity": words.number(), "reserve": True}
    if word == "peg":
        peg = PEGS[words.word()]
        signed = bool(words.left) and words.left[0][0] in "+-"
        return {"peg": peg, "peg_offset": words.number() if signed else 0}
    if word == "minimum":
        return {"minimum_quantity": words.number()}
    if word in ("hidden", "reprice", "all-or-none"):
        return {word.replace("-", "_"): True}
    raise ValueError(f"{word} is no condition of an order")


def _cancel(words: Words) -> c.CancelOrder | c.MassCancel:
    if not words.skip("all"):
        return c.CancelOrder(
            instrument=ACME,
            order_id=words.order_id(),
            account_id=words.number() if words.skip("account") else 0,
        )
    kinds: dict[str, tuple[str, Callable[[Words], Any]]] = {
        "account": ("account_id", Words.number),
        "session": ("session_id", Words.number),
        "side": ("side", lambda words: c.Side(words.word())),
        "in": ("instrument", Words.word),
    }
    return c.MassCancel(**words.settings(kinds))


def _quote(words: Words) -> c.MassQuote:
    words.skip("account")
    account_id = words.number()
    prevention = PREVENTIONS[words.word()] if words.skip("prevent") else None
    quotes = []
    while words.left:
        bid_id, (bid_quantity, bid_price) = words.order_id(), words.quantity_at()
        offer_id, (offer_quantity, offer_price) = words.order_id(), words.quantity_at()
        quotes.append(
            c.Quote(
                bid_order_id=bid_id,
                bid_quantity=bid_quantity,
                bid_price=bid_price,
                offer_order_id=offer_id,
                offer_quantity=offer_quantity,
                offer_price=offer_price,
            )
        )
    return c.MassQuote(
        instrument=ACME,
        account_id=account_id,
        quotes=tuple(quotes),
        self_trade_prevention=prevention or c.SelfTradePrevention.NONE,
    )


def _list(words: Words) -> c.ListInstrument:
    name = words.word()
    members_only = False
    if "members-only" in words.left:
        words.left.remove("members-only")
        members_only = True
    terms = {"price_decimals": 0, "price_max": 1_000_000, **words.settings(_LISTING)}
    return c.ListInstrument(instrument=name, members_only=members_only, **terms)


def _tick_bands(words: Words) -> tuple[TickBand, ...]:
    """100:5,1000:10 is a tick of 5 from 100 on, and of 10 from 1000 on."""
    pairs = [pair.split(":") for pair in words.word().split(",")]
    return tuple(TickBand(price_from=int(price), tick_size=int(tick)) for price, tick in pairs)


_LISTING: Final[dict[str, tuple[str, Callable[[Words], Any]]]] = {
    "tick": ("tick_size", Words.number),
    "bands": ("tick_bands", _tick_bands),
    "lot": ("lot_size", Words.number),
    "price-min": ("price_min", Words.number),
    "price-max": ("price_max", Words.number),
    "quantity-max": ("quantity_max", Words.number),
    "reference": ("reference_price", Words.number),
    "static": ("static_band_ppm", Words.ppm),
    "dynamic": ("dynamic_band_ppm", Words.ppm),
    "call": ("volatility_call_ms", Words.duration_ms),
    "random": ("random_end_ms", Words.duration_ms),
    "extend": ("extension_ms", Words.duration_ms),
    "calendar": ("calendar", Words.word),
    "auction-prices": ("auction_prices", lambda words: AuctionPrices(words.word())),
}


def _calendar(words: Words) -> c.SetCalendar:
    """calendar XETR 08:50 opening_auction 09:00 continuous ... half-days 20261224: 08:50 ...
    half-day 08:50 opening_auction ... holidays 20261225"""
    name = words.word()
    lists: dict[str, list[Any]] = {"steps": [], "half-day": [], "half-days": [], "holidays": []}
    filling = "steps"
    while words.left:
        word = words.word()
        if word in lists:
            filling = word
        elif ":" in word:
            phase = c.Phase(words.word())
            lists[filling].append(c.TimetableStep(at_ms=clock_ms(word), phase=phase))
        else:
            lists[filling].append(int(word))
    return c.SetCalendar(
        calendar=name,
        steps=tuple(lists["steps"]),
        half_day_steps=tuple(lists["half-day"]),
        half_days=tuple(lists["half-days"]),
        holidays=tuple(lists["holidays"]),
    )


def _phase(words: Words) -> c.ChangePhase:
    phase = c.Phase(words.word())
    duration_ms = words.duration_ms() if words.skip("for") else 0
    instrument = "" if words.skip("everywhere") else ACME
    return c.ChangePhase(instrument=instrument, phase=phase, duration_ms=duration_ms)


def _halts(words: Words) -> c.SetMarketHalts:
    reference, levels = words.number(), []
    while words.left:
        fall_ppm = words.ppm()
        halt_ms = words.duration_ms() if words.skip("for") else 0
        levels.append(c.HaltLevel(fall_ppm=fall_ppm, halt_ms=halt_ms))
    return c.SetMarketHalts(reference=reference, levels=tuple(levels))


def _account(words: Words) -> c.OpenAccount | c.CloseAccount:
    account_id = words.number()
    if words.skip("closes"):
        return c.CloseAccount(account_id=account_id)
    group_id = words.number() if words.skip("group") else 0
    return c.OpenAccount(account_id=account_id, member_id=1, group_id=group_id)


def _session(words: Words) -> c.OpenSession | c.CloseSession:
    session_id = words.number()
    if words.skip("ends"):
        return c.CloseSession(session_id=session_id)
    return c.OpenSession(
        session_id=session_id,
        member_id=1,
        cancel_on_disconnect=not words.skip("keeps-orders"),
    )


def _limits(words: Words) -> c.SetAccountLimits:
    words.skip("account")
    kinds: dict[str, tuple[str, Callable[[Words], Any]]] = {
        "quantity": ("order_quantity_max", Words.number),
        "notional": ("order_notional_max", Words.number),
        "open-orders": ("open_orders_max", Words.number),
        "orders-a-second": ("orders_per_second_max", Words.number),
        "collar": ("collar_ppm", Words.ppm),
        "position": ("position_max", Words.number),
        "in": ("instrument", Words.word),
    }
    return c.SetAccountLimits(account_id=words.number(), **words.settings(kinds))


def _fees(words: Words) -> c.SetFees:
    instrument = words.word() if words.skip("in") else ""
    tiers = []
    while words.skip("from"):
        notional_from = words.number()
        ppm = {}
        while words.left and words.left[0] in ("maker", "taker", "auction"):
            kind = words.word()
            ppm[f"{kind}_ppm"] = words.ppm()
        tiers.append(c.FeeTier(notional_from=notional_from, **ppm))
    return c.SetFees(instrument=instrument, tiers=tuple(tiers))


def _protection(words: Words) -> c.SetQuoteProtection:
    words.skip("account")
    kinds: dict[str, tuple[str, Callable[[Words], Any]]] = {
        "window": ("window_ms", Words.duration_ms),
        "quantity": ("quantity_max", Words.number),
        "trades": ("trades_max", Words.number),
    }
    account_id = words.number()
    return c.SetQuoteProtection(instrument=ACME, account_id=account_id, **words.settings(kinds))


def _correct(words: Words) -> c.CorrectTrade:
    trade_id, (quantity, price) = words.number(), words.quantity_at()
    return c.CorrectTrade(instrument=ACME, trade_id=trade_id, quantity=quantity, price=price)


def _split(words: Words) -> c.SplitInstrument:
    numerator = words.number()
    words.skip("for")
    return c.SplitInstrument(instrument=ACME, numerator=numerator, denominator=words.number())


_OPERATIONS: Final[dict[str, Callable[[Words], Any]]] = {
    "change": _change,
    "cancel": _cancel,
    "quote": _quote,
    "clock": lambda words: Tick(),
    "list": _list,
    "delist": lambda words: c.DelistInstrument(instrument=ACME),
    "symbol": lambda words: c.ChangeSymbol(instrument=ACME, symbol=words.word()),
    "split": _split,
    "reference": lambda words: c.SetReferencePrice(instrument=ACME, price=words.number()),
    "calendar": _calendar,
    "phase": _phase,
    "halts": _halts,
    "index": lambda words: c.PublishIndex(value=words.number()),
    "account": _account,
    "session": _session,
    "limits": _limits,
    "kill": lambda words: c.SetKillSwitch(account_id=words.number(), engaged=True),
    "revive": lambda words: c.SetKillSwitch(account_id=words.number(), engaged=False),
    "fees": _fees,
    "protection": _protection,
    "bust": lambda words: c.BustTrade(instrument=ACME, trade_id=words.number()),
    "correct": _correct,
}
