"""Log lines on stderr: for people, and as JSON for machines."""

import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.structured_logs import set_up_logging

ROOT = Path(__file__).parents[2]
WORKER = logging.getLogger("refold.worker")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is the process's own: give it back as it was."""
    root, ours = logging.getLogger(), logging.getLogger("refold")
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    level = ours.level
    yield
    ours.setLevel(level)
    logging.captureWarnings(False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = capsys.readouterr()
    assert found.out == ""
    return [json.loads(line) for line in found.err.splitlines()]


def test_a_json_line_has_the_time_the_message_and_its_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("json")
    WORKER.info("recovered %d events", 1200, extra={"system": "markets.exchange", "partition": 3})
    (line,) = lines(capsys)
    assert list(line) == ["timestamp", "level", "logger", "message", "system", "partition"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {
        "level": "INFO",
        "logger": "refold.worker",
        "message": "recovered 1200 events",
        "system": "markets.exchange",
        "partition": 3,
    }


def test_an_exception_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json")
    try:
        raise ValueError("no such spot\nat all")
    except ValueError:
        WORKER.exception("cannot go on")
    (line,) = lines(capsys)
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("ValueError: no such spot\nat all")
    assert line["level"] == "ERROR"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("inf"), None),
        (Path("a/b"), "a/b"),
        ({1, 2}, [1, 2]),
        (b"\x00", "AA=="),
        ({"offsets": (1, 2)}, {"offsets": [1, 2]}),
        ({(1, 2): 1 << 70}, {"(1, 2)": 1 << 70}),
        ("\udcff is no Unicode", "\\udcff is no Unicode"),
        (KeyError("a"), "'a'"),
    ],
)
def test_no_field_keeps_a_line_from_being_written(
    value: object, told: object, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("json")
    WORKER.warning("odd", extra={"value": value})
    (line,) = lines(capsys)
    assert (line["message"], line["value"]) == ("odd", told)


def test_a_field_cannot_take_the_place_of_a_lines_own(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json")
    WORKER.warning("odd", extra={"level": "fake", "logger": "fake"})
    (line,) = lines(capsys)
    assert (line["level"], line["logger"]) == ("WARNING", "refold.worker")


def test_a_text_line_shows_the_fields_after_the_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("text")
    WORKER.info("recovered", extra={"system": "markets.exchange", "partition": 3})
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO refold\.worker: recovered "
        r"system=markets\.exchange partition=3\n",
        capsys.readouterr().err,
    )


def test_of_libraries_only_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json")
    WORKER.debug("no")
    WORKER.info("yes")
    logging.getLogger("aiokafka").info("no")
    logging.getLogger("aiokafka").warning("yes")
    assert [(line["logger"], line["message"]) for line in lines(capsys)] == [
        ("refold.worker", "yes"),
        ("aiokafka", "yes"),
    ]


def test_set_up_again_it_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text")
    set_up_logging("json")
    WORKER.info("once")
    assert [line["message"] for line in lines(capsys)] == ["once"]


def test_pythons_warnings_are_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        set_up_logging("json")
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    (line,) = lines(capsys)
    assert line["logger"] == "py.warnings"
    assert "DeprecationWarning: soon gone" in line["message"]


CRASH = """
import threading
from gateway.structured_logs import set_up_logging
set_up_logging("json")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise KeyError("gone")
"""


def test_errors_that_end_a_thread_or_the_process_are_lines_too() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CRASH],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    of_thread, of_process = map(json.loads, ended.stderr.splitlines())
    assert "ZeroDivisionError" in of_thread["exception"]
    assert of_process["message"] == "ended by an error: KeyError('gone')"
    assert (of_process["level"], ended.returncode) == ("CRITICAL", 1)
