"""The naive exchange's commands of its operator: instruments, calendars, phases, accounts, limits,
fees, trades taken back.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import msgspec

from processors.markets.exchange import commands as c
from processors.markets.exchange import events as e
from processors.markets.exchange.commands import OrderTerms, Phase
from processors.markets.exchange.events import CancelReason, PhaseReason, RejectCode
from tests.processors.markets.exchange import naive_calendar
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_checks import price_faults
from tests.processors.markets.exchange.naive_effects import split_price
from tests.processors.markets.exchange.naive_market import (
    CALL_PHASES,
    NaiveMarket,
    NaiveOrder,
    Refused,
)
from tests.processors.markets.exchange.naive_orders import UNKNOWN_INSTRUMENT
from tests.processors.markets.exchange.naive_phases import Telling, change_phase
from tests.processors.markets.exchange.naive_steps import markets_by_name

INVALID = RejectCode.INVALID_VALUE


def fields_of(message: msgspec.Struct) -> dict[str, Any]:
    """Those that a command and the event that it leads to have in common."""
    envelope = (*c.ExchangeCommand.__struct_fields__, *e.ExchangeEvent.__struct_fields__)
    return {
        name: getattr(message, name) for name in message.__struct_fields__ if name not in envelope
    }


def named_market(telling: Telling, command: Any) -> NaiveMarket | Refused:
    return telling.state.markets.get(command.instrument) or UNKNOWN_INSTRUMENT


# Instruments.


def list_instrument(telling: Telling, command: c.ListInstrument) -> Refused | None:
    fault = next(listing_faults(telling, command), None)
    if fault is not None:
        return fault
    next_phase, next_at_ms = None, 0
    if command.calendar:
        calendar = telling.state.calendars[command.calendar]
        next_phase, next_at_ms = naive_calendar.next_step(calendar, telling.at)
    telling.tell(
        e.InstrumentListed(**fields_of(command), next_phase=next_phase, next_at_ms=next_at_ms)
    )
    return None


def listing_faults(telling: Telling, command: c.ListInstrument) -> Iterator[Refused]:
    if command.tick_size < 1:
        yield Refused(RejectCode.INVALID_INSTRUMENT, "tick_size")
    if command.lot_size < 1:
        yield Refused(RejectCode.INVALID_INSTRUMENT, "lot_size")
    if command.instrument in telling.state.markets:
        yield Refused(RejectCode.INSTRUMENT_EXISTS, "instrument")
    if command.calendar and command.calendar not in telling.state.calendars:
        yield Refused(RejectCode.UNKNOWN_CALENDAR, "calendar")


def delist(telling: Telling, command: c.DelistInstrument) -> Refused | None:
    market = named_market(telling, command)
    if isinstance(market, Refused):
        return market
    telling.cancel(market, market.oldest_first(), CancelReason.DELISTED)
    telling.tell(e.InstrumentDelisted(instrument=market.name))
    return None


def change_symbol(telling: Telling, command: c.ChangeSymbol) -> Refused | None:
    market = named_market(telling, command)
    if isinstance(market, Refused):
        return market
    telling.tell_of(market, e.SymbolChanged(instrument=market.name, symbol=command.symbol))
    return None


def set_reference_price(telling: Telling, command: c.SetReferencePrice) -> Refused | None:
    market = named_market(telling, command)
    if isinstance(market, Refused):
        return market
    fault = next(price_faults(market, command.price, "price"), None)
    if fault is None:
        telling.tell_of(market, e.ReferencePriceSet(instrument=market.name, price=command.price))
    return fault


def split(telling: Telling, command: c.SplitInstrument) -> Refused | None:
    market = named_market(telling, command)
    if isinstance(market, Refused):
        return market
    if market.phase not in (Phase.PRE_OPEN, Phase.HALT, Phase.CLOSED):
        return Refused(RejectCode.WRONG_PHASE, "instrument")
    for name in ("numerator", "denominator"):
        if getattr(command, name) < 1:
            return Refused(INVALID, name)
    telling.tell_of(market, e.InstrumentSplit(**fields_of(command)))
    shares = Fraction(command.numerator, command.denominator)
    for order in market.oldest_first():
        adjusted = adjusted_order(market, order, shares)
        if adjusted is None:
            telling.cancel(market, [order], CancelReason.SPLIT)
        else:
            telling.tell_of(market, adjusted)
    return None


def adjusted_order(
    market: NaiveMarket, order: NaiveOrder, shares: Fraction
) -> e.OrderAdjusted | None:
    """The order in new shares; None where nothing is left, or its price is outside the limits."""
    terms = order.given_terms
    quantity = market.lots(int(order.quantity * shares))
    prices = [order.price]
    if order.price:
        prices = [split_price(market, order.side, order.price / shares)]
    if terms is not None:
        terms = adjusted_terms(market, order, terms, shares)
        if order.terms.stop_price:
            prices.append(terms.stop_price)
    limits = market.listing
    is_outside = any(
        old and not limits.price_min <= new <= limits.price_max
        for old, new in zip((order.price, order.terms.stop_price), prices, strict=False)
    )
    if not quantity or quantity > limits.quantity_max or is_outside:
        return None
    displayed = 0
    if terms is not None and terms.display_quantity:
        lot = market.listing.lot_size
        displayed = min(quantity, nm.part_shown(order.order_id, order.part, terms, lot))
    return e.OrderAdjusted(
        instrument=market.name,
        order_id=order.order_id,
        price=prices[0],
        quantity=quantity,
        terms=None if terms == nm.NO_TERMS else terms,
        displayed=displayed,
    )


def adjusted_terms(
    market: NaiveMarket, order: NaiveOrder, terms: OrderTerms, shares: Fraction
) -> OrderTerms:
    def scaled(quantity: int) -> int:
        lot = market.listing.lot_size
        return max(lot, market.lots(int(quantity * shares))) if quantity else 0

    stop_price = terms.stop_price
    if stop_price:
        stop_price = split_price(market, order.side, stop_price / shares)
    return msgspec.structs.replace(
        terms,
        stop_price=stop_price,
        trail_amount=max(1, int(terms.trail_amount / shares)) if terms.trail_amount else 0,
        display_quantity=scaled(terms.display_quantity),
        display_range=min(
            market.lots(int(terms.display_range * shares)),
            max(0, scaled(terms.display_quantity) - market.listing.lot_size),
        ),
        minimum_quantity=scaled(terms.minimum_quantity),
        peg_offset=nm.towards_zero(terms.peg_offset / shares),
    )


# Calendars, phases, the index.


def set_calendar(telling: Telling, command: c.SetCalendar) -> None:
    event = e.CalendarSet(**fields_of(command))
    telling.tell(event)
    for market in markets_by_name(telling):
        if market.listing.calendar == command.calendar:
            next_phase, next_at_ms = naive_calendar.next_step(event, telling.at)
            telling.tell_of(
                market,
                e.ScheduleChanged(
                    instrument=market.name, next_phase=next_phase, next_at_ms=next_at_ms
                ),
            )


def change_phase_by_hand(telling: Telling, command: c.ChangePhase) -> Refused | None:
    if command.duration_ms and command.phase not in (*CALL_PHASES, Phase.HALT):
        return Refused(RejectCode.CONTRADICTORY, "duration_ms")
    markets = markets_by_name(telling)
    if command.instrument:
        market = named_market(telling, command)
        if isinstance(market, Refused):
            return market
        markets = [market]
    if command.instrument and markets[0].phase is command.phase:
        return Refused(RejectCode.WRONG_PHASE, "phase")
    for market in markets:
        if market.phase is not command.phase:
            length_ms = command.duration_ms
            if command.phase is Phase.VOLATILITY_AUCTION:
                length_ms = length_ms or market.listing.volatility_call_ms
            until_ms = telling.at + length_ms if length_ms else 0
            change_phase(telling, market, command.phase, PhaseReason.OPERATOR, until_ms)
    return None


def set_market_halts(telling: Telling, command: c.SetMarketHalts) -> Refused | None:
    if not command.reference:
        return Refused(INVALID, "reference")
    telling.tell(e.MarketHaltsSet(**fields_of(command)))
    return None


def publish_index(telling: Telling, command: c.PublishIndex) -> None:
    state, reached = telling.state, 0
    reached_before = state.halts_reached
    if state.halt_reference:
        fall = (state.halt_reference - command.value) * nm.MILLION // state.halt_reference
        reached = sum(fall >= level.fall_ppm for level in state.halt_levels)
    reached = max(reached, reached_before)
    telling.tell(e.IndexPublished(value=command.value, levels_reached=reached))
    if reached == reached_before:
        return
    length_ms = state.halt_levels[reached - 1].halt_ms
    until_ms = telling.at + length_ms if length_ms else 0
    for market in markets_by_name(telling):
        if market.phase not in (Phase.HALT, Phase.CLOSED):
            change_phase(telling, market, Phase.HALT, PhaseReason.MARKET_HALT, until_ms)


# Accounts, sessions, limits, fees.


def open_account(telling: Telling, command: c.OpenAccount) -> None:
    telling.tell(e.AccountOpened(**fields_of(command)))


def close_account(telling: Telling, command: c.CloseAccount) -> Refused | None:
    account = telling.state.accounts.get(command.account_id)
    if account is None or account.closed:
        return Refused(RejectCode.UNKNOWN_ACCOUNT, "account_id")
    telling.tell(e.AccountClosed(account_id=command.account_id))
    cancel_everywhere(
        telling,
        lambda order: order.account_id == command.account_id,
        CancelReason.ACCOUNT_STOPPED,
    )
    return None


def set_kill_switch(telling: Telling, command: c.SetKillSwitch) -> Refused | None:
    if command.account_id not in telling.state.accounts:
        return Refused(RejectCode.UNKNOWN_ACCOUNT, "account_id")
    telling.tell(e.KillSwitchSet(**fields_of(command)))
    if command.engaged:
        cancel_everywhere(
            telling,
            lambda order: order.account_id == command.account_id,
            CancelReason.ACCOUNT_STOPPED,
        )
    return None


def open_session(telling: Telling, command: c.OpenSession) -> None:
    telling.tell(e.SessionOpened(**fields_of(command)))


def close_session(telling: Telling, command: c.CloseSession) -> Refused | None:
    cancels = telling.state.sessions.get(command.session_id)
    if cancels is None:
        return Refused(RejectCode.UNKNOWN_SESSION, "session_id")
    telling.tell(e.SessionClosed(session_id=command.session_id))
    if cancels:
        cancel_everywhere(
            telling,
            lambda order: order.session_id == command.session_id,
            CancelReason.DISCONNECTED,
        )
    return None


def cancel_everywhere(
    telling: Telling, chosen: Callable[[NaiveOrder], bool], reason: CancelReason
) -> None:
    for market in markets_by_name(telling):
        telling.cancel(market, list(filter(chosen, market.oldest_first())), reason)


def set_account_limits(telling: Telling, command: c.SetAccountLimits) -> Refused | None:
    if command.instrument and command.instrument not in telling.state.markets:
        return UNKNOWN_INSTRUMENT
    if command.account_id not in telling.state.accounts:
        return Refused(RejectCode.UNKNOWN_ACCOUNT, "account_id")
    telling.tell(e.AccountLimitsSet(**fields_of(command)))
    return None


def set_quote_protection(telling: Telling, command: c.SetQuoteProtection) -> Refused | None:
    if command.instrument and command.instrument not in telling.state.markets:
        return UNKNOWN_INSTRUMENT
    telling.tell(e.QuoteProtectionSet(**fields_of(command)))
    return None


def set_fees(telling: Telling, command: c.SetFees) -> Refused | None:
    if command.instrument and command.instrument not in telling.state.markets:
        return UNKNOWN_INSTRUMENT
    begins = [tier.notional_from for tier in command.tiers]
    if begins and (begins[0] != 0 or begins != sorted(set(begins))):
        return Refused(INVALID, "tiers")
    telling.tell(e.FeesSet(**fields_of(command)))
    return None


# Trades taken back.


def bust_trade(telling: Telling, command: c.BustTrade) -> Refused | None:
    found = kept_trade(telling, command)
    if isinstance(found, Refused):
        return found
    market, trade = found
    telling.tell_of(market, e.TradeBusted(instrument=market.name, **as_told(trade)))
    return None


def correct_trade(telling: Telling, command: c.CorrectTrade) -> Refused | None:
    found = kept_trade(telling, command)
    if isinstance(found, Refused):
        return found
    market, trade = found
    fault = next(correcting_faults(market, trade, command), None)
    if fault is not None:
        return fault
    tiers = telling.state.fees_of(market)
    fees = []
    for account_id, role in zip(trade.account_ids, trade.roles, strict=True):
        rates = nm.fee_rates(tiers, market.notionals.get(account_id, 0))
        fees.append(nm.fee(command.price, command.quantity, getattr(rates, f"{role}_ppm")))
    told = as_told(trade) | {
        "price": command.price,
        "quantity": command.quantity,
        "buy_fee": fees[0],
        "sell_fee": fees[1],
        "previous_price": trade.price,
        "previous_quantity": trade.quantity,
        "previous_buy_fee": trade.fees[0],
        "previous_sell_fee": trade.fees[1],
    }
    telling.tell_of(market, e.TradeCorrected(instrument=market.name, **told))
    return None


def kept_trade(
    telling: Telling, command: c.BustTrade | c.CorrectTrade
) -> tuple[NaiveMarket, nm.KeptTrade] | Refused:
    market = named_market(telling, command)
    if isinstance(market, Refused):
        return market
    for trade in market.trades:
        is_recent = trade.trade_id > market.trade_count - 10_000
        if trade.trade_id == command.trade_id and is_recent:
            return market, trade
    return Refused(RejectCode.UNKNOWN_TRADE, "trade_id")


def correcting_faults(
    market: NaiveMarket, trade: nm.KeptTrade, command: c.CorrectTrade
) -> Iterator[Refused]:
    yield from price_faults(market, command.price, "price")
    if not 0 < command.quantity <= trade.quantity:
        yield Refused(RejectCode.QUANTITY_LIMIT, "quantity")
    if command.quantity % market.listing.lot_size:
        yield Refused(RejectCode.OFF_LOT, "quantity")


def as_told(trade: nm.KeptTrade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "price": trade.price,
        "quantity": trade.quantity,
        "buy_order_id": trade.order_ids[0],
        "sell_order_id": trade.order_ids[1],
        "buy_account_id": trade.account_ids[0],
        "sell_account_id": trade.account_ids[1],
        "buy_fee": trade.fees[0],
        "sell_fee": trade.fees[1],
    }
