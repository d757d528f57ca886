"""The system's own flow, decided three times with other thresholds of fan-out: everyone's posts
are pushed, pulled, or both, and every timeline is the same."""

import dataclasses
from collections.abc import Iterator
from itertools import islice

import msgspec

from log.envelope import Command
from processors.social.feed import SYSTEM
from processors.social.feed.commands import Limits, SetLimits
from projections.core.store import Store
from projections.social.feed.accounts import ACCOUNTS
from projections.social.feed.home import ShownPost
from projections.social.feed.queries import home, home_ranked
from projections.social.feed.timelines import AUTHORS
from tests.projections.social.feed.replaying import in_memory, replay

SEED, COMMANDS = 11, 2_000
THRESHOLDS = {"push": (1 << 40, 1 << 40), "pull": (0, 0), "hybrid": (5, 3)}
"""Pulled from so many followers on, pushed again below so many."""


def commands(pull_at: int, push_below: int) -> Iterator[tuple[int, Command]]:
    """The flow, with these thresholds from its beginning, whatever limits the operator sets."""
    for number, (at_ms, command) in enumerate(islice(SYSTEM.flow(SEED), COMMANDS)):
        if not number:
            yield at_ms, SetLimits(limits=_with(Limits(), pull_at, push_below))
        if isinstance(command, SetLimits):
            command = SetLimits(limits=_with(command.limits, pull_at, push_below))
        yield at_ms, command


def _with(limits: Limits, pull_at: int, push_below: int) -> Limits:
    return msgspec.structs.replace(
        limits, pull_at_followers=pull_at, push_below_followers=push_below
    )


def timelines(store: Store) -> dict[str, list[list[ShownPost]]]:
    with store.reading() as reader:
        names = [account.author for account in reader.rows(ACCOUNTS)]
        return {name: [home(reader, name, 400), home_ranked(reader, name, 400)] for name in names}


def pulled(store: Store) -> set[str]:
    """Of those who have followers."""
    with store.reading() as reader:
        rows = [row for row in reader.rows(AUTHORS) if row.followers]
    return {row.author for row in rows if row.pushed is not None}


def test_push_pull_and_hybrid_give_the_same_timelines() -> None:
    # What comes back from other partitions is in the flow: the reactor stands aside.
    alone = dataclasses.replace(SYSTEM, reactors=())
    stores = {
        name: in_memory(replay(commands(*thresholds), alone))
        for name, thresholds in THRESHOLDS.items()
    }
    found = {name: timelines(store) for name, store in stores.items()}
    assert found["pull"] == found["push"]
    assert found["hybrid"] == found["push"]
    assert sum(len(posts) for posts, _ranked in found["push"].values()) > 1_000
    assert pulled(stores["push"]) == set()
    assert set() < pulled(stores["hybrid"]) < pulled(stores["pull"])
