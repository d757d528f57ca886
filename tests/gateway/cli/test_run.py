"""Commands are decided once, by one process a partition; signals and deaths leave all in order."""

import signal
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.file.log import MARKER_NAME
from tests.gateway.cli.conftest import Cli, end, until

EVENTS = "samples.parking.events"
FLOW = "".join(
    f'{{"type":"park_car.v1","spot":"spot-{number}","car":"x","stay_ms":1000,"at":1}}\n'
    for number in range(40)
)
ALL_EVENTS = 2 + 40 + 40
"""Of the flow: rules adopted on two partitions, cars parked, stays ended by the clock."""


def event_count(cli: Cli, topic: str = EVENTS) -> int:
    if not (cli.log / MARKER_NAME).exists():
        return 0
    with FileLog(cli.log) as log:
        config = log.topics().get(topic)
        numbers = range(config.partitions if config else 0)
        return sum(log.partition(topic, number).high_watermark for number in numbers)


def causes(cli: Cli) -> list[tuple[int, int]]:
    """(partition, cause) of every event that a command led to."""
    records = cli("read", EVENTS, "--json").json_lines
    found = [(each["partition"], each["value"].get("cause", -1)) for each in records]
    return [each for each in found if each[1] >= 0]


def decided_of(cli: Cli, *arguments: str) -> int:
    ended = cli("run", "parking", "--until-idle", "--json", *arguments)
    assert ended.exit_code == 0, ended
    (system,) = ended.json["systems"]
    return int(system["decided"])


def test_until_idle_decides_all_once(cli: Cli) -> None:
    assert cli("append", "parking", stdin=FLOW).exit_code == 0
    ended = cli("run", "parking", "--until-idle", "--json")
    (system,) = ended.json["systems"]
    # The stays ran out long ago: each partition's clock appends one tick, which ends them all.
    assert (ended.exit_code, system["decided"], system["waiting"]) == (0, 42, 0)
    assert set(ended.json["latency_ms"]) == {"p50", "p99", "p99.9"}
    assert decided_of(cli) == 0
    ones = [each for each in causes(cli) if causes(cli).count(each) == 1]
    assert len(ones) >= 40


def test_partitions_are_chosen(cli: Cli) -> None:
    cli("append", "parking", stdin=FLOW)
    first = decided_of(cli, "--partitions", "0")
    assert {number for number, _ in causes(cli)} == {0}
    assert first + decided_of(cli, "--partitions", "1, 0") == 42


@pytest.mark.parametrize("text", ["7", "0,x", "-1", ""])
def test_a_partition_that_there_is_not_is_refused(cli: Cli, text: str) -> None:
    ended = cli("run", "parking", "--until-idle", f"--partitions={text}")
    assert (ended.exit_code, "is no partition: they are 0 to 1" in ended.stderr) == (2, True)


def test_several_processes_share_the_partitions(cli: Cli) -> None:
    cli("append", "parking", stdin=FLOW)
    ended = cli.run("run", "parking", "--until-idle", "--processes", "3", "--json")
    assert (ended.exit_code, ended.json["systems"][0]["decided"]) == (0, 42), ended
    assert {number for number, _ in causes(cli)} == {0, 1}


def test_what_cannot_be_decided_is_told(cli: Cli) -> None:
    cli("append", "parking", stdin=FLOW.replace("1000", "-5", 1))
    ended = cli("run", "parking", "--until-idle")
    assert ended.exit_code == 0
    assert "1 commands of samples.parking could not be decided" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_signal_finishes_the_batch_and_takes_snapshots(
    cli: Cli, number: signal.Signals, processes: str
) -> None:
    cli("append", "parking", stdin=FLOW)
    process = cli.start("run", "parking", "--processes", processes)
    until(lambda: event_count(cli) == ALL_EVENTS)
    process.send_signal(number)
    ended = end(process)
    assert ended.exit_code == 0, ended
    assert "Traceback" not in ended.stderr
    taken = {path.parent.name for path in Path(cli.log).glob("snapshots/*/*.snapshot")}
    assert taken == {"samples.parking-0", "samples.parking-1"}
    assert decided_of(cli) == 0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_second_run_on_the_same_partitions_is_refused(cli: Cli, processes: str) -> None:
    cli("append", "parking", stdin=FLOW)
    first = cli.start("run", "parking")
    until(lambda: event_count(cli) >= 40)
    ended = cli.run("run", "parking", "--processes", processes, "--until-idle")
    assert ended.exit_code == 3, ended
    assert f"process {first.pid}" in ended.stderr
    assert "Traceback" not in ended.stderr
    first.send_signal(signal.SIGTERM)
    assert end(first).exit_code == 0


def test_two_runs_share_a_log_by_partitions(cli: Cli) -> None:
    runs = [cli.start("run", "parking", "--partitions", number) for number in "01"]
    cli("append", "parking", stdin=FLOW)
    until(lambda: len({number for number, _ in causes(cli)} if event_count(cli) else ()) == 2)
    until(lambda: len(causes(cli)) >= 40)
    for each in runs:
        each.send_signal(signal.SIGTERM)
    assert [end(each).exit_code for each in runs] == [0, 0]


def test_children_end_with_their_parent_however_that_ends(cli: Cli) -> None:
    cli("append", "parking", stdin=FLOW)
    process = cli.start("run", "parking", "--processes", "2")
    until(lambda: event_count(cli) >= 40)
    process.kill()
    process.wait()
    until(lambda: cli.run("run", "parking", "--until-idle").exit_code == 0)


def test_read_models_follow_and_a_query_sees_them(cli: Cli) -> None:
    process = cli.start("run", "exchange")
    line = '{"type":"list_instrument.v1","instrument":"ACME"}\n'
    assert cli("append", "exchange", stdin=line).exit_code == 0

    def is_listed() -> bool:
        ended = cli("query", "exchange", "instruments", "--as-is", "--json")
        return ended.exit_code == 0 and [row["instrument"] for row in ended.json] == ["ACME"]

    until(is_listed)
    process.send_signal(signal.SIGTERM)
    assert end(process).exit_code == 0


def test_without_projections_no_read_model_is_made(cli: Cli) -> None:
    line = '{"type":"list_instrument.v1","instrument":"ACME"}\n'
    assert cli("append", "exchange", stdin=line).exit_code == 0
    assert cli("run", "exchange", "--until-idle", "--no-projections").exit_code == 0
    assert not (cli.log / "projections").exists()
    assert cli("run", "exchange", "--until-idle").exit_code == 0
    assert (cli.log / "projections" / "markets.exchange.sqlite").exists()


def test_a_disk_that_refuses_is_one_clear_line(cli: Cli) -> None:
    (cli.folder / "file").write_text("")
    ended = cli("run", "parking", "--until-idle", "--log", "file/log")
    assert (ended.exit_code, ended.stderr.count("\n")) == (3, 1), ended
    assert "cannot open the log" in ended.stderr
