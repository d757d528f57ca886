"""The DASH manifest (ISO/IEC 23009-1) of the same segments that HLS plays: a static MPD of one
period, each adaptation set with a template and the exact timeline of its segments."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as Xml

from processors.media.video.outside.hls import target_s
from processors.media.video.outside.tracks import Track

MANIFEST_PATH: Final = "manifest.mpd"
NAMESPACE: Final = "urn:mpeg:dash:schema:mpd:2011"
PROFILE: Final = "urn:mpeg:dash:profile:isoff-live:2011"
CHANNELS_SCHEME: Final = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"


def manifest(tracks: Sequence[Track], rate_num: int, rate_den: int) -> str:
    target = target_s(tracks)
    videos = [track for track in tracks if not track.is_audio]
    lasts_us = videos[0].ticks * 1_000_000 // videos[0].timescale
    mpd = Xml.Element(
        "MPD",
        xmlns=NAMESPACE,
        profiles=PROFILE,
        type="static",
        mediaPresentationDuration=f"PT{lasts_us // 1_000_000}.{lasts_us % 1_000_000:06}S",
        minBufferTime=f"PT{target}S",
    )
    period = Xml.SubElement(mpd, "Period", id="0", start="PT0S")
    for number, kind in enumerate((videos, [track for track in tracks if track.is_audio])):
        if not kind:
            continue
        adaptation = Xml.SubElement(
            period,
            "AdaptationSet",
            id=str(number),
            contentType="audio" if kind[0].is_audio else "video",
            mimeType="audio/mp4" if kind[0].is_audio else "video/mp4",
            segmentAlignment="true",
            startWithSAP="1",
        )
        _add_template(adaptation, kind[0])
        for track in kind:
            _add_representation(adaptation, track, target, f"{rate_num}/{rate_den}")
    Xml.indent(mpd)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(mpd, "unicode") + "\n"


def _add_template(adaptation: Xml.Element, track: Track) -> None:
    template = Xml.SubElement(
        adaptation,
        "SegmentTemplate",
        timescale=str(track.timescale),
        startNumber="1",
        initialization="$RepresentationID$/init.mp4",
        media="$RepresentationID$/segment-$Number%05d$.m4s",
    )
    timeline = Xml.SubElement(template, "SegmentTimeline")
    now = 0
    for ticks, same in groupby(segment.ticks for segment in track.segments):
        count = len(list(same))
        Xml.SubElement(timeline, "S", t=str(now), d=str(ticks), r=str(count - 1))
        now += ticks * count


def _add_representation(adaptation: Xml.Element, track: Track, target: int, rate: str) -> None:
    representation = Xml.SubElement(
        adaptation,
        "Representation",
        id=track.rendition,
        codecs=track.codecs,
        bandwidth=str(track.peak_bits_per_s(target)),
    )
    if track.is_audio:
        representation.set("audioSamplingRate", str(track.timescale))
        Xml.SubElement(
            representation,
            "AudioChannelConfiguration",
            schemeIdUri=CHANNELS_SCHEME,
            value=str(track.channels),
        )
    else:
        representation.set("width", str(track.width))
        representation.set("height", str(track.height))
        representation.set("frameRate", rate)
        representation.set("sar", "1:1")
