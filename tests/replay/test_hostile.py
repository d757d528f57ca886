"""The determinism detective: each planted system is found out, by function and line, and what is
innocent is left in peace."""

import re
from functools import cache, partial
from pathlib import Path

import pytest

from processors.core.testing.purity import impurities
from replay.hostile import Finding, Report, RunFailed, examine
from replay.hostile.worlds import KINDS, PLAIN, other_worlds
from tests.replay.hostile_history import COMMANDS, record, recorded
from tests.replay.planted import SYSTEMS

CULPRITS = {
    "library_clock": "clock",
    "default_argument": "clock",
    "cached": "clock",
    "time_zone": "time zone",
    "number_format": "locale",
    "weekday": "locale",
    "set_order": "hash seed",
    "evolve_hash": "hash seed",
    "addresses": "memory",
    "counter": "restart",
    "getattr_trick": "random",
    "environment": "environment",
    "folder": "working folder",
    "unrepeatable": "nothing",
}
FUNCTIONS = {
    "library_clock": "stamped",
    "default_argument": "receipt",
    "cached": "opened",
    "time_zone": "day",
    "number_format": "grouped",
    "weekday": "weekday",
    "set_order": "distinct",
    "evolve_hash": "shelf",
    "addresses": "in_order",
    "counter": "numbered",
    "getattr_trick": "lucky",
    "environment": "discounted",
    "folder": "here",
    "unrepeatable": "threaded",
}


@cache
def place_of(name: str) -> tuple[str, int]:
    """The file and line that end in a system's mark."""
    found = [
        (str(path), number)
        for path in sorted((Path(__file__).parent / "planted").glob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(rf"# HERE: {name}$", line)
    ]
    (place,) = found
    return place


def examined(folder: Path, name: str) -> Report:
    """A planted system, in the worlds of its own kind."""
    record(folder, f"planted.{name}")
    kinds = (CULPRITS[name],)
    return examine(partial(recorded, folder), (f"planted.{name}", 0), kinds=kinds)


def check(report: Report, name: str) -> Finding:
    if report.left_out:
        pytest.skip(report.left_out[0])  # a machine that has no locale, and cannot make one
    assert not report.same
    (finding,) = report.findings
    assert finding.kind == CULPRITS[name]
    assert (finding.function, (finding.file, finding.line)) == (FUNCTIONS[name], place_of(name))
    assert finding.text.endswith(f"# HERE: {name}")
    assert finding.plain != finding.other
    assert all(place.file.startswith(str(Path(__file__).parent)) for place in finding.by)
    return finding


@pytest.mark.parametrize("name", CULPRITS)
def test_the_line_is_named(tmp_path: Path, name: str) -> None:
    report = examined(tmp_path, name)
    finding = check(report, name)
    match name:
        case "cached":
            assert (finding.source, finding.command_offset) == ("datetime.now", 0)
            assert [place.function for place in finding.by] == ["since_opening", "decide"]
        case "counter":
            assert (finding.command_offset, finding.differs_at) == (20, 20)
        case "evolve_hash":
            assert finding.differs_at is None
            assert report.runs[0].same


@pytest.mark.parametrize("name", SYSTEMS)
def test_purity_does_not_see_it(name: str) -> None:
    assert impurities(SYSTEMS[name]) == []


def test_the_innocent_pass_every_world(tmp_path: Path) -> None:
    record(tmp_path, "planted.innocent")
    progress: list[tuple[int, int]] = []
    report = examine(
        partial(recorded, tmp_path),
        ("planted.innocent", 0),
        progress=lambda done, total: progress.append((done, total)),
    )
    assert report.same
    assert (report.commands, report.findings) == (COMMANDS, [])
    assert {run.kind for run in report.runs} >= set(KINDS) - {"locale"}
    assert progress == sorted(progress)
    assert progress[-1][0] <= progress[-1][1]


@pytest.mark.parametrize("name", ["samples.parking", "markets.exchange"])
def test_real_systems_pass(tmp_path: Path, name: str) -> None:
    """In the worlds of what rules go by most easily."""
    record(tmp_path, name, 200)
    kinds = ("hash seed", "memory", "restart")
    report = examine(partial(recorded, tmp_path), (name, 0), kinds=kinds)
    assert (report.same, report.commands, len(report.runs)) == (True, 200, 6)


def test_worlds_differ_from_the_plain_one_in_one_thing(tmp_path: Path) -> None:
    worlds, _ = other_worlds(tmp_path, set(KINDS) - {"locale"})
    for world in worlds:
        differing = [
            field
            for field in world.__struct_fields__
            if field not in ("name", "kind", "clock_step_ns")
            and getattr(world, field) != getattr(PLAIN, field)
        ]
        assert len(differing) == (world.kind != "nothing"), world


def test_a_run_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"partition 0 .*world 'plain': UnknownTopic"):
        examine(partial(recorded, tmp_path), ("planted.innocent", 0), kinds=())


def test_where_nothing_was_decided(tmp_path: Path) -> None:
    record(tmp_path, "planted.innocent", commands=0)
    report = examine(partial(recorded, tmp_path), ("planted.innocent", 0))
    assert (report.same, report.commands, len(report.runs)) == (True, 0, 1)


def test_rules_that_cannot_be_loaded(tmp_path: Path) -> None:
    report = examine(partial(recorded, tmp_path), ("planted.nowhere", 0), kinds=())
    assert report.runs[0].failure == "as it was loaded: KeyError('nowhere')"
    assert not report.same


def test_nothing_runs_on_after_an_error(tmp_path: Path) -> None:
    record(tmp_path, "planted.innocent")
    before = children()

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(
            partial(recorded, tmp_path),
            ("planted.innocent", 0),
            kinds=("nothing",),
            progress=interrupt,
        )
    assert children() <= before


def children() -> set[str]:
    """The processes that this one has started, and that live or were not waited for."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}
