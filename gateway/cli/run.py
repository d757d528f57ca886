"""`refold run`: the worker of the embedded log. Commands are decided, and read models follow.

Deciding happens in this process (or, with `--processes`, in several of its children); read models
follow in a child of their own, so that neither slows the other down. Children end with their
parent, whatever ends it.
"""

import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from gateway.cli.context import Context, JsonOption, LogOption, load_context
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, failed, print_error
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import (
    MoverLock,
    bring_up_to_date,
    commands_waiting,
    last_cause,
    opened_store,
)
from gateway.config import Config
from log.interface import Log
from processors.core.processes import run_processes, stop_with_parent
from processors.core.registry import Registered
from processors.core.system import System
from processors.core.task import Task
from processors.core.worker import SnapshotPolicy, Worker
from projections.core.errors import ProjectionError
from projections.core.worker import Worker as ProjectionWorker

app = typer.Typer(add_completion=False)

LOOK_AGAIN_S = 0.25
SHOW_EVERY_S = 0.1


@app.command()
def run(
    systems: Annotated[
        list[str] | None, typer.Argument(metavar="[SYSTEM]...", help="Which; all by default.")
    ] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End once all is decided and read models follow.")
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="Decide in so many processes, partitions dealt out.")
    ] = 1,
    partitions: Annotated[
        str | None, typer.Option(metavar="0,2", help="Only these partitions.", show_default=False)
    ] = None,
    projections: Annotated[
        bool, typer.Option("--projections/--no-projections", help="Move read models as well.")
    ] = True,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide what waits, and bring read models up to date.

    Runs until Ctrl-C or SIGTERM: the batch at hand is finished, snapshots are taken, exit code 0.
    A partition is decided by one process at a time: exit code 3 where another has it. Several runs
    may share a log by partitions.

    Examples:

        refold run exchange --until-idle
        refold run
        refold run exchange --processes 2
        refold run exchange --partitions 0,1
    """
    context = load_context(log)
    registered = [context.find(name) for name in systems or ()] or context.registered()
    with context.open_log(create=True) as opened, Interrupts() as interrupts:
        job = Job(context, registered, opened, interrupts)
        job.choose(partitions)
        before = job.decided()
        started_s = time.monotonic()
        with read_models_follow(context.config, registered, projections and not until_idle):
            latency = job.decide(until_idle, processes)
        decided = {key: after - before[key] for key, after in job.decided().items()}
        if until_idle and projections and not interrupts.stop.is_set():
            bring_all_up_to_date(context.config, opened, registered, interrupts)
        job.report(decided, time.monotonic() - started_s, latency, as_json)


@dataclass
class Job:
    """One `refold run`."""

    context: Context
    registered: Sequence[Registered]
    log: Log
    interrupts: Interrupts
    partitions: Sequence[int] = ()

    @property
    def systems(self) -> list[System]:
        return [each.system for each in self.registered]

    def choose(self, text: str | None) -> None:
        """Which partitions; makes the topics. CommandFailed for one that there is not."""
        most = max(system.ensure_topics(self.log) for system in self.systems)
        if text is None:
            self.partitions = range(most)
            return
        numbers = [part.strip() for part in text.split(",")]
        for number in numbers:
            if not number.isdecimal() or int(number) >= most:
                raise CommandFailed(
                    f"--partitions {text}: {number!r} is no partition: they are 0 to {most - 1}"
                )
        self.partitions = sorted(set(map(int, numbers)))

    def decide(self, until_idle: bool, processes: int) -> dict[str, float]:
        """Decide until idle or stopped; the latency where it was measured here."""
        config = self.context.config
        policy = SnapshotPolicy(
            every_commands=config.snapshot_every_commands, every_s=config.snapshot_every_s
        )
        names = ", ".join(system.name for system in self.systems)
        if not until_idle:
            note(f"running {names} on {config.log}; Ctrl-C ends it")
        if processes == 1:
            return self._decide_here(until_idle, policy)
        code = run_processes(
            config.log,
            config.systems,
            [system.name for system in self.systems],
            self.partitions,
            processes,
            until_idle=until_idle,
            policy=policy,
            failed=failed,
        )
        if code:
            raise typer.Exit(code)
        return {}

    def _decide_here(self, until_idle: bool, policy: SnapshotPolicy) -> dict[str, float]:
        try:
            with self.interrupts.allowed():  # nothing is lost where recovery is left
                worker = self._open_worker(policy)
        except KeyboardInterrupt:
            return {}
        with worker, ProgressBar("decide") as bar:
            tasks = list(worker.tasks)
            Deciding(tasks, bar, until_idle).run(worker, self.interrupts.stop)
            return _latency(tasks)

    def _open_worker(self, policy: SnapshotPolicy) -> Worker:
        with ProgressBar("recover", unit="events") as bar:
            return Worker(
                self.log,
                self.systems,
                partitions=self.partitions,
                snapshots=self.context.snapshots,
                policy=policy,
                progress=bar,
            )

    def decided(self) -> dict[tuple[str, int], int]:
        """How far each partition chosen is decided: the offset after the last command's."""
        return {
            (system.name, number): last_cause(self.log, system, number) + 1
            for system in self.systems
            for number in self.partitions
            if number < self.log.topics()[system.events_topic].partitions
        }

    def report(
        self,
        decided: dict[tuple[str, int], int],
        elapsed_s: float,
        latency: dict[str, float],
        as_json: bool,
    ) -> None:
        """What was done, system by system."""
        rows = []
        for system in self.systems:
            topic = system.dead_letters_topic
            letters = self.log.topics()[topic].partitions
            rows.append(
                {
                    "system": system.name,
                    "decided": sum(
                        count for (name, _), count in decided.items() if name == system.name
                    ),
                    "waiting": commands_waiting(self.log, system, self.partitions),
                    "dead_letters": sum(
                        self.log.partition(topic, number).high_watermark
                        - self.log.partition(topic, number).log_start
                        for number in range(letters)
                    ),
                }
            )
        if as_json:
            print_json({"systems": rows, "elapsed_s": round(elapsed_s, 3), "latency_ms": latency})
            return
        print_rows(rows, as_json=False)
        for row in rows:
            if row["dead_letters"]:
                note(
                    f"{row['dead_letters']} commands of {row['system']} could not be decided: "
                    f"`refold dead-letters list {row['system']}`"
                )


