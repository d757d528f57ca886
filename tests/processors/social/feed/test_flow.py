"""The flow: the same for a seed, of everything that there is, and like a network."""

from collections import Counter
from itertools import islice, pairwise
from typing import Any

from log.envelope import Command
from processors.core.timers import decide_fully
from processors.social.feed import SYSTEM
from processors.social.feed.commands import COMMANDS
from processors.social.feed.events import EVENTS, RejectCode
from processors.social.feed.flow import demo_flow, flow
from processors.social.feed.invariants import check
from processors.social.feed.state import Feed
from tests.processors.social.feed.network import Network, assert_agreed

COUNT = 20_000
RARE = {RejectCode.FOLLOWING_LIMIT, RejectCode.BLOCKS_LIMIT}


def decided(commands: list[tuple[int, Command]]) -> tuple[list[Any], Feed]:
    events, state = [], SYSTEM.decider.initial()
    for at, command in commands:
        told, state = decide_fully(SYSTEM.decider, state, command, at)
        events += told
    return events, state


def test_a_seed_gives_the_same_commands_and_another_seed_others() -> None:
    first, again, other = (list(islice(flow(seed), 2_000)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert all(before[0] <= after[0] for before, after in pairwise(first))


def test_it_begins_when_it_is_told() -> None:
    assert next(flow(1, start_ms=5_000))[0] in range(5_000, 6_000_000)


def test_it_has_every_command_every_event_and_nearly_every_rejection() -> None:
    commands = list(islice(flow(1), COUNT))
    events, state = decided(commands)
    check(state)
    assert {type(command) for _, command in commands} == set(COMMANDS)
    assert {type(event) for event in events} == set(EVENTS)
    codes = {getattr(event, "code", None) for event in events}
    assert set(RejectCode) - RARE <= codes


def test_a_few_are_followed_by_most() -> None:
    """A tenth of the accounts has half of the followers or more."""
    _, state = decided(list(islice(flow(3), COUNT)))
    counts = sorted((len(account.followers) for account in state.accounts.values()), reverse=True)
    assert len(counts) > 200
    assert sum(counts[: len(counts) // 10]) > sum(counts) // 2
    assert Counter(counts)[0] > 50


def test_a_demo_s_people_lead_to_what_the_flow_has() -> None:
    """The same network comes out where the reactor runs, and not the flow's own commands."""
    network = Network()
    for at, command in islice(demo_flow(5), 2_000):
        network.settle()
        network.send(command, at)
    network.settle()
    assert_agreed(network)
    codes = Counter(type(event) for event in network.told)
    assert min(codes[kind] for kind in EVENTS) > 0
