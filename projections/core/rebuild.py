"""Makes a read model again from the first event, beside the one that serves.

The new generation has tables and watermarks of its own. When it has caught up, one transaction
puts it in the place of the old one: readers see the one or the other. A live worker goes on
meanwhile, and follows the new one after the swap. After a crash the old one serves on, and the
next rebuild begins from nothing.
"""

from log.interface import Log
from projections.core.event_reader import EventReader
from projections.core.projection import Projection
from projections.core.store import Store
from projections.core.worker import Follower, Report


def rebuild(log: Log, store: Store, projection: Projection, report: Report | None = None) -> None:
    """Fold the whole topic into a new generation and swap it in. Safe beside a live worker.

    Errors: those of a worker; ProjectionConflict where another rebuild of it began meanwhile.
    """
    reader = EventReader(log, store.catalog.system, projection.events)
    follower = Follower(reader, store, projection, rebuilding=True)
    while follower.rebuilding:
        for partition in reader.partitions:
            while follower.step(partition.number):
                if report is not None:
                    report(follower.progress())
        follower.finish_rebuild()
