"""What is asked of photos: by people and the operator, by reactors (`AddPhoto` for an uploaded
picture, `NoteBlob`), and by the system's effect (`Record...`)."""

from log.envelope import Command
from processors.media.photos.terms import Digest as Digest
from processors.media.photos.terms import Edge as Edge
from processors.media.photos.terms import Failure as Failure
from processors.media.photos.terms import Number as Number
from processors.media.photos.terms import PhotoName as PhotoName
from processors.media.photos.terms import Policy as Policy
from processors.media.photos.terms import Rendition as Rendition
from processors.media.photos.terms import Size as Size


class SetPhotoPolicy(Command, tag="set_photo_policy.v1", kw_only=True):
    """The operator's, for every partition."""

    policy: Policy


class AddPhoto(Command, tag="add_photo.v1", kw_only=True):
    """Make renditions of a picture in the blob store. Key: the photo."""

    photo: PhotoName
    owner: str
    digest: Digest
    size: Size
    filetype: str
    filename: str = ""


class RenderAgain(Command, tag="render_again.v1", kw_only=True):
    """Once more, by the policy of now: what failed, or what is published, which stays until the
    new renditions are there."""

    photo: PhotoName


class RemovePhoto(Command, tag="remove_photo.v1", kw_only=True):
    photo: PhotoName


class NoteBlob(Command, tag="note_blob.v1", kw_only=True):
    """The ledger of blobs holds one for the photo. From the system's reactor alone."""

    photo: PhotoName
    owner: str
    number: Number
    digest: Digest
    ticket: Number = 0


class RecordRenditions(Command, tag="record_renditions.v1", kw_only=True):
    """The effect's answer. Width and height are those of the upright source."""

    photo: PhotoName
    number: Number
    attempt: Number
    width: Edge
    height: Edge
    renditions: tuple[Rendition, ...]


class RecordRenderFailed(Command, tag="record_render_failed.v1", kw_only=True):
    photo: PhotoName
    number: Number
    attempt: Number
    failure: Failure
    reason: str


COMMANDS = (
    SetPhotoPolicy,
    AddPhoto,
    RenderAgain,
    RemovePhoto,
    NoteBlob,
    RecordRenditions,
    RecordRenderFailed,
)
