"""The state on one partition: videos, the jobs whose key falls here, and who saw what of late.

A video keeps little once it is published: facts of its source, and which encoding is served. What
each segment's bytes are stands on the log and in the read models, not here.
"""

from collections import OrderedDict
from collections.abc import Iterator
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Final

import msgspec

from processors.media.video.ladder import Plan
from processors.media.video.terms import Ladder, Source

SEEN_WINDOW_MS: Final = 86_400_000
"""A session that sees a video again within so long is not counted again."""
SEEN_MAX: Final = 100_000
"""So many (video, session) are remembered on a partition, the latest: some 30 MB. Where more come
within the window, the oldest of them may count again."""


class Status(Enum):
    PROBING = "probing"
    ENCODING = "encoding"
    READY = "ready"
    """Encoded; its pictures are not made yet, or it is held."""
    PUBLISHED = "published"
    FAILED = "failed"
    TAKEN_DOWN = "taken_down"


class Encoding(msgspec.Struct):
    """The encoding that is on its way. Items are numbered by its plan."""

    number: int
    plan: Plan
    records: list[str] = msgspec.field(default_factory=list)
    """Of each item that was asked for; empty: it is awaited."""
    awaited: int = 0
    """How many are."""
    is_packaging: bool = False

    def awaits(self, item: int) -> bool:
        return item < len(self.records) and not self.records[item]


class Retirement(msgspec.Struct, array_like=True):
    due_ms: int
    encoding: int
    listing: str


class Video(msgspec.Struct, tag="video", omit_defaults=True):
    video: str
    source: str
    ladder: Ladder | None
    """Until it is planned by."""
    status: Status = Status.PROBING
    facts: Source | None = None
    is_held: bool = False
    awaits_pictures: bool = False
    served: int = 0
    """The encoding that players get; 0: none."""
    latest: int = 0
    """The number of the last encoding begun."""
    encoding: Encoding | None = None
    listing: str = ""
    """Of the encoding that is served; the digest of a blob."""
    pictures: str = ""
    """The listing of the pictures; empty: there are none."""
    retiring: list[Retirement] = msgspec.field(default_factory=list)
    """Encodings that were served."""
    dropped: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """Encodings and parts whose blobs are being looked up, to be released."""

    @property
    def is_visible(self) -> bool:
        return self.status is Status.PUBLISHED and not self.is_held

    def retirement_of(self, encoding: int) -> Retirement | None:
        return next((each for each in self.retiring if each.encoding == encoding), None)


class Job(msgspec.Struct, tag="job"):
    """A range that is to be transcoded."""

    job: str
    video: str
    encoding: int
    item: int


class Seen(msgspec.Struct, tag="seen", gc=False):
    video: str
    session: str
    at_ms: int


StateRow = Video | Job | Seen


class Library:
    """`retirements` is a heap of (when, video, encoding); what was taken down leaves it when it
    comes up. `seen` is in the order of time, and loses its first, which only an OrderedDict
    does without a walk."""

    __slots__ = ("jobs", "retirements", "seen", "videos")

    def __init__(self) -> None:
        self.videos: dict[str, Video] = {}
        self.jobs: dict[str, Job] = {}
        self.seen: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.retirements: list[tuple[int, str, int]] = []

    def retire_later(self, video: Video, retirement: Retirement) -> None:
        video.retiring.append(retirement)
        heappush(self.retirements, (retirement.due_ms, video.video, retirement.encoding))

    def drop_past_retirements(self) -> None:
        """Those at the top that no video has any more."""
        heap = self.retirements
        while heap and self.videos[heap[0][1]].retirement_of(heap[0][2]) is None:
            heappop(heap)

    def see(self, video: str, session: str, at_ms: int) -> None:
        """Remember it, and forget what is past the window, or too much."""
        seen = self.seen
        seen.pop((video, session), None)
        seen[video, session] = at_ms
        while len(seen) > SEEN_MAX or next(iter(seen.values())) <= at_ms - SEEN_WINDOW_MS:
            seen.popitem(last=False)


def to_rows(state: Library) -> Iterator[StateRow]:
    for name in sorted(state.videos):
        yield state.videos[name]
    for name in sorted(state.jobs):
        yield state.jobs[name]
    for (video, session), at_ms in state.seen.items():
        yield Seen(video, session, at_ms)


def from_rows(rows: Iterator[StateRow]) -> Library:
    state = Library()
    for row in rows:
        if isinstance(row, Video):
            state.videos[row.video] = row
            for each in row.retiring:
                state.retirements.append((each.due_ms, row.video, each.encoding))
        elif isinstance(row, Job):
            state.jobs[row.job] = row
        else:
            state.seen[row.video, row.session] = row.at_ms
    heapify(state.retirements)
    return state
