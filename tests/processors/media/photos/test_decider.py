"""A photo's life, rule by rule."""

from hashlib import sha256
from itertools import islice
from typing import Any

import pytest

from processors.core.decider import Decider
from processors.media.photos import SYSTEM
from processors.media.photos.commands import (
    AddPhoto,
    NoteBlob,
    RecordRenderFailed,
    RecordRenditions,
    RemovePhoto,
    RenderAgain,
    SetPhotoPolicy,
)
from processors.media.photos.decider import DECIDER
from processors.media.photos.effects import wanted
from processors.media.photos.events import (
    BlobNoted,
    BlobReturned,
    PhotoAdded,
    PhotoFailed,
    PhotoPublished,
    PhotoRejected,
    PhotoRemoved,
    RejectCode,
    RenderRequested,
    RenditionsMade,
)
from processors.media.photos.flow import flow
from processors.media.photos.invariants import check
from processors.media.photos.state import Photos
from processors.media.photos.terms import ATTEMPTS_MAX, Failure, Policy, Rendition
from tests.given_when_then import Scenario

OWNER, PHOTO = "ann", "ann/cat/1"
SOURCE = sha256(b"source").hexdigest()
ADD = AddPhoto(
    photo=PHOTO, owner=OWNER, digest=SOURCE, size=9, filetype="image/jpeg", filename="cat.jpg"
)


def rendition(edge: int, salt: str = "") -> Rendition:
    return Rendition(
        edge=edge,
        width=edge,
        height=edge // 2,
        filetype="image/jpeg",
        digest=sha256(f"{edge}{salt}".encode()).hexdigest(),
        size=edge,
    )


MADE = rendition(100), rendition(200)
OTHERS = rendition(100), rendition(200, "other")


class Life:
    """A partition with one photo, checked after each command."""

    def __init__(self) -> None:
        decider: Decider[Photos] = DECIDER
        self._scenario = Scenario(decider, [])

    @property
    def state(self) -> Photos:
        return self._scenario.state

    def when(self, command: Any) -> list[Any]:
        events = self._scenario.when(command)
        check(self.state)
        return events

    def note(self, digest: str = SOURCE, ticket: int = 0, number: int = 1) -> list[Any]:
        return self.when(
            NoteBlob(photo=PHOTO, owner=OWNER, number=number, digest=digest, ticket=ticket)
        )

    def answer(self, attempt: int, made: tuple[Rendition, ...] = MADE) -> list[Any]:
        return self.when(
            RecordRenditions(
                photo=PHOTO, number=1, attempt=attempt, width=400, height=200, renditions=made
            )
        )

    def fail(self, attempt: int, failure: Failure = Failure.UNREADABLE) -> list[Any]:
        return self.when(
            RecordRenderFailed(
                photo=PHOTO, number=1, attempt=attempt, failure=failure, reason="no picture"
            )
        )

    def publish(self, attempt: int = 1, made: tuple[Rendition, ...] = MADE) -> list[Any]:
        self.answer(attempt, made)
        for each in made:
            self.note(each.digest, ticket=attempt)
        return self.answer(attempt + 1, made)


@pytest.fixture
def life() -> Life:
    return Life()


@pytest.fixture
def rendering(life: Life) -> Life:
    """A photo whose source is held, and whose renditions are asked for."""
    life.when(ADD)
    life.note()
    return life


def rejected(events: list[Any]) -> RejectCode:
    (event,) = events
    assert isinstance(event, PhotoRejected)
    assert event.reason
    return event.code


def test_from_the_source_to_what_is_published(life: Life) -> None:
    (added,) = life.when(ADD)
    assert isinstance(added, PhotoAdded)
    noted, requested = life.note()
    assert noted == BlobNoted(photo=PHOTO, number=1, digest=SOURCE)
    assert requested == RenderRequested(
        photo=PHOTO, number=1, attempt=1, digest=SOURCE, policy=Policy()
    )
    (made,) = life.answer(1)
    assert isinstance(made, RenditionsMade)
    assert made.renditions == MADE
    assert len(life.note(MADE[0].digest, ticket=1)) == 1
    _, requested = life.note(MADE[1].digest, ticket=1)
    assert (requested.attempt, requested.expected) == (2, MADE)
    assert (requested.width, requested.height) == (400, 200)
    assert life.answer(2) == [
        PhotoPublished(
            photo=PHOTO,
            owner=OWNER,
            number=1,
            width=400,
            height=200,
            renditions=MADE,
            released=(),
        )
    ]


def test_what_cannot_be_added(life: Life) -> None:
    for change, code in (
        ({"filetype": "image/svg+xml"}, RejectCode.UNSUPPORTED_TYPE),
        ({"filetype": "video/mp4"}, RejectCode.UNSUPPORTED_TYPE),
        ({"size": Policy().bytes_max + 1}, RejectCode.TOO_LARGE),
    ):
        fields = {name: getattr(ADD, name) for name in ADD.__struct_fields__}
        assert rejected(life.when(AddPhoto(**{**fields, **change}))) is code
    life.when(ADD)
    assert rejected(life.when(ADD)) is RejectCode.PHOTO_EXISTS


