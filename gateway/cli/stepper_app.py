"""The terminal of `refold replay step`: a history walked by keys, a command at a time.

A `Stepper` gives steps; here they are shown: the command, its events and what they changed on the
left, the state as its system draws it on the right. Steps are made in a thread beside, so that
keys answer at once; keys that come meanwhile are added up.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from gateway.cli.output import as_text, time_text
from log.envelope import Command, Event
from log.errors import LogError
from replay.state import Progress, parse_at
from replay.stepping import Step, Stepper
from replay.text_search import Told

KEYS = "→n next  ←p back  PgDn PgUp 100  Home End  g go  / find  Tab ↑↓ scroll  q quit"
EVENTS_SHOWN = 200
DIFFERENCES_SHOWN = 500
VALUE_WIDTH = 400
LOOK_S = 0.2
"""How often a long move shows how far it is."""

Move = int | Callable[[Progress], Step | None]
"""By so many commands, or what finds the step to show; None: there is none, and it is said."""


class _Stopped(Exception):
    """The terminal is closed: a long move need not be finished."""


class StepperApp(App[None]):
    """Shows the steps of a stepper, beginning with one."""

    TITLE = "refold replay step"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head, #status, #keys { height: 1; width: 100%; text-wrap: nowrap; }
    #head { background: $primary; color: $text; }
    #keys { color: $text-muted; text-overflow: ellipsis; }
    #story { width: 1fr; padding: 0 1; }
    #state { width: 1fr; padding: 0 1; border-left: solid $primary; }
    #story:focus, #state:focus { background: $boost; }
    #state Static { width: auto; }
    #asked { height: 1; border: none; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,n", "by(1)", "Next", priority=True),
        Binding("left,p", "by(-1)", "Back", priority=True),
        Binding("pagedown", "by(100)", "100 on", priority=True),
        Binding("pageup", "by(-100)", "100 back", priority=True),
        Binding("home", "first", "First", priority=True),
        Binding("end", "last", "Last", priority=True),
        Binding("g", "ask('go')", "Go to", priority=True),
        Binding("slash", "ask('find')", "Find", priority=True),
        Binding("q", "leave_by_key", "Quit", priority=True),
        Binding("ctrl+c,ctrl+q", "leave", "Quit", priority=True, show=False),
        Binding("escape", "close", "Close", show=False),
    ]

    def __init__(self, stepper: Stepper, step: Step) -> None:
        super().__init__()
        self.stepper = stepper
        self.step = step
        """The one that is shown."""
        self.sought = ""
        """The text that was looked for last."""
        self._moves: list[Move] = []
        self._is_asked = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._asking = ""
        self._ending = False
        self._began_s = 0.0
        self._done: tuple[int, int] | None = None
        """How far the move that is on has come, of how much."""

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Horizontal():
            with VerticalScroll(id="story"):
                yield Static(id="told")
            with VerticalScroll(id="state"):
                yield Static(id="drawn")
        yield Static(id="status")
        yield Input(id="asked", compact=True)
        yield Static(Text(KEYS), id="keys")

    def on_mount(self) -> None:
        self._show(self.step)
        self.query_one("#story").focus()
        self.set_interval(LOOK_S, self._look)
        self.run_worker(self._walk())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, keys are text."""
        return not (self._asking and action in ("by", "first", "last", "ask", "leave_by_key"))

    async def settled(self) -> None:
        """Until no move is waiting or on."""
        await self._is_idle.wait()

    def action_by(self, count: int) -> None:
        """Move by commands; those that wait already are added up."""
        if self._moves and isinstance(waiting := self._moves[-1], int):
            self._moves.pop()
            count += waiting
        self._move(count)

    def action_first(self) -> None:
        self._move(lambda progress: self.stepper.at(self.stepper.first, progress))

    def action_last(self) -> None:
        self._move(lambda progress: self.stepper.at(self.stepper.last, progress))

    def action_ask(self, what: str) -> None:
        """Ask for a place to go to, or a text to find."""
        self._asking = what
        asked = self.query_one("#asked", Input)
        asked.value = ""
        again = f"  [{self.sought}]" if self.sought else ""
        asked.placeholder = (
            "command offset, or time (2024-05-01T09:30:00Z)"
            if what == "go"
            else f"text in a command or an event{again}"
        )
        asked.display = True
        asked.focus()

    def action_close(self) -> None:
        """Ask no more."""
        self._asking = ""
        self.query_one("#asked").display = False
        self.query_one("#story").focus()

    def action_leave(self) -> None:
        self._ending = True
        self.exit()

    action_leave_by_key = action_leave

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        asking, text = self._asking, submitted.value.strip()
        self.action_close()
        if asking == "go" and text:
            try:
                place = parse_at(text)
            except ValueError as error:
                self._say(str(error))
                return
            self._move(lambda progress: self.stepper.at(place, progress))
        elif asking == "find" and (text or self.sought):
            self.sought = text or self.sought
            self._move(self._find)

    def _find(self, progress: Progress) -> Step | None:
        found = self.stepper.find(self.sought, self.step.command_offset, progress)
        return None if found is None else self.stepper.at(found, progress)

    def _move(self, move: Move) -> None:
        self._moves.append(move)
        self._is_idle.clear()
        self._is_asked.set()

    async def _walk(self) -> None:
        """Make one move after the other, as long as the terminal is open."""
        while True:
            if not self._moves:
                self._is_asked.clear()
                self._is_idle.set()
            await self._is_asked.wait()
            move = self._moves.pop(0)
            self._began_s = time.monotonic()
            try:
                step = await asyncio.to_thread(self._make, move)
            except LogError as error:
                self._say(str(error))
            except _Stopped:
                return
            else:
                if step is None:
                    self._say(f"nothing after this command has {self.sought!r}")
                else:
                    self._show(step)
            finally:
                self._done = None

    def _make(self, move: Move) -> Step | None:
        """In a thread: what the move leads to."""
        if isinstance(move, int):
            return self.stepper.by(move, self.step.command_offset, self._report)
        return move(self._report)

    def _report(self, done: int, total: int) -> None:
        if self._ending:
            raise _Stopped
        self._done = done, total

    def _look(self) -> None:
        """Say how far a long move is, and how long it will still take."""
        if self._done is None:
            return
        done, total = self._done
        elapsed_s = time.monotonic() - self._began_s
        share = done / max(total, 1)
        left = f", {elapsed_s / share - elapsed_s:.0f} s left" if share else ""
        self._say(f"{share:.0%} of {total:,}, {done / elapsed_s:,.0f}/s{left}")

    def _say(self, text: str) -> None:
        self.query_one("#status", Static).update(Text(text))

    def _show(self, step: Step) -> None:
        self.step = step
        self.query_one("#head", Static).update(head_of(step, self.stepper.last))
        self.query_one("#told", Static).update(story_of(step))
        self.query_one("#drawn", Static).update(Text(step.rendering))
        self.query_one("#story").scroll_home(animate=False)
        self._say("")


