"""What the market of one instrument knows besides its open orders: its phase and what ends it, the
prices that it is measured against, fees, limits, quotes, and what is noted to happen next.

Changed by `evolve` alone. `OrderBook.market` holds it; snapshots write it down (`state_rows`).
"""

from typing import Final

from processors.markets.exchange.accounts import Fees, Limits, Protection, Standing
from processors.markets.exchange.events import AuctionTraded, OrderTraded, QuoteEntry
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.order import Order
from processors.markets.exchange.terms import PPM, Phase, SelfTradePrevention, Side
from processors.markets.exchange.triggers import TriggerIndex

KEPT_TRADES: Final = 10_000
"""Of an instrument, so many of the latest trades may be busted or corrected."""

CALL_PHASES: Final = (
    Phase.OPENING_AUCTION,
    Phase.VOLATILITY_AUCTION,
    Phase.CLOSING_AUCTION,
)


class Trade:
    """A trade that the operator may still bust or correct."""

    __slots__ = (
        "buy_account_id",
        "buy_fee",
        "buy_order_id",
        "kind",
        "price",
        "quantity",
        "sell_account_id",
        "sell_fee",
        "sell_order_id",
        "trade_id",
    )

    trade_id: int
    kind: int
    """AUCTION, BUYER_TOOK or SELLER_TOOK."""
    buy_order_id: int
    sell_order_id: int
    buy_account_id: int
    sell_account_id: int
    price: int
    quantity: int
    buy_fee: int
    sell_fee: int

    def __init__(
        self,
        trade_id: int,
        kind: int,
        buy_order_id: int,
        sell_order_id: int,
        buy_account_id: int,
        sell_account_id: int,
        price: int,
        quantity: int,
        buy_fee: int,
        sell_fee: int,
    ) -> None:
        self.trade_id = trade_id
        self.kind = kind
        self.buy_order_id = buy_order_id
        self.sell_order_id = sell_order_id
        self.buy_account_id = buy_account_id
        self.sell_account_id = sell_account_id
        self.price = price
        self.quantity = quantity
        self.buy_fee = buy_fee
        self.sell_fee = sell_fee


AUCTION: Final = 0
BUYER_TOOK: Final = 1
SELLER_TOOK: Final = 2


class QuoteNote:
    """A side of a quote that is to enter."""

    __slots__ = ("account_id", "entry", "self_trade_prevention", "session_id")

    entry: QuoteEntry
    account_id: int
    session_id: int
    self_trade_prevention: SelfTradePrevention

    def __init__(
        self,
        entry: QuoteEntry,
        account_id: int,
        session_id: int,
        self_trade_prevention: SelfTradePrevention,
    ) -> None:
        self.entry = entry
        self.account_id = account_id
        self.session_id = session_id
        self.self_trade_prevention = self_trade_prevention


