"""kill -9 of the real worker while thousands of attempts on few nights come in from all sides: at
every event no night is sold beyond its limit, and no room has two guests.

Time is the wall clock's here, so that holds end by the worker's own ticks. In the end the events
are compared, byte for byte, with those that the same commands lead to where nobody is killed.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from log.backends.file import FileLog
from log.envelope import Command
from log.interface import Log
from log.record import Record
from processors.booking.hotels import SYSTEM
from processors.booking.hotels.commands import (
    AddRooms,
    BookRooms,
    CancelBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ModifyBooking,
    OpenHotel,
    RoomRequest,
    SetRatePlan,
    SetRoomType,
    WalkGuest,
)
from processors.booking.hotels.events import (
    BookingLapsed,
    OfferMade,
    RejectCode,
    RequestRejected,
    RoomsBooked,
)
from processors.booking.hotels.terms import DAY_MS
from processors.core.registry import Registered
from projections.booking.hotels import queries
from projections.core.read_models import default_url, read_models
from projections.core.worker import Worker
from tests.processors.booking.hotels.ledger import Ledger
from tests.uninterrupted import decided_without_interruption, records

KILLS = 8
CALLERS = 3
BATCH = 20
HOTELS = ("alba", "corso")
ROOMS, EXTRA, NIGHTS = 4, 1, 3


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def opening(hotel: str) -> list[Command]:
    names = tuple(f"{hotel}-{number}" for number in range(ROOMS))
    return [
        OpenHotel(hotel=hotel, offer_ms=100),
        SetRatePlan(hotel=hotel, rate_plan="open", minimum_nights=0),
        SetRoomType(hotel=hotel, room_type="room", guests_max=2, extra_rooms=EXTRA),
        AddRooms(hotel=hotel, room_type="room", names=names),
    ]


def attempt(draw: random.Random, caller: int, number: int) -> Command:
    """One of a caller's: mostly to book, else about one of its bookings of late."""
    hotel = draw.choice(HOTELS)
    before = f"c{caller}-{number - draw.randrange(1, 40)}"
    today = now_ms() // DAY_MS
    arrival = today + draw.randrange(NIGHTS)
    nights: Any = {"arrival": arrival, "departure": arrival + draw.randrange(1, NIGHTS + 1)}
    rooms = (RoomRequest(room_type="room", count=draw.choice((1, 1, 2, 3))),)
    chance = draw.random()
    if chance < 0.55:
        return BookRooms(
            hotel=hotel,
            booking=f"c{caller}-{number}",
            guest=f"caller-{caller}",
            rate_plan="open",
            rooms=rooms,
            hold_ms=draw.choice((0, 5, 50, 500)),
            wait=draw.random() < 0.2,
            agreed_price=100_00,
            **nights,
        )
    if chance < 0.65:
        return ConfirmBooking(hotel=hotel, booking=before)
    if chance < 0.8:
        return CancelBooking(hotel=hotel, booking=before)
    if chance < 0.85:
        return ModifyBooking(
            hotel=hotel, booking=before, rooms=rooms, agreed_price=90_00, **nights
        )
    if chance < 0.93:
        return CheckIn(hotel=hotel, booking=before, number=draw.randrange(2))
    if chance < 0.98:
        return CheckOut(hotel=hotel, booking=before, number=draw.randrange(2))
    return WalkGuest(hotel=hotel, room_type="room")


def append(log: Log, partitions: int, commands: list[Command]) -> None:
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    batches: dict[int, list[Record]] = {}
    for command in commands:
        key, numbers = SYSTEM.placed(command, partitions)
        for number in numbers:
            batches.setdefault(number, []).append(Record(encode(command), key, now_ms()))
    for number, batch in batches.items():
        log.partition(SYSTEM.commands_topic, number).append(batch)


def keep_attempting(log: Log, partitions: int, caller: int, stop: threading.Event) -> None:
    draw, number = random.Random(caller), 0
    while not stop.is_set():
        batch = []
        for _ in range(BATCH):
            number += 1
            batch.append(attempt(draw, caller, number))
        append(log, partitions, batch)
        time.sleep(0.05)


def run(folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.cli.main", "run", "hotels", *options],
        env={**os.environ, "REFOLD_LOG": str(folder), "REFOLD_SNAPSHOT_EVERY_COMMANDS": "200"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def decided(log: Log, partitions: int) -> int:
    return sum(log.partition(SYSTEM.events_topic, n).high_watermark for n in range(partitions))


def wait_for_progress(log: Log, partitions: int, worker: "subprocess.Popen[bytes]") -> None:
    before, deadline = decided(log, partitions), time.monotonic() + 60
    while decided(log, partitions) == before:
        assert worker.poll() is None, worker.stderr and worker.stderr.read()
        assert time.monotonic() < deadline, "the worker decides nothing"
        time.sleep(0.001)


def told(log: Log, number: int) -> list[tuple[Any, ...]]:
    events = records(log, SYSTEM.events_topic, number)
    return [(record.key, record.timestamp, record.value) for record in events]


def attempt_and_kill(folder: Path, log: Log, partitions: int) -> None:
    stop, draw = threading.Event(), random.Random(2)
    for hotel in HOTELS:
        append(log, partitions, opening(hotel))
    callers = [
        threading.Thread(target=keep_attempting, args=(log, partitions, caller, stop))
        for caller in range(CALLERS)
    ]
    for thread in callers:
        thread.start()
    try:
        for _ in range(KILLS):
            worker = run(folder, "--no-projections")
            wait_for_progress(log, partitions, worker)
            time.sleep(draw.random() * 0.3)
            worker.send_signal(signal.SIGKILL)
            worker.communicate()
    finally:
        stop.set()
        for thread in callers:
            thread.join()
    last = run(folder, "--until-idle")
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors


def test_never_sold_twice_however_often_the_worker_is_killed(tmp_path: Path) -> None:
    with FileLog(tmp_path) as log:
        partitions = SYSTEM.ensure_topics(log)
        attempt_and_kill(tmp_path, log, partitions)
        whole = decided_without_interruption(log, SYSTEM)
        ledger, events = Ledger(), []
        for number in range(partitions):
            assert told(log, number) == told(whole, number)
            topic = log.topics()[SYSTEM.events_topic]
            decode = SYSTEM.event_codec(topic).decode
            for record in records(log, SYSTEM.events_topic, number):
                events.append(decode(record.value or b""))
                ledger.apply(events[-1])
        assert [ledger.hotels[hotel].most for hotel in HOTELS] == [ROOMS + EXTRA] * 2
        assert len(events) > 2_000
        seen = {type(event) for event in events}
        assert seen >= {RoomsBooked, BookingLapsed, OfferMade}
        codes = [event.code for event in events if isinstance(event, RequestRejected)]
        assert codes.count(RejectCode.SOLD_OUT) > 500
        check_read_model(tmp_path, log, ledger)


def check_read_model(folder: Path, log: Log, ledger: Ledger) -> None:
    """It has taken every event, by its own constraint, and says what the events say."""
    models = read_models(Registered(SYSTEM, "processors.booking.hotels"))
    store = models.open_store(default_url(folder, SYSTEM))
    Worker(log, store).catch_up()
    today = now_ms() // DAY_MS
    with store.reading() as reader:
        for hotel in HOTELS:
            held = ledger.hotels[hotel].holders
            for night in queries.calendar(reader, hotel, "room", today, NIGHTS * 2):
                assert night.left >= 0, f"{hotel}, night {night.night}"
                assert night.taken == len(held["room", night.night])
    store.close()
