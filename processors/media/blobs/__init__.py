"""The blob store: bytes by their digest, in a folder or in S3. Shared by the systems of media.

    stage ─► (digest, size) ─► keep, renew ─► <store>/ab/ab12.../<stamp> ─► open, file
                                                           stamps ─► delete

Bytes never stand on the log: events name a *digest*, the SHA-256 of the bytes in lower-case hex.
Each time that bytes are kept they get a new *stamp*, also where the store has them already (then
they take no more room in a folder). Bytes are deleted by digest and stamp: so who deletes what it
saw, however late, never deletes what somebody has put since. That, and that the rules of uploads
ask for stamps and deletion one after the other, is why a sweep never loses a blob in use.
"""

from processors.media.blobs.folder import FolderBlobs
from processors.media.blobs.opening import open_blobs
from processors.media.blobs.store import (
    PIECE_BYTES,
    Blob,
    BlobMissing,
    BlobStore,
    InvalidDigest,
    Staged,
    pieces,
)

__all__ = (
    "PIECE_BYTES",
    "Blob",
    "BlobMissing",
    "BlobStore",
    "FolderBlobs",
    "InvalidDigest",
    "Staged",
    "open_blobs",
    "pieces",
)