def test_answers_that_nobody_waits_for_change_nothing(rendering: Life) -> None:
    assert rendering.answer(2) == rendering.fail(2) == []
    rendering.answer(1)
    assert rendering.answer(1) == rendering.fail(1) == []
    for each in MADE:
        rendering.note(each.digest, ticket=1)
    assert rendering.answer(1) == []
    rendering.answer(2)
    assert rendering.answer(2) == rendering.fail(2) == []


def test_what_was_swept_meanwhile_is_held_anew(rendering: Life) -> None:
    """Made again, they were other bytes: those are held first."""
    rendering.answer(1)
    for each in MADE:
        rendering.note(each.digest, ticket=1)
    (made,) = rendering.answer(2, OTHERS)
    assert isinstance(made, RenditionsMade)
    assert rendering.note(OTHERS[0].digest, ticket=1) == [], "of an earlier hold"
    rendering.note(OTHERS[0].digest, ticket=2)
    rendering.note(OTHERS[1].digest, ticket=2)
    (published,) = rendering.answer(3, OTHERS)
    assert published.released == (MADE[1].digest,)


def test_what_is_never_the_same_is_given_up(rendering: Life) -> None:
    for attempt in range(1, ATTEMPTS_MAX + 1):
        made = (rendition(100, str(attempt)),)
        rendering.answer(attempt, made)
        rendering.note(made[0].digest, ticket=attempt)
    (failed,) = rendering.answer(ATTEMPTS_MAX + 1, MADE)
    assert failed.failure is Failure.NOT_REPEATABLE
    assert len(failed.released) == ATTEMPTS_MAX


def test_a_failure_says_why(rendering: Life) -> None:
    assert rendering.fail(1) == [
        PhotoFailed(
            photo=PHOTO,
            owner=OWNER,
            number=1,
            failure=Failure.UNREADABLE,
            reason="no picture",
            released=(),
        )
    ]
    (requested,) = rendering.when(RenderAgain(photo=PHOTO))
    assert requested.attempt == 2


def test_no_rendition_is_a_failure(rendering: Life) -> None:
    (failed,) = rendering.answer(1, ())
    assert failed.failure is Failure.UNREADABLE


def test_a_new_ladder_replaces_the_old_when_it_is_there(rendering: Life) -> None:
    rendering.publish()
    policy = Policy(ladder=(100, 200))
    rendering.when(SetPhotoPolicy(policy=policy))
    (requested,) = rendering.when(RenderAgain(photo=PHOTO))
    assert (requested.attempt, requested.policy, requested.expected) == (3, policy, ())
    assert rejected(rendering.when(RenderAgain(photo=PHOTO))) is RejectCode.BUSY
    (published,) = rendering.publish(3, OTHERS)
    assert published.renditions == OTHERS
    assert published.released == (MADE[1].digest,), "the smaller one is the same"


def test_a_failure_keeps_what_is_published(rendering: Life) -> None:
    rendering.publish()
    rendering.when(RenderAgain(photo=PHOTO))
    (failed,) = rendering.fail(3)
    assert failed.released == ()
    assert rendering.state.photos[PHOTO].published == MADE


def test_a_photo_is_removed(rendering: Life) -> None:
    rendering.publish()
    digests = (SOURCE, MADE[0].digest, MADE[1].digest)
    assert rendering.when(RemovePhoto(photo=PHOTO)) == [
        PhotoRemoved(photo=PHOTO, owner=OWNER, number=1, released=digests)
    ]
    assert rejected(rendering.when(RemovePhoto(photo=PHOTO))) is RejectCode.UNKNOWN_PHOTO
    assert rejected(rendering.when(RenderAgain(photo=PHOTO))) is RejectCode.UNKNOWN_PHOTO
    assert rendering.fail(1) == []


def test_what_is_held_too_late_is_returned(rendering: Life) -> None:
    returned = BlobReturned(photo=PHOTO, owner=OWNER, number=1, digest=MADE[0].digest)
    assert rendering.note(MADE[0].digest) == [returned]
    assert len(rendering.note()) == 1, "the source is held, and stays so"
    rendering.when(RemovePhoto(photo=PHOTO))
    assert isinstance(rendering.note()[0], BlobReturned)
    rendering.when(ADD)
    assert isinstance(rendering.note()[0], BlobReturned), "of the photo that was there before"
    assert len(rendering.note(number=2)) == 2


def test_what_is_wanted_of_the_outside(rendering: Life) -> None:
    named: dict[str, Any] = {"photo": PHOTO, "digest": SOURCE, "policy": Policy()}
    first = RenderRequested(number=1, attempt=1, **named)
    second = RenderRequested(number=1, attempt=2, expected=MADE, **named)

    def both() -> tuple[bool, bool]:
        return wanted(rendering.state, first), wanted(rendering.state, second)

    assert both() == (True, False)
    rendering.answer(1)
    assert both() == (False, False)
    for each in MADE:
        rendering.note(each.digest, ticket=1)
    assert both() == (False, True)
    rendering.when(RemovePhoto(photo=PHOTO))
    assert both() == (False, False)


def test_the_flow_holds_all_kinds_of_commands() -> None:
    kinds = {type(command) for _, command in islice(flow(1), 2000)}
    assert kinds == set(SYSTEM.commands)
