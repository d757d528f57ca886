"""Thousands of attempts at a few nights, all at once, while holds run out, payments fail, and the
workers are killed, kill -9, again and again: at every event a night has one holder at most, and by
the provider's own ledger nobody is charged twice, or for nothing.

    guests (threads) ─► log in a folder ─► two `refold run`, killed at random ─► the provider
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from log.backends.file import FileLog
from log.interface import Log
from log.record import Record
from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    BookingTerms,
    CancelBooking,
    CancellationPolicy,
    HoldNights,
    PayBooking,
)
from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingReleased,
    NightsHeld,
    PaymentRequested,
    ReleaseReason,
    RequestRejected,
)
from processors.booking.stays.payment_simulator import Ledger, serving
from processors.booking.stays.state import Stays
from processors.core.decider import fold
from tests.processors.booking.stays.holders import Holders
from tests.processors.booking.stays.scenes import DAY_MS, loft

KILLS = 12
LISTINGS = tuple(f"loft-{number}" for number in range(6))
NIGHTS = 10
GUESTS = 3
BATCH = 10
HOLD_MS = 4_000
CANCEL_AFTER_S = 4
SLOW_S = 4.5
"""Longer than a hold: the answer comes when the nights are free again."""
METHODS = (
    *("card_ok",) * 6,
    "card_declined",
    "card_lost",
    "card_flaky",
    "card_slow",
    "card_unfunded",
)
SETTLED_TIMEOUT_S = 60
ENOUGH_TIMEOUT_S = 60


class House:
    """The log, and what guests append to it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.partitions = range(SYSTEM.ensure_topics(log))
        self.encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
        self.codec = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic])
        self.attempts = Counter[str]()

    def send(self, *commands: Any) -> None:
        now = time.time_ns() // 1_000_000
        batches: dict[int, list[Record]] = defaultdict(list)
        for command in commands:
            key, [number] = SYSTEM.placed(command, len(self.partitions))
            batches[number].append(Record(self.encode(command), key, now))
        for number, records in batches.items():
            self.log.partition(SYSTEM.commands_topic, number).append(records)

    def offer(self) -> None:
        """Check-in is at midnight, so that what is booked for today is captured at once; what is
        cancelled before is paid for all the same."""
        terms = BookingTerms(
            hold_ms=HOLD_MS,
            check_in_minute=0,
            cancellation=CancellationPolicy.NON_REFUNDABLE,
        )
        self.send(*[loft(listing=name, terms=terms) for name in LISTINGS])

    def keep_booking(self, guest: int, stop: threading.Event) -> None:
        """Hold, often pay, cancel what was booked a while ago, and again."""
        draw, number = random.Random(guest), 0
        name, mine = f"guest-{guest}", deque[tuple[float, str, str]]()
        while not stop.is_set():
            today = time.time_ns() // 1_000_000 // DAY_MS
            wanted = []
            for _ in range(BATCH):
                number += 1
                arrival = today + draw.randrange(NIGHTS)
                departure = arrival + 1 + draw.randrange(2)
                booking = draw.choice(LISTINGS), f"{name}-{number}"
                wanted.append(
                    HoldNights(
                        listing=booking[0],
                        booking=booking[1],
                        guest=name,
                        arrival=arrival,
                        departure=departure,
                    )
                )
                mine.append((time.monotonic(), *booking))
            self.attempts["holds"] += BATCH
            self.send(*wanted)
            method = draw.choice(METHODS)
            self.send(
                *[
                    PayBooking(
                        listing=each.listing, booking=each.booking, guest=name, method=method
                    )
                    for each in wanted
                    if draw.random() < 0.8
                ]
            )
            while mine and mine[0][0] < time.monotonic() - CANCEL_AFTER_S:
                _made_s, listing, held = mine.popleft()
                self.send(CancelBooking(listing=listing, booking=held, party_id=name))
            time.sleep(0.1)

    def events(self, number: int) -> Iterator[Any]:
        partition, offset = self.log.partition(SYSTEM.events_topic, number), 0
        while batches := partition.read(offset):
            for batch in batches:
                for record in batch:
                    offset = record.offset + 1
                    yield self.codec.decode(record.value or b"")

    def unsettled(self) -> int:
        """Holds that run, and answers that are waited for."""
        count = 0
        for number in self.partitions:
            decider = SYSTEM.decider
            state: Stays = fold(decider, self.events(number))
            for listing in state.listings.values():
                for booking in listing.bookings.values():
                    count += booking.stage.value in ("held", "authorizing")
                    count += sum(payment.awaits is not None for payment in booking.payments)
        return count


def start_worker(folder: Path, partitions: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "gateway.cli.main", "run", "stays"),
            *("--no-projections", "--partitions", partitions),
        ],
        env=environment(folder),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def environment(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).parents[4])
    return {**os.environ, "PYTHONPATH": root, "REFOLD_LOG": str(folder / "log")}


