"""The first command at which two histories part, found in O(log n) comparisons.

Two sides come in: histories that are walked (recorded events folded, or commands decided again by
some rules), or digests that were written elsewhere. Out comes the command, what either side
answered to it, and the fields in which the states differ afterwards.

A side is compared by its running digest of events, and by its state. Histories whose events differ
once have other digests of events ever after, so bisection finds the very first place. States alone
may differ and be equal again, where two versions of `evolve` make other states of the same events:
of those, bisection finds a place where they were equal, and are different one command later. It
may miss a stretch that ended before one of its probes; of digests, it misses none that stands on
their lines, as they hold a running digest of states, too.

All in all each history is walked about once: half of it for the first probe, then at most a
quarter, and so on; to go back, the state at the last place that was equal is kept.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from log.record import StoredRecord
from replay.differences import FieldDifference, compare_states
from replay.digests import DigestLine, DigestsHeader, state_format_of
from replay.histories import History
from replay.verify import Side

Progress = Callable[[int, int], None]
"""Called with how many commands are walked, and about how many there will be."""


class Incomparable(Exception):
    """The two sides have nothing that could be compared; the message says why."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """By what a place of a history is compared. `states` is empty where it is not known."""

    command_offset: int
    events: str
    state: str
    states: str = ""


class CommandSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A command as the log has it."""

    offset: int
    timestamp: int
    key: str | None
    type: str
    fields: Any
    """Of JSON's types; the bytes as text where it cannot be read."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one side has of the command."""

    command: CommandSeen | None
    """None: there is no such command, or it is deleted by now."""
    events: list[Side]
    """None of them: it is not decided."""


class Parting(msgspec.Struct, frozen=True, kw_only=True):
    """Where two histories part."""

    same_until: int
    """The last command offset after which they were found the same; -1 for none."""
    command_offset: int
    """The first at which they are not, where `exact`; else one by which they have parted."""
    exact: bool
    differing: Literal["commands", "events", "state", "length", "unknown"]
    """What differs at that command: the commands themselves; the events that the same command led
    to; only the state that the same events made; one side ends before it. `unknown` where only
    digests are at hand."""
    a: Answer | None = None
    b: Answer | None = None
    """None where only digests are at hand."""
    state: list[FieldDifference] = []
    """The fields of the state that differ after the command."""
    state_compared: bool = False
    """Whether there are two states of one form."""


