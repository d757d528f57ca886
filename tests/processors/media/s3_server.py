"""A server that speaks S3 over HTTP, for tests: moto's, which keeps objects in memory."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def running_s3() -> Iterator[str]:
    """Its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the caller's own: the location of a store in it. Sets the credentials."""
    bucket = f"media-{uuid4().hex[:8]}"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1")
    client.create_bucket(Bucket=bucket)
    client.close()
    return f"s3://{bucket}/refold/blobs?endpoint_url={address}&region_name=us-east-1"
