"""The house, sampled once a second for all who look, and not at all where nobody does.

Ends of topics, the last events on them, watermarks of read models and (where they run in this
process) tasks come in; out goes one `HouseTold`. A sample reads what is new since the last one, a
little of each partition, whatever the traffic.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

from gateway.http.catalogue import Served
from gateway.http.house.flow import ALL, Flow, Growth, about_of
from gateway.http.house.rates import WINDOW_S, Rate
from gateway.http.house.tails import Tail, bytes_of
from gateway.http.house.told import (
    Extent,
    History,
    HouseTold,
    LettersTold,
    PartitionTold,
    ReadModelTold,
    SystemTold,
    TaskTold,
)
from gateway.http.service import Service
from log.backends import wall_clock_ms
from log.interface import Partition
from processors.core.dead_letters import DeadLetters
from processors.core.task import Task

EVERY_S = 1.0
FIRST_PAUSE_S = 0.2
"""From the first sample to the second: a rate needs two."""
LOOKED_S = 300.0
"""Sampling goes on for so long after the last look: who comes back sees what was meanwhile."""
LETTERS_MAX = 1_000
"""With more on the topics of a system, those that wait are not counted each time."""

Tasks = Mapping[tuple[str, int], Task]
"""By system and partition."""


class House:
    """A part of the service. `latest` is a sample no older than a second or so."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.flow = Flow(service.systems)
        self._sampled = [SystemSampled(each) for each in service.systems]
        self._number = 0
        self._told: HouseTold | None = None
        self._failure: Exception | None = None
        self._looked_s = 0.0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def latest(self) -> HouseTold:
        """Errors: those of the log and of the stores."""
        self._looked_s = time.monotonic()
        if self._task is None or self._task.done():
            self._told = self._failure = None
            self._changed.clear()
            self._task = asyncio.create_task(self._keep_sampling())
        await self._changed.wait()
        if self._failure is not None:
            raise self._failure
        assert self._told is not None
        return self._told

    async def _keep_sampling(self) -> None:
        pause_s = FIRST_PAUSE_S
        while time.monotonic() - self._looked_s < LOOKED_S:
            began_s = time.monotonic()
            try:
                told = await self._service.blocking(self._sample)
            except Exception as error:
                self._failure = error  # told to those who look; the next sample may do better
                self._changed.set()
            else:
                if pause_s == EVERY_S:
                    self._told, self._failure = told, None
                    self._changed.set()
            await asyncio.sleep(max(pause_s - (time.monotonic() - began_s), 0.05))
            pause_s = EVERY_S

    def _sample(self) -> HouseTold:
        now_s = time.monotonic()
        tasks = {(each.system.name, each.number): each for each in self._tasks}
        systems = [each.sample(now_s, tasks) for each in self._sampled]
        growth: dict[str, Growth] = {}
        for each in self._sampled:
            growth |= each.growth
        self._number += 1
        return HouseTold(
            number=self._number,
            at_ms=wall_clock_ms(),
            every_s=EVERY_S,
            window_s=WINDOW_S,
            systems=systems,
            flows_per_s=self.flow.rates(growth),
        )

    @property
    def _tasks(self) -> Sequence[Task]:
        """Those in this process."""
        return self._service.tasks

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()


