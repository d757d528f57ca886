"""Where rules come from: modules, revisions of a real git repository, and their environments."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from log.backends.memory import MemoryLog
from processors.core.registry import load_system
from replay.what_if import Question, WhatIfFailed, what_if
from replay.what_if.rules import find_rules
from tests.replay.what_if.sides_at_hand import STRICTER, history

PACKAGE = "town.parking"
GARAGE = STRICTER.replace("    GARAGE,\n", '    GARAGE,\n    name="town.parking",\n')


class Repository:
    """A user's repository, with a system in `src/town/parking`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "src" / "town" / "parking"
        self.package.mkdir(parents=True)
        (folder / "src" / "town" / "__init__.py").touch()
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        ended = subprocess.run(
            ["git", *settings, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def commit(self, source: str, lock: str | None = None) -> str:
        (self.package / "__init__.py").write_text(source)
        if lock is not None:
            (self.folder / "requirements.lock").write_text(lock)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "rules")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    made = Repository(tmp_path / "repository")
    monkeypatch.syspath_prepend(str(made.folder / "src"))
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "town"]:
        del sys.modules[name]


def test_two_revisions_of_a_users_repository(
    repository: Repository, recorded: MemoryLog, tmp_path: Path
) -> None:
    first = repository.commit(GARAGE.replace("car-7", "nobody"))
    second = repository.commit(GARAGE)
    (repository.package / "__init__.py").write_text(GARAGE + "# not committed\n")
    registered = load_system(PACKAGE)
    history(recorded, 100, registered.system)
    before, after = find_rules(f"{first}..HEAD", PACKAGE, tmp_path / "trees")
    assert before is not None
    assert (before.label, after.label) == (first, f"HEAD ({second[:10]})")
    assert before.interpreter == after.interpreter == sys.executable
    question = Question(before=before, after=after, queries=(), max_changed=0)
    found = what_if(recorded, registered, question, tmp_path / "sides")
    assert found.events.commands == 100
    assert not found.is_within_budget
    assert {each.command["car"] for each in found.events.examples[:1]} == {"car-7"}
    assert repository.git("worktree", "list").count("\n") == 0
    assert repository.git("status", "--porcelain") == "M src/town/parking/__init__.py"

    alone = find_rules(first[:12], PACKAGE, tmp_path / "trees")
    assert alone[0] is None
    assert alone[1].label == first[:12]


def wheel(folder: Path, version: str) -> str:
    """A package made by hand; returns how to ask for it."""
    name = f"townmap-{version}"
    path = folder / f"{name}-py3-none-any.whl"
    about = f"{name}.dist-info"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("townmap.py", f"VERSION = {version!r}\n")
        made.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: townmap\nVersion: {version}\n"
        )
        made.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr(f"{about}/RECORD", "")
    return f"townmap @ {path.as_uri()}\n"


def test_other_packages_get_an_environment_of_their_own(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    old = repository.commit(GARAGE, "# made by hand\n" + wheel(tmp_path, "1.0"))
    repository.commit(GARAGE, wheel(tmp_path, "2.0"))
    trees = tmp_path / "trees"
    _, present = find_rules("HEAD", PACKAGE, trees)
    assert present.interpreter == sys.executable
    _, forced = find_rules(old, PACKAGE, trees, same_environment=True)
    assert forced.interpreter == sys.executable
    _, rules = find_rules(old, PACKAGE, trees)
    asked = "import townmap; print(townmap.VERSION)"
    assert subprocess.check_output([rules.interpreter, "-c", asked], text=True) == "1.0\n"
    (kept,) = (tmp_path / "cache" / "refold" / "environments").iterdir()
    made_ns = kept.stat().st_mtime_ns
    assert find_rules(old, PACKAGE, trees)[1] == rules
    assert kept.stat().st_mtime_ns == made_ns


def test_packages_that_cannot_be_had(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    old = repository.commit(
        GARAGE, f"townmap @ {(tmp_path / 'none-1.0-py3-none-any.whl').as_uri()}"
    )
    repository.commit(GARAGE, "")
    with pytest.raises(WhatIfFailed, match="--same-environment"):
        find_rules(old, PACKAGE, tmp_path / "trees")
    assert list((tmp_path / "cache" / "refold" / "environments").iterdir()) == []


def test_a_module(repository: Repository, tmp_path: Path) -> None:
    repository.commit(GARAGE)
    before, after = find_rules("tests.samples.parking", PACKAGE, tmp_path)
    assert (before, after.label, after.package) == (None, *["tests.samples.parking"] * 2)


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ("no.such.rules", "is neither a git revision of"),
        ("main..nowhere", "there is no revision"),
        ("--help", "is neither a git revision of"),
    ],
)
def test_rules_that_are_not_there(
    repository: Repository, tmp_path: Path, rules: str, what: str
) -> None:
    repository.commit(GARAGE)
    repository.git("branch", "--force", "-M", "main")
    with pytest.raises(WhatIfFailed, match=what):
        find_rules(rules, PACKAGE, tmp_path)


def test_a_package_in_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "loose" / "parking"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(GARAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(WhatIfFailed, match="is in no git repository"):
        find_rules("a..b", "loose.parking", tmp_path / "trees")
