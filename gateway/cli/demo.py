"""`refold demo`: a system at work, from its own flow of commands, and its history replayed.

Commands are appended and decided, and read models follow, a slice at a time, so that one can watch
time pass in the recorded day. Then everything is decided again and compared. What is shown is
derived from the registry: the state as the system draws it, and the queries that its read models
name for this, with arguments that the flow itself holds.
"""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.live import Live

from gateway.appender import Appender
from gateway.cli.context import Context, JsonOption, SystemArgument
from gateway.cli.demo_view import DayView, Step, print_summary
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import print_json, stderr
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import opened_store
from gateway.config import load_config
from log.interface import Log
from processors.core.registry import Registered
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
    system: SystemArgument,
    commands: Annotated[int, typer.Option(min=1, help="How many.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
    log: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder for the log.  [default: within .demo]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Watch a system at work: append, decide, query, replay.

    Its own flow of commands is appended to a new log and decided, while its read models follow.
    Then history is decided again, and must come out the same, byte for byte: exit code 1 if not.
    The log stays, to look around in.

    Examples:

        refold demo exchange
        refold demo exchange --commands 20000 --seed 7 --log /tmp/day
    """
    folder = log or free_folder(system.replace("/", ".").rpartition(".")[2])
    context = Context(load_config({"log": str(folder)}))
    registered = context.find(system)
    with context.open_log(create=True) as opened:
        if registered.system.commands_topic in opened.topics():
            raise CommandFailed(
                f"{folder} holds a log of {registered.system.name} already: name a new folder "
                "with --log, or delete it"
            )
        day = Day(context, registered, opened, commands, seed)
        day.pass_by()
        verifications = day.replay()
        same = all(each.difference is None for each in verifications)
        if as_json:
            print_json(day.as_dict(verifications))
        else:
            print_summary(day.steps, verifications, day.drawn, day.answers, day.next_steps())
    if not same:
        raise typer.Exit(ExitCode.FOUND)


def free_folder(name: str) -> Path:
    """`.demo/<name>`, or with the first number behind it that is free."""
    numbers = iter(range(2, 1_000_000))
    folder = FOLDER / name
    while folder.exists():
        folder = FOLDER / f"{name}-{next(numbers)}"
    return folder


@dataclass
class Day:
    """One demo: a log, and what is done to it."""

    context: Context
    registered: Registered
    log: Log
    commands: int
    seed: int
    steps: dict[str, Step] = field(default_factory=dict)
    drawn: str = ""
    """The busiest partition's state, as the system draws it."""
    answers: list[tuple[str, Any]] = field(default_factory=list)
    """(a query as typed, its result)"""
    values: dict[str, Counter[Any]] = field(default_factory=dict)
    """How often the flow's fields, by name, have which value."""

    def pass_by(self) -> None:
        """Append, decide and project, slice by slice."""
        system = self.registered.system
        self.steps = {
            "append": Step("commands appended, durable"),
            "decide": Step("commands decided, events durable"),
            "project": Step("events in read models"),
        }
        appender = Appender(self.log, system)
        flow = islice(system.flow(self.seed), self.commands)
        size = FIRST_COMMANDS
        with ExitStack() as stack:
            stack.enter_context(quiet_collector())
            models, store = stack.enter_context(opened_store(self.context.config, self.registered))
            worker = stack.enter_context(
                Worker(self.log, [system], snapshots=self.context.snapshots)
            )
            projector = ProjectionWorker(self.log, store)
            view = DayView(system.name, self.commands, self.steps)
            show = stack.enter_context(_watching(view))
            while chunk := list(islice(flow, size)):
                with self.steps["append"].measured():
                    for at, command in chunk:
                        appender.add(command, at)
                    appender.flush()
                self.steps["append"].count = appender.durable_count
                self._decide(worker)
                self._project(models, projector)
                self._count_values(chunk)
                self._draw(worker)
                show(chunk[-1][0], self.drawn)
                size = max(self.commands // SLICES, SLICE_COMMANDS)
            self.answers = _answers(models, store, self._arguments())

    def _decide(self, worker: Worker) -> None:
        """Every task's commands. Time is the flow's own: no clock appends ticks here."""
        step = self.steps["decide"]
        for task in worker.tasks:
            while task.lag:
                with step.measured():
                    step.count += task.step()

    def _project(self, models: ReadModels, projector: ProjectionWorker) -> None:
        if not models.projections:
            return
        step = self.steps["project"]
        with step.measured():
            projector.catch_up()
        step.count = self.events()

    def _draw(self, worker: Worker) -> None:
        render = self.registered.system.render
        if render is not None:
            busiest = max(worker.tasks, key=lambda task: task.fold.next_sequence)
            self.drawn = render(busiest.fold.state)

    def events(self) -> int:
        """How many events there are."""
        topic = self.registered.system.events_topic
        numbers = range(self.log.topics()[topic].partitions)
        return sum(self.log.partition(topic, number).high_watermark for number in numbers)

    def replay(self) -> list[Verification]:
        """Decide everything again, and compare."""
        system = self.registered.system
        step = self.steps["replay"] = Step("commands decided again")
        verifications = []
        total, base = self.events(), 0
        with ProgressBar("replay", total, unit="events") as bar:
            for number in range(self.log.topics()[system.events_topic].partitions):
                with step.measured():
                    done = verify(
                        self.log,
                        system,
                        number,
                        progress=partial(_advance, bar, base),
                    )
                step.count += done.commands_compared
                base += self.log.partition(system.events_topic, number).high_watermark
                verifications.append(done)
        return verifications

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
        steps = [
            f"systems {short}",
            *queries,
            f"query {short}",
            f"read {short}.events --from -5 {log}",
            f"replay state {short} --at 1000 {log}",
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
            "events": self.events(),
            "steps": {name: step.as_dict() for name, step in self.steps.items()},
            "same": all(each.difference is None for each in verifications),
            "verifications": verifications,
        }


def _advance(bar: ProgressBar, base: int, done: int, _end: int) -> None:
    bar.set(base + done)


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
