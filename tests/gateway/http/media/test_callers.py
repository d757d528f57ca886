"""Who may send and fetch files, where keys are asked for; and who did is on the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.actors import actor_of
from gateway.http_settings import digest_of
from log.backends.file import FileLog
from processors.media.uploads import SYSTEM
from tests.gateway.http.conftest import Server, servers_in
from tests.gateway.http.media.conftest import BODY, FILES, VERSION

SCOPES = {
    "uploader": ["media.uploads:create_upload", "media.uploads:append_chunk"],
    "viewer": ["media.uploads:read", "media.video:read"],
    "cleaner": ["media.uploads:terminate_upload"],
}


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Server]:
    servers = servers_in(tmp_path)
    with (tmp_path / "refold.toml").open("a") as file:
        for name, scopes in SCOPES.items():
            digest = digest_of(f"refold_{name}")
            file.write(f'[http.keys.{name}]\nsha256 = "{digest}"\nscopes = {scopes}\n')
    yield servers.start("uploads", "video")
    servers.close()


def test_each_method_needs_its_scope(keyed: Server, tmp_path: Path) -> None:
    def ask(who: str, method: str, url: str, **headers: str) -> int:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        key = {"Authorization": f"Bearer refold_{who}"} if who else {}
        content = b"abc" if "Upload-Offset" in told else None
        answer = keyed.client.request(method, url, headers=VERSION | told | key, content=content)
        created.append(answer.headers.get("location", ""))
        return answer.status_code

    created: list[str] = []
    owned = f"{FILES}/ann"
    patch = {**BODY, "Upload-Offset": "0"}
    assert [ask(who, "POST", owned, Upload_Length="3") for who in ("", "viewer", "cleaner")] == [
        401,
        403,
        403,
    ]
    assert ask("uploader", "POST", owned, Upload_Length="3") == 201
    url = created[-1]
    assert [ask(who, "PATCH", url, **patch) for who in ("viewer", "cleaner")] == [403, 403]
    assert ask("viewer", "POST", url, **{"X-HTTP-Method-Override": "PATCH"}, **patch) == 403
    assert ask("uploader", "PATCH", url, **patch) == 204
    assert [ask(who, "HEAD", url) for who in ("uploader", "viewer")] == [200, 403]
    assert [ask(who, "GET", url) for who in ("uploader", "viewer")] == [403, 200]
    assert [ask(who, "DELETE", url) for who in ("uploader", "cleaner")] == [403, 204]
    playlist = "/api/media/video/files/none/main.m3u8"
    assert [ask(who, "GET", playlist) for who in ("uploader", "viewer")] == [403, 404]
    keyed.end()
    assert actors_in(tmp_path) >= {"uploader", "cleaner"}


def actors_in(folder: Path) -> set[str]:
    """Of the commands of uploads."""
    found: set[str] = set()
    with FileLog(folder / ".refold") as log:
        for number in range(SYSTEM.partitions):
            for batch in log.partition(SYSTEM.commands_topic, number).read(0, 1 << 20):
                found |= {actor_of(record.headers) for record in batch}
    return found
