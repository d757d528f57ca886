"""Read models follow the log; what fails is named, and holds up nothing else."""

import dataclasses
import threading
import time

import msgspec
import pytest
import sqlalchemy as sql

from gateway.cli import following, projecting
from gateway.cli.context import Context
from gateway.cli.projecting import Moved, opened_store, progress_of
from log.record import Record
from processors.core.workers.embedded import Worker as DecidingWorker
from projections.core.projection import Events
from projections.core.read_models import ReadModels, read_models
from projections.core.rows import Tables
from tests.gateway.cli.conftest import until
from tests.gateway.cli.test_projecting import ALL_EVENTS, decided
from tests.samples.parking.commands import ParkCar

__all__ = ["decided"]


def test_a_read_model_that_fails_is_named_and_the_others_go_on(
    decided: Context, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    registered = decided.find("parking")
    models = read_models(registered)
    name, *others = models.projections
    assert others

    def fail(tables: Tables, events: Events) -> None:
        raise ZeroDivisionError("one over nothing")

    broken = dataclasses.replace(models.projections[name], fold=fail)
    changed = ReadModels(models.system, {**models.projections, name: broken}, models.queries)
    monkeypatch.setattr(projecting, "read_models", lambda registered: changed)
    stop = threading.Event()
    with decided.open_log() as log, opened_store(decided.config, registered) as (_, store):
        thread = threading.Thread(
            target=following.follow, args=(decided.config, log, registered, stop)
        )
        thread.start()

        def others_are_there() -> bool:
            statuses = [store.status(changed.projections[other]) for other in others]
            return all(
                status is not None and sum(m.next_sequence for m in status.watermarks.values())
                for status in statuses
            )

        until(others_are_there)
        told = ""
        deadline_s = time.monotonic() + 30
        while "one over nothing" not in told and time.monotonic() < deadline_s:
            told += capfd.readouterr().err
            time.sleep(0.01)
        stop.set()
        thread.join()
    assert f"error: read model {name} of samples.parking: " in told
    assert "one over nothing" in told


def test_a_database_that_goes_away_is_waited_for(
    decided: Context,
    postgresql_url: str,
    postgresql_database: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = sql.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    name = sql.make_url(postgresql_database).database
    monkeypatch.setattr(following, "TRY_AGAIN_S", 0.05)
    config = msgspec.structs.replace(decided.config, projections_url=postgresql_database)
    registered, stop = decided.find("parking"), threading.Event()
    with (
        server.connect() as admin,
        decided.open_log() as log,
        opened_store(config, registered) as (_, store),
    ):
        thread = threading.Thread(target=following.follow, args=(config, log, registered, stop))
        thread.start()
        until(lambda: progress_of(log, store) == Moved(ALL_EVENTS, ALL_EVENTS))
        store.close()
        admin.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.exec_driver_sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        told = ""
        deadline_s = time.monotonic() + 30
        while "wait for what is away" not in told and time.monotonic() < deadline_s:
            told += capfd.readouterr().err
            time.sleep(0.01)
        admin.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        codec = registered.system.command_codec(log.topics()[registered.system.commands_topic])
        parked = codec.encode(ParkCar(spot="spot-1", car="y", stay_ms=10**12))
        log.partition(registered.system.commands_topic, 0).append([Record(parked, b"spot-1")])
        with DecidingWorker(log, [registered.system]) as worker:
            worker.run(until_idle=True)
        until(lambda: progress_of(log, store) == Moved(ALL_EVENTS + 1, ALL_EVENTS + 1))
        stop.set()
        thread.join()
    server.dispose()
    assert told.count("wait for what is away") == 1
    assert "error" not in told + capfd.readouterr().err
