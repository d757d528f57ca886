"""The Python client that openapi-python-client makes of the document: its types hold, and a
program that uses it has typed answers and typed problems of a real server.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.http.clients.conftest import HERE
from tests.gateway.http.conftest import Server

PROGRAMS = Path(sys.executable).parent
GENERATOR = "openapi-python-client==0.29.1"


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In an environment of its own, as pipx makes it: what it needs holds back what we need."""
    folder = tmp_path_factory.mktemp("generator")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    installed = subprocess.run(
        [folder / "bin" / "pip", "--disable-pip-version-check", "install", "-q", GENERATOR],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode != 0:
        pytest.skip(f"{GENERATOR} cannot be installed: {installed.stderr[-200:]}")
    return folder / "bin" / "openapi-python-client"


@pytest.fixture(scope="module")
def program(generator: Path, printed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program beside the client, as a user would have them."""
    folder = tmp_path_factory.mktemp("python")
    generated = subprocess.run(
        [generator, "generate", "--path", printed, "--meta", "none"],
        cwd=folder,
        env={**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = generated.stdout + generated.stderr
    assert "WARNING" not in told and "ERROR" not in told, told
    program = folder / "program.py"
    program.write_text((HERE / "program.py.txt").read_text())
    return program


def test_the_program_has_its_answers(program: Path, shared: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", program, shared.url],
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_its_types_hold(program: Path) -> None:
    """And what is wrong does not pass: `type: ignore` that ignores nothing is an error."""
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"),
            *(f"--cache-dir={os.devnull}", program.name),
        ],
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
