"""The stepping terminal, worked by real keys on a screen of 80 columns and 24 lines."""

import asyncio
import html
import re
import threading
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

import pytest
from textual.pilot import Pilot

from gateway.cli import stepper_app
from gateway.cli.stepper_app import StepperApp
from log.backends.memory import MemoryLog
from log.record import Record
from processors.core.registry import Registry
from processors.core.testing.subject import decide_all, memory_log
from replay.state import END, Progress
from replay.stepping import Step, Stepper
from tests.replay.recording import PARKING, UNREADABLE, append, run
from tests.samples.parking import START_MS, flow

COMMANDS = 350
Script = Callable[[StepperApp, Pilot[None]], Awaitable[None]]


def parking() -> Stepper:
    log = MemoryLog()
    append(log, *islice(flow(1), COMMANDS - 1), UNREADABLE)
    run(log)
    return Stepper(log, PARKING, 0)


def trading() -> Stepper:
    """Two orders on the book of one instrument."""
    system = Registry().find("exchange").system
    order = (
        b'{"type":"place_order.v1","instrument":"ACME","order_id":%d,"account_id":7,"side":"%s",'
        b'"price":%d,"quantity":%d}'
    )
    values = [
        b'{"type":"list_instrument.v1","instrument":"ACME"}',
        order % (1, b"sell", 110, 30),
        order % (2, b"buy", 100, 20),
        order % (3, b"buy", 110, 10),
    ]
    _, (number, *_) = system.placed(system.commands[0](instrument="ACME"), system.partitions)
    log = memory_log(
        system,
        [(number, Record(value, b"ACME", START_MS + at)) for at, value in enumerate(values)],
    )
    decide_all(log, system)
    return Stepper(log, system, number)


def show(
    stepper: Stepper, script: Script, begin: Any = END, size: tuple[int, int] = (80, 24)
) -> None:
    """Run a script of keys against the terminal."""

    async def shown() -> None:
        app = StepperApp(stepper, stepper.at(begin))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(shown())


async def press(app: StepperApp, pilot: Pilot[None], *keys: str) -> int:
    """Press keys, wait for what they lead to, and tell at which command that is."""
    await pilot.press(*keys)
    await app.settled()
    await pilot.pause()
    return app.step.command_offset


TEXT = re.compile(r'<text class="[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*clip-path[^>]*>(.*?)</text>')
COLUMN_WIDTH = 12.2
"""Of a screenshot."""


def screen(app: StepperApp) -> list[str]:
    """What stands on the screen, line by line."""
    lines: dict[float, str] = {}
    for x, y, text in TEXT.findall(app.export_screenshot()):
        shown = html.unescape(text).replace("\xa0", " ")
        column = round(float(x) / COLUMN_WIDTH)
        lines[float(y)] = lines.get(float(y), "").ljust(column) + shown
    return [line for _, line in sorted(lines.items())]


@pytest.mark.parametrize(
    ("keys", "offset"),
    [
        ((), 349),
        (("left",), 348),
        (("p", "p", "right"), 348),
        (("n",), 349),
        (("home",), 0),
        (("home", "n", "right", "p"), 1),
        (("home", "pagedown", "pagedown", "pageup", "n"), 101),
        (("home", "pageup"), 0),
        (("home", "end"), 349),
        (("g", *"120", "enter"), 120),
        (("g", *"12", "left", *"5", "enter"), 152),
        (("g", *"120", "escape", "p"), 348),
        (("home", "slash", *"command_dead", "enter"), 349),
        (("home", "slash", *"spot=spot-3", "enter", "slash", "enter"), None),
        (("tab", "p", "down", "up", "tab", "p"), 347),
    ],
)
def test_keys(keys: tuple[str, ...], offset: int | None) -> None:
    stepper = parking()
    if offset is None:
        first = stepper.find("spot=spot-3", 0)
        assert first is not None
        offset = stepper.find("spot=spot-3", first)

    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        assert await press(app, pilot, *keys) == offset
        assert app.step == stepper.at(offset or 0)

    show(stepper, script)


