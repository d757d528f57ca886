"""What may be traded, and in which steps: the terms that `instrument_listed.v1` laid down."""

from bisect import bisect_right
from collections.abc import Sequence

from processors.markets.exchange.terms import AuctionPrices


class Instrument:
    """Prices in units of 10 to the minus `price_decimals`. Nothing but the symbol ever changes."""

    __slots__ = (
        "_tick_sizes",
        "_ticks_from",
        "auction_prices",
        "calendar",
        "dynamic_band_ppm",
        "extension_ms",
        "lot_size",
        "members_only",
        "name",
        "price_decimals",
        "price_max",
        "price_min",
        "quantity_max",
        "random_end_ms",
        "static_band_ppm",
        "symbol",
        "tick_bands",
        "tick_size",
        "uniform_tick",
        "volatility_call_ms",
    )

    name: str
    price_decimals: int
    tick_size: int
    lot_size: int
    price_min: int
    price_max: int
    quantity_max: int
    symbol: str
    tick_bands: tuple[tuple[int, int], ...]
    """(price from, tick size), ascending; `tick_size` is that of lower prices."""
    calendar: str
    static_band_ppm: int
    dynamic_band_ppm: int
    volatility_call_ms: int
    random_end_ms: int
    extension_ms: int
    auction_prices: AuctionPrices
    members_only: bool
    uniform_tick: int
    """The tick size of every price; 0 where it goes by bands."""
    _ticks_from: list[int]
    _tick_sizes: list[int]

    def __init__(
        self,
        name: str,
        price_decimals: int,
        tick_size: int,
        lot_size: int,
        price_min: int,
        price_max: int,
        quantity_max: int,
    ) -> None:
        self.name = name
        self.price_decimals = price_decimals
        self.tick_size = tick_size
        self.lot_size = lot_size
        self.price_min = price_min
        self.price_max = price_max
        self.quantity_max = quantity_max
        self.symbol = name
        self.calendar = ""
        self.static_band_ppm = 0
        self.dynamic_band_ppm = 0
        self.volatility_call_ms = 0
        self.random_end_ms = 0
        self.extension_ms = 0
        self.auction_prices = AuctionPrices.LIMITS
        self.members_only = False
        self.set_tick_bands(())

    def set_tick_bands(self, bands: Sequence[tuple[int, int]]) -> None:
        self.tick_bands = tuple(bands)
        self.uniform_tick = 0 if bands else self.tick_size
        self._ticks_from = [price_from for price_from, _ in bands]
        self._tick_sizes = [self.tick_size, *(tick_size for _, tick_size in bands)]

    def tick_at(self, price: int) -> int:
        """The tick size at a price (MiFID II's RTS 11 lays it down by liquidity and price)."""
        return self._tick_sizes[bisect_right(self._ticks_from, price)]

    def round_down(self, price: int) -> int:
        """The highest price on tick that is not above."""
        while True:
            tick = self.tick_at(price)
            rounded = price - price % tick
            if self.tick_at(rounded) == tick:
                return rounded
            # Below the band's first price on tick: go on from the band before, with its ticks.
            price = self._ticks_from[bisect_right(self._ticks_from, price) - 1] - 1

    def round_up(self, price: int) -> int:
        """The lowest price on tick that is not below."""
        while True:
            tick = self.tick_at(price)
            rounded = -(-price // tick) * tick
            if self.tick_at(rounded) == tick:
                return rounded
            # Past the band's last price on tick: go on from the next band, with its ticks.
            price = self._ticks_from[bisect_right(self._ticks_from, price)]
