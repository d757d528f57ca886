"""One range of one rendition by ffmpeg: what an effect's attempt is, whole or not at all.

    source ─► ffmpeg ─► pipe ─► fragments ─► segments, each put as it comes ─► record

Video is counted in frames of the rendition's own constant rate, from the first frame of the source
on, whatever range it is: so ranges that different workers make fit together to the frame. Each
range begins with an IDR frame, and so does each GOP in it; x264 is told to write headers that go
together (`stitchable`).
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from processors.core.effect import Refused
from processors.media.video.outside.boxes import (
    Fragment,
    Init,
    Sample,
    fragments,
    made,
)
from processors.media.video.outside.programs import running
from processors.media.video.outside.records import Gop, Record, Segment, encode
from processors.media.video.outside.tools import Tools
from processors.media.video.terms import AudioRange, Blob, VideoRange

SEEKS_BEFORE_S: Final = (1, 20, None)
"""So long before a range's first frame a source is entered: at the key frame before that, where
it has an index. One that has none (a transport stream) is entered anywhere, and the next key frame
may come too late: then earlier, and at last from the beginning."""
CRF: Final = 23
AUDIO_RATE: Final = 48_000
AUDIO_BITS_PER_S: Final = 128_000
CHANNELS: Final = 2
PLAIN: Final = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-fflags", "+bitexact")
"""Nothing of the source's metadata, and of ffmpeg's version nothing either: the same bytes from
every worker."""


class _EnteredTooLate(Exception):
    """The source was entered after the range's first frame."""


def video_command(
    tools: Tools, work: VideoRange, path: Path, before_s: int | None = SEEKS_BEFORE_S[0]
) -> list[str]:
    """No B frames: what is decoded is shown, at the same time in every player."""
    rate = f"{work.rate_num}/{work.rate_den}"
    first = work.first_frame
    end = "" if work.is_last else f":end_pts={first + work.frames}"
    seek: list[str] = []
    if before_s is not None:
        seek_us = first * work.rate_den * 1_000_000 // work.rate_num - before_s * 1_000_000
        seek = ["-noaccurate_seek", "-ss", f"{seek_us}us"] if seek_us > 0 else []
    rendition = work.rendition
    size = f"{rendition.width}:{rendition.height}"
    bits = rendition.bits_per_s_max
    gop = f"keyint={work.gop_frames}:min-keyint={work.gop_frames}:scenecut=0:open-gop=0"
    return [
        tools.ffmpeg, "-v", "error", "-nostdin", "-copyts", *seek,
        "-threads", tools.threads, "-i", str(path), "-map", "0:v:0", "-an", *PLAIN,
        "-filter_threads", tools.threads,
        "-vf", f"setpts=PTS-({work.first_pts}),fps={rate},trim=start_pts={first}{end},"
        f"setpts=PTS-{first},scale={size},setsar=1,format=yuv420p",
        "-c:v", "libx264", "-preset", tools.preset, "-profile:v", "high",
        "-threads", tools.threads, "-crf", str(CRF), "-maxrate", str(bits),
        "-bufsize", str(2 * bits), "-x264-params", f"{gop}:stitchable=1", "-flags:v", "+bitexact",
        "-bf", "0", "-movflags", "cmaf+frag_keyframe+frag_discont+skip_trailer",
        "-f", "mp4", "pipe:1",
    ]  # fmt: skip


def audio_command(tools: Tools, work: AudioRange, path: Path) -> list[str]:
    """`delay_moov` writes the encoder's priming into the init segment's edit list."""
    return [
        tools.ffmpeg, "-v", "error", "-nostdin", "-copyts", "-i", str(path),
        "-map", "0:a:0", "-vn", *PLAIN,
        "-af", f"asetpts=PTS-({work.first_us})/(1000000*TB),"
        f"aresample={AUDIO_RATE}:async=1:first_pts=0,apad=whole_dur={work.duration_us}us,"
        f"atrim=end={work.duration_us}us",
        "-c:a", "aac", "-b:a", str(AUDIO_BITS_PER_S), "-ac", str(CHANNELS),
        "-flags:a", "+bitexact", "-avoid_negative_ts", "disabled", "-frag_duration", "1000000",
        "-movflags", "empty_moov+delay_moov+default_base_moof+skip_trailer",
        "-f", "mp4", "pipe:1",
    ]  # fmt: skip


