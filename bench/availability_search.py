"""Searches a second over 100,000 listings of a year's nights each, and the slowest in a hundred.

A search is what a traveller asks: a piece of the map, days, guests, a price range. The answer is
the 20 cheapest that are free, and may be booked for these days by their own rules; how many there
are in all; and how many of these have each room type, capacity and amenity. Asked of the read
models in memory, and in SQLite.

The peer is hand-written SQL on SQLite, of the same listings: an R*Tree for the map, columns for
capacity, price and minimum nights, and the taken ranges of nights in a table by (listing, night),
of which one look-up tells whether a stay is free. It fetches all matches in order and counts them
in Python, and knows no other rule than these. All give the same answer to every search, which is
checked before the clock runs.
"""

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from bench.harness import Options, Row, at_least, main, scratch_folder
from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from processors.booking.stays import SYSTEM as STAYS
from processors.booking.stays.events import (
    ListingCreated,
    NightRange,
    NightsBlocked,
    Place,
    PriceRules,
    StayRules,
)
from projections.booking.stays.geography import box_area
from projections.booking.stays.offered import OFFERED_LISTINGS
from projections.booking.stays.offers import Wanted
from projections.booking.stays.search import find
from projections.core.memory_store import MemoryStore
from projections.core.sql_store import SqlStore, set_up_sqlite
from projections.core.store import Catalog, Store
from projections.core.worker import Worker

ONE_PARTITION = replace(STAYS, partitions=1)
LISTINGS = 100_000
SEARCHES = 400
CITIES = 100
CITY_SPREAD = 60_000
"""Of a city's listings around its middle, in microdegrees: some six kilometres."""
TODAY = 20_500
NOW_MS = TODAY * 86_400_000
NIGHTS = 365
PAGE = 20
AMENITIES = ("wifi", "kitchen", "parking", "pool", "washer", "heating", "sauna", "garden")
ROOM_TYPES = ("entire home", "entire home", "private room")
BATCH = 5_000


class Unit(NamedTuple):
    listing: str
    latitude: int
    longitude: int
    capacity: int
    price: int
    minimum_nights: int
    room_type: str
    amenities: tuple[str, ...]
    taken: tuple[tuple[int, int], ...]
    """(first night, end), in order: about half of the year."""


class Search(NamedTuple):
    south: int
    west: int
    north: int
    east: int
    arrival: int
    departure: int
    guests: int
    price_least: int
    price_most: int
    """Of the stay."""


Answer = tuple[list[tuple[str, int]], int, dict[tuple[str, str], int]]
"""(listing, price) of the first page; the number of matches; the facets, as counts."""
FACETS = ("room_type", "capacity", "amenity")
Ask = Callable[[Search], Answer]


def made_up(count: int, seed: int = 11) -> tuple[list[Unit], list[Search]]:
    """Listings in cities of which a few are large, and searches about these as often as there are
    listings."""
    draw = random.Random(seed)
    cities = [
        (draw.randint(-55_000_000, 65_000_000), draw.randint(-170_000_000, 170_000_000))
        for _ in range(CITIES)
    ]
    sizes = [1 / rank for rank in range(1, CITIES + 1)]
    units = []
    for number, (latitude, longitude) in enumerate(draw.choices(cities, sizes, k=count)):
        units.append(
            Unit(
                f"listing-{number:06}",
                latitude + round(draw.gauss(0, CITY_SPREAD)),
                longitude + round(draw.gauss(0, CITY_SPREAD)),
                draw.choice((1, 2, 2, 2, 3, 4, 4, 5, 6, 8)),
                round(draw.lognormvariate(9.2, 0.5)),
                draw.choice((1, 1, 1, 2, 2, 3)),
                draw.choice(ROOM_TYPES),
                tuple(sorted(draw.sample(AMENITIES, 5))),
                tuple(_taken(draw)),
            )
        )
    return units, [_search(draw, draw.choice(units)) for _ in range(SEARCHES)]


