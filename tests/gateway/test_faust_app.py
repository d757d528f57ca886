"""What `faust -A gateway.faust_app` says where it cannot be made, or finds no cluster."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KAFKA = "kafka://127.0.0.1:1/prefix"


def worker(app: str, folder: Path, **settings: str) -> tuple[int, str]:
    """How `faust -A APP worker` ends, and what it says on stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", "faust", "-A", app, "worker", "--without-web"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd(), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("app", "log", "what"),
    [
        ("", "folder", "a Faust worker needs a log on Kafka, and the setting log is folder"),
        (":exchang", KAFKA, "there is no system 'exchang': did you mean exchange?"),
        (":exchange", "kafka+sasl://me@host", "SASL needs sasl.password"),
        (":exchange", f"{KAFKA}?no.such=1", "Kafka's client has no setting 'no.such'"),
    ],
)
def test_what_makes_no_app_is_one_line(app: str, log: str, what: str, tmp_path: Path) -> None:
    code, said = worker(f"gateway.faust_app{app}", tmp_path, REFOLD_LOG=log)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"error: {what}")


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, said = worker("gateway.faust_app", tmp_path, REFOLD_LOG=KAFKA)
    assert code == 1
    assert "LogUnavailable: connecting to 127.0.0.1:1" in said.splitlines()[-1]
