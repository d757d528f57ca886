"""Read models as they were, kept for the next question: `answer_at`.

A question about a place is answered from a store that was built for an earlier one, if that is not
far: only the events between are applied. So the read models follow a hand that drags through time.
Bounded: so many stores; those of long histories are files, which go with the server.
"""

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.http.catalogue import Served
from gateway.http.history.places import placed
from projections.core.read_models import Query
from projections.core.worker import Progress as WorkerProgress
from replay.places import Place
from replay.query_at import IN_MEMORY, AnswerAt, PastModels, find_places
from replay.state import At, Progress

STORES_MAX = 6
MEMORY_EVENTS_MAX = 100_000
"""Read models of more events are kept in a file."""


class _Kept:
    """One store."""

    def __init__(self, name: str, models: PastModels, file: Path | None) -> None:
        self.name = name
        self.models = models
        self.file = file

    @property
    def reached(self) -> int:
        return _events_to(self.models.places)

    def close(self) -> None:
        self.models.close()
        if self.file is not None:
            self.file.unlink(missing_ok=True)


class KeptModels:
    """The stores, of all systems. Safe to use from several threads: each has one for itself."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        """The one that was used last is last."""
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def answer(
        self,
        served: Served,
        query: Query,
        arguments: Mapping[str, Any],
        at: At,
        partition: int | None = None,
        progress: Progress | None = None,
    ) -> AnswerAt:
        """As `replay.query_at`. Errors: ProblemFound (404); those of the query."""

        def report(told: WorkerProgress) -> None:
            if progress is not None:
                progress(told.done, told.total)

        with placed():
            places = find_places(served.log, served.system, at, partition)
        kept = self._taken(served, places)
        try:
            kept.models.move_on(places, report)
            answered = kept.models.ask(query, arguments, at, report)
        except BaseException:
            kept.close()  # it may be half way
            raise
        self._give_back(kept)
        return answered

    def _taken(self, served: Served, places: list[Place]) -> _Kept:
        """The nearest store before these places, if it is not far; else a new one."""
        name, wanted = served.system.name, _events_to(places)
        with self._lock:
            before = [
                each
                for each in self._kept
                if each.name == name and _are_before(each.models.places, places)
            ]
            nearest = max(before, key=lambda each: each.reached, default=None)
            if nearest is not None and wanted - nearest.reached <= wanted // 2:
                self._kept.remove(nearest)
                return nearest
            file = None if wanted <= MEMORY_EVENTS_MAX else self._new_file()
        url = IN_MEMORY if file is None else f"sqlite:///{file}"
        with placed():
            return _Kept(name, PastModels(served.log, served.models, places, url), file)

    def _give_back(self, kept: _Kept) -> None:
        with self._lock:
            self._kept.append(kept)
            dropped = self._kept[:-STORES_MAX]
            del self._kept[:-STORES_MAX]
        for each in dropped:
            each.close()

    def _new_file(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="refold-past-")
        self._files += 1
        return Path(self._folder.name) / f"{self._files}.sqlite"

    def close(self) -> None:
        """Once nobody asks any more."""
        for each in self._kept:
            each.close()
        if self._folder is not None:
            self._folder.cleanup()


def _events_to(places: list[Place]) -> int:
    return sum(place.events_end for place in places)


def _are_before(places: list[Place], later: list[Place]) -> bool:
    return len(places) == len(later) and all(
        before.events_end <= after.events_end for before, after in zip(places, later, strict=True)
    )
