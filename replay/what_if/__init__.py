"""What if: the same commands through other rules, or with commands removed, changed, added.

Both sides are logs, and what is compared is two logs: the events, command by command; the final
state, each as its own rules write it down; and the replies of read models.

    recorded ─► before ─────────────────────────────┬─► compare.py   events
                  └─► after: edits.py, rules.py ─► decided     state differences
                                                     └─► answers.py   queries

The side before is the recorded history where the installed rules decide it to the same bytes, else
decided again by them. Only what is decided is compared: commands that wait are left out.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from log.backends.file import FileLog
from log.interface import Log
from processors.core.registry import Registered
from processors.core.snapshots import OpenSnapshots, open_snapshots
from processors.core.system import System
from projections.core.read_models import read_models
from replay.differences import FieldDifference, compare_rows
from replay.events import RecordedEvents
from replay.row_names import WrittenRows
from replay.state import END, At, begin_fold, fold_until
from replay.verify import verify
from replay.what_if.answers import (
    QueryComparison,
    compare_replies,
    default_queries,
    parse_queries,
    replies,
)
from replay.what_if.compare import ChangedCommand, EventComparer, EventComparison
from replay.what_if.edits import EditedPartition, Edits
from replay.what_if.errors import WhatIfFailed
from replay.what_if.rules import Rules, installed_rules
from replay.what_if.runner import write_state
from replay.what_if.sides import (
    SideProcess,
    Stretch,
    copy_commands,
    copy_recorded,
    make_log,
)

RECORDED, BEFORE, AFTER = "recorded", "before", "after"
"""The folders of the sides."""
LOOK_S = 0.1
KEPT_DIFFERENCES = 1_000

Report = Callable[[str, int, int], None]
"""Called with what is done, how much of it is done, and how much there is."""


class Side(msgspec.Struct, kw_only=True):
    """Where one side's events come from."""

    rules: str
    rules_version: int
    origin: str
    """`recorded`, or why and how it was decided."""
    log: str
    """The folder of its log."""


class StateComparison(msgspec.Struct, kw_only=True):
    """The final states of one partition: the first fields that differ, and how many do."""

    partition: int
    differences: list[FieldDifference]
    differences_count: int


class WhatIf(msgspec.Struct, kw_only=True):
    """What would be other."""

    system: str
    before: Side
    after: Side
    stretches: list[Stretch]
    events: EventComparison
    states: list[StateComparison]
    queries: list[QueryComparison]
    max_changed: int | None
    """The budget: how many commands that are not edited may have another answer."""
    elapsed_s: float

    @property
    def is_within_budget(self) -> bool:
        return self.max_changed is None or self.events.changed <= self.max_changed


class Question(msgspec.Struct, kw_only=True):
    """What is asked of a recorded history. `after` None: the installed rules; `before` None: the
    recorded history. `queries` None: those that the read models name."""

    before: Rules | None = None
    after: Rules | None = None
    edits: Sequence[bytes | str] = ()
    """JSON lines, see `edits.py`."""
    numbers: Sequence[int] | None = None
    """The partitions; None: all."""
    since: At | None = None
    """From here on the sides are decided apart; what is before is as recorded, on both."""
    until: At = END
    queries: Sequence[str] | None = None
    max_changed: int | None = None


def what_if(
    log: Log,
    registered: Registered,
    question: Question,
    folder: Path,
    *,
    snapshots: Path | str | None = None,
    report: Report | None = None,
) -> WhatIf:
    """Make both sides in `folder`, where they stay (`Side.log` says where), and compare.

    The recorded log is only read. `snapshots` is where the partitions' are kept, for histories
    whose first events are deleted. Errors: WhatIfFailed, InvalidEdit; those of reading the log.
    """
    return _Comparison(log, registered, question, folder, snapshots, report).run()


