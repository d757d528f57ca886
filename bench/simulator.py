"""How fast deployments are simulated: commands a second, and virtual seconds in a real one.

`--size` commands in all, of the exchange, with the built-in faults, on the simulated cluster and
on the simulated disk; a run takes as many as the built-in profile says. Beside it: the same
commands sent and decided once, by an embedded worker on a log in memory, with read models and no
faults.
"""

from functools import partial
from itertools import islice

from bench.harness import Options, Row, best_of, main, timed
from log.backends.memory import MemoryLog
from processors.core.appender import Appender
from processors.core.workers.embedded import Worker
from processors.markets.exchange import SYSTEM
from projections.core.memory_store import MemoryStore
from projections.core.store import Catalog
from projections.core.worker import Worker as ProjectionWorker
from replay.simulator.simulation import ROUGH, Report, run_seed, subject_of

SUBJECT = subject_of(SYSTEM)


def simulate(place: str, runs: int) -> Report:
    report = Report(systems=[])
    for seed in range(runs):
        run_seed(SUBJECT, seed, place, None, report)
    if report.failures:
        raise RuntimeError(report.failures[0].reproduce)
    return report


def undisturbed(runs: int) -> None:
    for seed in range(runs):
        log = MemoryLog(clock=lambda: 0)
        appender = Appender(log, SYSTEM)
        for at, command in islice(SYSTEM.flow(seed), ROUGH["cluster"].commands):
            appender.add(command, at)
        appender.flush()
        with Worker(log, (SYSTEM,), clock=lambda: 0) as worker:
            worker.run(until_idle=True)
        store = MemoryStore(Catalog(SYSTEM, SUBJECT.projections[SYSTEM.name]))
        ProjectionWorker(log, store).catch_up()


def run(options: Options) -> list[Row]:
    runs = max(options.size // ROUGH["cluster"].commands, 1)
    reports = {place: simulate(place, runs) for place in ROUGH}
    best = best_of(
        {
            **{place: partial(timed, partial(simulate, place, runs)) for place in ROUGH},
            "bare": lambda: timed(lambda: undisturbed(runs)),
        },
        options.rounds,
    )
    rows = []
    for place, report in reports.items():
        rate, bare = report.commands / best[place], report.commands / best["bare"]
        rows += [
            Row(name=f"simulated {place}", value=rate, unit="commands/s", ratio=rate / bare),
            Row(
                name=f"{place}: virtual time",
                value=report.virtual_ms / 1000 / best[place],
                unit="s in a second",
            ),
            Row(name=f"{place}: runs", value=runs / best[place], unit="seeds/s"),
        ]
    rows.append(Row(name="undisturbed", value=bare, unit="commands/s"))
    return rows


if __name__ == "__main__":
    main("simulator", run, size=10_000)
