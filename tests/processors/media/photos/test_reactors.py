"""What photos and uploads tell each other, event by event."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from processors.core.reactor import Reactor
from processors.media.photos import SYSTEM
from processors.media.photos.commands import AddPhoto, NoteBlob
from processors.media.photos.events import (
    BlobReturned,
    PhotoAdded,
    PhotoFailed,
    PhotoPublished,
    PhotoRemoved,
    RenditionsMade,
)
from processors.media.photos.reactors import FROM_UPLOADS, HOLDS
from processors.media.photos.terms import Failure, Rendition
from processors.media.uploads import SYSTEM as UPLOADS
from processors.media.uploads.commands import HoldBlob, ReleaseBlob
from processors.media.uploads.events import BlobHeld, FileStored
from processors.media.uploads.terms import Holder

ONE, TWO = (sha256(text).hexdigest() for text in (b"1", b"2"))
NAMED: dict[str, Any] = {"photo": "ann/cat/1", "owner": "ann", "number": 7}
HOLDER = Holder(system="media.photos", owner="ann", name="ann/cat/1", number=7)
RENDITIONS = tuple(
    Rendition(edge=9, width=9, height=9, filetype="image/png", digest=digest, size=1)
    for digest in (ONE, TWO)
)
SIZE: dict[str, Any] = {"width": 9, "height": 9, "renditions": RENDITIONS}


def stored(filetype: str, owner: str = "ann", upload: str = "cat", number: int = 1) -> FileStored:
    metadata = {"filetype": filetype, "filename": "cat.jpg"}
    return FileStored(
        owner=owner, upload=upload, number=number, digest=ONE, size=9, metadata=metadata
    )


def commands_of(reactor: Reactor, event: Any) -> list[Any]:
    """What it leads to, each as it is on the topic of its system."""
    led_to = list(reactor.on[type(event)](event, 0))
    for command in led_to:
        again = msgspec.json.decode(msgspec.json.encode(command), type=type(command))
        assert again == command
    return led_to


def test_an_uploaded_picture_becomes_a_photo() -> None:
    assert commands_of(FROM_UPLOADS, stored("image/jpeg")) == [
        AddPhoto(
            photo="ann/cat/1",
            owner="ann",
            digest=ONE,
            size=9,
            filetype="image/jpeg",
            filename="cat.jpg",
        )
    ]
    assert commands_of(FROM_UPLOADS, stored("video/mp4")) == []
    assert len(commands_of(FROM_UPLOADS, stored("image/x", "o" * 200, "u" * 200, 2**53))) == 1


def test_a_hold_is_told_to_its_photo() -> None:
    held = BlobHeld(digest=TWO, holder=HOLDER, ticket=3)
    assert commands_of(FROM_UPLOADS, held) == [NoteBlob(**NAMED, digest=TWO, ticket=3)]
    other = BlobHeld(digest=TWO, holder=Holder(system="media.uploads", owner="ann", name="cat"))
    assert commands_of(FROM_UPLOADS, other) == []


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (
            PhotoAdded(**NAMED, digest=ONE, size=9, filetype="image/png", filename=""),
            [HoldBlob(digest=ONE, holder=HOLDER)],
        ),
        (
            RenditionsMade(**NAMED, **SIZE, attempt=3),
            [HoldBlob(digest=digest, holder=HOLDER, ticket=3) for digest in (ONE, TWO)],
        ),
        (BlobReturned(**NAMED, digest=ONE), [ReleaseBlob(digest=ONE, holder=HOLDER)]),
        (
            PhotoPublished(**NAMED, **SIZE, released=(TWO,)),
            [ReleaseBlob(digest=TWO, holder=HOLDER)],
        ),
        (
            PhotoFailed(**NAMED, failure=Failure.OUTSIDE, reason="", released=(TWO,)),
            [ReleaseBlob(digest=TWO, holder=HOLDER)],
        ),
        (
            PhotoRemoved(**NAMED, released=(ONE, TWO)),
            [ReleaseBlob(digest=digest, holder=HOLDER) for digest in (ONE, TWO)],
        ),
    ],
)
def test_what_a_photo_needs_and_needs_no_more(event: Any, commands: list[Any]) -> None:
    assert commands_of(HOLDS, event) == commands


def test_where_they_lead() -> None:
    assert (FROM_UPLOADS.source, FROM_UPLOADS.target) == (UPLOADS, None)
    assert (HOLDS.source, HOLDS.target) == (None, UPLOADS)
    assert SYSTEM.reactors == (FROM_UPLOADS, HOLDS)
