"""How far the read models of a system are, as of a moment ago: to ask takes longer than most
queries, so that those of the same moment share it.
"""

import hashlib
import threading
import time
from collections.abc import Mapping

import msgspec

from projections.core.store import Status, Store

AGE_S = 0.05
"""Read models rest for as long between rounds."""

Statuses = Mapping[str, Status]


class Applied:
    """Of one store. Blocks, but for `recent_tag`: not for the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: tuple[float, str, Statuses] = (float("-inf"), "", {})
        """When it was asked for, the entity tag, and the statuses."""
        self._lock = threading.Lock()

    def _look(self, age_s: float) -> tuple[float, str, Statuses]:
        """One after another, so that nobody goes back behind what another has seen."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._told[0] >= age_s:
                statuses = self._store.statuses()
                self._told = now_s, _tag(statuses), statuses
            return self._told

    def has_applied(self, number: int, sequence: int) -> bool:
        """Whether all read models have applied the event of a partition."""
        statuses = self._look(0.0)[2]
        return len(statuses) == len(self._store.catalog.projections) and all(
            status.current
            and number in status.watermarks
            and status.watermarks[number].next_sequence > sequence
            for status in statuses.values()
        )

    def tag(self) -> str:
        """An entity tag of all that was applied. Take it before the read models are read: what is
        newer than its tag is sent once more, and never kept from the caller."""
        return self._look(AGE_S)[1]

    def recent_tag(self) -> str | None:
        """The same, where it was asked for a moment ago."""
        asked_s, tag, _ = self._told
        return tag if time.monotonic() - asked_s < AGE_S else None


def _tag(statuses: Statuses) -> str:
    told = [
        (
            name,
            status.generation,
            sorted((number, mark.next_sequence) for number, mark in status.watermarks.items()),
        )
        for name, status in sorted(statuses.items())
    ]
    digest = hashlib.blake2s(msgspec.json.encode(told), digest_size=12).hexdigest()
    return f'W/"{digest}"'
