"""The rules of photos: `initial`, `decide`, `evolve`.

    add_photo ─► photo_added ··hold the source··► render_requested ··effect··► renditions_made
        ··hold them··► render_requested, expected ··effect: renew them··► photo_published
                                                 └─► photo_failed

Blobs are held by the ledger of uploads, and why this order never loses one is said there. No rule
has a timer: what is waited for is an answer that comes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from log.envelope import Event
from processors.core.decider import Decider
from processors.core.messages import Tick
from processors.media.photos.commands import (
    AddPhoto,
    NoteBlob,
    RecordRenderFailed,
    RecordRenditions,
    RemovePhoto,
    RenderAgain,
    SetPhotoPolicy,
)
from processors.media.photos.events import (
    BlobNoted,
    BlobReturned,
    PhotoAdded,
    PhotoFailed,
    PhotoPolicySet,
    PhotoPublished,
    PhotoRejected,
    PhotoRemoved,
    RejectCode,
    RenderRequested,
    RenditionsMade,
)
from processors.media.photos.facts import FACTS
from processors.media.photos.state import STATE_FORMAT, Phase, Photo, Photos
from processors.media.photos.terms import ATTEMPTS_MAX, FILE_TYPES, Failure, Rendition

Events = Sequence[Event]


def _reject(photo: str, code: RejectCode, field: str, reason: str) -> Events:
    return [PhotoRejected(photo=photo, code=code, field=field, reason=reason)]


def _unknown(photo: str) -> Events:
    return _reject(photo, RejectCode.UNKNOWN_PHOTO, "photo", f"there is no photo {photo}")


def set_policy(state: Photos, command: SetPhotoPolicy) -> Events:
    return [PhotoPolicySet(policy=command.policy)]


def add(state: Photos, command: AddPhoto) -> Events:
    name, bytes_max = command.photo, state.policy.bytes_max
    if name in state.photos:
        sentence = f"there is a photo {name} already: remove it, or choose another name"
        return _reject(name, RejectCode.PHOTO_EXISTS, "photo", sentence)
    if command.filetype not in FILE_TYPES:
        sentence = f"photos are made from {', '.join(FILE_TYPES)}"
        return _reject(name, RejectCode.UNSUPPORTED_TYPE, "filetype", sentence)
    if command.size > bytes_max:
        sentence = f"{command.size} bytes are more than {bytes_max}"
        return _reject(name, RejectCode.TOO_LARGE, "size", sentence)
    return [
        PhotoAdded(
            photo=name,
            owner=command.owner,
            number=state.added + 1,
            digest=command.digest,
            size=command.size,
            filetype=command.filetype,
            filename=command.filename,
        )
    ]


def render_again(state: Photos, command: RenderAgain) -> Events:
    photo = state.photos.get(command.photo)
    if photo is None:
        return _unknown(command.photo)
    if photo.phase not in (Phase.PUBLISHED, Phase.FAILED):
        sentence = f"the photo is {photo.phase.value}: wait for what comes of that"
        return _reject(photo.photo, RejectCode.BUSY, "photo", sentence)
    return [_requested(state, photo)]


def _requested(state: Photos, photo: Photo, expected: tuple[Rendition, ...] = ()) -> Event:
    return RenderRequested(
        photo=photo.photo,
        number=photo.number,
        attempt=photo.attempt + 1,
        digest=photo.digest,
        policy=state.policy,
        width=photo.width if expected else 0,
        height=photo.height if expected else 0,
        expected=expected,
    )


def remove(state: Photos, command: RemovePhoto) -> Events:
    photo = state.photos.get(command.photo)
    if photo is None:
        return _unknown(command.photo)
    return [
        PhotoRemoved(
            photo=photo.photo,
            owner=photo.owner,
            number=photo.number,
            released=tuple(photo.holds),
        )
    ]


def note_blob(state: Photos, command: NoteBlob) -> Events:
    name, digest = command.photo, command.digest
    photo = state.photos.get(name)
    if photo is not None and photo.number == command.number:
        noted = BlobNoted(photo=name, number=photo.number, digest=digest)
        made = {rendition.digest: None for rendition in photo.made}
        if photo.phase is Phase.HOLDING and digest == photo.digest:
            return [noted, _requested(state, photo)]
        if photo.phase is Phase.SAVING and digest in made:
            if command.ticket != photo.attempt:
                return []  # of a hold that was released; the one that counts is on its way
            if all(each in photo.holds or each == digest for each in made):
                return [noted, _requested(state, photo, photo.made)]
            return [noted]
        if digest in photo.holds:
            return [noted]
    return [BlobReturned(photo=name, owner=command.owner, number=command.number, digest=digest)]


def is_awaited(state: Photos, name: str, number: int, attempt: int) -> bool:
    """Whether the effect is to answer this request."""
    photo = state.photos.get(name)
    return (
        photo is not None
        and (photo.number, photo.attempt) == (number, attempt)
        and photo.phase in (Phase.RENDERING, Phase.VERIFYING)
    )


def rendered(state: Photos, command: RecordRenditions) -> Events:
    if not is_awaited(state, command.photo, command.number, command.attempt):
        return []
    photo = state.photos[command.photo]
    if photo.phase is Phase.VERIFYING and command.renditions == photo.made:
        return [_published(photo)]
    if not command.renditions:
        return [_failed(photo, Failure.UNREADABLE, "no rendition came of it")]
    attempts = photo.attempt - photo.begun
    if attempts >= ATTEMPTS_MAX:
        reason = f"its renditions were others in each of {attempts} attempts"
        return [_failed(photo, Failure.NOT_REPEATABLE, reason)]
    return [
        RenditionsMade(
            photo=photo.photo,
            owner=photo.owner,
            number=photo.number,
            attempt=photo.attempt,
            width=command.width,
            height=command.height,
            renditions=command.renditions,
        )
    ]


def _published(photo: Photo) -> PhotoPublished:
    kept = {photo.digest, *(rendition.digest for rendition in photo.made)}
    return PhotoPublished(
        photo=photo.photo,
        owner=photo.owner,
        number=photo.number,
        width=photo.width,
        height=photo.height,
        renditions=photo.made,
        released=tuple(digest for digest in photo.holds if digest not in kept),
    )


def render_failed(state: Photos, command: RecordRenderFailed) -> Events:
    if not is_awaited(state, command.photo, command.number, command.attempt):
        return []
    return [_failed(state.photos[command.photo], command.failure, command.reason)]


def _failed(photo: Photo, failure: Failure, reason: str) -> PhotoFailed:
    kept = {photo.digest, *(rendition.digest for rendition in photo.published)}
    return PhotoFailed(
        photo=photo.photo,
        owner=photo.owner,
        number=photo.number,
        failure=failure,
        reason=reason,
        released=tuple(digest for digest in photo.holds if digest not in kept),
    )


RULES: Final[dict[type[Any], Callable[[Photos, Any], Events]]] = {
    SetPhotoPolicy: set_policy,
    AddPhoto: add,
    RenderAgain: render_again,
    RemovePhoto: remove,
    NoteBlob: note_blob,
    RecordRenditions: rendered,
    RecordRenderFailed: render_failed,
}


def decide(state: Photos, command: Any, at: int) -> Events:
    return [] if type(command) is Tick else RULES[type(command)](state, command)


def evolve(state: Photos, event: Event) -> Photos:
    fact = FACTS.get(type(event))
    if fact is not None:
        fact(state, event)
    return state


DECIDER: Final[Decider[Photos]] = Decider(
    initial=Photos, decide=decide, evolve=evolve, state_format=STATE_FORMAT
)
