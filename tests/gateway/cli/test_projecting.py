"""One process at a time moves read models; what fails is named, and holds up nothing else."""

import dataclasses
import threading
import time

import pytest

from gateway.cli import projecting, run
from gateway.cli.context import Context, load_context
from gateway.cli.projecting import Moved, MoverLock, bring_up_to_date, opened_store, progress_of
from projections.core.projection import Events
from projections.core.read_models import ReadModels, read_models
from projections.core.rows import Tables
from projections.core.worker import Worker
from tests.gateway.cli.conftest import Cli, until

FLOW = "".join(
    f'{{"type":"park_car.v1","spot":"spot-{number}","car":"x","stay_ms":1000,"at":1}}\n'
    for number in range(40)
)


@pytest.fixture
def decided(cli: Cli) -> Context:
    """Events on the log, and no read model yet."""
    assert cli("append", "parking", stdin=FLOW).exit_code == 0
    assert cli("run", "parking", "--until-idle", "--no-projections").exit_code == 0
    return load_context()


def test_the_lock_is_given_to_one(decided: Context) -> None:
    system = decided.find("parking").system
    first, second = MoverLock(decided.config, system), MoverLock(decided.config, system)
    assert (first.take(), first.take(), second.take()) == (True, True, False)
    first.close()
    assert second.take()
    second.close()


def test_who_finds_it_taken_waits_for_what_the_holder_does(decided: Context) -> None:
    registered = decided.find("parking")
    lock = MoverLock(decided.config, registered.system)
    with decided.open_log() as log, opened_store(decided.config, registered) as (_, store):
        assert progress_of(log, store).done == 0
        assert lock.take()
        applied: list[int] = []
        waiting = threading.Thread(
            target=lambda: applied.append(bring_up_to_date(decided.config, log, store))
        )
        waiting.start()
        time.sleep(3 * projecting.LOOK_AGAIN_S)
        assert waiting.is_alive()
        Worker(log, store).catch_up()
        waiting.join()
        total = progress_of(log, store).total
        assert (applied, progress_of(log, store)) == ([total], Moved(total, total))
    lock.close()


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
        thread = threading.Thread(target=run.follow, args=(decided.config, log, registered, stop))
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
