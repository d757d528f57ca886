"""The feed on a real log, with a worker that runs its tasks and its reactor."""

from itertools import islice
from pathlib import Path

from log.backends.file import FileLog
from log.record import Record
from processors.core.testing.subject import json_config
from processors.core.workers.embedded import Worker
from processors.social.feed import SYSTEM
from processors.social.feed.flow import demo_flow
from tests.processors.social.feed.network import Network, assert_agreed

COMMANDS = 1_500


def test_all_agree_after_a_run_whatever_was_on_its_way(tmp_path: Path) -> None:
    """All people act before the first news arrives: many of them do what they would not have."""
    encode = SYSTEM.command_codec(json_config(SYSTEM)).encode
    found = Network(SYSTEM.partitions)
    with FileLog(tmp_path) as log:
        SYSTEM.ensure_topics(log)
        records: dict[int, list[Record]] = {number: [] for number in range(SYSTEM.partitions)}
        for at, command in islice(demo_flow(6), COMMANDS):
            key, partitions = SYSTEM.placed(command, SYSTEM.partitions)
            for number in partitions:
                records[number].append(Record(encode(command), key, at))
        for number, some in records.items():
            log.partition(SYSTEM.commands_topic, number).append(some)
        with Worker(log, [SYSTEM], clock=lambda: 0) as worker:
            worker.run(until_idle=True)
            for task in worker.tasks:
                found.states[task.number] = task.fold.state
        ends = [log.partition(SYSTEM.commands_topic, number).log_end for number in records]
    assert sum(ends) > COMMANDS + 500, "the reactor has appended commands"
    assert_agreed(found)
