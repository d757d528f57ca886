"""The paths of files, `/api/FAMILY/SYSTEM/files/...`: names in, names out.

Each name is one segment, percent-encoded: a slash within it is `%2F`, so that nothing that stands
in a path is ever taken for a folder.
"""

from typing import Any
from urllib.parse import quote, unquote

from litestar import Request

from gateway.http.problems import problem

SEGMENTS_BEFORE = 4
"""`api`, the family, the system, `files`."""


def names_in(request: Request[Any, Any, Any]) -> list[str]:
    """The names behind `/files/`. Errors: ProblemFound (404)."""
    names = names_of(request.scope["raw_path"].decode("latin-1"))
    if not names:
        raise problem(404, "there is nothing of this name")
    return names


def names_of(path: str) -> list[str]:
    """Of a path as it is written; none where it is not UTF-8, or has what no name has."""
    segments = [each for each in path.split("/") if each][SEGMENTS_BEFORE:]
    try:
        names = [unquote(each, errors="strict") for each in segments]
    except UnicodeDecodeError:
        return []
    return [] if any("\x00" in name for name in names) else names


def path_of(system_path: str, *names: str) -> str:
    return "/".join((system_path, "files", *(quote(name, safe="") for name in names)))
