"""`refold simulate`: seeds of the deterministic simulator, or chaos on real processes."""

import itertools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import Context, JsonOption, load_context
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import print_json, print_rows
from gateway.cli.progress import ProgressBar
from replay.simulator.profile import Profile, load_profile
from replay.simulator.simulation import PLACES, Report, run_seed, subject_of, told

app = typer.Typer(add_completion=False)

SEEDS = 20


@app.command()
def simulate(
    systems: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SYSTEM]...", help="By name.  [default: all that there are]"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Only this seed.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help=f"So many, from 0 on.  [default: {SEEDS}]")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="As many seeds as there is time for.")
    ] = None,
    on: Annotated[
        str, typer.Option(metavar="cluster|disk|both", help="What the log is simulated on.")
    ] = "both",
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Which faults, and how often.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Of the faults, these alone.")
    ] = None,
    real: Annotated[
        bool, typer.Option("--real", help="Aim at real worker processes on a real broker.")
    ] = False,
    through: Annotated[
        str | None,
        typer.Option(metavar="LISTEN=TARGET", help="With --real: a proxy before the broker."),
    ] = None,
    log: Annotated[
        str | None, typer.Option(metavar="URL", help="With --real: kafka://HOST:PORT/PREFIX.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play whole deployments through, with everything that goes wrong, on virtual time.

    One seed is one run, always the same: producers, workers with reactors and effects, and
    projectors, on a simulated cluster or on the file log over a simulated disk. Processes are
    killed and held up, acknowledgements get lost, the power fails in the middle of a write. All
    the while the checks see to it that nothing acknowledged is lost, nothing is doubled, and
    read models are what a rebuild makes; in the end, everything has to catch up.

    Exit code 1 where a seed finds something: it is shrunk to few faults, and the line that shows
    it again is printed.

    Examples:

        refold simulate exchange --seeds 50
        refold simulate --minutes 10
        refold simulate stays --seed 17 --on disk
        refold simulate exchange --real --log kafka://localhost:9092/chaos --minutes 1
    """
    context = load_context(log)
    names = systems or [each.system.name for each in context.registered()]
    chosen = None if profile is None else load_profile(profile)
    if real:
        _simulate_real(context, names, chosen, seed, minutes, through, as_json)
        return
    if on not in (*PLACES, "both"):
        raise CommandFailed(f"--on {on}: choose cluster, disk or both")
    places = list(PLACES) if on == "both" else [on]
    numbers = _seeds(seed, seeds, minutes)
    faults = None if only is None else frozenset(only.split(","))
    reports = _run(context, names, places, numbers, chosen, minutes, faults)
    _print(reports, as_json)
    if any(report.failures for report in reports):
        raise typer.Exit(ExitCode.FOUND)


def _seeds(seed: int | None, seeds: int | None, minutes: float | None) -> Iterable[int]:
    """The seeds to run; without end where only time ends them."""
    if seed is not None:
        if seeds is not None or minutes is not None:
            raise CommandFailed("give --seed for one run, or --seeds and --minutes for many")
        return range(seed, seed + 1)
    if minutes is not None and seeds is None:
        return itertools.count()
    return range(seeds or SEEDS)


def _run(
    context: Context,
    names: list[str],
    places: list[str],
    seeds: Iterable[int],
    profile: Profile | None,
    minutes: float | None,
    only: frozenset[str] | None,
) -> list[Report]:
    """Each system's seeds, in turn, until one fails: its other seeds would tell the same."""
    subjects = {
        name: subject_of(context.find(name).system, registry=context.registry) for name in names
    }
    reports = {
        name: Report(systems=[each.name for each in subjects[name].systems]) for name in names
    }
    deadline_s = time.monotonic() + minutes * 60 if minutes is not None else None
    total = len(seeds) * len(names) * len(places) if isinstance(seeds, range) else None
    with ProgressBar("simulating", total, unit="runs") as bar:
        for seed in seeds:
            for name, place in itertools.product(names, places):
                if deadline_s is not None and time.monotonic() >= deadline_s:
                    return list(reports.values())
                if not reports[name].failures:
                    run_seed(subjects[name], seed, place, profile, reports[name], only=only)
                bar.add()
            if all(report.failures for report in reports.values()):
                break
    return list(reports.values())


def _print(reports: list[Report], as_json: bool) -> None:
    if as_json:
        print_json(reports)
        return
    rows = [
        {
            "system": report.systems[0],
            "runs": report.runs,
            "commands": report.commands,
            "events": report.events,
            "faults": report.faults,
            "virtual_time": f"{report.virtual_ms / 1000:,.0f} s",
            "took": f"{report.elapsed_s:.1f} s",
            "found": "a violation" if report.failures else "nothing",
        }
        for report in reports
    ]
    print_rows(rows, as_json=False)
    for report in reports:
        for failure in report.failures:
            print(f"\n{report.systems[0]}: {told(failure)}")


def _simulate_real(
    context: Context,
    names: list[str],
    profile: Profile | None,
    seed: int | None,
    minutes: float | None,
    through: str | None,
    as_json: bool,
) -> None:
    from gateway.cli.simulate_real import simulate_real  # needs Kafka's client

    if len(names) != 1:
        raise CommandFailed("--real is for one system, and those that reactors connect it with")
    simulate_real(
        context,
        names[0],
        profile=profile,
        seed=1 if seed is None else seed,
        minutes=1.0 if minutes is None else minutes,
        through=through,
        as_json=as_json,
    )
