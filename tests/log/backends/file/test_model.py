"""Random courses of everything that a partition can do, against a dictionary that says what is so.

Two logs are open on one simulated disk at once, as two processes would have them; either may be
killed within any operation, and the power may be cut.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from log.backends.file import FileLog, FilePartition
from log.errors import OffsetOutOfRange
from log.record import Record
from log.topic import TopicConfig
from tests.log.backends.file.simulated_storage import SimulatedStorage, Stopped

CONFIG = TopicConfig(segment_bytes=1024, index_interval_bytes=150, retention_bytes=3000)
WHO = st.integers(0, 1)


class PartitionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.storage = SimulatedStorage()
        self.logs: list[FileLog] = []
        self.numbers = 0
        self.known: dict[int, bytes] = {}
        """What was acknowledged and, as far as anybody knows, is not deleted."""
        self.unsure: dict[bytes, None] = {}
        """What was appended by a process that died before it could know."""
        self.start = 0
        self.open_both()

    def open_both(self) -> None:
        self.logs = [FileLog("/log", clock=lambda: 1000, storage=self.storage) for _ in range(2)]
        self.logs[0].ensure_topic("a", CONFIG)

    def partition(self, who: int) -> FilePartition:
        partition = self.logs[who].partition("a", 0)
        assert isinstance(partition, FilePartition)
        return partition

    def values(self, count: int, size: int) -> list[bytes]:
        self.numbers += count
        return [b"%d " % (self.numbers - n) + bytes(size) for n in range(count)]

    @rule(who=WHO, count=st.integers(1, 4), size=st.integers(0, 300))
    def append(self, who: int, count: int, size: int) -> None:
        values = self.values(count, size)
        offsets = self.partition(who).append([Record(value, key=b"k") for value in values])
        assert not self.known or offsets[0] > max(self.known)
        self.known.update(zip(offsets, values, strict=True))

    @rule(who=WHO, count=st.integers(1, 4), size=st.integers(0, 900), step=st.integers(0, 12))
    def die_within_an_append(self, who: int, count: int, size: int, step: int) -> None:
        values = self.values(count, size)
        self.storage.stop_at = self.storage.steps + step
        try:
            offsets = self.partition(who).append([Record(value, key=b"k") for value in values])
        except Stopped:
            self.unsure.update(dict.fromkeys(values))
        else:
            self.known.update(zip(offsets, values, strict=True))
        self.storage.stop_at = None
        self.logs[who] = FileLog("/log", clock=lambda: 1000, storage=self.storage)

    @rule(who=WHO, step=st.integers(0, 12))
    def die_within_cleaning(self, who: int, step: int) -> None:
        self.storage.stop_at = self.storage.steps + step
        try:
            list(self.logs[who].clean())
        except Stopped:
            self.storage.stop_at = None
            self.power_is_cut()
        self.storage.stop_at = None
        self.learn_start(who)

    @rule(who=WHO)
    def clean(self, who: int) -> None:
        list(self.logs[who].clean())
        self.learn_start(who)

    def learn_start(self, who: int) -> None:
        """Retention keeps to its own rules, which have their own tests."""
        start = self.partition(who).log_start
        assert start >= self.start
        gone = sum(len(value) for offset, value in self.known.items() if offset < start)
        assert start == self.start or gone > 0 or self.unsure
        self.start = start

    @rule(who=WHO, part=st.floats(0, 1))
    def delete_before(self, who: int, part: float) -> None:
        partition = self.partition(who)
        offset = round(self.start + (partition.high_watermark - self.start) * part)
        partition.delete_before(offset)
        self.start = offset

    @rule()
    def power_is_cut(self) -> None:
        self.storage = self.storage.power_cut()
        self.open_both()

    @rule(who=WHO)
    def close_and_open(self, who: int) -> None:
        self.logs[who].close()
        self.logs[who] = FileLog("/log", clock=lambda: 1000, storage=self.storage)

    @rule(who=WHO, offset=st.integers(-3, 3))
    def read_outside(self, who: int, offset: int) -> None:
        partition = self.partition(who)
        wanted = self.start - 1 - abs(offset)
        try:
            partition.read(wanted)
        except OffsetOutOfRange:
            return
        raise AssertionError(f"read {wanted} below the log start {self.start}")

    @precondition(lambda self: self.known)
    @rule(who=WHO, part=st.floats(0, 1), max_bytes=st.integers(1, 5000))
    def read_anywhere(self, who: int, part: float, max_bytes: int) -> None:
        partition = self.partition(who)
        offset = int(self.start + (partition.high_watermark - self.start) * part)
        for batch in partition.read(offset, max_bytes):
            for record in batch:
                assert record.offset == offset
                offset += 1
                assert self.known.get(record.offset, record.value) == record.value

    @invariant()
    def both_see_what_is_known(self) -> None:
        seen = []
        for partition in [self.partition(0), self.partition(1)]:  # opening may find more
            assert partition.log_start == self.start
            found: dict[int, bytes] = {}
            offset = self.start
            while offset < partition.high_watermark:
                batches = partition.read(offset, 2000)
                for record in (record for batch in batches for record in batch):
                    found[record.offset] = record.value or b""
                offset = batches[-1].last_offset + 1
            assert list(found) == list(range(self.start, partition.high_watermark))
            seen.append(found)
        assert seen[0] == seen[1]
        for offset, value in seen[0].items():
            if offset not in self.known:
                assert value in self.unsure
                del self.unsure[value]  # it is there, once, and stays
                self.known[offset] = value
        self.known = {offset: v for offset, v in self.known.items() if offset >= self.start}
        assert self.known == seen[0]


PartitionMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
TestPartition = PartitionMachine.TestCase