def _taken(draw: random.Random) -> Iterator[tuple[int, int]]:
    night = TODAY + draw.randrange(8)
    while night < TODAY + NIGHTS:
        end = night + draw.randint(1, 7)
        yield night, end
        night = end + draw.randint(1, 7)


def _search(draw: random.Random, about: Unit) -> Search:
    half = draw.randint(5_000, 40_000)
    arrival = TODAY + draw.randrange(1, 300)
    nights = draw.randint(2, 5)
    least = draw.choice((0, 3_000, 6_000)) * nights
    return Search(
        about.latitude - half,
        about.longitude - half,
        about.latitude + half,
        about.longitude + half,
        arrival,
        arrival + nights,
        draw.randint(1, 4),
        least,
        least + draw.choice((8_000, 15_000, 30_000)) * nights,
    )


def events_of(units: Sequence[Unit]) -> Iterator[Event]:
    for unit in units:
        yield ListingCreated(
            listing=unit.listing,
            host="host",
            place=Place(
                latitude_microdegrees=unit.latitude, longitude_microdegrees=unit.longitude
            ),
            capacity=unit.capacity,
            currency="EUR",
            prices=PriceRules(night_price=unit.price),
            room_type=unit.room_type,
            amenities=unit.amenities,
            rules=StayRules(minimum_nights=unit.minimum_nights),
        )
        ranges = tuple(NightRange(first_night=first, end_night=end) for first, end in unit.taken)
        yield NightsBlocked(listing=unit.listing, ranges=ranges)


def topic_of(units: Sequence[Unit]) -> MemoryLog:
    log = MemoryLog()
    ONE_PARTITION.ensure_topics(log)
    partition = log.partition(ONE_PARTITION.events_topic, 0)
    encode = ONE_PARTITION.event_codec(partition.config).encode
    numbered = enumerate(events_of(units))
    while chunk := list(islice(numbered, BATCH)):
        for number, event in chunk:
            event.sequence = event.cause = number
        partition.append([Record(encode(event), timestamp=NOW_MS) for _, event in chunk])
    return log


def ours(store: Store) -> Ask:
    def ask(search: Search) -> Answer:
        wanted = Wanted(
            arrival=search.arrival,
            departure=search.departure,
            guests=search.guests,
            currency="EUR",
            price_least=search.price_least,
            price_most=search.price_most,
        )
        area = box_area(search.south, search.west, search.north, search.east)
        with store.reading() as reader:
            page = find(reader, area, wanted, "price", now_ms=NOW_MS, limit=PAGE)
        found = [(row.listing, row.price) for row in page.listings]
        counts = {
            (each.name, each.value): each.count for each in page.facets if each.name in FACETS
        }
        return found, page.matches, counts

    return ask


PEER_TABLES = """
CREATE TABLE listings (id INTEGER PRIMARY KEY, listing TEXT NOT NULL, capacity INTEGER NOT NULL,
    currency TEXT NOT NULL, price INTEGER NOT NULL, minimum_nights INTEGER NOT NULL,
    room_type TEXT NOT NULL, amenities TEXT NOT NULL);
CREATE TABLE taken (id INTEGER NOT NULL, first_night INTEGER NOT NULL, end_night INTEGER NOT NULL,
    PRIMARY KEY (id, first_night)) WITHOUT ROWID;
CREATE VIRTUAL TABLE places USING rtree_i32(id, south, north, west, east);
"""
PEER_SEARCH = """
SELECT listing, price * :nights AS total, room_type, capacity, amenities
FROM places JOIN listings USING (id)
WHERE south >= :south AND north <= :north AND west >= :west AND east <= :east
  AND capacity >= :guests AND currency = 'EUR' AND minimum_nights <= :nights
  AND total BETWEEN :price_least AND :price_most
  AND coalesce((SELECT end_night FROM taken WHERE taken.id = places.id
                AND first_night < :departure ORDER BY first_night DESC LIMIT 1), 0) <= :arrival
ORDER BY total, listing
"""


