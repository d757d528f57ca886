"""The whole laboratory on a real broker: each question, asked of a cluster's log, has the answer
that a recording of it in a folder gives; and nobody on the cluster notices.

A worker of the group lives all the while. Before and after each question, groups, their members
and committed offsets, topics and their configurations and ends are compared; at the end, the
transactional ids, and that the worker still writes under its epochs.
"""

import json
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

import pytest
from confluent_kafka.admin import AdminClient

from gateway.cli.output import time_text
from log.backends.file import FileLog
from log.backends.kafka import KafkaLog
from log.backends.kafka.raw_batches import Connection, client_options
from log.record import HEADER, HEADER_SIZE
from processors.markets.exchange import SYSTEM
from replay.state import END, At, state_at
from replay.stepping import Stepper
from tests.gateway.cli import conftest
from tests.gateway.cli.conftest import Cli, Ended, end, until
from tests.integration.kafka_tools import KafkaTools

COMMANDS = 2500
GROUP = "refold"
TRANSACTIONS = "org.apache.kafka.tools.TransactionsCommand"
SETTLED_S = 1.0
ACCOUNTS = ("account_id", *(f"{who}_account_id" for who in ("buy", "maker", "sell", "taker")))

cli = conftest.cli


@dataclass
class Laboratory:
    """A cluster's log with a worker that lives, and a recording of it."""

    url: str
    recording: str
    log: KafkaLog
    worker: subprocess.Popen[str]
    epochs: dict[int, tuple[int, int]]
    middle: tuple[int, int, str]
    """The partition with the longest history, a command in its middle, and when that was."""

    @property
    def places(self) -> tuple[str, str]:
        return self.url, self.recording


