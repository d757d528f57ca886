"""The demo of all systems: a past that reaches up to now, live traffic, and what people find."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.demo import checking
from gateway.demo.checking import Checks
from gateway.demo.outside import outside_of
from gateway.demo.present import CALLS, begun_of_now
from gateway.demo.seeding import Clock, Seeding, append_unreadable
from gateway.demo.streams import FASTEST, PAUSE_S_MAX, Pace, Stream, speed_of
from gateway.demo.traffic import body_of
from gateway.http.catalogue import Served
from log.backends import wall_clock_ms
from log.backends.memory import MemoryLog
from processors.core.dead_letters import DeadLetters
from processors.core.registry import Registry, load_system
from processors.core.timers import decide_fully
from processors.core.workers.embedded import Worker
from processors.markets.exchange import SYSTEM as EXCHANGE
from processors.markets.exchange.commands import Phase
from processors.media.blobs import open_blobs
from projections.core.read_models import read_models
from replay.verify import verify
from tests.gateway.cli.conftest import Cli
from tests.samples.parking import SYSTEM as PARKING

ROOT = Path(__file__).parents[3]
DEADLINE_S = 600.0
HOUR_MS = 3_600_000
NOW_MS = 1_795_305_600_000
"""2026-11-22, 00:00 UTC: a Sunday, when no exchange is open."""


@pytest.mark.parametrize("name", [each.system.name for each in Registry()])
def test_a_flow_has_a_past_up_to_now_and_goes_on(name: str) -> None:
    """Given any registered system."""
    stream = Stream(Registry().find(name).system, NOW_MS)
    past = [at_ms for at_ms, _ in stream.past()]
    assert len(past) >= 50
    assert all(first <= second for first, second in pairwise(past))
    assert past[-1] <= NOW_MS
    assert 1.0 <= stream.speed <= FASTEST
    live = [at_ms for at_ms, _ in islice(stream.live(), 200)]
    assert live[0] > NOW_MS
    assert all(first <= second for first, second in pairwise(live))


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 22, 0, 0, tzinfo=UTC),
        datetime(2026, 7, 1, 14, 15, tzinfo=UTC),
        datetime(2027, 3, 14, 6, 59, tzinfo=UTC),
    ],
)
def test_the_exchange_is_open_whenever_one_looks(now: datetime) -> None:
    """On a Sunday, in an opening, as a clock changes: it trades, and soon there is an auction."""
    now_ms = int(now.timestamp() * 1000)
    state = EXCHANGE.decider.initial()
    flow = begun_of_now(EXCHANGE, 1, now_ms, 0)
    phases: set[Any] = set()
    for at_ms, command in flow:
        _, state = decide_fully(EXCHANGE.decider, state, command, at_ms)
        if at_ms >= now_ms and not phases:
            phases = {book.market.phase for book in state.books.values()}
            assert phases <= {Phase.CONTINUOUS, Phase.VOLATILITY_AUCTION}
            assert len(state.books) == 8 and Phase.CONTINUOUS in phases
            assert sum(book.trade_count for book in state.books.values()) > 100
        if at_ms >= now_ms + 2 * 60_000:
            break
    in_call = {name for name, book in state.books.items() if book.market.in_call}
    assert in_call & {*CALLS, "ALDER"}


def test_a_flow_runs_as_fast_as_it_is_dense() -> None:
    assert speed_of([100] * 1000) == 1.0  # ten a second are enough
    assert speed_of([10_000] * 1000) == 20.0
    assert speed_of([1_500_000] * 1000) == FASTEST
    assert speed_of([1_000] * 1000 + [10**9] * 5) == 2.0  # nights do not count
    assert speed_of([]) == 1.0


def test_pauses_are_cut_and_nothing_is_made_up_for() -> None:
    pace = Pace(speed=2.0, now_s=100.0)
    assert pace.due_s(5_000, 100.0) == 100.0
    assert pace.due_s(6_000, 100.1) == 100.5
    assert pace.due_s(6_000_000, 101.0) == 100.5 + PAUSE_S_MAX
    assert pace.due_s(6_000_001, 500.0) == 499.0


def test_a_command_goes_out_as_its_own_fields() -> None:
    _, command = next(PARKING.flow(1))
    assert re.fullmatch(rb'\{"spot":".*","car":".*","stay_ms":1000\}', body_of(command))


def test_systems_that_reactors_connect_have_one_past() -> None:
    """Clearing's orders reach the exchange when they were placed, and all decides again alike."""
    systems = [Registry().find(name).system for name in ("clearing", "exchange")]
    clock, now_ms = Clock(), wall_clock_ms()
    with MemoryLog() as log, Worker(log, systems, clock=clock) as worker:
        seeding = Seeding(log, worker, [Stream(each, now_ms) for each in systems], clock)
        seeding.run(threading.Event())
        assert clock.past_ms is None and not any(task.lag for task in worker.tasks)
        assert all(now_ms - HOUR_MS < task.fold.at <= wall_clock_ms() for task in worker.tasks)
        came = {
            record.timestamp // HOUR_MS
            for number in range(4)
            for batch in log.partition(EXCHANGE.commands_topic, number).read(0, 1 << 30)
            for record in batch
            if b'"origin_topic"' in (record.value or b"")
        }
        assert len(came) >= 5
        for system in systems:
            for number in range(4):
                assert verify(log, system, number).difference is None
        assert seeding.values["instrument"]


