"""`refold run --simulated`: effects play the outside, as they do in a demo."""

from itertools import islice

import pytest

from log.backends import wall_clock_ms
from log.backends.file import FileLog
from processors.booking.stays import SYSTEM
from processors.core.appender import Appender
from replay.simulator.checks import PartitionWatch
from replay.simulator.real import AHEAD_MS
from tests.gateway.cli.conftest import Cli


@pytest.mark.parametrize("processes", ["1", "2"])
def test_requests_to_the_outside_are_answered(cli: Cli, processes: str) -> None:
    with FileLog(cli.log) as log:
        # of an hour from now on, so that no timer is due meanwhile
        appender = Appender(log, SYSTEM)
        flow = SYSTEM.demo_flow
        assert flow is not None
        for at, command in islice(flow(1, start_ms=wall_clock_ms() + AHEAD_MS), 300):
            appender.add(command, at)
        appender.flush()
    ended = cli.run(
        *("run", "stays", "--simulated", "--until-idle", "--no-projections"),
        *("--processes", processes),
    )
    assert ended.exit_code == 0, ended
    asked = 0
    with FileLog(cli.log) as log:
        for number in range(SYSTEM.partitions):
            watch = PartitionWatch(SYSTEM, number, log)
            watch.look(log)
            assert watch.missing(wall_ms=0) is None
            asked += len(watch.to_perform)
    assert asked > 5
