"""How often videos are seen, in all and by day (UTC). That a session counts once is the rules' (a
window, of bounded memory): each `view_counted.v1` is one view."""

import msgspec

from processors.media.video.events import VideoTakenDown, ViewCounted
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

DAY_MS = 86_400_000


class VideoViews(msgspec.Struct, gc=False):
    video: str
    views: int = 0
    first_at_ms: int = 0
    last_at_ms: int = 0
    is_gone: bool = False
    """Taken down."""


class DayViews(msgspec.Struct, gc=False):
    day: int
    """Since 1970."""
    video: str
    views: int = 0


VIEWS = Table("views", VideoViews, key=("video",), indexes=(("is_gone", "views", "video"),))
DAY_VIEWS = Table(
    "day_views", DayViews, key=("day", "video"), indexes=(("day", "views", "video"),)
)


def fold(tables: Tables, events: Events) -> None:
    views, days = tables[VIEWS], tables[DAY_VIEWS]
    for event, at_ms in events:
        if type(event) is VideoTakenDown:
            seen = views.get(event.video)
            if seen is not None:
                seen.is_gone = True
                views.put(seen)
            continue
        seen = views.get(event.video) or VideoViews(event.video, first_at_ms=at_ms)
        seen.views += 1
        seen.last_at_ms = at_ms
        views.put(seen)
        key = at_ms // DAY_MS, event.video
        day = days.get(key) or DayViews(*key)
        day.views += 1
        days.put(day)


VIEW_COUNTS = Projection(
    name="view_counts",
    events=(ViewCounted, VideoTakenDown),
    tables=(VIEWS, DAY_VIEWS),
    fold=fold,
    rows_of="partition",
)