async def transcode(
    tools: Tools, work: VideoRange | AudioRange, path: Path
) -> tuple[Record, Blob]:
    """The record, and where it lies. Errors: Refused where the source does not give what it
    promised, ProgramFailed, those of the blob store."""
    if isinstance(work, VideoRange):
        record = await _transcode_video(tools, work, path)
    else:
        record = await _transcode_audio(tools, work, path)
    return record, await tools.put([encode(record)])


async def _transcode_video(tools: Tools, work: VideoRange, path: Path) -> Record:
    for before_s in SEEKS_BEFORE_S:
        try:
            return await _transcode_from(tools, work, path, before_s)
        except _EnteredTooLate:
            continue
    raise Refused(f"the source gives no frame {work.first_frame}: it begins later than it says")


async def _transcode_from(
    tools: Tools, work: VideoRange, path: Path, before_s: int | None
) -> Record:
    init: Init | None = None
    segments: list[Segment] = []
    group: list[Fragment] = []
    frames = 0
    async with running(*video_command(tools, work, path, before_s)) as stream:
        async for part in fragments(stream):
            if isinstance(part, Init):
                init = part
                continue
            if not frames and part.decode_time:
                raise _EnteredTooLate
            later = (
                work.first_frame * init.timescale * work.rate_den // work.rate_num if init else 0
            )
            group.append(part._replace(decode_time=part.decode_time + later))
            frames += len(part.samples)
            if len(group) == work.segment_gops:
                segments.append(await _put_segment(tools, work, len(segments), group))
                group = []
    if group:
        segments.append(await _put_segment(tools, work, len(segments), group))
    if not frames and work.first_frame and before_s is not None:
        raise _EnteredTooLate
    # How long it lasts is told in the file, and may be a little more than there is.
    missing_max = -(-work.rate_num // work.rate_den) if work.is_last else 0
    if frames < work.frames - missing_max:
        raise Refused(
            f"the source gives {frames} of the {work.frames} frames from frame {work.first_frame} "
            f"on, as {work.rendition.name}: it is cut short, or does not decode there"
        )
    return await _record(tools, init, segments)


async def _put_segment(
    tools: Tools, work: VideoRange, segment: int, group: list[Fragment]
) -> Segment:
    """Each GOP as two fragments: its IDR frame, which the I-frame playlist names, and the rest."""
    first_gop = work.first_frame // work.gop_frames + segment * work.segment_gops
    written, gops, offset = [], [], 0
    for number, gop in enumerate(group, first_gop):
        parts = [part.written(2 * number + at) for at, part in enumerate(gop.split(), 1)]
        gops.append(Gop(offset, len(parts[0]), gop.ticks))
        offset += sum(map(len, parts))
        written += parts
    return Segment(await tools.put(written), sum(gop.ticks for gop in group), tuple(gops))


async def _transcode_audio(tools: Tools, work: AudioRange, path: Path) -> Record:
    init: Init | None = None
    segments: list[Segment] = []
    async with running(*audio_command(tools, work, path)) as stream:
        async for part in _audio_segments(fragments(stream), work.segment_us):
            if isinstance(part, Init):
                init = part
                continue
            priming = init.priming_ticks if init and not segments else 0
            data = part.written(len(segments) + 1)
            segments.append(Segment(await tools.put([data]), part.ticks - priming))
    return await _record(tools, init, segments)


async def _audio_segments(
    parts: AsyncIterator[Init | Fragment], segment_us: int
) -> AsyncIterator[Init | Fragment]:
    """The same samples, cut anew: a segment begins with the first sample at or after the time that
    the video's does, so that the two never drift apart."""
    samples: list[Sample] = []
    data: list[bytes] = []
    number, begins, now, timescale = 1, 0, 0, 1
    async for part in parts:
        if isinstance(part, Init):
            timescale, now = part.timescale, -part.priming_ticks
            yield part
            continue
        at = 0
        for sample in part.samples:
            if now * 1_000_000 >= number * segment_us * timescale:
                yield made(samples, b"".join(data), begins)
                begins += sum(each.ticks for each in samples)
                samples, data, number = [], [], number + 1
            samples.append(sample)
            data.append(part.data[at : at + sample.size])
            at += sample.size
            now += sample.ticks
    if samples:
        yield made(samples, b"".join(data), begins)


async def _record(tools: Tools, init: Init | None, segments: list[Segment]) -> Record:
    if init is None or not segments:
        return Record()
    return Record(
        init=await tools.put([init.data]),
        codecs=init.codecs,
        timescale=init.timescale,
        width=init.width,
        height=init.height,
        channels=init.channels,
        segments=tuple(segments),
    )
