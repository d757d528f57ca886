"""The importers of recorded market data, by name: what `refold import` lists and calls."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.markets.exchange.arca import arca
from gateway.markets.exchange.lobster import lobster
from gateway.markets.exchange.recording import Recording, RecordingOptions


@dataclass(frozen=True)
class Importer:
    open: Callable[[Path, RecordingOptions], Recording]
    system: str
    """The system that its commands are for."""
    description: str


IMPORTERS: Final = {
    "lobster": Importer(
        lobster,
        "markets.exchange",
        "LOBSTER message file (Nasdaq), with the orderbook file beside it if there is one",
    ),
    "arca": Importer(arca, "markets.exchange", "NYSE Arca order messages as text"),
}
