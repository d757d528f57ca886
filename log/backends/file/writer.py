"""The fence: the one writer of a partition, for as long as its process lives or until closed.

It holds the lock of `writer.lock` in the partition's folder, which the operating system gives back
when the process ends, however it ends. The file names the holder for whoever is refused. A count
of writers in the partition's shared state fences one whose lock file was taken away under it.
"""

import os
import sys
from collections.abc import Callable

from log.backends.file.partition import FilePartition
from log.backends.file.storage import Storage
from log.errors import PartitionFenced
from log.interface import nothing
from log.record import BatchBuilder

LOCK_NAME = "writer.lock"


class FileWriter:
    """As `log.interface.Writer`."""

    def __init__(self, storage: Storage, partition: FilePartition) -> None:
        self._partition = partition
        path = f"{partition.folder}/{LOCK_NAME}"
        self._file = storage.open(path, write=True, create=True)
        if not self._file.lock(wait=False):
            holder = self._file.pread(1000, 0).decode(errors="replace") or "another process"
            raise PartitionFenced(
                f"{partition.name}: {holder} writes to this partition. Stop it, or wait until it "
                "ends: the fence ends with its process"
            )
        command = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:200]
        self._file.truncate(0)
        self._file.pwrite(f"process {os.getpid()} ({command})".encode(), 0)
        self._epoch = partition.begin_writer()
        self._closed = False

    def new_batch(self) -> BatchBuilder:
        return self._partition.new_batch()

    def append_batch(self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> range:
        if self._closed:
            raise PartitionFenced(f"{self._partition.name}: this writer was closed")
        return self._partition.append_encoded(batch.build(), self._epoch)

    def close(self) -> None:
        """Give the fence back. A second time does nothing."""
        if not self._closed:
            self._closed = True
            self._file.truncate(0)
            self._file.unlock()
            self._file.close()

    def abandon(self) -> None:
        """In a forked child: let the inherited lock go without giving back the parent's."""
        self._closed = True
        self._file.close()
