"""HLS, DASH, pictures and photos, from a video that was uploaded and encoded for real."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin

import httpx
import pytest

from tests.gateway.http.conftest import Server, until
from tests.gateway.http.media.conftest import FILES, Tus, metadata
from tests.processors.media.photos.pictures import encoded, two_halves

VIDEOS = "/api/media/video/files"
MAIN = "application/vnd.apple.mpegurl"


@dataclass
class Shown:
    """A video that is published. `path` is that of its files."""

    client: httpx.Client
    video: str

    @property
    def path(self) -> str:
        return f"{VIDEOS}/{quote(self.video, safe='')}"

    @property
    def served(self) -> str:
        return f"{self.path}/1"

    def get(self, path: str, **headers: str) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"{self.served}/{path}", headers=told)

    def is_shown(self) -> bool:
        return self.client.get(f"{self.served}/main.m3u8").status_code == 200

    def send(self, command: str, **more: str) -> None:
        path = f"/api/media/video/commands/{command}"
        answer = self.client.post(path, json={"video": self.video, **more})
        assert answer.status_code == 200


def uploaded(media: Server, clip: Path, owner: str) -> Shown:
    tus = Tus(media.client)
    content = clip.read_bytes()
    told = metadata(filename="clip.mp4", filetype="video/mp4")
    url = tus.created(len(content), owner=owner, Upload_Metadata=told)
    assert tus.patch(url, 0, content).status_code == 204
    owner, upload, place = url.split("/")[-3:]
    shown = Shown(media.client, f"{owner}/{upload}/{place.partition('-')[0]}")
    until(lambda: shown.get("main.m3u8").status_code == 200)
    return shown


@pytest.fixture(scope="module")
def shown(media: Server, clip: Path) -> Shown:
    return uploaded(media, clip, "cleo")


def uris_of(playlist: str) -> Iterator[str]:
    for line in playlist.splitlines():
        if line and not line.startswith("#"):
            yield line
        yield from re.findall(r'URI="([^"]+)"', line)


def test_every_file_that_the_playlists_name_is_there(shown: Shown) -> None:
    main = shown.get("main.m3u8")
    assert main.headers["content-type"] == MAIN
    playlists = list(uris_of(main.text))
    assert {"180p/media.m3u8", "audio/media.m3u8"} <= {*playlists}
    for playlist in playlists:
        answer = shown.get(playlist)
        assert (answer.status_code, answer.headers["content-type"]) == (200, MAIN)
        for uri in uris_of(answer.text):
            segment = shown.client.get(urljoin(f"{shown.served}/{playlist}", uri))
            assert segment.status_code == 200
            assert segment.headers["cache-control"].endswith("immutable")
            assert segment.content[4:8] in (b"ftyp", b"styp", b"moof", b"sidx")


@pytest.mark.parametrize("name", ["main.m3u8", "manifest.mpd", "1/main.m3u8", "1/manifest.mpd"])
def test_a_player_plays_it(shown: Shown, name: str) -> None:
    """ffmpeg's own demuxers follow all links, and decode every frame."""
    address = f"{str(shown.client.base_url).rstrip('/')}{shown.path}/{name}"
    command = ["ffmpeg", "-v", "error", "-i", address, "-f", "null", "-"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_player_stays_with_the_encoding_that_it_began_with(shown: Shown) -> None:
    answer = shown.client.get(f"{shown.path}/main.m3u8")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{shown.served}/main.m3u8")
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("manifest.mpd", "application/dash+xml"),
        ("poster-1.jpg", "image/jpeg"),
        ("sprite.jpg", "image/jpeg"),
        ("sprite.vtt", "text/vtt"),
        ("180p/init.mp4", "video/mp4"),
        ("180p/segment-00001.m4s", "video/iso.segment"),
    ],
)
def test_types_lengths_and_tags(shown: Shown, name: str, kind: str) -> None:
    answer = shown.get(name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "max-age=" in answer.headers["cache-control"]
    now = shown.client.get(f"{shown.path}/{name}", follow_redirects=True)
    assert now.content == answer.content
    head = shown.client.head(f"{shown.served}/{name}")
    same = ("content-length", "content-type", "etag", "accept-ranges", "cache-control")
    assert {key: head.headers[key] for key in same} == {key: answer.headers[key] for key in same}
    known = shown.get(name, If_None_Match=f'"other", W/{answer.headers["etag"]}')
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == answer.headers["etag"]


def test_ranges(shown: Shown) -> None:
    name = "180p/segment-00001.m4s"
    whole = shown.get(name)
    size = len(whole.content)
    for header, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-99", 10, 99),
        ("bytes=-100", size - 100, size - 1),
        (f"bytes={size - 5}-", size - 5, size - 1),
        ("bytes=0-99999999", 0, size - 1),
    ):
        part = shown.get(name, Range=header)
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert part.content == whole.content[first : last + 1]
    for header in ("bytes=9-0", "bytes=0-1,4-5", "frames=1-2"):
        assert shown.get(name, Range=header).status_code == 200
    beyond = shown.get(name, Range=f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert shown.get(name, Range="bytes=0-0", If_Range='"other"').status_code == 200
    assert shown.get(name, Range="bytes=0-0", If_Range=whole.headers["etag"]).status_code == 206


@pytest.mark.parametrize(
    "path",
    [
        "1/none.m3u8",
        "1/240p",
        "1",
        "",
        "2/main.m3u8",
        "1/180p/../../../../../refold.toml",
        "1/%2e%2e/%2e%2e/refold.toml",
        "1/240p%2Fmedia.m3u8%00",
        "1/..%2F..%2F..%2Frefold.toml",
        "99999999999999999999/main.m3u8",
        "%ff/main.m3u8",
    ],
)
def test_what_is_no_file_of_the_video(shown: Shown, path: str) -> None:
    target = f"{shown.path}/{path}".encode()
    url = shown.client.base_url.copy_with(raw_path=target)
    answer = shown.client.get(url)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_only_reading(shown: Shown) -> None:
    for method in ("POST", "DELETE", "PATCH"):
        answer = shown.client.request(method, f"{shown.served}/main.m3u8")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_what_is_held_or_taken_down_is_seen_by_nobody(media: Server, clip: Path) -> None:
    shown = uploaded(media, clip, "dora")
    paths = ("main.m3u8", "180p/segment-00001.m4s", "poster-1.jpg")
    shown.send("hold_video", reason="somebody complained")
    until(lambda: not shown.is_shown())
    assert [shown.get(path).status_code for path in paths] == [404, 404, 404]
    assert shown.client.get(f"{shown.path}/main.m3u8").status_code == 404
    shown.send("release_video")
    until(shown.is_shown)
    shown.send("take_down_video", reason="it was not theirs")
    until(lambda: not shown.is_shown())
    assert [shown.get(path).status_code for path in paths] == [404, 404, 404]


def test_photos_come_in_the_size_that_is_asked_for(media: Server) -> None:
    tus = Tus(media.client)
    picture = encoded(two_halves(800, 400))
    told = metadata(filename="two.jpg", filetype="image/jpeg")
    url = tus.created(len(picture), owner="emma", Upload_Metadata=told)
    tus.patch(url, 0, picture)
    query = "/api/media/photos/queries/photos?owner=emma"
    until(lambda: [each["state"] for each in media.client.get(query).json()] == ["published"])
    path = f"/api/media/photos/files/{quote(media.client.get(query).json()[0]['photo'], safe='')}"
    small, large = media.client.get(f"{path}/100"), media.client.get(f"{path}/5000")
    assert small.status_code == large.status_code == 200
    assert small.headers["content-type"].startswith("image/")
    assert len(small.content) < len(large.content)
    assert media.client.get(f"{path}/100", headers={"Range": "bytes=0-1"}).status_code == 206
    original = media.client.get(url)
    assert (original.headers["content-type"], original.content) == ("image/jpeg", picture)
    for wrong in (f"{path}/big", path, f"{path}/-1", f"{path}x/100"):
        assert media.client.get(wrong).status_code == 404


def test_systems_without_files(media: Server) -> None:
    for path in ("/api/samples/parking/files/x", "/api/no/thing/files/x", f"{FILES}/a/b/c/d"):
        assert media.client.get(path).status_code == 404