@contextmanager
def guests(house: House) -> Iterator[None]:
    stop = threading.Event()
    crowd = [
        threading.Thread(target=house.keep_booking, args=(number, stop))
        for number in range(GUESTS)
    ]
    for thread in crowd:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in crowd:
            thread.join()


def wait_until(is_so: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def kill_again_and_again(house: House, folder: Path, enough: Callable[[], bool]) -> None:
    """One of two workers at a time, each at its half of the partitions; then until `enough`."""
    draw = random.Random(3)
    halves = ("0,1", "2,3")
    workers = {half: start_worker(folder, half) for half in halves}
    try:
        for number in range(KILLS):
            half = halves[number % 2]
            mine = [int(each) for each in half.split(",")]
            topics = [house.log.partition(SYSTEM.events_topic, each) for each in mine]
            before = sum(topic.high_watermark for topic in topics)
            wait_until(
                lambda topics=topics, before=before: (  # type: ignore[misc]
                    sum(topic.high_watermark for topic in topics) > before + 50
                ),
                "the worker decides nothing",
            )
            time.sleep(draw.random() * 1.5)
            workers[half].send_signal(signal.SIGKILL)
            workers[half].wait()
            workers[half] = start_worker(folder, half)
        wait_until(enough, "too little happened to these bookings", ENOUGH_TIMEOUT_S)
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()


def settle(house: House, folder: Path) -> None:
    """Without guests, until nothing is open."""
    workers = [start_worker(folder, half) for half in ("0,1", "2,3")]
    try:
        wait_until(lambda: house.unsettled() == 0, "something stays open", SETTLED_TIMEOUT_S)
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()


def test_nobody_is_booked_or_charged_twice(tmp_path: Path) -> None:
    with serving(slow_s=SLOW_S) as url, FileLog(tmp_path / "log") as log:
        (tmp_path / "refold.toml").write_text(
            f'[effects."booking.stays.payments"]\nurl = "{url}"\n'
        )
        house = House(log)
        house.offer()
        with guests(house):
            kill_again_and_again(house, tmp_path, partial(was_hard, house, url))
        settle(house, tmp_path)
        ledger = read_ledger(url)
        happened = [event for number in house.partitions for event in house.events(number)]
        oracle = Holders()
        for event in happened:
            oracle.take(event)  # at most one holder a night, at every event
    check_ledger(ledger, oracle, happened)


def check_ledger(ledger: Ledger, oracle: Holders, happened: list[Any]) -> None:
    """What the provider moved is what the events say, and each booking paid what it owes, once."""
    moved: dict[str, int] = defaultdict(int)
    captures = Counter[str]()
    for entry in ledger.entries:
        moved[entry.payment] += entry.amount
        captures[entry.payment] += entry.operation == "capture"
    assert set(captures.values()) <= {0, 1}
    assert {payment: money for payment, money in moved.items() if money} == {
        payment: money for payment, money in oracle.money.items() if money
    }
    booking_of: dict[str, tuple[str, str]] = {}
    owed: dict[tuple[str, str], int] = {}
    begun: set[tuple[str, str]] = set()
    for event in happened:
        match event:
            case PaymentRequested():
                name = f"{event.listing}/{event.payment}"
                booking_of[name] = event.listing, event.booking
            case BookingConfirmed():
                owed[event.listing, event.booking] = event.total
            case BookingCancelled():
                owed[event.listing, event.booking] = event.kept
    paid: dict[tuple[str, str], int] = defaultdict(int)
    for payment, money in moved.items():
        paid[booking_of[payment]] += money
        if captures[payment]:
            begun.add(booking_of[payment])
    assert all(paid[booking] == owed[booking] for booking in begun)
    assert all(money == 0 for booking, money in paid.items() if booking not in begun)


def was_hard(house: House, url: str) -> bool:
    """Whether all has happened, often enough, that may go wrong."""
    happened = [event for number in house.partitions for event in house.events(number)]
    kinds = Counter(type(event) for event in happened)
    reasons = Counter(event.reason for event in happened if isinstance(event, BookingReleased))
    ledger = read_ledger(url)
    done = Counter(entry.operation for entry in ledger.entries)
    return (
        kinds[RequestRejected] > 1_000
        and kinds[NightsHeld] > 50
        and kinds[BookingConfirmed] > 10
        and reasons[ReleaseReason.EXPIRED] > 3
        and reasons[ReleaseReason.PAYMENT_DECLINED] > 0
        and done["capture"] > 3
        and done["reverse"] > 3
        and ledger.repeated_calls > 3  # an attempt of a killed worker, or an answer lost
    )


def read_ledger(url: str) -> Ledger:
    return msgspec.json.decode(httpx.get(f"{url}/ledger").content, type=Ledger)
