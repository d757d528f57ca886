"""HLS playlists, version 7: fMP4 segments, audio as a group of its own, I-frame playlists.

RFC 8216 says what they mean, and Apple's "HLS Authoring Specification for Apple Devices" what is
to be in them. Bandwidths and codecs are those of the very bytes.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from processors.media.video.outside.tracks import Track, segment_path

VERSION: Final = 7
AUDIO_GROUP: Final = "audio"
MAIN_PATH: Final = "main.m3u8"


def target_s(tracks: Iterable[Track]) -> int:
    """The same for all media playlists (RFC 8216, 6.2.4)."""
    return max(track.longest_s for track in tracks)


def media_playlist(track: Track, target: int) -> str:
    lines = [*_head(track, target)]
    for number, segment in enumerate(track.segments):
        lines += [f"#EXTINF:{_seconds(segment.ticks, track.timescale)},"]
        lines += [_beside(track, segment_path(track.rendition, number))]
    return _text([*lines, "#EXT-X-ENDLIST"])


def intra_playlist(track: Track, target: int) -> str:
    """Each IDR frame, a fragment of its own, as a range of its segment's bytes."""
    lines = [*_head(track, target), "#EXT-X-I-FRAMES-ONLY"]
    for number, gop in track.gops():
        lines += [
            f"#EXTINF:{_seconds(gop.ticks, track.timescale)},",
            f"#EXT-X-BYTERANGE:{gop.idr_bytes}@{gop.offset}",
            _beside(track, segment_path(track.rendition, number)),
        ]
    return _text([*lines, "#EXT-X-ENDLIST"])


def multivariant_playlist(tracks: Sequence[Track], rate_num: int, rate_den: int) -> str:
    target = target_s(tracks)
    audio = next((track for track in tracks if track.is_audio), None)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if audio is not None:
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{AUDIO_GROUP}",NAME="Audio",DEFAULT=YES,'
            f'AUTOSELECT=YES,CHANNELS="{audio.channels}",URI="{audio.playlist_path}"'
        )
    videos = [track for track in tracks if not track.is_audio]
    for track in videos:
        with_audio = [track, *([audio] if audio else [])]
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={sum(t.peak_bits_per_s(target) for t in with_audio)},"
            f"AVERAGE-BANDWIDTH={sum(t.average_bits_per_s for t in with_audio)},"
            f'CODECS="{",".join(t.codecs for t in with_audio)}",'
            f"RESOLUTION={track.width}x{track.height},"
            f"FRAME-RATE={_thousandths(rate_num * 1000, rate_den)},VIDEO-RANGE=SDR,"
            + (f'AUDIO="{AUDIO_GROUP}",' if audio else "")
            + "CLOSED-CAPTIONS=NONE",
            track.playlist_path,
        ]
    for track in videos:
        peak, average = track.intra_bits_per_s(target)
        lines.append(
            f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},"
            f'CODECS="{track.codecs}",RESOLUTION={track.width}x{track.height},VIDEO-RANGE=SDR,'
            f'URI="{track.intra_playlist_path}"'
        )
    return _text(lines)


def _head(track: Track, target: int) -> list[str]:
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:1",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{_beside(track, track.init_path)}"',
    ]


def _beside(track: Track, path: str) -> str:
    """As the playlist in the same folder names it."""
    return path.removeprefix(f"{track.rendition}/")


def _seconds(ticks: int, timescale: int) -> str:
    microseconds = (2 * ticks * 1_000_000 + timescale) // (2 * timescale)
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"


def _thousandths(dividend: int, divisor: int) -> str:
    rounded = (2 * dividend + divisor) // (2 * divisor)
    return f"{rounded // 1000}.{rounded % 1000:03}"


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