class Bisection(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one partition."""

    system: str
    partition: int
    comparisons: int
    commands: int
    """Up to this offset (not included) the histories were searched."""
    parting: Parting | None
    """None: they are the same as far as they go."""


class Compared(ABC):
    """One of two sides."""

    state_format: str
    """As `digests.state_format_of` has it."""
    steps: tuple[int, int] | None = None
    """By what steps, and since where, its `Marks.states` were made, if it has those."""

    @property
    @abstractmethod
    def offsets(self) -> Sequence[int]:
        """After which commands it can be asked, in order."""

    @abstractmethod
    def marks(self, command_offset: int, walked: Callable[[int], None]) -> Marks:
        """After that command, or the end where that comes before. `walked` is told how many
        commands that took, as it goes on."""

    @abstractmethod
    def keep(self) -> None:
        """It was the same here: all that is asked from now on is behind."""

    @abstractmethod
    def history_after(self, command_offset: int) -> History | None:
        """The history itself, from after that command on, with a digest of events that begins
        there; None where it is not at hand, or not the same any more."""


class WalkedSide(Compared):
    """A history at hand. It stands at its beginning."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.state_format = state_format_of(history.system)
        self.begin = history.fold.last_cause + 1
        self._kept = history.keep()

    @property
    def offsets(self) -> Sequence[int]:
        return range(self.begin, self.history.commands_end)

    def begin_at(self, command_offset: int) -> None:
        """Leave out what the other side has not."""
        if command_offset > self.begin:
            self.history.advance(command_offset - 1)
            self.history.begin_digest()
            self.begin, self._kept = command_offset, self.history.keep()

    def marks(self, command_offset: int, walked: Callable[[int], None]) -> Marks:
        history = self.history
        if history.fold.last_cause > command_offset:
            history.go_back(self._kept)
        done = history.fold.last_cause

        def progress(last_cause: int) -> None:
            nonlocal done
            walked(last_cause - done)
            done = last_cause

        history.advance(command_offset, progress)
        progress(history.fold.last_cause)
        return Marks(
            command_offset=history.fold.last_cause,
            events=history.events_digest.hexdigest(),
            state=history.state_digest(),
        )

    def keep(self) -> None:
        self._kept = self.history.keep()

    def history_after(self, command_offset: int) -> History:
        """From the last place that was kept."""
        self.history.go_back(self._kept)
        self.history.advance(command_offset)
        self.history.begin_digest()
        return self.history


class DigestsSide(Compared):
    """A partition's digests; none, where nothing happened on it. `open_after`, where the log that
    they are of can be read here, gives its history after a command."""

    def __init__(
        self,
        header: DigestsHeader,
        lines: Sequence[DigestLine],
        open_after: Callable[[int], History] | None = None,
    ) -> None:
        self.state_format = header.state_format
        self.steps = header.every_commands, header.since
        self._lines = lines
        self._offsets = [line.command_offset for line in lines]
        self._open_after = open_after

    @property
    def offsets(self) -> Sequence[int]:
        return self._offsets

    def marks(self, command_offset: int, walked: Callable[[int], None]) -> Marks:
        if not self._lines:
            return Marks(command_offset=-1, events="", state="")
        at = min(bisect_left(self._offsets, command_offset), len(self._lines) - 1)
        line = self._lines[at]
        return Marks(
            command_offset=line.command_offset,
            events=line.events,
            state=line.state,
            states=line.states,
        )

    def keep(self) -> None:
        """Any line is at hand."""

    def history_after(self, command_offset: int) -> History | None:
        if self._open_after is None:
            return None
        history = self._open_after(command_offset)
        if command_offset >= 0:
            marks = self.marks(command_offset, _nobody)
            if (history.fold.last_cause, history.state_digest()) != (
                marks.command_offset,
                marks.state,
            ):
                return None
        history.begin_digest()
        return history


def bisect(
    system: str, partition: int, a: Compared, b: Compared, progress: Progress | None = None
) -> Bisection:
    """Search two sides of one partition.

    Errors: Incomparable; those of walking the histories, and TaskFailed where they are decided.
    """
    search = _Search(a, b, progress)
    parting = search.run()
    return Bisection(
        system=system,
        partition=partition,
        comparisons=search.comparisons,
        commands=search.commands,
        parting=parting,
    )


class _Search:
    """`comparisons` counts how often two places were compared; `commands` is how far they go."""

    def __init__(self, a: Compared, b: Compared, progress: Progress | None = None) -> None:
        self.comparisons = 0
        self._sides = a, b
        self._states_compare = a.state_format == b.state_format
        self._chains_compare = a.steps is not None and a.steps == b.steps
        self._progress = progress
        self._walked = 0
        self._align(a, b)
        self._offsets = _common(a.offsets, b.offsets)
        ends = [side.offsets[-1] + 1 for side in (a, b) if side.offsets]
        self.commands = max(ends, default=0)

    def _align(self, a: Compared, b: Compared) -> None:
        """Let both begin at the same place, wherever first events are deleted."""
        walked = [side for side in (a, b) if isinstance(side, WalkedSide)]
        begin = max((side.begin for side in walked), default=0)
        if begin > 0 and len(walked) == 1:
            raise Incomparable(
                f"the first events are deleted, up to those of the command at offset {begin - 1}, "
                "and digests are of all events: compare with a log"
            )
        for side in walked:
            side.begin_at(begin)

    def run(self) -> Parting | None:
        """The first command at which the sides part; None where there is none."""
        offsets = self._offsets
        if not offsets and all(side.offsets for side in self._sides):
            raise Incomparable(
                "there is no command after which both sides can be asked: write digests with the "
                "same --every and --since"
            )
        at = self._first(offsets)
        before = offsets[0] - 1 if isinstance(offsets, range) and offsets else -1
        same_until = offsets[at - 1] if at else before
        if at < len(offsets):
            return self._within(same_until, offsets[at], "unknown")
        ends = [side.marks(self.commands, self._count).command_offset for side in self._sides]
        return None if ends[0] == ends[1] else self._within(same_until, max(ends), "length")

    def _first(self, offsets: Sequence[int]) -> int:
        """The index of the first offset at which the sides differ."""
        return bisect_left(offsets, True, key=self._differ)

    def _differ(self, offset: int) -> bool:
        self.comparisons += 1
        one, other = (side.marks(offset, self._count) for side in self._sides)
        are_same = (
            one.command_offset == other.command_offset
            and one.events == other.events
            and self._are_states_same(one, other)
        )
        if are_same:
            for side in self._sides:
                side.keep()
        return not are_same

    def _count(self, walked: int) -> None:
        self._walked += walked
        if self._progress:
            self._progress(self._walked, max(2 * self.commands, self._walked))

    def _are_states_same(self, one: Marks, other: Marks) -> bool:
        if not self._states_compare:
            return True
        return one.state == other.state and (
            not self._chains_compare or one.states == other.states
        )

    def _within(
        self, same_until: int, parted_by: int, differing: Literal["unknown", "length"]
    ) -> Parting:
        """Between the last place that is the same and one that is not, command by command."""
        a, b = (side.history_after(same_until) for side in self._sides)
        if a is None or b is None:
            return Parting(
                same_until=same_until,
                command_offset=parted_by,
                exact=parted_by == same_until + 1,
                differing=differing,
            )
        if parted_by > same_until + 1:
            sides = self._sides = WalkedSide(a), WalkedSide(b)
            same_until += self._first(range(same_until + 1, parted_by))
            a, b = (side.history_after(same_until) for side in sides)
        return self._told(a, b, same_until + 1)

    def _told(self, a: History, b: History, offset: int) -> Parting:
        """Both histories stand before the command at which they part."""
        answers = [
            Answer(
                command=command_at(history, offset),
                events=[_event_seen(record) for record in history.events_until(offset)],
            )
            for history in (a, b)
        ]
        one, other = answers
        are_events_same = a.events_digest.hexdigest() == b.events_digest.hexdigest()
        fields: list[FieldDifference] = []
        if self._states_compare:
            fields = compare_states(a.system.decider.state_format, a.fold.state, b.fold.state)
        return Parting(
            same_until=offset - 1,
            command_offset=offset,
            exact=True,
            differing=_what_differs(one, other, are_events_same),
            a=one,
            b=other,
            state=fields,
            state_compared=self._states_compare,
        )


def _what_differs(
    one: Answer, other: Answer, are_events_same: bool
) -> Literal["commands", "events", "state", "length"]:
    if one.command is not None and other.command is not None and one.command != other.command:
        return "commands"
    if not (one.events and other.events):
        return "length"
    return "state" if are_events_same else "events"


def _common(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    """The offsets after which both can be asked; of two histories, all up to the longer one's
    end: that one ends is a difference, too."""
    if isinstance(one, range) and isinstance(other, range):
        return range(max(one.start, other.start), max(one.stop, other.stop))
    if isinstance(one, range):
        one, other = other, one
    there = other if isinstance(other, range) else frozenset(other)
    return [offset for offset in one if offset in there]


def command_at(history: History, offset: int) -> CommandSeen | None:
    """The command at an offset of a history's commands."""
    partition = history.commands
    if not partition.log_start <= offset < partition.high_watermark:
        return None
    for batch in partition.read(offset, 1):
        for record in batch:
            return _seen(history, record) if record.offset == offset else None
    return None


def _seen(history: History, record: StoredRecord) -> CommandSeen:
    library = msgspec.json if history.commands.config.value_format == "json" else msgspec.msgpack
    value = record.value or b""
    fields: Any
    try:
        fields = library.decode(value)
    except msgspec.DecodeError:
        fields = value.decode(errors="backslashreplace")
    kind = ""
    if isinstance(fields, dict):
        kind = str(fields.pop("type", ""))
    return CommandSeen(
        offset=record.offset,
        timestamp=record.timestamp,
        key=_text(record.key),
        type=kind,
        fields=fields,
    )


def _event_seen(record: StoredRecord) -> Side:
    return Side(
        timestamp=record.timestamp,
        key=_text(record.key),
        value=_text(record.value) or "",
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _nobody(walked: int) -> None:
    """Nobody counts."""
