"""tus 1.0 over HTTP, header by header, against a real server."""

import base64
import hashlib
import socket
from collections.abc import Iterator
from random import Random

import httpx
import pytest

from tests.gateway.http.conftest import Server, Servers, until
from tests.gateway.http.media.conftest import BODY, FILES, VERSION, Tus, metadata, staged

SOURCE = Random(5).randbytes(100_000)


def checksum_of(content: bytes, algorithm: str = "sha1") -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def problem_in(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["tus-resumable"] == "1.0.0"
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, told.get("code", "")


def test_what_the_server_can(tus: Tus) -> None:
    answer = tus.client.options(f"{FILES}/ann")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "checksum",
        "termination",
        "concatenation",
    }
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")


def test_another_version_is_not_spoken(tus: Tus) -> None:
    url = tus.created(3)
    for method, path in (("POST", f"{FILES}/ann"), ("PATCH", url), ("DELETE", url)):
        answer = tus.client.request(method, path, headers={"Tus-Resumable": "0.2.2"})
        assert problem_in(answer) == (412, "")
        assert answer.headers["tus-version"] == "1.0.0"


def test_an_upload_from_its_creation_to_the_file(tus: Tus) -> None:
    told = metadata(filename="über.bin", filetype="application/x-thing", empty="")
    created = tus.create(len(SOURCE), owner="ben", Upload_Metadata=told)
    assert created.status_code == 201
    assert created.headers["upload-expires"].endswith("GMT")
    url = created.headers["location"]
    first = tus.patch(url, 0, SOURCE[:60_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "60000")
    assert first.headers["upload-expires"].endswith("GMT")
    head = tus.ask("HEAD", url)
    assert head.headers["upload-offset"] == "60000"
    assert head.headers["upload-length"] == "100000"
    assert head.headers["upload-metadata"] == told
    assert head.headers["cache-control"] == "no-store"
    assert tus.client.get(url).status_code == 409
    last = tus.patch(url, 60_000, SOURCE[60_000:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, "100000")
    assert "upload-expires" not in last.headers
    until(lambda: tus.client.get(url).status_code == 200)
    file = tus.client.get(url)
    assert file.content == SOURCE
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%BCber.bin"
    assert file.headers["content-type"] == "application/octet-stream"
    part = tus.client.get(url, headers={"Range": "bytes=99990-"})
    assert (part.status_code, part.content) == (206, SOURCE[-10:])


def test_bytes_come_with_the_creation(tus: Tus) -> None:
    told = {**BODY, "Upload-Length": "10"}
    answer = tus.ask("POST", f"{FILES}/ann", told, SOURCE[:4])
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "4")
    url = answer.headers["location"]
    assert tus.patch(url, 4, SOURCE[4:10]).headers["upload-offset"] == "10"
    lie = tus.ask(
        "POST", f"{FILES}/ann", {**told, "Upload-Checksum": checksum_of(b"lie")}, SOURCE[:4]
    )
    assert (lie.status_code, lie.headers["upload-offset"]) == (201, "0"), "it is there, and empty"
    other = tus.ask("POST", f"{FILES}/ann", {"Upload-Length": "4"}, SOURCE[:4])
    assert problem_in(other) == (415, "")


def test_an_empty_file_is_whole_at_once(tus: Tus) -> None:
    url = tus.created(0)
    assert tus.offset(url) == 0
    until(lambda: tus.client.get(url).status_code == 200)
    assert tus.client.get(url).content == b""
    assert tus.client.get(url, headers={"Range": "bytes=0-"}).status_code == 416


def test_a_length_that_comes_later(tus: Tus) -> None:
    url = tus.created(None)
    head = tus.ask("HEAD", url)
    assert head.headers["upload-defer-length"] == "1"
    assert "upload-length" not in head.headers
    tus.patch(url, 0, b"abc")
    assert tus.patch(url, 3, b"de", Upload_Length="5").status_code == 204
    assert tus.ask("HEAD", url).headers["upload-length"] == "5"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_checksums(tus: Tus, algorithm: str) -> None:
    url = tus.created(10)
    lie = tus.patch(url, 0, SOURCE[:5], Upload_Checksum=checksum_of(b"other", algorithm))
    assert problem_in(lie) == (460, "checksum_mismatch")
    assert tus.offset(url) == 0
    true = tus.patch(url, 0, SOURCE[:5], Upload_Checksum=checksum_of(SOURCE[:5], algorithm))
    assert (true.status_code, true.headers["upload-offset"]) == (204, "5")
    unknown = tus.patch(url, 5, SOURCE[:5], Upload_Checksum="crc7 AAAA")
    assert problem_in(unknown) == (400, "unknown_algorithm")
    broken = tus.patch(url, 5, SOURCE[:5], Upload_Checksum="sha1 !")
    assert problem_in(broken) == (400, "")


def test_a_chunk_goes_on_where_the_upload_stands(tus: Tus) -> None:
    url = tus.created(10)
    tus.patch(url, 0, b"abc")
    for offset in (0, 2, 4, 10):
        answer = tus.patch(url, offset, b"x")
        assert problem_in(answer) == (409, "offset_conflict")
        assert answer.headers["upload-offset"] == "3"


def test_bytes_beyond_the_length_are_refused(tus: Tus) -> None:
    url = tus.created(10)
    assert problem_in(tus.patch(url, 0, b"x" * 11)) == (413, "beyond_length")

    def trickling() -> Iterator[bytes]:
        for _ in range(12):
            yield b"x"

    assert problem_in(tus.patch(url, 0, trickling())) == (413, "beyond_length")
    assert tus.offset(url) == 0


def test_a_termination(tus: Tus) -> None:
    url = tus.created(10)
    tus.patch(url, 0, b"abc")
    assert tus.ask("DELETE", url).status_code == 204
    assert tus.ask("HEAD", url).status_code == 410
    assert problem_in(tus.patch(url, 3, b"x")) == (410, "gone")
    assert problem_in(tus.ask("DELETE", url)) == (410, "gone")


def test_a_concatenation(tus: Tus) -> None:
    one = tus.created(60_000, Upload_Concat="partial")
    two = tus.created(40_000, Upload_Concat="partial")
    early = tus.ask("POST", f"{FILES}/ann", {"Upload-Concat": f"final;{one} {two}"})
    assert problem_in(early) == (400, "partial_incomplete")
    tus.patch(one, 0, SOURCE[:60_000])
    tus.patch(two, 0, SOURCE[60_000:])
    assert tus.ask("HEAD", one).headers["upload-concat"] == "partial"
    absolute = f"{tus.client.base_url}{two}".replace("//api", "/api")
    final = tus.ask("POST", f"{FILES}/ann", {"Upload-Concat": f"final;{one} {absolute}"})
    assert final.status_code == 201, final.text
    url = final.headers["location"]
    head = tus.ask("HEAD", url)
    assert head.headers["upload-concat"] == f"final;{one} {two}"
    assert "upload-metadata" not in head.headers
    assert head.headers["upload-length"] == head.headers["upload-offset"] == "100000"
    assert problem_in(tus.patch(url, 100_000, b"x")) == (403, "final_upload")
    until(lambda: tus.client.get(url).status_code == 200)
    assert tus.client.get(url).content == SOURCE


@pytest.mark.parametrize(
    "concat",
    ["final;", "final;/api/media/uploads/files/ann", "final;https://else.where/x/y", "whole"],
)
def test_a_concatenation_of_nothing(tus: Tus, concat: str) -> None:
    assert problem_in(tus.ask("POST", f"{FILES}/ann", {"Upload-Concat": concat})) == (400, "")


def test_others_uploads_are_not_concatenated(tus: Tus) -> None:
    url = tus.created(0, Upload_Concat="partial")
    answer = tus.ask("POST", f"{FILES}/ben", {"Upload-Concat": f"final;{url}"})
    assert problem_in(answer) == (400, "")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": "9" * 30},
        {"Upload-Length": "5", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "5", "Upload-Metadata": "name !!!"},
        {"Upload-Length": "5", "Upload-Metadata": "name //79"},
        {"Upload-Length": "5", "Upload-Metadata": "a YQ==,a Yg=="},
        {"Upload-Length": "5", "Upload-Metadata": "upload-concat YQ=="},
    ],
)
def test_a_creation_that_makes_no_sense(tus: Tus, headers: dict[str, str]) -> None:
    answer = tus.ask("POST", f"{FILES}/ann", headers)
    assert problem_in(answer)[0] == 400
    assert answer.json()["detail"]


