"""This room's routes as OpenAPI path items: of the systems that are served and have files."""

from typing import Any

from gateway.http.media.tus_headers import BODY_TYPE, CHECKSUM_MISMATCH
from gateway.http.openapi.document import Document
from gateway.http.openapi.parts import in_content
from gateway.http.openapi.schemas import Json
from gateway.http.problems import MEDIA_TYPE, Problem
from processors.media.uploads import tus
from processors.media.uploads.terms import BYTES_MAX

TAG = "files"
TAGS = [
    {
        "name": TAG,
        "description": "Files in, by tus 1.0 (https://tus.io), and files out: uploads, videos as "
        "HLS and DASH, photos. A slash within a name is `%2F`.",
    }
]
KNOWN = (400, 401, 403, 404, 405, 429)
WHOLE: Json = {"type": "integer", "minimum": 0, "maximum": BYTES_MAX}
TEXT: Json = {"type": "string"}
NAME: Json = {"type": "string", "pattern": r"^[\x21-\x7e]{1,200}$"}
BYTES: Json = {"type": "string", "format": "binary"}


def paths(document: Document) -> Json:
    described = {"media.uploads": _uploads, "media.video": _video, "media.photos": _photos}
    found: Json = {}
    for served in document.systems:
        if served.system.name in described:
            found |= described[served.system.name](document, f"{served.path}/files")
    return {path: _flat(**item) for path, item in found.items()}


def _flat(parameters: list[Json], **operations: Json) -> Json:
    """Each operation with the parameters of its path."""
    return {
        method: {**each, "parameters": [*parameters, *each["parameters"]]}
        for method, each in operations.items()
    }


def _uploads(document: Document, path: str) -> Json:
    owner = _in_path("owner", "Whose upload it is, and whose quota it counts against.", NAME)
    place = [
        owner,
        _in_path("upload", "Its name, chosen by the server.", TEXT),
        _in_path("place", "Which upload of this name: the last part of its URL.", TEXT),
    ]
    one = f"{path}/{{owner}}/{{upload}}/{{place}}"
    return {
        f"{path}/{{owner}}": {
            "parameters": [owner],
            "options": _operation(
                document,
                "tus_capabilities",
                "What this server can, by tus 1.0.",
                {"204": _empty("In headers", "Tus-Version", "Tus-Extension")},
            ),
            "post": _creation(document),
        },
        one: {
            "parameters": place,
            "head": _operation(
                document,
                "tus_offset",
                "Where an upload stands.",
                {
                    "200": _empty("In headers", *_told(200)),
                    "206": _empty("Of the file: a range", "Content-Range"),
                    "304": _empty("Of the file: it is what is known", "ETag"),
                },
                (409, 410, 412, 416, 504),
                [{**_version(), "required": False}],
                "Without `Tus-Resumable`: as GET, without the bytes.",
            ),
            "patch": _patch(document),
            "delete": _operation(
                document,
                "tus_terminate",
                "End an upload, or delete the file that it became.",
                {"204": _empty("Ended"), "423": _problem(document, "A concatenation goes by it")},
                (410, 412, 422, 504),
                [_version()],
            ),
            "get": _file(
                document,
                "uploaded_file",
                "The file that an upload became.",
                "*/*",
                (409, 410, 504),
            ),
        },
    }


def _creation(document: Document) -> Json:
    headers = [
        _version(),
        _header("Upload-Length", "Of the whole, in bytes.", WHOLE),
        _header(
            "Upload-Defer-Length",
            "The length comes later.",
            {"const": 1, "type": "integer"},
        ),
        _header(
            "Upload-Metadata",
            "Pairs of a key and a value in Base64: `filename`, `filetype`, `title`, `channel`.",
            TEXT,
        ),
        _header(
            "Upload-Concat",
            "`partial`; or `final;` and the URLs of partial uploads.",
            {"type": "string", "pattern": "^(partial|final;.*)$"},
        ),
        _header("Upload-Checksum", "Of the bytes that come with it.", TEXT),
    ]
    operation = _operation(
        document,
        "tus_create",
        "Begin an upload.",
        {"201": _empty("Its URL, in headers", "Location", *_told(201))},
        (408, 412, 413, 415, 422, 504),
        headers,
        "A file whose `filetype` is a video becomes one, a picture a photo. With bytes in the "
        "body, the upload begins with those.",
    )
    return {**operation, "requestBody": {"content": {BODY_TYPE: {"schema": BYTES}}}}


