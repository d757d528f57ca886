"""Servers of the media systems, and uploads as a client of tus makes them."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.gateway.http.conftest import Server, servers_in
from tests.processors.media.video.pipeline import make_clip

FILES = "/api/media/uploads/files"
VERSION = {"Tus-Resumable": "1.0.0"}
BODY = {"Content-Type": "application/offset+octet-stream"}
MEDIA = ("uploads", "video", "photos")


def metadata(**told: str) -> str:
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in told.items()
    )


@dataclass
class Tus:
    """Speaks tus to a server, header by header."""

    client: httpx.Client

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | int] | None = None,
        content: bytes | Iterator[bytes] | None = None,
    ) -> httpx.Response:
        told = {name: str(value) for name, value in (headers or {}).items()}
        return self.client.request(method, url, headers=VERSION | told, content=content)

    def create(self, length: int | None, owner: str = "ann", **headers: str) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        return self.ask("POST", f"{FILES}/{owner}", size | told)

    def created(self, length: int | None, owner: str = "ann", **headers: str) -> str:
        """The URL of a new upload."""
        answer = self.create(length, owner, **headers)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"])

    def patch(
        self,
        url: str,
        offset: int,
        content: bytes | Iterator[bytes],
        **headers: str,
    ) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("PATCH", url, BODY | {"Upload-Offset": str(offset)} | told, content)

    def offset(self, url: str) -> int:
        answer = self.ask("HEAD", url)
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])


def staged(server: Server) -> list[int]:
    """The sizes of what is being written down."""
    return [each.stat().st_size for each in (server.stderr.parent / "blobs/staging").glob("*")]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that only ask it things. Each takes owners of its own."""
    servers = servers_in(tmp_path_factory.mktemp("media"))
    yield servers.start(*MEDIA)
    servers.close()


@pytest.fixture
def tus(media: Server) -> Tus:
    return Tus(media.client)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=3)
