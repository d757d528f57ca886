"""tus 1.0 over `media.uploads`: what each method does with an upload, or with an owner's uploads.

    POST   files/OWNER                        creates one       201, Location
    HEAD   files/OWNER/UPLOAD/PLACE           where it stands   200, Upload-Offset
    PATCH                                     goes on there     204, Upload-Offset
    DELETE                                    ends it           204
    GET                                       the file, once it is whole

The rules are those of the system: this is only how they are said over HTTP.
"""

import secrets
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request, Response

from gateway.http.catalogue import Served
from gateway.http.guard.caller import caller_of
from gateway.http.media import tus_headers as tus
from gateway.http.media.places import names_in, names_of, path_of
from gateway.http.media.sending import Sent, send
from gateway.http.media.stores import Stores
from gateway.http.media.uploads import Place, Uploads, place_in
from gateway.http.problems import ProblemFound, problem
from gateway.http.service import Service, service_of
from processors.media.uploads.commands import CreateUpload
from processors.media.uploads.events import UploadRejected

Asked = Request[Any, Any, Any]
PLACES = "upload-concat"
"""The metadata of a final upload keep the last segments of its partial uploads' URLs, since HEAD
is to tell these URLs."""
PLAYABLE = ("image/gif", "image/jpeg", "image/png", "image/webp", "video/", "audio/")
"""Types that a browser runs nothing of."""


async def answer_tus(request: Asked, served: Served, method: str) -> Response[Any]:
    """Each answer says that it is tus. Errors: LogError, ProjectionError."""
    try:
        answer = await _answer(request, served, method)
    except ProblemFound as found:
        found.headers.update(tus.VERSION)
        raise
    answer.headers.update(tus.VERSION)
    return answer


async def _answer(request: Asked, served: Served, method: str) -> Response[Any]:
    if method == "OPTIONS":
        return Response(b"", status_code=204, headers=tus.CAPABILITIES)
    names = names_in(request)
    service = service_of(request)
    is_tus = "tus-resumable" in request.headers
    caller_of(request).check(served.system.name, _scope_of(method, is_tus))
    match len(names), method:
        case 1, "POST":
            tus.check_version(request.headers)
            return await _create(request, service, served, names[0])
        case 3, "GET":
            return await _send(request, service, served, place_in(names))
        case 3, "HEAD" if not is_tus:
            return await _send(request, service, served, place_in(names))
        case 3, "HEAD" | "PATCH" | "DELETE":
            tus.check_version(request.headers)
            act = {"HEAD": _tell, "PATCH": _go_on, "DELETE": _terminate}[method]
            return await act(request, served, service.part(Uploads), place_in(names))
        case (1 | 3) as count, _:
            allowed = "POST, OPTIONS" if count == 1 else "GET, HEAD, PATCH, DELETE, OPTIONS"
            found = problem(405, f"here there are {allowed}")
            found.headers["Allow"] = allowed
            raise found
    raise problem(404, "uploads are files/OWNER, and files/OWNER/UPLOAD/PLACE")


def _scope_of(method: str, is_tus: bool) -> str:
    """The command that a method comes to."""
    if method == "HEAD" and is_tus:
        return "append_chunk"  # who goes on with an upload asks where
    commands = {"POST": "create_upload", "PATCH": "append_chunk", "DELETE": "terminate_upload"}
    return commands.get(method, "read")


async def _create(request: Asked, service: Service, served: Served, owner: str) -> Response[Any]:
    uploads, actor = service.part(Uploads), caller_of(request).actor
    command = _creation(request, served, owner)
    has_body = _has_body(request)
    if has_body:
        tus.check_body_type(request.headers)
    checksum = tus.checksum_in(request.headers)
    created = await uploads.create(actor, command)
    if isinstance(created, UploadRejected):
        raise tus.rejected(created)
    place = Place(created.owner, created.upload, created.number, created.cause)
    headers = {"Location": place.path(served), **tus.expiry_of(created.expires_at_ms)}
    if has_body:
        # The upload is there in any case: what does not come of the body comes with PATCH.
        try:
            received = await uploads.receive(actor, request.receive, created, 0, None, checksum)
        except ProblemFound:
            offset = (await uploads.status(place)).offset
        else:
            offset = max(received.offset, 0)
            headers |= tus.expiry_of(received.expires_at_ms)
        headers["Upload-Offset"] = str(offset)
    return Response(b"", status_code=201, headers=headers)


def _has_body(request: Asked) -> bool:
    return (
        request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    )


