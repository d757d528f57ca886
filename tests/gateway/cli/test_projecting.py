"""Read models are brought up to date by whoever needs them, unless others are at it."""

import threading
import time

import pytest

from gateway.cli import projecting
from gateway.cli.context import Context, load_context
from gateway.cli.projecting import (
    Moved,
    bring_up_to_date,
    commands_waiting,
    opened_store,
    progress_of,
)
from log.backends.file import FileLog
from log.record import Record
from projections.core.worker import Worker
from tests.gateway.cli.conftest import Cli
from tests.samples.parking import SYSTEM

FLOW = "".join(
    f'{{"type":"park_car.v1","spot":"spot-{number}","car":"x","stay_ms":1000,"at":1}}\n'
    for number in range(40)
)
ALL_EVENTS = 82
"""Of the flow: cars parked, stays ended by the clock, and rules adopted on two partitions."""


@pytest.fixture
def decided(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Events on the log, and no read model yet."""
    monkeypatch.setenv("REFOLD_SESSION_TIMEOUT_S", "0.5")
    assert cli("append", "parking", stdin=FLOW).exit_code == 0
    assert cli("run", "parking", "--until-idle", "--no-projections").exit_code == 0
    return load_context()


def test_where_nobody_else_does_it_is_done_here(decided: Context) -> None:
    registered = decided.find("parking")
    with decided.open_log() as log, opened_store(decided.config, registered) as (_, store):
        assert progress_of(log, store) == Moved(0, ALL_EVENTS)
        assert bring_up_to_date(decided.config, log, store) == ALL_EVENTS
        assert progress_of(log, store) == Moved(ALL_EVENTS, ALL_EVENTS)
        assert bring_up_to_date(decided.config, log, store) == 0
        assert store.members() == []


def test_who_finds_others_at_it_waits_for_them(decided: Context) -> None:
    registered = decided.find("parking")
    with decided.open_log() as log, opened_store(decided.config, registered) as (_, store):
        Worker(log, store)  # has made the tables
        other = store.join(2, lease_s=10.0)
        applied: list[int] = []
        waiting = threading.Thread(
            target=lambda: applied.append(bring_up_to_date(decided.config, log, store))
        )
        waiting.start()
        time.sleep(3 * projecting.LOOK_AGAIN_S)
        assert waiting.is_alive()
        other.leave()
        waiting.join()
        assert (applied, progress_of(log, store)) == ([ALL_EVENTS], Moved(ALL_EVENTS, ALL_EVENTS))


def test_others_that_get_nowhere_are_not_waited_for(
    decided: Context, capfd: pytest.CaptureFixture[str]
) -> None:
    registered = decided.find("parking")
    with decided.open_log() as log, opened_store(decided.config, registered) as (_, store):
        other = store.join(2, lease_s=10.0)
        (name,) = store.members()
        assert bring_up_to_date(decided.config, log, store) == 0
        other.leave()
    assert f"read models of samples.parking stand still; they are moved by {name}" in (
        capfd.readouterr().err
    )


def test_an_event_that_is_told_again_is_not_the_last(history: Cli) -> None:
    """As a worker without a fence may tell it."""
    with FileLog(history.log) as log:
        assert commands_waiting(log, SYSTEM) == 0
        events = log.partition(SYSTEM.events_topic, 0)
        first = next(iter(events.read(0)[0]))
        events.append([Record(first.value, first.key, first.timestamp)])
        assert commands_waiting(log, SYSTEM) == 0
