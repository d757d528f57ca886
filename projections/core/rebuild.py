"""Makes a read model again from the first event, beside the one that serves.

The new generation has tables and watermarks of its own. When it has caught up, one transaction
puts it in the place of the old one: readers see the one or the other. Live workers go on
meanwhile, and follow the new one after the swap. After a crash the old one serves on, and the
next rebuild begins from nothing. A lease sees to it that one rebuilds at a time.
"""

import time

from log.interface import Log
from projections.core.errors import ProjectionConflict
from projections.core.event_reader import EventReader
from projections.core.leases import LEASE_S, Lease, LeaseLost, Membership, rebuild_lease
from projections.core.projection import Projection
from projections.core.store import Store
from projections.core.worker import Follower, Report

LOOK_AGAIN_S = 0.05
BATCHES_AT_ONCE = 4
"""Of the store's, in one transaction: fewer net changes. On SQLite a live worker has to wait for
it, some 0.3 s."""


def rebuild(
    log: Log,
    store: Store,
    projection: Projection,
    report: Report | None = None,
    lease_s: float = LEASE_S,
) -> None:
    """Fold the whole topic into a new generation and swap it in. Safe beside live workers.

    A rebuild that died is waited for until its lease has run out. Errors: those of a worker;
    ProjectionConflict where another one is at it, or took over because this one stood still.
    """
    reader = EventReader(log, store.catalog.system, projection.events)
    follower = Follower(reader, store, projection)
    follower.batches_at_once = BATCHES_AT_ONCE
    follower.reads_ahead = True
    everywhere = range(len(reader.partitions))
    member = store.join(0, lease_s)
    try:
        follower.begin_rebuild(_lease(member, projection))
        while follower.rebuilding:
            for number in everywhere:
                while follower.step(number):
                    if report is not None:
                        report(follower.progress(everywhere))
            if not follower.finish_rebuild():
                time.sleep(LOOK_AGAIN_S)
    except LeaseLost:
        raise ProjectionConflict(
            f"another rebuild of {projection.name!r} took over: this one ends"
        ) from None
    finally:
        member.leave()


def _lease(member: Membership, projection: Projection) -> Lease:
    """ProjectionConflict where it is held by someone who lives."""
    name = rebuild_lease(projection.name)
    first = member.holder(name)
    while True:
        lease = member.take(name)
        if lease is not None:
            return lease
        now = member.holder(name)
        if first is not None and now is not None and now != first:
            raise ProjectionConflict(
                f"{now[0]} rebuilds {projection.name!r} already: let it finish, or end it"
            )
        first = first or now
        time.sleep(LOOK_AGAIN_S)
