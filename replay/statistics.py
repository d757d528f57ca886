"""What went over a system's topics: commands and events by type and time, their sizes, the keys.

Records of the commands and events topics go in, each read once and of each value only the envelope
decoded; counts in buckets of time, spreads of sizes and gaps, and the most frequent keys go out.
Memory does not grow with history: buckets are made wider, and rare keys forgotten, as need be.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec

from log.interface import Log, Partition
from log.record import StoredRecord
from processors.core.system import System
from replay.spread import Spread, SpreadCount

READ_BYTES = 1 << 20
KEYS_MAX = 100_000
"""So many keys are counted at a time; see `Rates.key_count_too_low_by`."""
BUCKETS_MAX = 10_000
AUTOMATIC_BUCKETS_MAX = 30
STEPS_MS = (1, 10, 100, 1000, 5000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000)
"""Widths of a bucket, each a multiple of the one before; then a day, and twice that, and so on."""
DAY_MS = 86_400_000
TIME_MS_MIN, TIME_MS_LIMIT = -(1 << 63), 1 << 63
UNREADABLE = "(unreadable)"
_ADOPTED = "rules_adopted.v1"

Progress = Callable[[int, int], None]
"""Called with how many records were looked at, and how many there are."""


class TooManyBuckets(ValueError):
    """The time there is, in buckets so narrow, is more than anybody reads."""


class TypeSizes(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages there were of a type, and the bytes of their values."""

    type: str
    count: int
    bytes: Spread


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What came in `every_ms` from `at_ms` on (since 1970)."""

    at_ms: int
    count: int
    by_type: dict[str, int]


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one topic: by type (the most frequent first), and over time."""

    topic: str
    count: int
    bytes: int
    """Of all values."""
    types: list[TypeSizes]
    buckets: list[Bucket]
    """All of the time that there is, also where nothing came."""


class KeyCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many commands had a record key."""

    key: str
    commands: int


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What went over a system's topics in a stretch of time."""

    system: str
    every_ms: int
    commands: Traffic
    events: Traffic
    events_per_command: Spread
    gaps_ms: Spread
    """Between a command and the one before it on its partition; a time that goes back counts 0."""
    keys: list[KeyCount]
    """The most frequent ones."""
    key_count_too_low_by: int
    """At most so many commands of a key are not counted; 0 up to KEYS_MAX keys."""


def rates(
    log: Log,
    system: System,
    *,
    every_ms: int | None = None,
    from_ms: int | None = None,
    until_ms: int | None = None,
    top: int = 10,
    progress: Progress | None = None,
) -> Rates:
    """Count what stands on a system's topics, of the time from `from_ms` on and before `until_ms`
    (of the records' timestamps, milliseconds since 1970).

    Without `every_ms`, buckets are as wide as makes at most thirty of them. Reads only.
    Errors: UnknownTopic where the system is not on the log; TooManyBuckets; CorruptLog.
    """
    topics = log.topics()
    partitions = {
        topic: [log.partition(topic, number) for number in range(topics[topic].partitions)]
        for topic in (system.commands_topic, system.events_topic)
    }
    total = sum(
        each.high_watermark - each.log_start for some in partitions.values() for each in some
    )
    span = (
        TIME_MS_MIN if from_ms is None else from_ms,
        TIME_MS_LIMIT if until_ms is None else until_ms,
    )
    times = _Times(every_ms)
    commands = _TrafficCount(system.commands_topic, span, times)
    events = _EventCount(system.events_topic, span, times)
    done = 0
    for counted in (commands, events):
        for partition in partitions[counted.topic]:
            for records in counted.count(partition):
                done += records
                if progress:
                    progress(done, total)
    times.finish()
    return Rates(
        system=system.name,
        every_ms=times.every_ms,
        commands=commands.traffic(),
        events=events.traffic(),
        events_per_command=events.events_per_command.spread(),
        gaps_ms=commands.gaps_ms.spread(),
        keys=[
            KeyCount(key=key.decode(errors="backslashreplace"), commands=count)
            for key, count in commands.keys.most_common(top)
        ],
        key_count_too_low_by=commands.key_count_too_low_by,
    )


class _Head(msgspec.Struct, gc=False):
    """What is read of a message to count it."""

    type: str = ""
    cause_index: int = 0
    cause_count: int = 1


