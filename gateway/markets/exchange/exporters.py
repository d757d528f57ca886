"""The writers of market data, by name: what `refold export` lists and calls."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from gateway.markets.exchange.drop_copy import write_drop_copy
from gateway.markets.exchange.exporting import ExportOptions, Published
from gateway.markets.exchange.itch import write_itch


@dataclass(frozen=True)
class Exporter:
    write: Callable[[Iterable[Published], BinaryIO, ExportOptions], Counter[str]]
    """Returns how many messages of each type it wrote. Raises CannotExport."""
    passes: int
    """How often it goes through the events."""
    system: str
    """The system whose events it writes."""
    description: str


EXPORTERS: Final = {
    "itch": Exporter(
        write_itch,
        1,
        "markets.exchange",
        "Nasdaq TotalView-ITCH 5.0: every displayed order and every trade of a day, as a file",
    ),
    "drop-copy": Exporter(
        write_drop_copy,
        2,
        "markets.exchange",
        "FIX 4.4 ExecutionReports of an account, of a member, or of all",
    ),
}
