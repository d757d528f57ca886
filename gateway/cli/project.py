"""`refold project`: a projector, a process that does nothing but keep read models up to date.

Events come from the log; rows go to the read models' database, in one transaction with how far
they are. Several projectors share a system's partitions.
"""

import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from gateway.cli.context import Context, JsonOption, LogOption, load_context, monitored
from gateway.cli.following import keep_up
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, ExitCode, failed
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import Moved, opened_store, progress_of
from log.interface import Log
from processors.core.registry import Registered
from processors.core.workers.monitor import Monitor
from projections.core.read_models import read_models
from projections.core.worker import Progress

app = typer.Typer(add_completion=False)

SHOW_EVERY_S = 0.1
TELL_EVERY_S = 10.0
"""How often progress is told where there is no terminal to show it on."""


@app.command()
def project(
    systems: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SYSTEM]...", help="Which; all with read models by default."),
    ] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End once all events are applied.")
    ] = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep read models up to date, and do nothing else.

    Start as many as you like, on one machine or (with read models in PostgreSQL) on many: they
    share the partitions, and take over what one that ended has left. Ctrl-C and SIGTERM: the
    transaction at hand is finished, the partitions are given back, exit code 0. A read model that
    fails is named and left where it is; the others go on, and the exit code is 3 at the end.

    Examples:

        refold project exchange
        refold project exchange --log kafka://localhost:9092
        refold project --until-idle
    """
    context = load_context(log)
    chosen = [context.find(name) for name in systems or ()] or context.registered()
    registered = [each for each in chosen if read_models(each).projections]
    if not registered:
        names = ", ".join(each.system.name for each in chosen)
        raise CommandFailed(f"there is nothing to project: no read models in {names}")
    config = context.config
    with (
        context.open_log(create=True) as opened,
        Interrupts() as interrupts,
        monitored(config, config.health_port) as (monitor, _),
    ):
        projectors = [
            Projector(context, opened, each, interrupts.stop, monitor) for each in registered
        ]
        threads = [
            threading.Thread(target=each.run, args=(until_idle,), name=each.name)
            for each in projectors
        ]
        for thread in threads:
            thread.start()
        _show(projectors, threads, monitor)
    rows = [each.row for each in projectors]
    if as_json:
        print_json({"systems": rows})
    else:
        print_rows(rows, as_json=False)
    codes = [each.exit_code for each in projectors]
    if any(codes):
        raise typer.Exit(next(filter(None, codes)))


@dataclass
class Projector:
    """The read models of one system, in a thread of its own."""

    context: Context
    log: Log
    registered: Registered
    stop: threading.Event
    monitor: Monitor
    exit_code: int = ExitCode.OK
    row: dict[str, Any] = field(default_factory=dict)
    """How it ended: how far all read models of the system are, whichever process moved them."""
    _progress: dict[str, Progress] = field(default_factory=dict)
    """By read model, as last reported."""

    @property
    def name(self) -> str:
        return self.registered.system.name

    @property
    def moved(self) -> Moved:
        """How far the read model is that is furthest behind here."""
        least = min(self._progress.values(), key=lambda each: each.done, default=None)
        return Moved(0, 0) if least is None else Moved(least.done, least.total)

    def run(self, until_idle: bool) -> None:
        self.row = {"system": self.name, "done": 0, "total": 0, "failed": []}
        config = self.context.config
        try:
            with opened_store(config, self.registered) as (_, store):
                failures = keep_up(
                    config,
                    self.log,
                    store,
                    self.stop,
                    report=self._report,
                    shared=self._shared,
                    until_idle=until_idle,
                )
                self.row |= progress_of(self.log, store)._asdict()
        except Exception as error:
            self.exit_code = ExitCode.REFUSED
            self.exit_code = failed(error)
            return
        if failures:
            self.row["failed"] = sorted(failures)
            self.exit_code = ExitCode.REFUSED

    def _report(self, progress: Progress) -> None:
        self._progress = {**self._progress, progress.projection: progress}
        self.monitor.projected(self.name, *self.moved)

    def _shared(self, partitions: Sequence[int]) -> None:
        self._progress = {}
        self.monitor.joined(f"{self.name} projectors", True)
        note(f"{self.name}: holds partitions {', '.join(map(str, partitions)) or 'none'}")


def _show(
    projectors: Sequence[Projector], threads: Sequence[threading.Thread], monitor: Monitor
) -> None:
    """Progress, until all have ended. While none has, the process is alive to its probes."""
    told, told_s = Moved(0, 0), time.monotonic()
    with ProgressBar("read models", unit="events") as bar:
        while any(thread.is_alive() for thread in threads):
            if all(thread.is_alive() for thread in threads):
                monitor.turned()
            moved = [each.moved for each in projectors]
            now = Moved(sum(each.done for each in moved), sum(each.total for each in moved))
            bar.set(*now)
            now_s = time.monotonic()
            if now != told and now_s - told_s >= TELL_EVERY_S:
                told, told_s = now, now_s
                if not sys.stderr.isatty():
                    note(f"{now.done:,} of {now.total:,} events applied")
            time.sleep(SHOW_EVERY_S)
    for thread in threads:
        thread.join()
