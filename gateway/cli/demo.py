"""`refold demo`: a system at work, from its own flow of commands, and its history replayed.

Commands are appended and decided, and read models follow, a slice at a time, so that one can watch
time pass in the recorded day. Then everything is decided again and compared. What is shown is
derived from the registry: the state as the system draws it, and the queries that its read models
name for this, with arguments that the flow itself holds. What is other on Kafka, where workers are
deployed, is in `demo_cluster.py`.
"""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import typer
from rich.live import Live

from gateway.cli.context import Context, JsonOption
from gateway.cli.demo_view import DayView, Step, print_summary
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import print_json, stderr
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import opened_store
from gateway.config import load_config
from log.interface import Log
from processors.core.appender import Appended, Appender
from processors.core.fold import Fold
from processors.core.registry import Registered
from processors.core.system import System
from processors.core.workers.embedded import Worker
from processors.core.workers.running import quiet_collector
from projections.core.read_models import Query, ReadModels
from projections.core.store import Store
from projections.core.worker import Worker as ProjectionWorker
from replay.verify import Verification, verify

app = typer.Typer(add_completion=False)

FOLDER = Path(".demo")
SLICES = 100
"""How often the picture changes, at most."""
SLICE_COMMANDS = 500
"""The least to do at a time: a flush to disk is then a small part of it."""
FIRST_COMMANDS = 100
"""The first picture comes early: a day's opening is soon over."""
SHOWN_QUERIES = 5
LOOKED_AT = 10
"""One command in so many is looked at for arguments of queries."""


