"""The DASH manifest: what ISO/IEC 23009-1 asks of it, and that it names the very segments of HLS.

That ffmpeg plays it whole is in `test_playback.py`.
"""

import re
from fractions import Fraction
from itertools import accumulate
from xml.etree import ElementTree as Xml

from processors.media.video.outside.boxes import read_init
from processors.media.video.outside.dash import NAMESPACE
from tests.processors.media.video.pipeline import Finished, needs_ffmpeg

pytestmark = needs_ffmpeg
IN = {"mpd": NAMESPACE}


def manifest(finished: Finished) -> Xml.Element:
    return Xml.parse(finished.folder / "manifest.mpd").getroot()


def test_a_static_manifest_says_how_long_it_lasts(finished: Finished) -> None:
    mpd = manifest(finished)
    assert (mpd.tag, mpd.get("type")) == (f"{{{NAMESPACE}}}MPD", "static")
    for needed in ("profiles", "minBufferTime", "mediaPresentationDuration"):
        assert mpd.get(needed), f"MPD@{needed} is missing (5.3.1.2)"
    assert len(mpd.findall("mpd:Period", IN)) == 1


def test_each_timeline_is_that_of_the_segments(finished: Finished) -> None:
    for adaptation in manifest(finished).iterfind("mpd:Period/mpd:AdaptationSet", IN):
        template = adaptation.find("mpd:SegmentTemplate", IN)
        assert template is not None
        timescale = int(template.get("timescale", "0"))
        runs = [
            (int(run.get("t", "-1")), int(run.get("d", "0")), int(run.get("r", "0")) + 1)
            for run in template.iterfind("mpd:SegmentTimeline/mpd:S", IN)
        ]
        ends = list(accumulate(ticks * count for _, ticks, count in runs))
        assert [begins for begins, _, _ in runs] == [0, *ends[:-1]]
        durations = [Fraction(d, timescale) for _, d, count in runs for _ in range(count)]
        for representation in adaptation.iterfind("mpd:Representation", IN):
            name = representation.get("id", "")
            playlist = (finished.folder / name / "media.m3u8").read_text()
            listed = re.findall(r"#EXTINF:([\d.]+),", playlist)
            assert all(
                abs(Fraction(said) - true) <= Fraction(1, 1_000_000)
                for said, true in zip(listed, durations, strict=True)
            )
            media = template.get("media", "").replace("$RepresentationID$", name)
            for number in range(1, len(durations) + 1):
                path = media.replace("$Number%05d$", f"{number:05}")
                assert (finished.folder / path).is_file()


def test_representations_say_what_they_are(finished: Finished) -> None:
    seen = []
    for representation in manifest(finished).iterfind(".//mpd:Representation", IN):
        name = representation.get("id", "")
        init = read_init((finished.folder / name / "init.mp4").read_bytes())
        assert representation.get("codecs") == init.codecs
        assert int(representation.get("bandwidth", "0")) > 0
        if name == "audio":
            assert representation.get("audioSamplingRate") == str(init.timescale)
        else:
            size = int(representation.get("width", "0")), int(representation.get("height", "0"))
            assert size == (init.width, init.height)
        seen.append(name)
    assert sorted(seen) == sorted([*finished.renditions, "audio"])
