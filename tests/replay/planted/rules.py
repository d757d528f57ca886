"""The rules: nothing here is impure, as far as their syntax tells."""

from collections.abc import Callable, Iterable, Sequence

from log.envelope import Event
from tests.replay.planted.messages import Notebook, Said, Say


def initial() -> Notebook:
    return Notebook()


def decide(
    state: Notebook, command: Say, at: int, write: Callable[[Say, int], str]
) -> Sequence[Event]:
    if command.amount % 5 == 0:
        return [Said(text="nothing")]
    text = write(command, at)
    return [Said(text=text)]


def evolve(state: Notebook, event: Said) -> Notebook:
    state.lines += 1
    return state


def evolve_in_shelf(state: Notebook, event: Said, shelf: Callable[[str], int]) -> Notebook:
    state.lines += 1
    place = shelf(event.text)
    state.shelves[event.text] = place
    return state


def plainly(command: Say, at: int) -> str:
    return f"{command.words} {command.amount} {at}"


def grouped(command: Say, at: int) -> str:
    amount = command.amount
    return f"{amount:n} of {command.words}"  # HERE: number_format


def distinct(command: Say, at: int, split: Callable[[str], Iterable[str]]) -> str:
    words = split(command.words)
    listed = list(dict.fromkeys(words))  # HERE: set_order
    return " ".join(listed)


def in_order(command: Say, at: int, rank: Callable[[object], int]) -> str:
    parts = [Said(text=word) for word in command.words.split()]
    first = min(parts, key=rank)  # HERE: addresses
    return first.text
