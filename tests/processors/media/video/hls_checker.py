"""A small validator of HLS presentations on demand, by the rules that their authors must keep.

`check` gives a sentence for each rule broken, beginning with the rule's name. Cited are RFC 8216
("HTTP Live Streaming") by section, and Apple's "HLS Authoring Specification for Apple Devices" by
the title of the section ("Authoring").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from processors.media.video.outside.boxes import BadMedia, boxes, read_init

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
H264 = re.compile(r"avc1\.(42|4d|58|64)[0-9a-f]{2}([0-9a-f]{2})")
LEVEL_MAX = 0x34


@dataclass
class Piece:
    """A media segment, or a part of one."""

    duration: Fraction
    path: Path
    at: int = 0
    size: int = 0


@dataclass
class Media:
    """A media playlist."""

    path: Path
    lines: list[str]
    tags: dict[str, str] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)

    @property
    def map_path(self) -> Path:
        return self.path.parent / attributes(self.tags["EXT-X-MAP"])["URI"]

    @property
    def target(self) -> int:
        return int(self.tags.get("EXT-X-TARGETDURATION", 0))


def attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in ATTRIBUTE.findall(text)}


def read_media(path: Path) -> Media:
    media = Media(path, path.read_text().splitlines())
    duration, place = Fraction(0), ""
    for line in media.lines:
        name, _, value = line.removeprefix("#").partition(":")
        if name == "EXTINF":
            duration = Fraction(value.rstrip(","))
        elif name == "EXT-X-BYTERANGE":
            place = value
        elif line.startswith("#"):
            media.tags[name] = value
        elif line:
            piece = Piece(duration, path.parent / line)
            piece.size = piece.path.stat().st_size if piece.path.exists() else 0
            if place:
                size, _, at = place.partition("@")
                piece.at, piece.size, place = int(at), int(size), ""
            media.pieces.append(piece)
    return media


def check(folder: Path) -> list[str]:
    """All that is wrong with the presentation whose multivariant playlist is `main.m3u8`."""
    main = folder / "main.m3u8"
    lines = main.read_text().splitlines()
    return [*_check_main(folder, lines), *_check_all_media(folder, lines)]


def _streams(lines: list[str], tag: str) -> list[tuple[dict[str, str], str]]:
    """The attributes of each such tag, and the line after it."""
    return [
        (attributes(line.partition(":")[2]), after)
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith(f"#{tag}:")
    ]


def _check_main(folder: Path, lines: list[str]) -> Iterator[str]:
    if lines[:1] != ["#EXTM3U"]:
        yield "header: the first line is #EXTM3U (RFC 8216, 4.3.1.1)"
    variants, groups = _streams(lines, "EXT-X-STREAM-INF"), _streams(lines, "EXT-X-MEDIA")
    intra = _streams(lines, "EXT-X-I-FRAME-STREAM-INF")
    for stream, uri in variants:
        for name in ("BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE"):
            if name not in stream:
                yield f"attributes: {uri} has no {name} (RFC 8216, 4.3.4.2; Authoring)"
        if "CLOSED-CAPTIONS" not in stream:
            yield f"captions: {uri} says nothing of closed captions (Authoring)"
        named = [each["GROUP-ID"] for each, _ in groups if each["TYPE"] == "AUDIO"]
        if "AUDIO" in stream and stream["AUDIO"] not in named:
            yield f"group: {uri} names a group that is not there (RFC 8216, 4.3.4.2)"
    resolutions = {stream.get("RESOLUTION") for stream, _ in variants}
    if not resolutions <= {stream.get("RESOLUTION") for stream, _ in intra}:
        yield "trick play: each video has an I-frame playlist (Authoring, Trick play)"
    for group in {each["GROUP-ID"] for each, _ in groups}:
        members = [each for each, _ in groups if each["GROUP-ID"] == group]
        names = [each["NAME"] for each in members]
        defaults = [each for each in members if each.get("DEFAULT") == "YES"]
        if len(set(names)) < len(names) or len(defaults) > 1:
            yield f"group: {group} has two of a name, or two defaults (RFC 8216, 4.3.4.1.1)"
    if "#EXT-X-INDEPENDENT-SEGMENTS" not in lines:
        yield "independent: segments that begin with an IDR frame are said to (RFC 8216, 4.3.5.1)"


def _check_all_media(folder: Path, lines: list[str]) -> Iterator[str]:
    audio = [read_media(folder / stream["URI"]) for stream, _ in _streams(lines, "EXT-X-MEDIA")]
    videos = []
    for stream, uri in _streams(lines, "EXT-X-STREAM-INF"):
        media = read_media(folder / uri)
        videos.append(media)
        yield from _check_stream(stream, media, audio)
    for media in (*videos, *audio):
        yield from _check_media(media)
    for media in videos:
        yield from _check_begins_with_idr(media)
        if [piece.duration for piece in media.pieces] != [
            piece.duration for piece in videos[0].pieces
        ]:
            yield f"alignment: {media.path.parent.name} is cut otherwise (RFC 8216, 6.2.4)"
    if len({media.target for media in (*videos, *audio)}) > 1:
        yield "target: one target duration for all (RFC 8216, 6.2.4)"
    for stream, _ in _streams(lines, "EXT-X-I-FRAME-STREAM-INF"):
        yield from _check_intra(stream, read_media(folder / stream["URI"]))


def _check_stream(stream: dict[str, str], media: Media, audio: list[Media]) -> Iterator[str]:
    name = media.path.parent.name
    inits = [read_init(each.map_path.read_bytes()) for each in (media, *audio)]
    if stream.get("CODECS", "").split(",") != [init.codecs for init in inits]:
        yield f"codecs: {name} is {[init.codecs for init in inits]} (RFC 6381; RFC 8216, 4.3.4.2)"
    profile = H264.fullmatch(inits[0].codecs)
    if profile is None or int(profile.group(2), 16) > LEVEL_MAX:
        yield f"codecs: {name} is {inits[0].codecs} (Authoring, Video encoding)"
    if stream.get("RESOLUTION") != f"{inits[0].width}x{inits[0].height}":
        yield f"resolution: {name} is {inits[0].width}x{inits[0].height} (RFC 8216, 4.3.4.2)"
    peak = sum((_peak(each) for each in (media, *audio)), Fraction(0))
    average = sum((_average(each) for each in (media, *audio)), Fraction(0))
    for said, measured in (("BANDWIDTH", peak), ("AVERAGE-BANDWIDTH", average)):
        told = int(stream.get(said, 0))
        # On demand, within a tenth; and BANDWIDTH is an upper bound.
        if abs(told - measured) * 10 > measured or (said == "BANDWIDTH" and told < measured):
            yield (
                f"bandwidth: {said} of {name} is {told}, measured {float(measured):.0f} "
                "(RFC 8216, 4.3.4.2; Authoring, Bit rates)"
            )


def _average(media: Media) -> Fraction:
    lasts = sum((piece.duration for piece in media.pieces), Fraction(0))
    return Fraction(8 * sum(piece.size for piece in media.pieces)) / lasts


def _peak(media: Media) -> Fraction:
    """Over any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216, 4.1)."""
    rates = [Fraction(0)]
    for first in range(len(media.pieces)):
        for last in range(first, len(media.pieces)):
            run = media.pieces[first : last + 1]
            lasts = sum((piece.duration for piece in run), Fraction(0))
            if media.target <= 2 * lasts <= 3 * media.target:
                rates.append(Fraction(8 * sum(piece.size for piece in run)) / lasts)
    return max(rates)


def _check_media(media: Media) -> Iterator[str]:
    name = f"{media.path.parent.name}/{media.path.name}"
    if media.lines[0] != "#EXTM3U":
        yield f"header: {name} begins with #EXTM3U (RFC 8216, 4.3.1.1)"
    if int(media.tags.get("EXT-X-VERSION", 1)) < 6:
        yield f"version: EXT-X-MAP asks for version 6, {name} (RFC 8216, 7)"
    if "EXT-X-MAP" not in media.tags:
        yield f"map: {name} names no init segment (RFC 8216, 3.3)"
    if media.tags.get("EXT-X-PLAYLIST-TYPE") != "VOD" or "EXT-X-ENDLIST" not in media.tags:
        yield f"on demand: {name} is of type VOD, and has an end (RFC 8216, 4.3.3.4, 4.3.3.5)"
    for piece in media.pieces:
        if not piece.path.exists():
            yield f"segment: {piece.path.name} of {name} is missing"
        if round(piece.duration) > media.target:
            yield (
                f"target: {piece.path.name} of {name} lasts {float(piece.duration):.3f} s, more "
                f"than {media.target} s (RFC 8216, 4.3.3.1)"
            )


def _check_begins_with_idr(media: Media) -> Iterator[str]:
    """Authoring, Video encoding: segments begin with an IDR frame, and there is one each 2 s."""
    for piece in media.pieces:
        if piece.path.exists() and not begins_with_idr(piece.path.read_bytes()):
            yield f"IDR: {piece.path} does not begin with an IDR frame (RFC 8216, 4.3.5.1)"


def begins_with_idr(data: bytes) -> bool:
    """Whether the first picture is an IDR frame, a NAL unit of type 5 (ISO/IEC 14496-10, 7.4)."""
    try:
        found = {box.kind: box for box in boxes(data[: _first_fragment(data)])}
    except BadMedia:
        return False
    mdat = found.get(b"mdat")
    if mdat is None:
        return False
    at = mdat.start
    while at + 5 <= mdat.end:
        kind = data[at + 4] & 0x1F
        if kind in (1, 5):
            return kind == 5
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    return False


def _first_fragment(data: bytes) -> int:
    at = 0
    for _ in range(2):  # moof, mdat
        at += int.from_bytes(data[at : at + 4], "big")
    return at


def _check_intra(stream: dict[str, str], media: Media) -> Iterator[str]:
    name = media.path.parent.name
    if "EXT-X-I-FRAMES-ONLY" not in media.tags:
        yield f"trick play: {name} does not say that it holds I-frames only (RFC 8216, 4.3.3.6)"
    if abs(int(stream["BANDWIDTH"]) - _peak(media)) * 10 > _peak(media):
        yield f"bandwidth: the I-frames of {name} measure {_peak(media)} (Authoring, Bit rates)"
    for piece in media.pieces:
        whole = piece.path.read_bytes()
        part = whole[piece.at : piece.at + piece.size]
        if len(part) < piece.size or not begins_with_idr(part):
            yield f"IDR: {piece.at} of {piece.path} is no I-frame (RFC 8216, 4.3.3.6)"
        if piece.duration > Fraction(201, 100):
            yield f"IDR: {name} has none for {piece.duration} s (Authoring, Video encoding)"
