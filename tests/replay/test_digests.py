"""Digests of a history: what they are of, that those kept event by event are those of all parts,
and the file that they go to."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record
from processors.core.decider import decode_state, digest, encode_state, sum_of_parts
from processors.core.registry import Registry
from processors.core.system import System
from processors.core.testing.subject import decide_all, flow_records, memory_log
from replay.digests import (
    DigestLine,
    InvalidDigests,
    RunningStateDigest,
    digests_of,
    header_of,
    read_digests,
    state_format_of,
    write_digests,
)
from replay.histories import DecidedHistory, History, RecordedHistory, text_of_sum
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import SYSTEM, flow
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.decider import decide

ALL_ROWS = replace(
    PARKING,
    decider=replace(
        PARKING.decider, state_format=replace(PARKING.decider.state_format, parts=None)
    ),
)
"""The garage, if it declared no parts."""
BY_PARTS = [
    each.system for each in Registry() if each.system.decider.state_format.parts is not None
]


def lines_of(
    history: History, every: int = 50, *, since: int = 0, until: int | None = None
) -> list[DigestLine]:
    return list(digests_of(history, every, since=since, until=until))


def garage(log: Log, system: System = PARKING, count: int = 230) -> Log:
    append(log, *islice(flow(1), count // 2), UNREADABLE, *islice(flow(2), count // 2))
    run(log, system)
    return log


def test_several_systems_declare_parts() -> None:
    assert {"media.photos", "media.uploads", "social.feed"} <= {one.name for one in BY_PARTS}


@pytest.mark.parametrize("system", [*BY_PARTS, SYSTEM], ids=lambda system: system.name)
def test_kept_event_by_event_it_is_that_of_all_parts(system: System) -> None:
    """After each command; and it changes if, and only if, a row of the state does: so the parts
    are all of the state, and nothing else."""
    one = replace(system, partitions=1, value_format="json")
    log = memory_log(one, flow_records(one, 5, 700))
    decide_all(log, one)
    state_format = one.decider.state_format
    assert state_format.parts is not None
    history = DecidedHistory(log, one, 0)
    running = RunningStateDigest(history)
    assert running.is_incremental
    before, changes = ("", ""), 0
    for offset in range(history.commands_end):
        history.advance(offset)
        state = history.fold.state
        now = digest(state_format, state), running.hexdigest()
        assert now[1] == text_of_sum(sum_of_parts(state_format.parts, state)), offset
        assert (now[0] == before[0]) == (now[1] == before[1]), offset
        changes += now != before
        before = now
    assert changes > 50
    again = decode_state(state_format, list(encode_state(state_format, state)))
    assert now[1] == text_of_sum(sum_of_parts(state_format.parts, again))
    folded = RecordedHistory(log, one, 0)
    running = RunningStateDigest(folded)
    folded.advance(folded.commands_end)
    assert running.hexdigest() == now[1]


def test_parts_in_another_order_have_the_same_sum() -> None:
    parts = PARKING.decider.state_format.parts
    assert parts is not None
    log = MemoryLog()
    state = run_state(log)
    keys = list(parts.keys(state))
    assert len(keys) > 2
    assert sum_of_parts(parts, state, keys[::-1]) == sum_of_parts(parts, state)
    assert sum_of_parts(parts, state, keys[1:]) != sum_of_parts(parts, state)


def run_state(log: Log) -> object:
    append(log, *islice(flow(1), 40))
    return run(log).fold.state


def test_folded_and_decided_again_have_the_same_digests(log: Log) -> None:
    garage(log)
    folded = lines_of(RecordedHistory(log, PARKING, 0))
    assert [line.command_offset for line in folded] == [49, 99, 149, 199, 230]
    assert len({line.events for line in folded}) == 5
    assert lines_of(DecidedHistory(log, PARKING, 0)) == folded


@pytest.mark.parametrize("system", [PARKING, ALL_ROWS], ids=["by parts", "all rows"])
def test_the_grain_changes_no_digest(log: Log, system: System) -> None:
    garage(log)
    coarse = {line.command_offset: line for line in lines_of(RecordedHistory(log, system, 0), 50)}
    fine = {line.command_offset: line for line in lines_of(RecordedHistory(log, system, 0), 1)}
    assert len(fine) == 231
    for offset, line in coarse.items():
        assert (line.events, line.state, line.at) == (
            fine[offset].events,
            fine[offset].state,
            fine[offset].at,
        )
    some = lines_of(RecordedHistory(log, system, 0), 1, since=60, until=70)
    assert [line.command_offset for line in some] == list(range(60, 71))
    assert [line.events for line in some] == [fine[at].events for at in range(60, 71)]


def test_a_difference_stays_in_the_events_and_may_leave_the_state(log: Log) -> None:
    """Command 3 parks another car; by the end all those stays are over."""
    garage(log)
    other = MemoryLog()
    commands = list(islice(flow(1), 115))
    changed = commands[0][1]
    assert isinstance(changed, ParkCar)
    commands[0] = commands[0][0], ParkCar(spot=changed.spot, car="other", stay_ms=1000)
    append(other, *commands, UNREADABLE, *islice(flow(2), 115))
    run(other)
    ones = lines_of(RecordedHistory(log, PARKING, 0))
    others = lines_of(RecordedHistory(other, PARKING, 0))
    assert all(a.events != b.events for a, b in zip(ones, others, strict=True))
    assert ones[-1].state == others[-1].state


def test_adopting_rules_makes_no_difference(log: Log) -> None:
    """Law 10: it takes a sequence, and all that follow are others."""
    second = with_rules(2, decide)
    other = MemoryLog()
    for number in range(4):
        some = list(islice(flow(1), number * 25, number * 25 + 25))
        append(log, *some)
        append(other, *some)
        run(log)
        run(other, second if number % 2 else PARKING)
    ones, others = (lines_of(RecordedHistory(each, PARKING, 0), 10) for each in (log, other))
    assert ones == others


def test_events_told_again_make_no_difference() -> None:
    log, doubled = MemoryLog(), MemoryLog()
    for each in (log, doubled):
        append(each, *islice(flow(1), 40))
    run(log, max_bytes=1)
    batches = log.partition(SYSTEM.events_topic, 0).read(0)
    for batch in (batches[0], *batches, *batches[-2:]):
        again = [Record(r.value, r.key, r.timestamp) for r in batch]
        doubled.partition(SYSTEM.events_topic, 0).append(again)
    assert lines_of(RecordedHistory(log, PARKING, 0), 7) == lines_of(
        RecordedHistory(doubled, PARKING, 0), 7
    )


def test_msgpack_values(log: Log) -> None:
    packed = replace(PARKING, value_format="msgpack")
    packed.ensure_topics(log)
    codec = packed.command_codec(log.topics()[packed.commands_topic])
    log.partition(packed.commands_topic, 0).append(
        [Record(codec.encode(command), b"x", at) for at, command in islice(flow(1), 60)]
    )
    run(log, packed)
    folded = lines_of(RecordedHistory(log, packed, 0), 20)
    assert lines_of(DecidedHistory(log, packed, 0), 20) == folded
    assert [line.command_offset for line in folded] == [19, 39, 59]


def test_a_place_is_kept_and_gone_back_to(log: Log) -> None:
    garage(log)
    for kind in (RecordedHistory, DecidedHistory):
        history = kind(log, PARKING, 0)
        history.advance(99)
        kept = history.keep()
        ends = []
        for _ in range(3):
            history.advance(230)
            ends.append((history.events_digest.hexdigest(), history.state_digest()))
            history.go_back(kept)
            assert history.fold.last_cause == 99
        assert len(set(ends)) == 1


def test_what_is_not_decided_has_no_line(log: Log) -> None:
    append(log, *islice(flow(1), 70))
    run(log, steps=2, max_bytes=1)
    lines = lines_of(RecordedHistory(log, PARKING, 0), 10)
    assert [line.command_offset for line in lines] == [9, 13]


def test_a_file_comes_back_as_it_was(log: Log, tmp_path: Path) -> None:
    garage(log)
    lines = lines_of(RecordedHistory(log, PARKING, 0))
    header = header_of(PARKING, [0], log="here", decided=False, every_commands=50)
    path = tmp_path / "digests.jsonl"
    assert write_digests(path, header, lines) == 5
    found = read_digests(path)
    assert (found.header, found.lines) == (header, {0: lines})
    first = msgspec.json.decode(path.read_bytes().splitlines()[0])
    assert (first["format"], first["system"]) == ("refold.digests.v1", "samples.parking")
    assert first["incremental"] is True
    assert (
        header_of(ALL_ROWS, [0], log="here", decided=False, every_commands=50).incremental is False
    )
    assert state_format_of(ALL_ROWS) != state_format_of(PARKING)
    assert state_format_of(with_rules(7, decide)) == state_format_of(PARKING)


def test_a_file_is_there_whole_or_not_at_all(log: Log, tmp_path: Path) -> None:
    garage(log)
    header = header_of(PARKING, [0], log="here", decided=False, every_commands=50)

    def broken() -> object:
        yield from lines_of(RecordedHistory(log, PARKING, 0))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_digests(tmp_path / "digests.jsonl", header, broken())  # type: ignore[arg-type]
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "line 1: Input data was truncated"),
        (b"no json\n", "line 1: JSON is malformed"),
        (b'{"format":"refold.digests.v9"}\n', "line 1: Invalid value 'refold.digests.v9'"),
        (b"HEADER\n{}\n", "line 2: Object missing required field"),
        (b"HEADER\nLINE\nLINE\n", "line 3: it does not follow the one before"),
        (b"HEADER\nELSEWHERE\n", "line 2: it does not follow the one before"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, content: bytes, what: str) -> None:
    header = header_of(PARKING, [0], log="here", decided=False, every_commands=50)
    line = DigestLine(partition=0, command_offset=4, at=0, events="a", state="b", states="c")
    elsewhere = msgspec.structs.replace(line, partition=1)
    path = tmp_path / "digests.jsonl"
    for name, value in (("HEADER", header), ("LINE", line), ("ELSEWHERE", elsewhere)):
        content = content.replace(name.encode(), msgspec.json.encode(value))
    path.write_bytes(content)
    with pytest.raises(InvalidDigests, match=what):
        read_digests(path)