class Market:
    __slots__ = (
        "call_seed",
        "closing_auction_price",
        "closing_price",
        "end_drawn",
        "extended",
        "fees",
        "fees_are_own",
        "indicated",
        "limits",
        "next_at_ms",
        "next_phase",
        "pegs",
        "pegs_stand_by",
        "phase",
        "prolonged",
        "protections",
        "quotes",
        "reference_price",
        "restless",
        "standings",
        "static_reference",
        "stop_buys",
        "stop_sells",
        "to_cancel",
        "to_enter",
        "trades",
        "trail_buys",
        "trail_sells",
        "unseen_fills",
        "until_ms",
        "volumes",
    )

    phase: Phase
    until_ms: int
    """When the phase ends by itself; 0: it does not."""
    next_phase: Phase | None
    """The calendar's next step, due at `next_at_ms`."""
    next_at_ms: int
    reference_price: int
    static_reference: int
    """What the static band is around."""
    closing_price: int
    closing_auction_price: int
    """Of the closing auction of the day, once it traded."""

    call_seed: int
    """Drawn together from the orders of the call: what its random end is drawn from."""
    end_drawn: bool
    extended: bool
    prolonged: bool
    """Whether `until_ms` is that of an auction drawn out: the timetable waits for it."""
    indicated: tuple[int, int, int, Side | None]
    """The last published of this call: price, quantity, surplus and its side."""

    pegs: dict[int, Order]
    """By entry; on the book or parked."""
    pegs_stand_by: tuple[int, int] | None
    """The best bid and offer by which every peg is known to be where it belongs: no part of the
    state, but a note that saves looking again. None after a change of the pegs."""
    restless: dict[int, Order]
    """Pegs and all-or-none orders on the book: they may trade as it moves."""
    stop_buys: TriggerIndex
    stop_sells: TriggerIndex
    trail_buys: TriggerIndex
    trail_sells: TriggerIndex
    """Trailing stops by the price from which on a trade moves them: one beyond the best trade that
    they have followed to. That of a sell is above it, so that sells stand here as buy stops do."""
    to_cancel: dict[int, None]
    """Linked orders, noted to be cancelled."""
    to_enter: dict[int, QuoteNote | None]
    """Orders (parked), and quotes, noted to enter."""

    quotes: dict[int, dict[int, Order]]
    """By account: its quotes, by order id."""
    protections: dict[int, Protection]
    unseen_fills: dict[int, list[int]]
    """By account: quantity and number of trades of its quotes that are not counted yet."""

    limits: dict[int, Limits]
    standings: dict[int, Standing]
    """Of the accounts that are open."""
    fees: Fees | None
    fees_are_own: bool
    volumes: dict[int, int]
    """By account: the notional traded since the fees were set."""
    trades: list[OrderTraded | AuctionTraded | Trade | None]
    """The latest, as they were told, or as corrected: a ring, trade n at (n - 1) % KEPT_TRADES."""

    def __init__(self, instrument: Instrument) -> None:
        self.phase = Phase.CONTINUOUS
        self.until_ms = 0
        self.next_phase = None
        self.next_at_ms = 0
        self.reference_price = 0
        self.static_reference = 0
        self.closing_price = 0
        self.closing_auction_price = 0
        self.begin_call()
        self.pegs = {}
        self.pegs_stand_by = None
        self.restless = {}
        self.stop_buys = TriggerIndex(True, instrument.price_max)
        self.stop_sells = TriggerIndex(False, instrument.price_max)
        self.trail_buys = TriggerIndex(False, instrument.price_max)
        self.trail_sells = TriggerIndex(True, instrument.price_max)
        self.to_cancel = {}
        self.to_enter = {}
        self.quotes = {}
        self.protections = {}
        self.unseen_fills = {}
        self.limits = {}
        self.standings = {}
        self.fees = None
        self.fees_are_own = False
        self.volumes = {}
        self.trades = []

    def begin_call(self) -> None:
        self.call_seed = 0
        self.end_drawn = False
        self.extended = False
        self.prolonged = False
        self.indicated = (0, 0, 0, None)

    @property
    def due_ms(self) -> int:
        """When the phase ends, or the calendar's next step is due; 0: never."""
        if self.prolonged or not self.next_at_ms:
            return self.until_ms
        return min(self.until_ms or self.next_at_ms, self.next_at_ms)

    def keep_trade(self, trade_id: int, trade: OrderTraded | AuctionTraded | Trade) -> None:
        if not trade_id:
            return  # from before trades were numbered
        place = (trade_id - 1) % KEPT_TRADES
        trades = self.trades
        if place == len(trades):
            trades.append(trade)
            return
        while place >= len(trades):  # a split dropped what was here, or old trades had no number
            trades.append(None)
        trades[place] = trade

    def find_trade(self, trade_id: int) -> Trade | None:
        """A trade that may still be busted or corrected."""
        place = (trade_id - 1) % KEPT_TRADES
        kept = self.trades[place] if 0 <= place < len(self.trades) else None
        if kept is None or kept.trade_id != trade_id:
            return None
        return kept if isinstance(kept, Trade) else trade_of(kept)

    def drop_trade(self, trade_id: int) -> None:
        self.trades[(trade_id - 1) % KEPT_TRADES] = None

    @property
    def in_call(self) -> bool:
        return self.phase in CALL_PHASES

    @property
    def trades_at_once(self) -> bool:
        return self.phase is Phase.CONTINUOUS or self.phase is Phase.TRADING_AT_LAST

    @property
    def lets_orders_in(self) -> bool:
        """Whether what is noted to enter may: matched in continuous trading, resting in a call."""
        return self.phase is Phase.CONTINUOUS or self.phase is Phase.PRE_OPEN or self.in_call


def trade_of(told: OrderTraded | AuctionTraded) -> Trade:
    if isinstance(told, AuctionTraded):
        return Trade(
            told.trade_id,
            AUCTION,
            told.buy_order_id,
            told.sell_order_id,
            told.buy_account_id,
            told.sell_account_id,
            told.price,
            told.quantity,
            told.buy_fee,
            told.sell_fee,
        )
    taker = told.taker_order_id, told.taker_account_id, told.taker_fee
    maker = told.maker_order_id, told.maker_account_id, told.maker_fee
    buyer, seller = (taker, maker) if told.taker_side is Side.BUY else (maker, taker)
    return Trade(
        told.trade_id,
        BUYER_TOOK if told.taker_side is Side.BUY else SELLER_TOOK,
        buyer[0],
        seller[0],
        buyer[1],
        seller[1],
        told.price,
        told.quantity,
        buyer[2],
        seller[2],
    )


def band(reference: int, ppm: int) -> tuple[int, int]:
    """The lowest and the highest price in a band around a reference, both inside: rounded inwards,
    in integers."""
    return -(-reference * (PPM - ppm) // PPM), reference * (PPM + ppm) // PPM
