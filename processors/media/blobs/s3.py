"""Blobs in a bucket of S3, or of any server that speaks it: objects `<prefix>ab/ab12.../<stamp>`.

Bytes are staged in a local file, since an object's name is the digest of all of them; boto3 sends
large ones in parts. Listing a digest's stamps is one call, and S3 lists what was written before.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from processors.media.blobs.store import (
    Blob,
    Staged,
    check_digest,
    check_stamp,
    missing,
    new_stamp,
    write_hashed,
)

KEYS_PER_DELETE = 1000
"""Of S3's DeleteObjects."""

NOT_THERE = ("404", "NoSuchKey")
"""Of an object that was swept in this moment, as the head and as the copy of it say."""


class S3Blobs:
    """A `BlobStore` in a bucket that is there. `settings` go to boto3's client (endpoint_url,
    region_name ...); the credentials are found as boto3 does."""

    def __init__(self, bucket: str, prefix: str, settings: Mapping[str, str]) -> None:
        import boto3  # type: ignore[import-untyped]

        self.bucket = bucket
        self.prefix = prefix
        self._client: Any = boto3.client("s3", **settings)

    @contextmanager
    def stage(self, source: Iterable[bytes]) -> Iterator[Staged]:
        with tempfile.TemporaryFile() as file:
            blob = write_hashed(source, cast(BinaryIO, file))

            def keep(kept: Blob) -> None:
                file.seek(0)
                # boto3 closes what it is given; the file is needed no more.
                key = self._key(kept.digest, new_stamp())
                self._client.upload_fileobj(file, self.bucket, key)

            yield Staged(blob, keep)

    def put(self, source: Iterable[bytes]) -> Blob:
        with self.stage(source) as staged:
            return staged.keep()

    def renew(self, digest: str) -> Blob | None:
        for each in reversed(list(self._objects(self._key(digest)))):
            source = {"Bucket": self.bucket, "Key": each["Key"]}
            try:
                self._client.copy(source, self.bucket, self._key(digest, new_stamp()))
            except self._client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in NOT_THERE:
                    raise
            else:
                return Blob(digest, int(each["Size"]))
        return None

    def size(self, digest: str) -> int | None:
        found = [int(each["Size"]) for each in self._objects(self._key(digest))]
        return found[-1] if found else None

    def open(self, digest: str) -> BinaryIO:
        stamps = self.stamps(digest)
        if not stamps:
            raise missing(digest, f"s3://{self.bucket}/{self.prefix}")
        key = self._key(digest, stamps[-1])
        return cast(BinaryIO, self._client.get_object(Bucket=self.bucket, Key=key)["Body"])

    @contextmanager
    def file(self, digest: str) -> Iterator[Path]:
        stamps = self.stamps(digest)
        if not stamps:
            raise missing(digest, f"s3://{self.bucket}/{self.prefix}")
        with tempfile.NamedTemporaryFile() as file:
            self._client.download_fileobj(self.bucket, self._key(digest, stamps[-1]), file)
            file.flush()
            yield Path(file.name)

    def stamps(self, digest: str) -> list[str]:
        return [each["Key"].rpartition("/")[2] for each in self._objects(self._key(digest))]

    def delete(self, digest: str, stamps: Sequence[str]) -> None:
        for first in range(0, len(stamps), KEYS_PER_DELETE):
            some = stamps[first : first + KEYS_PER_DELETE]
            objects = [{"Key": self._key(digest, check_stamp(stamp))} for stamp in some]
            answer = self._client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if failed := answer.get("Errors"):
                raise OSError(
                    f"s3://{self.bucket} did not delete {len(failed)} objects, the first "
                    f"{failed[0].get('Key')}: {failed[0].get('Message')}"
                )

    def digests(self, after: str = "") -> Iterator[str]:
        last = after
        # Stamps begin with a digit, so that "/~" is beyond every stamp of `after`.
        start = f"{self.prefix}{after[:2]}/{after}/~" if after else ""
        for each in self._objects(self.prefix, start):
            digest = each["Key"].split("/")[-2]
            if digest != last:
                last = digest
                yield digest

    def _key(self, digest: str, stamp: str = "") -> str:
        return f"{self.prefix}{check_digest(digest)[:2]}/{digest}/{stamp}"

    def _objects(self, prefix: str, start: str = "") -> Iterator[Any]:
        """Objects by the order of their keys, which is that of digests and stamps."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, **({"StartAfter": start} if start else {})
        )
        for page in pages:
            yield from page.get("Contents", ())