@app.command()
def demo(
    system: Annotated[
        str | None,
        typer.Argument(metavar="[SYSTEM]", help="One, replayed; by default all, in a browser."),
    ] = None,
    commands: Annotated[
        int | None,
        typer.Option(min=1, help="How many.  [default: what the system takes half a minute for]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL",
            help="A new folder for the log, or kafka://HOST:PORT/PREFIX.  [default: within .demo]",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="All systems: where the browser finds them.  [default: 8080]"
        ),
    ] = None,
    headless: Annotated[
        bool,
        typer.Option("--headless", help="All systems: look at every page and API, and end."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Watch all systems at work in a browser; or one: append, decide, query, replay.

    All systems: one process serves them and the web application, on a new log with a past that
    reaches up to now, and goes on with live traffic until Ctrl-C. The outside world is simulated;
    films are encoded by ffmpeg, if there is one.

    One system: its own flow of commands is appended to a new log and decided, while its read
    models follow. Then history is decided again, and must come out the same, byte for byte: exit
    code 1 if not. The log stays, to look around in.

    On Kafka the workers and projectors that are deployed there do the work; where there are none,
    the demo does it. The day is then one that is still to come.

    Examples:

        refold demo
        refold demo exchange
        refold demo exchange --commands 20000 --seed 7 --log /tmp/day
        refold demo exchange --log kafka://localhost:9092
    """
    if system is None:
        raise typer.Exit(_all_systems(commands, seed, log, as_json, port, headless))
    if headless or port is not None:
        raise CommandFailed("--headless and --port are for the demo of all systems: name none")
    place = log or str(free_folder(system.replace("/", ".").rpartition(".")[2]))
    context = Context(load_config({"log": place}))
    registered = context.find(system)
    with context.open_log(create=True) as opened, Interrupts() as interrupts:
        count = commands or registered.system.demo_commands
        day = _kind_of_day(context)(context, registered, opened, count, seed, interrupts)
        day.check_new()
        day.pass_by()
        verifications = day.replay()
        same = all(each.difference is None for each in verifications)
        if as_json:
            print_json(day.as_dict(verifications))
        else:
            print_summary(day.steps, verifications, day.drawn, day.answers, day.next_steps())
    if not same:
        raise typer.Exit(ExitCode.FOUND)


def _all_systems(
    commands: int | None,
    seed: int,
    log: str | None,
    as_json: bool,
    port: int | None,
    headless: bool,
) -> int:
    if commands is not None or as_json:
        raise CommandFailed("--commands and --json are for the demo of one system: name it")
    try:
        from gateway.cli.demo_house import demo_house
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("anyio", "httpx", "litestar"):
            raise
        raise CommandFailed("litestar is not installed: pip install 'refold[http]'") from error
    place = log or str(free_folder("house"))
    return demo_house(Context(load_config({"log": place})), seed, port, headless)


def free_folder(name: str) -> Path:
    """`.demo/<name>`, or with the first number behind it that is free."""
    numbers = iter(range(2, 1_000_000))
    folder = FOLDER / name
    while folder.exists():
        folder = FOLDER / f"{name}-{next(numbers)}"
    return folder


def _kind_of_day(context: Context) -> "type[Day]":
    if context.config.log_folder is not None:
        return Day
    from gateway.cli.demo_cluster import ClusterDay  # needs Kafka's client

    return ClusterDay


class Deciders(Protocol):
    """Those who decide what the demo appends."""

    @property
    def folds(self) -> dict[str, list[Fold[Any]]]:
        """How far each partition of each system is, in order."""

    def decide(self, appended: Mapping[str, Mapping[int, Appended]], step: Step) -> None:
        """Return when all that was appended is decided, by system and partition; counted and
        timed."""

    def finish(self, step: Step) -> None:
        """Return when reactors and effects are done as well, and what they led to is decided."""


class Embedded:
    """A worker of the demo's own. Time is the flow's own: its clock stands still, so that no ticks
    are appended, and the outside answers at once."""

    def __init__(self, worker: Worker, interrupts: Interrupts) -> None:
        self._worker = worker
        self._interrupts = interrupts

    @property
    def folds(self) -> dict[str, list[Fold[Any]]]:
        found: dict[str, list[Fold[Any]]] = {}
        for task in self._worker.tasks:
            found.setdefault(task.system.name, []).append(task.fold)
        return found

    def decide(self, appended: Mapping[str, Mapping[int, Appended]], step: Step) -> None:
        with step.measured():
            busy = True
            while busy:
                self._interrupts.check()
                count, busy = self._worker.turn()
                step.count += count

    def finish(self, step: Step) -> None:
        with step.measured():
            step.count += self._worker.run(until_idle=True, stop=self._interrupts.stop)
        self._interrupts.check()


class Projecting:
    """Read models follow, within the demo."""

    def __init__(self, log: Log, store: Store) -> None:
        self.log = log
        self.store = store
        self._projector: ProjectionWorker | None = None

    def follow(self, step: Step, events: int) -> None:
        """Apply all `events` that there are; counted and timed."""
        if not self.store.catalog.projections:
            return
        with step.measured():
            self._projector = self._projector or ProjectionWorker(self.log, self.store)
            self._projector.catch_up()
        step.count = events

    def finish(self, step: Step, events: int) -> None:
        """The day is over: return when read models are up to date."""
        self.follow(step, events)


@dataclass
class Day:
    """One demo: a log, and what is done to it."""

    context: Context
    registered: Registered
    log: Log
    commands: int
    seed: int
    interrupts: Interrupts
    events: int = 0
    """How many there are."""
    steps: dict[str, Step] = field(default_factory=dict)
    drawn: str = ""
    """The busiest partition's state, as the system draws it."""
    midday: tuple[int, int] = (0, 0)
    """Half way along it: the partition's number, and the offset of a command."""
    answers: list[tuple[str, Any]] = field(default_factory=list)
    """(a query as typed, its result)"""
    values: dict[str, Counter[Any]] = field(default_factory=dict)
    """How often the flow's fields, by name, have which value."""

    @property
    def systems(self) -> tuple[System, ...]:
        """The one that it is about, and those that reactors connect it with."""
        return self.registered.system.connected

    def check_new(self) -> None:
        """CommandFailed where the log holds the system already."""
        if self.registered.system.commands_topic in self.log.topics():
            raise CommandFailed(
                f"{self.context.config.log} holds a log of {self.registered.system.name} already: "
                "name a new folder with --log, or delete it"
            )

    def pass_by(self) -> None:
        """Append, decide and project, slice by slice."""
        system = self.registered.system
        self.steps = {
            "append": Step("commands appended, durable"),
            "decide": Step("commands decided, events durable"),
            "project": Step("events in read models"),
        }
        flow = islice(self._flow(), self.commands)
        size = FIRST_COMMANDS
        with ExitStack() as stack:
            stack.enter_context(quiet_collector())
            models, store = stack.enter_context(opened_store(self.context.config, self.registered))
            appenders = {each.name: Appender(self.log, each) for each in self.systems}
            of_type = {
                kind: appenders[each.name] for each in self.systems for kind in each.commands
            }
            deciders = stack.enter_context(self._deciders())
            projecting = self._projecting(store)
            view = DayView(system.name, self.commands, self.steps)
            with _watching(view) as show:
                while chunk := list(islice(flow, size)):
                    self.interrupts.check()
                    with self.steps["append"].measured():
                        for at, command in chunk:
                            of_type[type(command)].add(command, at)
                        for appender in appenders.values():
                            appender.flush()
                    self.steps["append"].count = sum(
                        appender.durable_count for appender in appenders.values()
                    )
                    deciders.decide(
                        {name: appender.durable for name, appender in appenders.items()},
                        self.steps["decide"],
                    )
                    self._count_events(deciders)
                    projecting.follow(self.steps["project"], self.events)
                    self._count_values(chunk)
                    self._draw(deciders)
                    show(chunk[-1][0], self.drawn)
                    size = max(self.commands // SLICES, SLICE_COMMANDS)
            deciders.finish(self.steps["decide"])
            self._count_events(deciders)
            self._draw(deciders)
            projecting.finish(self.steps["project"], self.events)
            self.answers = _answers(models, store, self._arguments())

    @property
    def flow(self) -> Callable[..., Iterator[tuple[int, Any]]]:
        """What people ask for, where reactors and effects do the rest."""
        system = self.registered.system
        return system.demo_flow or system.flow

    def _flow(self) -> Iterator[tuple[int, Any]]:
        return self.flow(self.seed)

    @contextmanager
    def _deciders(self) -> Iterator[Deciders]:
        with Worker(
            self.log,
            self.systems,
            snapshots=self.context.snapshots,
            clock=lambda: 0,
            settings=self.context.config.effects,
            simulated=True,
        ) as worker:
            yield Embedded(worker, self.interrupts)

    def _projecting(self, store: Store) -> Projecting:
        return Projecting(self.log, store)

    def _count_events(self, deciders: Deciders) -> None:
        """Of the system that it is about: those that its read models follow."""
        folds = deciders.folds[self.registered.system.name]
        self.events = sum(fold.next_sequence for fold in folds)

    def _draw(self, deciders: Deciders) -> None:
        system = self.registered.system
        folds, render = deciders.folds[system.name], system.render
        busiest = max(range(len(folds)), key=lambda number: folds[number].next_sequence)
        self.midday = busiest, folds[busiest].last_cause // 2
        if render is not None:
            self.drawn = render(folds[busiest].state)

    def replay(self) -> list[Verification]:
        """Decide everything again, and compare."""
        step = self.steps["replay"] = Step("commands decided again")
        verifications = []
        topics = self.log.topics()
        places = [
            (system, number, self.log.partition(system.events_topic, number).high_watermark)
            for system in self.systems
            for number in range(topics[system.events_topic].partitions)
        ]
        before = 0
        with ProgressBar("replay", sum(end for _, _, end in places), unit="events") as bar:
            for system, number, end in places:
                with step.measured():
                    done = verify(
                        self.log, system, number, progress=partial(self._advance, bar, before)
                    )
                step.count += done.commands_compared
                before += end
                verifications.append(done)
        return verifications

    def _advance(self, bar: ProgressBar, base: int, done: int, _end: int) -> None:
        self.interrupts.check()
        bar.set(base + done)

    def _arguments(self) -> dict[str, Any]:
        """Values for the arguments of queries: of each field of the flow, the commonest value."""
        return {name: counter.most_common(1)[0][0] for name, counter in self.values.items()}

    def _count_values(self, chunk: list[tuple[int, Any]]) -> None:
        for _, command in chunk[::LOOKED_AT]:
            for name in command.__struct_fields__:
                value = getattr(command, name)
                if isinstance(value, int | str):
                    self.values.setdefault(name, Counter())[value] += 1

    def next_steps(self) -> list[str]:
        """Commands to paste."""
        system = self.registered.system
        short = system.name.rsplit(".", 1)[-1]
        log = f"--log {self.context.config.log}"
        queries = [f"query {short} {asked} {log}" for asked, _ in self.answers[:2]]
        partition, offset = self.midday
        steps = [
            f"systems {short}",
            *queries,
            f"query {short}",
            f"read {short}.events --from -5 {log}",
            f"replay state {short} --partition {partition} --at {offset} {log}",
            f"replay verify {short} {log}",
            f"doctor {log}",
        ]
        program = "refold" if shutil.which("refold") else os.path.relpath(sys.argv[0])
        return [f"{program} {step}" for step in steps]

    def as_dict(self, verifications: list[Verification]) -> dict[str, Any]:
        return {
            "system": self.registered.system.name,
            "log": str(self.context.config.log),
            "seed": self.seed,
            "commands": self.commands,
            "events": self.events,
            "steps": {name: step.as_dict() for name, step in self.steps.items()},
            "same": all(each.difference is None for each in verifications),
            "verifications": verifications,
        }


def _answers(models: ReadModels, store: Store, arguments: dict[str, Any]) -> list[tuple[str, Any]]:
    """The demo's first queries whose arguments the flow gives, as typed, with their results."""
    answers: list[tuple[str, Any]] = []
    for query in models.demo_queries or models.queries.values():
        given = _given(query, arguments)
        if given is not None and len(answers) < SHOWN_QUERIES:
            typed = " ".join([query.name, *map(str, given.values())])
            answers.append((typed, query.run(store, given)))
    return answers


def _given(query: Query, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """What a query needs, from the flow's values; None where that does not hold it."""
    given = {}
    for argument in query.arguments:
        if argument.is_required:
            if argument.name not in arguments:
                return None
            given[argument.name] = msgspec.convert(arguments[argument.name], argument.type)
    return given


@contextmanager
def _watching(view: DayView) -> Iterator[Any]:
    """A function to call with the day's time (ms) and the drawing: a live picture on a terminal,
    nothing elsewhere."""
    console = stderr()
    if not console.is_terminal:
        yield lambda at, drawn: None
        return
    with Live(view, console=console, transient=True, auto_refresh=False) as live:
        shown_s = 0.0

        def show(at: int, drawn: str) -> None:
            nonlocal shown_s
            view.moment = datetime.fromtimestamp(at / 1000, UTC)
            view.drawn = drawn
            now_s = time.monotonic()
            if now_s - shown_s >= 0.04:
                shown_s = now_s
                live.refresh()

        yield show
