"""A front and a worker in one process, for tests that kill it: `python -m ... LOG BLOBS FILE`.

It uploads a file, as a client does that goes on where the log says that the upload stands, and
prints the digest of the stored file.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from log.backends.file import FileLog
from log.interface import Log
from processors.core.workers.embedded import Worker
from processors.media.blobs import open_blobs, pieces
from processors.media.uploads import SYSTEM
from processors.media.uploads.commands import CreateUpload
from processors.media.uploads.events import UploadCreated
from processors.media.uploads.receiving import Receiver

CHUNK_BYTES = 5_000
"""Small, so that an upload is some hundred steps, and there is time to kill it between them."""
OWNER, UPLOAD = "ann", "cat"


@contextmanager
def working(log: Log, blobs: str) -> Iterator[None]:
    """A worker of uploads, in a thread."""
    stop = threading.Event()
    errors: list[BaseException] = []
    with Worker(log, [SYSTEM], settings={"media.uploads.store": {"blobs": blobs}}) as worker:

        def run() -> None:
            try:
                worker.run(stop=stop)
            except BaseException as error:
                errors.append(error)
                raise

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    assert not errors, errors


def upload(receiver: Receiver, source: BinaryIO, length: int) -> None:
    created = receiver.create(CreateUpload(owner=OWNER, upload=UPLOAD, length=length))
    number = created.number if isinstance(created, UploadCreated) else 1
    # An empty chunk from where none can be asks how far the upload is: a conflict, or its start.
    stands = receiver.receive(OWNER, UPLOAD, number, 0, [])
    offset = stands.offset
    print("begin", offset, flush=True)
    source.seek(offset)
    received = receiver.receive(OWNER, UPLOAD, number, offset, pieces(source))
    assert received.rejection is None or offset == length, received
    assert received.is_complete or offset == length, received


def main(log: str, blobs: str, file: str) -> None:
    with FileLog(Path(log)) as opened, working(opened, blobs), Path(file).open("rb") as source:
        receiver = Receiver(opened, open_blobs(blobs), chunk_bytes=CHUNK_BYTES)
        upload(receiver, source, Path(file).stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
