"""Events that others write, followed once for all who wait, and told from memory."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.http import tail
from gateway.http.tail import TailedLog
from log.backends.memory import MemoryLog
from log.interface import Partition
from log.record import Record
from log.topic import TopicConfig
from tests.gateway.http.conftest import until

WAIT_S = 20.0


@dataclass
class Scene:
    """One partition, as it is and as it is followed."""

    log: MemoryLog
    partition: Partition

    def append(self, *values: str) -> None:
        records = [Record(value.encode(), timestamp=1) for value in values]
        self.log.partition("events", 0).append(records)

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[str]:
        batches = self.partition.read(offset, max_bytes)
        return [(record.value or b"").decode() for batch in batches for record in batch]


@pytest.fixture
def scene() -> Iterator[Scene]:
    log = MemoryLog()
    log.create_topic("events", TopicConfig())
    with TailedLog(log, log, ["events"]) as tailed:
        yield Scene(log, tailed.partition("events", 0))


def forbid_reads(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, what is not in memory is not to be had."""
    inner = scene.log.partition("events", 0)

    def refuse(*arguments: object) -> None:
        raise AssertionError("read from the log")

    monkeypatch.setattr(inner, "read", refuse)


def test_what_comes_while_one_waits_is_in_memory(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.append("a", "b")
    assert not scene.partition.wait(2, 0.0)
    scene.append("c", "d")
    scene.append("e")
    assert scene.partition.wait(4, WAIT_S)
    forbid_reads(scene, monkeypatch)
    assert scene.read(2) == ["c", "d", "e"]
    assert scene.read(3) == ["d", "e"]  # from the middle of a batch
    assert scene.read(3, 1) == ["d"]  # at least one batch, however large
    assert scene.read(5) == []


def test_what_was_before_comes_from_the_log(scene: Scene) -> None:
    scene.append("a", "b")
    scene.partition.wait(2, 0.0)
    scene.append("c")
    assert scene.partition.wait(2, WAIT_S)
    assert scene.read(0)[:2] == ["a", "b"]


def test_all_below_the_high_watermark_can_be_read(scene: Scene) -> None:
    scene.partition.wait(0, 0.0)
    for number in range(200):
        scene.append(str(number))
        end = scene.partition.high_watermark
        assert end == number + 1
        assert scene.read(number) == [str(number)]


def test_no_more_is_kept_than_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "KEPT_BYTES", 10_000)
    scene.partition.wait(0, 0.0)
    for number in range(50):
        scene.append(f"{number}" + "x" * 1000)
        assert scene.partition.wait(number, WAIT_S)
    assert scene.read(0)[0].startswith("0x")  # from the log
    forbid_reads(scene, monkeypatch)
    assert scene.read(49)[0].startswith("49x")
    with pytest.raises(AssertionError, match="read from the log"):
        scene.read(20)


def test_a_partition_that_nobody_waits_for_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.partition.wait(0, 0.0)
    scene.append("a")
    assert scene.partition.wait(0, WAIT_S)
    with monkeypatch.context() as patched:
        forbid_reads(scene, patched)
        assert scene.read(0) == ["a"]
        patched.setattr(tail, "IDLE_S", 0.0)

        def is_forgotten() -> bool:
            try:
                return not scene.read(0)
            except AssertionError:
                return True

        until(is_forgotten)
    scene.append("b", "c")
    assert scene.partition.wait(2, WAIT_S)  # and taken up again where one waits
    assert scene.read(1) == ["b", "c"]


def test_all_who_wait_are_woken(scene: Scene) -> None:
    woken = []
    threads = [
        threading.Thread(target=lambda: woken.append(scene.partition.wait(0, WAIT_S)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    scene.append("a")
    for thread in threads:
        thread.join()
    assert woken == [True] * 20
