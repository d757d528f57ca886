"""Threads that read one partition while its set of files is looked at anew."""

import threading
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.file.segment import segment_bases
from log.errors import LogError
from log.record import Record
from log.topic import TopicConfig


def test_a_second_reader_waits_until_the_files_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first to notice new files lists them; who comes meanwhile must not read from the old."""
    with FileLog(tmp_path) as log:
        log.create_topic("t", TopicConfig(partitions=1))
        partition = log.partition("t", 0)
        with FileLog(tmp_path) as other:
            other.partition("t", 0).append([Record(b"x")])
        found: list[object] = []

        def read() -> None:
            try:
                found.append([record.value for batch in partition.read(0) for record in batch])
            except LogError as error:
                found.append(error)

        second = threading.Thread(target=read)

        def slow_listing(names: list[str]) -> list[int]:
            if not second.ident:
                second.start()
                second.join(0.2)
            return segment_bases(names)

        monkeypatch.setattr("log.backends.file.reading.segment_bases", slow_listing)
        read()
        second.join()
    assert found == [[b"x"], [b"x"]]
