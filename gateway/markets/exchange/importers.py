"""The importers of recorded market data, by name: what `refold import` lists and calls."""

from typing import Final

from gateway.markets.exchange.arca import arca
from gateway.markets.exchange.lobster import lobster
from gateway.recording import Importer

IMPORTERS: Final = {
    "lobster": Importer(
        lobster,
        "markets.exchange",
        "LOBSTER message file (Nasdaq), with the orderbook file beside it if there is one",
    ),
    "arca": Importer(arca, "markets.exchange", "NYSE Arca order messages as text"),
}
