"""A blob store from a setting: a folder's path, or `s3://BUCKET[/PREFIX][?SETTING=VALUE&...]`."""

from urllib.parse import parse_qsl, urlsplit

from processors.media.blobs.folder import FolderBlobs
from processors.media.blobs.store import BlobStore


def open_blobs(location: str) -> BlobStore:
    """The store at a location.

    What stands behind `?` goes to boto3: `s3://media/blobs?endpoint_url=http://localhost:9000`.
    Errors: ValueError where the location is none.
    """
    if not location.startswith("s3:"):
        if not location or "://" in location:
            raise ValueError(
                f"{location!r} is no place for blobs: give a folder, or s3://BUCKET/PREFIX"
            )
        return FolderBlobs(location)
    parts = urlsplit(location)
    if not parts.netloc:
        raise ValueError(f"{location!r} names no bucket: s3://BUCKET/PREFIX is due")
    from processors.media.blobs.s3 import S3Blobs

    prefix = parts.path.strip("/")
    return S3Blobs(parts.netloc, f"{prefix}/" if prefix else "", dict(parse_qsl(parts.query)))
