"""The built application comes from its sources, by its own build, and its types hold."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WEB = ROOT / "gateway" / "web"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Of the sources, with what `npm ci` has installed."""
    if not (WEB / "node_modules").is_dir() or shutil.which("npm") is None:
        pytest.skip("the web application's tools are not installed: npm ci in gateway/web")
    folder = tmp_path / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules", "built", "*.d.ts"))
    (folder / "node_modules").symlink_to(WEB / "node_modules")
    return folder


def npm(folder: Path, *script: str) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", *script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_build_gives_the_bytes_that_are_served(copy: Path) -> None:
    npm(copy, "build")
    made, served = (
        {each.relative_to(at).as_posix(): each.read_bytes() for each in at.rglob("*.*")}
        for at in (copy / "built", WEB / "built")
    )
    assert sorted(made) == sorted(served)
    assert [name for name in made if made[name] != served[name]] == []


def test_pages_fit_the_api_that_they_call(copy: Path) -> None:
    document = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "openapi"],
        cwd=copy,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        check=True,
    )
    (copy / "openapi.json").write_bytes(document.stdout)
    npm(copy, "types")
    npm(copy, "check")
