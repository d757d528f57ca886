"""`refold run`: a worker. Commands are decided, and read models follow.

Deciding happens in this process (or, with `--processes`, in several of its children); read models
follow in a child of their own, so that neither slows the other down. Children end with their
parent, whatever ends it.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import typer

from gateway.cli.context import (
    Context,
    JsonOption,
    LogOption,
    load_context,
    monitored,
    policy_of,
)
from gateway.cli.following import bring_all_up_to_date, read_models_follow
from gateway.cli.interrupts import Interrupts
from gateway.cli.member import member, run_member
from gateway.cli.outcome import CommandFailed, failed
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import commands_waiting, last_cause
from gateway.config import Config
from gateway.structured_logs import set_up_logging
from log.interface import Log
from processors.core.registry import Registered
from processors.core.system import System
from processors.core.task import Task
from processors.core.workers.embedded import Worker
from processors.core.workers.monitor import Monitor, Place
from processors.core.workers.processes import run_processes
from processors.core.workers.tracing import Tracing

app = typer.Typer(add_completion=False)

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
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated", help="Effects play the outside, as in a demo, where they can."
        ),
    ] = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide what waits, and bring read models up to date.

    Runs until Ctrl-C or SIGTERM: the batch at hand is finished, snapshots are taken, exit code 0.
    On a log in a folder a partition is decided by one process at a time: exit code 3 where another
    has it. On Kafka the consumer group (the setting `group`) deals partitions out to as many
    workers as there are.

    Examples:

        refold run exchange --until-idle
        refold run
        refold run exchange --processes 2
        refold run exchange --partitions 0,1
        refold run exchange --log kafka://localhost:9092 --no-projections
    """
    context = load_context(log)
    registered = [context.find(name) for name in systems or ()] or context.registered()
    on_cluster = context.config.log_folder is None
    if on_cluster:
        set_up_logging(context.config.log_format)
    with context.open_log(create=True) as opened, Interrupts() as interrupts:
        kind = ClusterJob if on_cluster else Job
        job = kind(context, registered, opened, interrupts, simulated)
        job.choose(partitions)
        job.before = job.decided()
        started_s = time.monotonic()
        with read_models_follow(context.config, registered, projections and not until_idle):
            latency = job.decide(until_idle, processes)
        decided = {key: after - job.before[key] for key, after in job.decided().items()}
        if until_idle and projections and not interrupts.stop.is_set():
            bring_all_up_to_date(context.config, opened, registered, interrupts)
        job.report(decided, time.monotonic() - started_s, latency, as_json)


def decide_share(
    config: Config,
    names: Sequence[str],
    until_idle: bool,
    simulated: bool,
    partitions: Sequence[int],
    stop: threading.Event,
) -> None:
    """In a process of several: decide some partitions of a log in a folder."""
    context = Context(config)
    systems = [context.find(name).system for name in names]
    health_port = config.health_port if 0 in partitions else 0  # the processes share one port
    with (
        context.open_log(create=True) as log,
        monitored(config, health_port) as (monitor, tracing),
        Worker(
            log,
            systems,
            partitions=partitions,
            snapshots=context.snapshots,
            policy=policy_of(config),
            monitor=monitor,
            tracing=tracing.of_task if tracing else None,
            settings=config.effects,
            simulated=simulated,
        ) as worker,
    ):
        worker.run(until_idle=until_idle, stop=stop)


@dataclass
class Job:
    """One `refold run`."""

    context: Context
    registered: Sequence[Registered]
    log: Log
    interrupts: Interrupts
    simulated: bool = False
    """Whether effects play the outside."""
    partitions: Sequence[int] = ()
    before: dict[tuple[str, int], int] = field(default_factory=dict)
    """What was decided when it began."""

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
        names = [system.name for system in self.systems]
        if not until_idle:
            note(f"running {', '.join(names)} on {self.context.config.log}; Ctrl-C ends it")
        if processes == 1:
            return self._decide_here(until_idle)
        work = partial(self.share, self.context.config, names, until_idle, self.simulated)
        code = run_processes(work, self.partitions, processes, failed=failed)
        if code:
            raise typer.Exit(code)
        return {}

    share = staticmethod(decide_share)
    """What each of several processes does."""

    def _decide_here(self, until_idle: bool) -> dict[str, float]:
        config = self.context.config
        with monitored(config, config.health_port) as (monitor, tracing):
            try:
                with self.interrupts.allowed():  # nothing is lost where recovery is left
                    worker = self._open_worker(monitor, tracing)
            except KeyboardInterrupt:
                return {}
            with worker, ProgressBar("decide") as bar:
                tasks = list(worker.tasks)
                Deciding(tasks, bar, until_idle).run(worker, self.interrupts.stop)
                return _latency(tasks)

    def _open_worker(self, monitor: Monitor, tracing: Tracing | None) -> Worker:
        with ProgressBar("recover", unit="events") as bar:
            return Worker(
                self.log,
                self.systems,
                partitions=self.partitions,
                snapshots=self.context.snapshots,
                policy=policy_of(self.context.config),
                progress=bar,
                monitor=monitor,
                tracing=tracing.of_task if tracing else None,
                settings=self.context.config.effects,
                simulated=self.simulated,
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


class ClusterJob(Job):
    """One `refold run` on Kafka: a member of the consumer group, or several."""

    share = staticmethod(run_member)
    _decided: dict[tuple[str, int], int] | None = None

    def choose(self, text: str | None) -> None:
        if text is not None:
            raise CommandFailed(
                "--partitions is for a log in a folder: on Kafka the consumer group deals "
                "partitions out to the workers"
            )
        super().choose(None)

    def _decide_here(self, until_idle: bool) -> dict[str, float]:
        config = self.context.config
        with member(
            config, self.log, self.systems, config.health_port, simulated=self.simulated
        ) as worker:
            worker.run(until_idle=until_idle, stop=self.interrupts.stop)
            self._decided = {
                key: at + worker.decided_at[Place(*key)] for key, at in self.before.items()
            }
            return _latency(worker.tasks)

    def decided(self) -> dict[tuple[str, int], int]:
        """Of the worker in this process; of several processes, of the whole group."""
        return self._decided or super().decided()


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
