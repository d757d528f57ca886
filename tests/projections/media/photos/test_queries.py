"""What is told of photos and of their renditions."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from processors.media.photos.commands import (
    AddPhoto,
    NoteBlob,
    RecordRenderFailed,
    RecordRenditions,
    RemovePhoto,
    RenderAgain,
)
from processors.media.photos.terms import Failure, Rendition
from tests.projections.media.reading import Reading

OWNER = "ann"
SOURCE = sha256(b"source").hexdigest()


@pytest.fixture
def reading(kind: str, tmp_path: Path) -> Iterator[Reading]:
    opened = Reading("processors.media.photos", kind, tmp_path)
    yield opened
    opened.store.close()


def rendition(edge: int) -> Rendition:
    return Rendition(
        edge=edge,
        width=edge,
        height=edge // 2,
        filetype="image/jpeg",
        digest=sha256(str(edge).encode()).hexdigest(),
        size=edge * 10,
    )


def add(reading: Reading, name: str = "cat", at: int = 0) -> None:
    reading.when(
        AddPhoto(
            photo=name,
            owner=OWNER,
            digest=SOURCE,
            size=9,
            filetype="image/jpeg",
            filename=f"{name}.jpg",
        ),
        NoteBlob(photo=name, owner=OWNER, number=1, digest=SOURCE),
        at=at,
    )


def publish(reading: Reading, *edges: int, attempt: int = 1, name: str = "cat") -> None:
    made = tuple(rendition(edge) for edge in edges)
    first, second = (
        RecordRenditions(
            photo=name, number=1, attempt=number, width=400, height=200, renditions=made
        )
        for number in (attempt, attempt + 1)
    )
    holds = [
        NoteBlob(photo=name, owner=OWNER, number=1, digest=each.digest, ticket=attempt)
        for each in made
    ]
    reading.when(first, *holds, second, at=10 * attempt)


def test_where_a_photo_stands(reading: Reading) -> None:
    assert reading.ask("photo", "cat") is None
    add(reading)
    assert reading.ask("photo", "cat").state == "rendering"
    assert reading.ask("renditions", "cat") == []
    publish(reading, 100, 200)
    photo = reading.ask("photo", "cat")
    assert (photo.state, photo.width, photo.height) == ("published", 400, 200)
    assert (photo.renditions, photo.rendition_bytes, photo.filename) == (2, 3000, "cat.jpg")
    assert [each.edge for each in reading.ask("renditions", "cat")] == [100, 200]


def test_the_rendition_to_show(reading: Reading) -> None:
    add(reading)
    publish(reading, 100, 200, 400)
    asked = {edge: reading.ask("fitting", "cat", edge).edge for edge in (1, 100, 101, 400, 500)}
    assert asked == {1: 100, 100: 100, 101: 200, 400: 400, 500: 400}
    assert reading.ask("fitting", "dog", 100) is None


def test_new_renditions_take_the_place_of_the_old(reading: Reading) -> None:
    add(reading)
    publish(reading, 100, 200, 400)
    reading.when(RenderAgain(photo="cat"))
    assert reading.ask("photo", "cat").state == "rendering"
    assert len(reading.ask("renditions", "cat")) == 3, "until there are new ones"
    publish(reading, 50, attempt=3)
    assert [each.edge for each in reading.ask("renditions", "cat")] == [50]


def test_why_one_failed(reading: Reading) -> None:
    add(reading)
    failed = RecordRenderFailed(
        photo="cat", number=1, attempt=1, failure=Failure.TOO_MANY_PIXELS, reason="60000 x 60000"
    )
    reading.when(failed, at=3)
    (photo,) = reading.ask("failed")
    assert (photo.photo, photo.failure, photo.reason) == (
        "cat",
        "too_many_pixels",
        "60000 x 60000",
    )
    reading.when(RenderAgain(photo="cat"))
    assert reading.ask("failed") == []


def test_photos_of_an_owner_latest_first(reading: Reading) -> None:
    for at, name in enumerate(("cat", "ant", "bee")):
        add(reading, name, at)
    publish(reading, 100)
    assert [row.photo for row in reading.ask("photos", OWNER)] == ["bee", "ant", "cat"]
    reading.when(RemovePhoto(photo="cat"))
    assert [row.photo for row in reading.ask("photos", OWNER)] == ["bee", "ant"]
    assert reading.ask("renditions", "cat") == []
