"""The TypeScript types that openapi-typescript makes of the document: a program with openapi-fetch
passes the compiler, what is wrong in it does not, and it runs in Node against a real server.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.gateway.http.clients.conftest import HERE
from tests.gateway.http.conftest import ROOT, Server

MODULES = ROOT / "gateway/web/node_modules"


@pytest.fixture(scope="module")
def project(printed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program beside the types, as a user would have them."""
    if not shutil.which("node"):
        pytest.skip("no Node on this machine")
    if not (MODULES / "openapi-typescript").is_dir():
        pytest.skip("its tools are not installed: npm ci in gateway/web")
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(MODULES)
    (folder / "package.json").write_text('{"type": "module"}\n')
    for name in ("program.ts", "node.d.ts", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    run(
        folder,
        *("openapi-typescript", str(printed), "--output", "refold.d.ts"),
        *("--default-non-nullable", "false"),
    )
    return folder


def run(folder: Path, name: str, *arguments: str) -> None:
    done = subprocess.run(
        [folder / "node_modules/.bin" / name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_passes_the_compiler_and_has_its_answers(
    project: Path, shared: Server
) -> None:
    run(project, "tsc")
    done = subprocess.run(
        ["node", "program.js", shared.url],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
