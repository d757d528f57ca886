"""What only a folder shows: the room that blobs take, and what a killed process leaves."""

import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from processors.media.blobs import FolderBlobs
from processors.media.blobs.folder import ABANDONED_S


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_put_twice_take_room_once(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    for _ in range(3):
        blobs.put([b"x" * 1000])
    assert len(files(tmp_path)) == 3
    assert len({path.stat().st_ino for path in files(tmp_path)}) == 1


def test_the_last_deletion_leaves_no_folder(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put([b"x"]).digest
    blobs.delete(digest, blobs.stamps(digest))
    assert not (tmp_path / "blobs" / digest[:2] / digest).exists()


WRITES_FOREVER = """
import sys
from processors.media.blobs import FolderBlobs

def source():
    print("begun", flush=True)
    while True:
        yield b"x" * 1000

FolderBlobs(sys.argv[1]).put(source())
"""


def test_a_process_killed_while_it_writes_leaves_no_blob(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES_FOREVER, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    process.kill()
    process.communicate()
    assert len(files(tmp_path / "staging")) == 1
    blobs = FolderBlobs(tmp_path)
    assert list(blobs.digests()) == []
    staged = files(tmp_path / "staging")
    assert len(staged) == 1, "somebody may still write it"
    yesterday = time.time() - ABANDONED_S - 1
    os.utime(staged[0], (yesterday, yesterday))
    FolderBlobs(tmp_path)
    assert files(tmp_path / "staging") == []


def test_a_link_that_cannot_be_made_is_a_file_of_its_own(tmp_path: Path) -> None:
    """The blobs' folder is given away in the middle: the bytes that were staged are still used."""
    blobs = FolderBlobs(tmp_path)
    with blobs.stage([b"abc"]) as staged:
        digest = blobs.put([b"abc"]).digest
        blobs.delete(digest, blobs.stamps(digest))
        staged.keep()
    assert blobs.size(sha256(b"abc").hexdigest()) == 3
