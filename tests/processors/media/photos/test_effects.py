"""Renditions in a real blob store; and uploads and photos together, as a worker runs them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.interface import Log
from processors.core.appender import Appender
from processors.core.effect import Request
from processors.core.workers.embedded import Worker
from processors.media.blobs import BlobStore, open_blobs
from processors.media.photos import SYSTEM as PHOTOS
from processors.media.photos import effects
from processors.media.photos.commands import RecordRenderFailed, RecordRenditions, RemovePhoto
from processors.media.photos.events import (
    PhotoFailed,
    PhotoPublished,
    PhotoRejected,
    RenderRequested,
)
from processors.media.photos.samples import SIZES, samples
from processors.media.photos.terms import Failure, Policy, Rendition
from processors.media.uploads import SYSTEM as UPLOADS
from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    HoldBlob,
    SetPolicy,
    TerminateUpload,
)
from processors.media.uploads.reactors import holder_of
from processors.media.uploads.terms import Policy as UploadPolicy
from tests.processors.media.photos.pictures import photograph

POLICY = Policy(ladder=(50, 100))


def requested(digest: str, expected: tuple[Rendition, ...] = ()) -> RenderRequested:
    return RenderRequested(
        photo="cat",
        number=1,
        attempt=1,
        digest=digest,
        policy=POLICY,
        width=200 if expected else 0,
        height=400 if expected else 0,
        expected=expected,
    )


def performed(location: str, event: RenderRequested) -> Any:
    async def perform() -> Any:
        async with effects.RENDER.open({"blobs": location}) as perform:
            return await perform(Request(event=event, at=0, key="x"))

    return asyncio.run(perform())


def test_renditions_are_put(blobs: BlobStore, location: str) -> None:
    source = blobs.put([photograph(orientation=6)]).digest
    answer = performed(location, requested(source))
    assert isinstance(answer, RecordRenditions)
    assert (answer.width, answer.height) == (200, 400)
    sizes = [(each.edge, each.width, each.height) for each in answer.renditions]
    assert sizes == [(50, 25, 50), (100, 50, 100)]
    for each in answer.renditions:
        assert blobs.size(each.digest) == each.size
    assert performed(location, requested(source)) == answer


def test_what_is_there_is_not_rendered_again(blobs: BlobStore, location: str) -> None:
    source = blobs.put([photograph(orientation=6)]).digest
    answer = performed(location, requested(source))
    blobs.delete(source, blobs.stamps(source))
    looked = requested(source, answer.renditions)
    assert performed(location, looked) == answer
    blobs.put([photograph(orientation=6)])
    lost = answer.renditions[0].digest
    blobs.delete(lost, blobs.stamps(lost))
    assert performed(location, looked) == answer
    assert blobs.size(lost) is not None


@pytest.mark.parametrize(
    ("content", "failure"),
    [(None, Failure.SOURCE_MISSING), (b"no picture", Failure.UNREADABLE)],
)
def test_a_failure_is_an_answer(tmp_path: Path, content: bytes | None, failure: Failure) -> None:
    blobs = open_blobs(str(tmp_path))
    digest = "0" * 64 if content is None else blobs.put([content]).digest
    answer = performed(str(tmp_path), requested(digest))
    assert isinstance(answer, RecordRenderFailed)
    assert answer.failure is failure
    outside = effects.failed(requested(digest), "OSError: the disk is full")
    assert outside.failure is Failure.OUTSIDE  # type: ignore[attr-defined]


def test_the_samples_are_pictures(tmp_path: Path) -> None:
    async def look() -> list[Any]:
        assert effects.RENDER.simulator is not None
        async with effects.RENDER.simulator() as settings:
            store = open_blobs(settings["blobs"])
            return [effects.render(store, requested(sample.digest)) for sample in samples()]

    *pictures, broken = asyncio.run(look())
    assert [(each.width, each.height) for each in pictures] == list(SIZES)
    assert isinstance(broken, RecordRenderFailed)


# together


class Together:
    """Uploads and photos in one worker, with one blob store."""

    def __init__(self, log: Log, location: str) -> None:
        self.log = log
        self.blobs = open_blobs(location)
        self._settings = {
            "media.uploads.store": {"blobs": location},
            "media.photos.render": {"blobs": location},
        }
        self._appenders = {system.name: Appender(log, system) for system in (UPLOADS, PHOTOS)}

    def when(self, *commands: Any) -> None:
        """Append them; all that follows has happened when this returns."""
        for command in commands:
            system = UPLOADS if type(command) in UPLOADS.commands else PHOTOS
            self._appenders[system.name].add(command)
        for appender in self._appenders.values():
            appender.flush()
        with Worker(self.log, [UPLOADS, PHOTOS], settings=self._settings) as worker:
            worker.run(until_idle=True)

    def upload(self, owner: str, name: str, content: bytes, filetype: str) -> None:
        metadata = {"filename": f"{name}.jpg", "filetype": filetype}
        self.when(CreateUpload(owner=owner, upload=name, length=len(content), metadata=metadata))
        with self.blobs.stage([content]) as staged:
            chunk = AppendChunk(
                owner=owner, upload=name, number=1, offset=0, **staged.blob._asdict()
            )
            self.when(HoldBlob(digest=chunk.digest, holder=holder_of(chunk)))
            staged.keep()
            self.when(chunk)

    def events(self, kind: type[Any]) -> list[Any]:
        decode = PHOTOS.event_codec(self.log.topics()[PHOTOS.events_topic]).decode
        found = []
        for number in range(PHOTOS.partitions):
            for batch in self.log.partition(PHOTOS.events_topic, number).read(0, 1 << 30):
                found += [decode(record.value or b"") for record in batch]
        return [event for event in found if isinstance(event, kind)]


def test_an_uploaded_picture_becomes_a_photo_and_goes(location: str) -> None:
    with MemoryLog() as log:
        both = Together(log, location)
        both.when(SetPolicy(policy=UploadPolicy(sweep_after_ms=0)))
        both.upload("ann", "cat", photograph(), "image/jpeg")
        both.upload("ben", "cat", photograph(), "image/jpeg")
        first, second = both.events(PhotoPublished)
        assert {first.photo, second.photo} == {"ann/cat/1", "ben/cat/1"}
        assert first.renditions == second.renditions
        needed = {each.digest for each in first.renditions}
        (source,) = set(both.blobs.digests()) - needed
        # The upload may go: the photos hold the source too. So may one of the photos.
        both.when(TerminateUpload(owner="ann", upload="cat"))
        both.when(TerminateUpload(owner="ben", upload="cat"))
        both.when(RemovePhoto(photo="ann/cat/1"))
        assert set(both.blobs.digests()) == {source, *needed}
        both.when(RemovePhoto(photo="ben/cat/1"))
        assert list(both.blobs.digests()) == []


def test_what_is_no_picture_fails_and_what_says_so_is_let_be(tmp_path: Path) -> None:
    with MemoryLog() as log:
        both = Together(log, str(tmp_path))
        both.upload("ann", "cat", b"no picture", "image/png")
        both.upload("ben", "svg", b"<svg/>", "image/svg+xml")
        both.upload("cleo", "film", b"film", "video/mp4")
        (failed,) = both.events(PhotoFailed)
        assert (failed.owner, failed.failure) == ("ann", Failure.UNREADABLE)
        (rejected,) = both.events(PhotoRejected)
        assert rejected.photo == "ben/svg/1"
