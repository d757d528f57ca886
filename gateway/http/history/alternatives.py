"""What-ifs in the background: `replay.what_if` on a stretch of recorded commands, with some
edited, or by other rules, in threads of their own; the log is only read.

Bounded: so many at once, each over so many commands and for so long; the results of the last ones
are kept, cut to what people read. Ends at once where it is cancelled, or the server ends.
"""

import logging
import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec

from gateway.http.catalogue import Served
from gateway.http.problems import Problem, ProblemFound, problem
from gateway.http.service import Service
from log.errors import LogError
from projections.core.errors import ProjectionError
from replay.differences import FieldDifference
from replay.what_if import Question, StateComparison, WhatIf, WhatIfFailed, what_if
from replay.what_if.answers import QueryComparison
from replay.what_if.rules import find_rules

logger = logging.getLogger("refold.http")

RUNNING_MAX = 2
KEPT_MAX = 16
BUDGET_S = 300.0
DIFFERENCES_SHOWN = 200
ROWS_SHOWN = 100
EXAMPLES_SHOWN = 50
EVENTS_SHOWN = 20

State = Literal["running", "done", "failed", "cancelled"]


class Alternative(msgspec.Struct, kw_only=True):
    """One what-if: how far it is, and in the end what would be other."""

    id: str
    system: str
    location: str
    state: State = "running"
    doing: str = "waiting"
    """What is done now; `done` of `total` of it."""
    done: int = 0
    total: int = 0
    problem: Problem | None = None
    """Why it failed."""
    result: WhatIf | None = None


class Ended(Exception):
    """Nobody wants it any more, or it has taken too long."""


class _Running:
    def __init__(self, told: Alternative) -> None:
        self.told = told
        self.cancelled = threading.Event()
        self._until_s = time.monotonic() + BUDGET_S

    def report(self, what: str, done: int, total: int) -> None:
        if self.cancelled.is_set():
            raise Ended("it was cancelled")
        if time.monotonic() > self._until_s:
            raise Ended(f"it took longer than {BUDGET_S:g} s: take a shorter stretch")
        self.told.doing, self.told.done, self.told.total = what, done, total


class Alternatives:
    """The part of the service that runs them."""

    def __init__(self, service: Service) -> None:
        self._threads = ThreadPoolExecutor(RUNNING_MAX, thread_name_prefix="refold-what-if")
        self._known: OrderedDict[str, _Running] = OrderedDict()

    def begin(self, served: Served, question: Question, rules: str) -> Alternative:
        """Errors: ProblemFound (503) where too many are on."""
        on = [each for each in self._known.values() if each.told.state == "running"]
        if len(on) >= RUNNING_MAX:
            raise problem(503, f"{len(on)} what-ifs are on: cancel one, or wait until it is done")
        name = secrets.token_urlsafe(9)
        told = Alternative(
            id=name,
            system=served.system.name,
            location=f"{served.path}/history/what-if/{name}",
        )
        running = self._known[name] = _Running(told)
        if len(self._known) > KEPT_MAX:
            oldest = next(each for each in self._known.values() if each.told.state != "running")
            del self._known[oldest.told.id]
        self._threads.submit(self._run, running, served, question, rules)
        return told

    def find(self, served: Served, name: str) -> Alternative:
        return self._found(served, name).told

    def cancel(self, served: Served, name: str) -> Alternative:
        """Where it is done already, it is forgotten."""
        running = self._found(served, name)
        if running.told.state != "running":
            del self._known[name]
        running.cancelled.set()
        return running.told

    def _found(self, served: Served, name: str) -> _Running:
        running = self._known.get(name)
        if running is None or running.told.system != served.system.name:
            raise problem(
                404, f"there is no such what-if of {served.system.name}; {KEPT_MAX} are kept"
            )
        return running

    def _run(self, running: _Running, served: Served, question: Question, rules: str) -> None:
        told = running.told
        try:
            with tempfile.TemporaryDirectory(prefix="refold-what-if-") as name:
                folder = Path(name)
                if rules:
                    question.before, question.after = find_rules(
                        rules, served.registered.package, folder / "trees", same_environment=True
                    )
                found = what_if(
                    served.log, served.registered, question, folder, report=running.report
                )
            told.result = shortened(found)
            told.state = "done"
        except Ended as error:
            told.state = "cancelled" if running.cancelled.is_set() else "failed"
            told.problem = problem(504, str(error)).problem
        except (WhatIfFailed, LogError, ProjectionError) as error:
            told.problem, told.state = problem(422, str(error), "what-if-failed").problem, "failed"
        except ProblemFound as error:
            told.problem, told.state = error.problem, "failed"
        except Exception:
            told.problem = problem(500, "a mistake of the server, and in its log").problem
            told.state = "failed"
            logger.exception("a what-if of %s failed", served.system.name)

    def close(self) -> None:
        for running in self._known.values():
            running.cancelled.set()
        self._threads.shutdown()


def shortened(found: WhatIf) -> WhatIf:
    """What people read of it. The folders of the sides are gone."""
    found.before.log = found.after.log = ""
    found.states = [_state(each) for each in found.states]
    found.queries = [_query(each) for each in found.queries]
    found.events.examples = found.events.examples[:EXAMPLES_SHOWN]
    for each in found.events.examples:
        each.before, each.after = each.before[:EVENTS_SHOWN], each.after[:EVENTS_SHOWN]
    return found


def _first(differences: Sequence[FieldDifference]) -> list[FieldDifference]:
    return list(differences[:DIFFERENCES_SHOWN])


def _state(compared: StateComparison) -> StateComparison:
    compared.differences = _first(compared.differences)
    return compared


def _query(compared: QueryComparison) -> QueryComparison:
    compared.differences = _first(compared.differences)
    for reply in (compared.before, compared.after):
        reply.rows = reply.rows[:ROWS_SHOWN]
    return compared
