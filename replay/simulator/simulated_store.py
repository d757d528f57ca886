"""A store of read models as one simulated process sees it: it may die around every transaction."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from projections.core.leases import Lease, Membership
from projections.core.projection import Projection, Table
from projections.core.store import Reader, Session, Status, Store, Watermark, Write
from replay.simulator.processes import Process


class SimulatedStore:
    """As `projections.core.store.Store`."""

    def __init__(self, store: Store, process: Process) -> None:
        self.catalog = store.catalog
        self.batch_bytes = store.batch_bytes
        self.cached_rows_limit = store.cached_rows_limit
        self._store = store
        self._process = process

    def open(self, projection: Projection, partitions: int) -> Session:
        self._process.operation()
        return SimulatedSession(self._store.open(projection, partitions), self._process)

    def begin_rebuild(
        self, projection: Projection, partitions: int, lease: Lease | None = None
    ) -> Session:
        self._process.operation()
        session = self._store.begin_rebuild(projection, partitions, lease)
        return SimulatedSession(session, self._process)

    def join(self, partitions: int, lease_s: float) -> Membership:
        return self._store.join(partitions, lease_s)

    def members(self) -> list[str]:
        return self._store.members()

    def status(self, projection: Projection) -> Status | None:
        self._process.operation()
        return self._store.status(projection)

    def statuses(self) -> dict[str, Status]:
        self._process.operation()
        return self._store.statuses()

    def together(self) -> AbstractContextManager[None]:
        self._process.operation()
        return self._store.together()

    def reading(self) -> AbstractContextManager[Reader]:
        return self._store.reading()

    def close(self) -> None:
        return None


class SimulatedSession:
    """As `projections.core.store.Session`."""

    def __init__(self, session: Session, process: Process) -> None:
        self.projection = session.projection
        self.generation = session.generation
        self._session = session
        self._process = process

    @property
    def watermarks(self) -> dict[int, Watermark]:
        return self._session.watermarks

    @watermarks.setter
    def watermarks(self, marks: dict[int, Watermark]) -> None:
        self._session.watermarks = marks

    @property
    def lease(self) -> Lease | None:
        return self._session.lease

    @lease.setter
    def lease(self, lease: Lease | None) -> None:
        self._session.lease = lease

    @property
    def others_wrote(self) -> bool:
        return self._session.others_wrote

    @others_wrote.setter
    def others_wrote(self, wrote: bool) -> None:
        self._session.others_wrote = wrote

    @property
    def is_new(self) -> bool:
        return self._session.is_new

    def load(self, table: Table[Any], key: Any) -> Any:
        return self._session.load(table, key)

    def refresh(self) -> bool:
        self._process.operation()
        return self._session.refresh()

    @contextmanager
    def transaction(self, partition: int, after: Watermark) -> Iterator[Write]:
        """The process may die before it, within it, and right after it."""
        self._process.operation()
        with self._session.transaction(partition, after) as write:
            self._process.operation()
            yield write
            self._process.operation()
        self._process.operation()

    def swap(self, is_at_end: Callable[[int, Watermark], bool]) -> bool:
        self._process.operation()
        return self._session.swap(is_at_end)

    def close(self) -> None:
        self._session.close()
