"""The command line on a real broker: what it tells is what it tells of a log in a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.cli import conftest
from tests.gateway.cli.conftest import Cli
from tests.integration.brokers import PASSWORDS, SecuredBroker, TlsBroker

AT = "2024-05-01T09:30:00Z"
CENTURY_MS = 100 * 365 * 24 * 3600 * 1000
"""A stay that no timer ends while the test runs."""

cli = conftest.cli


def park(number: int, stay_ms: int = CENTURY_MS) -> str:
    command = {"type": "park_car.v1", "spot": f"spot-{number}", "car": "x", "stay_ms": stay_ms}
    return json.dumps({**command, "at": AT}) + "\n"


LINES = "".join(map(park, range(20))) + park(3) + park(50, stay_ms=-1) + park(51, stay_ms=-1)


@dataclass
class TwoLogs:
    """The same in a folder and on Kafka."""

    cli: Cli
    kafka: str
    folder: str = "folder"

    def told(self, *arguments: str) -> list[Any]:
        """What a command tells of the log on Kafka; checked to be what it tells of the other."""
        ends = [
            self.cli(*arguments, "--json", "--log", log, stdin=LINES)
            for log in (self.kafka, self.folder)
        ]
        kafka, folder = [[_but_for_places(line) for line in ended.json_lines] for ended in ends]
        assert (ends[0].exit_code, ends[1].exit_code) == (0, 0), ends
        assert kafka == folder, arguments
        return kafka


def _but_for_places(told: Any) -> Any:
    """Without what may differ: where events stand, and when the machine did something."""
    if isinstance(told, list):
        return [_but_for_places(each) for each in told]
    if not isinstance(told, dict):
        return told
    varying = {"elapsed_s", "latency_ms"}
    if str(told.get("topic", "")).endswith((".events", ".dead-letters")):
        varying |= {"offset", "records", "partitions", "max_message_bytes"}
    if "projection" in told:
        varying |= {"events"}  # counted in offsets
    if str(told.get("topic", "")).endswith(".dead-letters"):
        varying |= {"value"}
    return {name: _but_for_places(each) for name, each in told.items() if name not in varying}


@pytest.fixture
def url(kafka_address: str, kafka_prefix: str) -> str:
    return f"kafka://{kafka_address}/{kafka_prefix}"


@pytest.fixture
def logs(cli: Cli, url: str) -> TwoLogs:
    """The same commands, decided."""
    logs = TwoLogs(cli, url)
    logs.told("append", "parking")
    logs.told("run", "parking", "--until-idle")
    return logs


def test_what_is_read_and_asked_is_the_same(logs: TwoLogs) -> None:
    commands = logs.told("read", "parking.commands")
    assert [each["timestamp"] for each in commands] == [1714555800000] * len(LINES.splitlines())
    events = logs.told("read", "parking.events")
    assert [each["value"]["type"] for each in events].count("car_parked.v1") == 20
    assert logs.told("read", "parking.events", "--limit", "3") == events[:3]
    assert len(logs.told("read", "parking.commands", "--from", "-2", "--partition", "0")) == 2
    assert logs.told("read", "parking.commands", "--from", AT, "--to", "2024-05-02") == commands
    assert logs.told("read", "parking.commands", "--from", "end") == []

    (taken,) = logs.told("query", "parking", "taken")
    assert len(taken) == 20
    logs.told("query", "parking", "who", "spot-3")
    logs.told("systems", "parking")
    (topics,) = logs.told("log", "topics")
    names = ["commands", "dead-letters", "events"]
    assert [each["topic"] for each in topics] == [f"samples.parking.{name}" for name in names]
    (one,) = logs.told("log", "topics", "parking.commands")
    assert sum(each["high_watermark"] for each in one["partitions"]) == 23
    cleaned = logs.cli("log", "clean", "--log", logs.kafka)
    assert (cleaned.exit_code, "the brokers clean by themselves" in cleaned.stderr) == (2, True)


def test_history_is_the_same(logs: TwoLogs) -> None:
    (verified,) = logs.told("replay", "verify", "parking")
    assert verified["same"] is True
    assert sum(each["commands_compared"] for each in verified["partitions"]) == 23
    logs.told("replay", "verify", "parking", "--partition", "1", "--since", "3")
    (states,) = logs.told("replay", "state", "parking")
    assert sum(len(state["rows"][0]["stays"]) for state in states) == 20
    logs.told("replay", "state", "parking", "--at", "2", "--key", "spot-3")
    logs.told("replay", "state", "parking", "--at", AT)
    logs.told("replay", "rebuild", "parking.history")
    (stays,) = logs.told("query", "parking", "stays", "spot-3")
    assert len(stays) == 1
    assert logs.told("doctor") == [{"healthy": True, "findings": []}]


def test_dead_letters_are_the_same(logs: TwoLogs) -> None:
    (letters,) = logs.told("dead-letters", "list", "parking")
    assert len(letters) == 2
    logs.told("dead-letters", "show", "parking", letters[0]["letter"])
    (retried,) = logs.told("dead-letters", "retry", "parking", letters[1]["letter"])
    assert [each["status"] for each in retried] == ["retried"]
    logs.told("run", "parking", "--until-idle")
    (waiting,) = logs.told("dead-letters", "list", "parking", "--waiting")
    assert len(waiting) == 2
    logs.told("dead-letters", "retry", "parking", "--all")


def test_an_exported_log_can_be_taken_elsewhere(logs: TwoLogs) -> None:
    cli = logs.cli
    for number, form in enumerate(("exported", "exported.jsonl")):
        assert cli("log", "export", "--out", form, "--log", logs.kafka).exit_code == 0
        assert cli("log", "import", form, "--log", f"second-{number}").exit_code == 0
        elsewhere = TwoLogs(cli, logs.kafka, f"second-{number}")
        elsewhere.told("read", "parking.events")
        elsewhere.told("replay", "verify", "parking")
        assert cli("doctor", "--log", f"second-{number}").stdout == "healthy\n"


def test_a_log_in_a_folder_can_be_brought_to_kafka(cli: Cli, url: str) -> None:
    for verb, stdin in ((("append", "parking"), LINES), (("run", "parking", "--until-idle"), "")):
        assert cli(*verb, "--log", "folder", stdin=stdin).exit_code == 0
    assert cli("log", "export", "--out", "exported", "--log", "folder").exit_code == 0
    assert cli("log", "import", "exported", "--log", url).exit_code == 0
    logs = TwoLogs(cli, url)
    logs.told("read", "parking.commands")
    logs.told("read", "parking.events")
    logs.told("replay", "verify", "parking")


def test_recordings_come_in_and_market_data_goes_out(cli: Cli, url: str) -> None:
    arca = "A,36000000,1,100.5,10,BID\nA,36000001,2,101.25,7,ASK\nA,36000002,3,100.25,5,BID\n"
    (cli.folder / "arca.txt").write_text(arca)
    logs = TwoLogs(cli, url)
    logs.told("import", "arca", "arca.txt", "--instrument", "XYZ", "--day", "2024-05-01")
    logs.told("run", "exchange", "--until-idle")
    (book,) = logs.told("query", "exchange", "book_by_price", "XYZ")
    assert len(book) == 2
    for log, file in ((logs.kafka, "kafka.itch"), (logs.folder, "folder.itch")):
        assert cli("export", "itch", file, "--log", log).exit_code == 0
    assert _content(cli, "kafka.itch") == _content(cli, "folder.itch") != b""


def _content(cli: Cli, file: str) -> bytes:
    return (cli.folder / file).read_bytes()


def test_what_is_appended_can_be_followed(cli: Cli, url: str) -> None:
    assert cli("append", "parking", "--log", url, stdin=park(1)).exit_code == 0
    reading = cli.start("read", "parking.commands", "--follow", "--json", "--log", url)
    assert reading.stdout is not None
    assert json.loads(reading.stdout.readline())["key"] == "spot-1"
    assert cli("append", "parking", "--log", url, stdin=park(2)).exit_code == 0
    assert json.loads(reading.stdout.readline())["key"] == "spot-2"


def test_what_is_appended_counts_up_to_a_bad_line(cli: Cli, url: str) -> None:
    ended = cli("append", "parking", "--json", "--log", url, stdin=park(1) * 3 + "{}\n" + park(2))
    assert (ended.exit_code, ended.json["appended"], ended.json["error"]["line"]) == (2, 3, 4)
    assert len(cli("read", "parking.commands", "--json", "--log", url).json_lines) == 3


def test_a_refold_toml_says_it_all(cli: Cli, kafka_address: str, kafka_prefix: str) -> None:
    (cli.folder / "refold.toml").write_text(
        f'systems = ["tests.samples.parking"]\nlog = "kafka://{kafka_address}/{kafka_prefix}"\n'
        'snapshots = "shots"\n[kafka]\nclient.id = "refold-tests"\n'
    )
    assert cli("append", "parking", stdin=LINES).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    assert list((cli.folder / "shots").rglob("*.snapshot"))
    assert not (cli.folder / ".refold" / "refold.json").exists()


def test_nothing_on_the_log_is_told(cli: Cli, url: str) -> None:
    ended = cli("replay", "verify", "parking", "--log", url)
    assert ended.exit_code == 2
    assert "the log holds nothing of samples.parking" in ended.stderr


def test_an_address_where_nobody_is_is_one_line(cli: Cli) -> None:
    ended = cli.run("log", "topics", "--log", "kafka://127.0.0.1:1")
    assert (ended.exit_code, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: connecting to 127.0.0.1:1: ")
    assert ended.stderr.count("\n") == 1


def test_a_password_comes_from_the_environment_or_a_file(
    cli: Cli, secured_broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"kafka+sasl://admin@{secured_broker.address}/cli"
    assert "SASL needs sasl.password" in cli("log", "topics", "--log", url).stderr
    monkeypatch.setenv("REFOLD_KAFKA_SASL_PASSWORD", PASSWORDS["admin"])
    assert cli("append", "parking", "--log", url, stdin=park(1)).exit_code == 0
    monkeypatch.delenv("REFOLD_KAFKA_SASL_PASSWORD")
    (cli.folder / "password").write_text(f"{PASSWORDS['admin']}\n")
    monkeypatch.setenv("REFOLD_KAFKA_SASL_PASSWORD_FILE", str(cli.folder / "password"))
    assert cli("read", "parking.commands", "--json", "--log", url).json["key"] == "spot-1"


def test_a_wrong_password_is_told_and_not_shown(
    cli: Cli, secured_broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_KAFKA_SASL_PASSWORD", "geheim")
    url = f"kafka+sasl://admin@{secured_broker.address}/cli"
    ended = cli.run("log", "topics", "--log", url)
    assert (ended.exit_code, ended.stdout) == (3, "")
    assert "check the user name, the password" in ended.stderr
    assert "geheim" not in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_broker_that_speaks_tls(
    cli: Cli, tls_broker: TlsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_KAFKA_SSL_CA_LOCATION", str(Path(tls_broker.certificate)))
    url = f"kafka+ssl://{tls_broker.address}/cli"
    assert cli("append", "parking", "--log", url, stdin=park(1)).exit_code == 0
