"""What a worker tells, as Prometheus metrics.

Comes in through the calls of `Monitor`, from the worker's thread, once a batch; goes out through
`registry`, which `health.py` serves on /metrics, and through a few reads that its probes need. The
series of a partition are there while it is this worker's. Dead letters and fences are counted on
after that: the last of them would never be seen otherwise.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

from processors.core.workers.monitor import Monitor, MonitoringRefused, Place

try:
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
except ImportError as error:
    raise MonitoringRefused(
        "metrics and probes (the setting health_port) need prometheus_client: "
        "pip install 'refold[metrics]'"
    ) from error

LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
BATCH_COMMANDS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


class Histogram:
    """Counts by upper bound. One observation can count for many: the library's own cannot."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, count: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += count
        self.sum += value * count

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: each with all those below it."""
        names = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


class Recovering(msgspec.Struct, frozen=True):
    """A task that is not recovered yet. None: it has not said so far."""

    system: str
    partition: int
    done: int | None
    total: int | None
    seconds_left: float | None


@dataclass(slots=True)
class _TaskState:
    """What is known of a task of this worker; None is what nobody told yet."""

    running: bool = False
    recovery_done: int | None = None
    recovery_total: int | None = None
    recovery_left_s: float | None = None
    recovery_s: float | None = None
    lag_commands: int | None = None
    lag_s: float | None = None
    batches: Histogram = field(default_factory=lambda: Histogram(BATCH_COMMANDS))
    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_S))


GAUGES: dict[str, tuple[str, Callable[[_TaskState], float | None]]] = {
    "refold_task_assigned": ("1: the partition is this worker's.", lambda task: 1),
    "refold_task_running": ("1: the task is recovered and decides.", lambda task: task.running),
    "refold_lag_commands": ("Commands that wait.", lambda task: task.lag_commands),
    "refold_lag_seconds": ("Since when the oldest of them waits.", lambda task: task.lag_s),
    "refold_recovery_done_events": (
        "Events of history that are folded.",
        lambda task: task.recovery_done,
    ),
    "refold_recovery_target_events": (
        "Events of history that recovery folds.",
        lambda task: task.recovery_total,
    ),
    "refold_recovery_left_seconds": (
        "How long recovery will take yet, at its present rate.",
        lambda task: task.recovery_left_s,
    ),
    "refold_recovery_duration_seconds": (
        "How long the recovery took.",
        lambda task: task.recovery_s,
    ),
}
"""Of a task, by name: what it says, and where it comes from (None: no series)."""
TASK_LABELS = ("system", "partition")


class PrometheusMonitor(Monitor):
    """Metrics of one worker, in a `registry` of their own; also what the probes ask.

    `clock` gives seconds that never go back. Safe to read from any thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)  # memory, processor time, open files
        self._clock = clock
        self._lock = threading.Lock()
        self._turned_s = clock()
        self._groups: dict[str, bool] = {}
        self._tasks: dict[Place, _TaskState] = {}
        self._standbys: dict[Place, int] = {}
        self._dead_letters: dict[Place, int] = {}
        self._fences: dict[Place, int] = {}
        self._projected: dict[str, tuple[int, int]] = {}
        self._reactions = Counter[Place]()
        self._answers = Counter[Place]()

    # -- what the worker tells --------------------------------------------------------------------

    def turned(self) -> None:
        self._turned_s = self._clock()

    def joined(self, group: str, member: bool) -> None:
        with self._lock:
            self._groups[group] = member

    def assigned(self, place: Place) -> None:
        with self._lock:
            self._standbys.pop(place, None)
            self._tasks[place] = _TaskState()
            self._dead_letters.setdefault(place, 0)  # a rate needs the zero before the first
            self._fences.setdefault(place, 0)

    def recovering(self, place: Place, done: int, total: int, seconds_left: float) -> None:
        with self._lock:
            task = self._task(place)
            task.recovery_done, task.recovery_total = done, total
            task.recovery_left_s = seconds_left

    def running(self, place: Place, recovery_s: float) -> None:
        with self._lock:
            task = self._task(place)
            task.running = True
            task.recovery_s, task.recovery_left_s = recovery_s, 0.0

    def stepped(self, place: Place, commands: int, elapsed_s: float) -> None:
        with self._lock:
            task = self._task(place)
            task.batches.observe(commands)
            task.latency.observe(elapsed_s, commands)

    def lagging(self, place: Place, commands: int, seconds: float) -> None:
        with self._lock:
            task = self._task(place)
            task.lag_commands, task.lag_s = commands, seconds

    def dead_lettered(self, place: Place, commands: int) -> None:
        with self._lock:
            self._dead_letters[place] = self._dead_letters.get(place, 0) + commands

    def projected(self, system: str, done: int, total: int) -> None:
        with self._lock:
            self._projected[system] = done, total

    def reacted(self, place: Place, commands: int) -> None:
        with self._lock:
            self._reactions[place] += commands

    def performed(self, place: Place, answers: int) -> None:
        with self._lock:
            self._answers[place] += answers

    def fenced(self, place: Place) -> None:
        with self._lock:
            self._fences[place] = self._fences.get(place, 0) + 1
            task = self._tasks.get(place)
            if task is not None:  # the group has not taken it away yet: nobody here decides it
                task.running = False
                task.recovery_done = task.recovery_total = task.recovery_left_s = None
                task.lag_commands = task.lag_s = None

    def released(self, place: Place) -> None:
        with self._lock:
            self._tasks.pop(place, None)
            self._standbys.pop(place, None)

    def standing_by(self, place: Place, behind: int) -> None:
        with self._lock:
            if place not in self._tasks:
                self._standbys[place] = behind

    def _task(self, place: Place) -> _TaskState:
        return self._tasks.setdefault(place, _TaskState())

    # -- what the probes ask ----------------------------------------------------------------------

    def silent_s(self) -> float:
        """For how long the worker's loop has not come round."""
        return self._clock() - self._turned_s

    def groups(self) -> dict[str, bool]:
        """The consumer groups that the worker joins, and whether it is a member now."""
        with self._lock:
            return dict(self._groups)

    def recoveries(self) -> list[Recovering]:
        """The tasks that do not decide yet, and how far they are."""
        with self._lock:
            return [
                Recovering(*place, task.recovery_done, task.recovery_total, task.recovery_left_s)
                for place, task in self._tasks.items()
                if not task.running
            ]

    # -- what Prometheus asks ---------------------------------------------------------------------

    def exposition(self, accept: str) -> tuple[str, bytes]:
        """All metrics as text, in the format that an HTTP header Accept asks for; its content
        type, and the text."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self.registry)

    def collect(self) -> list[Metric]:
        """All metrics but the process's, as they are now; the registry calls this."""
        with self._lock:
            return [*self._gauges(), *self._counters(), *self._histograms()]

    def _gauges(self) -> Iterator[Metric]:
        for name, (says, value_of) in GAUGES.items():
            gauge = GaugeMetricFamily(name, says, labels=TASK_LABELS)
            for place, task in self._tasks.items():
                value = value_of(task)
                if value is not None:
                    gauge.add_metric(_labels(place), value)
            yield gauge
        standby = GaugeMetricFamily(
            "refold_standby_lag_offsets",
            "How far a warm standby is behind the events that it follows.",
            labels=TASK_LABELS,
        )
        for place, behind in self._standbys.items():
            standby.add_metric(_labels(place), behind)
        yield standby
        member = GaugeMetricFamily(
            "refold_group_member", "1: a member of its consumer group.", labels=("group",)
        )
        for group, is_member in self._groups.items():
            member.add_metric((group,), is_member)
        yield member
        unread = GaugeMetricFamily(
            "refold_projection_lag_events",
            "Events that the read model furthest behind has not applied.",
            labels=("system",),
        )
        for system, (done, total) in self._projected.items():
            unread.add_metric((system,), max(total - done, 0))
        yield unread

    def _counters(self) -> Iterator[Metric]:
        decided = {place: sum(task.latency.counts) for place, task in self._tasks.items()}
        for name, says, counts in (
            ("refold_commands", "Commands decided, their events durable.", decided),
            ("refold_dead_letters", "Commands that went to dead letters.", self._dead_letters),
            ("refold_fences", "Tasks stopped since a successor took over.", self._fences),
            ("refold_reactions", "Commands that reactors appended.", self._reactions),
            ("refold_answers", "Answers of the outside that effects appended.", self._answers),
        ):
            counter = CounterMetricFamily(name, says, labels=TASK_LABELS)
            for place, count in counts.items():
                counter.add_metric(_labels(place), count)
            yield counter

    def _histograms(self) -> Iterator[Metric]:
        batches = HistogramMetricFamily(
            "refold_batch_commands", "Commands decided at once.", labels=TASK_LABELS
        )
        latency = HistogramMetricFamily(
            "refold_latency_seconds",
            "From the read of a command to its durable events, a count a command.",
            labels=TASK_LABELS,
        )
        for place, task in self._tasks.items():
            for family, histogram in ((batches, task.batches), (latency, task.latency)):
                family.add_metric(_labels(place), histogram.buckets(), histogram.sum)
        yield batches
        yield latency


def _labels(place: Place) -> tuple[str, str]:
    return place.system, str(place.partition)
