"""The web application: files built from `gateway/web/source`. They need no key: what they show
comes from the API, which asks for one.

Names of files stay from build to build; their entity tags, digests of what they hold, do not.
"""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, route

from gateway.http.problems import problem
from gateway.http.routing import Route

BUILT = Path(__file__).parents[2] / "web" / "built"
HOME = "index.html"
POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # charts set the style of their own elements
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",  # a player feeds its video element by a blob
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}


@cache
def _built() -> dict[str, tuple[bytes, str, str]]:
    """By path: the bytes, the media type and the entity tag. A few hundred kilobytes in all."""
    found = {}
    for file in sorted(BUILT.rglob("*")):
        if file.is_file():
            held = file.read_bytes()
            kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
            tag = hashlib.blake2s(held, digest_size=12).hexdigest()
            name = file.relative_to(BUILT).as_posix()
            found[name] = held, kind or "application/octet-stream", f'"{tag}"'
    return found


@route(["/", "/{path:path}"], http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def page(request: Request[Any, Any, Any], path: str = "/") -> Response[bytes]:
    """A file; for a path within the application, the page that shows it."""
    name = path.strip("/") or HOME
    files = _built()
    if name not in files:
        if name.split("/")[0] in ("api", "schema", "assets") or "." in name.rpartition("/")[2]:
            raise problem(404, f"there is nothing at {path}")
        name = HOME
    if name not in files:
        raise problem(404, "the web application is not built: `npm ci && npm run build` there")
    held, kind, tag = files[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(held, media_type=kind, headers=headers)


ROUTES: list[Route] = [page]
