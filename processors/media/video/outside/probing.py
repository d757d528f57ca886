"""What is in an uploaded file: ffprobe's answer, as the rules want it."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from processors.core.effect import Refused
from processors.media.video.outside.programs import output_of
from processors.media.video.outside.tools import Tools
from processors.media.video.terms import Source

QUIET = ("-v", "error", "-of", "json")


async def probe(tools: Tools, path: Path) -> Source:
    """Errors: Refused where it is no video, ProgramFailed."""
    answer = await output_of(tools.ffprobe, *QUIET, "-show_format", "-show_streams", str(path))
    told = msgspec.json.decode(answer)
    streams = told.get("streams", [])
    video = next((each for each in streams if _is_video(each)), None)
    if video is None:
        raise Refused("the file holds no video stream")
    rate = _fraction(video.get("avg_frame_rate")) or _fraction(video.get("r_frame_rate"))
    if not rate:
        raise Refused("the video stream tells no frame rate: is it a single picture?")
    first_us = _us(video.get("start_time"))
    width, height = _shown(video)
    return Source(
        width=width,
        height=height,
        rate_num=rate.numerator,
        rate_den=rate.denominator,
        duration_us=_duration_us(video, told) or await _last_us(tools, path) - first_us,
        first_pts=int(video.get("start_pts", 0)),
        first_us=first_us,
        has_audio=any(each.get("codec_type") == "audio" for each in streams),
    )


def _is_video(stream: dict[str, Any]) -> bool:
    """Of one that moves: the cover of a piece of music is a video stream too."""
    still = stream.get("disposition", {}).get("attached_pic", 0)
    return stream.get("codec_type") == "video" and not still


def _shown(video: dict[str, Any]) -> tuple[int, int]:
    """Width and height with square pixels, upright."""
    width, height = int(video.get("width", 0)), int(video.get("height", 0))
    aspect = _fraction(video.get("sample_aspect_ratio", "1:1").replace(":", "/")) or Fraction(1)
    width = round(width * aspect)
    turns = [side.get("rotation", 0) for side in video.get("side_data_list", [])]
    return (height, width) if any(int(turn) % 180 for turn in turns) else (width, height)


def _fraction(text: str | None) -> Fraction | None:
    """Of `24000/1001`; None for what says nothing (`0/0`)."""
    try:
        return Fraction(text or "0") or None
    except ZeroDivisionError:
        return None


def _us(seconds: str | None) -> int:
    return round(Fraction(seconds or 0) * 1_000_000)


def _duration_us(video: dict[str, Any], told: dict[str, Any]) -> int:
    """The video stream's, else the file's from its beginning on; 0 where neither is told."""
    if "duration" in video:
        return _us(video["duration"])
    whole = told.get("format", {})
    ends_us = _us(whole.get("start_time")) + _us(whole.get("duration"))
    return max(0, ends_us - _us(video.get("start_time"))) if "duration" in whole else 0


async def _last_us(tools: Tools, path: Path) -> int:
    """When the last frame ends, by a walk over all packets: what browsers record tells nothing."""
    packets = ("-select_streams", "v:0", "-show_entries", "packet=pts_time,duration_time")
    answer = msgspec.json.decode(await output_of(tools.ffprobe, *QUIET, *packets, str(path)))
    ends = [
        _us(packet.get("pts_time")) + _us(packet.get("duration_time"))
        for packet in answer.get("packets", [])
    ]
    return max(ends, default=0)
