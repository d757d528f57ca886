"""What the exchange's rules cost a plain flow, beside the rules of an earlier commit: those that
had limit, market, immediate-or-cancel and fill-or-kill orders, and nothing else.

    git archive COMMIT ─► a scratch folder ─┐   each round two processes, in turns:
    the working tree ───────────────────────┴─► `engine_side` ─► medians over the rounds

Two figures a side: decide and evolve alone, on the flow of the demo (`flow.py`: eight instruments,
no more than the earlier rules knew); and the whole task of `inner_loop`, log to log. Each side
runs its own tree throughout (rules, core, log), and both must come to the same events. What is
compared are medians of processor time: neighbours are not in it, and a process keeps its luck with
the layout of its memory for as long as it lives.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NoReturn

import msgspec

from bench import engine_side
from bench.harness import NOT_RUN, Options, Row, at_most, main, scratch_folder

ROOT = Path(__file__).parents[1]
SIDE = Path(engine_side.__file__)
PLAIN_ENGINE = "affa75612427817c1605df93b925f8b07cefe2b7"
"""The last commit before the exchange had more than plain orders."""
COST_MAX = 1.15


class Figures(msgspec.Struct):
    """What `engine_side` prints."""

    rules: str
    """The file that they were read from."""
    outcome: dict[str, int]
    decide_us: float
    task_us: float


def check_out(commit: str, folder: Path) -> Path:
    """The tree of a commit, in a folder of its own. Exit 3 where it is not to be had."""
    if shutil.which("git") is None:
        not_run("git not found: install it, or leave this benchmark out")
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        not_run(
            f"no tree of {commit} to compare with ({archive.stderr.decode().strip()}): run it "
            "in a full clone, or name another commit with --before"
        )
    tree = folder / "before"
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(tree, filter="data")
    return tree.resolve()


def not_run(reason: str) -> NoReturn:
    print(f"plain_engine: {reason}", file=sys.stderr)
    sys.exit(NOT_RUN)


def measure(tree: Path, folder: Path, count: int) -> Figures:
    """One process on a tree. `-P`: what stands beside the script is not to be imported."""
    done = subprocess.run(
        [sys.executable, "-P", SIDE, str(count)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{tree}: {done.stderr[-2000:]}")
    figures = msgspec.json.decode(done.stdout, type=Figures)
    if not Path(figures.rules).is_relative_to(tree):
        raise RuntimeError(f"the rules of {tree} were to be measured, not {figures.rules}")
    if not figures.rules.endswith(".py"):
        not_run(f"{figures.rules} is compiled, the other side is not: `make plain` first")
    return figures


def run(options: Options) -> list[Row]:
    with scratch_folder() as folder:
        trees = {"before": check_out(options.before, folder), "now": ROOT}
        rounds = []
        for number in range(max(options.rounds, 1)):
            order = sorted(trees, reverse=number % 2 == 1)
            rounds.append({side: measure(trees[side], folder, options.size) for side in order})
    for each in rounds:
        if each["before"].outcome != each["now"].outcome:
            raise RuntimeError(
                f"{options.before} came to {each['before'].outcome}, the working tree to "
                f"{each['now'].outcome}: they must be equal"
            )
    rows = []
    for name, field in (("decide and evolve", "decide_us"), ("whole task", "task_us")):
        before, now = (
            median(getattr(each[side], field) for each in rounds) for side in ("before", "now")
        )
        rows += [
            Row(name=f"{name}, at {options.before[:7]}", value=before, unit="CPU us a command"),
            at_most(f"{name}, now", now, "CPU us a command", before, COST_MAX),
        ]
    return rows


if __name__ == "__main__":
    main(
        "plain_engine",
        run,
        size=200_000,
        arguments=lambda parser: parser.add_argument(
            "--before",
            default=PLAIN_ENGINE,
            metavar="COMMIT",
            help="the earlier rules (%(default).7s)",
        ),
    )
