"""The suite over every registered system, and a sample: what must hold whatever the rules are.

To record the golden histories again: `python -m processors.core.testing golden PACKAGE FOLDER`.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.file.doctor import examine
from processors.core.decider import digest
from processors.core.registry import Registry
from processors.core.snapshots import open_snapshots
from processors.core.testing import CHECKS, Check, Subject
from processors.core.testing.subject import assert_same, flow_records, told
from processors.core.workers.embedded import Worker
from projections.core.testing import check_read_models
from replay.doctor import examine_system
from replay.portable_folder import export_folder, import_folder
from replay.state import state_at
from replay.verify import verify

GOLDEN = Path(__file__).parent / "golden"


def subject(package: str, name: str, *expected_errors: str) -> Subject:
    return Subject(package, GOLDEN / name.replace(".", "/"), expected_errors)


SUBJECTS = [subject(registered.package, registered.system.name) for registered in Registry()]
SUBJECTS.append(subject("tests.samples.parking", "samples.parking", "a stay cannot be negative"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_system(subject: Subject, check: Check) -> None:
    check(subject)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_read_models(subject: Subject) -> None:
    check_read_models(subject.package)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_replay(subject: Subject, tmp_path: Path) -> None:
    """A history on a file log, in two runs with a snapshot between, verifies; the doctor finds
    nothing; the folded state is the task's; and a copy of it is the same."""
    system = replace(subject.system, reactors=(), effects=())  # the flow holds what comes back
    commands = list(flow_records(system, seed=11, count=1000))
    snapshots = tmp_path / "log" / "snapshots"
    with FileLog(tmp_path / "log") as log, FileLog(tmp_path / "copy") as copy:
        system.ensure_topics(log)
        for half in (commands[:500], commands[500:]):
            for number in range(system.partitions):
                mine = [record for partition, record in half if partition == number]
                log.partition(system.commands_topic, number).append(mine)
            with Worker(log, [system], snapshots=snapshots, clock=lambda: 0) as worker:
                worker.run(until_idle=True)
                states = {
                    task.number: digest(system.decider.state_format, task.fold.state)
                    for task in worker.tasks
                }
        results = [verify(log, system, number) for number in range(system.partitions)]
        assert [result.difference for result in results] == [None] * len(results)
        assert sum(result.commands_compared for result in results) == len(commands)
        for number, state in states.items():
            for kept in (None, open_snapshots(snapshots, system, number)):
                assert state_at(log, system, number, snapshots=kept).digest == state
        assert list(examine(str(tmp_path / "log"))) == []
        assert list(examine_system(log, system, partial(open_snapshots, snapshots))) == []
        export_folder(log, tmp_path / "export")
        import_folder(copy, tmp_path / "export")
        assert_same(told(copy, system), told(log, system), "after export and import")
