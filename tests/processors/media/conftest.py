"""Blob stores of every kind, for the tests that all of them pass."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.media.blobs import BlobStore, open_blobs
from tests.processors.media.s3_server import new_bucket, running_s3

OpenAgain = Callable[[], BlobStore]


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """A server that speaks S3: the one that TEST_S3 names, else one in this process."""
    if address := os.environ.get("TEST_S3"):
        yield address
        return
    with running_s3() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def location(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where a store is that is this test's own."""
    if request.param == "folder":
        return str(tmp_path / "blobs")
    return new_bucket(request.getfixturevalue("s3_address"), monkeypatch)


@pytest.fixture
def open_again(location: str) -> OpenAgain:
    """Opens one store, again and again, as several processes do."""
    return lambda: open_blobs(location)


@pytest.fixture
def blobs(open_again: OpenAgain) -> BlobStore:
    return open_again()
