"""The feed on several partitions in memory, with the reactor's commands on their way between them.

    a partition's events ─► the reactor's functions ─► a queue for each pair of partitions

What one partition tells another arrives in order; which pair is next is the test's to choose.
"""

from collections import deque
from typing import Any

from log.envelope import Command
from processors.core.timers import decide_fully
from processors.social.feed import SYSTEM
from processors.social.feed.invariants import check
from processors.social.feed.reactors import NEWS
from processors.social.feed.state import Account, Feed

Pair = tuple[int, int]


class Network:
    """`told` are all events so far, in the order in which they were decided."""

    def __init__(self, partitions: int = 3) -> None:
        self.states: list[Feed] = [SYSTEM.decider.initial() for _ in range(partitions)]
        self.times = [0] * partitions
        self.ways: dict[Pair, deque[tuple[Command, int]]] = {}
        self.told: list[Any] = []

    def send(self, command: Command, at: int) -> list[Any]:
        """Decide a command where it belongs; the last events that it led to."""
        events: list[Any] = []
        for number in SYSTEM.placed(command, len(self.states))[1]:
            events = self._decide(number, command, at)
        return events

    def _decide(self, number: int, command: Command, at: int) -> list[Any]:
        now = self.times[number] = max(at, self.times[number])
        events, self.states[number] = decide_fully(
            SYSTEM.decider, self.states[number], command, now
        )
        check(self.states[number])
        self.told += events
        for event in events:
            react = NEWS.on.get(type(event))
            for brought in () if react is None else react(event, now):
                (target,) = SYSTEM.placed(brought, len(self.states))[1]
                self.ways.setdefault((number, target), deque()).append((brought, now))
        return events

    def waiting(self) -> list[Pair]:
        """The pairs of partitions between which there is news."""
        return [pair for pair, way in self.ways.items() if way]

    def deliver(self, pair: Pair) -> None:
        """The first of what is on that way."""
        command, at = self.ways[pair].popleft()
        self._decide(pair[1], command, at)

    def settle(self) -> None:
        """Deliver all, and all that follows."""
        while pairs := self.waiting():
            self.deliver(pairs[0])

    def accounts(self) -> dict[str, Account]:
        return {name: account for state in self.states for name, account in state.accounts.items()}


def assert_agreed(network: Network) -> None:
    """What holds between accounts once all news has arrived."""
    accounts = network.accounts()
    for name, account in accounts.items():
        for follower, number in account.followers.items():
            assert accounts[follower].following.get(name) == number, f"{follower} at {name}"
            assert follower not in account.blocks, f"{name} is followed by {follower}: blocked"
            assert name not in accounts[follower].blocks, f"{follower} follows {name}: blocked"
        for followee, number in account.following.items():
            assert accounts[followee].followers.get(name) == number, f"{name} at {followee}"
        for blocked, number in account.blocks.items():
            assert accounts[blocked].blocked_by.get(name) == number, f"{name} blocks {blocked}"
        for by, number in account.blocked_by.items():
            assert accounts[by].blocks.get(name) == number, f"{name} is blocked by {by}"
    _assert_references(accounts)


def _assert_references(accounts: dict[str, Account]) -> None:
    """A post with a parent counts at it, as what it is, unless the parent is gone; and what counts
    is a post that stands."""
    for name, account in accounts.items():
        for post_id, post in account.posts.items():
            parent_account = accounts.get(post.parent_author)
            parent = parent_account and parent_account.posts.get(post.parent_id)
            if parent:
                assert parent.refers(name, post_id) is post.kind, f"{name} {post_id}"
            for by, by_post_id in post.references or {}:
                child = accounts[by].posts[by_post_id]
                assert (child.parent_author, child.parent_id) == (name, post_id)
