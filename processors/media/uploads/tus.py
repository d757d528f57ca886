"""What the rules say, in the words of tus 1.0 (https://tus.io/protocols/resumable-upload): the
HTTP status of each rejection, and the extensions that uploads follow. For a front over HTTP."""

from typing import Final

from processors.media.uploads.events import RejectCode
from processors.media.uploads.terms import CHECKSUM_ALGORITHMS

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation",
    "creation-defer-length",
    "checksum",
    "expiration",
    "concatenation",
    "termination",
)
ALGORITHMS: Final = CHECKSUM_ALGORITHMS
"""For Tus-Checksum-Algorithm; sha1 is the one that the protocol asks for."""

CREATED: Final = 201
NO_CONTENT: Final = 204
"""Of a chunk that was accepted, and of a termination."""

STATUS: Final[dict[RejectCode, int]] = {
    RejectCode.UPLOAD_EXISTS: 409,
    RejectCode.UNKNOWN_UPLOAD: 404,
    RejectCode.GONE: 410,
    RejectCode.INVALID_METADATA: 400,
    RejectCode.TOO_LARGE: 413,
    RejectCode.QUOTA_EXCEEDED: 413,
    RejectCode.OFFSET_CONFLICT: 409,
    RejectCode.BEYOND_LENGTH: 413,
    RejectCode.LENGTH_CONFLICT: 400,
    RejectCode.UNKNOWN_ALGORITHM: 400,
    RejectCode.CHECKSUM_MISMATCH: 460,
    RejectCode.TOO_MANY_PARTS: 413,
    RejectCode.NOT_HELD: 500,
    RejectCode.FINAL_UPLOAD: 403,
    RejectCode.CONTRADICTORY: 400,
    RejectCode.NOT_PARTIAL: 400,
    RejectCode.PARTIAL_INCOMPLETE: 400,
    RejectCode.IN_USE: 423,
    RejectCode.NOT_FAILED: 409,
}
