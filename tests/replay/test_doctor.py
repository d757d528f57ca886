"""The doctor on histories: healthy ones get no finding; each broken law is told with its place."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.interface import Log
from log.record import Record
from processors.core.messages import NothingChanged, RulesAdopted
from processors.core.snapshots import SnapshotFolder, open_snapshots
from replay.doctor import examine_system
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import SYSTEM, flow
from tests.samples.parking.decider import Garage, decide


def told(log: Log, snapshots: Path | None = None) -> list[tuple[int | None, str]]:
    opened = partial(open_snapshots, snapshots) if snapshots else None
    return [(found.offset, found.what) for found in examine_system(log, PARKING, opened)]


def history(log: Log, commands: int = 100) -> None:
    append(log, *islice(flow(1), commands), UNREADABLE)
    run(log)


def test_a_healthy_history(log: Log, tmp_path: Path) -> None:
    assert told(log) == []
    history(log)
    SnapshotFolder(tmp_path, PARKING, 0).save(run(log).fold)
    append(log, *islice(flow(2), 50))
    run(log, with_rules(2, decide))
    assert told(log) == []
    progress: list[tuple[int, int]] = []
    end = log.partition(SYSTEM.events_topic, 0).log_end
    findings = examine_system(
        log,
        PARKING,
        partial(open_snapshots, tmp_path),
        lambda done, total: progress.append((done, total)),
    )
    assert list(findings) == []
    assert progress[-1] == (end, end)


def test_deleted_by_retention(log: Log) -> None:
    history(log)
    log.partition(SYSTEM.commands_topic, 0).delete_before(60)
    assert told(log) == []
    log.partition(SYSTEM.events_topic, 0).delete_before(55)
    assert told(log) == []


Edit = Callable[[list[Event]], Sequence[Event]]


def rewritten(edit: Edit, commands: int = 20) -> MemoryLog:
    """A history whose events were meddled with."""
    log, other = MemoryLog(), MemoryLog()
    for each in (log, other):
        append(each, *islice(flow(1), commands))
    run(log)
    codec = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic])
    batches = log.partition(SYSTEM.events_topic, 0).read(0)
    events = [codec.decode(r.value or b"") for batch in batches for r in batch]
    records = [Record(codec.encode(event), timestamp=5) for event in edit(events)]
    other.partition(SYSTEM.events_topic, 0).append(records)
    return other


def renumbered(events: Sequence[Event]) -> Sequence[Event]:
    for sequence, event in enumerate(events):
        event.sequence = sequence
    return events


def again(event: Event) -> Event:
    return msgspec.structs.replace(event)


def in_two(events: list[Event]) -> list[Event]:
    events[3].cause_count = 2
    return events


def skipping(events: list[Event]) -> list[Event]:
    return [event for event in events if event.cause not in (4, 5)]


EDITS: list[tuple[Edit, str]] = [
    (lambda events: [*events[:4], *events[5:]], "sequence 5 follows where 4 is due: events are"),
    (lambda events: [*events[:4], events[3], *events[4:]], "sequence 3 was told before, and 4 is"),
    (lambda events: renumbered([*events[:4], again(events[2]), *events[4:]]), "decided again"),
    (lambda events: renumbered(skipping(events)), "from offset 4 to 5 were never decided"),
    (in_two, "only 1 of 2 events are there"),
    (lambda events: in_two(events)[:4], "the partition ends within the events of the command"),
    (
        lambda events: [
            *events,
            NothingChanged(sequence=len(events), cause=20),
        ],
        "of a command at offset 20, and the commands end before offset 20",
    ),
    (
        lambda events: [
            *events,
            RulesAdopted(version=2, sequence=len(events), cause=3),
        ],
        "rules are adopted after command 3, which was not the last",
    ),
    (
        lambda events: [
            *events,
            NothingChanged(sequence=len(events), cause=19, cause_index=3, cause_count=4),
        ],
        "it is event 3 of 4 of the command at offset 19, and does not follow",
    ),
    (lambda events: events[1:], "sequence 1 follows where 0 is due"),
]


@pytest.mark.parametrize(("edit", "what"), EDITS)
def test_a_history_that_breaks_a_law(edit: Edit, what: str) -> None:
    findings = told(rewritten(edit))
    assert findings
    assert what in findings[0][1]
    assert findings[0][0] is not None


def test_an_event_that_cannot_be_read() -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 5))
    run(log)
    log.partition(SYSTEM.events_topic, 0).append([Record(b"{"), Record(None)])
    end = log.partition(SYSTEM.events_topic, 0).log_end
    (first, one), (second, other) = told(log)
    assert (first, second) == (end - 2, end - 1)
    assert one.startswith("the event cannot be read: ")
    assert other.startswith("the event cannot be read: ")


def test_time_that_goes_back() -> None:
    log = rewritten(lambda events: events)
    value = msgspec.json.encode(NothingChanged(sequence=999, cause=20))
    log.partition(SYSTEM.events_topic, 0).append([Record(value, timestamp=4)])
    assert "time goes back from 5 to 4" in told(log)[0][1]


def test_topics_that_do_not_go_together() -> None:
    log = MemoryLog()
    history(log)
    log.delete_topic(SYSTEM.dead_letters_topic)
    assert "have [1, 1, 0] partitions" in told(log)[0][1]


def test_snapshots(tmp_path: Path) -> None:
    log = MemoryLog()
    history(log)
    fold = run(log).fold
    folder = SnapshotFolder(tmp_path, PARKING, 0)
    path = Path(folder.save(fold))
    good = path.read_bytes()
    assert told(log, tmp_path) == []

    path.write_bytes(good[:-3])
    assert "the snapshot is damaged: it is cut" in told(log, tmp_path)[0][1]
    path.write_bytes(b"")
    assert "the snapshot is damaged: " in told(log, tmp_path)[0][1]

    fold.state = Garage({})
    folder.save(fold)
    assert told(log, tmp_path)[0][1] == "the snapshot's state is not what the events fold to"
    fold.at += 1
    folder.save(fold)
    assert "the snapshot says at " in told(log, tmp_path)[0][1]

    for seed, commands in ((1, 10), (2, 200)):
        other = MemoryLog()
        append(other, *islice(flow(seed), commands))
        run(other)
        assert "it is of another log, or events are lost" in told(other, tmp_path)[0][1]

    of_other_rules = with_rules(2, decide)
    findings = list(examine_system(log, of_other_rules, partial(open_snapshots, tmp_path)))
    assert [finding.is_note for finding in findings] == [True]

    in_the_way = tmp_path / "file"
    in_the_way.touch()
    assert "they cannot be read: " in told(log, in_the_way)[0][1]
