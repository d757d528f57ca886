"""Whatever is sent: an answer that says what is wrong, never a 500, and nothing in the log."""

from collections.abc import Mapping

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.http.conftest import Server
from tests.gateway.http.media.conftest import FILES, Tus

NUMBERS = st.one_of(
    st.integers(-3, 20).map(str), st.sampled_from(["", "9" * 25, "1e9", "0x1", "٣".encode().hex()])
)
VISIBLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)
METHODS = st.sampled_from(["POST", "HEAD", "PATCH", "DELETE", "OPTIONS", "GET"])
CHECKSUMS = st.sampled_from(["sha1 AAAA", "md5", "crc32 AAAAAA==", "sha1 !", "x y z", "sha512"])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Tus-Resumable": st.one_of(st.just("1.0.0"), st.just("1.0.0"), VISIBLE),
        "Upload-Length": NUMBERS,
        "Upload-Offset": NUMBERS,
        "Upload-Defer-Length": NUMBERS,
        "Upload-Metadata": st.one_of(st.sampled_from(["a YQ==", "a YQ==,b", ",", "é"]), VISIBLE),
        "Upload-Concat": st.one_of(
            st.sampled_from(["partial", "final;", "final;/a/b/c/d/e/1-1", "final;//[x"]), VISIBLE
        ),
        "Upload-Checksum": st.one_of(CHECKSUMS, VISIBLE),
        "X-HTTP-Method-Override": st.one_of(METHODS, VISIBLE),
        "Content-Type": st.one_of(st.just("application/offset+octet-stream"), VISIBLE),
        "Range": st.one_of(st.sampled_from(["bytes=0-", "bytes=-0", "bytes=9-1,2"]), VISIBLE),
        "If-Range": VISIBLE,
        "If-None-Match": VISIBLE,
    },
)
PATHS = st.one_of(
    st.sampled_from(
        ["ann", "ann/x/1-0", "ann/x/1", "", "/", "a/b/c/d", "ann/%2e%2e/1-1", "UPLOAD"]
    ),
    st.text(max_size=20).map(lambda text: "/".join(map(httpx_quote, text.split("/")))),
)


def httpx_quote(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    METHODS,
    st.sampled_from(["uploads", "video", "photos"]),
    PATHS,
    HEADERS,
    st.binary(max_size=30),
)
def test_no_request_is_the_servers_mistake(
    media: Server,
    method: str,
    system: str,
    path: str,
    headers: Mapping[str, str],
    content: bytes,
) -> None:
    upload = Tus(media.client).created(10, owner="fuzz") if path == "UPLOAD" else ""
    told = {name.encode(): value.encode() for name, value in headers.items()}
    url = media.client.base_url.copy_with(
        raw_path=(upload or f"{FILES.replace('uploads', system)}/{path}").encode()
    )
    answer: httpx.Response = media.client.request(method, url, headers=told, content=content)
    # Busy, or read models that are not there yet, is no mistake where one is told to come back.
    is_early = answer.status_code == 503 and "retry-after" in answer.headers
    assert answer.status_code < 500 or is_early, (answer.status_code, answer.text)
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json()["status"] == answer.status_code
    assert "Traceback" not in media.stderr.read_text()