def _patch(document: Document) -> Json:
    headers = [
        _version(),
        _header("Upload-Offset", "Where the upload stands.", WHOLE, required=True),
        _header("Upload-Length", "Of the whole, where it was deferred.", WHOLE),
        _header("Upload-Checksum", f"One of {', '.join(tus.ALGORITHMS)}, and Base64.", TEXT),
    ]
    operation = _operation(
        document,
        "tus_append",
        "Go on with an upload.",
        {
            "204": _empty("Durable", *_told(204)),
            str(CHECKSUM_MISMATCH): _problem(document, "The bytes have another checksum"),
        },
        (408, 409, 410, 412, 413, 415, 422, 504),
        headers,
        "What came of a body that breaks off is kept, unless it has a checksum. With POST and "
        "`X-HTTP-Method-Override: PATCH` it goes through what lets no PATCH through.",
    )
    body = {"required": True, "content": {BODY_TYPE: {"schema": BYTES}}}
    return {**operation, "requestBody": body}


def _video(document: Document, path: str) -> Json:
    video = _in_path("video", "Its name.", TEXT)
    encoding = _in_path("encoding", "Its number; 0: what is served now.", _digits())
    file = _in_path("file", "As a playlist names it.", TEXT)
    found: Json = {}
    for name, kind in (("main.m3u8", "HLS"), ("manifest.mpd", "DASH")):
        moved = _empty("Of the encoding that is served now", "Location")
        found[f"{path}/{{video}}/{name}"] = {
            "parameters": [video],
            "get": _operation(
                document,
                f"video_{kind.lower()}",
                f"Where a player begins, by {kind}.",
                {"307": moved},
            ),
        }
    of_encoding = _file(
        document,
        "video_file",
        "A playlist, a manifest or a picture of a video.",
        "*/*",
    )
    of_rendition = _file(
        document,
        "video_rendition_file",
        "A playlist or a segment of a rendition.",
        "*/*",
    )
    rendition = _in_path("rendition", "`audio`, or by its height: `720p`.", TEXT)
    found[f"{path}/{{video}}/{{encoding}}/{{file}}"] = {
        "parameters": [video, encoding, file],
        "get": of_encoding,
    }
    found[f"{path}/{{video}}/{{encoding}}/{{rendition}}/{{file}}"] = {
        "parameters": [video, encoding, rendition, file],
        "get": of_rendition,
    }
    return found


def _photos(document: Document, path: str) -> Json:
    photo = _in_path("photo", "Its name.", TEXT)
    pixels = _in_path("pixels", "The longer edge, as it is shown.", _digits())
    get = _file(
        document, "photo_file", "A photo, in the size to show it in so many pixels.", "image/*"
    )
    return {f"{path}/{{photo}}/{{pixels}}": {"parameters": [photo, pixels], "get": get}}


def _file(
    document: Document, name: str, summary: str, media_type: str, statuses: tuple[int, ...] = ()
) -> Json:
    headers = [
        _header("Range", "One range of bytes; several are answered with the whole.", TEXT),
        _header("If-None-Match", "An entity tag that is known.", TEXT),
        _header("If-Range", "The range only if the entity tag is still this one.", TEXT),
    ]
    told = _headers("ETag", "Accept-Ranges", "Cache-Control")
    part = {**told, **_headers("Content-Range")}
    responses = {
        "200": {**in_content("All of it", media_type, BYTES), "headers": told},
        "206": {**in_content("A range of it", media_type, BYTES), "headers": part},
        "304": {"description": "It is what is known", "headers": told},
    }
    return _operation(document, name, summary, responses, (*statuses, 416), headers)


def _operation(
    document: Document,
    name: str,
    summary: str,
    responses: Json,
    statuses: tuple[int, ...] = (),
    parameters: list[Json] | None = None,
    description: str = "",
) -> Json:
    told = {"description": description} if description else {}
    return {
        "operationId": f"files_{name}",
        "tags": [TAG],
        "summary": summary,
        **told,
        "parameters": parameters or [],
        "responses": {**document.problems(*{*KNOWN, *statuses}), **responses},
    }


def _problem(document: Document, description: str) -> Json:
    return in_content(description, MEDIA_TYPE, document.schema(Problem))


def _told(status: int) -> tuple[str, ...]:
    """The headers that tell of an upload."""
    always = ("Tus-Resumable", "Upload-Expires", "Upload-Offset")
    return (*always, "Upload-Length", "Upload-Metadata") if status == 200 else always


def _empty(description: str, *headers: str) -> Json:
    return {"description": description, "headers": _headers(*headers)}


def _headers(*names: str) -> Json:
    return {name: {"schema": TEXT} for name in names}


def _version() -> Json:
    kind: Json = {"type": "string", "const": tus.VERSION}
    return _header("Tus-Resumable", "The version of the protocol.", kind, required=True)


def _header(name: str, description: str, schema: Json, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": schema,
    }


def _digits() -> Json:
    return {"type": "integer", "minimum": 0, "maximum": 10**9 - 1}


def _in_path(name: str, description: str, schema: Any) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
    }
