"""Where an export's files are: in a folder, or in one compressed zip file.

Both take files in one after the other, and give them back by name, in pieces: memory does not grow
with them. A zip file is written aside and renamed when it is whole.
"""

import os
import secrets
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from replay.portable import InvalidExport

_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError)
"""What reading a damaged zip file raises."""


class ExportFiles(ABC):
    """The files of one export, by names with `/` between folder and file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def name(self, name: str) -> str:
        """Where a file is, for people."""
        return str(self.path / name)

    @abstractmethod
    def create(self, name: str) -> IO[bytes]:
        """A new file to write to, to be closed by `finish` before the next is begun."""

    @abstractmethod
    def finish(self, file: IO[bytes]) -> None:
        """Close it, as durable as it gets before all is there."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """For reading. Errors: FileNotFoundError."""


class FolderFiles(ExportFiles):
    """Files in a folder."""

    def create(self, name: str) -> IO[bytes]:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        return path.open("xb")

    def finish(self, file: IO[bytes]) -> None:
        _sync(file)
        file.close()

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class ZipFiles(ExportFiles):
    """Files in a zip file, which is open as `archive`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        super().__init__(path)
        self._archive = archive

    def create(self, name: str) -> IO[bytes]:
        info = zipfile.ZipInfo(name)  # dated 1980, so that the same log gives the same bytes
        info.compress_type = zipfile.ZIP_DEFLATED
        return self._archive.open(info, "w", force_zip64=True)

    def finish(self, file: IO[bytes]) -> None:
        file.close()

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(name)
        except KeyError:
            raise FileNotFoundError(f"{self.path} has no {name}") from None
        except RuntimeError as error:  # encrypted, or compressed in a way that is not known here
            raise InvalidExport(f"{self.name(name)} cannot be read: {error}") from error


@contextmanager
def new_folder(path: Path) -> Iterator[FolderFiles]:
    """A new or empty folder. Errors: FileExistsError."""
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise FileExistsError(f"{path} is not empty: name a new folder to export to")
    yield FolderFiles(path)


@contextmanager
def new_zip(path: Path) -> Iterator[ZipFiles]:
    """A new zip file; there at the end, whole, and not at all after an error.

    Errors: FileExistsError.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there already: name a new file to export to")
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.writing")
    try:
        with aside.open("xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                yield ZipFiles(path, archive)
            _sync(file)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def open_zip(path: Path) -> Iterator[ZipFiles]:
    """An exported zip file. Errors, also while it is read: InvalidExport where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield ZipFiles(path, archive)
    except _UNREADABLE as error:
        raise InvalidExport(f"{path} is no whole zip file: {error}") from error


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
