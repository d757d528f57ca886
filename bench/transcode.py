"""The whole pipeline of a video beside the bare ffmpeg commands: an upload to its published
renditions, playlists and pictures, through the log and the blob store; and the same renditions and
pictures by the same commands, as many at a time, into plain files.

`--source FILE` takes a film of your own, else a generated one of `--size` seconds is taken. Ours
is cut into ranges, as for several workers; the bare commands make each rendition in one go.
"""

import argparse
import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

import msgspec

from bench.harness import NOT_RUN, Options, Row, at_most, best_of, main, scratch_folder, timed
from log.backends.file import FileLog
from processors.core.appender import Appender
from processors.core.workers.embedded import Worker
from processors.media.blobs import Blob, open_blobs, pieces
from processors.media.video import SYSTEM
from processors.media.video.commands import CreateVideo
from processors.media.video.effects import PROCESSORS
from processors.media.video.ladder import DEFAULT_LADDER, Plan, plan
from processors.media.video.outside.pictures import picture_commands
from processors.media.video.outside.probing import probe
from processors.media.video.outside.tools import SETTINGS, Tools
from processors.media.video.outside.transcoding import audio_command, video_command
from processors.media.video.state import Status
from processors.media.video.terms import VideoRange

SECONDS = 70
"""Two ranges of each rendition."""
WHOLE = msgspec.structs.replace(DEFAULT_LADDER, range_segments=100)
NOISE = "noise=alls=6:allf=t"
"""So that there is something to encode."""


@dataclass(frozen=True)
class Film:
    path: Path
    blobs: Path
    blob: Blob
    bare: tuple[list[str], ...]
    """The commands that make all of it, each writing to its standard output."""
    pictures: tuple[list[str], ...]
    """Those that make its pictures: one after the other, beside the rest."""
    plan: Plan


def generate(path: Path, seconds: int) -> None:
    picture = f"testsrc2=size=854x480:rate=25:duration={seconds}"
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture,
            "-f", "lavfi", "-i", f"sine=duration={seconds}:sample_rate=48000", "-vf", NOISE,
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "250",
            "-c:a", "aac", str(path),
        ],
        check=True,
    )  # fmt: skip


def film_of(path: Path, blobs: Path) -> Film:
    tools = Tools(SETTINGS)
    source = asyncio.run(probe(tools, path))
    whole = plan(source, WHOLE)
    commands = []
    for item in range(whole.items):
        work = whole.range_of(item)
        if isinstance(work, VideoRange):
            commands.append(video_command(tools, work, path))
        else:
            commands.append(audio_command(tools, work, path))
    pictures = tuple(picture_commands(tools, source, path).values())
    with path.open("rb") as file:
        blob = open_blobs(str(blobs)).put(pieces(file))
    return Film(path, blobs, blob, tuple(commands), pictures, plan(source, DEFAULT_LADDER))


def ours(film: Film) -> float:
    with scratch_folder() as folder, FileLog(folder / "log") as log:
        where = {"uploads": str(film.blobs), "blobs": str(folder / "blobs")}
        settings = {f"{SYSTEM.name}.{effect.name}": where for effect in SYSTEM.effects}
        create = CreateVideo(
            video="film",
            user="bench",
            channel="bench",
            source=film.blob.digest,
            source_bytes=film.blob.size,
        )
        ends: list[Status] = []

        def run() -> None:
            appender = Appender(log, SYSTEM)
            appender.add(create)
            appender.flush()
            with Worker(log, [SYSTEM], settings=settings) as worker:
                worker.run(until_idle=True)
                videos = [task.fold.state.videos.get("film") for task in worker.tasks]
                ends.extend(video.status for video in videos if video is not None)

        seconds = timed(run)
        assert ends == [Status.PUBLISHED], f"the film is {ends}"
    return seconds


def bare(film: Film) -> float:
    with scratch_folder() as folder:

        def make(command: list[str]) -> None:
            with tempfile.TemporaryFile(dir=folder) as file:
                subprocess.run(command, stdout=file, check=True)

        def run() -> None:
            with ThreadPoolExecutor(PROCESSORS) as pool, ThreadPoolExecutor(1) as beside:
                made = [pool.submit(make, command) for command in film.bare]
                made += [beside.submit(make, command) for command in film.pictures]
                for each in made:
                    each.result()

        return timed(run)


def processor_s() -> float:
    """Of this process, and of those that it started and that have ended."""
    who = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(each.ru_utime + each.ru_stime for each in who)


def run(options: Options) -> list[Row]:
    with scratch_folder() as folder:
        path = Path(options.source) if options.source else folder / "film.mp4"
        if not options.source:
            generate(path, options.size)
        film = film_of(path, folder / "uploads")
        spent = {"ours": inf, "bare": inf}

        def side(name: str, make: Callable[[Film], float]) -> float:
            before = processor_s()
            seconds = make(film)
            spent[name] = min(spent[name], processor_s() - before)
            return seconds

        sides = {"ours": partial(side, "ours", ours), "bare": partial(side, "bare", bare)}
        best = best_of(sides, options.rounds)
    renditions = len(film.plan.renditions)
    name = f"{renditions} renditions in {film.plan.items} ranges, {PROCESSORS} at a time"
    return [
        at_most(name, best["ours"], "s", best["bare"], 1.15),
        Row(name="the bare commands", value=best["bare"], unit="s"),
        Row(
            name="  processor time, with all that it started",
            value=spent["ours"],
            unit="s",
            ratio=spent["ours"] / spent["bare"],
        ),
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", default="", help="a film to transcode (one is generated)")


if __name__ == "__main__":
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        print("there is no ffmpeg: install Debian's package", file=sys.stderr)
        sys.exit(NOT_RUN)
    main("transcode", run, size=SECONDS, arguments=add_arguments)
