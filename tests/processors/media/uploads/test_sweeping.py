"""No sweep ever takes a blob that an upload needs, whatever the order of things; and it takes all
others in the end."""

from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.media.blobs import BlobStore, FolderBlobs
from processors.media.uploads import effects
from processors.media.uploads.commands import RecordSwept
from processors.media.uploads.events import (
    AssemblyRequested,
    BlobSwept,
    FileStored,
    SweepPlanned,
    SweepRequested,
)
from processors.media.uploads.terms import Part
from tests.processors.media.uploads.cluster import Acts, Cluster, Lost

STEPS = 400


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_blob_that_is_needed_is_never_lost(seed: int) -> None:
    with TemporaryDirectory() as folder:
        cluster = Cluster(Random(seed), FolderBlobs(folder))
        for _ in range(STEPS):
            cluster.step()
        cluster.end()
        assert list(cluster.blobs.digests()) == []
        assert not any(state.blobs for state in cluster.states)


def test_much_happens_in_that_test(tmp_path: Path) -> None:
    kinds: Counter[type[Any]] = Counter()
    for seed in range(4):
        cluster = Cluster(Random(seed), FolderBlobs(tmp_path / str(seed)))
        for _ in range(STEPS):
            cluster.step()
        kinds.update(type(event) for event in cluster.events)
    assert kinds[FileStored] > 10
    assert kinds[BlobSwept] > 10


def sweep_all(blobs: BlobStore, event: SweepRequested) -> RecordSwept:
    """What would be simpler: delete the digest, whoever has put it by now."""
    blobs.delete(event.digest, blobs.stamps(event.digest))
    return RecordSwept(digest=event.digest, attempt=event.attempt)


def test_a_simpler_sweep_would_lose_one(tmp_path: Path) -> None:
    acts: Acts = {**effects.ACTS, SweepRequested: sweep_all}
    with pytest.raises(Lost):
        for seed in range(40):
            cluster = Cluster(Random(seed), FolderBlobs(tmp_path / str(seed)), acts)
            for _ in range(STEPS):
                cluster.step()


def test_a_sweep_that_was_asked_for_before_a_hold_comes_after_it(tmp_path: Path) -> None:
    """The whole was put together before it was held, and a sweep has seen it in between."""
    blobs = FolderBlobs(tmp_path)
    parts = tuple(Part(*blobs.put([content])) for content in (b"01234", b"56789"))
    named: dict[str, Any] = {"owner": "ann", "upload": "cat", "number": 1, "size": 10}
    first = AssemblyRequested(**named, attempt=1, parts=parts)
    assembled: Any = effects.assemble(blobs, first)
    whole = assembled.digest
    told: Any = effects.look(blobs, SweepPlanned(digest=whole, attempt=1))
    late = SweepRequested(digest=whole, attempt=1, stamps=told.stamps)
    # Now it is held, and looked after once more; then only the sweep is performed.
    effects.assemble(blobs, AssemblyRequested(**named, attempt=2, parts=parts, digest=whole))
    effects.sweep(blobs, late)
    assert blobs.size(whole) == 10