def test_a_stopped_past_ends_between_two_slices() -> None:
    clock, stopped = Clock(), threading.Event()
    stopped.set()
    with MemoryLog() as log, Worker(log, [PARKING], clock=clock) as worker:
        seeding = Seeding(log, worker, [Stream(PARKING, NOW_MS)], clock)
        seeding.run(stopped)
        assert seeding.commands == 0


def test_there_is_a_dead_letter_to_look_at() -> None:
    clock = Clock()
    with MemoryLog() as log, Worker(log, [PARKING], clock=clock) as worker:
        append_unreadable(log, Stream(PARKING, NOW_MS))
        worker.run(until_idle=True)
        (letter,) = [
            letter for number in range(2) for letter in DeadLetters(log, PARKING, number).letters()
        ]
        assert re.search(r"\.v99", letter.error)


def test_the_outside_is_nobodys_real_one(tmp_path: Path) -> None:
    """Settings given for a simulated effect do not count; samples lie in one store for all, and
    come back when they are swept."""
    systems = [each.system for each in Registry()]
    given = {
        "booking.stays.payments": {"url": "https://payments.example.com"},
        "media.video.probe": {"ffmpeg": "/opt/ffmpeg"},
    }
    with outside_of(systems, given, tmp_path) as settings:
        url = settings["booking.stays.payments"]["url"]
        assert url.startswith("http://127.0.0.1:")
        assert settings["media.video.probe"]["ffmpeg"] == "/opt/ffmpeg"
        places = {
            settings[f"media.{name}"]["blobs"] for name in ("uploads.store", "video.package")
        }
        assert places == {settings["media.video.probe"]["uploads"]} == {str(tmp_path / "blobs")}
        blobs, samples = open_blobs(str(tmp_path / "blobs")), open_blobs(str(tmp_path / "samples"))
        digests = list(samples.digests())
        assert len(digests) > 30
        _until(lambda: set(blobs.digests()) == set(digests))
        blobs.delete(digests[0], blobs.stamps(digests[0]))
        _until(lambda: blobs.size(digests[0]) is not None)
        assert httpx.post(f"{url}/authorize", json={}).status_code < 500
    assert given["booking.stays.payments"]["url"] == "https://payments.example.com"


def _until(holds: Any) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no server at all, every check fails with a line of its own."""
    monkeypatch.setattr(checking, "WITHIN_S", 0.2)
    registered = load_system("tests.samples.parking")
    models = read_models(registered)
    held: list[str] = []
    with MemoryLog() as log:
        served = Served(registered, log, models, models.open_store("memory:"), no_checkpoints)
        failed = Checks("http://127.0.0.1:9", [served], {}).run(held.append)
    assert held == []
    assert [re.sub(": [^:]*$", "", each) for each in failed] == [
        *(f"page {path}" for path in checking.PAGES),
        "the reference",
        "the flow between systems",
        "samples.parking: commands come, and read models follow",
        "samples.parking: a query has rows",
        "samples.parking: a stream delivers",
    ]


def no_checkpoints(*_: Any) -> Any:
    raise AssertionError("nobody asks for them")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("exchange", "--headless"), "are for the demo of all systems"),
        (("exchange", "--port", "0"), "are for the demo of all systems"),
        (("--commands", "5"), "are for the demo of one system"),
        (("--json",), "are for the demo of one system"),
        (("--log", "kafka://localhost:9092"), "is for a log in a folder"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = cli("demo", *arguments)
    assert (ended.exit_code, what in ended.stderr) == (2, True), ended


def test_a_log_that_is_there_is_left_alone(cli: Cli) -> None:
    assert cli("append", "parking", stdin="").exit_code == 0
    ended = cli("demo", "--log", ".refold", "--headless")
    assert ended.exit_code == 2
    assert "holds a log already" in ended.stderr


def started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if "REFOLD" not in name}
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.cli.main", "demo", "--port", "0", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_headless_looks_at_everything_and_ends(cli: Cli) -> None:
    """Given a system of the user's own in refold.toml, it joins the others."""
    with started(cli.folder, "--headless") as process:
        told, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, told
    assert len(re.findall(r"^  [1-5]\. http://127\.0\.0\.1:[0-9]+/", told, re.MULTILINE)) == 5
    names = [*(each.system.name for each in Registry()), PARKING.name]
    for name in names:
        assert f"ok    {name}: commands come, and read models follow" in told
        assert f"ok    {name}: a query has rows" in told
        assert f"ok    {name}: a stream delivers" in told
    assert "ok    media.uploads: an upload becomes a file" in told
    assert "ok    page /stays" in told and "ok    the reference" in told


def test_ctrl_c_ends_it(cli: Cli) -> None:
    with started(cli.folder) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "Ctrl-C ends it" in line:
                break
        address = re.search(r"refold is at (http://\S+)", told)
        assert address, told
        _until(lambda: httpx.get(f"{address[1]}/api", timeout=DEADLINE_S).status_code == 200)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(DEADLINE_S) == 0, rest
        assert "Traceback" not in rest


def test_the_number_of_commands_is_the_systems_own() -> None:
    few = dataclasses.replace(PARKING, demo_commands=2_000)
    assert 80 <= len(list(Stream(few, NOW_MS).past())) <= 120
