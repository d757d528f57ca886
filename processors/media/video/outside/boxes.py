"""Fragmented MP4, as far as it is needed: boxes off a pipe, what an init segment says, fragments
read, taken apart, and made (ISO/IEC 14496-12; the codecs' strings by RFC 6381).

    ftyp moov                what there is: the init segment
    moof mdat  moof mdat ... fragments of samples: a GOP of video each, or a second of audio
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf")
ENTRIES_AT = {b"stsd": 8, b"avc1": 78, b"mp4a": 28}
"""Where boxes stand within these, after the header."""

DATA_OFFSET, FIRST_FLAGS, DURATION, SIZE = 0x1, 0x4, 0x100, 0x200
"""Flags of a trun box: what it tells of its samples."""
ENTRY_FIELDS = (DURATION, SIZE, 0x400, 0x800)
INDEPENDENT = struct.pack(">III", 0x020020, 1, 0x02000000)
"""A tfhd box's contents: places are from the moof on, of track 1, whose samples are all sync."""


class BadMedia(Exception):
    """Not the boxes that were expected of ffmpeg."""


class Box(NamedTuple):
    kind: bytes
    start: int
    """Of the contents, within what was searched."""
    end: int


class Sample(NamedTuple):
    ticks: int
    size: int


class Fragment(NamedTuple):
    """A moof and its mdat, of one track, taken apart. `written` puts it together."""

    header: bytes
    """The contents of its tfhd box."""
    decode_time: int
    run_flags: int
    """Of its trun box, with the version in front."""
    first_flags: bytes
    """Of its first sample, where they differ from the others'."""
    entries: bytes
    samples: tuple[Sample, ...]
    data: bytes
    """Of the samples."""

    @property
    def ticks(self) -> int:
        return sum(sample.ticks for sample in self.samples)

    def written(self, number: int) -> bytes:
        """As the `number`th of a whole."""
        run = struct.pack(">IIi", self.run_flags, len(self.samples), 0)
        run += self.first_flags + self.entries
        size = 8 + 16 + 8 + (8 + len(self.header)) + 20 + (8 + len(run))
        traf = (
            _box(b"tfhd", self.header)
            + _box(b"tfdt", struct.pack(">IQ", 1 << 24, self.decode_time))
            + _box(b"trun", run[:8] + struct.pack(">i", size + 8) + run[12:])
        )
        moof = _box(b"moof", _box(b"mfhd", struct.pack(">II", 0, number)) + _box(b"traf", traf))
        return moof + _box(b"mdat", self.data)

    def split(self) -> "list[Fragment]":
        """The first sample by itself, and the others, if any."""
        head, tail = self.samples[:1], self.samples[1:]
        entry = len(self.entries) // len(self.samples)
        first = self._replace(
            samples=head, entries=self.entries[:entry], data=self.data[: head[0].size]
        )
        others = self._replace(
            decode_time=self.decode_time + head[0].ticks,
            run_flags=self.run_flags & ~FIRST_FLAGS,
            first_flags=b"",
            samples=tail,
            entries=self.entries[entry:],
            data=self.data[head[0].size :],
        )
        return [first, others] if tail else [first]


class Init(NamedTuple):
    """What an init segment says of its one track."""

    data: bytes
    timescale: int
    """Ticks a second."""
    codecs: str
    width: int
    height: int
    channels: int
    priming_ticks: int
    """What is decoded first and not presented: an encoder of audio has to begin somewhere."""


