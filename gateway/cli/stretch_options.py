"""Options that choose a part of a system's commands: by key, and from a place to another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from gateway.cli.outcome import CommandFailed
from gateway.cli.replay_places import parse_place
from replay.stretch import Chosen, NothingChosen

KeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key", metavar="KEY", help="Only commands with this record key; again for more."
    ),
]
SinceOption = Annotated[
    str,
    typer.Option(
        metavar="OFFSET|TIME",
        help="Begin at this command, or at the first at or after this time (ISO 8601).  "
        "[default: the beginning]",
        show_default=False,
    ),
]
UntilOption = Annotated[
    str,
    typer.Option(
        metavar="OFFSET|TIME",
        help="End with this command, or with the last at or before this time.  [default: the end]",
        show_default=False,
    ),
]


def chosen_of(keys: Sequence[str] | None, since: str, until: str) -> Chosen:
    """CommandFailed for what is neither an offset nor a time."""
    return Chosen(
        keys=tuple(keys or ()),
        since=parse_place("--since", since),
        until=parse_place("--until", until),
    )


@contextmanager
def explained() -> Iterator[None]:
    """That nothing is chosen is for the options to mend."""
    try:
        yield
    except NothingChosen as error:
        raise CommandFailed(f"{error}: see --key, --since and --until") from error
