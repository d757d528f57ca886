"""Where a side's rules come from: what is installed, another module, or a git revision.

A revision's files are taken out of the repository that the system's package lives in (`git
archive`, so that its worktrees and index stay as they are) into a folder of the caller's. Where
the revision asks for the packages that the checked-out files ask for, this interpreter runs it;
else it gets a virtual environment of its own, kept in the user's cache folder under the digest of
what it asks for.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

import processors
from replay.what_if.errors import WhatIfFailed

LOCK_NAME, PROJECT_NAME = "requirements.lock", "pyproject.toml"
RANGE = ".."


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a side's process imports, and how."""

    label: str
    """For people: `installed`, a module, or a revision with its commit."""
    package: str
    interpreter: str = sys.executable
    import_path: tuple[str, ...]


def installed_rules(package: str) -> Rules:
    """Those of this process."""
    return Rules(label="installed", package=package, import_path=tuple(filter(None, sys.path)))


def find_rules(
    text: str, package: str, folder: Path, *, same_environment: bool = False
) -> tuple[Rules | None, Rules]:
    """What `--rules` asks for: of the side before (None: not said) and of the side after.

    `A..B` are two revisions; else a revision, or the module that declares the system with other
    rules. Trees of revisions go to `folder`. `same_environment`: run revisions with the packages
    of this interpreter, whatever they ask for. Errors: WhatIfFailed.
    """
    if RANGE in text:
        before, _, after = text.partition(RANGE)
        sides = [
            _of_revision(name or "HEAD", package, folder, same_environment)
            for name in (before, after)
        ]
        return sides[0], sides[1]
    repository = _repository_of(package)
    if repository is not None and _commit_of(repository, text) is not None:
        return None, _of_revision(text, package, folder, same_environment)
    if not _is_module(text):
        where = f"a git revision of {repository}" if repository else "a git revision"
        raise WhatIfFailed(
            f"--rules {text!r} is neither {where} nor a module that can be imported: check the "
            "name, and the folder of refold.toml, which is on the import path"
        )
    return None, Rules(label=text, package=text, import_path=installed_rules(package).import_path)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


# -- git -----------------------------------------------------------------------------------------


def _of_revision(revision: str, package: str, folder: Path, same_environment: bool) -> Rules:
    repository = _repository_of(package)
    if repository is None:
        raise WhatIfFailed(
            f"the package {package} is in no git repository, so there is no revision {revision!r} "
            "of it: give --rules a module"
        )
    commit = _commit_of(repository, revision)
    if commit is None:
        raise WhatIfFailed(f"there is no revision {revision!r} in the repository {repository}")
    tree = folder / commit
    if not tree.exists():
        _take_out(repository, commit, tree)
    root = _import_root(package).relative_to(repository)
    asked, present = (_requirements(each, root) for each in (tree, repository))
    interpreter = sys.executable
    if not same_environment and not _is_same(asked, present):
        interpreter = str(_environment(asked))
    outside = [
        each for each in sys.path if each and not Path(each).resolve().is_relative_to(repository)
    ]
    own = interpreter == sys.executable
    return Rules(
        label=revision if commit.startswith(revision) else f"{revision} ({commit[:10]})",
        package=package,
        interpreter=interpreter,
        import_path=(str(tree / root), *(outside if own else ())),
    )


def core_path() -> str:
    """The folder that refold itself is imported from."""
    return str(Path(processors.__path__[0]).resolve().parent)


def _repository_of(package: str) -> Path | None:
    found = _git(_import_root(package), "rev-parse", "--show-toplevel")
    return None if found is None else Path(found).resolve()


def _import_root(package: str) -> Path:
    """The folder on the import path that the package was found in."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WhatIfFailed(f"the package {package} has no file")
    file = Path(spec.origin).resolve()
    levels = len(package.split(".")) - (file.name != "__init__.py")
    return file.parents[levels]


def _commit_of(repository: Path, revision: str) -> str | None:
    if revision.startswith("-"):
        return None
    return _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it refuses, or is not installed."""
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def _take_out(repository: Path, commit: str, tree: Path) -> None:
    with subprocess.Popen(
        ["git", "-C", str(repository), "archive", "--format=tar", commit],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                archive.extractall(tree, **safely)  # type: ignore[arg-type]
        except tarfile.TarError as error:
            reason = process.stderr.read().decode(errors="replace").strip() or error
            raise WhatIfFailed(f"cannot take {commit} out of {repository}: {reason}") from error


# -- environments --------------------------------------------------------------------------------


def _requirements(tree: Path, root: Path) -> list[str]:
    """What the project asks for, a line each: of the lock file nearest to the import root, else of
    the project file."""
    for folder in (root, *root.parents):
        lock, project = tree / folder / LOCK_NAME, tree / folder / PROJECT_NAME
        if lock.is_file():
            return _lines(lock.read_text())
        if project.is_file():
            told = tomllib.loads(project.read_text()).get("project", {})
            return [str(each) for each in told.get("dependencies", ())]
    return []


def _lines(lock: str) -> list[str]:
    lines = (line.partition(" #")[0].strip() for line in lock.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _is_same(asked: Sequence[str], present: Sequence[str]) -> bool:
    return sorted(asked) == sorted(present)


def cache_folder() -> Path:
    """Where environments are kept: `refold/environments` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "refold" / "environments"


def _environment(requirements: Sequence[str]) -> Path:
    """The interpreter of an environment that holds what is asked for; made where it is missing."""
    asked = "\n".join(requirements)
    hashed = hashlib.blake2b(f"{sys.version}\n{asked}".encode(), digest_size=12).hexdigest()
    place = cache_folder() / hashed
    if not place.exists():
        aside = place.with_name(f"{hashed}.{os.getpid()}")
        listed = aside.with_suffix(".txt")
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            listed.write_text(asked)
            _make_environment(aside, listed)
            aside.rename(place)
        except OSError:
            if not place.exists():  # else another process was faster
                raise
        finally:
            listed.unlink(missing_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
    return _interpreter(place)


def _interpreter(environment: Path) -> Path:
    windows = environment / "Scripts" / "python.exe"
    return windows if os.name == "nt" else environment / "bin" / "python"


def _make_environment(place: Path, listed: Path) -> None:
    python, uv = str(_interpreter(place)), shutil.which("uv")
    if uv:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(place)]
        install = [uv, "pip", "install", "--quiet", "--python", python, "-r", str(listed)]
    else:
        make = [sys.executable, "-m", "venv", str(place)]
        install = [python, "-m", "pip", "install", "--quiet", "-r", str(listed)]
    for command in (make, install):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            said = (ended.stderr or ended.stdout).strip()[-1000:]
            raise WhatIfFailed(
                f"the revision asks for other packages than are installed, and an environment "
                f"for it cannot be made: {said}. With the packages that are installed: "
                "--same-environment"
            )
