"""What the operator does to an instrument: list and delist, another symbol, a split, a reference
price, another phase, and trades busted or corrected."""

from collections.abc import Sequence
from typing import Final

from log.envelope import Event
from processors.markets.exchange.accounts import fee
from processors.markets.exchange.admission import check_price, reject
from processors.markets.exchange.changing import cancellations
from processors.markets.exchange.commands import (
    BustTrade,
    ChangePhase,
    ChangeSymbol,
    CorrectTrade,
    DelistInstrument,
    ListInstrument,
    SetReferencePrice,
)
from processors.markets.exchange.conditions import Fault
from processors.markets.exchange.events import (
    CancelReason,
    InstrumentDelisted,
    InstrumentListed,
    OrderRejected,
    PhaseReason,
    ReferencePriceSet,
    RejectCode,
    SymbolChanged,
    TradeBusted,
    TradeCorrected,
)
from processors.markets.exchange.market import AUCTION, BUYER_TOOK, CALL_PHASES, Trade
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.phases import change_phase
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import PPM, Phase

PRICE_DECIMALS_MAX: Final = 18
INSTRUMENT_NAME_LENGTH_MAX: Final = 64
TICK_BANDS_MAX: Final = 100
SPLIT_TERM_MAX: Final = 1_000_000
DURATION_MS_MAX: Final = 7 * 86_400_000


def list_instrument(
    state: Exchange, command: ListInstrument, at: int
) -> InstrumentListed | OrderRejected:
    name = command.instrument
    if command.calendar and command.calendar not in state.calendars:
        reason = f"there is no calendar {command.calendar!r}: set it first"
        return reject(name, RejectCode.UNKNOWN_CALENDAR, "calendar", reason)
    fault = _fault_of_terms(command) or _fault_of_bands(command)
    if fault is not None:
        return reject(name, RejectCode.INVALID_INSTRUMENT, fault[0], fault[1])
    step = None
    if command.calendar:
        step = state.calendars[command.calendar].next_step(at)
    next_phase, next_at_ms = (None, 0) if step is None else step
    return InstrumentListed(
        instrument=name,
        price_decimals=command.price_decimals,
        tick_size=command.tick_size,
        lot_size=command.lot_size,
        price_min=command.price_min,
        price_max=command.price_max,
        quantity_max=command.quantity_max,
        symbol=command.symbol,
        tick_bands=command.tick_bands,
        calendar=command.calendar,
        reference_price=command.reference_price,
        static_band_ppm=command.static_band_ppm,
        dynamic_band_ppm=command.dynamic_band_ppm,
        volatility_call_ms=command.volatility_call_ms,
        random_end_ms=command.random_end_ms,
        extension_ms=command.extension_ms,
        auction_prices=command.auction_prices,
        members_only=command.members_only,
        next_phase=next_phase,
        next_at_ms=next_at_ms,
    )


def _fault_of_terms(listing: ListInstrument) -> tuple[str, str] | None:
    """Terms under which at least one price and one quantity can be traded."""
    tick_size, lot_size, price_max = listing.tick_size, listing.lot_size, listing.price_max
    name = listing.instrument
    if not (0 < len(name) <= INSTRUMENT_NAME_LENGTH_MAX and name.isprintable()):
        return (
            "instrument",
            f"a name is 1 to {INSTRUMENT_NAME_LENGTH_MAX} printable characters",
        )
    if not 0 <= listing.price_decimals <= PRICE_DECIMALS_MAX:
        return "price_decimals", f"must be from 0 to {PRICE_DECIMALS_MAX}"
    if tick_size < 1:
        return "tick_size", "must be at least 1"
    if lot_size < 1:
        return "lot_size", "must be at least 1"
    if listing.price_min < 1:
        return "price_min", "must be at least 1"
    if price_max - price_max % tick_size < listing.price_min:
        return "price_max", f"no multiple of the tick size is from {listing.price_min} to it"
    if listing.quantity_max < lot_size:
        return "quantity_max", f"must be at least the lot size {lot_size}"
    if not _is_symbol(listing.symbol or name):
        return "symbol", f"a symbol is 1 to {INSTRUMENT_NAME_LENGTH_MAX} printable characters"
    return None


def _is_symbol(symbol: str) -> bool:
    return 0 < len(symbol) <= INSTRUMENT_NAME_LENGTH_MAX and symbol.isprintable()


def _fault_of_bands(listing: ListInstrument) -> tuple[str, str] | None:
    """What only some instruments have."""
    if len(listing.tick_bands) > TICK_BANDS_MAX:
        return "tick_bands", f"must be at most {TICK_BANDS_MAX}"
    last = 0
    for band in listing.tick_bands:
        if band.tick_size < 1 or band.price_from <= last:
            return "tick_bands", "must ascend by price_from, from 1 on, with ticks of at least 1"
        if band.price_from % band.tick_size:
            return "tick_bands", f"must begin on tick: {band.price_from} is not"
        last = band.price_from
    for field in ("static_band_ppm", "dynamic_band_ppm"):
        if not 0 <= getattr(listing, field) < PPM:
            return field, f"must be from 0 (none) to {PPM - 1}"
        if getattr(listing, field) and not listing.volatility_call_ms:
            return "volatility_call_ms", f"must say how long the auction is that {field} leads to"
    for field in ("volatility_call_ms", "random_end_ms", "extension_ms"):
        if not 0 <= getattr(listing, field) <= DURATION_MS_MAX:
            return field, f"must be from 0 (none) to {DURATION_MS_MAX}"
    reference = listing.reference_price
    if reference and not listing.price_min <= reference <= listing.price_max:
        return "reference_price", "must be 0 (none) or within the price limits"
    return None


