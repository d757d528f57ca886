"""Thumbnails of a video, and its sprite: many small pictures in one, for the player's time line.

A WebVTT file says which part of the sprite shows which time (`sprite.jpg#xywh=160,90,160,90`).
"""

from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from processors.media.video.outside.programs import output_of
from processors.media.video.outside.tools import Tools
from processors.media.video.terms import Blob, File, Source

POSTERS_AT: Final = (10, 50, 90)
"""Percent of the video."""
POSTER_SIDE_MAX: Final = 720
"""Of the shorter side."""
TILE_SIDE: Final = 160
"""Of the longer side."""
TILES_MAX: Final = 100
COLUMNS: Final = 10
INTERVAL_MIN_US: Final = 2_000_000
JPEG: Final = ("-flags:v", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1",
               "-q:v", "4", "-f", "mjpeg", "pipe:1")  # fmt: skip


class Sprite(NamedTuple):
    """How the tiles lie."""

    interval_us: int
    tiles: int
    columns: int
    width: int
    height: int
    """Of a tile, in pixels."""


def sprite_of(source: Source) -> Sprite:
    interval_us = max(INTERVAL_MIN_US, -(-source.duration_us // TILES_MAX))
    tiles = max(1, (2 * source.duration_us + interval_us) // (2 * interval_us))
    size = scaled(source, TILE_SIDE, max(source.width, source.height))
    return Sprite(interval_us, tiles, min(COLUMNS, tiles), *size)


async def pictures(tools: Tools, source: Source, path: Path) -> tuple[Blob, tuple[File, ...]]:
    """Posters, sprite and its WebVTT, and first their listing. Errors: Refused, ProgramFailed,
    those of the blob store."""
    made = {
        name: await output_of(*command)
        for name, command in picture_commands(tools, source, path).items()
    }
    made["sprite.vtt"] = sprite_cues(sprite_of(source), source.duration_us).encode()
    files = []
    for name, data in made.items():
        blob = await tools.put([data])
        files.append(File(name, blob.digest, blob.size))
    return await tools.put_listing(tuple(files)), tuple(files)


def picture_commands(tools: Tools, source: Source, path: Path) -> dict[str, list[str]]:
    """Each writes one JPEG."""
    short_side = min(source.width, source.height)
    width, height = scaled(source, min(POSTER_SIDE_MAX, short_side), short_side)
    made = {}
    for number, percent in enumerate(POSTERS_AT, 1):
        seek = ["-ss", f"{source.duration_us * percent // 100}us"]
        made[f"poster-{number}.jpg"] = _command(tools, path, seek, f"scale={width}:{height}")
    sprite = sprite_of(source)
    rows = -(-sprite.tiles // sprite.columns)
    tiles = (
        f"setpts=PTS-({source.first_pts}),fps=1000000/{sprite.interval_us},"
        f"scale={sprite.width}:{sprite.height},tile={sprite.columns}x{rows}"
    )
    return {**made, "sprite.jpg": _command(tools, path, [], tiles)}


def _command(tools: Tools, path: Path, seek: list[str], filters: str) -> list[str]:
    return [
        tools.ffmpeg, "-v", "error", "-nostdin", *seek,
        "-threads", tools.threads, "-i", str(path), "-map", "0:v:0",
        "-vf", f"{filters},setsar=1,format=yuvj420p", "-frames:v", "1", *JPEG,
    ]  # fmt: skip


def scaled(source: Source, side: int, of: int) -> tuple[int, int]:
    """Width and height, where `of` becomes `side`, and both are even."""
    width, height = (max(2, each * side // of // 2 * 2) for each in (source.width, source.height))
    return width, height


def sprite_cues(sprite: Sprite, duration_us: int) -> str:
    """WebVTT: which tile shows which time; the last one to the end."""
    width, height = sprite.width, sprite.height
    times_us = [*(sprite.interval_us * tile for tile in range(sprite.tiles)), duration_us]
    lines = ["WEBVTT", ""]
    for tile, (begins, ends) in enumerate(pairwise(times_us)):
        row, column = divmod(tile, sprite.columns)
        place = f"{column * width},{row * height},{width},{height}"
        lines += [f"{_clock(begins)} --> {_clock(ends)}", f"sprite.jpg#xywh={place}", ""]
    return "\n".join(lines)


def _clock(time_us: int) -> str:
    seconds, thousandths = divmod(time_us // 1000, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
