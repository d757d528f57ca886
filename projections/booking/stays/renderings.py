"""A calendar, a listing and a page of a search, drawn for a terminal: by query, what rich can
print."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from projections.booking.stays.queries import CalendarNight, ListingFacts
from projections.booking.stays.search import SearchPage

STYLES: Final = {"free": "green", "blocked": "dim", "booked": "bold red"}
WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
FACETS_SHOWN: Final = 6
NUMBERS: Final = ("guests", "price", "rank", "reviews", "km")
KM_M: Final = 1_000


def month_sheet(found: Sequence[CalendarNight]) -> RenderableType:
    """A week a line, each night with its price, or whose it is."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("week of")
    for name in WEEKDAYS:
        table.add_column(name, justify="right")
    line: list[Text] = []
    for night in found:
        if not line:
            line = [Text(f"{night.night}")] + [Text()] * night.night.weekday()
        line.append(_cell(night))
        if len(line) == len(WEEKDAYS) + 1:
            table.add_row(*line)
            line = []
    if line:
        table.add_row(*line)
    return table


def _cell(night: CalendarNight) -> Text:
    what = f"{night.price:,}" if night.state == "free" else night.booking or night.state
    return Text(f"{night.night.day} ", style="bold").append(what, style=STYLES[night.state])


def facts_sheet(facts: ListingFacts) -> RenderableType:
    """A fact a line; of those with parts, a part a line."""
    table = Table.grid(padding=(0, 2))
    for name, value in msgspec.to_builtins(facts).items():
        told = "\n".join(map(_part, value)) if isinstance(value, list) else str(value)
        table.add_row(Text(name, style="dim"), Text(told))
    return table


def _part(part: Any) -> str:
    if isinstance(part, dict):
        return ", ".join(f"{name} {value:,}" for name, value in part.items())
    return str(part)


def search_page(page: SearchPage) -> RenderableType:
    """A line a listing, and under it the commonest facets."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("listing", "title", "type", "guests", "price", "", "rank", "reviews", "km"):
        justify: Literal["right", "left"] = "right" if header in NUMBERS else "left"
        table.add_column(header, justify=justify, no_wrap=header == "listing")
    for row in page.listings:
        table.add_row(
            Text(row.listing),
            Text(row.title),
            Text(row.room_type),
            str(row.capacity),
            Text(f"{row.price:,}", style="green"),
            Text(row.currency),
            str(row.rank),
            str(row.reviews),
            "" if row.distance_m is None else f"{row.distance_m / KM_M:,.1f}",
        )
    lines: list[RenderableType] = [table, Text(f"{page.matches:,} listings", style="bold")]
    for name in dict.fromkeys(facet.name for facet in page.facets):
        shown = [facet for facet in page.facets if facet.name == name][:FACETS_SHOWN]
        counts = ", ".join(f"{facet.value} {facet.count:,}" for facet in shown)
        lines.append(Text(f"{name.replace('_', ' ')}: ", style="bold").append(counts, style="dim"))
    if page.next:
        lines.append(Text(f"next page: --after {page.next}", style="dim"))
    return Group(*lines)


RENDERINGS: dict[str, Callable[[Any], RenderableType]] = {
    "search": search_page,
    "calendar": month_sheet,
    "listing": facts_sheet,
}