class Deciding:
    """Runs a worker and shows how far it is: rate, and what waits."""

    def __init__(self, tasks: Sequence[Task], bar: ProgressBar, until_idle: bool) -> None:
        self._tasks = tasks
        self._bar = bar
        self._until_idle = until_idle
        self._shown_s = 0.0
        self._decided = 0

    def run(self, worker: Worker, stop: threading.Event) -> None:
        worker.run(until_idle=self._until_idle, stop=stop, decided=self._show)

    def _show(self, count: int) -> None:
        self._decided += count
        now_s = time.monotonic()
        if now_s - self._shown_s >= SHOW_EVERY_S:
            self._shown_s = now_s
            lag = sum(task.lag for task in self._tasks)
            if not self._until_idle:
                self._bar.what = f"decide, {lag:,} wait"
            self._bar.set(self._decided, self._decided + lag if self._until_idle else None)


def _latency(tasks: Sequence[Task]) -> dict[str, float]:
    """Milliseconds from reading a command to its durable events, over all tasks."""
    if not tasks or not any(task.latency.total_count for task in tasks):
        return {}
    merged, *others = [task.latency for task in tasks]
    for other in others:
        merged.add(other)
    return {f"p{p:g}": merged.get_value_at_percentile(p) / 1000 for p in (50, 99, 99.9)}


def bring_all_up_to_date(
    config: Config, log: Log, registered: Sequence[Registered], interrupts: Interrupts
) -> None:
    """Apply all events to the read models of these systems; Ctrl-C leaves it where it is."""
    try:
        for each in registered:
            with interrupts.allowed(), opened_store(config, each) as (models, store):
                if models.projections:
                    bring_up_to_date(config, log, store)
    except KeyboardInterrupt:
        note("read models are not up to date yet; the next run goes on where they are")


@contextmanager
def read_models_follow(
    config: Config, registered: Sequence[Registered], wanted: bool
) -> Iterator[None]:
    """Within, a child process keeps the read models of these systems up to date."""
    if not wanted:
        yield
        return
    context = multiprocessing.get_context("spawn")
    names = [each.system.name for each in registered]
    child = context.Process(target=follow_in_child, args=(config, names), name="refold-follow")
    child.start()
    try:
        yield
    finally:
        child.terminate()
        child.join()


def follow_in_child(config: Config, names: Sequence[str]) -> None:
    """The child process of `read_models_follow`: a thread a system."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when
    stop_with_parent(stop)
    context = Context(config)
    with context.open_log(create=True) as log:
        threads = [
            threading.Thread(target=follow, args=(config, log, context.find(name), stop))
            for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def follow(config: Config, log: Log, registered: Registered, stop: threading.Event) -> None:
    """Keep a system's read models up to date until `stop` is set.

    A read model that fails is named on stderr and left where it is; the others go on. While
    another process moves them, stand by.
    """
    try:
        with opened_store(config, registered) as (models, store):
            left: dict[str, Any] = dict(models.projections)
            lock = MoverLock(config, registered.system)
            try:
                while not lock.take():
                    if stop.wait(LOOK_AGAIN_S):
                        return
                while left and not stop.is_set():
                    worker = ProjectionWorker(log, store, left.values())
                    try:
                        worker.follow(stop)
                    except ProjectionError:
                        for name, failure in worker.failures.items():
                            print_error(
                                f"read model {name} of {registered.system.name}: {failure}"
                            )
                            del left[name]
            finally:
                lock.close()
    except Exception as error:
        failed(error)