def test_the_screen_holds_the_command_its_events_the_change_and_the_ladder() -> None:
    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "p")
        lines = screen(app)
        assert len(lines) <= 24
        text = "\n".join(lines)
        place = f"markets.exchange-{app.step.partition}  2 of 3  2023-11-14T22:13:20.002Z"
        assert lines[0].startswith(place)
        for shown in (
            "place_order.v1",
            "order_id=2",
            "Events: 1",
            "order_accepted.v1",
            "Changes: ",
        ):
            assert shown in text
        for ladder in (
            "ACME, 2 orders",
            "   bid |  price | ask",
            "       | 0.0110 | 30 (1)",
            "20 (1) | 0.0100 |",
        ):
            assert ladder in text
        assert "q quit" in lines[-1]
        await press(app, pilot, "n")
        assert "       | 0.0110 | 20 (1)" in "\n".join(screen(app))

    show(trading(), script)


def test_it_fits_less() -> None:
    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        assert "ACME, 2 orders" in "\n".join(screen(app))
        assert len(screen(app)) <= 12

    show(trading(), script, size=(60, 12))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("g", *"soon", "enter"), "neither a command offset (1042) nor a time"),
        (("g", *"9999", "enter"), "there is no command 9999 to step to"),
        (("slash", *"nobody", "enter"), "nothing after this command has 'nobody'"),
    ],
)
def test_what_cannot_be_is_said(keys: tuple[str, ...], said: str) -> None:
    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        assert await press(app, pilot, *keys) == COMMANDS - 1
        assert said in " ".join(" ".join(screen(app)).split())
        assert await press(app, pilot, "p") == COMMANDS - 2
        assert said not in " ".join(" ".join(screen(app)).split())

    show(parking(), script)


def test_a_time_is_a_place() -> None:
    stepper = parking()

    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "g", *"2023-11-14T22:13:30Z", "enter")
        assert app.step.at <= START_MS + 10_000 < stepper.at(app.step.command_offset + 1).at

    show(stepper, script)


def test_q_is_text_where_text_is_typed_and_leaves_elsewhere() -> None:
    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "slash", *"qng")
        assert app.is_running
        assert app.query_one("#asked").value == "qng"  # type: ignore[attr-defined]
        await press(app, pilot, "escape")
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running

    show(parking(), script)


class Slow(Stepper):
    """Goes on when it is told to."""

    may_go_on: threading.Event
    asked: list[int]

    def by(self, count: int, offset: int, progress: Progress | None = None) -> Step:
        self.asked.append(count)
        while not self.may_go_on.wait(0.05):
            if progress:
                progress(30, 100)
        return super().by(count, offset, progress)


def slow() -> Slow:
    log = MemoryLog()
    append(log, *islice(flow(1), COMMANDS))
    run(log)
    stepper = Slow(log, PARKING, 0)
    stepper.may_go_on, stepper.asked = threading.Event(), []
    return stepper


def test_keys_that_come_meanwhile_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepper_app, "LOOK_S", 0.05)
    stepper = slow()

    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        await pilot.press("p")
        while not stepper.asked:
            await pilot.pause(0.01)
        await pilot.press("p", "p", "pageup", "n")
        while "30% of 100" not in "\n".join(screen(app)):
            await pilot.pause(0.01)
        assert "s left" in "\n".join(screen(app))
        stepper.may_go_on.set()
        await app.settled()
        assert stepper.asked == [-1, -101]
        assert app.step.command_offset == COMMANDS - 1 - 102

    show(stepper, script)


def test_it_can_be_left_within_a_long_move() -> None:
    stepper = slow()

    async def script(app: StepperApp, pilot: Pilot[None]) -> None:
        await pilot.press("p")
        while not stepper.asked:
            await pilot.pause(0.01)
        await pilot.press("q")

    show(stepper, script)
    assert not stepper.may_go_on.is_set()