def delist(book: OrderBook, command: DelistInstrument) -> Sequence[Event]:
    gone = cancellations(book, book.all_orders(), CancelReason.DELISTED)
    return [*gone, InstrumentDelisted(instrument=command.instrument)]


def change_symbol(command: ChangeSymbol) -> Event:
    if not _is_symbol(command.symbol):
        reason = f"a symbol is 1 to {INSTRUMENT_NAME_LENGTH_MAX} printable characters"
        return reject(command.instrument, RejectCode.INVALID_VALUE, "symbol", reason)
    return SymbolChanged(instrument=command.instrument, symbol=command.symbol)


def set_reference_price(book: OrderBook, command: SetReferencePrice) -> Event:
    rejected = check_price(book.instrument, command.price, 0, 0)
    return rejected or ReferencePriceSet(instrument=command.instrument, price=command.price)


def change_phase_by_hand(
    state: Exchange, book: OrderBook, command: ChangePhase, at: int
) -> Sequence[Event]:
    """The operator's hand; an empty answer where the phase is that already."""
    if command.phase is book.market.phase:
        return ()
    until_ms = at + command.duration_ms if command.duration_ms else 0
    if command.phase is Phase.VOLATILITY_AUCTION and not until_ms:
        call_ms = book.instrument.volatility_call_ms
        until_ms = at + call_ms if call_ms else 0
    return change_phase(state, book, command.phase, PhaseReason.OPERATOR, at, until_ms)


def fault_of_phase_change(command: ChangePhase) -> Fault | None:
    lasts = command.phase is Phase.HALT or command.phase in CALL_PHASES
    if command.duration_ms and not lasts:
        reason = f"{command.phase.value} does not end by itself; auctions and halts do"
        return RejectCode.CONTRADICTORY, "duration_ms", reason
    if command.duration_ms > DURATION_MS_MAX:
        return RejectCode.INVALID_VALUE, "duration_ms", f"must be at most {DURATION_MS_MAX}"
    return None


def bust(book: OrderBook, command: BustTrade) -> Event:
    trade = book.market.find_trade(command.trade_id)
    if trade is None:
        return _unknown_trade(command)
    return TradeBusted(
        instrument=command.instrument,
        trade_id=trade.trade_id,
        price=trade.price,
        quantity=trade.quantity,
        buy_order_id=trade.buy_order_id,
        sell_order_id=trade.sell_order_id,
        buy_account_id=trade.buy_account_id,
        sell_account_id=trade.sell_account_id,
        buy_fee=trade.buy_fee,
        sell_fee=trade.sell_fee,
    )


def _unknown_trade(command: BustTrade | CorrectTrade) -> OrderRejected:
    reason = "no such trade is among the latest, or it was busted"
    return reject(command.instrument, RejectCode.UNKNOWN_TRADE, "trade_id", reason)


def correct(book: OrderBook, command: CorrectTrade) -> Event:
    trade = book.market.find_trade(command.trade_id)
    if trade is None:
        return _unknown_trade(command)
    rejected = check_price(book.instrument, command.price, 0, 0)
    if rejected is not None:
        return rejected
    quantity = command.quantity
    if not 0 < quantity <= trade.quantity or quantity % book.instrument.lot_size:
        reason = f"{quantity} is not a multiple of the lot size from 1 to {trade.quantity}"
        return reject(command.instrument, RejectCode.QUANTITY_LIMIT, "quantity", reason)
    buy_fee, sell_fee = _fees_of(book, trade, command.price, quantity)
    return TradeCorrected(
        instrument=command.instrument,
        trade_id=trade.trade_id,
        price=command.price,
        quantity=quantity,
        buy_order_id=trade.buy_order_id,
        sell_order_id=trade.sell_order_id,
        buy_account_id=trade.buy_account_id,
        sell_account_id=trade.sell_account_id,
        previous_price=trade.price,
        previous_quantity=trade.quantity,
        buy_fee=buy_fee,
        sell_fee=sell_fee,
        previous_buy_fee=trade.buy_fee,
        previous_sell_fee=trade.sell_fee,
    )


def _fees_of(book: OrderBook, trade: Trade, price: int, quantity: int) -> tuple[int, int]:
    """By the tiers as they are now."""
    market = book.market
    if market.fees is None:
        return 0, 0
    fees = []
    for account_id, took in (
        (trade.buy_account_id, trade.kind == BUYER_TOOK),
        (trade.sell_account_id, trade.kind != BUYER_TOOK),
    ):
        tier = market.fees.tier_of(market.volumes.get(account_id, 0))
        ppm = tier.taker_ppm if took else tier.maker_ppm
        fees.append(fee(price, quantity, tier.auction_ppm if trade.kind == AUCTION else ppm))
    return fees[0], fees[1]
