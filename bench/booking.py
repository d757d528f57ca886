"""Atomic holds of a range of nights, against PostgreSQL with an EXCLUDE constraint.

    ours   guests ─► stays.commands ─► a task ─► stays.events ─► each guest's answer
    peer   guests ─► INSERT ... ON CONFLICT DO NOTHING, a commit each ─► the row count

Both are durable: ours flushes commands, then events, once for all that wait; PostgreSQL flushes
its log with fsync on, one commit a hold, and likewise once for all that wait (group commit). Its
table is an integer listing and a daterange, excluded by a GiST index; by psycopg with prepared
statements, over a Unix socket. Ours also prices each stay, looks at the rules, sets a timer, and
tells those who lose why.

*Free*: every hold gets its nights. *Contended*: each night is wanted by two guests at the same
time, so about half of the attempts get theirs; an attempt is a hold, granted or not. *Crowds*: 40
want each night. Nearly all go away with nothing then, which costs PostgreSQL no flush, since it
writes nothing; ours writes every answer. So this one has no reach.

As
many guests at a time as are good for each side: of PostgreSQL the best of several numbers of
connections is what counts. Ours with as few at a time is shown too. First both decide the same
attempts, one after the other, and must grant the same.
"""

import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from psycopg.types.range import DateRange

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.postgres_peer import connect, running_postgres
from log.backends.file import FileLog
from processors.booking import stays
from processors.booking.stays.commands import CreateListing, HoldNights, Place, PriceRules
from processors.booking.stays.events import NightsHeld
from processors.core.appender import Appender
from processors.core.task import Task

REACH = 10
REACHED = ("free", "contended")
CONNECTIONS = (1, 8, 32)
AT_A_TIME = 8_000
"""Guests who wait for an answer, of ours."""
FEW = 32
PEER_PART = 16
"""The peer does one in so many of the attempts, to take about as long."""
TODAY = 20_454
TODAY_MS = TODAY * 86_400_000
UNITS, NIGHTS = 4, 12
"""What guests want at the same time: so many nights of so many units; a stay has two, or so."""
WANTED = {"contended": 2, "crowds": 40}
"""How many want each night."""
STAY = 3
EPOCH = date(1970, 1, 1)

STAYS = replace(stays.SYSTEM, partitions=1)

