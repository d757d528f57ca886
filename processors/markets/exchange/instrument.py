"""What may be traded, and in which steps: the terms that `instrument_listed.v1` laid down."""


class Instrument:
    """Prices in units of 10 to the minus `price_decimals`; never changed once listed."""

    __slots__ = (
        "lot_size",
        "name",
        "price_decimals",
        "price_max",
        "price_min",
        "quantity_max",
        "tick_size",
    )

    name: str
    price_decimals: int
    tick_size: int
    lot_size: int
    price_min: int
    price_max: int
    quantity_max: int

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