class _Times:
    """How many messages of each topic and type fell into each bucket of time."""

    def __init__(self, every_ms: int | None) -> None:
        self._steps = iter(()) if every_ms else _steps_ms()
        self.every_ms = every_ms or next(self._steps)
        self._is_fixed = every_ms is not None
        self._counts: Counter[tuple[int, str, str]] = Counter()
        self._ends = 1 << 63, -(1 << 63)
        """The first and the last bucket with anything in it."""

    def add(self, topic: str, types: list[str], times_ms: list[int]) -> None:
        every_ms = self.every_ms
        found = Counter(zip([at // every_ms for at in times_ms], types, strict=True))
        for (bucket, kind), count in found.items():
            self._counts[bucket, topic, kind] += count
        buckets = [bucket for bucket, _ in found]
        first, last = self._ends
        self._ends = min(first, *buckets), max(last, *buckets)
        self._widen(BUCKETS_MAX)

    def finish(self) -> None:
        """Make the buckets as few as people read, unless their width was asked for."""
        if not self._is_fixed:
            self._widen(AUTOMATIC_BUCKETS_MAX)

    def of(self, topic: str) -> list[Bucket]:
        by_bucket: dict[int, dict[str, int]] = {}
        for (bucket, of_topic, kind), count in self._counts.items():
            if of_topic == topic:
                by_bucket.setdefault(bucket, {})[kind] = count
        first, last = self._ends
        return [
            Bucket(at_ms=bucket * self.every_ms, count=sum(by_type.values()), by_type=by_type)
            for bucket in range(first, last + 1)
            for by_type in [by_bucket.get(bucket, {})]
        ]

    def _widen(self, buckets_max: int) -> None:
        first, last = self._ends
        if last - first < buckets_max:
            return
        if self._is_fixed:
            raise TooManyBuckets(
                f"more than {buckets_max:,} buckets of {self.every_ms:,} ms: take wider ones, or "
                "a shorter time"
            )
        before_ms = self.every_ms
        while last - first >= buckets_max:
            self.every_ms = next(self._steps)
            first, last = (each * before_ms // self.every_ms for each in self._ends)
        self._ends = first, last
        wider: Counter[tuple[int, str, str]] = Counter()
        for (bucket, topic, kind), count in self._counts.items():
            wider[bucket * before_ms // self.every_ms, topic, kind] += count
        self._counts = wider


def _steps_ms() -> Iterator[int]:
    yield from STEPS_MS
    step_ms = DAY_MS
    while True:
        yield step_ms
        step_ms *= 2


class _TrafficCount:
    """Counts the records of one topic (as they are of commands), of a span of time."""

    def __init__(self, topic: str, span: tuple[int, int], times: _Times) -> None:
        self.topic = topic
        self.gaps_ms = SpreadCount()
        self.keys: Counter[bytes] = Counter()
        self.key_count_too_low_by = 0
        self._from_ms, self._until_ms = span
        self._times = times
        self._sizes: defaultdict[str, SpreadCount] = defaultdict(SpreadCount)

    def traffic(self) -> Traffic:
        types = [
            TypeSizes(type=kind, count=spread.count, bytes=spread)
            for kind, sizes in self._sizes.items()
            for spread in [sizes.spread()]
        ]
        return Traffic(
            topic=self.topic,
            count=sum(each.count for each in types),
            bytes=sum(each.bytes.total for each in types),
            types=sorted(types, key=lambda each: (-each.count, each.type)),
            buckets=self._times.of(self.topic),
        )

    def count(self, partition: Partition) -> Iterator[int]:
        """Count a partition, a read at a time; yields how many records each was."""
        is_json = partition.config.value_format == "json"
        decode = (msgspec.json if is_json else msgspec.msgpack).Decoder(_Head).decode
        offset, end = partition.log_start, partition.high_watermark
        if self._from_ms > TIME_MS_MIN:
            found = partition.offset_for_time(self._from_ms)
            start = end if found is None else min(found, end)
            yield start - offset
            offset = start
        before_ms: int | None = None
        while offset < end and (batches := partition.read(offset, READ_BYTES)):
            records = [
                record
                for batch in batches
                for record in batch
                if record.offset < end and self._from_ms <= record.timestamp < self._until_ms
            ]
            if records:
                heads = [_head(decode, record) for record in records]
                self._count_types(records, [head.type for head in heads])
                self._count_more(records, heads, before_ms)
                before_ms = records[-1].timestamp
            following = batches[-1].last_offset + 1
            yield following - offset
            offset = following

    def _count_types(self, records: list[StoredRecord], types: list[str]) -> None:
        self._times.add(self.topic, types, [record.timestamp for record in records])
        sizes = [len(record.value or b"") for record in records]
        for (kind, size), count in Counter(zip(types, sizes, strict=True)).items():
            self._sizes[kind].add(size, count)

    def _count_more(
        self, records: list[StoredRecord], heads: list[_Head], before_ms: int | None
    ) -> None:
        times = [record.timestamp for record in records]
        row = times if before_ms is None else [before_ms, *times]
        gaps = Counter(max(after - before, 0) for before, after in pairwise(row))
        self.gaps_ms.add_all(gaps.items())
        self.keys.update(record.key for record in records if record.key is not None)
        if len(self.keys) > KEYS_MAX:
            self._forget_rare_keys()

    def _forget_rare_keys(self) -> None:
        """Of the counts so far, keep the higher half (Misra and Gries, "Finding repeated
        elements", 1982): what is left out of a key is at most the sum of the highest forgotten."""
        kept = self.keys.most_common(KEYS_MAX // 2 + 1)
        self.key_count_too_low_by += kept.pop()[1]
        self.keys = Counter(dict(kept))


class _EventCount(_TrafficCount):
    """Counts the records of an events topic."""

    def __init__(self, topic: str, span: tuple[int, int], times: _Times) -> None:
        super().__init__(topic, span, times)
        self.events_per_command = SpreadCount()

    def _count_more(
        self, records: list[StoredRecord], heads: list[_Head], before_ms: int | None
    ) -> None:
        first = [head for head in heads if head.cause_index == 0 and head.type != _ADOPTED]
        self.events_per_command.add_all(Counter(head.cause_count for head in first).items())


def _head(decode: Callable[[bytes], _Head], record: StoredRecord) -> _Head:
    try:
        return decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Head(type=UNREADABLE)