class SystemSampled:
    """One system, from sample to sample."""

    def __init__(self, served: Served) -> None:
        self._served = served
        system, log = served.system, served.log
        numbers = range(served.partitions)
        self._about = about_of(served)
        self._commands = [Tail(log.partition(system.commands_topic, each)) for each in numbers]
        self._events = [Tail(log.partition(system.events_topic, each)) for each in numbers]
        self._letters = [log.partition(system.dead_letters_topic, each) for each in numbers]
        self._letters_seen: list[tuple[int, int]] = []
        self._letters_told = LettersTold(kept=0, waiting=0)
        self._rates: dict[str, dict[tuple[str, str], Rate]] = {
            system.commands_topic: {ALL: Rate()},
            system.events_topic: {ALL: Rate()},
        }
        self._read_models: list[ReadModelTold] = []
        self._sequences: list[int] = []
        """Of the events, when read models were last looked at."""

    @property
    def growth(self) -> dict[str, Growth]:
        """By topic."""
        return {
            topic: {kind: rate.per_s for kind, rate in rates.items()}
            for topic, rates in self._rates.items()
        }

    def sample(self, now_s: float, tasks: Tasks) -> SystemTold:
        for tail in (*self._commands, *self._events):
            tail.look()
        system = self._served.system
        partitions = [self._partition(number, tasks) for number in range(len(self._events))]
        commands = sum(each.commands.end for each in partitions)
        events = sum(each.sequence for each in partitions)
        self._see(now_s, system.commands_topic, commands, self._commands)
        self._see(now_s, system.events_topic, events, self._events)
        self._see_read_models([each.sequence for each in partitions])
        self._see_letters()
        commands_rate = self._rates[system.commands_topic][ALL]
        events_rate = self._rates[system.events_topic][ALL]
        return SystemTold(
            name=system.name,
            path=self._served.path,
            about=self._about,
            rules_version=system.rules_version,
            commands=commands,
            events=events,
            commands_per_s=commands_rate.per_s,
            events_per_s=events_rate.per_s,
            history=History(
                commands_per_s=list(commands_rate.history),
                events_per_s=list(events_rate.history),
            ),
            lag=sum(each.lag for each in partitions),
            read_model_lag=max((each.lag for each in self._read_models), default=0),
            dead_letters=self._letters_told,
            partitions=partitions,
            read_models=self._read_models,
        )

    def _partition(self, number: int, tasks: Tasks) -> PartitionTold:
        commands, events = self._commands[number].extent, self._events[number].extent
        last = self._events[number].last
        decided = max(last.cause + 1, commands.start)
        task = tasks.get((self._served.system.name, number))
        return PartitionTold(
            number=number,
            commands=commands,
            events=events,
            dead_letters=_extent(self._letters[number]),
            decided=decided,
            lag=max(commands.end - decided, 0),
            sequence=last.sequence + 1,
            at_ms=self._events[number].at_ms,
            task=None if task is None else task_told(task),
        )

    def _see(self, now_s: float, topic: str, total: int, tails: Sequence[Tail]) -> None:
        rates = self._rates[topic]
        rates[ALL].see(now_s, total)
        for kind in {kind for tail in tails for kind in tail.kinds}:
            if kind not in rates:
                rates[kind] = Rate()
                rates[kind].see(now_s - 1.0, 0.0)
            rates[kind].see(now_s, sum(tail.kinds[kind] for tail in tails))

    def _see_read_models(self, sequences: list[int]) -> None:
        """Where nothing is new, and all was applied, there is nothing to look at."""
        if sequences == self._sequences and not any(each.lag for each in self._read_models):
            return
        self._sequences = sequences
        statuses = self._served.store.statuses()
        told = []
        for projection in self._served.models.projections.values():
            status = statuses.get(projection.name)
            marks = {} if status is None else status.watermarks
            applied = [
                marks[number].next_sequence if number in marks else 0
                for number in range(len(sequences))
            ]
            behind = [max(end - at, 0) for end, at in zip(sequences, applied, strict=True)]
            told.append(
                ReadModelTold(
                    name=projection.name,
                    version=projection.version,
                    generation=0 if status is None else status.generation,
                    is_current=status is not None and status.current,
                    lag=sum(behind),
                )
            )
        self._read_models = told

    def _see_letters(self) -> None:
        """Counted when the topic has grown, which it seldom has."""
        seen = [(each.log_start, each.high_watermark) for each in self._letters]
        if seen == self._letters_seen:
            return
        kept = sum(end - start for start, end in seen)
        waiting = None
        if kept <= LETTERS_MAX:
            log, system = self._served.log, self._served.system
            waiting = sum(
                letter.status == "waiting"
                for number, (start, end) in enumerate(seen)
                if end > start
                for letter in DeadLetters(log, system, number).letters()
            )
        self._letters_told = LettersTold(kept=kept, waiting=waiting)
        self._letters_seen = seen


def _extent(partition: Partition) -> Extent:
    return Extent(
        start=partition.log_start, end=partition.high_watermark, bytes=bytes_of(partition)
    )


def task_told(task: Task) -> TaskTold:
    fold, latency = task.fold, task.latency
    return TaskTold(
        state="recovering" if task.is_recovering else "running",
        recovered=min(fold.next_offset, task.recovery_end),
        recovery_end=task.recovery_end,
        rules_version=fold.rules_version or 0,
        snapshot_sequence=task.snapshot_sequence,
        dead_lettered=task.dead_lettered,
        latency_p50_us=latency.get_value_at_percentile(50.0),
        latency_p99_us=latency.get_value_at_percentile(99.0),
    )
