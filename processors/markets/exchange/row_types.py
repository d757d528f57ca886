"""The kinds of rows that a state of the exchange is written down in: see `state_rows`.

Arrays in JSON, without field names: `["order",7,1,"buy",100,10,false,"none",0,0]`. Units as in
`commands.py`; what a field means stands where the state has it (`order`, `market`, `accounts`).
"""

import msgspec

from processors.markets.exchange.events import QuoteEntry
from processors.markets.exchange.terms import (
    AuctionPrices,
    FeeTier,
    HaltLevel,
    OrderTerms,
    OrderType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TimetableStep,
    UtcOffset,
)


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What all rows have in common: their form."""


class ExchangeRow(Row, tag="exchange", frozen=True):
    """What holds for all instruments. The first row."""

    tiers: tuple[FeeTier, ...]
    """Empty: no fees."""
    halt_reference: int
    halt_levels: tuple[HaltLevel, ...]
    halt_levels_reached: int


class CalendarRow(Row, tag="calendar", frozen=True):
    calendar: str
    weekdays: tuple[int, ...]
    holidays: tuple[int, ...]
    half_days: tuple[int, ...]
    steps: tuple[TimetableStep, ...]
    half_day_steps: tuple[TimetableStep, ...]
    utc_offsets: tuple[UtcOffset, ...]


class AccountRow(Row, tag="account", frozen=True):
    account_id: int
    member_id: int
    group_id: int
    is_closed: bool
    is_killed: bool


class SessionRow(Row, tag="session", frozen=True):
    session_id: int
    member_id: int
    cancel_on_disconnect: bool


class LimitsRow(Row, tag="limits", frozen=True):
    """Of an account: in the instrument of the row before, or (before any instrument) in all."""

    account_id: int
    order_quantity_max: int
    order_notional_max: int
    open_orders_max: int
    orders_per_second_max: int
    collar_ppm: int
    position_max: int


class InstrumentRow(Row, tag="instrument", frozen=True):
    """An instrument; the rows up to the next such row are its own."""

    instrument: str
    price_decimals: int
    tick_size: int
    lot_size: int
    price_min: int
    price_max: int
    quantity_max: int
    symbol: str
    tick_bands: tuple[tuple[int, int], ...]
    calendar: str
    static_band_ppm: int
    dynamic_band_ppm: int
    volatility_call_ms: int
    random_end_ms: int
    extension_ms: int
    auction_prices: AuctionPrices
    members_only: bool


class MarketRow(Row, tag="market", frozen=True):
    phase: Phase
    until_ms: int
    next_phase: Phase | None
    next_at_ms: int
    reference_price: int
    static_reference: int
    closing_price: int
    closing_auction_price: int
    call_seed: int
    end_drawn: bool
    extended: bool
    prolonged: bool
    indicated: tuple[int, int, int, Side | None]
    fees_are_own: bool
    own_tiers: tuple[FeeTier, ...]
    last_price: int
    trade_count: int
    clock: int


class StandingRow(Row, tag="standing", frozen=True):
    account_id: int
    since: int
    position: int
    open_buys: int
    open_sells: int
    open_orders: int
    second: int
    orders_in_second: int


class VolumeRow(Row, tag="volume", frozen=True):
    account_id: int
    notional: int


class ProtectionRow(Row, tag="protection", frozen=True):
    account_id: int
    window_ms: int
    quantity_max: int
    trades_max: int
    window_start_ms: int
    quantity: int
    trades: int
    tripped: bool


class TradeRow(Row, tag="trade", frozen=True):
    """A trade that may still be taken back."""

    trade_id: int
    kind: int
    buy_order_id: int
    sell_order_id: int
    buy_account_id: int
    sell_account_id: int
    price: int
    quantity: int
    buy_fee: int
    sell_fee: int


class OpenOrder(Row, frozen=True):
    order_id: int
    account_id: int
    group_id: int
    side: Side
    price: int
    quantity: int
    post_only: bool
    self_trade_prevention: SelfTradePrevention


class OrderRow(OpenOrder, tag="order", frozen=True):
    """A plain order on the book."""


class SpecialRow(OpenOrder, tag="special_order", frozen=True):
    """An order with more to it; parked, where it waits for something."""

    order_type: OrderType
    time_in_force: TimeInForce
    terms: OrderTerms
    is_quote: bool
    session_id: int
    expires_at_ms: int
    displayed: int
    parts: int
    time: int
    limit: int
    stop_price: int
    trail: int
    anchor: int
    linked: int
    children: tuple[int, ...]
    traded: int
    activated_quantity: int
    waits: int


class QuoteNoteRow(Row, frozen=True):
    """A side of a quote that is to enter."""

    entry: QuoteEntry
    account_id: int
    session_id: int
    self_trade_prevention: SelfTradePrevention


class NotesRow(Row, tag="notes", frozen=True):
    """What the rules go through in an order that the orders' own does not tell. Only where there
    is any; the last row of an instrument."""

    pegs: tuple[int, ...]
    to_cancel: tuple[int, ...]
    to_enter: tuple[int | QuoteNoteRow, ...]
    """Parked orders, by id, and quotes."""
    unseen_fills: tuple[tuple[int, int, int], ...]
    """Account, quantity, number of trades."""


StateRow = (
    ExchangeRow
    | CalendarRow
    | AccountRow
    | SessionRow
    | LimitsRow
    | InstrumentRow
    | MarketRow
    | StandingRow
    | VolumeRow
    | ProtectionRow
    | TradeRow
    | OrderRow
    | SpecialRow
    | NotesRow
)