def peer(units: Sequence[Unit], file: Path) -> Ask:
    connection = sqlite3.connect(file)
    set_up_sqlite(connection)
    connection.executescript(PEER_TABLES)
    connection.execute("BEGIN")
    for number, unit in enumerate(units):
        row = (number, unit.listing, unit.capacity, "EUR", unit.price, unit.minimum_nights)
        texts = unit.room_type, ",".join(unit.amenities)
        connection.execute("INSERT INTO listings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, *texts))
        place = (number, unit.latitude, unit.latitude, unit.longitude, unit.longitude)
        connection.execute("INSERT INTO places VALUES (?, ?, ?, ?, ?)", place)
        nights = [(number, first, end) for first, end in unit.taken]
        connection.executemany("INSERT INTO taken VALUES (?, ?, ?)", nights)
    connection.execute("COMMIT")

    def ask(search: Search) -> Answer:
        given = search._asdict() | {"nights": search.departure - search.arrival}
        rows = connection.execute(PEER_SEARCH, given).fetchall()
        counted = (
            ("room_type", Counter([row[2] for row in rows])),
            ("capacity", Counter([str(row[3]) for row in rows])),
            ("amenity", Counter(",".join([row[4] for row in rows]).split(",") if rows else ())),
        )
        counts = {(name, each): count for name, by in counted for each, count in by.items()}
        return [row[:2] for row in rows[:PAGE]], len(rows), counts

    return ask


def latencies(ask: Ask, searches: Sequence[Search]) -> list[float]:
    """Seconds of each search, the slowest last."""
    taken = []
    for search in searches:
        started = perf_counter()
        ask(search)
        taken.append(perf_counter() - started)
    return sorted(taken)


class Best:
    """Of the rounds of one side."""

    def __init__(self) -> None:
        self.total_s = self.slow_s = float("inf")

    def take(self, taken: list[float]) -> None:
        self.total_s = min(self.total_s, sum(taken))
        self.slow_s = min(self.slow_s, taken[len(taken) * 99 // 100])


def run(options: Options) -> list[Row]:
    units, searches = made_up(options.size)
    log = topic_of(units)
    catalog = Catalog(ONE_PARTITION, (OFFERED_LISTINGS,))
    with scratch_folder() as folder:
        database = SqlStore(catalog, f"sqlite:///{folder.absolute()}/ours.sqlite")
        memory = MemoryStore(catalog)
        for store in (memory, database):
            Worker(log, store).catch_up()
        sides = {
            "in memory": ours(memory),
            "SQLite": ours(database),
            "peer": peer(units, folder / "peer.sqlite"),
        }
        for search in searches:
            answers = [ask(search) for ask in sides.values()]
            assert answers[0] == answers[1] == answers[2], search
        best = {name: Best() for name in sides}
        for _ in range(max(options.rounds, 1)):
            for name, ask in sides.items():
                best[name].take(latencies(ask, searches))
        database.close()
    return rows_of(best, len(searches))


def rows_of(best: dict[str, Best], searches: int) -> list[Row]:
    peer_rate = searches / best["peer"].total_s
    in_memory, sqlite = (searches / best[name].total_s for name in ("in memory", "SQLite"))
    rows = [
        at_least("searches, in memory", in_memory, "queries/s", peer_rate, 1.0),
        Row(
            name="searches, SQLite",
            value=sqlite,
            unit="queries/s",
            ratio=sqlite / peer_rate,
        ),
    ]
    rows.append(Row(name="searches, SQL by hand on SQLite", value=peer_rate, unit="queries/s"))
    for name, side in best.items():
        shown = "SQL by hand on SQLite" if name == "peer" else name
        rows.append(Row(name=f"p99, {shown}", value=side.slow_s * 1e3, unit="ms"))
    return rows


if __name__ == "__main__":
    main("availability_search", run, size=LISTINGS)
