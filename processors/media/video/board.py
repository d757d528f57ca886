"""The videos of one partition as text: how far each is, and how many sessions saw it of late."""

from collections import Counter
from itertools import islice

from processors.media.video.state import Library, Video

LINES = 18
BAR = 20


def overview(state: Library) -> str:
    """The latest ones, on some twenty lines."""
    seen = Counter(video for video, _session in state.seen)
    latest = list(islice(reversed(state.videos.values()), LINES))
    lines = [f"{len(state.videos)} videos, {len(state.jobs)} ranges under way here"]
    for video in latest:
        what = f"{video.status.value}{', held' if video.is_held else ''}"
        lines.append(f"{video.video[:24]:24} {what:16} {_bar(video)} {seen[video.video]:6} seen")
    return "\n".join(lines)


def _bar(video: Video) -> str:
    encoding = video.encoding
    if encoding is None:
        return ("█" if video.served else "·") * BAR
    done = len(encoding.records) - encoding.awaited
    return ("▓" * (BAR * done // encoding.plan.items)).ljust(BAR, "·")
