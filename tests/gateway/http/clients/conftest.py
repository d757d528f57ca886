"""The document that clients are generated from, as `refold openapi` prints it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.http.conftest import ROOT

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of what the server of these tests serves."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "refold.toml").write_text('systems = ["tests.samples.parking"]\n')
    with (folder / "api.json").open("wb") as file:
        subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", "openapi", "parking", "exchange"],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=file,
            check=True,
        )
    return folder / "api.json"
