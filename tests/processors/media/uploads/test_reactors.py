"""What the two key spaces tell each other, event by event."""

from typing import Any

import pytest

from processors.media.uploads import SYSTEM
from processors.media.uploads.commands import HoldBlob, NoteHold, ReleaseBlob, ReportBlob
from processors.media.uploads.events import (
    BlobAssembled,
    BlobHeld,
    FileStored,
    HoldReturned,
    SurveyTold,
    UploadExpired,
    UploadTerminated,
)
from processors.media.uploads.reactors import REACTORS
from processors.media.uploads.terms import Holder
from tests.processors.media.uploads.language import digest_of

ONE, TWO = digest_of(b"1"), digest_of(b"2")
NAMED: dict[str, Any] = {"owner": "ann", "upload": "cat", "number": 7}
HOLDER = Holder(system="media.uploads", owner="ann", name="cat", number=7)
FILE: dict[str, Any] = {"digest": TWO, "size": 2, "metadata": {}}


@pytest.mark.parametrize(
    ("event", "commands"),
    [
        (BlobHeld(digest=ONE, holder=HOLDER), [NoteHold(**NAMED, digest=ONE)]),
        (BlobHeld(digest=ONE, holder=Holder(system="media.photos", name="cat")), []),
        (
            BlobHeld(digest=ONE, holder=HOLDER, ticket=3),
            [NoteHold(**NAMED, digest=ONE, ticket=3)],
        ),
        (
            BlobAssembled(**NAMED, attempt=3, digest=ONE),
            [HoldBlob(digest=ONE, holder=HOLDER, ticket=3)],
        ),
        (HoldReturned(**NAMED, digest=ONE), [ReleaseBlob(digest=ONE, holder=HOLDER)]),
        (
            FileStored(**NAMED, **FILE, released=(ONE,)),
            [ReleaseBlob(digest=ONE, holder=HOLDER)],
        ),
        (
            UploadTerminated(**NAMED, released=(ONE, TWO), forget_at_ms=1),
            [ReleaseBlob(digest=each, holder=HOLDER) for each in (ONE, TWO)],
        ),
        (UploadExpired(**NAMED, released=(), forget_at_ms=1), []),
        (
            SurveyTold(survey="may", digests=(ONE, TWO)),
            [ReportBlob(digest=ONE), ReportBlob(digest=TWO)],
        ),
    ],
)
def test_what_events_lead_to(event: Any, commands: list[Any]) -> None:
    (reactor,) = REACTORS
    assert list(reactor.on[type(event)](event, 0)) == commands


def test_keys() -> None:
    """Owners and digests stand on partitions of their own; reactors go from one to the other."""
    assert SYSTEM.key(NoteHold(**NAMED, digest=ONE)) == "ann"
    assert SYSTEM.key(HoldBlob(digest=ONE, holder=HOLDER)) == ONE