@pytest.fixture(scope="module")
def deployed(kafka_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    prefix = f"laboratory-{uuid.uuid4().hex[:8]}."
    url = f"kafka://{kafka_address}/{prefix.rstrip('.')}"
    folder = tmp_path_factory.mktemp("deployed")
    cli = Cli(folder)
    with KafkaLog({"bootstrap.servers": kafka_address}, prefix=prefix) as log:
        try:
            worker = cli.start("run", "exchange", "--no-projections", "--log", url)
            until(
                lambda: worker.poll() is not None or log.cluster.members(f"{prefix}{GROUP}") == 1
            )
            assert worker.poll() is None, end(worker)
            demo = ("demo", "exchange", "--commands", str(COMMANDS), "--json", "--log", url)
            told = cli.run(*demo)
            assert "decided by the group 'refold', members: 1" in told.stderr
            assert told.json["same"] is True
            before = settle(log, kafka_address)
            recorded = cli.run(
                "record", "--from", url, "--system", "exchange", "--out", "recording"
            )
            assert recorded.exit_code == 0, recorded
            assert traces(log, kafka_address) == before
            recording = str(folder / "recording")
            epochs = epochs_of(kafka_address, log)
            yield Laboratory(url, recording, log, worker, epochs, middle_of(recording))
            worker.send_signal(signal.SIGTERM)
            ended = end(worker)
            assert ended.exit_code == 0, ended
            partitions = log.topics()[SYSTEM.events_topic].partitions
            assert ended.stderr.count(": assigned") == partitions, "the group was dealt out again"
            assert "fenced" not in ended.stderr
        finally:
            for process in cli.started:
                if process.poll() is None:
                    process.kill()
                process.communicate()
            for topic in log.cluster.partitions():
                if topic.startswith(prefix):
                    log.cluster.delete_topic(topic)


def traces(log: KafkaLog, address: str) -> dict[str, Any]:
    """What there is of groups and topics of ours on the cluster; others share it."""
    groups = [group for group in log.cluster.groups() if group.startswith(log.prefix)]
    admin = AdminClient({"bootstrap.servers": address})  # answers come while it is there
    described = admin.describe_consumer_groups(groups)
    topics = log.topics()
    return {
        "committed": {group: log.cluster.committed(group) for group in groups},
        "members": {group: members_of(told.result(30)) for group, told in described.items()},
        "topics": {n: c for n, c in log.cluster.partitions().items() if n.startswith(log.prefix)},
        "configurations": topics,
        "ends": {
            (topic, number): (partition.log_start, partition.log_end, partition.high_watermark)
            for topic, config in topics.items()
            for number in range(config.partitions)
            for partition in [log.partition(topic, number)]
        },
    }


def members_of(described: Any) -> list[tuple[str, list[tuple[str, int]]]]:
    """By id, with what each is assigned."""
    return [
        (each.member_id, [(at.topic, at.partition) for at in each.assignment.topic_partitions])
        for each in described.members
    ]


def middle_of(recording: str) -> tuple[int, int, str]:
    with FileLog(recording) as log:
        commands = [log.partition(SYSTEM.commands_topic, n) for n in range(4)]
        longest = max(commands, key=lambda each: each.high_watermark)
        number, offset = longest.number, longest.high_watermark // 2
        at_ms = state_at(log, SYSTEM, number, At(command_offset=offset)).at
    return number, offset, time_text(at_ms)


def settle(log: KafkaLog, address: str) -> dict[str, Any]:
    """What there is once the worker has committed all that it is going to."""
    before: dict[str, Any] = {}
    while (now := traces(log, address)) != before:
        before = now
        time.sleep(SETTLED_S)
    return before


def epochs_of(address: str, log: KafkaLog) -> dict[int, tuple[int, int]]:
    """The producer id and epoch that the last events of each partition were written under."""
    options = client_options({"bootstrap.servers": address})
    assert options is not None
    connection, found = Connection(options), {}
    try:
        for number in range(log.topics()[SYSTEM.events_topic].partitions):
            topic, at = log.prefix + SYSTEM.events_topic, 0
            while at < log.partition(SYSTEM.events_topic, number).log_end:
                data = connection.begin_fetch(topic, number, at).result(30).data
                while len(data) >= HEADER_SIZE:
                    base, length, _, _, _, _, last, _, _, producer, epoch, _, _ = (
                        HEADER.unpack_from(data)
                    )
                    found[number], at = (producer, epoch), base + last + 1
                    data = data[12 + length :]
    finally:
        connection.close()
    return found


@pytest.fixture
def laboratory(deployed: Laboratory, kafka_address: str) -> Iterator[Laboratory]:
    """What there is on the cluster is there after a question as before."""
    before = traces(deployed.log, kafka_address)
    yield deployed
    assert traces(deployed.log, kafka_address) == before
    assert deployed.worker.poll() is None


def both(cli: Cli, laboratory: Laboratory, *arguments: str, exit_code: int = 0) -> Ended:
    """The answer of the cluster's log, which is that of the recording."""
    one, other = (cli(*arguments, "--log", place) for place in laboratory.places)
    assert (one.exit_code, one.stderr) == (exit_code, other.stderr), (one, other)
    assert (one.exit_code, one.stdout) == (other.exit_code, other.stdout)
    return one


def test_verify(cli: Cli, laboratory: Laboratory) -> None:
    told = both(cli, laboratory, "replay", "verify", "exchange", "--processes", "1", "--json").json
    assert told["same"] is True
    assert sum(each["commands_compared"] for each in told["partitions"]) >= COMMANDS
    assert sum(each["commands_pending"] for each in told["partitions"]) == 0
    two = both(cli, laboratory, "replay", "verify", "exchange", "--processes", "2", "--json")
    assert two.json == told
    reports = []
    for place in laboratory.places:
        ended = cli("replay", "verify", "exchange", "--junit", "verify.xml", "--log", place)
        assert ended.exit_code == 0, ended
        reports.append((cli.folder / "verify.xml").read_bytes())
    assert reports[0] == reports[1]
    assert reports[0].count(b"<testcase") == len(told["partitions"])
    assert b"<failure" not in reports[0]


def test_states_and_their_differences(cli: Cli, laboratory: Laboratory) -> None:
    number, offset, moment = laboratory.middle
    partition = ("--partition", str(number))
    state = ("replay", "state", "exchange", "--json")
    at_offset = both(cli, laboratory, *state, "--at", str(offset), *partition).json[0]
    assert at_offset["command_offset"] == offset
    at_time = both(cli, laboratory, *state, "--at", moment).json
    assert len(at_time) == 4
    assert at_time[number]["command_offset"] >= offset
    at_end = both(cli, laboratory, *state).json
    assert at_end[number]["digest"] != at_offset["digest"]
    difference = ("replay", "diff", "exchange", "--at", str(offset - 5), "--and", str(offset))
    told = both(cli, laboratory, *difference, *partition, "--json", exit_code=1).json
    assert told["partitions"][0]["fields"]
    across = ("--other-log", laboratory.recording, "--log", laboratory.url, "--json")
    assert cli("replay", "diff", "exchange", *across).json["same"] is True


def test_checkpoints_lead_to_the_same_states(cli: Cli, laboratory: Laboratory) -> None:
    number, offset, _ = laboratory.middle
    made = [
        cli(
            *("replay", "checkpoint", "exchange", "--every", "100", "--json"),
            *("--into", str(cli.folder / name), "--log", place),
        )
        for name, place in zip(("cluster", "folder"), laboratory.places, strict=True)
    ]
    assert made[0].json == made[1].json
    assert sum(each["made"] for each in made[0].json) > 4
    asked = ("replay", "state", "exchange", "--at", str(offset), "--partition", str(number))
    without = both(cli, laboratory, *asked, "--json").json
    for name, place in zip(("cluster", "folder"), laboratory.places, strict=True):
        kept = ("--checkpoints", str(cli.folder / name), "--json", "--log", place)
        assert cli(*asked, *kept).json == without


def test_the_life_of_an_order(cli: Cli, laboratory: Laboratory) -> None:
    events = cli("read", "exchange.events", "--json", "--log", laboratory.recording).json_lines
    traded = [each["value"] for each in events if each["value"]["type"] == "order_traded.v1"]
    number = traded[len(traded) // 2]["maker_order_id"]
    told = both(cli, laboratory, "replay", "history", f"order_id={number}", "--json").json
    assert told["messages"] >= told["matching"] >= 2
    order = f"maker_order_id={number}"
    drawn = both(cli, laboratory, "replay", "history", order, "--format", "mermaid").stdout
    assert "order_traded" in drawn
    assert "order_traded" in both(cli, laboratory, "replay", "history", order).stdout


def test_read_models_as_they_were(cli: Cli, laboratory: Laboratory) -> None:
    number, offset, moment = laboratory.middle
    query = ("replay", "query", "exchange", "totals", "--json")
    at_time = both(cli, laboratory, *query, "--at", moment).json
    at_end = both(cli, laboratory, *query).json
    assert at_time != at_end
    place = ("--at", str(offset), "--partition", str(number))
    assert both(cli, laboratory, *query, *place).json


def test_statistics(cli: Cli, laboratory: Laboratory) -> None:
    told = both(cli, laboratory, "replay", "rates", "exchange", "--json").json
    assert told["commands"]["count"] >= COMMANDS
    _, _, moment = laboratory.middle
    part = both(cli, laboratory, "replay", "rates", "exchange", "--from", moment, "--json").json
    assert 0 < part["events"]["count"] < told["events"]["count"]
    slowest = ("replay", "slowest", "exchange", "--repeat", "1", "--top", "100000", "--json")
    one, other = (cli(*slowest, "--log", place).json for place in laboratory.places)
    assert one["commands"] == other["commands"] == len(one["slowest"]) == told["commands"]["count"]
    assert measured(one) == measured(other)


def measured(slowest: Any) -> tuple[Any, Any]:
    """Without the times that it took."""
    fields = ("partition", "offset", "type", "key", "events")
    commands = {
        (each["partition"], each["offset"]): [each[name] for name in fields]
        for each in slowest["slowest"]
    }
    return commands, {each["type"]: each["count"] for each in slowest["types"]}


def test_digests_and_bisection(cli: Cli, laboratory: Laboratory) -> None:
    for name, place in zip(("cluster", "folder"), laboratory.places, strict=True):
        out = ("--every", "200", "--out", f"{name}.jsonl")
        assert cli("replay", "digests", "exchange", *out, "--log", place).exit_code == 0
    one, other = (
        (cli.folder / f"{name}.jsonl").read_text().splitlines() for name in ("cluster", "folder")
    )
    assert one[1:] == other[1:]
    assert len(one) > COMMANDS // 200
    system = ("--system", "exchange", "--json")
    assert cli("replay", "bisect", *laboratory.places, *system).json["same"] is True
    files = ("cluster.jsonl", "folder.jsonl")
    assert cli("replay", "bisect", *files, *system).json["same"] is True


def test_bisection_of_the_cluster_against_an_altered_recording(
    cli: Cli, laboratory: Laboratory
) -> None:
    number, offset, _ = laboratory.middle
    altered = str(cli.folder / "altered")
    cut_at = alter(cli, laboratory.recording, altered, number, offset)
    ended = cli("replay", "bisect", laboratory.url, altered, "--system", "exchange", "--json")
    assert ended.exit_code == 1, ended
    parted = {
        each["partition"]: each["parting"]["command_offset"]
        for each in ended.json["partitions"]
        if each["parting"] is not None
    }
    assert parted == {number: cut_at}
    assert [each["comparisons"] for each in ended.json["partitions"]][number] <= 25


def alter(cli: Cli, recording: str, out: str, number: int, offset: int) -> int:
    """Another log: the first order accepted after a command is of one more. Returns which
    command's."""
    assert cli("log", "export", "--out", "all.jsonl", "--log", recording).exit_code == 0
    lines = (cli.folder / "all.jsonl").read_text().splitlines()
    place = f'{{"topic":"{SYSTEM.events_topic}","partition":{number},'
    at, told = next(
        (at, told)
        for at, line in enumerate(lines)
        if line.startswith(place) and "order_accepted.v1" in line
        for told in [json.loads(line)]
        if told["value"].get("cause", 0) > offset
    )
    told["value"]["quantity"] += 1
    lines[at] = json.dumps(told)
    (cli.folder / "altered.jsonl").write_text("\n".join(lines) + "\n")
    ended = cli("log", "import", "altered.jsonl", "--log", out)
    assert ended.exit_code == 0, ended
    return int(told["value"]["cause"])


def test_what_if(cli: Cli, laboratory: Laboratory) -> None:
    number, offset, _ = laboratory.middle
    edit = {"op": "remove", "partition": number, "offset": offset}
    (cli.folder / "edits.jsonl").write_text(json.dumps(edit) + "\n")
    asked = ("replay", "what-if", "exchange", "--edit", "edits.jsonl", "--query", "totals")
    answers = []
    for place, keep in zip(laboratory.places, ("cluster", "folder"), strict=True):
        ended = cli(*asked, "--keep", keep, "--json", "--log", place)
        assert ended.exit_code == 0, ended
        answers.append(what_would_be(ended.json))
        after = str(cli.folder / keep / "after" / "log")
        assert cli("replay", "verify", "exchange", "--log", after, "--json").json["same"] is True
    assert answers[0] == answers[1]
    assert answers[0]["events"]["removed"] == 1
    assert answers[0]["before"]["origin"] == "recorded"


def what_would_be(told: Any) -> Any:
    """Without the time it took, and without where it was made."""
    del told["elapsed_s"], told["before"]["log"], told["after"]["log"]
    return told


def test_a_redacted_zip(cli: Cli, laboratory: Laboratory) -> None:
    redact = [part for field in ACCOUNTS for part in ("--redact", field)]
    counts, members, digests = [], [], []
    for place, name in zip(laboratory.places, ("cluster", "folder"), strict=True):
        out = ("--out", f"{name}.zip", "--redact-key", "of this test", "--json")
        ended = cli("log", "export", *out, *redact, "--log", place)
        assert ended.exit_code == 0, ended
        counts.append(ended.json)
        with ZipFile(cli.folder / f"{name}.zip") as file:
            members.append(file.namelist())
        imported = ("--log", str(cli.folder / name))
        assert cli("log", "import", f"{name}.zip", *imported).exit_code == 0
        assert cli("replay", "verify", "exchange", *imported).exit_code == 0
        digests.append(digests_of(cli, str(cli.folder / name)))
        read = cli("read", "exchange.events", "--json", *imported).stdout
        assert cli("read", "exchange.events", "--json", "--log", place).stdout != read
    assert counts[0] == counts[1]
    assert members[0] == members[1]
    assert digests[0] == digests[1]
    assert digests[0] != digests_of(cli, laboratory.recording)


def digests_of(cli: Cli, place: str) -> list[str]:
    """Of the last states."""
    told = cli("replay", "state", "exchange", "--json", "--log", place).json
    return [each["digest"] for each in told]


def test_cuts(cli: Cli, laboratory: Laboratory) -> None:
    _, _, moment = laboratory.middle
    stretches = {
        "key": ("--key", "BIRCH"),
        "since": ("--since", moment),
        "until": ("--until", moment),
    }
    for what, stretch in stretches.items():
        told, verified, digests = [], [], []
        for place, name in zip(laboratory.places, ("cluster", "folder"), strict=True):
            out = str(cli.folder / f"{name}-{what}")
            cut = cli("log", "cut", "exchange", *stretch, "--out", out, "--json", "--log", place)
            assert cut.exit_code == 0, cut
            told.append(cut.json)
            verified.append(cli("replay", "verify", "exchange", "--json", "--log", out).json)
            digests.append(digests_of(cli, out))
        assert told[0] == told[1]
        assert verified[0] == verified[1]
        assert verified[0]["same"] is True
        assert digests[0] == digests[1]
        assert 0 < sum(each["commands"] for each in told[0]["partitions"]) < COMMANDS


def test_a_golden_history(cli: Cli, laboratory: Laboratory) -> None:
    files = []
    for place, name in zip(laboratory.places, ("cluster", "folder"), strict=True):
        out = ("--out", name, "--until", "100")
        assert cli("golden", "record", "exchange", *out, "--log", place).exit_code == 0
        ended = cli("golden", "check", name, "--system", "exchange", "--json")
        assert (ended.exit_code, ended.json["same"]) == (0, True), ended
        files.append(
            {each.name: each.read_bytes() for each in (cli.folder / name).iterdir()},
        )
    assert files[0] == files[1]
    assert set(files[0]) == {"commands.jsonl", "events.jsonl"}


def test_a_read_model_is_made_again(
    cli: Cli, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = ("query", "exchange", "trades", "BIRCH")
    told, answers = [], []
    for place, name in zip(laboratory.places, ("cluster", "folder"), strict=True):
        monkeypatch.setenv("REFOLD_PROJECTIONS_URL", f"sqlite:///{cli.folder}/{name}.db")
        served = cli(*query, "--fresh", "--json", "--log", place).json
        ended = cli("replay", "rebuild", "exchange.trade_tape", "--json", "--log", place)
        assert ended.exit_code == 0, ended
        told.append(ended.json)
        answers.append(cli(*query, "--as-is", "--json", "--log", place).json)
    assert told[0] == told[1]
    assert answers[0] == answers[1]
    assert answers[0] == served == both(cli, laboratory, "replay", *query, "--json").json != []


def test_steps(cli: Cli, laboratory: Laboratory) -> None:
    number, offset, _ = laboratory.middle
    with FileLog(laboratory.recording) as folder:
        one, other = (Stepper(log, SYSTEM, number) for log in (laboratory.log, folder))
        assert (one.first, one.last) == (other.first, other.last)
        for at in (0, offset, offset + 1, offset - 7, one.last, offset - 300):
            assert one.at(at) == other.at(at)
        assert one.at(one.last).digest == state_at(folder, SYSTEM, number, END).digest


def transactional_ids(tools: KafkaTools, address: str, prefix: str) -> list[list[str]]:
    """Each that was ever used under the prefix, with its coordinator, producer id and state."""
    told = tools.run("tool", TRANSACTIONS, "--bootstrap-server", address, "list")
    return sorted(line.split() for line in told.splitlines() if line.startswith(prefix))


def test_the_worker_goes_on_and_nobody_fenced_it(
    cli: Cli, deployed: Laboratory, kafka_address: str, kafka_tools: KafkaTools
) -> None:
    """After all questions: its transactional ids alone are there, and it writes under the epochs
    that it had before the first."""
    log, epochs = deployed.log, deployed.epochs
    ids = {
        f"{log.prefix}refold.{SYSTEM.events_topic}-{number}": producer
        for number, (producer, _) in epochs.items()
    }
    told = transactional_ids(kafka_tools, kafka_address, log.prefix)
    assert {name: int(producer) for name, _, producer, _ in told} == ids
    events = [log.partition(SYSTEM.events_topic, number) for number in epochs]
    ends = [partition.high_watermark for partition in events]
    # Without an instrument it is for all of them, on all partitions.
    command = '{"type":"close_session.v1","session_id":77}'
    ended = cli("append", "exchange", "--log", deployed.url, stdin=command)
    assert ended.exit_code == 0, ended
    until(
        lambda: all(
            partition.high_watermark > was for partition, was in zip(events, ends, strict=True)
        )
    )
    assert epochs_of(kafka_address, log) == epochs