def test_more_than_the_quota(tus: Tus) -> None:
    assert problem_in(tus.create(1 << 40)) == (413, "quota_exceeded")
    assert problem_in(tus.create(1 << 50)) == (413, "too_large")


@pytest.mark.parametrize("owner", ["%20", "a%20b", "%C3%BC", "%2E", "%2e%2e", "x" * 201])
def test_owners_without_a_name(tus: Tus, owner: str) -> None:
    with socket.create_connection(
        (tus.client.base_url.host, tus.client.base_url.port or 0)
    ) as raw:
        raw.sendall(
            f"POST {FILES}/{owner} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
            "Upload-Length: 5\r\nConnection: close\r\n\r\n".encode()
        )
        assert raw.makefile("rb").readline() == b"HTTP/1.1 400 Bad Request\r\n"


def test_names_may_hold_a_slash(tus: Tus) -> None:
    url = tus.created(3, owner="a%2Fb")
    assert url.startswith(f"{FILES}/a%2Fb/")
    assert tus.patch(url, 0, b"abc").status_code == 204
    assert tus.offset(url) == 3


def test_uploads_that_never_were(tus: Tus) -> None:
    url = tus.created(3)
    upload = url.rpartition("/")[0]
    for place in ("1-0", "2-0", "0-99999999", "1", "a-b", "9" * 40 + "-1"):
        if f"{upload}/{place}" != url:
            assert problem_in(tus.patch(f"{upload}/{place}", 0, b"abc"))[0] == 404
            assert tus.ask("HEAD", f"{upload}/{place}").status_code == 404
    assert problem_in(tus.patch(f"{FILES}/ann/else/1-0", 0, b"abc"))[0] == 404


