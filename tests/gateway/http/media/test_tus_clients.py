"""Clients that others wrote, against a server that is killed, and with a file that is large."""

import io
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.uploader.uploader import Uploader

from tests.gateway.http.conftest import ROOT, Server, Servers, until
from tests.gateway.http.media.conftest import BODY, FILES, VERSION, Tus, staged

SOURCE = Random(7).randbytes(1_000_000)
LARGE_BYTES = 200 << 20
PIECE_BYTES = 1 << 16
CHUNK_BYTES = 10_000
MEMORY_BYTES = 40 << 20
NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("tus_client.cjs")


def file_of(client: httpx.Client, url: str) -> bytes:
    until(lambda: client.get(url).status_code == 200)
    return client.get(url).content


def uploader(server: Server, source: bytes, chunk_bytes: int, **options: bool) -> Uploader:
    client = TusClient(f"{server.url.rstrip('/')}{FILES}/ann")
    return client.uploader(
        file_stream=io.BytesIO(source),
        chunk_size=chunk_bytes,
        metadata={"filename": "a name.bin"},
        **options,
    )


@pytest.mark.parametrize("with_checksums", [False, True])
def test_tuspy_breaks_off_and_goes_on(media: Server, with_checksums: bool) -> None:
    upload = uploader(media, SOURCE, 300_000, upload_checksum=with_checksums)
    upload.upload(stop_at=400_000)
    again = TusClient(f"{media.url.rstrip('/')}{FILES}/ann").uploader(
        file_stream=io.BytesIO(SOURCE), url=upload.url, chunk_size=300_000
    )
    assert again.offset == upload.offset == 400_000
    again.upload()
    assert file_of(media.client, str(upload.url)) == SOURCE


def test_tuspy_survives_servers_that_are_killed(servers: Servers) -> None:
    """With -9, in the middle of a chunk, again and again: what was acknowledged is there."""
    server = servers.start("uploads")
    upload = uploader(server, SOURCE, CHUNK_BYTES)
    upload.set_url(upload.create_url())
    for killed_at in (100_000, 400_000, 700_000):
        kill = threading.Thread(target=kill_at, args=(server, upload, killed_at))
        kill.start()
        with pytest.raises((TusCommunicationError, TusUploadFailed)):
            upload.upload()
        kill.join()
        server = servers.start("uploads")
        address = f"{server.url.rstrip('/')}{httpx.URL(str(upload.url)).path}"
        again = TusClient("").uploader(
            file_stream=io.BytesIO(SOURCE), url=address, chunk_size=CHUNK_BYTES
        )
        assert again.offset >= upload.offset >= killed_at
        upload = again
    upload.upload()
    assert file_of(server.client, str(upload.url)) == SOURCE


def kill_at(server: Server, upload: Uploader, offset: int) -> None:
    """Once so much is acknowledged."""
    until(lambda: upload.offset >= offset)
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize("parallel", [1, 3])
def test_tus_js_client_breaks_off_and_goes_on(
    media: Server, tmp_path: Path, parallel: int
) -> None:
    if NODE is None or not (ROOT / "gateway/web/node_modules/tus-js-client").exists():
        pytest.skip("tus-js-client is not installed: npm ci in gateway/web")
    (tmp_path / "source.bin").write_bytes(SOURCE)
    endpoint = f"{media.url.rstrip('/')}{FILES}/ann"
    source, storage = tmp_path / "source.bin", tmp_path / "storage.json"
    command = [NODE, str(SCRIPT), endpoint, str(source), str(storage), str(parallel)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    if parallel == 1:
        assert told["broken"] == told["whole"]
        assert told["first"] >= 150_000, "it went on behind what was there"
    assert file_of(media.client, told["whole"]) == SOURCE


def memory_bytes(server: Server) -> int:
    """The most that the process had so far."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def test_a_large_file_takes_no_memory(servers: Servers) -> None:
    """In, as one body, and out again."""
    server = servers.start("uploads")
    tus = Tus(server.client)
    tus.patch(tus.created(PIECE_BYTES), 0, bytes(PIECE_BYTES))  # what a first one makes stays
    url = tus.created(LARGE_BYTES)
    before = memory_bytes(server)
    piece = Random(3).randbytes(PIECE_BYTES)

    def body() -> Iterator[bytes]:
        for _ in range(LARGE_BYTES // PIECE_BYTES):
            yield piece

    told = {**VERSION, **BODY, "Upload-Offset": "0", "Content-Length": str(LARGE_BYTES)}
    answer = server.client.patch(url, headers=told, content=body(), timeout=120)
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(LARGE_BYTES))
    until(lambda: server.client.head(url).status_code == 200)
    received = 0
    with server.client.stream("GET", url) as stream:
        for part in stream.iter_bytes(PIECE_BYTES):
            received += len(part)
            assert part == piece[: len(part)]
    assert received == LARGE_BYTES
    assert memory_bytes(server) - before < MEMORY_BYTES
    assert staged(server) == []
