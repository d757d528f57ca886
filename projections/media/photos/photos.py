"""Every photo, and the renditions of it that are published.

A photo that is rendered again keeps those that it has until the new ones are there.
"""

import msgspec

from processors.media.photos.events import (
    PhotoAdded,
    PhotoFailed,
    PhotoPublished,
    PhotoRemoved,
    RenderRequested,
    RenditionsMade,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

HOLDING, RENDERING, SAVING = "holding", "rendering", "saving"
PUBLISHED, FAILED = "published", "failed"


class Photo(msgspec.Struct, gc=False):
    """Width and height are those of the upright picture, in pixels; 0 while they are not known.
    `renditions` are numbered from 0, the smallest."""

    photo: str
    owner: str
    state: str
    digest: str
    size: int
    filetype: str
    filename: str
    added_at_ms: int
    updated_at_ms: int
    width: int = 0
    height: int = 0
    renditions: int = 0
    rendition_bytes: int = 0
    failure: str = ""
    reason: str = ""


class PhotoRendition(msgspec.Struct, gc=False):
    """`edge` is the longer one, in pixels; `size` is bytes."""

    photo: str
    place: int
    edge: int
    width: int
    height: int
    filetype: str
    digest: str
    size: int


BY_OWNER = ("owner", "added_at_ms", "photo")
BY_STATE = ("state", "updated_at_ms", "photo")
BY_EDGE = ("photo", "edge", "place")
PHOTOS = Table("photos", Photo, key=("photo",), indexes=(BY_OWNER, BY_STATE))
RENDITIONS = Table("renditions", PhotoRendition, key=("photo", "place"), indexes=(BY_EDGE,))


def fold(tables: Tables, events: Events) -> None:
    photos = tables[PHOTOS]
    for event, at_ms in events:
        if isinstance(event, PhotoAdded):
            photos.put(_added(event, at_ms))
            continue
        photo = photos[event.photo]
        photo.updated_at_ms = at_ms
        match event:
            case PhotoRemoved():
                _clear(tables, photo)
                photos.delete(event.photo)
                continue
            case RenderRequested() if not event.expected:
                photo.state, photo.failure, photo.reason = RENDERING, "", ""
            case RenditionsMade():
                photo.state = SAVING
            case PhotoFailed(failure=failure, reason=reason):
                photo.state, photo.failure, photo.reason = FAILED, failure.value, reason
            case PhotoPublished():
                _clear(tables, photo)
                _publish(tables, photo, event)
        photos.put(photo)


def _added(event: PhotoAdded, at_ms: int) -> Photo:
    return Photo(
        event.photo,
        event.owner,
        HOLDING,
        event.digest,
        event.size,
        event.filetype,
        event.filename,
        at_ms,
        at_ms,
    )


def _clear(tables: Tables, photo: Photo) -> None:
    for place in range(photo.renditions):
        tables[RENDITIONS].delete((photo.photo, place))


def _publish(tables: Tables, photo: Photo, event: PhotoPublished) -> None:
    photo.state, photo.width, photo.height = PUBLISHED, event.width, event.height
    photo.renditions = len(event.renditions)
    photo.rendition_bytes = sum(each.size for each in event.renditions)
    for place, each in enumerate(event.renditions):
        tables[RENDITIONS].put(
            PhotoRendition(
                photo.photo,
                place,
                each.edge,
                each.width,
                each.height,
                each.filetype,
                each.digest,
                each.size,
            )
        )


PUBLISHED_PHOTOS = Projection(
    name="published_photos",
    events=(
        PhotoAdded,
        RenderRequested,
        RenditionsMade,
        PhotoPublished,
        PhotoFailed,
        PhotoRemoved,
    ),
    tables=(PHOTOS, RENDITIONS),
    fold=fold,
    rows_of="partition",
)