def test_a_method_that_stands_in_a_header(tus: Tus) -> None:
    url = tus.created(3)
    override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    answer = tus.ask("POST", url, BODY | override, b"abc")
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "3")
    assert tus.ask("POST", url, {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert tus.ask("HEAD", url).status_code == 410
    assert tus.ask("POST", url, {"X-HTTP-Method-Override": "BREW"}).status_code == 405


def test_methods_that_are_not_here(tus: Tus) -> None:
    url = tus.created(3)
    for method, path in (("PATCH", f"{FILES}/ann"), ("GET", f"{FILES}/ann"), ("POST", url)):
        answer = tus.ask(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"]


def test_a_body_of_another_type(tus: Tus) -> None:
    url = tus.created(3)
    told = {"Upload-Offset": "0", "Content-Type": "text/plain"}
    assert problem_in(tus.ask("PATCH", url, told, b"abc")) == (415, "")
    assert problem_in(tus.ask("PATCH", url, BODY, b"abc")) == (400, "")


def begin_patch(tus: Tus, url: str, length: int, content: bytes) -> socket.socket:
    """A connection that has sent a part of a body."""
    host, port = tus.client.base_url.host, tus.client.base_url.port or 0
    connection = socket.create_connection((host, port))
    head = [f"PATCH {url} HTTP/1.1", "Host: localhost", f"Content-Length: {length}"]
    told = {**VERSION, **BODY, "Upload-Offset": "0"}
    head += [f"{name}: {value}" for name, value in told.items()]
    connection.sendall("\r\n".join([*head, "", ""]).encode() + content)
    return connection


def test_what_came_before_a_break_is_kept(tus: Tus, media: Server) -> None:
    url = tus.created(len(SOURCE))
    with begin_patch(tus, url, len(SOURCE), SOURCE[:50_000]):
        until(lambda: any(staged(media)))
    offset = tus.offset(url)
    assert 0 < offset <= 50_000
    answer = tus.patch(url, offset, SOURCE[offset:])
    assert answer.headers["upload-offset"] == str(len(SOURCE))
    until(lambda: tus.client.get(url).status_code == 200)
    assert tus.client.get(url).content == SOURCE


def test_who_asks_where_it_stands_goes_on_with_it(tus: Tus, media: Server) -> None:
    """Also where the connection of before is not known to be dead yet."""
    url = tus.created(len(SOURCE))
    with begin_patch(tus, url, len(SOURCE), SOURCE[:50_000]) as connection:
        until(lambda: any(staged(media)))
        offset = tus.offset(url)
        assert 0 < offset <= 50_000
        assert tus.patch(url, offset, SOURCE[offset:]).status_code == 204
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 409 ")
    until(lambda: tus.client.get(url).status_code == 200)
    assert tus.client.get(url).content == SOURCE


def test_a_server_that_ends_keeps_what_came(servers: Servers) -> None:
    server = servers.start("uploads")
    tus = Tus(server.client)
    url = tus.created(len(SOURCE))
    with begin_patch(tus, url, len(SOURCE), SOURCE[:50_000]) as connection:
        until(lambda: any(staged(server)))
        assert server.end() == 0
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 503 ")
    again = Tus(servers.start("uploads").client)
    offset = again.offset(url)
    assert 0 < offset <= 50_000
    assert again.patch(url, offset, SOURCE[offset:]).status_code == 204