def head_of(step: Step, last: int) -> Text:
    """Where one stands: partition, command, time, rules, digest."""
    return Text(
        f"{step.system}-{step.partition}  {step.command_offset:,} of {last:,}  "
        f"{time_text(step.at)}  rules {step.rules_version}  {step.digest[:8]}"
    )


def story_of(step: Step) -> Text:
    """The command, its events, and what they changed."""
    text = Text()
    command = step.command
    if command is None:
        text.append("The command is deleted from its topic by now.\n", "italic")
    else:
        text.append(command.type or "not a command", "bold cyan")
        text.append(f"  {time_text(command.timestamp)}")
        text.append(f"  key {command.key}\n" if command.key is not None else "\n")
        _append_fields(text, command, Command.__struct_fields__)
    text.append(f"\nEvents: {len(step.events)}\n", "bold")
    for event in step.events[:EVENTS_SHOWN]:
        text.append(f"#{event.value['sequence']} ", "dim")
        text.append(f"{event.type}\n", "green")
        _append_fields(text, event, Event.__struct_fields__)
    _append_rest(text, len(step.events) - EVENTS_SHOWN)
    text.append(f"\nChanges: {len(step.differences)}\n", "bold")
    for each in step.differences[:DIFFERENCES_SHOWN]:
        text.append(f"{each.path or 'state'}\n", "yellow")
        text.append(f"  {_short(each.left)} → {_short(each.right)}\n")
    _append_rest(text, len(step.differences) - DIFFERENCES_SHOWN)
    return text


def _append_fields(text: Text, told: Told, envelope: Iterable[str]) -> None:
    if not isinstance(told.value, dict):
        text.append(f"{_short(told.value)}\n")
        return
    left_out = {"type", *envelope}
    for name, value in told.value.items():
        if name not in left_out:
            text.append(f"{name}=", "dim")
            text.append(f"{_short(value)}  ")
    text.append("\n")
    if topic := told.value.get("origin_topic"):
        partition, sequence = (
            told.value.get(f"origin_{part}", 0) for part in ("partition", "sequence")
        )
        text.append(f"from {topic}-{partition} #{sequence}\n", "dim")


def _append_rest(text: Text, count: int) -> None:
    if count > 0:
        text.append(f"... and {count:,} more\n", "italic")


def _short(value: Any) -> str:
    shown = as_text(value) if value is not None else "none"
    return shown if len(shown) <= VALUE_WIDTH else f"{shown[:VALUE_WIDTH]}..."
