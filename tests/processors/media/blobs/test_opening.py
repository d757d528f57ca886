"""Where blobs are kept is one setting."""

from pathlib import Path

import pytest

from processors.media.blobs import FolderBlobs, open_blobs
from processors.media.blobs.s3 import S3Blobs


def test_a_path_is_a_folder(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path / "a" / "b"))
    assert isinstance(blobs, FolderBlobs)
    assert list(blobs.digests()) == []
    assert not blobs.root.exists(), "it is made with the first blob"
    blobs.put([b"x"])
    assert blobs.root.is_dir()


def test_a_bucket_with_settings() -> None:
    blobs = open_blobs(
        "s3://media/all/blobs?endpoint_url=http://localhost:1&region_name=eu-west-1"
    )
    assert isinstance(blobs, S3Blobs)
    assert (blobs.bucket, blobs.prefix) == ("media", "all/blobs/")


@pytest.mark.parametrize(
    ("location", "what"),
    [("", "no place"), ("http://host/x", "no place"), ("s3://", "no bucket"), ("s3:x", "bucket")],
)
def test_what_is_no_location_is_refused(location: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        open_blobs(location)
