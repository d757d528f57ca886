"""What is said, and the notebook that it is written in."""

import msgspec

from log.envelope import Command, Event


class Say(Command, tag="say.v1", kw_only=True):
    words: str
    amount: int


class Said(Event, tag="said.v1", kw_only=True):
    text: str


class Notebook(msgspec.Struct):
    lines: int = 0
    shelves: dict[str, int] = {}
