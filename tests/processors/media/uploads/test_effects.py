"""What is done at the blob store: called as the runtime calls it, on a real folder and on S3."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from processors.core.effect import Refused, Request
from processors.media.blobs import BlobStore, open_blobs
from processors.media.uploads import effects
from processors.media.uploads.commands import (
    RecordAssembled,
    RecordAssemblyFailed,
    RecordStamps,
    RecordSurvey,
    RecordSurveyFailed,
    RecordSweepFailed,
    RecordSwept,
)
from processors.media.uploads.events import (
    AssemblyRequested,
    SurveyRequested,
    SweepPlanned,
    SweepRequested,
)
from processors.media.uploads.samples import DIGESTS
from processors.media.uploads.terms import Part
from tests.processors.media.uploads.language import digest_of

NAMED: dict[str, Any] = {"owner": "ann", "upload": "cat", "number": 1, "attempt": 1}
WHOLE = digest_of(b"0123456789")
PARTS = Part(digest_of(b"01234"), 5), Part(digest_of(b"56789"), 5)
ASSEMBLE = AssemblyRequested(**NAMED, parts=PARTS, size=10)


def performed(location: str, event: Any) -> Any:
    async def perform() -> Any:
        async with effects.STORE.open({"blobs": location}) as perform:
            return await perform(Request(event=event, at=0, key="x"))

    return asyncio.run(perform())


def test_parts_become_one(blobs: BlobStore, location: str) -> None:
    for content in (b"01234", b"56789"):
        blobs.put([content])
    answer = RecordAssembled(**NAMED, digest=WHOLE, size=10)
    assert performed(location, ASSEMBLE) == answer
    with blobs.open(WHOLE) as file:
        assert file.read() == b"0123456789"
    assert performed(location, ASSEMBLE) == answer


def test_what_is_there_is_not_put_again(blobs: BlobStore, location: str) -> None:
    blobs.put([b"0123456789"])
    looked = AssemblyRequested(**NAMED, parts=PARTS, size=10, digest=WHOLE)
    answer = RecordAssembled(**NAMED, digest=WHOLE, size=10)
    assert performed(location, looked) == answer, "its parts need not be there"
    blobs.delete(WHOLE, blobs.stamps(WHOLE))
    for content in (b"01234", b"56789"):
        blobs.put([content])
    assert performed(location, looked) == answer
    assert blobs.size(WHOLE) == 10


def test_a_part_that_is_missing_is_final(location: str) -> None:
    with pytest.raises(Refused, match=PARTS[0].digest):
        performed(location, ASSEMBLE)


def test_a_part_that_has_rotted_is_final(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path))
    for content in (b"01234", b"56789"):
        blobs.put([content])
    with blobs.file(PARTS[1].digest) as path:
        path.write_bytes(b"5678X")
    with pytest.raises(Refused, match="not what they were"):
        performed(str(tmp_path), ASSEMBLE)
    assert blobs.size(WHOLE) is None


def test_a_sweep_looks_and_deletes(blobs: BlobStore, location: str) -> None:
    digest = blobs.put([b"x"]).digest
    told = performed(location, SweepPlanned(digest=digest, attempt=3))
    assert told == RecordStamps(digest=digest, attempt=3, stamps=tuple(blobs.stamps(digest)))
    request = SweepRequested(digest=digest, attempt=3, stamps=told.stamps)
    assert performed(location, request) == RecordSwept(digest=digest, attempt=3)
    assert blobs.size(digest) is None
    assert performed(location, request) == RecordSwept(digest=digest, attempt=3)


def test_a_survey_reads_a_page(
    blobs: BlobStore, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "DIGESTS_PER_SURVEY", 2)
    put = sorted(blobs.put([bytes([number])]).digest for number in range(3))
    first = performed(location, SurveyRequested(survey="may", after=""))
    assert first == RecordSurvey(survey="may", after="", digests=tuple(put[:2]), is_last=False)
    last = performed(location, SurveyRequested(survey="may", after=put[1]))
    assert last == RecordSurvey(survey="may", after=put[1], digests=(put[2],), is_last=True)


def test_what_says_that_it_failed() -> None:
    planned = SweepPlanned(digest=WHOLE, attempt=3)
    survey = SurveyRequested(survey="may", after=WHOLE)
    assert [effects.failed(event, "no") for event in (ASSEMBLE, planned, survey)] == [
        RecordAssemblyFailed(**NAMED, reason="no"),
        RecordSweepFailed(digest=WHOLE, attempt=3, reason="no"),
        RecordSurveyFailed(survey="may", after=WHOLE, reason="no"),
    ]


def test_the_demo_has_the_bytes_of_its_flow() -> None:
    async def look() -> list[int | None]:
        assert effects.STORE.simulator is not None
        async with effects.STORE.simulator() as settings:
            store = open_blobs(settings["blobs"])
            return [store.size(digest) for digest in DIGESTS]

    assert all(asyncio.run(look()))