async def fragments(
    stream: asyncio.StreamReader,
) -> AsyncIterator[Init | Fragment]:
    """The init segment, then each fragment as it comes. A stream that breaks off just ends: the
    program that wrote it says why."""
    before = b""
    while True:
        try:
            head = await stream.readexactly(8)
            size, kind = struct.unpack(">I4s", head)
            box = head + await stream.readexactly(size - 8)
        except asyncio.IncompleteReadError:
            return
        if kind == b"moov":
            yield read_init(before + box)
        elif kind == b"mdat":
            yield read_fragment(before + box)
        before = box if kind in (b"ftyp", b"moof") else b""


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Every box between, and those within containers, in order."""
    at, end = start, len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            raise BadMedia(f"a box {kind!r} of {size} bytes, where {end - at} are left")
        yield Box(kind, at + 8, at + size)
        if kind in CONTAINERS:
            yield from boxes(data, at + 8, at + size)
        elif kind in ENTRIES_AT:
            yield from boxes(data, at + 8 + ENTRIES_AT[kind], at + size)
        at += size


def read_init(data: bytes) -> Init:
    found = {box.kind: box for box in boxes(data)}
    mdhd, elst = found[b"mdhd"].start, found.get(b"elst")
    timescale_at = 20 if data[mdhd] else 12
    priming = 0
    if elst is not None:
        entry = elst.start + 8
        times = struct.unpack_from(">Qq" if data[elst.start] else ">Ii", data, entry)
        priming = times[1]
    width = height = channels = 0
    if b"avcC" in found:
        width, height = struct.unpack_from(">HH", data, found[b"avc1"].start + 24)
        profile, constraints, level = data[found[b"avcC"].start + 1 : found[b"avcC"].start + 4]
        codecs = f"avc1.{profile:02x}{constraints:02x}{level:02x}"
    else:
        channels = struct.unpack_from(">H", data, found[b"mp4a"].start + 16)[0]
        codecs = f"mp4a.40.{_audio_object_type(data, found[b'esds'])}"
    timescale = struct.unpack_from(">I", data, mdhd + timescale_at)[0]
    return Init(data, timescale, codecs, width, height, channels, priming)


def _audio_object_type(data: bytes, esds: Box) -> int:
    """Of the decoder's specific info (ISO/IEC 14496-1, 7.2.6; 14496-3, 1.6.2.1)."""
    at, end = esds.start + 4, esds.end
    while at < end:
        tag = data[at]
        at += 1
        while data[at] & 0x80:  # a length, seven bits a byte
            at += 1
        at += 1
        if tag == 3:  # ES descriptor: its id and flags, then the next
            at += 3
        elif tag == 4:  # decoder config: 13 bytes, then the next
            at += 13
        elif tag == 5:
            return data[at] >> 3
        else:
            break
    raise BadMedia("the esds box holds no decoder specific info")


def read_fragment(data: bytes) -> Fragment:
    found = {box.kind: box for box in boxes(data)}
    if sum(box.kind == b"trun" for box in boxes(data)) != 1:
        raise BadMedia("a fragment of more than one run of samples")
    tfdt = found[b"tfdt"].start
    decode_time = struct.unpack_from(">Q" if data[tfdt] else ">I", data, tfdt + 4)[0]
    header = data[found[b"tfhd"].start : found[b"tfhd"].end]
    ticks, size = _defaults_of(header)
    run = data[found[b"trun"].start : found[b"trun"].end]
    flags, count, data_at = struct.unpack_from(">IIi", run)
    if not flags & DATA_OFFSET:
        raise BadMedia("a run of samples that does not say where they are")
    entries_at = 16 if flags & FIRST_FLAGS else 12
    fields = [flag for flag in ENTRY_FIELDS if flags & flag]
    samples = []
    for values in struct.iter_unpack(f">{len(fields)}I", run[entries_at:]) if fields else ():
        entry = dict(zip(fields, values, strict=True))
        samples.append(Sample(entry.get(DURATION, ticks), entry.get(SIZE, size)))
    return Fragment(
        header,
        decode_time,
        flags,
        run[12:entries_at],
        run[entries_at:],
        tuple(samples or [Sample(ticks, size)] * count),
        data[data_at : found[b"mdat"].end],
    )


def _defaults_of(header: bytes) -> tuple[int, int]:
    """Ticks and size of samples that do not say their own, by a tfhd box's contents."""
    flags = int.from_bytes(header[:4], "big")
    at, values = 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2), []
    for flag in (0x8, 0x10):
        values.append(int.from_bytes(header[at : at + 4], "big") if flags & flag else 0)
        at += 4 * bool(flags & flag)
    return values[0], values[1]


def made(samples: Sequence[Sample], data: bytes, decode_time: int) -> Fragment:
    """A fragment of samples that each can be decoded by itself, as audio's are."""
    entries = b"".join(struct.pack(">II", *sample) for sample in samples)
    flags = DATA_OFFSET | DURATION | SIZE
    return Fragment(INDEPENDENT, decode_time, flags, b"", entries, tuple(samples), data)


def _box(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(contents), kind) + contents
