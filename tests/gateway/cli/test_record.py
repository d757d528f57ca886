"""`refold record`: a log in a folder is recorded, interrupted, refused."""

import resource
from pathlib import Path

import msgspec
import pytest

from log.backends.file import FileLog
from log.record import Record
from log.topic import TopicConfig
from replay.recording import MANIFEST_NAME, Recording
from tests.gateway.cli.conftest import DEADLINE_S, Cli, until

LINES = "".join(
    f'{{"type":"park_car.v1","spot":"spot-{n}","car":"x","stay_ms":5,'
    f'"at":"2024-05-01T09:30:{n:02}Z"}}\n'
    for n in range(30)
)
FILE_BYTES_MAX = 1_500_000


@pytest.fixture
def history(cli: Cli) -> Cli:
    assert cli("append", "parking", stdin=LINES).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    return cli


def test_a_system_is_recorded_and_verified(history: Cli) -> None:
    ended = history("record", "--from", ".refold", "--system", "parking", "--out", "out")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "recorded and verified: " in ended.stdout
    assert "samples.parking.dead-letters" in ended.stdout
    told = history("replay", "verify", "parking", "--log", "out", "--json").json
    assert told == history("replay", "verify", "parking", "--json").json
    assert sum(each["commands_compared"] for each in told["partitions"]) >= 30
    assert history("doctor", "--log", "out").stdout == "healthy\n"
    again = history("record", "--from", ".refold", "--system", "parking", "--out", "out", "--json")
    assert (again.exit_code, again.json["verified"]) == (0, True)


def test_topics_by_their_endings_and_a_stretch_of_time(history: Cli) -> None:
    ended = history(
        "record", "--from", ".refold",
        "--topics", "parking.commands", "--topics", "parking.events",
        "--until", "2024-05-01T09:30:19Z", "--out", "begun", "--json",
    )  # fmt: skip
    assert ended.json["verified"]
    (told,) = history("replay", "verify", "parking", "--log", "begun", "--json").json_lines
    assert told["same"]
    assert sum(each["commands_compared"] for each in told["partitions"]) == 20
    ended = history(
        "record", "--from", ".refold", "--topics", "parking.commands,parking.events",
        "--since", "2024-05-01T09:30:10Z", "--until", "2024-05-01T09:30:19Z",
        "--out", "out", "--json",
    )  # fmt: skip
    rows = ended.json["partitions"]
    assert {row["topic"] for row in rows} == {"samples.parking.commands", "samples.parking.events"}
    commands = [row["records"] for row in rows if row["topic"] == "samples.parking.commands"]
    assert sum(commands) == 10


REFUSED: list[tuple[list[str], str]] = [
    (["--from", ".refold", "--out", "out"], "say what to record"),
    (["--from", "nowhere", "--topics", "t", "--out", "out"], "there is no folder nowhere"),
    (["--from", "empty", "--topics", "t", "--out", "out"], "empty is neither a log"),
    (["--from", ".refold", "--topics", "parking.evnts", "--out", "out"], "did you mean"),
    (["--from", ".refold", "--topics", "events,x", "--out", "out"], "there is no topic 'x'"),
    (["--from", ".refold", "--system", "garage", "--out", "out"], "garage"),
    (["--from", ".refold", "--topics", "commands", "--since", "noon", "--out", "out"], "--since"),
    (
        ["--from", ".refold", "--topics", "commands", "--since", "9", "--until", "8",
         "--out", "out"],
        "lies before the beginning",
    ),
    (["--from", "kafka://h/a", "--prefix", "b", "--topics", "t", "--out", "out"], "write kafka"),
]  # fmt: skip


@pytest.fixture
def topics(cli: Cli) -> Cli:
    """A log of two topics that hold nothing."""
    with FileLog(cli.log) as log:
        for name in ("commands", "events"):
            log.create_topic(f"samples.parking.{name}", TopicConfig())
    return cli


@pytest.mark.parametrize(("arguments", "what"), REFUSED)
def test_what_cannot_be_recorded(topics: Cli, arguments: list[str], what: str) -> None:
    (topics.folder / "empty").mkdir()
    ended = topics("record", *arguments)
    assert (ended.exit_code, what in ended.stderr) == (2, True), ended.stderr
    assert not (topics.folder / "out").exists()


def test_another_recording_in_the_folder(topics: Cli) -> None:
    topics("record", "--from", ".refold", "--topics", "commands", "--out", "out")
    ended = topics("record", "--from", ".refold", "--topics", "events", "--out", "out")
    assert ended.exit_code == 2
    assert "out holds another recording: topics ['samples.parking.commands'], not" in ended.stderr


@pytest.fixture
def large(cli: Cli) -> Path:
    """A log of some 20 MB."""
    folder = cli.folder / "large"
    config = TopicConfig(durability="loses_unflushed_on_power_failure", segment_bytes=4 << 20)
    with FileLog(folder) as log:
        log.create_topic("large", config)
        for at in range(400):
            records = [
                Record(b"%d" % number * 100, b"key", number) for number in range(at, at + 150)
            ]
            log.partition("large", 0).append(records)
    return folder


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "large-0").glob("*.log")))


def noted(out: Path) -> Recording:
    return msgspec.json.decode((out / MANIFEST_NAME).read_bytes(), type=Recording)


def test_killed_again_and_again(cli: Cli, large: Path) -> None:
    arguments = ("--from", str(large), "--topics", "large", "--out", "out")
    out = cli.folder / "out"
    sizes = [0]
    for _ in range(2):
        process = cli.start("record", *arguments)
        due = sizes[-1] + 1_000_000
        until(lambda due=due: _size(out) > due)  # type: ignore[misc]
        process.kill()
        process.communicate()
        sizes.append(_size(out))
    assert sizes == sorted(set(sizes))
    assert not noted(out).verified
    assert cli("record", *arguments).exit_code == 0
    assert noted(out).verified
    assert content(out) == content(large)


def _size(out: Path) -> int:
    return sum(path.stat().st_size for path in out.glob("large-0/*.log"))


def test_a_disk_that_takes_no_more(cli: Cli, large: Path) -> None:
    """Here by a limit on the size of a file: it says so, and goes on once there is room."""
    arguments = ("--from", str(large), "--topics", "large", "--out", "out")

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, limits[1]))
    try:
        process = cli.start("record", *arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode != 0
    assert "cannot append in" in stderr
    assert "try again once the cause is gone" in stderr
    assert cli("record", *arguments).exit_code == 0
    assert content(cli.folder / "out") == content(large)
