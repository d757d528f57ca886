"""A worker of videos in a process of its own, to be killed: LOG BLOBS FFMPEG PARTITION..."""

import sys
from pathlib import Path

from log.backends.file import FileLog
from processors.core.workers.embedded import Worker
from processors.media.video import SYSTEM
from tests.processors.media.video.pipeline import settings


def main(folder: str, blobs: str, ffmpeg: str, *partitions: str) -> None:
    with FileLog(folder) as log:
        outside = settings(Path(blobs), ffmpeg=ffmpeg)
        numbers = list(map(int, partitions))
        with Worker(log, [SYSTEM], partitions=numbers, settings=outside) as worker:
            worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