class _Comparison:
    def __init__(
        self,
        log: Log,
        registered: Registered,
        question: Question,
        folder: Path,
        snapshots: Path | str | None,
        report: Report | None,
    ) -> None:
        self.recorded = log
        self.registered = registered
        self.system: System = registered.system
        self.question = question
        self.folder = folder
        self.report = report or (lambda what, done, total: None)
        self.snapshots = snapshots
        self.open_snapshots: OpenSnapshots | None = None
        if snapshots is not None:
            self.open_snapshots = partial(open_snapshots, snapshots, scope=log.scope)
        config = log.topics()[self.system.commands_topic]
        self.numbers = list(
            range(config.partitions) if question.numbers is None else question.numbers
        )
        self.edits = Edits(question.edits, self.system, config, config.partitions)
        models = read_models(registered)
        self.asked = None
        if question.queries is not None:
            self.asked = parse_queries(models, question.queries)
        self.edited: dict[int, EditedPartition] = {}
        self.stretches: list[Stretch] = []

    def run(self) -> WhatIf:
        started_s = time.monotonic()
        with ExitStack() as stack:
            before, after = self._decide_sides(stack)
            one, other = (stack.enter_context(FileLog(side.log)) for side in (before, after))
            comparer = EventComparer(self.system, one, other, self.stretches)
            for stretch in self.stretches:
                comparer.compare(
                    stretch,
                    self.edited.get(stretch.partition),
                    partial(self.report, f"comparing partition {stretch.partition}"),
                )
            events = comparer.result
            return WhatIf(
                system=self.system.name,
                before=before,
                after=after,
                stretches=self.stretches,
                events=events,
                states=[self._compare_states(number, before, after) for number in self.numbers],
                queries=self._ask(one, other, events.examples),
                max_changed=self.question.max_changed,
                elapsed_s=time.monotonic() - started_s,
            )

    # -- the sides -------------------------------------------------------------------------------

    def _decide_sides(self, stack: ExitStack) -> tuple[Side, Side]:
        question = self.question
        installed = installed_rules(self.registered.package)
        recorded = stack.enter_context(self._new_log(RECORDED))
        for number in self.numbers:
            self.stretches.append(
                copy_recorded(
                    self.recorded,
                    recorded,
                    self.system,
                    number,
                    question.since,
                    question.until,
                    self.open_snapshots,
                    partial(self.report, f"copying partition {number}"),
                )
            )
        if not any(stretch.end > stretch.start for stretch in self.stretches):
            raise WhatIfFailed(
                "there is nothing to compare: no command of this stretch is decided yet "
                "(`refold run` decides what waits)"
            )
        with self._decide(AFTER, recorded, question.after or installed) as after:
            if question.before is None:
                why = self._why_not_recorded(recorded)
                if not why:
                    self._write_states(recorded)
                    self._wait(after)
                    return self._recorded_side(), self._side(AFTER, question.after, after)
                with self._decide(BEFORE, recorded, installed) as before:
                    self._wait(before, after)
                one = self._side(BEFORE, installed, before)
                one.origin = why
            else:
                with self._decide(BEFORE, recorded, question.before) as before:
                    self._wait(before, after)
                one = self._side(BEFORE, question.before, before)
            return one, self._side(AFTER, question.after, after)

    def _new_log(self, side: str) -> FileLog:
        (self.folder / side).mkdir(parents=True)
        return make_log(self.folder / side / "log", self.system, self.recorded)

    def _decide(self, side: str, recorded: Log, rules: Rules) -> SideProcess:
        """Start deciding a side; only the side after has edits."""
        with self._new_log(side) as log:
            for stretch in self.stretches:
                number = stretch.partition
                if side == AFTER and self.question.edits:
                    self.edited[number] = self.edits.edited(number)
                edits = self.edited.get(number) if side == AFTER else None
                copy_commands(recorded, log, self.system, stretch, edits)
        if side == AFTER:
            self.edits.check_met(self.numbers)
        kept = ""
        topic = self.system.events_topic
        if any(self.recorded.partition(topic, number).log_start for number in self.numbers):
            kept = str(self.snapshots or "")
        return SideProcess(
            rules,
            self.system,
            self.folder / side,
            self.numbers,
            snapshots=kept,
            scope=self.recorded.scope,
        )

    def _why_not_recorded(self, recorded: Log) -> str:
        """Empty where the installed rules decide the history to the same bytes."""
        for stretch in self.stretches:
            number = stretch.partition
            found = verify(
                recorded,
                self.system,
                number,
                since=stretch.start,
                snapshots=self._snapshots_of(number),
                progress=partial(self.report, f"verifying partition {number}"),
            )
            if found.difference is not None:
                return (
                    "decided again: the recorded events differ from what the installed rules give "
                    f"(first at partition {number}, command {found.difference.command_offset})"
                )
            if found.commands_of_other_rules:
                return (
                    f"decided again: other rules decided {found.commands_of_other_rules:,} of the "
                    f"recorded commands of partition {number}"
                )
        return ""

    def _write_states(self, recorded: Log) -> None:
        """The last states of the recorded history, as a side's process writes them."""
        states = self.folder / RECORDED / "states"
        states.mkdir()
        for stretch in self.stretches:
            number = stretch.partition
            events = RecordedEvents(recorded, self.system, number)
            fold = begin_fold(events, self.system, None, self._snapshots_of(number))
            fold_until(events, fold, None, partial(self.report, f"folding partition {number}"))
            write_state(self.system, fold.state, states / f"{number}.jsonl")

    def _recorded_side(self) -> Side:
        return Side(
            rules="installed",
            rules_version=self.system.rules_version,
            origin="recorded",
            log=str(self.folder / RECORDED / "log"),
        )

    def _snapshots_of(self, number: int) -> Any:
        return self.open_snapshots(self.system, number) if self.open_snapshots else None

    def _side(self, name: str, rules: Rules | None, process: SideProcess) -> Side:
        assert process.decided is not None
        edited = name == AFTER and self.question.edits
        return Side(
            rules=rules.label if rules else "installed",
            rules_version=process.decided.rules_version,
            origin="decided from edited commands" if edited else "decided",
            log=str(self.folder / name / "log"),
        )

    def _wait(self, *processes: SideProcess) -> None:
        waiting = list(processes)
        while waiting:
            for process in list(waiting):
                if process.wait(LOOK_S / len(waiting)):
                    waiting.remove(process)
            done = sum(process.done for process in processes)
            self.report("deciding", done, sum(process.total for process in processes))

    # -- states and read models ------------------------------------------------------------------

    def _compare_states(self, number: int, *sides: Side) -> StateComparison:
        paths = [Path(side.log).parent / "states" / f"{number}.jsonl" for side in sides]
        compared = StateComparison(partition=number, differences=[], differences_count=0)
        texts = [path.read_bytes() for path in paths]
        if texts[0] == texts[1]:
            return compared
        for difference in compare_rows(read_state(texts[0]), read_state(texts[1])):
            compared.differences_count += 1
            if len(compared.differences) < KEPT_DIFFERENCES:
                compared.differences.append(difference)
        return compared

    def _ask(
        self, one: Log, other: Log, changed: Sequence[ChangedCommand]
    ) -> list[QueryComparison]:
        if self.asked is None:
            commands = [each.command for each in changed]
            self.asked = default_queries(read_models(self.registered), one, commands)
        told = [
            replies(
                log,
                self.registered,
                self.asked,
                self.folder / f"{name}.sqlite",
                partial(self.report, f"read models {name}"),
            )
            for log, name in ((one, BEFORE), (other, AFTER))
        ]
        return compare_replies(self.asked, *told)


def read_state(text: bytes) -> WrittenRows:
    """A state's rows, as `write_state` writes them."""
    encoded = text.splitlines()
    rows: list[tuple[str, Any]] = [msgspec.json.decode(line) for line in encoded]
    return WrittenRows(encoded, [tag for tag, _ in rows], lambda at: rows[at][1])


__all__ = [
    "EventComparison",
    "Question",
    "Report",
    "Rules",
    "Side",
    "WhatIf",
    "WhatIfFailed",
    "read_state",
    "what_if",
]
