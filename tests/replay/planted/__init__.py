"""Small systems, each of which goes by something forbidden that the purity test does not see.

The line to be named ends in `# HERE: <system>`. What the rules are given from outside stands in
`library.py`, which no rule imports: it comes in through `functools.partial`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from processors.core.decider import Decider, whole_state
from processors.core.system import System
from tests.replay.planted import library, rules
from tests.replay.planted.messages import Notebook, Said, Say

START_MS = 1_700_000_000_000
WORDS = ("ash oak elm fir", "rain snow hail fog", "tin lead zinc gold")


def flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Say]]:
    number = seed
    while True:
        yield start_ms + number * 7_000_000, Say(words=WORDS[number % 3], amount=number * 4_321)
        number += 1


def _system(name: str, decide: Callable[..., Any], evolve: Callable[..., Any]) -> System:
    return System(
        name=f"planted.{name}",
        decider=Decider(
            initial=rules.initial,
            decide=decide,
            evolve=evolve,
            state_format=whole_state(Notebook),
        ),
        commands=(Say,),
        events=(Said,),
        key=lambda command: command.words,
        partitions=1,
        flow=flow,
    )


def _note(name: str, write: Callable[..., Any]) -> System:
    return _system(name, partial(rules.decide, write=write), rules.evolve)


SYSTEMS = {
    system.name.partition(".")[2]: system
    for system in (
        _note("innocent", rules.plainly),
        _note("library_clock", library.stamped),
        _note("default_argument", library.receipt),
        _note("cached", library.since_opening),
        _note("time_zone", library.day),
        _note("number_format", rules.grouped),
        _note("weekday", library.weekday),
        _note("set_order", partial(rules.distinct, split=library.split)),
        _note("addresses", partial(rules.in_order, rank=library.rank)),
        _note("counter", library.numbered),
        _note("getattr_trick", library.lucky),
        _note("environment", library.discounted),
        _note("folder", library.here),
        _note("unrepeatable", library.threaded),
        _system(
            "evolve_hash",
            partial(rules.decide, write=rules.plainly),
            partial(rules.evolve_in_shelf, shelf=library.shelf),
        ),
    )
}
