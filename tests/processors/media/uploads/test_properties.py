"""Whatever a client sends, in whatever order: accepted are the bytes of a prefix without a gap,
each once, and a file is what was accepted, one after the other."""

from collections import Counter
from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.core.messages import Tick
from processors.media.uploads import SYSTEM
from processors.media.uploads.commands import (
    CreateUpload,
    RecordSurveyFailed,
    TerminateUpload,
)
from processors.media.uploads.events import (
    AssemblyRequested,
    ChunkAccepted,
    FileStored,
    RejectCode,
    UploadRejected,
)
from processors.media.uploads.flow import ASKED, demo_flow, flow
from processors.media.uploads.state import Phase
from processors.media.uploads.terms import Policy
from tests.processors.media.uploads.language import OWNER, Partition, digest_of

SOURCE = bytes(range(256))
POLICY = Policy(quota_bytes=10**6, upload_bytes_max=10**6)
CHUNKS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.booleans()), max_size=25)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 60), CHUNKS, st.booleans())
def test_accepted_is_a_prefix(
    length: int, chunks: list[tuple[int, int, bool]], deferred: bool
) -> None:
    """Chunks from anywhere, also where the upload stands (True)."""
    partition = Partition(POLICY)
    partition.create(length=None if deferred else length)
    got = b""
    contents: dict[str, bytes] = {}
    for begin, size, goes_on in chunks:
        offset = len(got) if goes_on else begin
        content = SOURCE[offset : offset + size]
        contents[digest_of(content)] = content
        terms: dict[str, Any] = {"length": length} if deferred and goes_on else {}
        for event in partition.send(content, offset=offset, **terms):
            if isinstance(event, ChunkAccepted):
                assert event.offset == len(got)
                got += contents[event.digest]
                assert len(contents[event.digest]) == event.size
            elif isinstance(event, UploadRejected):
                assert event.offset == len(got)
                if event.code is RejectCode.OFFSET_CONFLICT:
                    assert offset != len(got)
            elif isinstance(event, AssemblyRequested):
                assert got == b"".join(contents[part.digest] for part in event.parts)
            elif isinstance(event, FileStored):
                assert event.digest == digest_of(got)
        assert got == SOURCE[: len(got)]
        assert partition.upload().offset == len(got)
    declared = partition.upload().length
    assert declared in ((length, None) if deferred else (length,))
    assert declared is None or len(got) <= declared
    assert (partition.upload().phase is Phase.RECEIVING) == (len(got) != declared)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4), max_size=5),
    st.data(),
)
def test_a_final_upload_is_its_partial_uploads(
    contents: list[list[bytes]], data: st.DataObject
) -> None:
    partition = Partition(POLICY)
    known: dict[str, bytes] = {}
    for number, chunks in enumerate(contents):
        length = sum(map(len, chunks))
        partition.create(f"part-{number}", length=length, partial=True)
        for chunk in chunks:
            known[digest_of(chunk)] = chunk
            partition.send(chunk, f"part-{number}")
    if not contents:
        return
    order = data.draw(st.lists(st.sampled_from(range(len(contents))), min_size=1, max_size=6))
    names = tuple(f"part-{number}" for number in order)
    whole = b"".join(chunk for number in order for chunk in contents[number])
    *_, requested = partition.when(CreateUpload(owner=OWNER, upload="all", partials=names))
    assert b"".join(known[part.digest] for part in requested.parts) == whole
    assert requested.size == len(whole) == partition.upload("all").length


OWNERS = ("ann", "bob")
NAMES = ("one", "two", "three")
ASKED_FOR = st.one_of(
    st.builds(
        CreateUpload,
        owner=st.sampled_from(OWNERS),
        upload=st.sampled_from(NAMES),
        length=st.none() | st.integers(0, 700),
    ),
    st.builds(TerminateUpload, owner=st.sampled_from(OWNERS), upload=st.sampled_from(NAMES)),
    st.builds(Tick),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000_000), ASKED_FOR), max_size=40))
def test_no_owner_is_beyond_its_quota(commands: list[tuple[int, Any]]) -> None:
    partition = Partition()
    for step_ms, command in commands:
        partition.when(command, at=partition.now + step_ms)
        for name, owner in partition.state.owners.items():
            assert owner.used_bytes <= partition.state.quota_bytes(name)
    for owner in partition.state.owners.values():
        assert all(upload.number <= owner.created for upload in owner.uploads.values())


def test_the_flow_holds_all_kinds_of_commands() -> None:
    kinds = Counter(type(command) for _, command in islice(flow(1), 3000))
    assert set(kinds) == set(SYSTEM.commands) - {RecordSurveyFailed}
    asked = {type(command) for _, command in islice(demo_flow(1), 3000)}
    assert asked == set(ASKED)
    times = [at for at, _ in islice(flow(2, start_ms=5), 500)]
    assert times == sorted(times)
    assert times[0] >= 5
