"""schemathesis over all that the gateway describes, against a real server: no 500, no answer that
the document does not foresee, nothing accepted that it forbids or refused that it allows, and 405
with `Allow` for other methods. What it is told of this API is in `schemathesis.toml`.

By default each operation is sent its example, and those of some systems all that their schemas
lead to. With REFOLD_SCHEMATHESIS=100 that is done for all systems, with so many cases for each
operation: it takes hours.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.http.conftest import ROOT, Server, servers_in

HERE = Path(__file__).parent
CASES = os.environ.get("REFOLD_SCHEMATHESIS", "")
CONFIG = "schemathesis.toml"
SCHEMA = "/schema/openapi.json"

ALONE = ("samples.parking", "house", "time machine", "guard", "gateway")
"""Tags whose operations are tried at length by default."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With all systems. Those who wait for events that never come wait a moment only."""
    servers = servers_in(tmp_path_factory.mktemp("schemathesis"))
    yield servers.start("--simulated", "--wait-s", "1")
    servers.close()


def run(server: Server, folder: Path, *arguments: str) -> None:
    shutil.copy(HERE / CONFIG, folder)
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", server.url + SCHEMA),
            *("--warnings", "off", *arguments),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert server.process.poll() is None
    assert b"Traceback" not in server.stderr.read_bytes()


def test_every_example_is_answered_as_described(server: Server, tmp_path: Path) -> None:
    run(server, tmp_path, "--phases", "examples")


def test_whatever_is_sent_is_answered_as_described(server: Server, tmp_path: Path) -> None:
    tags = [part for tag in ALONE for part in ("--include-tag", tag)]
    run(server, tmp_path, *([] if CASES else tags), "--max-examples", CASES or "5")


def test_other_methods_are_told_which_there_are(server: Server) -> None:
    """Of every path."""
    document = server.client.get(SCHEMA).json()
    for path, item in document["paths"].items():
        address = path
        for name in ("partition", "offset"):
            address = address.replace(f"{{{name}}}", "0")
        answer: httpx.Response = server.client.request("TRACE", address)
        assert answer.status_code == 405, path
        assert answer.headers["content-type"] == "application/problem+json"
        allowed = {each.strip().lower() for each in answer.headers["allow"].split(",")}
        assert {*item} <= allowed, (path, allowed)
