"""Leases: how several workers share the partitions of the read models in one store.

A worker is a *member* of its store while it says, by the store's own clock, that it lives. A
*lease* is a name ("partition 3", "rebuild trades"), who holds it, and an epoch, which grows each
time that it is taken; it is in force while its holder is a member. Rows are written under a lease,
which is looked at within the very transaction: a worker that was stopped past its time, and
continued, finds it gone and has written nothing.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

LEASE_S = 10.0
"""A worker that is silent for so long has its partitions taken over."""
BEATS_PER_LEASE = 5
"""How often in that time a worker says that it lives, and looks for its share."""


class Lease(NamedTuple):
    name: str
    holder: str
    epoch: int


class LeaseLost(Exception):
    """The lease is another's by now, or soon: what was begun under it is undone."""


class Membership(Protocol):
    """One worker's part in a store, until it leaves."""

    held: dict[int, Lease]
    """The partitions that it moves. Changed by `look` and `lose` alone."""

    def look(self) -> bool:
        """Where it is time to: take what is free of its fair share of the partitions, and give
        back what it has beyond. True where it looked."""

    def lose(self, number: int) -> None:
        """A transaction found this partition's lease gone: look again soon."""

    def take(self, name: str) -> Lease | None:
        """A lease other than a partition's; None while another member holds it."""

    def give_back(self, lease: Lease) -> None: ...

    def holder(self, name: str) -> tuple[str, int] | None:
        """Which member holds a lease, and until when (store's clock, ms) if it is silent from now
        on; None where it is free."""

    def leave(self) -> None:
        """Give all leases back."""


def partition_lease(number: int) -> str:
    return f"partition {number}"


def rebuild_lease(projection: str) -> str:
    return f"rebuild {projection}"


def fair_shares(held: Mapping[str, int], partitions: int) -> dict[str, int]:
    """How many partitions each member is to have, from how many it has now.

    All the same, or one more for some: for those that have most already, so that few move.
    """
    each, more = divmod(partitions, len(held))
    ranked = sorted(held, key=lambda member: (-held[member], member))
    return {member: each + (rank < more) for rank, member in enumerate(ranked)}
