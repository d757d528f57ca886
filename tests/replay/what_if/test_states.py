"""The states of two sides are compared by the names of their fields, as `replay diff` does."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from log.backends.memory import MemoryLog
from processors.core.registry import Registry
from replay.differences import FieldDifference, compare_rows, compare_states
from replay.events import RecordedEvents
from replay.state import begin_fold, fold_until
from replay.what_if import read_state
from replay.what_if.runner import write_state
from tests.replay.played import play_demo


@pytest.mark.parametrize("name", ["exchange", "clearing", "stays", "feed", "uploads"])
def test_fields_have_their_names(name: str, tmp_path: Path) -> None:
    log = MemoryLog()
    play_demo(log, name, 300)
    system = Registry().find(name).system
    state_format = system.decider.state_format
    found = 0
    for number in range(log.topics()[system.events_topic].partitions):
        last = log.partition(system.commands_topic, number).high_watermark - 1
        events = RecordedEvents(log, system, number)
        states, written = [], []
        for place in (last // 2, last):
            fold = begin_fold(events, system, place, None)
            fold_until(events, fold, place)
            states.append(fold.state)
            write_state(system, fold.state, tmp_path / "state.jsonl")
            written.append(read_state((tmp_path / "state.jsonl").read_bytes()))
        as_diff = compare_states(state_format, *states)
        by_name = compare_rows(*written)
        assert fields(by_name) == fields(as_diff)
        found += len(by_name)
    assert found > 20


def fields(differences: Iterable[FieldDifference]) -> set[str]:
    """Rows with their fields. (What differs within a field may be told otherwise: values that are
    as by default are left out here, so that a field more makes no row differ.)"""
    return {re.sub(r"\[[^]]*\]$", "", ".".join(e.path.split(".")[:2])) for e in differences}
