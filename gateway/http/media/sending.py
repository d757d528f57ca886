"""A blob as an answer: whole, or a range of it; in pieces, as the client takes them.

The entity tag is the digest, so that what a client has is never sent again, and a range is always
of the bytes that the first part was of.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from gateway.http.media.ranges import Span, Unsatisfiable, span_of
from gateway.http.problems import problem
from gateway.http.service import Service
from processors.media.blobs import BlobMissing, BlobStore

logger = logging.getLogger("refold.http")

PIECE_BYTES = 1 << 18


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent of a blob, beside its bytes."""

    digest: str
    size: int
    media_type: str
    headers: Mapping[str, str]


async def send(
    request: Request[Any, Any, Any], service: Service, store: BlobStore, sent: Sent
) -> Response[Any]:
    """200, 206 or 304. Errors: ProblemFound (404, 416, 503)."""
    tag = f'"{sent.digest}"'
    headers = {**sent.headers, "ETag": tag, "Accept-Ranges": "bytes"}
    if _is_known(request.headers.get("if-none-match", ""), tag):
        return Response(b"", status_code=304, headers=headers)
    span = _asked(request, sent.size, tag)
    if span is not None:
        last = span.first + span.size - 1
        headers["Content-Range"] = f"bytes {span.first}-{last}/{sent.size}"
    status, span = (200, Span(0, sent.size)) if span is None else (206, span)
    headers["Content-Length"] = str(span.size)
    headers["Content-Type"] = sent.media_type
    if request.method == "HEAD":
        return Response(b"", status_code=status, headers=headers)
    file = await _open(service, store, sent.digest, span.first)
    pieces = _pieces(service, file, span.size)
    return Stream(pieces, status_code=status, media_type=sent.media_type, headers=headers)


def _is_known(header: str, tag: str) -> bool:
    """Weak comparison (RFC 9110, 13.1.2)."""
    known = [each.strip().removeprefix("W/") for each in header.split(",")]
    return tag in known or known == ["*"]


def _asked(request: Request[Any, Any, Any], size: int, tag: str) -> Span | None:
    if request.headers.get("if-range", tag) != tag:
        return None
    try:
        return span_of(request.headers.get("range", ""), size)
    except Unsatisfiable:
        found = problem(416, f"the file has {size} bytes")
        found.headers["Content-Range"] = f"bytes */{size}"
        raise found from None


async def _open(service: Service, store: BlobStore, digest: str, first: int) -> BinaryIO:
    """At the byte of that number."""

    def open_there() -> BinaryIO:
        file = store.open(digest)
        if file.seekable():
            file.seek(first)
        else:
            left = first
            while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
                left -= len(piece)
        return file

    try:
        return await service.blocking(open_there)
    except BlobMissing:
        raise problem(404, "its bytes are no longer kept") from None
    except Exception as error:  # of whatever medium the store is on
        logger.error("the blob store does not answer: %s", error)
        raise problem(503, "the blob store does not answer") from error


async def _pieces(service: Service, file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    with file:
        while size > 0 and (piece := await service.blocking(file.read, min(size, PIECE_BYTES))):
            size -= len(piece)
            yield piece
