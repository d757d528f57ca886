"""What happened to photos.

A photo begins with `photo_added.v1`. Its renditions are made (`renditions_made.v1`), held, and
looked for once more; `photo_published.v1` says that all are there. `number` tells photos of one
name from each other, `attempt` the requests to render one.
"""

from enum import Enum

from log.envelope import Event
from processors.media.photos.terms import Failure as Failure
from processors.media.photos.terms import Policy as Policy
from processors.media.photos.terms import Rendition as Rendition


class RejectCode(Enum):
    PHOTO_EXISTS = "photo_exists"
    UNKNOWN_PHOTO = "unknown_photo"
    UNSUPPORTED_TYPE = "unsupported_type"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    """It is being rendered."""


class PhotoPolicySet(Event, tag="photo_policy_set.v1", kw_only=True):
    policy: Policy


class PhotoRejected(Event, tag="photo_rejected.v1", kw_only=True):
    photo: str
    code: RejectCode
    field: str
    reason: str


class PhotoAdded(Event, tag="photo_added.v1", kw_only=True):
    """Its source is to be held."""

    photo: str
    owner: str
    number: int
    digest: str
    size: int
    filetype: str
    filename: str


class BlobNoted(Event, tag="blob_noted.v1", kw_only=True):
    photo: str
    number: int
    digest: str


class BlobReturned(Event, tag="blob_returned.v1", kw_only=True):
    """The photo is gone, or needs it no more."""

    photo: str
    owner: str
    number: int
    digest: str


class RenderRequested(Event, tag="render_requested.v1", kw_only=True):
    """Make the renditions; with `expected`, they were made before they were held: now they are,
    and are renewed, or made again where one is not there."""

    photo: str
    number: int
    attempt: int
    digest: str
    policy: Policy
    width: int = 0
    """Of the upright source, where it is known; 0: not yet."""
    height: int = 0
    expected: tuple[Rendition, ...] = ()


class RenditionsMade(Event, tag="renditions_made.v1", kw_only=True):
    """They were put, and are to be held."""

    photo: str
    owner: str
    number: int
    attempt: int
    width: int
    height: int
    renditions: tuple[Rendition, ...]


class PhotoPublished(Event, tag="photo_published.v1", kw_only=True):
    """`released`: blobs of renditions that these replace."""

    photo: str
    owner: str
    number: int
    width: int
    height: int
    renditions: tuple[Rendition, ...]
    released: tuple[str, ...]


class PhotoFailed(Event, tag="photo_failed.v1", kw_only=True):
    """Renditions that were published before stay so."""

    photo: str
    owner: str
    number: int
    failure: Failure
    reason: str
    released: tuple[str, ...]


class PhotoRemoved(Event, tag="photo_removed.v1", kw_only=True):
    photo: str
    owner: str
    number: int
    released: tuple[str, ...]


EVENTS = (
    PhotoPolicySet,
    PhotoRejected,
    PhotoAdded,
    BlobNoted,
    BlobReturned,
    RenderRequested,
    RenditionsMade,
    PhotoPublished,
    PhotoFailed,
    PhotoRemoved,
)
