"""The fees of each account, by the UTC day and the instrument of the trades that they are for.

A busted trade's fees are taken back, and a corrected one's changed, on the day of the trade: as if
it had been so from the start. Busts do not say who was the maker, so each numbered trade is kept.
"""

from typing import Final

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    OrderTraded,
    Side,
    TradeBusted,
    TradeCorrected,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

DAY_MS: Final = 86_400_000


class DayFees(msgspec.Struct, gc=False):
    """In price units, none below zero: what the account pays as maker, as taker and in auctions,
    and what it is paid."""

    account_id: int
    day_start_ms: int
    instrument: str
    maker: int = 0
    taker: int = 0
    auction: int = 0
    rebates: int = 0


class FeeTrade(msgspec.Struct, gc=False):
    """In which role the buyer and the seller of a trade are charged: `maker`, `taker` or
    `auction`. Numbers begin again when an instrument is listed again: then old ones are final."""

    instrument: str
    trade_id: int
    day_start_ms: int
    buyer: str
    seller: str


FEE_DAYS = Table("fee_days", DayFees, key=("account_id", "day_start_ms", "instrument"))
FEE_TRADES = Table("fee_trades", FeeTrade, key=("instrument", "trade_id"))


class _Fees:
    __slots__ = ("days", "trades")

    def __init__(self, tables: Tables) -> None:
        self.days = tables[FEE_DAYS]
        self.trades = tables[FEE_TRADES]

    def trade(self, event: OrderTraded, at_ms: int) -> None:
        buyer, seller = "taker", "maker"
        buy_account_id, sell_account_id = event.taker_account_id, event.maker_account_id
        buy_fee, sell_fee = event.taker_fee, event.maker_fee
        if event.taker_side is Side.SELL:
            buyer, seller = seller, buyer
            buy_account_id, sell_account_id = sell_account_id, buy_account_id
            buy_fee, sell_fee = sell_fee, buy_fee
        trade = self.keep(event, at_ms, buyer, seller)
        self.charge(trade, trade.buyer, buy_account_id, buy_fee, 1)
        self.charge(trade, trade.seller, sell_account_id, sell_fee, 1)

    def trade_in_auction(self, event: AuctionTraded, at_ms: int) -> None:
        trade = self.keep(event, at_ms, "auction", "auction")
        self.charge(trade, "auction", event.buy_account_id, event.buy_fee, 1)
        self.charge(trade, "auction", event.sell_account_id, event.sell_fee, 1)

    def keep(
        self, event: OrderTraded | AuctionTraded, at_ms: int, buyer: str, seller: str
    ) -> FeeTrade:
        day_start_ms = at_ms - at_ms % DAY_MS
        trade = FeeTrade(event.instrument, event.trade_id, day_start_ms, buyer, seller)
        if event.trade_id:
            self.trades.put(trade)
        return trade

    def bust(self, event: TradeBusted) -> None:
        trade = self.trades[event.instrument, event.trade_id]
        self.charge(trade, trade.buyer, event.buy_account_id, event.buy_fee, -1)
        self.charge(trade, trade.seller, event.sell_account_id, event.sell_fee, -1)

    def correct(self, event: TradeCorrected) -> None:
        trade = self.trades[event.instrument, event.trade_id]
        buyer, seller = event.buy_account_id, event.sell_account_id
        self.charge(trade, trade.buyer, buyer, event.previous_buy_fee, -1)
        self.charge(trade, trade.buyer, buyer, event.buy_fee, 1)
        self.charge(trade, trade.seller, seller, event.previous_sell_fee, -1)
        self.charge(trade, trade.seller, seller, event.sell_fee, 1)

    def charge(self, trade: FeeTrade, role: str, account_id: int, fee: int, sign: int) -> None:
        """Add a fee (below zero: a rebate) to the trade's day, or (-1) take it back."""
        if not fee:
            return
        key = account_id, trade.day_start_ms, trade.instrument
        day = self.days.get(key) or DayFees(*key)
        if fee < 0:
            day.rebates -= sign * fee
        elif role == "maker":
            day.maker += sign * fee
        elif role == "taker":
            day.taker += sign * fee
        else:
            day.auction += sign * fee
        self.days.put(day)


def fold(tables: Tables, events: Events) -> None:
    fees = _Fees(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is OrderTraded:
            fees.trade(event, at_ms)
        elif kind is AuctionTraded:
            fees.trade_in_auction(event, at_ms)
        elif kind is TradeBusted:
            fees.bust(event)
        else:
            fees.correct(event)


ACCOUNT_FEES = Projection(
    name="account_fees",
    events=(OrderTraded, AuctionTraded, TradeBusted, TradeCorrected),
    tables=(FEE_DAYS, FEE_TRADES),
    fold=fold,
    rows_of="partition",
)