def _creation(request: Asked, served: Served, owner: str) -> CreateUpload:
    """The command of a request. Errors: ProblemFound (400)."""
    headers = request.headers
    length, concat = tus.number_in(headers, "upload-length"), headers.get("upload-concat", "")
    deferred = headers.get("upload-defer-length")
    metadata = tus.metadata_in(headers)
    if PLACES in metadata:
        raise problem(400, f"Upload-Metadata: {PLACES!r} is the server's own")
    partials: list[Place] = []
    if concat.startswith(tus.FINAL):
        partials = [_partial(served, owner, url) for url in concat[len(tus.FINAL) :].split()]
        if not partials:
            raise problem(400, "Upload-Concat: final; and then the URLs of the partial uploads")
        metadata[PLACES] = " ".join(each.last for each in partials)
    elif concat not in ("", "partial"):
        raise problem(400, "Upload-Concat is `partial`, or `final;` and URLs")
    elif (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise problem(400, "either Upload-Length: BYTES, or Upload-Defer-Length: 1")
    fields = {
        "owner": owner,
        "upload": secrets.token_urlsafe(16),
        "length": length,
        "metadata": metadata,
        "partial": concat == "partial",
        "partials": [each.upload for each in partials],
    }
    try:
        command = msgspec.convert({"type": "create_upload.v1", **fields}, CreateUpload)
    except msgspec.ValidationError as error:
        raise problem(400, str(error)) from None
    if owner in (".", ".."):
        raise problem(400, f"{owner!r} means something else in a URL")
    return command


def _partial(served: Served, owner: str, url: str) -> Place:
    """A partial upload, by its URL. Errors: ProblemFound (400)."""
    try:
        names = names_of(urlsplit(url).path)
    except ValueError:
        names = []
    if len(names) != 3 or path_of(served.path, *names) != urlsplit(url).path:
        raise problem(400, f"Upload-Concat: {url[:200]!r} is no upload here")
    place = place_in(names)
    if place.owner != owner:
        raise problem(400, "Upload-Concat: the partial uploads are to be of the same owner")
    return place


async def _tell(request: Asked, served: Served, uploads: Uploads, place: Place) -> Response[Any]:
    created = await uploads.created(place)
    await uploads.take_over((place.owner, place.upload))
    status = await uploads.status(place)
    headers = {"Cache-Control": "no-store", "Upload-Offset": str(status.offset)}
    if status.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(status.length)
    metadata = dict(created.metadata)
    lasts = metadata.pop(PLACES, "").split()
    if metadata:
        headers["Upload-Metadata"] = tus.metadata_of(metadata)
    if created.partial:
        headers["Upload-Concat"] = "partial"
    elif created.partials:
        names = zip(created.partials, lasts, strict=False)
        urls = (path_of(served.path, place.owner, *each) for each in names)
        headers["Upload-Concat"] = tus.FINAL + " ".join(urls)
    headers |= tus.expiry_of(status.expires_at_ms)
    return Response(b"", status_code=200, headers=headers)


async def _go_on(request: Asked, served: Served, uploads: Uploads, place: Place) -> Response[Any]:
    tus.check_body_type(request.headers)
    offset = tus.number_in(request.headers, "upload-offset")
    if offset is None:
        raise problem(400, "Upload-Offset says where the bytes go on")
    length = tus.number_in(request.headers, "upload-length")
    checksum = tus.checksum_in(request.headers)
    created = await uploads.created(place)
    actor = caller_of(request).actor
    received = await uploads.receive(actor, request.receive, created, offset, length, checksum)
    if received.rejection is not None:
        raise tus.rejected(received.rejection)
    headers = {"Upload-Offset": str(received.offset)}
    if not received.is_complete:
        headers |= tus.expiry_of(received.expires_at_ms)
    return Response(b"", status_code=204, headers=headers)


async def _terminate(
    request: Asked, served: Served, uploads: Uploads, place: Place
) -> Response[Any]:
    await uploads.created(place)
    rejected = await uploads.terminate(caller_of(request).actor, place)
    if rejected is not None:
        raise tus.rejected(rejected)
    return Response(b"", status_code=204)


async def _send(request: Asked, service: Service, served: Served, place: Place) -> Response[Any]:
    """The file that an upload became."""
    uploads = service.part(Uploads)
    created = await uploads.created(place)
    status = await uploads.status(place)
    if status.state != "stored":
        why = status.reason or f"{status.offset} bytes of it are there"
        raise problem(409, f"the upload is no file, it is {status.state}: {why}")
    kind = created.metadata.get("filetype", "")
    name = quote(created.metadata.get("filename") or created.upload, safe="")
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
    }
    is_safe = kind.isascii() and kind.isprintable() and kind.startswith(PLAYABLE)
    media_type = kind if is_safe else "application/octet-stream"
    sent = Sent(digest=status.digest, size=status.offset, media_type=media_type, headers=headers)
    return await send(request, service, await service.part(Stores).of(served), sent)
