"""What players fetch of `media.video`, as its playlists name it, and pictures of `media.photos`.

    files/VIDEO/main.m3u8             307 to the encoding that is served now: a player stays with
    files/VIDEO/manifest.mpd          the one that it began with
    files/VIDEO/ENCODING/PATH         playlists, manifest, segments, posters, sprite
    files/VIDEO/PATH                  of what is served now, for players that heed no redirection
    files/PHOTO/PIXELS                the rendition to show at so many pixels

Read models say which blob a path is, and whether anybody is to see it: nothing is laid out.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Request, Response

from gateway.http.catalogue import Served
from gateway.http.media.places import names_in, path_of
from gateway.http.media.sending import Sent, send
from gateway.http.media.stores import Stores
from gateway.http.problems import problem
from gateway.http.service import Service, service_of
from projections.media.photos.photos import PhotoRendition
from projections.media.video.playback import PlayedFile
from projections.media.video.queries import Playback

Asked = Request[Any, Any, Any]

MEDIA_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt",
}
FOR_EVER = "public, max-age=31536000, immutable"
"""Of what never changes: the media files of one encoding."""
FOR_A_WHILE = "public, max-age=60"
"""Of the rest, so that what is taken down is soon not begun any more."""
BEGINNINGS = ("main.m3u8", "manifest.mpd")
NOW = 0
"""Stands for the encoding that is served now."""
DIGITS_MAX = 9


async def answer_video(request: Asked, served: Served, method: str) -> Response[Any]:
    """Errors: ProblemFound, ProjectionError."""
    names = names_in(request)
    service = service_of(request)
    if len(names) == 2 and names[1] in BEGINNINGS:
        playback: Playback | None = await _ask(service, served, "playback", video=names[0])
        if playback is None:
            raise _nothing()
        location = path_of(served.path, names[0], str(playback.encoding), names[1])
        headers = {"Location": location, "Cache-Control": "no-cache"}
        return Response(b"", status_code=307, headers=headers)
    video, *folders = names
    is_pinned = is_number(folders[:1])
    encoding = int(folders.pop(0)) if is_pinned else NOW
    path = "/".join(folders)
    file: PlayedFile | None = await _ask(
        service, served, "file", video=video, path=path, encoding=encoding
    )
    kind = MEDIA_TYPES.get(path[path.rfind(".") :])
    if file is None or kind is None:
        raise _nothing()
    lasts = is_pinned and path.endswith((".m4s", ".mp4"))
    headers = {"Cache-Control": FOR_EVER if lasts else FOR_A_WHILE}
    sent = Sent(digest=file.digest, size=file.size, media_type=kind, headers=headers)
    return await send(request, service, await service.part(Stores).of(served), sent)


async def answer_photo(request: Asked, served: Served, method: str) -> Response[Any]:
    """Errors: ProblemFound, ProjectionError."""
    names = names_in(request)
    service = service_of(request)
    photo, pixels = names if len(names) == 2 else ("", "")
    if not is_number([pixels]):
        raise _nothing()
    edge = max(int(pixels), 1)
    found: PhotoRendition | None = await _ask(service, served, "fitting", photo=photo, edge=edge)
    if found is None:
        raise _nothing()
    sent = Sent(
        digest=found.digest,
        size=found.size,
        media_type=found.filetype,
        headers={"Cache-Control": FOR_A_WHILE},
    )
    return await send(request, service, await service.part(Stores).of(served), sent)


def is_number(names: Sequence[str]) -> bool:
    """Whether there is a name, and it is a number."""
    return any(re.fullmatch(f"[0-9]{{1,{DIGITS_MAX}}}", name) for name in names)


def _nothing() -> Exception:
    return problem(404, "there is nothing of this name to be seen")


async def _ask(service: Service, served: Served, name: str, **arguments: Any) -> Any:
    query = served.models.query(name)
    return await service.blocking(partial(query.run, served.store, arguments))
