"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload), in and out."""

import base64
import binascii
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

from litestar.datastructures import Headers

from gateway.http.problems import Problem, ProblemFound, problem
from processors.media.uploads import tus
from processors.media.uploads.events import UploadRejected
from processors.media.uploads.receiving import Checksum
from processors.media.uploads.terms import BYTES_MAX

BODY_TYPE: Final = "application/offset+octet-stream"
EXTENSIONS: Final = (*tus.EXTENSIONS, "creation-with-upload")
VERSION: Final = {"Tus-Resumable": tus.VERSION}
CAPABILITIES: Final = {
    **VERSION,
    "Tus-Version": tus.VERSION,
    "Tus-Extension": ",".join(EXTENSIONS),
    "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
}
CHECKSUM_MISMATCH: Final = 460
FINAL: Final = "final;"


def check_version(headers: Headers) -> None:
    """Errors: ProblemFound (412)."""
    if headers.get("tus-resumable") != tus.VERSION:
        found = problem(412, f"this is tus {tus.VERSION}: say Tus-Resumable: {tus.VERSION}")
        found.headers["Tus-Version"] = tus.VERSION
        raise found


def check_body_type(headers: Headers) -> None:
    """Errors: ProblemFound (415)."""
    if headers.get("content-type", "") != BODY_TYPE:
        raise problem(415, f"the bytes of an upload come as Content-Type: {BODY_TYPE}")


def number_in(headers: Headers, name: str) -> int | None:
    """None: it is not there. Errors: ProblemFound (400)."""
    text = headers.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 18 and int(text) <= BYTES_MAX:
        return int(text)
    raise problem(400, f"{name} is a number of bytes from 0 to {BYTES_MAX}, and not {text[:40]!r}")


def metadata_in(headers: Headers) -> dict[str, str]:
    """Errors: ProblemFound (400)."""
    told: dict[str, str] = {}
    for pair in filter(None, headers.get("upload-metadata", "").split(",")):
        key, _, value = pair.strip().partition(" ")
        if key in told:
            raise problem(400, f"Upload-Metadata has {key!r} twice")
        try:
            told[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise problem(
                400, f"Upload-Metadata: the value of {key!r} is not Base64 of UTF-8"
            ) from None
    return told


def metadata_of(told: Mapping[str, str]) -> str:
    pairs = ((key, base64.b64encode(value.encode()).decode()) for key, value in told.items())
    return ",".join(f"{key} {value}".strip() for key, value in pairs)


def checksum_in(headers: Headers) -> Checksum | None:
    """None: no claim is made. Errors: ProblemFound (400)."""
    claim = headers.get("upload-checksum")
    if claim is None:
        return None
    algorithm, _, value = claim.strip().partition(" ")
    try:
        return Checksum(algorithm, base64.b64decode(value, validate=True).hex())
    except (binascii.Error, ValueError):
        raise problem(400, "Upload-Checksum is an algorithm and a digest in Base64") from None


def expiry_of(expires_at_ms: int | None) -> dict[str, str]:
    if not expires_at_ms:
        return {}
    return {"Upload-Expires": formatdate(expires_at_ms // 1000, usegmt=True)}


def rejected(event: UploadRejected) -> ProblemFound:
    """What the rules reject, with its status by the protocol."""
    status = tus.STATUS[event.code]
    title = "Checksum Mismatch" if status == CHECKSUM_MISMATCH else HTTPStatus(status).phrase
    members: dict[str, Any] = {"code": event.code.value, "field": event.field}
    found = Problem(
        type="urn:refold:problem:rejected",
        title=title,
        status=status,
        detail=event.reason,
        **members,
    )
    return ProblemFound(found, {"Upload-Offset": str(event.offset)} if event.offset >= 0 else {})
