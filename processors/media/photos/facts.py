"""What each fact does to the state of photos: `evolve`."""

from collections.abc import Callable
from typing import Any, Final

from processors.media.photos.events import (
    BlobNoted,
    PhotoAdded,
    PhotoFailed,
    PhotoPolicySet,
    PhotoPublished,
    PhotoRemoved,
    RenderRequested,
    RenditionsMade,
)
from processors.media.photos.state import Phase, Photo, Photos


def policy_set(state: Photos, event: PhotoPolicySet) -> None:
    state.policy = event.policy


def added(state: Photos, event: PhotoAdded) -> None:
    state.added = event.number
    state.photos[event.photo] = Photo(
        photo=event.photo,
        owner=event.owner,
        number=event.number,
        digest=event.digest,
        holds={},
    )


def noted(state: Photos, event: BlobNoted) -> None:
    state.photos[event.photo].holds[event.digest] = None


def requested(state: Photos, event: RenderRequested) -> None:
    photo = state.photos[event.photo]
    photo.phase = Phase.VERIFYING if event.expected else Phase.RENDERING
    photo.attempt = event.attempt
    if not event.expected:
        photo.begun = event.attempt


def made(state: Photos, event: RenditionsMade) -> None:
    photo = state.photos[event.photo]
    photo.phase, photo.made = Phase.SAVING, event.renditions
    photo.width, photo.height = event.width, event.height


def published(state: Photos, event: PhotoPublished) -> None:
    photo = state.photos[event.photo]
    photo.published, photo.made = event.renditions, ()
    _end_attempts(photo, Phase.PUBLISHED, event.released)


def failed(state: Photos, event: PhotoFailed) -> None:
    photo = state.photos[event.photo]
    photo.made = ()
    _end_attempts(photo, Phase.FAILED, event.released)


def _end_attempts(photo: Photo, phase: Phase, released: tuple[str, ...]) -> None:
    photo.phase = phase
    for digest in released:
        del photo.holds[digest]


def removed(state: Photos, event: PhotoRemoved) -> None:
    del state.photos[event.photo]


FACTS: Final[dict[type[Any], Callable[[Photos, Any], None]]] = {
    PhotoPolicySet: policy_set,
    PhotoAdded: added,
    BlobNoted: noted,
    RenderRequested: requested,
    RenditionsMade: made,
    PhotoPublished: published,
    PhotoFailed: failed,
    PhotoRemoved: removed,
}
"""Rejections and returned blobs change nothing."""