TABLE = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
DROP TABLE IF EXISTS holds;
CREATE TABLE holds (
    booking integer PRIMARY KEY,
    listing integer NOT NULL,
    nights daterange NOT NULL,
    guest integer NOT NULL,
    total bigint NOT NULL,
    EXCLUDE USING gist (listing WITH =, nights WITH &&)
)
"""
INSERT = "INSERT INTO holds VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"


class Attempt(NamedTuple):
    booking: int
    listing: int
    arrival: int
    departure: int

    @property
    def guest(self) -> int:
        return self.booking % 500


def free_attempts(count: int) -> list[Attempt]:
    """Nobody wants what another has: stays side by side, in as many listings as it takes."""
    stays_of_one = 365 // STAY
    return [
        Attempt(number, listing, TODAY + slot * STAY, TODAY + slot * STAY + STAY)
        for number in range(count)
        for slot, listing in (divmod(number, -(-count // stays_of_one)),)
    ]


def contended_attempts(count: int, wanted: int) -> list[Attempt]:
    """One set of units after the other, each wanted by all of a crowd at once."""
    draw, crowd = random.Random(5), wanted * UNITS * NIGHTS // 2
    attempts = []
    for number in range(count):
        listing = number // crowd * UNITS + draw.randrange(UNITS)
        arrival = TODAY + draw.randrange(NIGHTS)
        attempts.append(Attempt(number, listing, arrival, arrival + 1 + draw.randrange(STAY)))
    return attempts


def listings_of(attempts: Sequence[Attempt]) -> Iterator[CreateListing]:
    for listing in sorted({attempt.listing for attempt in attempts}):
        yield CreateListing(
            listing=f"l{listing}",
            host="host",
            place=Place(latitude_microdegrees=0, longitude_microdegrees=0),
            capacity=2,
            currency="EUR",
            prices=PriceRules(night_price=10_000),
        )


class Ours:
    """A log in a folder, its only task, and the guests, all in this process."""

    def __init__(self, folder: Path, attempts: Sequence[Attempt]) -> None:
        self.attempts = attempts
        self.log = FileLog(folder)
        self.appender = Appender(self.log, STAYS)
        self.task = Task(self.log, STAYS, 0)
        self.events = self.log.partition(STAYS.events_topic, 0)
        self.decode = STAYS.event_codec(self.events.config).decode
        self.offset = 0
        self.granted: list[str] = []
        self._append(listings_of(attempts))
        self._decide()

    def run(self, at_a_time: int) -> float:
        """Seconds until every guest has an answer, so many guests at a time."""
        holds = [
            HoldNights(
                listing=f"l{attempt.listing}",
                booking=f"b{attempt.booking}",
                guest=f"g{attempt.guest}",
                arrival=attempt.arrival,
                departure=attempt.departure,
            )
            for attempt in self.attempts
        ]
        return timed(lambda: self._answer(holds, at_a_time))

    def _answer(self, holds: list[HoldNights], at_a_time: int) -> None:
        """Half of the guests append while the holds of the other half are decided."""
        half = max(at_a_time // 2, 1)
        with ThreadPoolExecutor(1) as guests:
            for first in range(0, len(holds), half):
                appending = guests.submit(self._append, holds[first : first + half])
                self._decide()
                appending.result()
        self._decide()

    def _append(self, commands: Iterable[Any]) -> None:
        for command in commands:
            self.appender.add(command, TODAY_MS)
        self.appender.flush()

    def _decide(self) -> None:
        """What was appended is decided, durable, and the answers are read."""
        while self.task.step():
            pass
        while batches := self.events.read(self.offset):
            for batch in batches:
                for record in batch:
                    event = self.decode(record.value or b"")
                    if type(event) is NightsHeld:
                        self.granted.append(event.booking)
            self.offset = batch.last_offset + 1

    def close(self) -> None:
        self.task.close()
        self.log.close()


def run_ours(
    folder: Path, attempts: Sequence[Attempt], at_a_time: int, granted: list[str] | None = None
) -> float:
    """Seconds, in a new log. `granted` gets the bookings that got their nights."""
    with TemporaryDirectory(dir=folder) as place:
        ours = Ours(Path(place), attempts)
        try:
            seconds = ours.run(at_a_time)
        finally:
            ours.close()
        if granted is not None:
            granted += ours.granted
    return seconds


def run_postgres(
    address: str, attempts: Sequence[Attempt], connections: int, granted: list[str] | None = None
) -> float:
    """Seconds until all have their answer, the attempts dealt out to so many connections, each of
    a thread; in a new table."""
    with connect(address) as connection:
        connection.execute(TABLE)
        connection.execute("CHECKPOINT")
    rows = [
        (
            attempt.booking,
            attempt.listing,
            DateRange(day_of(attempt.arrival), day_of(attempt.departure)),
            attempt.guest,
            (attempt.departure - attempt.arrival) * 10_000,
        )
        for attempt in attempts
    ]
    ready = threading.Barrier(connections + 1)

    def work(mine: Sequence[tuple[Any, ...]]) -> None:
        with connect(address) as connection, connection.cursor() as cursor:
            connection.prepare_threshold = 0
            ready.wait()
            for row in mine:
                cursor.execute(INSERT, row)
                if granted is not None and cursor.rowcount:
                    granted.append(f"b{row[0]}")

    threads = [
        threading.Thread(target=work, args=(rows[number::connections],))
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    started = perf_counter()
    for thread in threads:
        thread.join()
    return perf_counter() - started


def day_of(day: int) -> date:
    return EPOCH + timedelta(days=day)


def check_same(folder: Path, address: str, attempts: Sequence[Attempt]) -> float:
    """Both grant the same, one after the other; the share that is granted."""
    ours: list[str] = []
    theirs: list[str] = []
    run_ours(folder, attempts, AT_A_TIME, ours)
    run_postgres(address, attempts, 1, theirs)
    if ours != theirs:
        differing = next(pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1])
        raise AssertionError(f"they grant other holds: {differing}")
    return len(ours) / len(attempts)


def run(options: Options) -> list[Row]:
    flows = {"free": free_attempts(options.size)}
    for name, wanted in WANTED.items():
        flows[name] = contended_attempts(options.size, wanted)
    with scratch_folder() as folder, running_postgres() as address:
        return [
            row
            for name, attempts in flows.items()
            for row in compare(folder, address, name, attempts, options.rounds)
        ]


def compare(
    folder: Path, address: str, name: str, attempts: Sequence[Attempt], rounds: int
) -> Iterator[Row]:
    part = attempts[: len(attempts) // PEER_PART]
    unit = f"attempts/s, {check_same(folder, address, part):.0%} granted"
    peers = [f"PostgreSQL, {name}, {count} connections" for count in CONNECTIONS]
    best = best_of(
        {
            "ours": lambda: run_ours(folder, attempts, AT_A_TIME) / len(attempts),
            "few": lambda: run_ours(folder, part, FEW) / len(part),
            **{
                peer: partial(run_part, address, part, count)
                for peer, count in zip(peers, CONNECTIONS, strict=True)
            },
        },
        rounds,
    )
    rate = {side: 1 / seconds for side, seconds in best.items()}
    most = max(rate[peer] for peer in peers)
    label = f"{name}, {AT_A_TIME:,} guests at a time"
    if name in REACHED:
        yield at_least(label, rate["ours"], unit, most, REACH)
    else:
        yield Row(name=label, value=rate["ours"], unit=unit, ratio=rate["ours"] / most)
    yield Row(name=f"{name}, {FEW}", value=rate["few"], unit=unit, ratio=rate["few"] / most)
    yield from (Row(name=peer, value=rate[peer], unit=unit) for peer in peers)


def run_part(address: str, part: Sequence[Attempt], connections: int) -> float:
    """Seconds an attempt."""
    return run_postgres(address, part, connections) / len(part)


if __name__ == "__main__":
    main("booking", run, size=40_000)
