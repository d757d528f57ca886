"""Golden histories out of a log: what they hold, and how a change of the rules shows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from processors.core.registry import Registry
from processors.core.testing import Subject
from processors.core.testing.golden import check_golden_history
from processors.core.testing.subject import decide_all, flow_records, memory_log, told
from replay.golden import (
    InvalidGolden,
    check_golden,
    golden_folder,
    record_golden,
    system_of,
    update_golden,
)
from replay.state import At
from replay.stretch import Chosen, NothingChosen
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import SYSTEM, flow
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.decider import Garage, decide
from tests.samples.parking.events import CarRefused

GOLDEN = Path(__file__).parents[1] / "golden"
REGISTRY = Registry(["tests.samples.parking"])


def banned(garage: Garage, command: object, at: int) -> Sequence[Event]:
    if isinstance(command, ParkCar) and command.car == "car-7":
        return [CarRefused(spot=command.spot, reason="car-7 is banned")]
    return decide(garage, command, at)  # type: ignore[arg-type]


def history(system: str, count: int = 300) -> tuple[MemoryLog, str]:
    found = REGISTRY.find(system).system
    log = memory_log(found, flow_records(found, 5, count))
    decide_all(log, found)
    return log, found.name


@pytest.mark.parametrize("name", ["markets.exchange", "booking.stays", "samples.parking"])
def test_a_whole_history_is_what_was_recorded(name: str, tmp_path: Path) -> None:
    log, _ = history(name)
    system = REGISTRY.find(name).system
    done = record_golden(log, system, tmp_path, Chosen())
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    recorded = told(log, system)
    assert done.events == len(events) == sum(map(len, recorded))
    for number, partition in enumerate(recorded):
        golden = [event["value"] for event in events if event["partition"] == number]
        assert golden == [json.loads(value or b"") for _, _, value in partition]
    lines = (tmp_path / "commands.jsonl").read_text().splitlines()
    times = [json.loads(line)["timestamp"] for line in lines]
    assert times == sorted(times)
    assert check_golden(tmp_path, system).diff == []
    # The suite that every system passes reads the same files.
    check_golden_history(Subject(REGISTRY.find(name).package, tmp_path))


@pytest.mark.parametrize("folder", ["markets/exchange", "booking/stays", "samples/parking"])
def test_the_golden_histories_of_the_suite_are_checked(folder: str) -> None:
    system = system_of(GOLDEN / folder, REGISTRY)
    assert system.name == folder.replace("/", ".")
    checked = check_golden(GOLDEN / folder, system)
    assert (checked.diff, checked.commands >= 200) == ([], True)


def test_some_commands_are_decided_from_nothing(tmp_path: Path) -> None:
    log, _ = history("samples.parking")
    chosen = Chosen(keys=("spot-1", "spot-2"), until=At(command_offset=80))
    done = record_golden(log, SYSTEM, tmp_path / "keys", chosen)
    lines = (tmp_path / "keys" / "commands.jsonl").read_text().splitlines()
    assert done.commands == len(lines) > 10
    assert {json.loads(line)["key"] for line in lines} == {"spot-1", "spot-2"}
    record_golden(log, SYSTEM, tmp_path / "late", Chosen(since=At(command_offset=120)))
    first = json.loads((tmp_path / "late" / "events.jsonl").read_text().splitlines()[1])
    assert (first["value"]["sequence"], first["value"]["type"]) == (1, "car_parked.v1")
    with pytest.raises(NothingChosen, match="no command there has the key spot-99"):
        record_golden(log, SYSTEM, tmp_path / "none", Chosen(keys=("spot-1", "spot-99")))
    assert not (tmp_path / "none").exists()


def test_other_rules_show_as_a_diff(tmp_path: Path) -> None:
    log = MemoryLog()
    append(log, *[command for command, _ in zip(flow(5), range(120), strict=False)])
    record_golden(log, PARKING, tmp_path, Chosen())
    stricter = with_rules(1, banned)
    checked = check_golden(tmp_path / "commands.jsonl", stricter)
    assert checked.diff[:2] == [
        f"--- {tmp_path / 'events.jsonl'}",
        "+++ decided by rules 1",
    ]
    assert any(line.startswith("+") and "car-7 is banned" in line for line in checked.diff)
    assert any(line.startswith("-") and '"car":"car-7"' in line for line in checked.diff)
    update_golden(tmp_path, stricter)
    assert check_golden(tmp_path, stricter).diff == []
    assert check_golden(tmp_path, PARKING).diff != []


def test_any_record_is_kept_to_the_byte(tmp_path: Path) -> None:
    """What is no command leads to a dead letter: now, and from the golden history."""
    log = MemoryLog()
    append(log, *[command for command, _ in zip(flow(5), range(9), strict=False)], UNREADABLE)
    values = [b"\xff", b"null", None, b'{"type":\n1}', b" {} ", b"", b'"text"']
    log.partition(SYSTEM.commands_topic, 0).append(
        [Record(value, key, 5) for value, key in zip(values, [b"\xfe", *[b"x"] * 6], strict=True)]
    )
    run(log)
    record_golden(log, PARKING, tmp_path, Chosen())
    golden = (tmp_path / "events.jsonl").read_bytes().splitlines()
    recorded = told(log, PARKING)[0]
    assert [bytes(json.dumps(json.loads(value or b"")), "utf8") for _, _, value in recorded] == [
        bytes(json.dumps(json.loads(line)["value"]), "utf8") for line in golden
    ]
    assert sum(b"command_dead_lettered" in line for line in golden) == 1 + len(values)
    assert check_golden(tmp_path, PARKING).diff == []


def test_msgpack_is_kept_as_text(tmp_path: Path) -> None:
    packed = replace(PARKING, value_format="msgpack")
    log = MemoryLog(clock=lambda: 0)
    packed.ensure_topics(log)
    partition = log.partition(packed.commands_topic, 0)
    codec = packed.command_codec(partition.config)
    for (at, command), _ in zip(flow(5), range(60), strict=False):
        partition.append([Record(codec.encode(command), b"k", at)])
    record_golden(log, packed, tmp_path / "packed", Chosen())
    plain = MemoryLog()
    append(plain, *[command for command, _ in zip(flow(5), range(60), strict=False)])
    record_golden(plain, PARKING, tmp_path / "plain", Chosen())
    one, other = ((tmp_path / each / "events.jsonl").read_text() for each in ("packed", "plain"))
    assert one.replace('"key":"k"', '"key":"x"') == other


def test_more_partitions_than_the_system_declares(tmp_path: Path) -> None:
    wide = replace(SYSTEM, partitions=5)
    log = memory_log(wide, flow_records(wide, 5, 100))
    decide_all(log, wide)
    record_golden(log, wide, tmp_path, Chosen())
    checked = check_golden(tmp_path, SYSTEM)
    assert (checked.diff, checked.events) == ([], sum(map(len, told(log, wide))))


def test_whose_history_it_is(tmp_path: Path) -> None:
    log, _ = history("samples.parking", 30)
    record_golden(log, SYSTEM, tmp_path / "bug-12", Chosen())
    assert system_of(tmp_path / "bug-12" / "events.jsonl", REGISTRY).name == "samples.parking"
    record_golden(log, SYSTEM, tmp_path / "markets/exchange/case-1", Chosen())
    assert system_of(tmp_path / "markets/exchange/case-1", REGISTRY).name == "markets.exchange"
    (tmp_path / "bug-12" / "commands.jsonl").write_text(
        '{"partition":0,"timestamp":1,"key":null,"value":{"type":"no_such.v1"}}\n'
    )
    with pytest.raises(InvalidGolden, match=r"know its commands: none\): name the system"):
        system_of(tmp_path / "bug-12", REGISTRY)


def test_what_is_no_golden_history(tmp_path: Path) -> None:
    with pytest.raises(InvalidGolden, match=r"it has no commands\.jsonl"):
        golden_folder(tmp_path)
    log, _ = history("samples.parking", 30)
    record_golden(log, SYSTEM, tmp_path / "one", Chosen())
    with pytest.raises(FileExistsError, match="holds a golden history already"):
        record_golden(log, SYSTEM, tmp_path / "one", Chosen())
    with (tmp_path / "one" / "commands.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(InvalidGolden, match=r"commands\.jsonl:31: this is no command"):
        check_golden(tmp_path / "one", SYSTEM)
