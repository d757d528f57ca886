"""What is appended is durable and counted, up to a bad line, a signal or a refusal."""

import os
import signal
import threading
from contextlib import suppress

import pytest

from log.backends.file import FileLog
from log.backends.file.log import MARKER_NAME
from tests.gateway.cli.conftest import Cli, end, until

PARK = '{"type":"park_car.v1","spot":"spot-%d","car":"x","stay_ms":1000}'
TOPIC = "samples.parking.commands"


def lines(count: int) -> str:
    return "".join(f"{PARK % number}\n" for number in range(count))


def records(cli: Cli) -> list[tuple[int, bytes | None]]:
    """(timestamp, value) of every command on the log."""
    if not (cli.log / MARKER_NAME).exists():
        return []
    with FileLog(cli.log) as log:
        if TOPIC not in log.topics():
            return []
        return [
            (record.timestamp, record.value)
            for number in range(2)
            for batch in log.partition(TOPIC, number).read(0, 1 << 30)
            for record in batch
        ]


def test_lines_become_commands_on_the_log(cli: Cli) -> None:
    ended = cli("append", "parking", "--json", stdin=lines(50))
    assert ended.exit_code == 0
    assert (ended.json["appended"], ended.json["error"]) == (50, None)
    assert sum(each["count"] for each in ended.json["partitions"]) == 50
    assert sorted(value or b"" for _, value in records(cli)) == sorted(lines(50).encode().split())
    again = cli("append", "parking", stdin=lines(3))
    assert "3 commands are durable on samples.parking.commands" in again.stdout
    assert len(records(cli)) == 53


def test_a_line_may_say_when(cli: Cli) -> None:
    timed = PARK % 1
    given = f'{timed[:-1]},"at":5}}\n{timed[:-1]},"at":"1970-01-01T00:00:01Z"}}\n'
    assert cli("append", "parking", stdin=given).exit_code == 0
    assert records(cli) == [(5, timed.encode()), (1000, timed.encode())]


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_matter(cli: Cli) -> None:
    given = b"\xef\xbb\xbf" + lines(2).replace("\n", "\r\n\r\n").encode() + (PARK % 9).encode()
    assert cli("append", "parking", "--json", stdin=given).json["appended"] == 3


def test_at_a_bad_line_it_stops_and_what_came_before_is_durable(cli: Cli) -> None:
    (cli.folder / "in.jsonl").write_text(f'{lines(20)}\n{PARK[:-1] % 1},"spto":1}}\n{lines(5)}')
    ended = cli("append", "parking", "in.jsonl")
    assert ended.exit_code == 2
    assert "in.jsonl: line 22, field spto: unknown field: did you mean spot?" in ended.stderr
    assert "tail -n +22 in.jsonl" in ended.stderr
    assert "20 commands are durable" in ended.stdout
    assert len(records(cli)) == 20


def test_a_bad_line_in_json(cli: Cli) -> None:
    ended = cli("append", "parking", "--json", stdin='{"type":"prak_car.v1"}\n')
    assert (ended.exit_code, ended.json["appended"]) == (2, 0)
    assert ended.json["error"] == {
        "line": 1,
        "field": "type",
        "reason": "there is no command 'prak_car.v1': did you mean park_car.v1?",
    }


def test_a_line_without_end_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = '{"partitions":2,"max_message_bytes":4096}'
    assert cli("append", "parking", stdin=lines(1)).exit_code == 0
    path = cli.log / "topics" / f"{TOPIC}.json"
    path.write_text(settings)
    ended = cli("append", "parking", stdin=lines(3) + "x" * 10_000)
    assert ended.exit_code == 2
    assert "line 4: it is longer than the topic's max_message_bytes, 4096" in ended.stderr
    assert len(records(cli)) == 4


def test_the_names_are_checked_before_anything_is_written(cli: Cli) -> None:
    ended = cli("append", "praking", stdin=lines(1))
    assert (ended.exit_code, "did you mean parking?" in ended.stderr) == (2, True)
    ended = cli("append", "parking", "nosuch.jsonl")
    assert (ended.exit_code, "cannot read nosuch.jsonl" in ended.stderr) == (2, True)
    assert not cli.log.exists()


def test_a_folder_that_is_no_log_is_refused(cli: Cli) -> None:
    ended = cli("append", "parking", "--log", str(cli.folder), stdin=lines(1))
    assert (ended.exit_code, "is no refold log" in ended.stderr) == (3, True)


def test_a_line_typed_by_hand_does_not_wait_for_more(cli: Cli) -> None:
    process = cli.start("append", "parking", "--json")
    assert process.stdin is not None
    for number in (1, 2):
        process.stdin.write(f"{PARK % number}\n{PARK[:-9] % number}")  # and half a line
        process.stdin.write(f"{PARK[-9:]}\n" if number == 2 else "")
        process.stdin.flush()
        until(lambda number=number: len(records(cli)) >= number)  # type: ignore[misc]
        if number == 1:
            process.stdin.write(f"{PARK[-9:]}\n")
    process.stdin.close()
    process.stdin = None
    ended = end(process)
    assert (ended.exit_code, ended.json["appended"]) == (0, 4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_what_is_durable_is_counted(cli: Cli, number: signal.Signals) -> None:
    process = cli.start("append", "parking", "--json")
    assert process.stdin is not None
    process.stdin.write(lines(5))
    process.stdin.flush()
    until(lambda: len(records(cli)) == 5)
    process.send_signal(number)
    ended = end(process)
    assert (ended.exit_code, ended.json["appended"]) == (130, 5)
    assert "Traceback" not in ended.stderr


def test_a_signal_in_the_middle_of_a_flood_loses_no_count(cli: Cli) -> None:
    process = cli.start("append", "parking", "--json")
    assert process.stdin is not None
    pipe = os.dup(process.stdin.fileno())

    def flood() -> None:
        with suppress(BrokenPipeError):
            while True:
                os.write(pipe, lines(1000).encode())

    thread = threading.Thread(target=flood)
    thread.start()
    until(lambda: len(records(cli)) > 2000)
    process.send_signal(signal.SIGINT)
    process.wait()
    ended = end(process)
    thread.join()
    os.close(pipe)
    assert (ended.exit_code, ended.json["appended"]) == (130, len(records(cli)))


def test_two_append_to_one_log_at_once(cli: Cli) -> None:
    (cli.folder / "in.jsonl").write_text(lines(5000))
    ended = [end(each) for each in [cli.start("append", "parking", "in.jsonl") for _ in "ab"]]
    assert [each.exit_code for each in ended] == [0, 0], ended
    assert len(records(cli)) == 10_000


def test_a_line_that_is_sent_again_with_its_key_is_decided_once(cli: Cli) -> None:
    line = (
        '{"type": "park_car.v1", "spot": "a", "car": "red", "stay_ms": 1000000000000, '
        '"idempotency_key": "k1"}\n'
    )
    for _ in range(2):
        assert cli("append", "parking", stdin=line).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    events = [record["value"] for record in cli("read", "parking.events", "--json").json_lines]
    parked, repeated = events[1:]
    assert (parked["type"], parked["idempotency_key"]) == ("car_parked.v1", "k1")
    assert (repeated["type"], repeated["first_cause"]) == ("command_repeated.v1", 0)
